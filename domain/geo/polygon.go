package geo

// Ring is a closed line: the last point is the first one again.
type Ring []Point

// Polygon is an area: the exterior ring and then the rings of its holes.
type Polygon []Ring

// MultiPolygon is the union of areas, which may overlap.
type MultiPolygon []Polygon

// Area answers questions about a MultiPolygon that Validate found nothing wrong with. Its border belongs
// to it, that of its holes too. It never changes.
type Area struct{ parts []Part }

// Part is one polygon of an Area.
type Part struct {
	edges []Segment // of all rings
	tree  BoxTree
}

// NewArea prepares m.
func NewArea(m MultiPolygon) *Area {
	a := &Area{parts: make([]Part, 0, len(m))}
	for _, p := range m {
		a.parts = append(a.parts, newPart(p))
	}
	return a
}

func newPart(p Polygon) Part {
	var edges []Segment
	for _, ring := range p {
		for i := 1; i < len(ring); i++ {
			if ring[i-1] != ring[i] {
				edges = append(edges, Segment{ring[i-1], ring[i]})
			}
		}
	}
	return Part{edges: edges, tree: NewBoxTree(len(edges), func(i int) Box { return edges[i].Box() })}
}

// Parts returns the polygons, not to be changed. Areas with many parts are best asked part by part, each
// about what is within its bounds.
func (a *Area) Parts() []Part { return a.parts }

// Box returns the bounds of the area.
func (a *Area) Box() Box {
	box := EmptyBox()
	for i := range a.parts {
		box = box.Union(a.parts[i].Box())
	}
	return box
}

// Covers reports whether p is in the area or on its border.
func (a *Area) Covers(p Point) bool {
	for i := range a.parts {
		if a.parts[i].Covers(p) {
			return true
		}
	}
	return false
}

// Meets reports whether s has a point in common with the area; touching counts.
func (a *Area) Meets(s Segment) bool {
	for i := range a.parts {
		// If s is not at the border, both ends are on one side of it.
		if p := &a.parts[i]; p.Touches(s) || p.Covers(s.A) {
			return true
		}
	}
	return false
}

// Box returns the bounds of the polygon.
func (p *Part) Box() Box { return p.tree.Box() }

// Covers reports whether q is in the polygon or on its border, by counting the edges east of it.
func (p *Part) Covers(q Point) bool {
	box := p.Box()
	if !box.Contains(q) {
		return false
	}
	inside, onBorder := false, false
	p.tree.Search(Box{q.Lon, q.Lat, box.MaxLon, q.Lat}, func(first, last int) bool {
		for _, e := range p.edges[first:last] {
			switch e.passes(q) {
			case passesThrough:
				onBorder = true
				return false
			case passesEast:
				inside = !inside
			case passesElsewhere:
			}
		}
		return true
	})
	return inside || onBorder
}

// How a segment passes a point.
type passing uint8

const (
	passesElsewhere passing = iota
	passesEast              // the parallel through the point meets it east of the point
	passesThrough
)

// passes counts the southern end of s to it and the northern not, so that a parallel through a corner of a
// ring meets one edge of the two.
func (s Segment) passes(q Point) passing {
	south, north := s.A, s.B
	if south.Lat > north.Lat {
		south, north = north, south
	}
	if q.Lat < south.Lat || q.Lat > north.Lat || q.Lon > max(south.Lon, north.Lon) {
		return passesElsewhere
	}
	switch side := orientation(south, north, q); {
	case side == 0 && q.Lon >= min(south.Lon, north.Lon):
		return passesThrough
	case side > 0 && q.Lat < north.Lat:
		return passesEast
	}
	return passesElsewhere
}

// Touches reports whether s has a point in common with the border of the polygon.
func (p *Part) Touches(s Segment) bool {
	box := s.Box()
	if !p.Box().Overlaps(box) {
		return false
	}
	touches := false
	p.tree.Search(box, func(first, last int) bool {
		for i := first; i < last && !touches; i++ {
			touches = p.edges[i].Meets(s)
		}
		return !touches
	})
	return touches
}
