package qcskill

import (
	"math"
	"testing"
)

func marks(s string) []bool {
	out := make([]bool, len(s))
	for i := range s {
		out[i] = s[i] == 'x'
	}
	return out
}

// TestCounts counts self-made series by hand.
func TestCounts(t *testing.T) {
	for _, c := range []struct {
		name, label, detected                           string
		tp, fp, fn, hit, events, episodes, falseEpisode int
	}{
		{"nothing", "........", "........", 0, 0, 0, 0, 0, 0, 0},
		{"met", "...xxx...", "....x....", 1, 0, 0, 1, 1, 1, 0},
		{"met one sample late", "..x......", "...x.....", 1, 0, 0, 1, 1, 1, 0},
		{"missed and false", "..x.........", ".........x..", 0, 1, 1, 0, 1, 1, 1},
		{"two detections in one block", "xxxxxxxxxx", ".x.....x..", 1, 0, 0, 1, 1, 2, 0},
		{"split where one stops as the other starts", "x.....", "...x..", 0, 1, 1, 0, 1, 1, 1},
	} {
		var got Counts
		got.Add(marks(c.label), marks(c.detected))
		if got.TP != c.tp || got.FP != c.fp || got.FN != c.fn || got.Hit != c.hit || got.LabelEvents != c.events ||
			got.Episodes != c.episodes || got.FalseEpisodes != c.falseEpisode {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	c := Counts{TP: 3, FP: 1, FN: 1, TruePoints: 8, FalsePoints: 2, Missed: 1, Readings: 500, LabelEvents: 4, Hit: 3, Episodes: 5, FalseEpisodes: 1}
	near := func(name string, got, want float64) {
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("%s %v, want %v", name, got, want)
		}
	}
	near("event F2", c.EventF2(), 15./20)
	near("point F2", c.PointF2(), 40./46)
	near("false per thousand", c.FalsePerThousand(), 2)
	near("strict F1", c.StrictF1(), 2*.75*.8/(.75+.8))
}

// TestNABScore: a perfect detector takes all, one that is silent nothing, and a late false alarm costs
// its weight.
func TestNABScore(t *testing.T) {
	window := make([]bool, 1000)
	for i := 500; i < 600; i++ {
		window[i] = true
	}
	at := func(is ...int) []bool {
		out := make([]bool, 1000)
		for _, i := range is {
			out[i] = true
		}
		return out
	}
	score := func(d []bool) float64 {
		s, perfect, null := NAB(d, window, Standard)
		return 100 * (s - null) / (perfect - null)
	}
	for _, c := range []struct {
		name     string
		detected []bool
		want     float64
	}{
		{"perfect", at(500, 501, 599), 100},
		{"silent", at(), 0},
		{"in probation", at(10), 0},
		{"false before any window", at(300), -5.5},
		{"false long after", at(999), -5.5 * (1 - 2/(1+math.Exp(5*400./99)))},
	} {
		if got := score(c.detected); math.Abs(got-c.want) > 0.01 {
			t.Errorf("%s: %.3f, want %.3f", c.name, got, c.want)
		}
	}
}
