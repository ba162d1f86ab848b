package regionmap

import (
	"math"
	"strconv"

	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/svg"
	"github.com/guardy-ai/guardy/domain/region"
)

// legend says what the signs mean, those only that are in the picture.
type legend []struct {
	says string
	draw func(p *Picture, x, y float64)
}

func (l *legend) add(says string, draw func(p *Picture, x, y float64)) {
	*l = append(*l, struct {
		says string
		draw func(p *Picture, x, y float64)
	}{says, draw})
}

const (
	columns   = 3
	rowHeight = 38.0
)

// drawLegend draws the legend below the map and ends the picture.
func (p *Picture) drawLegend(v *view, l legend) {
	rows := (len(l) + columns - 1) / columns
	top := v.bottom + 34
	for i, item := range l {
		x := v.left + float64(i/rows)*(v.right-v.left)/columns
		y := top + float64(i%rows)*rowHeight
		item.draw(p, x, y)
		p.labels = append(p.labels, label{x: x + 68, y: y + 8, size: 21, anchor: "start", text: item.says})
	}
	p.height = top + float64(rows)*rowHeight + 22
	p.labels = append(p.labels, label{x: v.right, y: p.height - 18, size: 18, anchor: "end", soft: true, text: "Roads " + region.Attribution})
}

// drawHeading writes the title and the figures above the map.
func (p *Picture) drawHeading() {
	p.labels = append(p.labels, label{x: margin, y: 44, size: 32, anchor: "start", bold: true, text: p.heading[0]})
	for i, text := range p.heading[1:] {
		p.labels = append(p.labels, label{x: margin, y: 82 + 31*float64(i), size: 22, anchor: "start", soft: i > 0, text: text})
	}
}

// drawScale draws a bar of a round length in the corner of the map.
func (p *Picture) drawScale(v *view) {
	metres := svg.Ticks(0, 300*v.perPixel, 3)[1] // steps grow by 2.5 at most, so there always is one
	length := metres / v.perPixel
	right, y := v.right-22, v.bottom-22
	bar := []line{{at(right-length, y-9), at(right-length, y), at(right, y), at(right, y-9)}}
	p.add(casing.wide(8), bar)
	p.add(scaleInk, bar)
	text := strconv.FormatFloat(metres, 'g', -1, 64) + " m"
	if metres >= 1000 {
		text = strconv.FormatFloat(metres/1000, 'g', -1, 64) + " km"
	}
	p.labels = append(p.labels, label{x: right - length/2, y: y - 10, size: 20, anchor: "middle", halo: true, text: text})
}

// count writes a number of people.
func count(n float64) string { return strconv.FormatFloat(math.Ceil(n), 'f', -1, 64) }
