package vector_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/vector"
)

// wire is the part of a golden request that features are made of.
type wire struct {
	Latitude    float64    `json:"latitude"`
	Longitude   float64    `json:"longitude"`
	Date        string     `json:"date"`
	Rainfall    float64    `json:"rainfall_mm"`
	Temperature *float64   `json:"temperature"`
	Humidity    *float64   `json:"humidity"`
	Rain7       *float64   `json:"rainfall_7d_mean"`
	Rain30      *float64   `json:"rainfall_30d_mean"`
	History     []*float64 `json:"rainfall_history_mm"`
	Warmth      []*float64 `json:"temperature_history"`
	Forecast    []*float64 `json:"rainfall_forecast_mm"`
	Rivers      []*float64 `json:"river_history"`
	Temp7       *float64   `json:"temperature_7d_mean"`
	Temp30      *float64   `json:"temperature_30d_mean"`
	River       *struct {
		Value          float64 `json:"value"`
		Normal         float64 `json:"normal"`
		FloodThreshold float64 `json:"flood_threshold"`
	} `json:"river"`
	Site map[string]float64 `json:"site"`
}

func (w wire) request(t *testing.T) risk.Request {
	t.Helper()
	date, err := time.Parse(time.DateOnly, w.Date)
	if err != nil {
		t.Fatal(err)
	}
	or := func(v *float64) float64 {
		if v == nil {
			return math.NaN()
		}
		return *v
	}
	r := risk.NewRequest()
	r.Latitude, r.Longitude, r.Date = w.Latitude, w.Longitude, date
	r.RainfallMM, r.Temperature, r.Humidity = w.Rainfall, or(w.Temperature), or(w.Humidity)
	r.Rainfall7dMean, r.Rainfall30dMean = or(w.Rain7), or(w.Rain30)
	r.Temperature7dMean, r.Temperature30dMean = or(w.Temp7), or(w.Temp30)
	for _, series := range []struct {
		to   *[]float64
		from []*float64
	}{
		{&r.RainfallHistoryMM, w.History},
		{&r.TemperatureHistory, w.Warmth},
		{&r.RainfallForecastMM, w.Forecast},
		{&r.RiverHistory, w.Rivers},
	} {
		for _, v := range series.from {
			*series.to = append(*series.to, or(v))
		}
	}
	if w.River != nil {
		r.River = vector.River{Value: w.River.Value, Normal: w.River.Normal, FloodThreshold: w.River.FloodThreshold}
	}
	for i, v := range r.Site.Values() {
		if s, ok := w.Site[vector.SiteNames[i]]; ok {
			*v = s
		}
	}
	if vs := r.Validate(); len(vs) > 0 {
		t.Fatalf("a golden request is not valid: %v", vs)
	}
	r.Canonicalize()
	return r
}

// TestFeaturesOfSchema1AreTheTrainers replays the golden requests that the training pipeline wrote beside the model.
func TestFeaturesOfSchema1AreTheTrainers(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "models", "risk_scorer", "v1", "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Requests []struct {
			Request  wire       `json:"request"`
			Features []*float64 `json:"features"`
		} `json:"requests"`
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Requests) == 0 {
		t.Fatal("no golden requests")
	}
	for i, g := range golden.Requests {
		r := g.Request.request(t)
		var got [vector.NumFeatures1]float32
		vector.Assemble1(got[:], &r.Inputs)
		for f, want := range g.Features {
			switch missing := math.IsNaN(float64(got[f])); {
			case want == nil && missing:
			case want == nil || missing || got[f] != float32(*want):
				t.Errorf("request %d: %s is %v, the trainer says %v", i, vector.Names1[f], got[f], shown(want))
			}
		}
	}
}

func shown(v *float64) string {
	if v == nil {
		return "missing"
	}
	return fmt.Sprint(float32(*v))
}

func TestNamesOfSchema1AreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range vector.Names1 {
		if n == "" || seen[n] {
			t.Errorf("name %q is empty or twice", n)
		}
		seen[n] = true
	}
}

// TestSchema1InventsNothing: with rain of today alone, no feature but that rain and the season
// has a value.
func TestSchema1InventsNothing(t *testing.T) {
	in := vector.Missing()
	in.RainfallMM, in.Latitude, in.Date = 12, 50, time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	var got [vector.NumFeatures1]float32
	vector.Assemble1(got[:], &in)
	for i, n := range vector.Names1 {
		known := n == "rain_today" || n == "season_sin" || n == "season_cos"
		if math.IsNaN(float64(got[i])) == known {
			t.Errorf("%s is %v", n, got[i])
		}
	}
}

func TestSeasonOfSchema1IsShiftedSouthOfTheEquator(t *testing.T) {
	season := func(latitude float64, date time.Time) [2]float64 {
		in := vector.Missing()
		in.RainfallMM, in.Latitude, in.Date = 0, latitude, date
		var x [vector.NumFeatures1]float32
		vector.Assemble1(x[:], &in)
		return [2]float64{float64(x[28]), float64(x[29])}
	}
	july := time.Date(2023, 7, 2, 0, 0, 0, 0, time.UTC)
	january := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
	north, south := season(40, january), season(-40, july)
	if math.Hypot(north[0]-south[0], north[1]-south[1]) > 0.02 {
		t.Errorf("January north %v and July south %v are not the same season", north, south)
	}
}

// TestNoRainFeatureOfSchema1FallsWhenRainRises raises one rain input at a time, whatever else is known.
func TestNoRainFeatureOfSchema1FallsWhenRainRises(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	rain := func() float64 { return math.Round(10*rng.ExpFloat64()*6) / 10 }
	for range 20000 {
		r := risk.NewRequest()
		r.Latitude, r.RainfallMM, r.Date = 10, rain(), time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
		for range rng.IntN(91) {
			r.RainfallHistoryMM = append(r.RainfallHistoryMM, rain())
		}
		if rng.IntN(2) == 0 {
			r.Rainfall7dMean = rain()
		}
		if rng.IntN(2) == 0 {
			r.Rainfall30dMean = rain()
		}
		if rng.IntN(2) == 0 {
			r.Site.PrecipitationMeanMMDay = 6 * rng.Float64()
		}
		inputs := []*float64{&r.RainfallMM, &r.Rainfall7dMean, &r.Rainfall30dMean}
		for i := range r.RainfallHistoryMM {
			inputs = append(inputs, &r.RainfallHistoryMM[i])
		}
		r.Canonicalize()
		var before, after [vector.NumFeatures1]float32
		vector.Assemble1(before[:], &r.Inputs)
		raised := inputs[rng.IntN(len(inputs))]
		if math.IsNaN(*raised) {
			continue // a value that appears is new knowledge, not more rain
		}
		*raised += rain()
		r.Canonicalize()
		vector.Assemble1(after[:], &r.Inputs)
		for i := range before {
			if after[i] < before[i] {
				t.Fatalf("%s fell from %v to %v", vector.Names1[i], before[i], after[i])
			}
		}
	}
}

func TestAssemble1DoesNotAllocate(t *testing.T) {
	in := full()
	var row [vector.NumFeatures1]float32
	if n := testing.AllocsPerRun(100, func() { vector.Assemble1(row[:], &in) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func full() vector.Inputs {
	in := vector.Missing()
	in.Latitude, in.Longitude, in.Date = 40, -90, time.Date(2024, 5, 4, 0, 0, 0, 0, time.UTC)
	in.RainfallMM, in.Temperature, in.Temperature7dMean = 31.4, 14, 12
	in.River = vector.River{Value: 2, Normal: 1, FloodThreshold: 4}
	for i := range 90 {
		in.RainfallHistoryMM = append(in.RainfallHistoryMM, float64(i%9))
	}
	for i, v := range in.Site.Values() {
		*v = float64(i)
	}
	return in
}

func BenchmarkAssemble1(b *testing.B) {
	whole := full()
	few := whole
	few.RainfallHistoryMM = whole.RainfallHistoryMM[:3]
	few.Rainfall7dMean, few.Rainfall30dMean = 4, 3
	for _, c := range []struct {
		name string
		in   vector.Inputs
	}{{"history=90", whole}, {"history=3", few}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var row [vector.NumFeatures1]float32
			for b.Loop() {
				vector.Assemble1(row[:], &c.in)
			}
		})
	}
}
