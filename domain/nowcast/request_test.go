package nowcast_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
)

// valid is a request with n hourly readings.
func valid(n int) nowcast.Request {
	r := nowcast.NewRequest()
	r.Latitude, r.Longitude = 45, 9
	for i := range n {
		v := nowcast.MissingReading()
		v.Time = time.Date(2026, 1, 1, i, 0, 0, 0, time.UTC)
		r.Readings = append(r.Readings, v)
	}
	return r
}

func pointers(vs []domain.Violation) (out []string) {
	for _, v := range vs {
		out = append(out, v.Pointer)
	}
	return out
}

func TestWhatASensorSaysIsNotRefused(t *testing.T) {
	r := valid(7)
	for i, v := range []float64{-999, -9999, 1e300, 130, -0.2, 0, 999.9} {
		r.Readings[i].RainfallMM, r.Readings[i].Humidity = v, v
		r.Readings[i].WaterLevelM, r.Readings[i].DischargeM3S, r.Readings[i].Temperature = v, v, v
	}
	if vs := r.Validate(); vs != nil {
		t.Errorf("refused: %v", vs)
	}
}

func TestReadingsMayComeInAnyOrderButNotTwiceAtOneTime(t *testing.T) {
	hour := func(h int) time.Time { return time.Date(2026, 1, 1, h, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		change func(r *nowcast.Request)
		want   []string
	}{
		"in another zone": {func(r *nowcast.Request) { r.Readings[3].Time = hour(3).In(time.FixedZone("", 9*3600)) }, nil},
		"twice": {
			func(r *nowcast.Request) { r.Readings[3].Time = hour(2) },
			[]string{"/weather_sequence/2/timestamp", "/weather_sequence/3/timestamp"},
		},
		"twice and far apart": {
			func(r *nowcast.Request) { r.Readings[6].Time = hour(1).In(time.FixedZone("", -3600)) },
			[]string{"/weather_sequence/1/timestamp", "/weather_sequence/6/timestamp"},
		},
		"backwards": {func(r *nowcast.Request) { slices.Reverse(r.Readings) }, nil},
		"one ahead": {func(r *nowcast.Request) { r.Readings[4].Time = hour(9) }, nil},
		"absent":    {func(r *nowcast.Request) { r.Readings[0].Time = time.Time{} }, []string{"/weather_sequence/0/timestamp"}},
		"year 999":  {func(r *nowcast.Request) { r.Readings[0].Time = r.Readings[0].Time.AddDate(-1027, 0, 0) }, []string{"/weather_sequence/0/timestamp"}},
	} {
		r := valid(7)
		c.change(&r)
		if got := pointers(r.Validate()); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestTheOrderOfReadingsDoesNotChangeTheAnswer(t *testing.T) {
	m := scrambled(t, 4)
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 79))
		r := doubtful(rng)
		mixed := clone(&r)
		rng.Shuffle(len(mixed.Readings), func(i, k int) { mixed.Readings[i], mixed.Readings[k] = mixed.Readings[k], mixed.Readings[i] })
		a, b := ask(t, m, &r), ask(t, m, &mixed)
		for i := range b.Quality.Doubtful { // of the same reading, wherever it stands
			x, y := pointed(t, &r, a.Quality.Doubtful[i]), pointed(t, &mixed, b.Quality.Doubtful[i])
			if x != nil && *x != *y {
				t.Errorf("doubt %+v of %v is %+v of %v in another order", a.Quality.Doubtful[i], *x, b.Quality.Doubtful[i], *y)
			}
		}
		a.Quality.Doubtful, b.Quality.Doubtful = nil, nil
		if diff := cmp.Diff(a, b); diff != "" {
			t.Fatalf("sequence %d: %s", seed, diff)
		}
	}
}

func TestManyBadReadingsAreCountedNotListed(t *testing.T) {
	r := valid(500)
	for i := range r.Readings {
		r.Readings[i].Time = r.Readings[0].Time
	}
	vs := r.Validate()
	if len(vs) != 21 || vs[20].Pointer != "/weather_sequence" {
		t.Fatalf("%d violations, the last %+v", len(vs), vs[len(vs)-1])
	}
}

func TestSizesAreBounded(t *testing.T) {
	for name, c := range map[string]struct {
		r    nowcast.Request
		want []string
	}{
		"six readings":   {valid(6), []string{"/weather_sequence"}},
		"seven readings": {valid(7), nil},
		"the most":       {valid(nowcast.MaxReadings), nil},
		"one more":       {valid(nowcast.MaxReadings + 1), []string{"/weather_sequence"}},
		"no horizon":     {func() nowcast.Request { r := valid(7); r.Horizons = []int{}; return r }(), nil},
		"73 horizons":    {func() nowcast.Request { r := valid(7); r.Horizons = make([]int, 73); return r }(), []string{"/forecast_horizons"}},
		"horizons out of range": {
			func() nowcast.Request { r := valid(7); r.Horizons = []int{0, 1, 24, 25, 1}; return r }(),
			[]string{"/forecast_horizons/0", "/forecast_horizons/3", "/forecast_horizons/4"},
		},
		"73 hours of forecast": {
			func() nowcast.Request { r := valid(7); r.RainfallForecastMM = make([]float64, 73); return r }(), []string{"/rainfall_forecast_mm"},
		},
		"as far as the forecast": {
			func() nowcast.Request {
				r := valid(7)
				r.RainfallForecastMM = make([]float64, 48)
				r.Horizons = []int{24, 48, 49, 72, 73}
				return r
			}(),
			[]string{"/forecast_horizons/2", "/forecast_horizons/3", "/forecast_horizons/4"},
		},
		"as far as the forecast is known": {
			func() nowcast.Request {
				r := valid(7)
				r.RainfallForecastMM = make([]float64, 72)
				r.RainfallForecastMM[30] = math.NaN()
				r.Horizons = []int{30, 31}
				return r
			}(),
			[]string{"/forecast_horizons/1"},
		},
		"forecast": {
			func() nowcast.Request {
				r := valid(7)
				r.RainfallForecastMM = []float64{math.NaN(), 500, 501, -1, math.Inf(1)}
				return r
			}(),
			[]string{"/rainfall_forecast_mm/2", "/rainfall_forecast_mm/3", "/rainfall_forecast_mm/4"},
		},
	} {
		if got := pointers(c.r.Validate()); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestCanonicalRequestsOfOneMeaningHaveOneKey(t *testing.T) {
	a, b := valid(7), valid(7)
	a.Readings[2].WaterLevelM, b.Readings[2].WaterLevelM = 0.30001, 0.3
	a.Readings[1].Time = a.Readings[1].Time.In(time.FixedZone("", 3600))
	a.Readings[3].RainfallMM, b.Readings[3].RainfallMM = math.Copysign(0, -1), 0
	b.Horizons = slices.Clone(nowcast.DefaultHorizons[:])
	a.LocationName = "named"
	a.Canonicalize()
	b.Canonicalize()
	if string(a.AppendCanonical(nil)) != string(b.AppendCanonical(nil)) {
		t.Error("one meaning has two keys")
	}
	for name, change := range map[string]func(r *nowcast.Request){
		"a reading":    func(r *nowcast.Request) { r.Readings[2].WaterLevelM = 0.31 },
		"its series":   func(r *nowcast.Request) { r.Readings[2].WaterLevelM, r.Readings[2].DischargeM3S = math.NaN(), 0.3 },
		"a time":       func(r *nowcast.Request) { r.Readings[6].Time = r.Readings[6].Time.Add(time.Minute) },
		"horizons":     func(r *nowcast.Request) { r.Horizons = []int{1, 3, 6, 12} },
		"their order":  func(r *nowcast.Request) { r.Horizons = []int{3, 1, 6, 12, 24} },
		"the forecast": func(r *nowcast.Request) { r.RainfallForecastMM = []float64{0} },
		"a threshold":  func(r *nowcast.Request) { r.Normal, r.FloodThreshold = 0, 1 },
		"the place":    func(r *nowcast.Request) { r.Latitude = 45.01 },
	} {
		c := valid(7)
		c.Readings[2].WaterLevelM, c.Readings[3].RainfallMM = 0.3, 0
		change(&c)
		c.Canonicalize()
		if string(b.AppendCanonical(nil)) == string(c.AppendCanonical(nil)) {
			t.Errorf("%s does not change the key", name)
		}
	}
}
