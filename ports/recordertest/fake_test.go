package recordertest_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/recordertest"
)

func TestFakeKeepsTheContract(t *testing.T) {
	recordertest.Run(t, func(*testing.T) recordertest.Subject {
		return recordertest.Subject{Recorder: new(recordertest.Fake)}
	})
}

func TestNopAndManyRecordersKeepTheContract(t *testing.T) {
	recordertest.Run(t, func(*testing.T) recordertest.Subject {
		return recordertest.Subject{Recorder: ports.Recorders{ports.NopRecorder{}, new(recordertest.Fake)}}
	})
}

func TestFakeRemembersFactsInOrderAndCopiesLevels(t *testing.T) {
	var f recordertest.Fake
	m := domain.ModelRef{Name: domain.RiskScorer, Version: "1.0.0"}
	levels := &domain.LevelCounts{domain.LevelHigh: 2}
	f.CacheLookup(t.Context(), m.Name, domain.CacheMiss, 2, time.Millisecond)
	f.Predicted(t.Context(), m, levels, 2, time.Second)
	f.Served(t.Context(), m, levels, 2)
	levels[domain.LevelHigh] = 99

	want := []recordertest.Fact{
		recordertest.CacheLookup{Model: m.Name, Outcome: domain.CacheMiss, N: 2, Took: time.Millisecond},
		recordertest.Predicted{Model: m, Levels: domain.LevelCounts{domain.LevelHigh: 2}, N: 2, Took: time.Second},
		recordertest.Served{Model: m, Levels: domain.LevelCounts{domain.LevelHigh: 2}, N: 2},
	}
	if d := cmp.Diff(want, f.Facts()); d != "" {
		t.Errorf("facts (-want +got):\n%s", d)
	}
	if got := recordertest.Only[recordertest.Served](f.Facts()); len(got) != 1 || got[0].N != 2 {
		t.Errorf("Only[Served] = %v", got)
	}
	f.Reset()
	if got := f.Facts(); len(got) != 0 {
		t.Errorf("after Reset: %v", got)
	}
}
