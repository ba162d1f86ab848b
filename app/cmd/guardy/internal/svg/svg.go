// Package svg writes the elements that the command's pictures have in common.
package svg

import (
	"fmt"
	"html"
	"math"
	"strings"
	"time"
)

// Canvas collects the elements of a picture.
type Canvas struct{ strings.Builder }

// Open begins a picture of its own on white, with its title. Close ends it.
func (c *Canvas) Open(width, height float64, title string) {
	c.Printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%[1]g" height="%[2]g" font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#222">`, width, height)
	c.Printf(`<title>%s</title>`, html.EscapeString(title))
	c.Printf(`<rect width="100%%" height="100%%" fill="#fff"/>`)
}

// Close ends the picture.
func (c *Canvas) Close() { c.WriteString("</svg>\n") }

// Printf writes an element on a line of its own. Text that is not the program's must be escaped.
func (c *Canvas) Printf(format string, args ...any) { fmt.Fprintf(c, format+"\n", args...) }

// Text writes s, escaped. Attributes are further ones of the element: `fill="#555"`.
func (c *Canvas) Text(x, y float64, anchor, attributes, s string) {
	c.Printf(`<text x="%.1f" y="%.1f" text-anchor="%s" %s>%s</text>`, x, y, anchor, attributes, html.EscapeString(s))
}

// Ticks returns at most most+1 round values from low to high: steps are 1, 2 or 5 times a power of ten.
func Ticks(low, high float64, most int) []float64 {
	if !(high > low) || math.IsInf(high-low, 0) {
		return nil
	}
	step := math.Pow(10, math.Floor(math.Log10((high-low)/float64(most))))
	for _, factor := range [...]float64{1, 2, 5, 10} {
		if (high-low)/(factor*step) <= float64(most) {
			step *= factor
			break
		}
	}
	var ticks []float64
	for k := math.Ceil(low / step); k*step <= high && len(ticks) <= most; k++ {
		ticks = append(ticks, k*step+0) // -0 becomes 0
	}
	return ticks
}

// Tick is a labelled time of an axis.
type Tick struct {
	At    time.Time
	Label string
}

// timeStep is a distance of ticks: of days and less, or of months.
type timeStep struct {
	length time.Duration
	months int
}

const day = 24 * time.Hour

var timeSteps = [...]timeStep{
	{time.Minute, 0},
	{5 * time.Minute, 0},
	{15 * time.Minute, 0},
	{time.Hour, 0},
	{3 * time.Hour, 0},
	{6 * time.Hour, 0},
	{12 * time.Hour, 0},
	{day, 0},
	{2 * day, 0},
	{7 * day, 0},
	{30 * day, 1},
	{91 * day, 3},
	{365 * day, 12},
	{5 * 365 * day, 60},
	{20 * 365 * day, 240},
	{100 * 365 * day, 1200},
}

// TimeTicks returns at most about most round times between from and to, in UTC. A label says what its
// step changes: a clock time, and the day at midnight; a month, and the year in January.
func TimeTicks(from, to time.Time, most int) []Tick {
	from, to = from.UTC(), to.UTC()
	step := timeSteps[len(timeSteps)-1]
	for _, s := range timeSteps {
		if to.Sub(from)/s.length <= time.Duration(most) {
			step = s
			break
		}
	}
	var ticks []Tick
	for t := step.next(from, true); t.Before(to) && len(ticks) <= 2*most; t = step.next(t, false) {
		ticks = append(ticks, Tick{t, step.label(t)})
	}
	return ticks
}

// next returns the first round time after t; from first on it is rounded, later ones follow by whole steps.
func (s timeStep) next(t time.Time, first bool) time.Time {
	switch {
	case s.months == 0 && first:
		return t.Truncate(s.length).Add(s.length)
	case s.months == 0:
		return t.Add(s.length)
	case first:
		months := t.Year()*12 + int(t.Month()) - 1
		return time.Date(0, time.Month((months/s.months+1)*s.months+1), 1, 0, 0, 0, 0, time.UTC)
	}
	return t.AddDate(0, s.months, 0)
}

func (s timeStep) label(t time.Time) string {
	switch {
	case s.months >= 12 || s.months > 0 && t.Month() == time.January:
		return t.Format("2006")
	case s.months > 0:
		return t.Format("Jan")
	case t.Hour() == 0 && t.Minute() == 0:
		return t.Format("2 Jan")
	}
	return t.Format("15:04")
}
