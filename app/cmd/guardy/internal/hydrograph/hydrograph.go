// Package hydrograph draws what nowcasts said of one river beside what the river did.
package hydrograph

import (
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/svg"
	"github.com/guardy-ai/guardy/domain/nowcast"
)

// Nowcast is one question with its answer.
type Nowcast struct {
	Request  nowcast.Request
	Forecast nowcast.Forecast
}

// The picture's geometry in SVG units: rain hangs from the top, the river with its forecasts below it,
// probabilities at the bottom, all over one axis of time.
const (
	width, left, right = 960.0, 78.0, 24.0
	rainTop, rainTall  = 76.0, 70.0
	riverTop, riverTal = rainTop + rainTall + 18, 300.0
	oddsTop, oddsTall  = riverTop + riverTal + 34, 130.0
	height             = oddsTop + oddsTall + 62
)

// point is a value of a series.
type point struct {
	at    time.Time
	value float64
}

// record is what all requests together know of the river.
type record struct {
	rain, river []point
	threshold   float64 // NaN when not known
	unit        string
}

var errNothing = errors.New("no answered nowcast has a river to draw")

// WriteSVG draws the nowcasts of one river, in any order. What the river did is taken from the readings
// of all of them, so those asked later show what became of those asked before. Fans are the quantiles 10 to
// 90 % and 25 to 75 % with the median; a fan begins where the one before it ended.
func WriteSVG(w io.Writer, title string, asked []Nowcast) error {
	asked = slices.DeleteFunc(slices.Clone(asked), func(n Nowcast) bool { return n.Forecast.Observed == nowcast.SeriesRainfall })
	if len(asked) == 0 {
		return errNothing
	}
	slices.SortFunc(asked, func(a, b Nowcast) int { return a.Forecast.IssuedFor.Compare(b.Forecast.IssuedFor) })
	c := newCanvas(gather(asked), asked)
	c.open(title, len(asked))
	c.axes()
	c.rain()
	c.fans(asked)
	c.river()
	c.odds(asked)
	c.Close()
	_, err := io.WriteString(w, c.String())
	return err
}

// gather merges the readings of the requests; a later request corrects an earlier one.
func gather(asked []Nowcast) record {
	rain, river := map[time.Time]float64{}, map[time.Time]float64{}
	series := asked[len(asked)-1].Forecast.Observed
	for i := range asked {
		for k := range asked[i].Request.Readings {
			v := &asked[i].Request.Readings[k]
			if x := v.RainfallMM; x >= 0 {
				rain[v.Time] = x
			}
			if x := v.Value(series); !math.IsNaN(x) {
				river[v.Time] = x
			}
		}
	}
	r := record{rain: inOrder(rain), river: inOrder(river), threshold: asked[len(asked)-1].Request.FloodThreshold, unit: "m"}
	if series == nowcast.SeriesDischarge {
		r.unit = "m³/s"
	}
	return r
}

func inOrder(values map[time.Time]float64) []point {
	var out []point
	for _, at := range slices.SortedFunc(maps.Keys(values), time.Time.Compare) {
		out = append(out, point{at, values[at]})
	}
	return out
}

// canvas places times and values.
type canvas struct {
	svg.Canvas
	record
	from, to  time.Time
	low, high float64 // of the river's axis
	mostRain  float64
}

func newCanvas(r record, asked []Nowcast) *canvas {
	c := &canvas{record: r, low: math.Inf(1), high: math.Inf(-1), mostRain: 1}
	first, last := asked[0].Forecast, asked[len(asked)-1].Forecast
	c.from, c.to = first.IssuedFor, last.IssuedFor
	for _, p := range last.Predictions {
		if valid := last.IssuedFor.Add(hours(p.HoursAhead)); len(asked) == 1 && valid.After(c.to) {
			c.to = valid
		}
	}
	lead := c.to.Sub(c.from) / 10 // some of what was known before the first question
	c.from = c.from.Add(-max(lead, 6*time.Hour))
	include := func(v float64) { c.low, c.high = min(c.low, v), max(c.high, v) }
	for _, p := range r.river {
		if c.inside(p.at) {
			include(p.value)
		}
	}
	for i := range asked {
		for _, p := range asked[i].Forecast.Predictions {
			include(p.Quantiles.P10)
			include(p.Quantiles.P90)
		}
	}
	if !math.IsNaN(r.threshold) {
		include(r.threshold)
	}
	margin := max(c.high-c.low, 1e-6) * 0.05
	c.low, c.high = c.low-margin, c.high+margin
	for _, p := range r.rain {
		if c.inside(p.at) {
			c.mostRain = max(c.mostRain, p.value)
		}
	}
	return c
}

func hours(n int) time.Duration { return time.Duration(n) * time.Hour }

func (c *canvas) inside(t time.Time) bool { return !t.Before(c.from) && !t.After(c.to) }

func (c *canvas) x(t time.Time) float64 {
	return left + (width-left-right)*float64(t.Sub(c.from))/float64(max(c.to.Sub(c.from), 1))
}

func (c *canvas) y(v float64) float64 { return riverTop + riverTal*(c.high-v)/(c.high-c.low) }

func yOdds(p float64) float64 { return oddsTop + oddsTall*(1-p) }

func (c *canvas) open(title string, n int) {
	c.Open(width, height, title)
	c.Printf(`<clipPath id="plot"><rect x="%g" y="0" width="%g" height="%g"/></clipPath>`, left, width-left-right, height)
	c.Text(left, 28, "start", `font-size="17" font-weight="bold"`, title)
	c.Text(left, 50, "start", `fill="#555"`, fmt.Sprintf("%d nowcasts, %s to %s UTC", n, c.from.UTC().Format("2006-01-02 15:04"), c.to.UTC().Format("2006-01-02 15:04")))
}

// axes draws days and hours, the scales of the three panels and the threshold.
func (c *canvas) axes() {
	for _, t := range svg.TimeTicks(c.from, c.to, 14) {
		x := c.x(t.At)
		c.Printf(`<path d="M%.1f %gV%g" stroke="#ececec"/>`, x, rainTop, oddsTop+oddsTall)
		c.Text(x, oddsTop+oddsTall+19, "middle", "", t.Label)
	}
	c.scale(c.low, c.high, c.y)
	c.scale(0, 1, yOdds)
	c.Text(left-8, rainTop+10, "end", "", "0")
	c.Text(left-8, rainTop+rainTall, "end", "", fmt.Sprintf("%.3g", c.mostRain))
	for _, panel := range []struct {
		top, tall float64
		label     string
	}{{rainTop, rainTall, "rain, mm"}, {riverTop, riverTal, "river, " + c.unit}, {oddsTop, oddsTall, "chance of the threshold"}} {
		c.Printf(`<rect x="%g" y="%g" width="%g" height="%g" fill="none" stroke="#555"/>`, left, panel.top, width-left-right, panel.tall)
		c.Printf(`<text transform="translate(18 %g) rotate(-90)" text-anchor="middle">%s</text>`, panel.top+panel.tall/2, html.EscapeString(panel.label))
	}
}

// scale labels an axis at round values.
func (c *canvas) scale(low, high float64, y func(float64) float64) {
	for _, v := range svg.Ticks(low, high, 6) {
		c.Printf(`<path d="M%g %.1fH%g" stroke="#ececec"/>`, left, y(v), width-right)
		c.Text(left-8, y(v)+4, "end", "", fmt.Sprintf("%.4g", v))
	}
}

func (c *canvas) rain() {
	for i, p := range c.record.rain {
		if !c.inside(p.at) || p.value == 0 {
			continue
		}
		since := p.at.Add(-time.Hour) // the step in which it fell
		if i > 0 && c.record.rain[i-1].at.After(since) {
			since = c.record.rain[i-1].at
		}
		c.Printf(`<rect x="%.1f" y="%g" width="%.1f" height="%.1f" fill="#6fa8dc" clip-path="url(#plot)"/>`,
			c.x(since), rainTop, max(c.x(p.at)-c.x(since)-0.5, 0.5), rainTall*p.value/c.mostRain)
	}
}

// fans draws quantiles; a fan begins where the one before it ended.
func (c *canvas) fans(asked []Nowcast) {
	var free time.Time
	for i := range asked {
		f := &asked[i].Forecast
		if f.IssuedFor.Before(free) {
			continue
		}
		ahead := slices.SortedFunc(slices.Values(f.Predictions), func(a, b nowcast.Prediction) int { return a.HoursAhead - b.HoursAhead })
		free = f.IssuedFor.Add(hours(ahead[len(ahead)-1].HoursAhead))
		now := asked[i].lastRiver()
		c.band(f.IssuedFor, now, ahead, "#f9cb9c", func(q nowcast.Quantiles) (low, high float64) { return q.P10, q.P90 })
		c.band(f.IssuedFor, now, ahead, "#f6b26b", func(q nowcast.Quantiles) (low, high float64) { return q.P25, q.P75 })
		var path strings.Builder
		fmt.Fprintf(&path, "M%.1f %.1f", c.x(f.IssuedFor), c.y(now))
		for _, p := range ahead {
			fmt.Fprintf(&path, "L%.1f %.1f", c.x(f.IssuedFor.Add(hours(p.HoursAhead))), c.y(p.Quantiles.P50))
		}
		c.Printf(`<path d="%s" fill="none" stroke="#b45f06" stroke-width="1.5" clip-path="url(#plot)"/>`, path.String())
		c.Printf(`<circle cx="%.1f" cy="%.1f" r="3" fill="#b45f06"/>`, c.x(f.IssuedFor), c.y(now))
	}
}

// lastRiver is the newest value of the river in the request.
func (n *Nowcast) lastRiver() float64 {
	for i := len(n.Request.Readings) - 1; i >= 0; i-- {
		if v := n.Request.Readings[i].Value(n.Forecast.Observed); !math.IsNaN(v) {
			return v
		}
	}
	return math.NaN()
}

func (c *canvas) band(at time.Time, now float64, ahead []nowcast.Prediction, fill string, of func(nowcast.Quantiles) (low, high float64)) {
	var path strings.Builder
	fmt.Fprintf(&path, "M%.1f %.1f", c.x(at), c.y(now))
	for _, p := range ahead {
		_, high := of(p.Quantiles)
		fmt.Fprintf(&path, "L%.1f %.1f", c.x(at.Add(hours(p.HoursAhead))), c.y(high))
	}
	for _, p := range slices.Backward(ahead) {
		low, _ := of(p.Quantiles)
		fmt.Fprintf(&path, "L%.1f %.1f", c.x(at.Add(hours(p.HoursAhead))), c.y(low))
	}
	c.Printf(`<path d="%sZ" fill="%s" fill-opacity="0.75" clip-path="url(#plot)"/>`, path.String(), fill)
}

// river draws what was observed, and the threshold.
func (c *canvas) river() {
	var path strings.Builder
	pen := "M"
	for i, p := range c.record.river {
		if !c.inside(p.at) {
			continue
		}
		if i > 0 && p.at.Sub(c.record.river[i-1].at) > 6*time.Hour {
			pen = "M" // a gap is no line
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", pen, c.x(p.at), c.y(p.value))
		pen = "L"
	}
	c.Printf(`<path d="%s" fill="none" stroke="#0b5394" stroke-width="2"/>`, path.String())
	if !math.IsNaN(c.threshold) {
		c.Printf(`<path d="M%g %.1fH%g" stroke="#cc0000" stroke-dasharray="6 4"/>`, left, c.y(c.threshold), width-right)
		c.Text(left+6, c.y(c.threshold)-5, "start", `fill="#cc0000" stroke="#fff" stroke-width="3" paint-order="stroke"`, fmt.Sprintf("flood threshold %.4g %s", c.threshold, c.unit))
	}
	c.Text(width-right, riverTop-5, "end", `font-size="11" fill="#555"`, "blue: observed · orange: forecast, 10–90 % and 25–75 %, line: median, dot: issue time")
}

var strokes = [...]string{"#38761d", "#b45f06", "#674ea7"}

// odds draws the chance that each of three horizons gave, at the time when it was given.
func (c *canvas) odds(asked []Nowcast) {
	var known []int
	for _, p := range asked[0].Forecast.Predictions {
		known = append(known, p.HoursAhead)
	}
	slices.Sort(known)
	chosen := known
	if len(known) > len(strokes) {
		chosen = []int{known[0], known[len(known)/2], known[len(known)-1]}
	}
	for k, h := range chosen {
		var path strings.Builder
		pen := "M"
		for i := range asked {
			f := &asked[i].Forecast
			for _, p := range f.Predictions {
				if p.HoursAhead == h {
					fmt.Fprintf(&path, "%s%.1f %.1f", pen, c.x(f.IssuedFor), yOdds(p.Probability))
					pen = "L"
				}
			}
		}
		c.Printf(`<path d="%s" fill="none" stroke="%s" stroke-width="1.8"/>`, path.String(), strokes[k])
		c.Text(width-right-8-110*float64(len(chosen)-1-k), oddsTop+oddsTall+42, "end", `fill="`+strokes[k]+`"`, fmt.Sprintf("%d h ahead", h))
	}
	c.Text(left, oddsTop+oddsTall+42, "start", `font-size="11" fill="#555"`, "each chance stands at the time when it was given")
}
