package svg_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/svg"
)

func TestTicksAreRoundAndFew(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		want      []float64
	}{
		{-1, 1, []float64{-1, -0.5, 0, 0.5, 1}},
		{0.31, 0.94, []float64{0.4, 0.6, 0.8}},
		{3, 3, nil},
		{0, math.Inf(1), nil},
		{math.NaN(), 1, nil},
		{-1e308, 1e308, nil}, // farther apart than the largest number
	} {
		got := svg.Ticks(c.low, c.high, 5)
		if !slices.EqualFunc(got, c.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }) {
			t.Errorf("%v to %v: %v, want %v", c.low, c.high, got, c.want)
		}
	}
	for exponent := -300; exponent < 300; exponent += 7 {
		high := math.Pow(10, float64(exponent)) * 3.7
		if n := len(svg.Ticks(-high, high, 6)); n < 2 || n > 7 {
			t.Errorf("%d ticks to %v", n, high)
		}
	}
}

func TestTimesAreRoundAndFew(t *testing.T) {
	from := time.Date(2025, 11, 14, 9, 20, 31, 0, time.UTC)
	for _, c := range []struct {
		span  time.Duration
		first string
	}{
		{7 * time.Minute, "09:21"},
		{20 * time.Hour, "12:00"},
		{4 * 24 * time.Hour, "12:00"},
		{10 * 24 * time.Hour, "15 Nov"},
		{300 * 24 * time.Hour, "Dec"},
		{4 * 365 * 24 * time.Hour, "2026"},
	} {
		ticks := svg.TimeTicks(from, from.Add(c.span), 12)
		if len(ticks) == 0 || len(ticks) > 13 {
			t.Errorf("%v: %v", c.span, ticks)
			continue
		}
		if got := ticks[0].Label; got != c.first {
			t.Errorf("%v begins with %s, want %s", c.span, got, c.first)
		}
		if !slices.IsSortedFunc(ticks, func(a, b svg.Tick) int { return a.At.Compare(b.At) }) || ticks[0].At.Before(from) || ticks[len(ticks)-1].At.After(from.Add(c.span)) {
			t.Errorf("%v: %v", c.span, ticks)
		}
	}
	if ticks := svg.TimeTicks(from, from, 12); len(ticks) != 0 {
		t.Errorf("no time has the ticks %v", ticks)
	}
}

func TestTextIsEscaped(t *testing.T) {
	var c svg.Canvas
	c.Text(1, 2, "end", "", `<&">`)
	if strings.Contains(c.String(), `<&`) {
		t.Error(c.String())
	}
}
