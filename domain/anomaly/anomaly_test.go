package anomaly_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/qartod"
)

var (
	nan   = math.NaN()
	epoch = time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
)

func newDetector(tb testing.TB) *anomaly.Detector {
	tb.Helper()
	d, err := anomaly.NewDetector(anomaly.DefaultTunings(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// station is a self-made hourly record of a weather station at a river: a daily course of
// temperature and humidity, a slow river, a battery.
func station(hours int) []anomaly.Reading {
	rng := rand.New(rand.NewPCG(5, 6))
	out := make([]anomaly.Reading, hours)
	level := 1.0
	for i := range out {
		day := math.Sin(2 * math.Pi * float64(i) / 24)
		level += 0.01 * rng.NormFloat64()
		out[i] = anomaly.Reading{Time: epoch.Add(time.Duration(i) * time.Hour), Values: []anomaly.Value{
			{Name: anomaly.NameRain, Value: 0},
			{Name: anomaly.NameTemperature, Value: round(12+6*day+0.3*rng.NormFloat64(), 10)},
			{Name: anomaly.NameHumidity, Value: round(75-15*day+1.5*rng.NormFloat64(), 10)},
			{Name: anomaly.NameWaterLevel, Value: round(level, 1000)},
			{Name: anomaly.NameBattery, Value: round(12.6+0.2*day+0.01*rng.NormFloat64(), 100)},
		}}
	}
	return out
}

func round(v, scale float64) float64 { return math.Round(v*scale) / scale }

func at(r *anomaly.Reading, name string) *float64 {
	for i := range r.Values {
		if r.Values[i].Name == name {
			return &r.Values[i].Value
		}
	}
	return nil
}

func replay(d *anomaly.Detector, s *anomaly.DeviceState, rs []anomaly.Reading) []anomaly.Verdict {
	out := make([]anomaly.Verdict, len(rs))
	for i, r := range rs {
		out[i] = d.Step(s, r)
	}
	return out
}

// TestQuietStation: nothing happens, so nothing may be said.
func TestQuietStation(t *testing.T) {
	for i, v := range replay(newDetector(t), new(anomaly.DeviceState), station(2000)) {
		if v.IsAnomaly || v.Alarm != anomaly.AlarmNone {
			t.Fatalf("hour %d: %s", i, v.Explanation())
		}
	}
}

// TestFaults puts single faults into a quiet record and looks for the condition within two readings.
func TestFaults(t *testing.T) {
	const begin = 1200
	for _, c := range []struct {
		name, variable string
		hours          int
		value          func(old float64, i int) float64
		want           anomaly.Condition
		within         int
	}{
		{"sentinel", anomaly.NameTemperature, 3, func(float64, int) float64 { return -9999 }, anomaly.ConditionSentinel, 0},
		{"sentinel inside the range", anomaly.NameWaterLevel, 2, func(float64, int) float64 { return 999.9 }, anomaly.ConditionSentinel, 0},
		{"sentinel beyond the range", anomaly.NameHumidity, 2, func(float64, int) float64 { return 123.4 }, anomaly.ConditionSentinel, 0},
		{"negative rain", anomaly.NameRain, 1, func(float64, int) float64 { return -0.2 }, anomaly.ConditionImpossible, 0},
		{"absurd", anomaly.NameWaterLevel, 1, func(float64, int) float64 { return 1e308 }, anomaly.ConditionImpossible, 0},
		{"spike", anomaly.NameTemperature, 1, func(v float64, _ int) float64 { return v + 12 }, anomaly.ConditionJump, 0},
		{"dry cloudburst", anomaly.NameRain, 1, func(float64, int) float64 { return 25 }, anomaly.ConditionUnlikely, 0},
		{"same rain every hour", anomaly.NameRain, 10, func(float64, int) float64 { return 0.6 }, anomaly.ConditionStuck, 4},
		{"stuck", anomaly.NameHumidity, 60, func(float64, int) float64 { return 71.3 }, anomaly.ConditionStuck, 40},
		{"level falls at once", anomaly.NameWaterLevel, 30, func(v float64, _ int) float64 { return v - 3 }, anomaly.ConditionJump, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			rs := station(1400)
			if c.name == "dry cloudburst" {
				*at(&rs[begin], anomaly.NameHumidity) = 40
				*at(&rs[begin-1], anomaly.NameHumidity) = 45
			}
			for i := range c.hours {
				x := at(&rs[begin+i], c.variable)
				*x = c.value(*x, i)
			}
			verdicts := replay(newDetector(t), new(anomaly.DeviceState), rs)
			found := -1
			for i := begin; i <= begin+c.within && found < 0; i++ {
				for _, f := range verdicts[i].Findings() {
					if f.Name == c.variable && f.IsAnomaly() && f.Condition == c.want {
						found = i
					}
				}
			}
			if found < 0 {
				t.Fatalf("not found; the reading says: %s", verdicts[begin+c.within].Explanation())
			}
			v := &verdicts[found]
			if v.Severity == anomaly.SeverityNormal || !strings.Contains(v.Explanation(), c.variable) ||
				!slices.Contains(v.AppendAnomalous(nil), c.variable) || v.RecommendedAction() == "" {
				t.Errorf("severity %v, %q", v.Severity, v.Explanation())
			}
		})
	}
}

// TestOneAlarmAnEpisode: every reading inside a long condition carries the verdict, one is new.
func TestOneAlarmAnEpisode(t *testing.T) {
	rs := station(1400)
	for i := 1000; i < 1100; i++ {
		*at(&rs[i], anomaly.NameHumidity) = *at(&rs[999], anomaly.NameHumidity)
	}
	var news, inside, cleared int
	for i, v := range replay(newDetector(t), new(anomaly.DeviceState), rs) {
		switch v.Alarm {
		case anomaly.AlarmNew:
			news++
		case anomaly.AlarmCleared:
			cleared++
		}
		if v.IsAnomaly && i >= 1000 && i < 1100 {
			inside++
		}
	}
	if news != 1 || cleared != 1 || inside < 60 {
		t.Errorf("%d new, %d cleared, %d readings inside", news, cleared, inside)
	}
}

// TestFloodIsNoFault: two days of quiet, then rain, then a river that rises 4 m in 6 h and falls slowly.
func TestFloodIsNoFault(t *testing.T) {
	rs := station(1400)
	for i := 1200; i < 1206; i++ {
		*at(&rs[i], anomaly.NameRain) = []float64{4, 18.2, 33.4, 21, 9.6, 2.2}[i-1200]
	}
	for i := 1200; i < 1400; i++ {
		*at(&rs[i], anomaly.NameHumidity) = round(94+2*math.Sin(float64(i)), 10)
		k := float64(i - 1202)
		rise := 0.0
		switch {
		case k > 6:
			rise = 4 * math.Exp(-(k-6)/30)
		case k > 0:
			rise = 4 * k / 6
		}
		*at(&rs[i], anomaly.NameWaterLevel) += round(rise, 1000)
	}
	interest := false
	for i, v := range replay(newDetector(t), new(anomaly.DeviceState), rs) {
		for _, f := range v.Findings() {
			if f.IsAnomaly() && (f.Name == anomaly.NameRain || f.Name == anomaly.NameWaterLevel) {
				t.Errorf("hour %d: %s", i, v.Explanation())
			}
		}
		interest = interest || v.HighInterest
	}
	if !interest {
		t.Error("nobody was told of the flood")
	}
}

// faulty is a record with everything that goes wrong, for the properties below.
func faulty(n int, seed uint64) []anomaly.Reading {
	rng := rand.New(rand.NewPCG(seed, 1))
	rs := station(n)
	absurd := []float64{nan, -9999, 1e308, -1e308, math.Inf(1), math.Inf(-1), 5e-324, 0, 999.9, 123.4}
	for i := range rs {
		for k := range rs[i].Values {
			switch rng.IntN(25) {
			case 0:
				rs[i].Values[k].Value = absurd[rng.IntN(len(absurd))]
			case 1:
				rs[i].Values[k].Value *= 3
			}
		}
		switch rng.IntN(40) {
		case 0:
			rs[i].Time = rs[rng.IntN(len(rs))].Time // repeated, late or early
		case 1:
			rs[i].Values = rs[i].Values[:rng.IntN(5)]
		case 2:
			rs[i].Values = append(slices.Clone(rs[i].Values), anomaly.Value{Name: "turbidity", Value: rng.ExpFloat64()})
		case 3:
			rs[i].Time = time.Time{}
		}
	}
	return rs
}

// TestStateIsEverything: a state that is stored and read back between readings answers as one that is
// kept, and as a replay.
func TestStateIsEverything(t *testing.T) {
	d := newDetector(t)
	rs := faulty(3000, 7)
	var kept, stored anomaly.DeviceState
	var buf []byte
	for i, r := range rs {
		want := d.Step(&kept, r)
		buf = stored.AppendBinary(buf[:0])
		if len(buf) > anomaly.EncodedMax {
			t.Fatalf("%d bytes, at most %d were promised", len(buf), anomaly.EncodedMax)
		}
		stored = anomaly.DeviceState{}
		if err := stored.Decode(buf); err != nil {
			t.Fatalf("reading %d: %v", i, err)
		}
		got := d.Step(&stored, r)
		if got.Explanation() != want.Explanation() || got.Score != want.Score || got.Alarm != want.Alarm || got.Severity != want.Severity {
			t.Fatalf("reading %d: stored %v %v, kept %v %v", i, got.Score, got.Alarm, want.Score, want.Alarm)
		}
	}
	if a, b := kept.AppendBinary(nil), stored.AppendBinary(nil); !bytes.Equal(a, b) {
		t.Error("the states differ at the end")
	}
	t.Logf("the state takes %d bytes after %d readings in order", len(buf), kept.Readings())
	if kept.Readings() < 2000 {
		t.Error("most of the record was taken for out of order")
	}
}

// TestVerdictsAreSane: whatever comes, scores lie in [0, 1], flags are flags, and a fault is said.
func TestVerdictsAreSane(t *testing.T) {
	d := newDetector(t)
	for seed := range uint64(20) {
		var s anomaly.DeviceState
		for i, r := range faulty(600, seed) {
			v := d.Step(&s, r)
			if !(v.Score >= 0 && v.Score <= 1) || !(v.Confidence >= 0 && v.Confidence <= 1) || len(v.Findings()) != len(r.Values) {
				t.Fatalf("seed %d, reading %d: score %v, confidence %v", seed, i, v.Score, v.Confidence)
			}
			for _, f := range v.Findings() {
				if !(f.Score >= 0 && f.Score <= 1) || f.Condition >= anomaly.NumConditions {
					t.Fatalf("%+v", f)
				}
				for _, flag := range f.Flags {
					if !flag.Valid() {
						t.Fatalf("%+v", f)
					}
				}
				if math.IsInf(f.Value, 0) && !f.IsAnomaly() {
					t.Fatalf("an infinite %s passed", f.Name)
				}
			}
		}
	}
}

// TestSentinelsAreNotLearnt: codes for no data leave no trace in the habits.
func TestSentinelsAreNotLearnt(t *testing.T) {
	d := newDetector(t)
	rs := station(800)
	var clean, dirty anomaly.DeviceState
	replay(d, &clean, rs)
	for i, r := range rs {
		if i > 100 && i%10 == 0 { // the logger says -9999 half an hour before
			bad := anomaly.Reading{Time: r.Time.Add(-30 * time.Minute), Values: []anomaly.Value{{Name: anomaly.NameTemperature, Value: -9999}}}
			if v := d.Step(&dirty, bad); !v.IsAnomaly {
				t.Fatal("a sentinel passed")
			}
		}
		d.Step(&dirty, r)
	}
	probe := anomaly.Reading{Time: epoch.Add(800 * time.Hour), Values: []anomaly.Value{{Name: anomaly.NameTemperature, Value: 24}}}
	a, b := d.Step(&clean, probe), d.Step(&dirty, probe)
	if a.Score != b.Score {
		t.Errorf("score %v without and %v with sentinels before", a.Score, b.Score)
	}
}

// TestBounds: a device with too many variables is answered for those that are known.
func TestBounds(t *testing.T) {
	d := newDetector(t)
	var s anomaly.DeviceState
	var many []anomaly.Value
	for i := range 40 {
		many = append(many, anomaly.Value{Name: strings.Repeat("x", i+1), Value: 1})
	}
	for i := range 10 {
		v := d.Step(&s, anomaly.Reading{Time: epoch.Add(time.Duration(i) * time.Minute), Values: many[4*(i%8):]})
		if v.Quality&anomaly.QualityIgnored == 0 && len(v.Findings()) > anomaly.MaxVariables {
			t.Fatal("too many findings")
		}
	}
	if n := len(s.AppendBinary(nil)); n > anomaly.EncodedMax {
		t.Errorf("%d bytes", n)
	}
	v := d.Step(&s, anomaly.Reading{Time: epoch.Add(-time.Hour), Values: many[:1]})
	if v.Quality&anomaly.QualityOutOfOrder == 0 {
		t.Error("an earlier reading was taken in")
	}
}

// TestFutureReading: one reading from the future is followed by a few that are out of order, then the
// device is heard again with all its habits.
func TestFutureReading(t *testing.T) {
	d := newDetector(t)
	rs := station(1000)
	var s anomaly.DeviceState
	replay(d, &s, rs[:900])
	ahead := rs[900]
	ahead.Time = ahead.Time.AddDate(75, 0, 0)
	d.Step(&s, ahead)
	ignored := 0
	for _, r := range rs[901:] {
		v := d.Step(&s, r)
		if v.Quality&anomaly.QualityOutOfOrder != 0 {
			ignored++
		}
		if v.Quality&anomaly.QualityColdStart != 0 || v.IsAnomaly {
			t.Fatalf("quality %d: %s", v.Quality, v.Explanation())
		}
	}
	if ignored < 1 || ignored > 6 {
		t.Errorf("%d readings were out of order", ignored)
	}
}

// TestAbandonedVariables: a device that changes its variables keeps the ones it has, and a place is
// given away only after a month of silence.
func TestAbandonedVariables(t *testing.T) {
	d := newDetector(t)
	var s anomaly.DeviceState
	named := func(prefix string, n int) []anomaly.Value {
		out := make([]anomaly.Value, n)
		for i := range out {
			out[i] = anomaly.Value{Name: prefix + string(rune('a'+i)), Value: float64(i)}
		}
		return out
	}
	for i, c := range []struct {
		after  time.Duration
		values []anomaly.Value
		found  int
	}{
		{0, named("old-", 16), 16},
		{time.Hour, named("new-", 3), 0},
		{20 * 24 * time.Hour, named("old-", 4), 4},
		{40 * 24 * time.Hour, append(named("new-", 12), named("old-", 4)...), 16},
	} {
		v := d.Step(&s, anomaly.Reading{Time: epoch.Add(c.after), Values: c.values})
		if len(v.Findings()) != c.found || (v.Quality&anomaly.QualityIgnored != 0) != (c.found < len(c.values)) {
			t.Errorf("reading %d: %d findings, want %d", i, len(v.Findings()), c.found)
		}
		for k, f := range v.Findings() {
			if f.Name != c.values[k].Name || f.IsAnomaly() {
				t.Errorf("reading %d: %+v", i, f)
			}
		}
	}
}

// TestDecodeRefusesGarbage flips every byte of a state. With a checksum made to fit, what is not refused
// must be usable.
func TestDecodeRefusesGarbage(t *testing.T) {
	d := newDetector(t)
	var s anomaly.DeviceState
	replay(d, &s, station(200))
	data := s.AppendBinary(nil)
	for i := range data {
		bad := slices.Clone(data)
		bad[i] ^= 0x5a
		var got anomaly.DeviceState
		if err := got.Decode(bad); !errors.Is(err, anomaly.ErrEncoding) {
			t.Fatalf("byte %d: %v", i, err)
		}
		if err := got.Decode(data[:i]); !errors.Is(err, anomaly.ErrEncoding) {
			t.Fatalf("%d bytes: %v", i, err)
		}
		if i >= len(data)-4 {
			continue
		}
		binary.LittleEndian.PutUint32(bad[len(bad)-4:], crc32.ChecksumIEEE(bad[:len(bad)-4]))
		if got.Decode(bad) != nil {
			continue
		}
		v := d.Step(&got, station(201)[200])
		if !(v.Score >= 0 && v.Score <= 1) {
			t.Fatalf("byte %d: score %v", i, v.Score)
		}
	}
}

// TestLimitsAreChecked refuses configuration that contradicts itself, and uses what it accepts.
func TestLimitsAreChecked(t *testing.T) {
	bad := anomaly.Limits{Range: qartod.GrossRange{Fail: qartod.Span{Max: 1}, Suspect: qartod.Span{Max: 2}}}
	if _, err := anomaly.NewDetector(anomaly.DefaultTunings(), map[string]anomaly.Limits{"turbidity": bad}); err == nil {
		t.Error("a suspect span outside the fail span was accepted")
	}
	d, err := anomaly.NewDetector(anomaly.DefaultTunings(), map[string]anomaly.Limits{
		"turbidity": {Range: qartod.GrossRange{Fail: qartod.Span{Min: 0, Max: 4000}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	v := d.Step(new(anomaly.DeviceState), anomaly.Reading{Time: epoch, Values: []anomaly.Value{{Name: "turbidity", Value: 5000}}})
	if !v.IsAnomaly || v.Findings()[0].Flags[anomaly.TestGrossRange] != qartod.Fail {
		t.Errorf("%+v", v.Findings())
	}
	if _, err := anomaly.NewDetector(anomaly.Tunings{}, nil); err == nil {
		t.Error("a tuning of nothing was accepted")
	}
}

// TestStepAllocatesNothing once the variables of the device are known.
func TestStepAllocatesNothing(t *testing.T) {
	d := newDetector(t)
	rs := station(1000)
	var s anomaly.DeviceState
	d.Step(&s, rs[0])
	i := 0
	if n := testing.AllocsPerRun(900, func() {
		i++
		d.Step(&s, rs[i])
	}); n != 0 {
		t.Errorf("%v allocations a reading", n)
	}
}

// BenchmarkStep is one reading of five variables with kept state.
func BenchmarkStep(b *testing.B) {
	d := newDetector(b)
	rs := station(4096)
	var s anomaly.DeviceState
	var v anomaly.Verdict
	b.ReportAllocs()
	for i := range b.N {
		r := rs[i&4095]
		r.Time = epoch.Add(time.Duration(i) * time.Hour)
		d.StepInto(&v, &s, &r)
	}
}

// BenchmarkReplay96 is a stateless request: 96 readings of history, then the one that is asked about.
func BenchmarkReplay96(b *testing.B) {
	m, err := anomaly.NewModel(anomaly.Spec{Tunings: anomaly.DefaultTunings()})
	if err != nil {
		b.Fatal(err)
	}
	rs := station(97)
	r := anomaly.Request{DeviceID: "gauge-7", Reading: rs[96], History: rs[:96]}
	var s anomaly.DeviceState
	var a anomaly.Answer
	b.ReportAllocs()
	for range b.N {
		m.Assess(&r, &s, &a)
	}
}

// BenchmarkState is reading a state and writing it back.
func BenchmarkState(b *testing.B) {
	var s anomaly.DeviceState
	replay(newDetector(b), &s, station(200))
	buf := s.AppendBinary(nil)
	b.ReportAllocs()
	b.ReportMetric(float64(len(buf)), "bytes")
	var got anomaly.DeviceState
	for range b.N {
		if err := got.Decode(buf); err != nil {
			b.Fatal(err)
		}
		buf = got.AppendBinary(buf[:0])
	}
}
