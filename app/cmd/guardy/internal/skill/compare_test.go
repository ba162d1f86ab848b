package skill

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/domain"
)

// pair makes an answer pair at levels of self-made cuts.
func pair(place string, line int, before, after float64, event bool) Pair {
	level := func(p float64) domain.Level {
		switch {
		case p >= 0.5:
			return domain.LevelHigh
		case p >= 0.2:
			return domain.LevelModerate
		}
		return domain.LevelVeryLow
	}
	return Pair{Place: place, Line: line, Before: Answer{before, level(before)}, After: Answer{after, level(after)}, Event: event}
}

func TestAMoveIsCountedWithWhatHappened(t *testing.T) {
	c := Compare([]Pair{
		pair("a", 2, 0.1, 0.6, true),
		pair("a", 3, 0.1, 0.3, false),
		pair("b", 4, 0.7, 0.1, false),
		pair("b", 5, 0.7, 0.8, true),
	})
	want := []Move{{"very_low", "moderate", 1, 0}, {"very_low", "high", 1, 1}, {"high", "very_low", 1, 0}}
	if !reflect.DeepEqual(c.Moves, want) {
		t.Errorf("%+v, want %+v", c.Moves, want)
	}
	high := c.Warnings[domain.LevelHigh-domain.LevelLow]
	if high.Level != "high" || high.Raised != 1 || high.RaisedEvents != 1 || high.Lowered != 1 || high.LoweredEvents != 0 ||
		high.PODBefore != 0.5 || high.PODAfter != 1 || high.FARBefore != 0.5 || high.FARAfter != 0 {
		t.Errorf("%+v", high)
	}
	// Squared errors: .81, .01, .49, .09 before; .16, .09, .01, .04 after.
	if got := float64(c.BrierChange.Change); math.Abs(got-(0.30-1.40)/4) > 1e-12 {
		t.Errorf("Brier changed by %v", got)
	}
	if c.BrierChange.Lower == c.BrierChange.Lower {
		t.Errorf("two places have an interval: %+v", c.BrierChange)
	}
	if m := c.Movers[0]; m.Place != "a" || m.Up != 2 || m.UpEvents != 1 || m.Line != 2 || m.From != 0.1 || m.To != 0.6 {
		t.Errorf("%+v", m)
	}
}

func TestEqualModelsDoNotMove(t *testing.T) {
	var pairs []Pair
	for i := range 60 {
		pairs = append(pairs, pair(fmt.Sprint("place ", i%6), i, float64(i%10)/10, float64(i%10)/10, i%7 == 0))
	}
	c := Compare(pairs)
	if len(c.Moves) != 0 || c.BrierChange != (Change{}) || c.Before != c.After {
		t.Errorf("%+v", c)
	}
	var text strings.Builder
	if err := c.WriteText(&text, "1.0.0", "2.0.0"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2.0.0 after 1.0.0, on the 60 cases", "no case changed its level", "not told from chance"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
}

// TestTheIntervalIsOverPlaces: one place of ten carries the whole improvement, with nearly all cases. By cases the
// change would be certain; by places it is not.
func TestTheIntervalIsOverPlaces(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var lucky, all []Pair
	for place := range 10 {
		for i := range 200 {
			event := rng.IntN(10) == 0
			after := 0.1
			if place == 0 && event {
				after = 0.15
			} else if place > 0 && event {
				after = 0.1 - 0.005*rng.Float64()
			}
			lucky = append(lucky, pair(fmt.Sprint(place), i, 0.1, after, event))
			good := 0.05
			if event {
				good = 0.3
			}
			all = append(all, pair(fmt.Sprint(place), i, 0.1, good, event))
		}
	}
	if c := Compare(lucky).BrierChange; c.told() != 0 {
		t.Errorf("one lucky place is told: %+v", c)
	}
	c := Compare(all)
	if c.BrierChange.told() != -1 || !(c.BrierChange.Lower <= c.BrierChange.Change && c.BrierChange.Change <= c.BrierChange.Upper) {
		t.Errorf("an improvement everywhere is not told: %+v", c.BrierChange)
	}
	if fmt.Sprint(c) != fmt.Sprint(Compare(all)) { // NaN is not equal to itself
		t.Error("the same pairs gave another comparison")
	}
}
