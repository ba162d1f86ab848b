package nowcast_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
)

// scrambled is a model with random weights: the properties below hold for every model, not for a good one.
func scrambled(t testing.TB, seed uint64) *nowcast.Model {
	t.Helper()
	m, err := nowcast.NewModel(scrambledSpec(seed))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func scrambledSpec(seed uint64) nowcast.Spec {
	rng := rand.New(rand.NewPCG(seed, 1))
	layer := func(in, out int, size float64) nowcast.Layer {
		l := nowcast.Layer{Bias: make([]float32, out)}
		for o := range out {
			row := make([]float32, in)
			for i := range row {
				row[i] = float32(rng.NormFloat64() * size)
			}
			l.Weight, l.Bias[o] = append(l.Weight, row), float32(rng.NormFloat64()*size)
		}
		return l
	}
	spec := nowcast.Spec{
		Ref:    domain.ModelRef{Name: domain.Nowcaster, Version: "0.0.1", Digest: "sha256:0"},
		Levels: nowcast.Levels{Low: 0.02, Moderate: 0.1, High: 0.3, Extreme: 0.6}, EarlyWarning: 0.2, Coverage: 0.9,
		Widening: nowcast.Widening{PerCondition: 1.25, Maximum: 3, ConfidenceWidth: 5},
	}
	for _, name := range nowcast.Names {
		spec.Features = append(spec.Features, domain.FeatureInfo{Name: name, Min: -1e3, Max: 1e3})
	}
	const hidden = 16
	for i, name := range nowcast.MemberNames {
		m := nowcast.Member{Name: name, Slope: [8]float64{1, 1.1, 1.2, 1.1, 1, 0.9, 0.9, 0.8}, Spread: [8]float64{0.3, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}}
		for f := range nowcast.NumFeatures {
			m.Inputs, m.Mean, m.Scale = append(m.Inputs, f), append(m.Mean, 0.5), append(m.Scale, 2)
		}
		for range 2 {
			n := nowcast.Network{Hidden1: layer(nowcast.NumFeatures, hidden, 0.3), Hidden2: layer(hidden, hidden, 0.3)}
			if i == 1 || i == 4 {
				n.Head, n.Rain = layer(hidden, 72, 0.5), layer(hidden, 192, 0.5)
			} else {
				n.Head = layer(hidden, 54, 0.5)
			}
			m.Networks = append(m.Networks, n)
		}
		spec.Members = append(spec.Members, m)
	}
	return spec
}

// anySequence is a valid request, with whatever sensors do.
func anySequence(rng *rand.Rand) nowcast.Request {
	r := nowcast.NewRequest()
	r.Latitude, r.Longitude = 45, 9
	pick := func(of ...int) int { return of[rng.IntN(len(of))] }
	step := time.Duration(pick(60, 60, 60, 10, 180, 1440)) * time.Minute
	at, level := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), rng.NormFloat64()
	has := [nowcast.NumSeries]bool{}
	for s := range has {
		has[s] = rng.IntN(4) > 0
	}
	for range pick(7, 8, 20, 48, 168, 500) {
		at = at.Add(step + time.Duration(rng.IntN(2)*rng.IntN(90))*time.Minute + time.Second)
		if rng.IntN(50) == 0 {
			at = at.Add(time.Duration(rng.IntN(60)) * time.Hour)
		}
		level += rng.NormFloat64() * 0.1
		v := nowcast.MissingReading()
		v.Time = at
		put := func(s nowcast.Series, to *float64, x float64) {
			switch {
			case !has[s] || rng.IntN(10) == 0:
			case rng.IntN(30) == 0:
				faults := []float64{-999, 9999, -5, 1e9, -1e300, math.MaxFloat64, x + 20}
				*to = faults[rng.IntN(len(faults))]
			default:
				*to = x
			}
		}
		put(nowcast.SeriesRainfall, &v.RainfallMM, max(0, rng.NormFloat64()*5))
		put(nowcast.SeriesTemperature, &v.Temperature, 10)
		put(nowcast.SeriesHumidity, &v.Humidity, 80)
		put(nowcast.SeriesWaterLevel, &v.WaterLevelM, level)
		put(nowcast.SeriesDischarge, &v.DischargeM3S, math.Exp(level))
		r.Readings = append(r.Readings, v)
	}
	if rng.IntN(4) > 0 {
		r.Normal = rng.NormFloat64()
		r.FloodThreshold = r.Normal + math.Exp(rng.NormFloat64())
	}
	if rng.IntN(2) == 0 {
		for range rng.IntN(nowcast.MaxHorizon + 1) {
			x := max(0, rng.NormFloat64()*10)
			if rng.IntN(20) == 0 {
				x = math.NaN()
			}
			r.RainfallForecastMM = append(r.RainfallForecastMM, x)
		}
	}
	for h := 1; h <= farthest(&r); h++ {
		r.Horizons = append(r.Horizons, h)
	}
	return r
}

// farthest is the farthest horizon that a request may ask for.
func farthest(r *nowcast.Request) int {
	known := slices.IndexFunc(r.RainfallForecastMM, math.IsNaN)
	if known < 0 {
		known = len(r.RainfallForecastMM)
	}
	return max(nowcast.NearHorizon, known)
}

// each runs a property over many sequences.
func each(t *testing.T, property func(t *testing.T, m *nowcast.Model, r *nowcast.Request, rng *rand.Rand)) {
	t.Helper()
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 2))
		r := anySequence(rng)
		if vs := r.Validate(); len(vs) > 0 {
			t.Fatalf("sequence %d is not valid: %v", seed, vs[0])
		}
		r.Canonicalize()
		property(t, scrambled(t, seed%5), &r, rng)
		if t.Failed() {
			t.Fatalf("sequence %d", seed)
		}
	}
}

func TestAnyValidSequenceHasACoherentAnswer(t *testing.T) {
	each(t, func(t *testing.T, m *nowcast.Model, r *nowcast.Request, _ *rand.Rand) {
		var f nowcast.Forecast
		m.Forecast(r, &f)
		if len(f.Predictions) != len(r.Horizons) || f.SequenceLength != len(r.Readings) || f.Model != m.Ref() {
			t.Fatalf("incomplete answer %+v", f)
		}
		c := f.Quality.Conditions
		scaled := f.Observed != nowcast.SeriesRainfall && !c.Has(nowcast.ConditionUnscaled) && !c.Has(nowcast.ConditionThresholdsDoNotFit)
		sure := len(f.Quality.Doubtful) == 0 && !c.Has(nowcast.ConditionStale)
		for _, p := range f.Predictions {
			if !(0 <= p.Lower && p.Lower <= p.Probability && p.Probability <= p.Upper && p.Upper <= 1 && 0 <= p.Confidence && p.Confidence <= 1) {
				t.Errorf("%d h: probability %+v", p.HoursAhead, p)
			}
			if known := p.Level != domain.LevelUnknown; known && !scaled || !known && scaled && sure {
				t.Errorf("%d h: level %v, scaled %v", p.HoursAhead, p.Level, scaled)
			}
			if p.Probability > f.Predictions[f.MaxRisk].Probability {
				t.Errorf("%d h is riskier than MaxRisk", p.HoursAhead)
			}
			if f.Observed == nowcast.SeriesRainfall {
				continue
			}
			q := []float64{p.Quantiles.P10, p.Quantiles.P25, p.Quantiles.P50, p.Quantiles.P75, p.Quantiles.P90}
			if !slices.IsSorted(q) || math.IsNaN(q[0]) || math.IsInf(q[0], 0) || math.IsInf(q[4], 0) {
				t.Errorf("%d h: quantiles %v", p.HoursAhead, q)
			}
			if !scaled {
				continue
			}
			// A quantile above the threshold and a probability below its complement would contradict.
			for i, level := range []float64{0.10, 0.25, 0.50, 0.75, 0.90} {
				slack := 1e-5 * math.Max(1, math.Abs(r.FloodThreshold-r.Normal))
				if q[i] > r.FloodThreshold+slack && p.Probability < 1-level-1e-3 || q[i] < r.FloodThreshold-slack && p.Probability > 1-level+1e-3 {
					t.Errorf("%d h: p%.0f is %v, threshold %v, probability %v", p.HoursAhead, 100*level, q[i], r.FloodThreshold, p.Probability)
				}
			}
		}
	})
}

func TestAHorizonDoesNotDependOnTheOthers(t *testing.T) {
	each(t, func(t *testing.T, m *nowcast.Model, r *nowcast.Request, rng *rand.Rand) {
		var all, one nowcast.Forecast
		m.Forecast(r, &all)
		h := 1 + rng.IntN(len(r.Horizons))
		r.Horizons = []int{h}
		m.Forecast(r, &one)
		if len(all.Quality.Doubtful) > 0 { // a doubt leaves all levels or none unknown, by the riskiest of those asked for
			one.Predictions[0].Level = all.Predictions[h-1].Level
		}
		if one.Predictions[0] != all.Predictions[h-1] {
			t.Errorf("%d h alone %+v, among others %+v", h, one.Predictions[0], all.Predictions[h-1])
		}
	})
}

func TestMoreForecastRainNeverLowersTheRisk(t *testing.T) {
	each(t, func(t *testing.T, m *nowcast.Model, r *nowcast.Request, rng *rand.Rand) {
		if len(r.RainfallForecastMM) == 0 {
			return
		}
		var less, more nowcast.Forecast
		m.Forecast(r, &less)
		hour := rng.IntN(len(r.RainfallForecastMM))
		r.RainfallForecastMM[hour] += 10 // stays NaN where it was
		m.Forecast(r, &more)
		for i := range more.Predictions {
			a, b := less.Predictions[i], more.Predictions[i]
			if b.Probability < a.Probability || b.Quantiles.P50 < a.Quantiles.P50-1e-6 || b.Quantiles.P90 < a.Quantiles.P90-1e-6 {
				t.Errorf("%d h: %+v, with more rain %+v", a.HoursAhead, a, b)
			}
			if a.HoursAhead <= hour && a != b {
				t.Errorf("rain in hour %d changes the answer for %d h", hour+1, a.HoursAhead)
			}
		}
	})
}

func TestTheDistributionIsOneMonotoneCurve(t *testing.T) {
	m := scrambled(t, 3)
	rng := rand.New(rand.NewPCG(9, 9))
	forecast := make([]float64, nowcast.MaxHorizon)
	for range 200 {
		var row [nowcast.NumFeatures]float64
		for i := range row {
			row[i] = rng.NormFloat64() * 3
		}
		d, err := m.ScoreRow(nowcast.MemberNames[rng.IntN(5)], &row, forecast, 1+rng.IntN(nowcast.NearHorizon))
		if err != nil {
			t.Fatal(err)
		}
		before := 1.0
		for z := -5.0; z < 8; z += 0.05 {
			p := d.Exceedance(z)
			if !(0 <= p && p <= before) {
				t.Fatalf("exceedance of %v is %v, of less %v", z, p, before)
			}
			before = p
		}
		for _, p := range []float64{0.01, 0.1, 0.5, 0.9, 0.99} {
			if back := 1 - d.Exceedance(d.Quantile(p)); math.Abs(back-p) > 1e-6 {
				t.Errorf("the distribution function at the quantile of %v is %v", p, back)
			}
		}
	}
}

// steady makes hourly readings of a river at a constant level.
func steady(n int, level float64) nowcast.Request {
	r := nowcast.NewRequest()
	r.Latitude, r.Longitude, r.Normal, r.FloodThreshold = 45, 9, 1, 3
	for i := range n {
		v := nowcast.MissingReading()
		v.Time = time.Date(2020, 1, 1, i, 0, 0, 0, time.UTC)
		v.RainfallMM, v.WaterLevelM = 0, level
		r.Readings = append(r.Readings, v)
	}
	r.Canonicalize()
	return r
}

func TestWhatASensorCannotMeanIsLeftOut(t *testing.T) {
	clean := steady(48, 1.5)
	want := nowcast.Features(&clean)
	faulty := steady(48, 1.5)
	faulty.Readings[10].WaterLevelM = -999
	faulty.Readings[20].WaterLevelM = 4.5
	faulty.Readings[47].WaterLevelM = -9999
	faulty.Readings[30].RainfallMM = -3
	faulty.Readings[31].RainfallMM = -9999
	got := nowcast.Features(&faulty)
	for i := range got {
		if nowcast.Names[i] != "level_age" && math.Abs(got[i]-want[i]) > 1e-9 {
			t.Errorf("%s is %v, without faults %v", nowcast.Names[i], got[i], want[i])
		}
	}
	var f nowcast.Forecast
	scrambled(t, 1).Forecast(&faulty, &f)
	q := f.Quality.Faults
	if q[nowcast.SeriesWaterLevel][nowcast.FaultImpossible] != 2 || q[nowcast.SeriesWaterLevel][nowcast.FaultSpike] != 1 ||
		q[nowcast.SeriesRainfall][nowcast.FaultImpossible] != 2 {
		t.Errorf("faults %v", q)
	}
}

// TestRainBeyondAnyRecordIsNeverLessThanARecord holds the newest three days to it: what may be an error of a gauge is
// taken for the most that ever fell, and nothing is left out for being large.
func TestRainBeyondAnyRecordIsNeverLessThanARecord(t *testing.T) {
	m := scrambled(t, 1)
	for name, step := range map[string]time.Duration{"hourly": time.Hour, "six-hourly": 6 * time.Hour, "daily": 24 * time.Hour} {
		record := map[string]float64{"hourly": 401, "six-hourly": 840, "daily": 1825}[name]
		before := 0.0
		for _, mm := range []float64{10, 100, 300, record, 1.2 * record, 1.5 * record, 4 * record, 23456, 1e300} {
			r := steady(30, 1.5)
			for i := range r.Readings {
				r.Readings[i].Time = r.Readings[0].Time.Add(time.Duration(i) * step)
			}
			r.Readings[29].RainfallMM = mm
			row := nowcast.Features(&r)
			sum := math.Expm1(row[slices.Index(nowcast.Names[:], "rain_24h")])
			if sum < before {
				t.Errorf("%s: %v mm count as %v, less than %v", name, mm, sum, before)
			}
			before = sum
			var f nowcast.Forecast
			m.Forecast(&r, &f)
			doubted := slices.ContainsFunc(f.Quality.Doubtful, func(d domain.Doubt) bool {
				return d == domain.Doubt{Pointer: "/weather_sequence/29/rainfall_mm", Reason: domain.DoubtImplausible, Treated: domain.TreatedBound}
			})
			if beyond := mm > 1.1*record; doubted != beyond || beyond && (!f.EarlyWarning || f.HighestLevel() != domain.LevelUnknown) {
				t.Errorf("%s: %v mm: level %v, early warning %v, doubts %v", name, mm, f.HighestLevel(), f.EarlyWarning, f.Quality.Doubtful)
			}
			if mm >= record && name == "hourly" && !f.EarlyWarning {
				t.Errorf("%v mm in the newest hour and no early warning", mm)
			}
		}
	}
}

// TestOldRainBeyondAnyRecordLowersNothing: a fault of days ago leaves the level as it is, unless with that rain it
// would be higher.
func TestOldRainBeyondAnyRecordLowersNothing(t *testing.T) {
	raised := 0
	for seed := range uint64(40) {
		m := scrambled(t, seed)
		with := func(mm float64) nowcast.Forecast {
			r := steady(150, 1.5)
			for i := range r.Readings {
				r.Readings[i].WaterLevelM += 0.01 * float64(i%3)
			}
			r.Readings[40].RainfallMM = mm
			return ask(t, m, &r)
		}
		f, without, record := with(5000), with(math.NaN()), with(422)
		if lower(&f, &without) || lower(&f, &record) || record.EarlyWarning && !f.EarlyWarning {
			t.Errorf("model %d: level %v, without the rain %v, with a record %v", seed, f.HighestLevel(), without.HighestLevel(), record.HighestLevel())
		}
		if d := f.Quality.Doubtful; len(d) != 1 || d[0].Treated != domain.TreatedBound || d[0].Reason != domain.DoubtImplausible {
			t.Errorf("doubts %v", d)
		}
		if f.HighestLevel() == domain.LevelUnknown {
			raised++
		}
	}
	if raised == 0 || raised == 40 {
		t.Errorf("the level of %d of 40 models is unknown: the rain is not heeded, or always", raised)
	}
}

func TestASteepRiseIsNotASpike(t *testing.T) {
	r := steady(48, 1.5)
	for i := 44; i < 48; i++ {
		r.Readings[i].WaterLevelM = 1.5 + 1.5*float64(i-43)
	}
	row := nowcast.Features(&r)
	if want := (7.5 - 1.0) / 2; row[0] != want {
		t.Errorf("the newest level is %v, want %v", row[0], want)
	}
}

func TestAStuckRiverCountsAsSilentOnceItRained(t *testing.T) {
	r := steady(60, 1.5)
	for i := range 10 {
		r.Readings[i].WaterLevelM += float64(i) / 100
	}
	var f nowcast.Forecast
	m := scrambled(t, 1)
	m.Forecast(&r, &f)
	if n := f.Quality.Faults[nowcast.SeriesWaterLevel][nowcast.FaultStuck]; n != 0 || f.HighestLevel() == domain.LevelUnknown {
		t.Errorf("a quiet river is flagged, %d values, level %v", n, f.HighestLevel())
	}
	r.Readings[50].RainfallMM = 30
	m.Forecast(&r, &f)
	if n := f.Quality.Faults[nowcast.SeriesWaterLevel][nowcast.FaultStuck]; n != 50 {
		t.Errorf("%d values are flagged, want 50", n)
	}
	silent := steady(60, 1.5)
	copy(silent.Readings, r.Readings)
	for i := 10; i < 60; i++ {
		silent.Readings[i].WaterLevelM = math.NaN()
	}
	var want nowcast.Forecast
	m.Forecast(&silent, &want)
	for i, p := range f.Predictions {
		if p.Probability != want.Predictions[i].Probability || p.Level != domain.LevelUnknown {
			t.Errorf("%d h: %+v, a silent gauge has %+v", p.HoursAhead, p, want.Predictions[i])
		}
	}
	if !f.Quality.Conditions.Has(nowcast.ConditionStale) || !slices.Contains(f.Quality.Doubtful, domain.Doubt{
		Pointer: "/weather_sequence/59/water_level_m", Reason: domain.DoubtFrozen, Treated: domain.TreatedMissing,
	}) {
		t.Errorf("conditions %v, doubts %+v", f.Quality.Conditions.Names(), f.Quality.Doubtful)
	}
}

func TestADailySequenceIsAnsweredAndSaidSo(t *testing.T) {
	r := steady(20, 1.5)
	for i := range r.Readings {
		r.Readings[i].Time = time.Date(2020, 1, 1+i, 8, 0, 0, 0, time.UTC)
		r.Readings[i].RainfallMM = 24
	}
	var f nowcast.Forecast
	scrambled(t, 1).Forecast(&r, &f)
	if c := f.Quality.Conditions; !c.Has(nowcast.ConditionDaily) || c.Has(nowcast.ConditionGaps) || c.Has(nowcast.ConditionIrregular) {
		t.Errorf("conditions %v", c.Names())
	}
	row := nowcast.Features(&r)
	if i := slices.Index(nowcast.Names[:], "rain_6h"); math.Abs(row[i]-math.Log1p(6)) > 1e-9 {
		t.Errorf("24 mm a day are %v in 6 h", math.Expm1(row[i]))
	}
}

func BenchmarkForecast(b *testing.B) {
	m := scrambled(b, 1)
	for _, c := range []struct {
		name     string
		readings int
		forecast bool
	}{{"48 readings", 48, false}, {"168 readings", 168, false}, {"168 readings and a rain forecast", 168, true}, {"2000 readings", 2000, false}} {
		r := steady(c.readings, 1.5)
		for i := range r.Readings {
			r.Readings[i].WaterLevelM += math.Sin(float64(i) / 9)
			r.Readings[i].RainfallMM = float64(i % 7)
		}
		if c.forecast {
			r.RainfallForecastMM = make([]float64, 24)
		}
		b.Run(c.name, func(b *testing.B) {
			var f nowcast.Forecast
			m.Forecast(&r, &f)
			b.ReportAllocs()
			for b.Loop() {
				m.Forecast(&r, &f)
			}
		})
	}
}
