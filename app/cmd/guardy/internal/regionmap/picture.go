package regionmap

import (
	"math"

	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/roads"
)

// style is how the lines of a layer are drawn: as strokes with round ends, or filled.
type style struct {
	class       string // of the element
	light, dark string // "#rrggbb" on a light and on a dark page
	width       float64
	filled      bool
	opacity     float64 // 0 is opaque
}

// layer is a set of lines of one style. Later layers lie on earlier ones.
type layer struct {
	style
	lines []line
}

// label is a text.
type label struct {
	x, y   float64
	size   float64
	anchor string
	bold   bool
	soft   bool
	halo   bool
	text   string
}

// Picture is a drawn scene.
type Picture struct {
	height  float64
	layers  []layer
	labels  []label
	heading []string // the title and the lines under it
	figures []figure
	notes   []string // assumptions of the plan
	wide    float64  // factor of the width of roads
}

// The colours that more than one layer has.
const (
	paper, paperDark = "#ffffff", "#171b20"
	ink, inkDark     = "#22262b", "#e6e9ed"
)

var (
	land       = style{class: "land", light: "#f7f7f4", dark: "#1d2228", filled: true}
	waterStyle = style{class: "water", light: "#cfe4f5", dark: "#1d3d58", filled: true}
	shore      = style{class: "shore", light: "#8dbbdf", dark: "#3f76a3", width: 1.6}
	peopleInk  = style{class: "people", light: "#a98a5b", dark: "#b59a6e", opacity: 0.38}
	blockedInk = style{class: "blocked", light: "#dd3b4f", dark: "#ff6b77"}
	casing     = style{class: "casing", light: paper, dark: paperDark}
	routeInk   = style{class: "route", light: "#4a2fa5", dark: "#b39dff"}
	frameInk   = style{class: "frame", light: "#9aa1a9", dark: "#4d5660", width: 1.5}
	outline    = style{class: "outline", light: paper, dark: paperDark}
	centreInk  = style{class: "centre", light: ink, dark: inkDark, width: 3}
	scaleInk   = style{class: "scale", light: ink, dark: inkDark, width: 3}
)

// roadClasses are the roads by their speed, slowest first.
var roadClasses = [...]struct {
	style
	upTo float64 // km/h
}{
	{style{class: "road-1", light: "#d3d5d6", dark: "#3a4149", width: 1}, 20},
	{style{class: "road-2", light: "#c3c6c8", dark: "#4a525b", width: 1.7}, 35},
	{style{class: "road-3", light: "#aeb2b5", dark: "#5d6670", width: 2.5}, 55},
	{style{class: "road-4", light: "#999ea2", dark: "#737d88", width: 3.4}, 85},
	{style{class: "road-5", light: "#83898e", dark: "#8a95a1", width: 4.6}, math.Inf(1)},
}

// Draw draws a scene.
func Draw(s Scene) (*Picture, error) {
	box, err := s.bounds()
	if err != nil {
		return nil, err
	}
	v := viewOf(box)
	var mask *roads.Mask
	if s.Water != nil {
		mask = s.Region.Roads.Flood(geo.NewArea(s.Water), s.Bridges)
	}
	// Roads of a town are wide, those of a whole country narrow.
	p := &Picture{wide: min(max(math.Sqrt(5/v.perPixel), 0.4), 1.6)}
	p.describe(&s, mask)
	p.area(land, []line{{at(v.left, v.top), at(v.right, v.top), at(v.right, v.bottom), at(v.left, v.bottom)}})
	var key legend
	p.drawWater(&v, s.Water, &key)
	p.drawPeople(&v, s.Region.People, &key)
	p.drawRoads(&v, s.Region.Roads, mask, &key)
	p.drawZones(&v, &s, &key)
	p.drawRoutes(&v, s.Answer, &key)
	p.drawShelters(&v, s.markers(), &key)
	p.add(frameInk, []line{{at(v.left, v.top), at(v.right, v.top), at(v.right, v.bottom), at(v.left, v.bottom), at(v.left, v.top)}})
	p.drawScale(&v)
	p.drawHeading()
	p.drawLegend(&v, key)
	return p, nil
}

// add lays lines on the picture.
func (p *Picture) add(s style, lines []line) {
	if len(lines) > 0 {
		p.layers = append(p.layers, layer{s, lines})
	}
}

// area is add for rings.
func (p *Picture) area(s style, rings []line) {
	s.filled = true
	p.add(s, rings)
}

func (s style) wide(width float64) style {
	s.width = width
	return s
}
