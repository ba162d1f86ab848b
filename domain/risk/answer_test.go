package risk_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/trees"
	"github.com/guardy-ai/guardy/domain/vector"
)

// wild returns an ensemble of random trees over the features that allowed says; nothing about them is monotone.
func wild(t testing.TB, rng *rand.Rand, allowed func(string) bool) *trees.Ensemble {
	t.Helper()
	var features []int32
	for i, n := range vector.Names {
		if allowed(n) {
			features = append(features, int32(i))
		}
	}
	var forest []trees.Tree
	for range 20 {
		tree := trees.Tree{}
		for range 3 {
			tree.Nodes = append(tree.Nodes, trees.Node{
				Feature: features[rng.IntN(len(features))], Threshold: float32(4 * rng.ExpFloat64()),
				DefaultLeft: rng.IntN(2) == 0, Cover: 2,
			})
		}
		for range 4 {
			tree.Nodes = append(tree.Nodes, trees.Node{Left: trees.NoChild, Right: trees.NoChild, Value: float32(rng.NormFloat64()), Cover: 1})
		}
		tree.Nodes[0].Cover = 4
		for i := range int32(3) {
			tree.Nodes[i].Left, tree.Nodes[i].Right = 2*i+1, 2*i+2
		}
		forest = append(forest, tree)
	}
	e, err := trees.New(vector.NumFeatures, 0, forest)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func isPast(name string) bool {
	return slices.Contains([]string{
		"rain_yesterday", "past_3d", "week_mean", "past_14d", "month_mean", "past_60d", "past_90d", "unknown_days",
		"month_water", "half_year_mean", "year_mean", "soil_shallow", "soil_deep", "snow_store", "temperature", "season_sin",
		"year_largest_day", "precipitation_mean_mm_day", "runoff_yesterday_of_year",
	}, name)
}

// wildModel has members for every kind of request, whose trees do with past weather what they like; rain of today and of
// tomorrow is in the linear parts.
func wildModel(t testing.TB, seed uint64) *risk.Model {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 9))
	part := func(term string) risk.Part {
		at := slices.Index(vector.Names[:], term)
		return risk.Part{
			Linear:   risk.Linear{Intercept: -2, Terms: []risk.Term{{Feature: at, Slope: .5 + rng.Float64(), Mean: .3}}},
			Ensemble: wild(t, rng, isPast),
		}
	}
	open := func() risk.Calibration {
		return risk.Calibration{
			Margin: []float64{-5, 0, 3}, Probability: []float64{-6, -1, 3 + rng.Float64()}, Lower: []float64{-7, -2, 2},
			Upper: []float64{-5, 0, 5}, LogOdds: true, Open: true,
		}
	}
	s := spec(t)
	s.Members = nil
	for _, m := range []risk.Member{
		{Name: "year_river", RequiresYear: true, RequiresRiver: true},
		{Name: "year_site", RequiresYear: true, RequiresSite: true},
		{Name: "year", RequiresYear: true},
		{Name: "river", RequiresRiver: true},
		{Name: "history", MinHistoryDays: 3},
		{Name: "service"},
	} {
		forecast := part("log_rain_tomorrow")
		m.Part, m.Calibration, m.Forecast, m.ForecastCalibration = part("log_rain_today"), open(), &forecast, open()
		s.Members = append(s.Members, m)
	}
	s.Widening.OpenUpwards = true
	m, err := risk.NewModel(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// anyRequest brings each part of a request or not.
func anyRequest(rng *rand.Rand) risk.Request {
	r := risk.NewRequest()
	there := func() bool { return rng.IntN(2) == 0 }
	rain := func() float64 { return max(0, 20*rng.ExpFloat64()-15) }
	r.Latitude, r.Longitude, r.RainfallMM = 120*rng.Float64()-60, 360*rng.Float64()-180, rain()
	r.Date = time.Date(2024, 1, 1+rng.IntN(366), 0, 0, 0, 0, time.UTC)
	warmth := 40*rng.Float64() - 15
	for _, v := range []*float64{&r.Temperature, &r.Temperature7dMean} {
		if there() {
			*v = warmth
		}
	}
	if there() {
		r.Rainfall7dMean, r.Rainfall30dMean = rain(), rain()
	}
	if there() {
		r.RainfallForecastMM = []float64{rain(), rain()}
	}
	days := []int{0, 1, 4, 10, 40, 95, 300, 365, 400}[rng.IntN(9)]
	holes := []float64{0, .01, .2}[rng.IntN(3)]
	dry := rng.IntN(8) == 0
	for range days {
		v := rain()
		if dry {
			v = 0
		}
		if rng.Float64() < holes {
			v = math.NaN()
		}
		r.RainfallHistoryMM = append(r.RainfallHistoryMM, v)
	}
	if there() {
		for range max(days, 365*rng.IntN(2)) {
			r.TemperatureHistory = append(r.TemperatureHistory, warmth+8*rng.NormFloat64())
		}
	}
	if there() {
		r.River = vector.River{Value: 3 * rng.Float64(), Normal: 1, FloodThreshold: 3}
		for range rng.IntN(40) {
			r.RiverHistory = append(r.RiverHistory, 3*rng.Float64())
		}
	}
	if there() {
		for _, v := range r.Site.Values() {
			*v = 4 * rng.Float64()
		}
	}
	return r
}

// withDryDays fills some of the unknown days of a request with zeros, those behind its last day too.
func withDryDays(rng *rand.Rand, r risk.Request) risk.Request {
	r.RainfallHistoryMM = slices.Clone(r.RainfallHistoryMM)
	for range []int{0, 0, 3, 20, 400}[rng.IntN(5)] {
		if len(r.RainfallHistoryMM) < vector.MaxHistoryDays {
			r.RainfallHistoryMM = append(r.RainfallHistoryMM, math.NaN())
		}
	}
	share := rng.Float64()
	if rng.IntN(3) == 0 {
		share = 1
	}
	for i, v := range r.RainfallHistoryMM {
		if v != v && rng.Float64() < share {
			r.RainfallHistoryMM[i] = 0
		}
	}
	return r
}

func TestDryDaysInPlaceOfUnknownOnesNeverRaiseTheAnswer(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for seed := range uint64(5) {
		m := wildModel(t, seed)
		for range 400 {
			r := anyRequest(rng)
			filled := withDryDays(rng, r)
			a, b := assess(m, r), assess(m, filled)
			if b.Probability > a.Probability {
				t.Fatalf("from %v (%s) to %v (%s) with dry days: %+v", a.Probability, m.MemberFor(&r), b.Probability, m.MemberFor(&filled), r)
			}
		}
	}
}

// TestAYearThatOneDryDayOpensRaisesNothing: the year is not read while one of the last three days is unknown. A zero there
// opens it, with the few other unknown days that it has.
func TestAYearThatOneDryDayOpensRaisesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for seed := range uint64(5) {
		m := wildModel(t, seed)
		for range 200 {
			r := anyRequest(rng)
			r.RainfallHistoryMM, r.TemperatureHistory = nil, nil
			for range vector.YearDays {
				r.RainfallHistoryMM = append(r.RainfallHistoryMM, max(0, 20*rng.ExpFloat64()-15))
				r.TemperatureHistory = append(r.TemperatureHistory, 15+8*rng.NormFloat64())
			}
			for range 3 {
				r.RainfallHistoryMM[100+rng.IntN(200)] = math.NaN()
			}
			filled := r
			filled.RainfallHistoryMM = slices.Clone(r.RainfallHistoryMM)
			day := rng.IntN(3)
			r.RainfallHistoryMM[day], filled.RainfallHistoryMM[day] = math.NaN(), 0
			if a, b := assess(m, r), assess(m, filled); b.Probability > a.Probability {
				t.Fatalf("from %v to %v with a dry day: %+v", a.Probability, b.Probability, r)
			}
		}
	}
}

func TestTheProbabilityRisesStrictlyWithRainOfTodayAndOfTomorrow(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	m := wildModel(t, 1)
	for range 500 {
		r := anyRequest(rng)
		rain := &r.RainfallMM
		if len(r.RainfallForecastMM) > 0 && rng.IntN(2) == 0 {
			rain = &r.RainfallForecastMM[0]
		}
		previous := -1.0
		for _, mm := range []float64{0, 1, 5, 20, 60, 150, 400, 900, 1825} {
			*rain = mm
			if p := assess(m, r).Probability; p > previous || p > .999 {
				previous = p
			} else {
				t.Fatalf("%v mm: %v after %v", mm, p, previous)
			}
		}
	}
}

func TestTheLinearPartAndTheForecastHaveTheirShareInTheFactors(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	m := wildModel(t, 2)
	forecasts := 0
	for range 300 {
		r := anyRequest(rng)
		r.Explain = true
		r.Canonicalize()
		look := m.Look(&r)
		score, err := m.ScoreRow(look.Member, look.Forecast, look.Row)
		if err != nil {
			t.Fatal(err)
		}
		sum := score.Base
		for _, v := range score.Contributions {
			sum += v
		}
		if math.Abs(sum-score.Margin) > 1e-5 { // the margin adds in single precision
			t.Errorf("base and contributions add up to %v, the margin is %v", sum, score.Margin)
		}
		a := assess(m, r)
		total := float64(a.Factors.Base + a.Factors.Others)
		for _, f := range a.Factors.List() {
			total += float64(f.Contribution)
		}
		if math.Abs(total-score.Margin) > 1e-4 {
			t.Errorf("the answer's factors add up to %v, the margin is %v", total, score.Margin)
		}
		// A client turns the factors into the probability.
		odds := float64(a.Factors.Intercept) + float64(a.Factors.Slope)*total
		if p := 1 / (1 + math.Exp(-odds)); math.Abs(p-a.Probability) > 1e-4*a.Probability*(1+math.Abs(odds)) {
			t.Errorf("intercept and slope make %v of the factors, the probability is %v", p, a.Probability)
		}
		if look.Forecast {
			forecasts++
		}
	}
	if forecasts == 0 {
		t.Error("no forecast was heeded")
	}
}

func TestManyAnswersAreThoseOfOne(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	m := wildModel(t, 3)
	rs, out, todo := make([]risk.Request, 300), make([]risk.Outcome, 300), []int32{}
	for i := range rs {
		rs[i] = anyRequest(rng)
		rs[i].Explain = i%2 == 0
		rs[i].Canonicalize()
		todo = append(todo, int32(i))
	}
	m.AssessMany(new(risk.Scratch), rs, out, todo)
	for i := range rs {
		var a risk.Assessment
		m.Assess(&rs[i], &a)
		if diff := cmp.Diff(a, out[i].Assessment, sameAnswer); diff != "" {
			t.Fatalf("request %d (-one +many):\n%s", i, diff)
		}
	}
}

func TestRainBeyondTheDataOpensTheIntervalUpwards(t *testing.T) {
	m := wildModel(t, 4)
	r := request()
	r.RainfallMM = 101 // the envelope ends at 100
	a := assess(m, r)
	if a.Upper != 1 || !a.Quality.OutOfDomain.Has(risk.InputRainfall) {
		t.Errorf("101 mm: upper %v, out of domain %v", a.Upper, a.Quality.OutOfDomain.Names())
	}
	r.RainfallMM, r.Temperature = 90, 35
	a = assess(m, r)
	if a.Upper == 1 || !a.Quality.OutOfDomain.Has(risk.InputTemperature) {
		t.Errorf("a hot day brings no flood: upper %v, out of domain %v", a.Upper, a.Quality.OutOfDomain.Names())
	}
}

func TestTheAnswerSaysWhichAttributesTheYearStoodFor(t *testing.T) {
	m := wildModel(t, 0)
	r := request()
	for i := range 365 {
		r.RainfallHistoryMM = append(r.RainfallHistoryMM, float64(i%5))
		r.TemperatureHistory = append(r.TemperatureHistory, 10)
	}
	mean, _ := risk.InputByName("site.precipitation_mean_mm_day")
	a := assess(m, r)
	if !a.Derived.Has(mean) {
		t.Errorf("derived: %v", a.Derived.Names())
	}
	r.Site.PrecipitationMeanMMDay = 3
	if a = assess(m, r); a.Derived.Has(mean) {
		t.Errorf("derived although it was given: %v", a.Derived.Names())
	}
	r.TemperatureHistory = nil
	if a = assess(m, r); a.Derived != 0 {
		t.Errorf("derived without temperatures: %v", a.Derived.Names())
	}
}

func TestViolationsOfDatedHistoriesPointToTheirPlaceInTheRequest(t *testing.T) {
	r := request()
	r.RainfallHistoryMM, r.TemperatureHistory = []float64{1, -3}, []float64{99, 10}
	r.WeatherAt = []int16{7, 12}
	r.RainfallForecastMM = []float64{-1}
	r.River = vector.River{Value: 2, Normal: 1, FloodThreshold: 4}
	r.RiverHistory, r.RiverAt = []float64{2, 1e12}, []int16{-1, 5}
	var got []string
	for _, v := range r.Validate() {
		got = append(got, v.Pointer+" "+v.Code)
	}
	want := []string{
		"/weather_history/12/rainfall_mm range", "/weather_history/7/temperature range", "/rainfall_forecast_mm/0 range",
		"/river/history/5/value range",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// FuzzUnknownDays looks for a request that dry days in place of unknown ones raise.
func FuzzUnknownDays(f *testing.F) {
	m := wildModel(f, 6)
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		rng := rand.New(rand.NewPCG(a, b))
		r := anyRequest(rng)
		filled := withDryDays(rng, r)
		if before, after := assess(m, r).Probability, assess(m, filled).Probability; after > before {
			t.Fatalf("from %v to %v with dry days", before, after)
		}
	})
}
