package regionmap

import (
	"fmt"
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/region"
	"github.com/guardy-ai/guardy/domain/roads"
)

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
