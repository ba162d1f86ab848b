package predictortest

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/ports"
)

// SameForecast compares forecasts by everything but where they come from.
var SameForecast = cmp.Options{cmpopts.EquateNaNs(), cmpopts.IgnoreFields(nowcast.Forecast{}, "Provenance")}

// RandomNowcast returns a valid question of any length, step and mixture of missing and faulty values.
func RandomNowcast(rng *rand.Rand) nowcast.Request {
	r := nowcast.NewRequest()
	r.Latitude, r.Longitude = rng.Float64()*180-90, rng.Float64()*360-180
	n := nowcast.MinReadings + rng.IntN(300)
	step := []time.Duration{10 * time.Minute, time.Hour, time.Hour, time.Hour, 3 * time.Hour, 24 * time.Hour}[rng.IntN(6)]
	t := time.Date(2000, 1, 1+rng.IntN(9000), rng.IntN(24), 0, 0, 0, time.UTC)
	river, rain, faults := rng.IntN(4), rng.IntN(4) > 0, rng.IntN(3) == 0
	level := rng.NormFloat64()
	for range n {
		v := nowcast.MissingReading()
		v.Time = t
		t = t.Add(step)
		if rng.IntN(10) == 0 {
			t = t.Add(time.Duration(rng.IntN(3600)) * time.Second)
		}
		maybe := func(to *float64, value float64) {
			if rng.IntN(12) > 0 {
				*to = value
			}
		}
		storm := math.Max(0, rng.ExpFloat64()*4-4)
		level += storm/20 - 0.01*level + rng.NormFloat64()*0.005
		if rain {
			maybe(&v.RainfallMM, storm)
		}
		if river == 1 || river == 3 {
			maybe(&v.WaterLevelM, level)
		}
		if river == 2 || river == 3 {
			maybe(&v.DischargeM3S, math.Exp(level))
		}
		maybe(&v.Temperature, rng.NormFloat64()*8+10)
		maybe(&v.Humidity, rng.Float64()*100)
		if faults && rng.IntN(10) == 0 {
			for _, to := range []*float64{&v.RainfallMM, &v.WaterLevelM, &v.DischargeM3S, &v.Temperature, &v.Humidity} {
				if rng.IntN(3) == 0 {
					*to = []float64{-999, -9999, 1e6, 999.9, -1e300, 1e300}[rng.IntN(6)]
				}
			}
		}
		r.Readings = append(r.Readings, v)
	}
	if rng.IntN(3) > 0 {
		r.Normal, r.FloodThreshold = 0.3, 0.3+rng.Float64()*3+0.01
	}
	if rng.IntN(2) == 0 {
		for range rng.IntN(nowcast.MaxHorizon + 1) {
			r.RainfallForecastMM = append(r.RainfallForecastMM, math.Max(0, rng.ExpFloat64()*4-4))
		}
	}
	if rng.IntN(2) == 0 {
		for _, h := range rng.Perm(nowcast.NearHorizon)[:1+rng.IntN(nowcast.NearHorizon)] {
			r.Horizons = append(r.Horizons, h+1)
		}
	}
	return r
}

// CloneNowcast copies a request with what Nowcast rounds in place.
func CloneNowcast(r nowcast.Request) nowcast.Request {
	r.Readings, r.RainfallForecastMM = slices.Clone(r.Readings), slices.Clone(r.RainfallForecastMM)
	return r
}

// RunNowcaster holds a nowcaster with a loaded model to the contract. Its clock should stand still.
func RunNowcaster(t *testing.T, open func(t *testing.T) ports.Nowcaster) {
	t.Helper()
	t.Run("answers keep their promises", func(t *testing.T) { nowcastPromises(t, open(t)) })
	t.Run("a horizon does not depend on the others", func(t *testing.T) { horizons(t, open(t)) })
	t.Run("more rain to come never lowers the risk", func(t *testing.T) { moreForecast(t, open(t)) })
	t.Run("a refused question names every violation", func(t *testing.T) { nowcastViolations(t, open(t)) })
	t.Run("an ended context is not answered", func(t *testing.T) { ended(t, open(t)) })
	t.Run("many at once are answered as one by one", func(t *testing.T) { atOnce(t, open(t)) })
}

func forecast(t *testing.T, p ports.Nowcaster, r nowcast.Request) nowcast.Forecast {
	t.Helper()
	r = CloneNowcast(r)
	f := nowcast.Forecast{SequenceLength: 1, EarlyWarning: true, Predictions: make([]nowcast.Prediction, 1)} // must not show
	if err := p.Nowcast(t.Context(), &r, &f); err != nil {
		t.Fatalf("%v for %+v", err, r)
	}
	return f
}

func nowcastPromises(t *testing.T, p ports.Nowcaster) {
	rng := rand.New(rand.NewPCG(11, 12))
	for range 1000 {
		r := RandomNowcast(rng)
		f := forecast(t, p, r)
		want := r.Horizons
		if want == nil {
			want = nowcast.DefaultHorizons[:]
		}
		if len(f.Predictions) != len(want) || f.SequenceLength != len(r.Readings) || f.Model.Name != domain.Nowcaster || f.Model.Digest == "" {
			t.Fatalf("%d predictions for %v, sequence of %d, model %+v", len(f.Predictions), want, f.SequenceLength, f.Model)
		}
		if last := r.Readings[len(r.Readings)-1].Time; !f.IssuedFor.Equal(last.Truncate(time.Second)) {
			t.Fatalf("issued for %v, the last reading is of %v", f.IssuedFor, last)
		}
		for i, v := range f.Predictions {
			if v.HoursAhead != want[i] {
				t.Fatalf("horizon %d is %d h, want %d h", i, v.HoursAhead, want[i])
			}
			promise(t, &f, v, !math.IsNaN(r.FloodThreshold), r)
			if most := f.Predictions[f.MaxRisk]; v.Probability > most.Probability ||
				v.Probability == most.Probability && v.HoursAhead < most.HoursAhead {
				t.Fatalf("the riskiest is not %+v but %+v", most, v)
			}
		}
	}
}

// promise checks one horizon.
func promise(t *testing.T, f *nowcast.Forecast, v nowcast.Prediction, thresholds bool, r nowcast.Request) {
	t.Helper()
	if !(0 <= v.Lower && v.Lower <= v.Probability && v.Probability <= v.Upper && v.Upper <= 1) || !(0 <= v.Confidence && v.Confidence <= 1) {
		t.Fatalf("interval %v <= %v <= %v, confidence %v", v.Lower, v.Probability, v.Upper, v.Confidence)
	}
	observed := f.Observed == nowcast.SeriesWaterLevel || f.Observed == nowcast.SeriesDischarge
	fit := thresholds && !f.Quality.Conditions.Has(nowcast.ConditionThresholdsDoNotFit)
	sure := len(f.Quality.Doubtful) == 0 && !f.Quality.Conditions.Has(nowcast.ConditionStale)
	scaled := observed && fit
	if known := v.Level != domain.LevelUnknown; known && !scaled || !known && scaled && sure {
		t.Fatalf("level %v with series %v, thresholds %v, conditions %v, doubts %v", v.Level, f.Observed, thresholds,
			f.Quality.Conditions.Names(), f.Quality.Doubtful)
	}
	if !observed {
		return
	}
	q := v.Quantiles
	values := []float64{q.P10, q.P25, q.P50, q.P75, q.P90}
	if !slices.IsSorted(values) || math.IsNaN(q.P10+q.P90) || math.IsInf(q.P10, 0) || math.IsInf(q.P90, 0) {
		t.Fatalf("quantiles %v", values)
	}
	if !fit {
		return
	}
	// The chance of the threshold is read from the curve of the quantiles: a quantile of p below the
	// threshold means a chance below 1-p, up to the rounding of the answer.
	for i, p := range []float64{0.1, 0.25, 0.5, 0.75, 0.9} {
		const slack = 2e-3
		span := 1e-3 * (r.FloodThreshold - r.Normal)
		if values[i] < r.FloodThreshold-span && v.Probability > 1-p+slack || values[i] > r.FloodThreshold+span && v.Probability < 1-p-slack {
			t.Fatalf("at %d h the quantile of %v is %v, the threshold %v is reached with %v", v.HoursAhead, p, values[i], r.FloodThreshold, v.Probability)
		}
	}
}

func horizons(t *testing.T, p ports.Nowcaster) {
	rng := rand.New(rand.NewPCG(13, 14))
	for range 200 {
		r := RandomNowcast(rng)
		r.Horizons = nil
		for h := range nowcast.NearHorizon {
			r.Horizons = append(r.Horizons, h+1)
		}
		all := forecast(t, p, r)
		h := 1 + rng.IntN(nowcast.NearHorizon)
		r.Horizons = []int{h}
		if diff := cmp.Diff(all.Predictions[h-1], forecast(t, p, r).Predictions[0], cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("%d h among all horizons (-) and alone (+):\n%s", h, diff)
		}
	}
}

func moreForecast(t *testing.T, p ports.Nowcaster) {
	rng := rand.New(rand.NewPCG(15, 16))
	for range 500 {
		r := RandomNowcast(rng)
		if len(r.RainfallForecastMM) == 0 {
			continue
		}
		more := CloneNowcast(r)
		more.RainfallForecastMM[rng.IntN(len(more.RainfallForecastMM))] += rng.ExpFloat64() * 20
		before, after := forecast(t, p, r), forecast(t, p, more)
		for i := range before.Predictions {
			if b, a := before.Predictions[i], after.Predictions[i]; a.Probability < b.Probability {
				t.Fatalf("more rain to come lowered the probability at %d h from %v to %v\nforecast %v\nmore     %v",
					b.HoursAhead, b.Probability, a.Probability, r.RainfallForecastMM, more.RainfallForecastMM)
			}
		}
	}
}

func nowcastViolations(t *testing.T, p ports.Nowcaster) {
	r := nowcast.NewRequest()
	r.Latitude = 100
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range nowcast.MinReadings {
		v := nowcast.MissingReading()
		v.Time = at.Add(time.Duration(i) * time.Hour)
		r.Readings = append(r.Readings, v)
	}
	r.Readings[3].Time = r.Readings[2].Time
	r.Readings[5].WaterLevelM = math.Inf(1)
	r.Horizons = []int{1, 30, 1}
	r.RainfallForecastMM = []float64{1, -1}
	r.Normal, r.FloodThreshold = 2, 1
	f := nowcast.Forecast{EarlyWarning: true}
	refused(t, p.Nowcast(t.Context(), &r, &f), "/latitude", "/longitude", "/weather_sequence/2/timestamp", "/weather_sequence/3/timestamp", "/weather_sequence/5/water_level_m",
		"/forecast_horizons/1", "/forecast_horizons/2", "/rainfall_forecast_mm/1", "/river/flood_threshold")
	emptied(t, f)
}

func ended(t *testing.T, p ports.Nowcaster) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := RandomNowcast(rand.New(rand.NewPCG(17, 18)))
	r.Fresh = true
	f := nowcast.Forecast{EarlyWarning: true}
	if err := p.Nowcast(ctx, &r, &f); domain.KindOf(err) != domain.KindCanceled {
		t.Fatalf("error %v, want one of kind canceled", err)
	}
	emptied(t, f)
}

func atOnce(t *testing.T, p ports.Nowcaster) {
	sameAtOnce(t, rand.New(rand.NewPCG(19, 20)), RandomNowcast, SameForecast, func(r nowcast.Request) (f nowcast.Forecast, err error) {
		r = CloneNowcast(r)
		err = p.Nowcast(t.Context(), &r, &f)
		return f, err
	})
}

// sameAtOnce asks random questions one by one and then all at once, several times each.
func sameAtOnce[R, A any](t *testing.T, rng *rand.Rand, random func(*rand.Rand) R, same cmp.Options, ask func(R) (A, error)) {
	var rs [16]R
	var want [len(rs)]A
	for i := range rs {
		rs[i] = random(rng)
		var err error
		if want[i], err = ask(rs[i]); err != nil {
			t.Fatalf("%v for %+v", err, rs[i])
		}
	}
	var wg sync.WaitGroup
	for range 4 {
		for i := range rs {
			wg.Go(func() {
				a, err := ask(rs[i])
				if diff := cmp.Diff(want[i], a, same); err != nil || diff != "" {
					t.Errorf("%v, differs (-one by one +at once):\n%s", err, diff)
				}
			})
		}
	}
	wg.Wait()
}
