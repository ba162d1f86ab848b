package regionmap

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/region"
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

// shelterStyles are those of the statuses.
var shelterStyles = [evacuation.NumShelterStatuses]struct {
	style
	says string
}{
	evacuation.ShelterOpen:        {style{class: "shelter-open", light: "#15803d", dark: "#4ade80"}, "shelter, open (larger for more room)"},
	evacuation.ShelterFlooded:     {style{class: "shelter-flooded", light: "#1c5d99", dark: "#69b1f0"}, "shelter, flooded"},
	evacuation.ShelterUnreachable: {style{class: "shelter-unreachable", light: "#6b7280", dark: "#9aa4b0"}, "shelter, unreachable"},
	evacuation.ShelterFull:        {style{class: "shelter-full", light: "#e07b00", dark: "#ffb454"}, "shelter, full"},
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

func (p *Picture) drawWater(v *view, water geo.MultiPolygon, key *legend) {
	var rings []line
	var border []piece
	for _, polygon := range water {
		for i, r := range polygon {
			// Rings are turned so that holes are holes to whoever fills by winding.
			if l := v.ring(r); l != nil {
				rings = append(rings, turned(l, i > 0))
			}
			for k := 1; k < len(r); k++ {
				if c, ok := v.clip(r[k-1], r[k]); ok {
					border = append(border, c)
				}
			}
		}
	}
	p.area(waterStyle, rings)
	p.add(shore, chain(border))
	if water != nil {
		key.add("water", func(p *Picture, x, y float64) {
			p.area(waterStyle, []line{{at(x, y-11), at(x+54, y-11), at(x+54, y+11), at(x, y+11)}})
			p.add(shore, []line{{at(x, y-11), at(x+54, y-11)}, {at(x, y+11), at(x+54, y+11)}})
		})
	}
}

// turned returns a ring clockwise in the picture, or the other way round.
func turned(l line, opposite bool) line {
	var twice int64
	for i, b := range l {
		a := l[(i+len(l)-1)%len(l)]
		twice += int64(a.x)*int64(b.y) - int64(b.x)*int64(a.y)
	}
	if twice < 0 != opposite {
		slices.Reverse(l)
	}
	return l
}

// peopleSizes are the diameters of the dots of people.
var peopleSizes = [...]float64{3, 5, 7, 9, 11}

// drawPeople draws one dot for the people of a small square of the picture.
func (p *Picture) drawPeople(v *view, people *region.People, key *legend) {
	const square = 12 // pixels
	type bin struct{ persons, x, y float64 }
	bins := map[[2]int]*bin{}
	most := 0.0
	for _, c := range people.Cells() {
		d, inside := v.dot(c.Point, square)
		if !inside || c.Persons == 0 {
			continue
		}
		k := [2]int{int(d.x) / (square * tenths), int(d.y) / (square * tenths)}
		b := bins[k]
		if b == nil {
			b = &bin{}
			bins[k] = b
		}
		b.persons += c.Persons
		b.x += c.Persons * float64(d.x)
		b.y += c.Persons * float64(d.y)
		most = max(most, b.persons)
	}
	var dots [len(peopleSizes)][]line
	for _, b := range bins {
		size := min(int(math.Sqrt(b.persons/most)*float64(len(dots))), len(dots)-1)
		dots[size] = append(dots[size], line{{int32(b.x / b.persons), int32(b.y / b.persons)}})
	}
	for i, d := range dots {
		slices.SortFunc(d, func(a, b line) int { return comparePoints(a[0], b[0]) })
		p.add(peopleInk.wide(peopleSizes[i]), d)
	}
	if most > 0 {
		key.add(fmt.Sprintf("people, up to %s a dot", count(most)), func(p *Picture, x, y float64) {
			for i, size := range []float64{peopleSizes[0], peopleSizes[2], peopleSizes[4]} {
				p.add(peopleInk.wide(size), []line{{at(x+8+19*float64(i), y)}})
			}
		})
	}
}

func (p *Picture) drawRoads(v *view, n *roads.Network, mask *roads.Mask, key *legend) {
	var open, closed [len(roadClasses)][]piece
	for i := range n.NumSegments() {
		s := roads.Segment(i)
		at := n.Line(s)
		c, ok := v.clip(at.A, at.B)
		if !ok {
			continue
		}
		class := 0
		for n.Way(s).Speed > roadClasses[class].upTo {
			class++
		}
		if mask.Blocks(s) {
			closed[class] = append(closed[class], c)
		} else {
			open[class] = append(open[class], c)
		}
	}
	for i := range roadClasses {
		p.add(roadClasses[i].wide(roadClasses[i].width*p.wide), chain(open[i]))
	}
	for i := range roadClasses {
		p.add(blockedInk.wide(roadClasses[i].width*p.wide+0.4), chain(closed[i]))
	}
	key.add("roads, wider for faster", func(p *Picture, x, y float64) {
		for i := range roadClasses {
			up := 10 - 5*float64(i)
			p.add(roadClasses[i].wide(roadClasses[i].width*p.wide), []line{{at(x, y-up), at(x+54, y-up)}})
		}
	})
	if mask.Segments() > 0 {
		key.add("road under water, closed", func(p *Picture, x, y float64) {
			p.add(blockedInk.wide(3*p.wide), []line{{at(x, y), at(x+54, y)}})
		})
	}
}

func (p *Picture) drawZones(v *view, s *Scene, key *legend) {
	if s.Answer == nil {
		return
	}
	centre := s.Request.Centre()
	for i := range s.Answer.Zones {
		z := &s.Answer.Zones[i]
		dashes := chain(v.circle(centre, z.Outer))
		zone := style{class: "zone", light: z.Priority.Color(), dark: z.Priority.Color(), width: 4}
		p.add(casing.wide(7), dashes)
		p.add(zone, dashes)
		says := fmt.Sprintf("zone to %g m: %s", z.Outer, z.Priority)
		if n, known := z.Affected.Get(); known {
			says += fmt.Sprintf(", %s people", count(float64(n)))
		}
		key.add(says, func(p *Picture, x, y float64) {
			p.add(zone, []line{{at(x, y), at(x+12, y)}, {at(x+21, y), at(x+33, y)}, {at(x+42, y), at(x+54, y)}})
		})
	}
	if d, inside := v.dot(centre, 24); inside {
		const arm = 9 * tenths
		cross := []line{{{d.x - arm, d.y}, {d.x + arm, d.y}}, {{d.x, d.y - arm}, {d.x, d.y + arm}}}
		p.add(casing.wide(7), cross)
		p.add(centreInk, cross)
	}
}

// routeWidths are the widths of a route, for the fewest people and for the most.
var routeWidths = [...]float64{2.5, 4, 6, 8.5, 11.5}

// drawRoutes draws how many people drive over each piece of the routes together.
func (p *Picture) drawRoutes(v *view, a *evacuation.Answer, key *legend) {
	if a == nil {
		return
	}
	people := map[piece]int64{}
	most := int64(0)
	for i := range a.Routes {
		r := &a.Routes[i]
		for k := 1; k < len(r.Line); k++ {
			c, ok := v.clip(r.Line[k-1], r.Line[k])
			if !ok {
				continue
			}
			if comparePoints(c[0], c[1]) > 0 {
				c[0], c[1] = c[1], c[0]
			}
			people[c] += r.People
			most = max(most, people[c])
		}
	}
	if most == 0 {
		return
	}
	var pieces [len(routeWidths)][]piece
	for c, n := range people {
		size := min(int(math.Sqrt(float64(n)/float64(most))*float64(len(pieces))), len(pieces)-1)
		pieces[size] = append(pieces[size], c)
	}
	var lines [len(routeWidths)][]line
	for i := range pieces {
		lines[i] = chain(pieces[i])
		p.add(casing.wide(routeWidths[i]+3), lines[i])
	}
	for i := range lines {
		p.add(routeInk.wide(routeWidths[i]), lines[i])
	}
	key.add(fmt.Sprintf("routes, wider for more people, up to %s", count(float64(most))), func(p *Picture, x, y float64) {
		p.add(routeInk.wide(routeWidths[0]), []line{{at(x, y), at(x+16, y)}})
		p.add(routeInk.wide(routeWidths[2]), []line{{at(x+18, y), at(x+34, y)}})
		p.add(routeInk.wide(routeWidths[4]), []line{{at(x+37, y), at(x+52, y)}})
	})
}

// The diameters of shelters.
const (
	smallShelter = 14.0 // of unknown capacity too
	largeShelter = 30.0
)

func (p *Picture) drawShelters(v *view, shelters []marker, key *legend) {
	most := 1.0
	for _, m := range shelters {
		if !math.IsNaN(m.room) {
			most = max(most, m.room)
		}
	}
	diameter := func(room float64) float64 {
		if math.IsNaN(room) {
			return smallShelter
		}
		return math.Round(smallShelter + (largeShelter-smallShelter)*math.Sqrt(room/most))
	}
	// Large ones first, so that they hide none, and open ones on closed ones.
	slices.SortStableFunc(shelters, func(a, b marker) int {
		return cmp.Or(cmp.Compare(drawnLate(a.status), drawnLate(b.status)), cmp.Compare(diameter(b.room), diameter(a.room)))
	})
	var seen [evacuation.NumShelterStatuses]bool
	for _, m := range shelters {
		if d, inside := v.dot(m.at, diameter(m.room)+4); inside {
			p.shelter(d, m.status, diameter(m.room))
			seen[m.status] = true
		}
	}
	for status, drawn := range seen {
		if drawn {
			key.add(shelterStyles[status].says, func(p *Picture, x, y float64) {
				p.shelter(at(x+27, y), evacuation.ShelterStatus(status), 22)
			})
		}
	}
}

func drawnLate(s evacuation.ShelterStatus) int {
	if s == evacuation.ShelterOpen || s == evacuation.ShelterFull {
		return 1
	}
	return 0
}

// shelter draws one: a disc, with a cross where it is flooded, hollow where nobody can come.
func (p *Picture) shelter(d point, status evacuation.ShelterStatus, diameter float64) {
	s := shelterStyles[status].style
	p.add(outline.wide(diameter+4), []line{{d}})
	p.add(s.wide(diameter), []line{{d}})
	switch status {
	case evacuation.ShelterUnreachable:
		p.add(outline.wide(diameter-6), []line{{d}})
	case evacuation.ShelterFlooded:
		arm := int32(diameter * tenths / 5)
		p.add(outline.wide(2.5), []line{{{d.x - arm, d.y - arm}, {d.x + arm, d.y + arm}}, {{d.x - arm, d.y + arm}, {d.x + arm, d.y - arm}}})
	}
}
