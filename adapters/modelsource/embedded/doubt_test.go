package embedded_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/doubt"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/vector"
	"github.com/guardy-ai/guardy/ports/predictortest"
)

// codes are those of the contract, what unit conversions make of them, and some that are measurements of other
// rivers.
var codes = []float64{
	-9999, -999, -999999, 999999, -888888, 9999.9, -28316.8, -8.88, -99999, -888, -304.4952, 253999.75, -99.9, 999, 999.9, 9999, 99.99, -88.8, 6999, 32767,
	-32768, 65535, 2147483647, 1e20, -3047.7, -283.14015, 28316.818, -35314631, -253.746, 655.35,
}

// place is one optional value of a request.
type place struct {
	pointer string
	v       *float64
}

// optional returns the optional values of a request. The history is one value a day.
func optional(r *risk.Request) []place {
	vs := []place{
		{"/river/value", &r.River.Value},
		{"/river/normal", &r.River.Normal},
		{"/river/flood_threshold", &r.River.FloodThreshold},
		{"/temperature", &r.Temperature},
		{"/humidity", &r.Humidity},
		{"/rainfall_7d_mean", &r.Rainfall7dMean},
		{"/rainfall_30d_mean", &r.Rainfall30dMean},
		{"/temperature_7d_mean", &r.Temperature7dMean},
		{"/temperature_30d_mean", &r.Temperature30dMean},
	}
	for i := range r.RainfallHistoryMM {
		vs = append(vs, place{"/rainfall_history_mm/" + strconv.Itoa(i), &r.RainfallHistoryMM[i]})
	}
	for i, v := range r.Site.Values() {
		vs = append(vs, place{"/site/" + vector.SiteNames[i], v})
	}
	return vs
}

// FuzzDoubtNeverLowersAnAnswer puts a code in the place of a value, or a river in another unit: the request is
// refused, or the value is not called doubtful, or the level is at least that without the value.
func FuzzDoubtNeverLowersAnAnswer(f *testing.F) {
	m := load(f)
	assess := func(r risk.Request) risk.Assessment {
		r.Canonicalize()
		var a risk.Assessment
		m.Assess(&r, &a)
		return a
	}
	for seed := range uint64(200) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 13))
		with := predictortest.Random(rng)
		if rng.IntN(2) == 0 { // the river of any unit
			scale := math.Exp(rng.Float64()*12 - 4)
			with.River.Value *= scale * []float64{1, 100, 1000, .01, .001, 3.28084, 35.3147, .0283168, -1}[rng.IntN(9)]
			with.River.Normal *= scale
			with.River.FloodThreshold *= scale
		}
		without := with
		without.RainfallHistoryMM = append([]float64(nil), with.RainfallHistoryMM...)
		i := rng.IntN(len(optional(&with)))
		if rng.IntN(3) == 0 {
			i = rng.IntN(3) // of the river
		}
		changed := optional(&with)[i]
		if rng.IntN(4) > 0 || i > 2 {
			*changed.v = codes[rng.IntN(len(codes))]
		}
		*optional(&without)[i].v = math.NaN()
		if with.Validate() != nil {
			return // refused
		}
		if without.Validate() != nil {
			t.Fatalf("without the value it is refused: %+v", without.Validate())
		}
		value := *changed.v
		a, b := assess(with), assess(without)
		isDoubtful := slices.ContainsFunc(a.Quality.Doubtful, func(d domain.Doubt) bool { return d.Pointer == changed.pointer })
		if isDoubtful && a.Level < b.Level {
			t.Errorf("%s = %g: %v with it, %v without: %+v", changed.pointer, value, a.Level, b.Level, a.Quality.Doubtful)
		}
		if doubt.IsCode(doubt.Rain, value) && strings.Contains(changed.pointer, "history") && !isDoubtful && len(a.Quality.Doubtful) < domain.MaxDoubts {
			t.Errorf("%s = %g is not called doubtful: %+v", changed.pointer, value, a.Quality.Doubtful)
		}
		if !(a.Lower <= a.Probability && a.Probability <= a.Upper) {
			t.Errorf("%v is not in [%v, %v]", a.Probability, a.Lower, a.Upper)
		}
	})
}
