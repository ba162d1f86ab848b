package risk_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
)

func TestACodeForNoDataIsRefusedInAFieldOfItsOwn(t *testing.T) {
	for _, code := range []float64{-9999, -999, -99999, -999999, -888888, 999999, 9999.9, -28316.8, -28316.818359, -8.88, -304.4952, -888} {
		for pointer, set := range map[string]func(*risk.Request){
			"/river/value":           func(r *risk.Request) { r.River.Value = code },
			"/river/normal":          func(r *risk.Request) { r.River.Normal = code },
			"/river/flood_threshold": func(r *risk.Request) { r.River.FloodThreshold = code },
		} {
			r := request()
			r.River.Value, r.River.Normal, r.River.FloodThreshold = 30, 20, 200
			set(&r)
			vs := r.Validate()
			if len(vs) != 1 || vs[0].Pointer != pointer || !strings.Contains(vs[0].Detail, "code") {
				t.Errorf("%g at %s: %+v", code, pointer, vs)
			}
		}
	}
	for pointer, set := range map[string]func(*risk.Request, float64){
		"/rainfall_mm":          func(r *risk.Request, v float64) { r.RainfallMM = v },
		"/temperature":          func(r *risk.Request, v float64) { r.Temperature = v },
		"/humidity":             func(r *risk.Request, v float64) { r.Humidity = v },
		"/rainfall_7d_mean":     func(r *risk.Request, v float64) { r.Rainfall7dMean = v },
		"/temperature_30d_mean": func(r *risk.Request, v float64) { r.Temperature30dMean = v },
	} {
		for _, code := range []float64{-9999, -999, 9999.9, 999999, -28316.8} {
			r := request()
			set(&r, code)
			if vs := r.Validate(); len(vs) != 1 || vs[0].Pointer != pointer {
				t.Errorf("%g at %s: %+v", code, pointer, vs)
			}
		}
	}
}

func TestACodeInTheHistoryIsAMissingDay(t *testing.T) {
	m := model(t)
	with, without := request(), request()
	with.RainfallHistoryMM = []float64{1, 2, -9999, 4, 9999.9}
	without.RainfallHistoryMM = []float64{1, 2, math.NaN(), 4, math.NaN()}
	if vs := with.Validate(); vs != nil {
		t.Fatalf("%+v", vs)
	}
	got, want := assess(m, with), assess(m, without)
	if got.Probability != want.Probability || got.Quality.Ignored != want.Quality.Ignored {
		t.Errorf("%v with codes, %v without those days", got.Probability, want.Probability)
	}
	if diff := cmp.Diff([]domain.Doubt{
		{Pointer: "/rainfall_history_mm/2", Reason: domain.DoubtNoDataCode, Treated: domain.TreatedMissing},
		{Pointer: "/rainfall_history_mm/4", Reason: domain.DoubtNoDataCode, Treated: domain.TreatedMissing},
	}, got.Quality.Doubtful); diff != "" {
		t.Error(diff)
	}
	with.RainfallHistoryMM = []float64{-5}
	if vs := with.Validate(); len(vs) != 1 || vs[0].Pointer != "/rainfall_history_mm/0" {
		t.Errorf("a negative rain that is no code: %+v", vs)
	}
}

func TestARiverInAGreaterUnitIsLeftOut(t *testing.T) {
	m := model(t)
	r := request()
	dry := assess(m, r)
	r.River.Value, r.River.Normal, r.River.FloodThreshold = 5, 706, 7060
	a := assess(m, r)
	if a.Probability != dry.Probability || !a.Quality.Missing.Has(risk.InputRiver) {
		t.Errorf("%v with the river, %v without: %v", a.Probability, dry.Probability, a.Quality.Missing.Names())
	}
	want := []domain.Doubt{{Pointer: "/river/value", Reason: domain.DoubtUnit, Treated: domain.TreatedMissing}}
	if diff := cmp.Diff(want, a.Quality.Doubtful); diff != "" {
		t.Error(diff)
	}
}

func TestARiverInASmallerUnitBoundsTheAnswer(t *testing.T) {
	m := model(t)
	for _, rain := range []float64{0, 12} {
		r := request()
		r.RainfallMM = rain
		dry := assess(m, r)
		r.River.Value, r.River.Normal, r.River.FloodThreshold = 130, 1.5, 4.5 // centimetres, metres
		a := assess(m, r)
		want := []domain.Doubt{{Pointer: "/river/value", Reason: domain.DoubtUnit, Treated: domain.TreatedBound}}
		if diff := cmp.Diff(want, a.Quality.Doubtful); diff != "" {
			t.Error(diff)
		}
		if a.Level < domain.LevelModerate || a.Probability < dry.Probability || a.Lower > dry.Lower || a.Upper < dry.Upper {
			t.Errorf("%g mm: %v [%v, %v], without the river %v [%v, %v]", rain, a.Probability, a.Lower, a.Upper, dry.Probability, dry.Lower, dry.Upper)
		}
	}
}

func TestWhatMayBeACodeOrAMeasurementBoundsTheAnswer(t *testing.T) {
	m := model(t)
	r := request()
	dry := assess(m, r)
	r.River.Value, r.River.Normal, r.River.FloodThreshold = 999, 990, 2000 // an ordinary day, or no data
	a := assess(m, r)
	want := []domain.Doubt{{Pointer: "/river/value", Reason: domain.DoubtNoDataCode, Treated: domain.TreatedBound}}
	if diff := cmp.Diff(want, a.Quality.Doubtful); diff != "" {
		t.Error(diff)
	}
	if a.Probability < dry.Probability {
		t.Errorf("%v, and %v without the river", a.Probability, dry.Probability)
	}
	r.River.Value = 1999.5 // nearly a flood
	if a := assess(m, r); a.Quality.Doubtful != nil {
		t.Errorf("an ordinary river is doubtful: %v", a.Quality.Doubtful)
	}
}

func TestDoubtsArePartOfTheQuestionsKey(t *testing.T) {
	key := func(r risk.Request) string {
		r.Canonicalize()
		return string(r.AppendCanonical(nil))
	}
	plain, doubtful := request(), request()
	plain.River.Normal, plain.River.FloodThreshold = 706, 7060
	doubtful.River.Value, doubtful.River.Normal, doubtful.River.FloodThreshold = 5, 706, 7060
	if key(plain) == key(doubtful) {
		t.Error("an answer that names a doubt would be served to a question without one")
	}
	again := doubtful
	again.Canonicalize()
	if key(again) != key(doubtful) {
		t.Error("a second canonical form differs")
	}
}

func TestABatchHeedsDoubtsAsSingleAnswersDo(t *testing.T) {
	m := model(t)
	rs := make([]risk.Request, 4)
	todo := make([]int32, len(rs))
	for i := range rs {
		rs[i] = request()
		rs[i].River.Normal, rs[i].River.FloodThreshold = 1.5, 4.5
		rs[i].River.Value = []float64{130, 2, 999, 0.01}[i]
		rs[i].Canonicalize()
		todo[i] = int32(i)
	}
	out := make([]risk.Outcome, len(rs))
	m.AssessMany(new(risk.Scratch), rs, out, todo)
	for i := range rs {
		var single risk.Assessment
		m.Assess(&rs[i], &single)
		if diff := cmp.Diff(single, out[i].Assessment, cmpopts.EquateNaNs()); diff != "" {
			t.Errorf("item %d: %s", i, diff)
		}
	}
}

func TestAnAnswerWithoutDoubtDoesNotAllocate(t *testing.T) {
	m := model(t)
	r := request()
	r.River.Value, r.River.Normal, r.River.FloodThreshold = 30, 20, 200
	var a risk.Assessment
	if n := testing.AllocsPerRun(100, func() {
		q := r
		_ = q.Validate()
		q.Canonicalize()
		m.Assess(&q, &a)
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
}
