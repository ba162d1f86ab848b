package growth

import (
	"bytes"
	"errors"
	"fmt"
	"math"
)

const (
	width, height            = 960.0, 440.0
	left, right, top, bottom = 64.0, 210.0, 64.0, 46.0
)

// line is one figure over time.
type line struct {
	label, colour string
	of            func(Sample) float64
}

var lines = []line{
	{"resident", "#333333", func(s Sample) float64 { return s.Process.Resident }},
	{"heap goal", "#c8553d", func(s Sample) float64 { return s.Go.Goal }},
	{"heap", "#2a7f9e", func(s Sample) float64 { return s.Go.Heap }},
}

// scale maps seconds and bytes to the picture.
type scale struct{ seconds, bytes float64 }

func (c scale) x(seconds float64) float64 { return left + (width-left-right)*seconds/c.seconds }
func (c scale) y(bytes float64) float64   { return height - bottom - (height-top-bottom)*bytes/c.bytes }

// Picture draws resident memory, the heap and its goal over the seconds of a run, as SVG.
func Picture(samples []Sample) ([]byte, error) {
	if len(samples) < 2 {
		return nil, errors.New("memory over time takes two samples at least")
	}
	first, last := samples[0], samples[len(samples)-1]
	c := scale{seconds: max(1, last.Time.Sub(first.Time).Seconds())}
	for _, s := range samples {
		for _, l := range lines {
			c.bytes = max(c.bytes, l.of(s))
		}
	}
	c.bytes = 1.05 * max(1e6, c.bytes)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%[1]g" height="%[2]g" font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#222">`+"\n", width, height)
	b.WriteString(`<rect width="100%" height="100%" fill="#fff"/>` + "\n")
	fmt.Fprintf(&b, `<text x="%g" y="26" font-size="16">Memory of the service</text>`+"\n", left)
	fmt.Fprintf(&b, `<text x="%g" y="46" fill="#555">%.0f s from %s; %d collections, %.0f MB allocated. A leak lifts the goal, which is set from what lives.</text>`+"\n",
		left, c.seconds, first.Time.UTC().Format("2006-01-02 15:04:05 MST"), last.Go.GCCycles-first.Go.GCCycles, (last.Go.Allocated-first.Go.Allocated)/1e6)
	axes(&b, c)
	curves(&b, c, samples)
	b.WriteString("</svg>\n")
	return b.Bytes(), nil
}

func axes(b *bytes.Buffer, c scale) {
	for v := 0.0; v <= c.bytes; v += step(c.bytes) {
		fmt.Fprintf(b, `<path d="M%g %.1fH%g" stroke="#ddd"/><text x="%g" y="%.1f" text-anchor="end">%g</text>`+"\n", left, c.y(v), width-right, left-8, c.y(v)+4, v/1e6)
	}
	for v := 0.0; v <= c.seconds; v += step(c.seconds) {
		fmt.Fprintf(b, `<path d="M%.1f %gv5" stroke="#888"/><text x="%.1f" y="%g" text-anchor="middle">%g</text>`+"\n", c.x(v), height-bottom, c.x(v), height-bottom+20, v)
	}
	fmt.Fprintf(b, `<text x="%g" y="%g" text-anchor="end">MB</text><text x="%g" y="%g">s</text>`+"\n", left-8, top-8, width-right+16, height-bottom+20)
}

func curves(b *bytes.Buffer, c scale, samples []Sample) {
	lowest := math.Inf(-1) // label so far: the next stands below it
	for _, l := range lines {
		var end float64
		fmt.Fprintf(b, `<polyline fill="none" stroke="%s" stroke-width="2" points="`, l.colour)
		for _, s := range samples {
			end = c.y(l.of(s))
			fmt.Fprintf(b, "%.1f,%.1f ", c.x(s.Time.Sub(samples[0].Time).Seconds()), end)
		}
		lowest = max(lowest+17, end+4)
		newest, most := l.of(samples[len(samples)-1]), 0.0
		for _, s := range samples {
			most = max(most, l.of(s))
		}
		fmt.Fprintf(b, `"/><text x="%g" y="%.1f" fill="%s">%s %.1f MB, at most %.1f</text>`+"\n", width-right+8, lowest, l.colour, l.label, newest/1e6, most/1e6)
	}
}

// step is a round distance of at most eight marks up to a value: 1, 2 or 5 times a power of ten.
func step(most float64) float64 {
	for unit := math.Pow(10, math.Floor(math.Log10(most/8))); ; unit *= 10 {
		for _, factor := range []float64{1, 2, 5} {
			if most/(factor*unit) <= 8 {
				return factor * unit
			}
		}
	}
}
