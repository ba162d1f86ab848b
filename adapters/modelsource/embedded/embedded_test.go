package embedded_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/adapters/modelsource/embedded"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/modelsourcetest"
)

func load(tb testing.TB) *risk.Model {
	tb.Helper()
	var source ports.ModelSource = embedded.New()
	m, _, err := source.LoadRisk(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func TestTheBinaryKeepsTheContractOfASource(t *testing.T) {
	modelsourcetest.Run(t, func(*testing.T) ports.ModelSource { return embedded.New() })
}

// TestTheShippedModelKnowsItsLimits asks about a place, a rain and a catchment that the rivers of the
// United States cannot have taught.
func TestTheShippedModelKnowsItsLimits(t *testing.T) {
	m := load(t)
	ask := func(change func(*risk.Request)) risk.Assessment {
		r := risk.NewRequest()
		r.Latitude, r.Longitude, r.RainfallMM, r.Site.PrecipitationMeanMMDay = 45.17, -69.31, 40, 3
		change(&r)
		r.Canonicalize()
		var a risk.Assessment
		m.Assess(&r, &a)
		return a
	}
	home := ask(func(*risk.Request) {})
	if home.Quality.OutOfDomain != 0 {
		t.Fatalf("Maine is out of domain: %v", home.Quality.OutOfDomain.Names())
	}
	for want, change := range map[risk.Input]func(*risk.Request){
		risk.InputPlace:    func(r *risk.Request) { r.Latitude, r.Longitude = 6.52, 3.38 }, // Lagos
		risk.InputRainfall: func(r *risk.Request) { r.RainfallMM = 1500 },
		risk.InputSiteFirst + 2: func(r *risk.Request) { // area_km2
			r.Site.AreaKM2 = 1e6
		},
	} {
		a := ask(change)
		if !a.Quality.OutOfDomain.Has(want) {
			t.Errorf("%s is not named: %v", want, a.Quality.OutOfDomain.Names())
		}
		if a.Confidence >= home.Confidence && want != risk.InputRainfall {
			t.Errorf("%s: confidence %v, at home %v", want, a.Confidence, home.Confidence)
		}
	}
}

// question has the inputs that a member of the model answers.
func question(rng *rand.Rand, inputs string) risk.Request {
	r := risk.NewRequest()
	r.Latitude, r.Longitude = 30+15*rng.Float64(), -70-50*rng.Float64()
	r.Date = time.Date(2020, 1, 1+rng.IntN(365), 0, 0, 0, 0, time.UTC)
	r.RainfallMM, r.Temperature = 60*rng.Float64(), 30*rng.Float64()
	r.Rainfall7dMean, r.Rainfall30dMean = 10*rng.Float64(), 6*rng.Float64()
	for _, v := range r.Site.Values() {
		*v = rng.Float64()
	}
	days := map[string]int{"history 3": 3, "history 90": 90, "river": 90, "year": 365, "year and river": 365}[inputs]
	for range days {
		r.RainfallHistoryMM = append(r.RainfallHistoryMM, 20*rng.Float64())
		if days == 365 {
			r.TemperatureHistory = append(r.TemperatureHistory, 30*rng.Float64()-5)
		}
	}
	if inputs == "river" || inputs == "year and river" {
		r.River.Value, r.River.Normal, r.River.FloodThreshold = 5*rng.Float64(), 1, 4
	}
	if inputs == "year and river" {
		for range 30 {
			r.RiverHistory = append(r.RiverHistory, 5*rng.Float64())
		}
	}
	r.Canonicalize()
	return r
}

var kinds = []string{"service", "history 3", "history 90", "river", "year", "year and river"}

// BenchmarkAssess measures canonical inputs to a decided answer: features, margin, calibration,
// interval, quality, level; with explain also the exact Shapley factors.
func BenchmarkAssess(b *testing.B) {
	m := load(b)
	for _, explain := range []bool{false, true} {
		for _, kind := range kinds {
			b.Run(fmt.Sprintf("%s/explain=%v", kind, explain), func(b *testing.B) {
				rng := rand.New(rand.NewPCG(1, 1))
				rs := make([]risk.Request, 256)
				for i := range rs {
					rs[i] = question(rng, kind)
					rs[i].Explain = explain
				}
				var a risk.Assessment
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					m.Assess(&rs[i%len(rs)], &a)
				}
			})
		}
	}
}

// BenchmarkAssessMany measures the same for whole batches.
func BenchmarkAssessMany(b *testing.B) {
	m := load(b)
	for _, n := range []int{10, 100, 500, 10_000} {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			rs, out, todo := make([]risk.Request, n), make([]risk.Outcome, n), make([]int32, n)
			for i := range rs {
				rs[i] = question(rng, "service")
				todo[i] = int32(i)
			}
			var s risk.Scratch
			b.ReportAllocs()
			for b.Loop() {
				m.AssessMany(&s, rs, out, todo)
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n)/float64(b.N), "ns/row")
		})
	}
}
