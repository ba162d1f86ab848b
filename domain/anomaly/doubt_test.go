package anomaly_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/doubt"
)

// one is a self-made record of one variable, about a level, every quarter of an hour.
func one(name string, level float64, n int, seed uint64) []anomaly.Reading {
	rng := rand.New(rand.NewPCG(seed, 17))
	out := make([]anomaly.Reading, n)
	for i := range out {
		x := level + math.Abs(level)*(0.1*math.Sin(float64(i)/40)+0.002*rng.NormFloat64())
		out[i] = anomaly.Reading{
			Time: epoch.Add(time.Duration(i) * 15 * time.Minute), Values: []anomaly.Value{{Name: name, Value: round(x, 1000)}},
		}
	}
	return out
}

// FuzzACodeIsAMissingValue: where a code for no data stands, the reading is an anomaly, and every other reading
// is judged as if the value had been missing: a code is no level to come back from.
func FuzzACodeIsAMissingValue(f *testing.F) {
	codes := []float64{-999999, -9999, -999, 999999, -888888, 9999.9, -28316.8, -32768, 2147483647, -8.88}
	names := []struct {
		name  string
		level float64
	}{
		{"discharge_m3s", 20},
		{anomaly.NameWaterLevel, 1.2},
		{anomaly.NameTemperature, 12},
		{"turbidity", 40},
		{"conductivity", 5000},
		{"lake_level", 304},
		{anomaly.NameHumidity, 70},
		{anomaly.NameBattery, 12.6},
		{anomaly.NameSignal, -85},
	}
	for seed := range uint64(60) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 18))
		series := names[rng.IntN(len(names))]
		code := codes[rng.IntN(len(codes))]
		if !doubt.IsCode(doubt.QuantityOf(series.name), code) || code == -8.88 && series.level < 0 {
			return
		}
		n := 200 + rng.IntN(300)
		with := one(series.name, series.level, n, seed)
		without := one(series.name, series.level, n, seed)
		from, run := rng.IntN(n-20), 1+rng.IntN(16)
		for i := from; i < from+run; i++ {
			with[i].Values[0].Value, without[i].Values[0].Value = code, nan
		}
		d := newDetector(t)
		got, want := replay(d, new(anomaly.DeviceState), with), replay(d, new(anomaly.DeviceState), without)
		for i := range got {
			isCode := i >= from && i < from+run
			if isCode && (!got[i].IsAnomaly || got[i].Findings()[0].Condition != anomaly.ConditionSentinel) {
				t.Fatalf("%s, reading %d: the code %g is no anomaly: %s", series.name, i, code, got[i].Explanation())
			}
			if !isCode && got[i].Score != want[i].Score {
				t.Fatalf("%s, reading %d, after a run of %d × %g: %s", series.name, i, run, code, got[i].Explanation())
			}
		}
	})
}

func TestAnOrdinaryLevelIsNoCode(t *testing.T) {
	for name, level := range map[string]float64{
		anomaly.NameWaterLevel: -8.88, // below ground in a well
		"discharge_m3s":        999,
		"conductivity":         9999,
		anomaly.NameSignal:     -99,
	} {
		rng := rand.New(rand.NewPCG(4, 4))
		rs := one(name, level, 600, 4)
		for i := range rs { // about the level, which is met often
			rs[i].Values[0].Value = round(level+0.003*math.Abs(level)*rng.NormFloat64(), 100)
			if i%50 == 0 {
				rs[i].Values[0].Value = level
			}
		}
		for i, v := range replay(newDetector(t), new(anomaly.DeviceState), rs) {
			for _, f := range v.Findings() {
				if f.Condition == anomaly.ConditionSentinel && i > 8 {
					t.Errorf("%s, reading %d: %s", name, i, v.Explanation())
				}
			}
		}
	}
}

func TestAHistoryMayComeInAnyOrder(t *testing.T) {
	m, err := anomaly.NewModel(anomaly.Spec{Tunings: anomaly.DefaultTunings()})
	if err != nil {
		t.Fatal(err)
	}
	rs := station(300)
	*at(&rs[299], anomaly.NameWaterLevel) = 7.9
	ask := func(history []anomaly.Reading) (string, []byte) {
		r := validRequest()
		r.Reading, r.History = rs[299], history
		if vs := r.Validate(); vs != nil {
			t.Fatal(vs)
		}
		r.Canonicalize()
		var a anomaly.Answer
		m.Assess(&r, new(anomaly.DeviceState), &a)
		return describe(&a), r.AppendCanonical(nil)
	}
	want, key := ask(slices.Clone(rs[:299]))
	newestFirst, shuffled := slices.Clone(rs[:299]), slices.Clone(rs[:299])
	slices.Reverse(newestFirst)
	rng := rand.New(rand.NewPCG(1, 1))
	rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for name, history := range map[string][]anomaly.Reading{"newest first": newestFirst, "shuffled": shuffled} {
		got, gotKey := ask(history)
		if got != want || !bytes.Equal(gotKey, key) {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestTwoReadingsOfOneTimeAreRefusedWithBothPlaces(t *testing.T) {
	reading := func(hours int) anomaly.Reading {
		return anomaly.Reading{Time: epoch.Add(time.Duration(hours) * time.Hour), Values: []anomaly.Value{{Name: "x", Value: 1}}}
	}
	for _, c := range []struct {
		name  string
		hours []int
		want  []string
	}{
		{"rising", []int{-3, -2, -1}, nil},
		{"falling", []int{-1, -2, -3}, nil},
		{"shuffled", []int{-2, -3, -1}, nil},
		{"beside each other", []int{-3, -2, -2}, []string{"/history/1/timestamp", "/history/2/timestamp"}},
		{"far apart", []int{-1, -3, -2, -1}, []string{"/history/0/timestamp", "/history/3/timestamp"}},
		{"as the reading's own", []int{-2, 0}, []string{"/timestamp", "/history/1/timestamp"}},
		{"falling from the reading's own", []int{0, -2}, []string{"/timestamp", "/history/0/timestamp"}},
		{"two pairs", []int{-2, -2, -1, -1}, []string{"/history/0/timestamp", "/history/1/timestamp", "/history/2/timestamp", "/history/3/timestamp"}},
	} {
		r := validRequest()
		r.Reading = reading(0)
		for _, h := range c.hours {
			r.History = append(r.History, reading(h))
		}
		var got []string
		for _, v := range r.Validate() {
			got = append(got, v.Pointer)
			if v.Code != domain.CodeDuplicate {
				t.Errorf("%s: %+v", c.name, v)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	r := validRequest()
	for range 1000 {
		r.History = append(r.History, reading(-1))
	}
	if vs := r.Validate(); len(vs) > 30 {
		t.Errorf("%d violations", len(vs))
	}
}

func TestAHistoryInOrderIsValidatedWithoutAllocating(t *testing.T) {
	r := validRequest()
	r.Reading, r.History = station(100)[99], station(99)
	if n := testing.AllocsPerRun(10, func() {
		if r.Validate() != nil {
			t.Error(fmt.Sprint(r.Validate()))
		}
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
}
