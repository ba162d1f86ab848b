// Package predictortest is the acceptance test of the driving ports of the predictors: what every transport may
// rely on. The tables in the files …words.go provoke every word that an answer may have.
package predictortest

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// Predictor is what is tested. Its clock should stand still, since answers are compared.
type Predictor interface {
	ports.RiskAssessor
	ports.BatchAssessor
}

// SameAnswer compares answers by everything but where they come from.
var SameAnswer = cmp.Options{cmpopts.EquateNaNs(), cmpopts.IgnoreFields(risk.Assessment{}, "Provenance")}

// Random returns a valid question with any mixture of missing inputs.
func Random(rng *rand.Rand) risk.Request {
	r := risk.NewRequest()
	r.Latitude, r.Longitude = rng.Float64()*180-90, rng.Float64()*360-180
	rain := func() float64 { return math.Max(0, rng.ExpFloat64()*20-10) }
	r.RainfallMM = rain()
	r.Date = time.Date(2000, 1, 1+rng.IntN(5000), rng.IntN(24), 0, 0, 0, time.UTC)
	maybe := func(v *float64, value float64) {
		if rng.IntN(3) > 0 {
			*v = value
		}
	}
	maybe(&r.Temperature, rng.Float64()*50-15)
	maybe(&r.Humidity, rng.Float64()*100)
	maybe(&r.Rainfall7dMean, rain()/2)
	maybe(&r.Rainfall30dMean, rain()/4)
	maybe(&r.Temperature7dMean, rng.Float64()*40-10)
	maybe(&r.Temperature30dMean, rng.Float64()*40-10)
	if rng.IntN(2) == 0 {
		for range rng.IntN(91) {
			r.RainfallHistoryMM = append(r.RainfallHistoryMM, rain())
		}
	}
	if rng.IntN(8) == 0 {
		r.RainfallHistoryMM = nil
		for range 365 {
			r.RainfallHistoryMM = append(r.RainfallHistoryMM, rain())
			r.TemperatureHistory = append(r.TemperatureHistory, rng.Float64()*40-10)
		}
	}
	if rng.IntN(3) == 0 {
		r.RainfallForecastMM = []float64{rain(), rain()}
	}
	if rng.IntN(2) == 0 {
		r.River.Value, r.River.Normal, r.River.FloodThreshold = rng.Float64()*10, 1, 2+rng.Float64()*10
		for range rng.IntN(31) {
			r.RiverHistory = append(r.RiverHistory, rng.Float64()*10)
		}
	}
	if rng.IntN(2) == 0 {
		r.Site.AreaKM2, r.Site.PrecipitationMeanMMDay, r.Site.ElevationM = rng.Float64()*5000+1, rng.Float64()*6+.5, rng.Float64()*3000
		maybe(&r.Site.SnowFraction, rng.Float64())
		maybe(&r.Site.Aridity, rng.Float64()*4)
	}
	r.Explain = rng.IntN(2) == 0
	return r
}

// Clone copies a request with its sequences, which Assess rounds in place.
func Clone(r risk.Request) risk.Request {
	for _, series := range []*[]float64{&r.RainfallHistoryMM, &r.TemperatureHistory, &r.RainfallForecastMM, &r.RiverHistory} {
		*series = slices.Clone(*series)
	}
	return r
}

// Run holds a predictor with a loaded model to the contract.
func Run(t *testing.T, open func(t *testing.T) Predictor) {
	t.Helper()
	t.Run("answers keep their promises", func(t *testing.T) { promises(t, open(t)) })
	t.Run("more rain today or tomorrow never lowers the risk", func(t *testing.T) { monotone(t, open(t)) })
	t.Run("a batch equals its items one by one, in any order", func(t *testing.T) { batchEqualsSingles(t, open(t)) })
	t.Run("one bad item does not spoil the batch", func(t *testing.T) { badItem(t, open(t)) })
	t.Run("a question that is refused or given up has no answer", func(t *testing.T) { violations(t, open(t)) })
}

// Ask returns p's answer to a copy of r; a question that is not answered ends the test.
func Ask(t *testing.T, p ports.RiskAssessor, r risk.Request) risk.Assessment {
	t.Helper()
	r = Clone(r)
	a := risk.Assessment{Probability: 2, Explained: true} // what it held must not show
	if err := p.Assess(t.Context(), &r, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func promises(t *testing.T, p Predictor) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 2000 {
		r := Random(rng)
		a := Ask(t, p, r)
		if !(0 <= a.Lower && a.Lower <= a.Probability && a.Probability <= a.Upper && a.Upper <= 1) {
			t.Fatalf("interval %v <= %v <= %v", a.Lower, a.Probability, a.Upper)
		}
		if !(0 <= a.Confidence && a.Confidence <= 1) || a.Level == domain.LevelUnknown || a.Model.Digest == "" {
			t.Fatalf("confidence %v, level %v, model %+v", a.Confidence, a.Level, a.Model)
		}
		if lo := 20 * float64(a.Level-domain.LevelVeryLow); a.Score < lo || a.Score > lo+20 {
			t.Fatalf("score %v does not belong to level %v", a.Score, a.Level)
		}
		if a.Explained != r.Explain {
			t.Fatalf("explained %v, asked %v", a.Explained, r.Explain)
		}
	}
}

func monotone(t *testing.T, p Predictor) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		r := Random(rng)
		more := Clone(r)
		add := rng.ExpFloat64() * 30
		if len(more.RainfallForecastMM) > 0 && rng.IntN(2) == 0 {
			more.RainfallForecastMM[0] += add
		} else {
			more.RainfallMM += add
		}
		before, after := Ask(t, p, r), Ask(t, p, more)
		if after.Probability < before.Probability || after.Score < before.Score || after.Level < before.Level {
			t.Fatalf("more rain lowered the risk from %v (%v) to %v (%v)\nbefore: %+v\nafter: %+v",
				before.Probability, before.Level, after.Probability, after.Level, r, more)
		}
	}
}

func batchEqualsSingles(t *testing.T, p Predictor) {
	rng := rand.New(rand.NewPCG(3, 4))
	rs := make([]risk.Request, 700)
	want := make([]risk.Assessment, len(rs))
	for i := range rs {
		rs[i] = Random(rng)
	}
	batch, err := p.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	order := rng.Perm(len(rs))
	in, out := make([]risk.Request, len(rs)), make([]risk.Outcome, len(rs))
	for i, j := range order {
		in[i] = Clone(rs[j])
	}
	batch.Assess(t.Context(), in, out)
	for i, r := range rs {
		want[i] = Ask(t, p, r)
	}
	for i, j := range order {
		if out[i].Err != nil {
			t.Fatal(out[i].Err)
		}
		if diff := cmp.Diff(want[j], out[i].Assessment, SameAnswer); diff != "" {
			t.Fatalf("item %d differs (-single +batch):\n%s", j, diff)
		}
		if out[i].Assessment.Model != batch.Model() {
			t.Fatalf("model %+v in a batch of %+v", out[i].Assessment.Model, batch.Model())
		}
	}
}

func badItem(t *testing.T, p Predictor) {
	rng := rand.New(rand.NewPCG(9, 10))
	rs := []risk.Request{Random(rng), Random(rng), Random(rng)}
	rs[1].RainfallMM, rs[1].Latitude = -1, 91
	out := make([]risk.Outcome, len(rs))
	for i := range out {
		out[i].Assessment.Probability = 2 // what an earlier batch left behind
	}
	batch, err := p.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	batch.Assess(t.Context(), rs, out)
	if out[0].Err != nil || out[2].Err != nil || out[0].Assessment.Probability <= 0 {
		t.Fatalf("good items failed: %v, %v", out[0].Err, out[2].Err)
	}
	refused(t, out[1].Err, "/latitude", "/rainfall_mm")
	emptied(t, out[1].Assessment)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in := Random(rng)
	in.Fresh = true
	batch.Assess(ctx, []risk.Request{in}, out[:1])
	if domain.KindOf(out[0].Err) != domain.KindCanceled {
		t.Errorf("an ended context: %v", out[0].Err)
	}
	emptied(t, out[0].Assessment)
}

func violations(t *testing.T, p Predictor) {
	r := risk.NewRequest()
	r.Latitude, r.RainfallMM, r.Humidity = 45, math.Inf(1), 200
	a := risk.Assessment{Probability: 2}
	refused(t, p.Assess(t.Context(), &r, &a), "/longitude", "/rainfall_mm", "/humidity")
	emptied(t, a)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r = Random(rand.New(rand.NewPCG(43, 44)))
	r.Fresh = true
	a.Probability = 2
	if err := p.Assess(ctx, &r, &a); domain.KindOf(err) != domain.KindCanceled {
		t.Errorf("an ended context: %v", err)
	}
	emptied(t, a)
}

// emptied checks the promise of all driving ports: after an error nothing is left in the answer.
func emptied[A any](t *testing.T, a A) {
	t.Helper()
	if !reflect.ValueOf(a).IsZero() {
		t.Errorf("after an error the answer is %+v", a)
	}
}

func refused(t *testing.T, err error, pointers ...string) {
	t.Helper()
	var e *domain.Error
	if !errors.As(err, &e) || e.Kind != domain.KindInvalid {
		t.Fatalf("error %v, want one of kind invalid", err)
	}
	var got []string
	for _, v := range e.Violations {
		got = append(got, v.Pointer)
	}
	if diff := cmp.Diff(pointers, got); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}
