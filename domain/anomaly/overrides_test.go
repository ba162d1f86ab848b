package anomaly_test

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/qartod"
)

func newModel(t *testing.T) *anomaly.Model {
	t.Helper()
	m, err := anomaly.NewModel(anomaly.Spec{
		Ref: domain.ModelRef{Name: domain.AnomalyDetector, Version: "1.0.0", Digest: "sha256:0"}, Tunings: anomaly.DefaultTunings(),
		Limits: map[string]anomaly.Limits{"turbidity": {Range: qartod.GrossRange{Fail: qartod.Span{Min: 0, Max: 4000}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func number(v float64) *float64 { return &v }

// TestOverridesReachTheVariablesTheyName and leave everything else as it was.
func TestOverridesReachTheVariablesTheyName(t *testing.T) {
	m := newModel(t)
	with, err := m.WithOverrides(anomaly.Overrides{
		Variables: map[string]anomaly.LimitsText{
			anomaly.NameTemperature: {Fail: []float64{-20, 50}},
			"turbidity":             {Suspect: []float64{0, 100}},
			anomaly.NameRain:        {PerHour: number(0), Fail: []float64{}},
			"stage":                 {Seasons: []anomaly.SeasonText{{Months: []int{11, 2}, Fail: []float64{1, 3}}}},
		},
		Devices: map[string]map[string]anomaly.LimitsText{"greenhouse": {anomaly.NameTemperature: {Fail: []float64{5, 50}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		device, variable string
		value            float64
		month            time.Month
		before, after    bool // is it an anomaly
	}{
		{"d", anomaly.NameTemperature, -30, 6, false, true},
		{"d", anomaly.NameTemperature, 2, 6, false, false},
		{"greenhouse", anomaly.NameTemperature, 2, 6, false, true},
		{"greenhouse", anomaly.NameTemperature, 55, 6, false, true},
		{"d", "turbidity", 5000, 6, true, true}, // only the suspect span was set
		{"d", anomaly.NameRain, 5000, 6, true, false},
		{"d", "stage", 5, 12, false, true},
		{"d", "stage", 5, 1, false, true},
		{"d", "stage", 5, 6, false, false},
		{"greenhouse", "stage", 5, 1, false, true},
	} {
		r := anomaly.Request{DeviceID: c.device, Reading: anomaly.Reading{
			Time: time.Date(2024, c.month, 3, 0, 0, 0, 0, time.UTC), Values: []anomaly.Value{{Name: c.variable, Value: c.value}},
		}}
		var before, after anomaly.Answer
		m.Assess(&r, new(anomaly.DeviceState), &before)
		with.Assess(&r, new(anomaly.DeviceState), &after)
		grossly := func(a *anomaly.Answer) bool {
			f := a.Findings()[0].Flags
			return f[anomaly.TestGrossRange] == qartod.Fail || f[anomaly.TestClimatology] == qartod.Fail
		}
		if grossly(&before) != c.before || grossly(&after) != c.after {
			t.Errorf("%s of %s at %v in %v fails %t, with overrides %t; want %t and %t",
				c.variable, c.device, c.value, c.month, grossly(&before), grossly(&after), c.before, c.after)
		}
	}
	if bytes.Equal(m.CacheScope(), with.CacheScope()) {
		t.Error("answers under other limits are taken for each other")
	}
	if !bytes.Equal(m.StateScope(), with.StateScope()) {
		t.Error("other limits make a cold start")
	}
	again, err := m.WithOverrides(anomaly.Overrides{})
	if err != nil || !bytes.Equal(m.CacheScope(), again.CacheScope()) {
		t.Errorf("no overrides change the answers: %v", err)
	}
}

func TestOverridesThatCannotBeMeantAreRefusedTogether(t *testing.T) {
	_, err := newModel(t).WithOverrides(anomaly.Overrides{
		Variables: map[string]anomaly.LimitsText{
			"a": {Fail: []float64{1}},
			"b": {Fail: []float64{2, 1}, MaxStep: []float64{math.NaN(), 1}},
			"c": {Fail: []float64{0, 1}, Suspect: []float64{0, 2}},
			"d": {PerHour: number(-1), PersistenceHours: number(1e9)},
			"e": {Seasons: []anomaly.SeasonText{{Months: []int{1, 13}}, {Months: []int{2}}, {Months: []int{1, 2}, Fail: []float64{0, 1}, Suspect: []float64{0, 2}}}},
			"":  {},
		},
		Devices: map[string]map[string]anomaly.LimitsText{"x": {"f": {Suspect: []float64{math.Inf(-1), 0}}}},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{
		"a: fail: ", "b: fail: ", "max_step: ", "c: the suspect span", "d: per_hour: ", "persistence_hours: ", "e: seasons 1: months: ",
		"seasons 2: months: ", "the name of a variable", "device x: f: suspect: ",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %q in\n%v", want, err)
		}
	}
}

// TestAStateIsDecodedIntoAUsedOne: nothing of the device before shows, and known names cost nothing.
func TestAStateIsDecodedIntoAUsedOne(t *testing.T) {
	d := newDetector(t)
	var a, b anomaly.DeviceState
	replay(d, &a, station(200))
	replay(d, &b, []anomaly.Reading{{Time: epoch, Values: []anomaly.Value{{Name: "turbidity", Value: 1}, {Name: anomaly.NameRain, Value: 0}}}})
	first, second := a.AppendBinary(nil), b.AppendBinary(nil)
	var used anomaly.DeviceState
	for _, data := range [][]byte{first, second, first, second} {
		if err := used.Decode(data); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(used.AppendBinary(nil), data) {
			t.Fatal("the state is another than the one that was encoded")
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		if used.Decode(first) != nil || used.Decode(first[:9]) == nil {
			t.Fatal("decoded wrongly")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if used.Readings() != 0 {
		t.Error("what was refused left a state")
	}
}
