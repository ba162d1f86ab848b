package qcreport

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/svg"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/qartod"
)

// The geometry of one variable's plot in SVG units: the series, below it a strip of flags, the times.
const (
	width, left, right = 960.0, 70.0, 14.0
	top, tall          = 8.0, 150.0
	stripTop, strip    = top + tall + 5, 8.0
	height             = stripTop + strip + 22
)

// group is how conditions are coloured: what cannot be a measurement, what comes and goes, what lasts.
var group = [anomaly.NumConditions]string{
	anomaly.ConditionSentinel: "no-value", anomaly.ConditionImpossible: "no-value",
	anomaly.ConditionSpike: "sudden", anomaly.ConditionJump: "sudden", anomaly.ConditionUnlikely: "sudden",
	anomaly.ConditionShifted: "lasting", anomaly.ConditionStuck: "lasting", anomaly.ConditionNoisy: "lasting", anomaly.ConditionSagging: "lasting",
}

func groupOf(c anomaly.Condition) string {
	if name := group[c]; name != "" {
		return name
	}
	return "sudden"
}

// window is the part of a device's timeline that is drawn.
type window struct {
	from, to time.Time
	left     int // readings outside it
}

// loneGap is the share of all time which a gap must have for the smaller side to be taken for the work
// of a clock that was wrong: 1970 before the first synchronisation, or far in the future.
const loneGap = 0.9

// window returns what is drawn of the device, and the typical distance of its buckets.
func (d *device) window() (w window, step time.Duration) {
	if len(d.steps.buckets) == 0 {
		return window{from: d.first, to: d.last}, time.Hour
	}
	order := slices.SortedFunc(slices.Values(d.steps.buckets), func(a, b bucket) int { return a.at.Compare(b.at) })
	all := len(order)
	lone := time.Duration(loneGap * float64(order[all-1].at.Sub(order[0].at)))
	for i := 1; i < all && all > 2; i++ {
		if order[i].at.Sub(order[i-1].at) > lone {
			if before, after := order[:i], order[i:]; readings(before) < readings(after) {
				order, w.left = after, readings(before)
			} else {
				order, w.left = before, readings(after)
			}
			break
		}
	}
	step = typical(order)
	w.from, w.to = order[0].at, order[len(order)-1].at
	if !d.last.After(w.to.Add(step)) {
		w.to = d.last // the last bucket goes on after its first reading
	}
	return w, step
}

func readings(buckets []bucket) (n int) {
	for _, b := range buckets {
		n += b.readings
	}
	return n
}

// typical returns the median distance of the buckets, which are in order of time.
func typical(order []bucket) time.Duration {
	if len(order) < 2 {
		return time.Hour
	}
	gaps := make([]time.Duration, len(order)-1)
	for i := range gaps {
		gaps[i] = order[i+1].at.Sub(order[i].at)
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}

// plot draws one variable.
type plot struct {
	svg.Canvas
	window
	v         *variable
	buckets   []bucket
	low, high float64
	step      time.Duration // typical distance of the buckets
}

// draw returns the plot of a variable as SVG inside HTML. Colours are those of the page.
func (d *device) draw(v *variable) string {
	p := &plot{v: v, buckets: d.steps.buckets}
	p.window, p.step = d.window()
	p.low, p.high = v.span()
	p.Printf(`<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, width, height, html.EscapeString(v.name+" of "+d.name))
	p.axes()
	p.episodes()
	p.series()
	p.strip()
	p.marks()
	p.Close()
	return p.String()
}

// span returns the values that the axis shows: all that are no anomaly, and anomalous ones that are not
// far from them.
func (v *variable) span() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for i := range v.cells {
		if c := &v.cells[i]; c.low == c.low {
			low, high = min(low, c.low), max(high, c.high)
		}
	}
	if low > high { // nothing but anomalies
		for i := range v.cells {
			if m := v.cells[i].worst; m.score > 0 && m.value == m.value {
				low, high = min(low, m.value), max(high, m.value)
			}
		}
	}
	if low > high {
		return 0, 1
	}
	near := high - low
	bottom, ceiling := low-near, high+near
	for i := range v.cells {
		if m := v.cells[i].worst; m.score > 0 && m.value >= bottom && m.value <= ceiling {
			low, high = min(low, m.value), max(high, m.value)
		}
	}
	margin := max(0.06*(high-low), 1e-9*math.Abs(high), 1e-9)
	if low == high {
		margin = max(margin, 0.05*math.Abs(high), 0.05)
	}
	return max(low-margin, -math.MaxFloat64), min(high+margin, math.MaxFloat64)
}

func (p *plot) x(t time.Time) float64 {
	return left + (width-left-right)*float64(t.Sub(p.from))/float64(max(p.to.Sub(p.from), 1))
}

func (p *plot) y(v float64) float64 {
	share := (v/2 - p.low/2) / (p.high/2 - p.low/2) // halves, because the numbers may be the largest there are
	return top + tall*(1-min(max(share, 0), 1))
}

// inside reports whether a bucket is drawn.
func (p *plot) inside(i int) bool {
	return !p.buckets[i].at.Before(p.from) && !p.buckets[i].at.After(p.to)
}

func (p *plot) axes() {
	p.Printf(`<rect x="%g" y="%g" width="%g" height="%g" class="frame"/>`, left, top, width-left-right, tall)
	for _, v := range svg.Ticks(p.low, p.high, 5) {
		p.Printf(`<path d="M%g %.1fH%g" class="grid"/>`, left, p.y(v), width-right)
		p.Text(left-8, min(p.y(v)+4, top+tall-2), "end", "", fmt.Sprintf("%.5g", v))
	}
	for _, t := range svg.TimeTicks(p.from, p.to, 15) {
		p.Printf(`<path d="M%.1f %gV%g" class="grid"/>`, p.x(t.At), top, stripTop+strip)
		p.Text(p.x(t.At), height-6, "middle", "", t.Label)
	}
	p.Text(left-8, stripTop+strip+1, "end", `class="soft"`, "flag")
}

// runs calls draw for every run of buckets in the window whose key is the same; an empty key is none. A
// run ends at a gap.
func (p *plot) runs(key func(i int) string, draw func(key string, from, to float64)) {
	begin, running := 0.0, ""
	var end time.Time
	for i := range p.buckets {
		k := ""
		if p.inside(i) {
			k = key(i)
		}
		at := p.buckets[i].at
		if running != "" && (k != running || at.Sub(end) > 4*p.step || at.Before(end)) {
			draw(running, begin, min(p.x(end.Add(max(0, min(at.Sub(end), p.step)))), width-right))
			running = ""
		}
		if k != "" && running == "" {
			begin, running = p.x(at), k
		}
		end = at
	}
	if running != "" {
		draw(running, begin, width-right)
	}
}

func (p *plot) episodes() {
	p.runs(func(i int) string {
		if p.buckets[i].alarmed {
			return "episode"
		}
		return ""
	}, func(class string, from, to float64) {
		p.Printf(`<rect x="%.1f" y="%g" width="%.1f" height="%g" class="%s"/>`, from, top, max(to-from, 1.5), tall, class)
	})
}

// series draws the envelope of the values that are no anomaly: up along the largest, back along the
// smallest.
func (p *plot) series() {
	var up, back []string
	flush := func() {
		if len(up) == 0 {
			return
		}
		slices.Reverse(back)
		p.Printf(`<path d="M%sL%sZ" class="series"/>`, strings.Join(up, "L"), strings.Join(back, "L"))
		up, back = up[:0], back[:0]
	}
	var end time.Time
	for i := range p.v.cells {
		c := &p.v.cells[i]
		if !p.inside(i) || c.low != c.low {
			continue
		}
		at := p.buckets[i].at
		if len(up) > 0 && (at.Sub(end) > 4*p.step || at.Before(end)) { // a gap is no line
			flush()
		}
		end = at
		up = append(up, fmt.Sprintf("%.1f %.1f", p.x(at), p.y(c.high)))
		back = append(back, fmt.Sprintf("%.1f %.1f", p.x(at), p.y(c.low)))
	}
	flush()
}

// strip draws the worst flag of each bucket.
func (p *plot) strip() {
	p.runs(func(i int) string {
		if i >= len(p.v.cells) || p.v.cells[i].flag == 0 {
			return ""
		}
		return flagClass(p.v.cells[i].flag)
	}, func(class string, from, to float64) {
		p.Printf(`<rect x="%.1f" y="%g" width="%.1f" height="%g" class="%s"/>`, from, stripTop, max(to-from, 1.5), strip, class)
	})
}

func flagClass(f qartod.Flag) string { return fmt.Sprintf("flag-%d", f) }

// marks draws the values that stood out; those beyond the axis stand at its edge and point outwards.
func (p *plot) marks() {
	for i := range p.v.cells {
		c := &p.v.cells[i]
		if !p.inside(i) {
			continue
		}
		if m := c.explained; m.score > 0 {
			p.mark(i, m, "explained", "explained by the weather")
		}
		if m := c.worst; m.score > 0 {
			what := m.condition.String()
			if c.anomalous > 1 {
				what = fmt.Sprintf("%s, the worst of %d here", what, c.anomalous)
			}
			p.mark(i, m, groupOf(m.condition), what)
		}
	}
}

func (p *plot) mark(i int, m mark, class, what string) {
	x := p.x(p.buckets[i].at)
	title := fmt.Sprintf("%s UTC: %.6g, %s", p.buckets[i].at.UTC().Format("2006-01-02 15:04"), m.value, what)
	if p.buckets[i].readings > 1 {
		title = "from " + title
	}
	shape := fmt.Sprintf(`<circle cx="%.1f" cy="%.1f" r="3.4"`, x, p.y(m.value))
	switch {
	case m.value != m.value:
		return
	case m.value > p.high:
		shape = fmt.Sprintf(`<path d="M%.1f %.1fl4.5 8h-9z"`, x, top+1)
	case m.value < p.low:
		shape = fmt.Sprintf(`<path d="M%.1f %.1fl4.5 -8h-9z"`, x, top+tall-1)
	}
	p.Printf(`%s class="%s"><title>%s</title>%s`, shape, class, html.EscapeString(title), closing(shape))
}

// closing returns the end tag of the element that shape begins.
func closing(shape string) string {
	name, _, _ := strings.Cut(shape[1:], " ")
	return "</" + name + ">"
}
