package geo

import (
	"fmt"
	"math"

	"github.com/guardy-ai/guardy/domain"
)

// Limits bound what a polygon may be. They protect those who wait for an answer, and they catch
// coordinates in another order or unit.
type Limits struct {
	// MaxPoints is the most points of all rings together.
	MaxPoints int
	// MaxSpan is the largest extent of one polygon in degrees of longitude or latitude.
	MaxSpan float64
}

// DefaultLimits allow the flood of a whole province in fine detail.
func DefaultLimits() Limits { return Limits{MaxPoints: 100_000, MaxSpan: 10} }

// maxLatitude keeps polygons away from the poles, where a straight line in degrees is none on the ground.
const maxLatitude = 89

// maxComparisons bounds the search for crossings. A ring of MaxPoints points that is no tangle needs a
// few million.
const maxComparisons = 20_000_000

// maxListed bounds the violations of one multipolygon.
const maxListed = 100

// Validate returns everything that keeps m from being an area, with pointers below the given one in the
// layout of RFC 7946 coordinates: polygon, ring, position. A multipolygon of one polygon may come from a
// Polygon; asPolygon leaves the polygon's index out of the pointers then. Rings may touch, each other
// and themselves; they may not cross. Either winding is accepted.
func (m MultiPolygon) Validate(pointer string, asPolygon bool, limits Limits) []domain.Violation {
	return m.ValidateAt(pointer, func(i int) string {
		if asPolygon {
			return pointer
		}
		return fmt.Sprintf("%s/%d", pointer, i)
	}, limits)
}

// ValidateAt is Validate for polygons that stand at places of their own; whole is where all of them are.
func (m MultiPolygon) ValidateAt(whole string, at func(polygon int) string, limits Limits) []domain.Violation {
	v := validator{limits: limits}
	points := 0
	for _, p := range m {
		for _, ring := range p {
			points += len(ring)
		}
	}
	switch {
	case len(m) == 0:
		v.refuse(whole, domain.CodeSize, "the area is empty: it has no polygon")
	case points > limits.MaxPoints:
		v.refuse(whole, domain.CodeSize, "the area has %d points, more than %d; simplify it", points, limits.MaxPoints)
	default:
		for i, p := range m {
			v.polygon(at(i), p)
		}
	}
	return v.violations
}

type validator struct {
	limits      Limits
	comparisons int
	violations  []domain.Violation
}

func (v *validator) refuse(pointer, code, format string, args ...any) {
	if len(v.violations) < maxListed {
		v.violations = append(v.violations, domain.Violation{Pointer: pointer, Code: code, Detail: fmt.Sprintf(format, args...)})
	}
}

func (v *validator) polygon(at string, p Polygon) {
	if len(p) == 0 {
		v.refuse(at, domain.CodeSize, "the polygon is empty: it has no exterior ring")
		return
	}
	before := len(v.violations)
	for i, ring := range p {
		v.ring(fmt.Sprintf("%s/%d", at, i), ring)
	}
	if len(v.violations) > before { // what follows needs rings that are right
		return
	}
	box := EmptyBox()
	for _, point := range p[0] {
		box = box.Add(point)
	}
	switch width, height := box.MaxLon-box.MinLon, box.MaxLat-box.MinLat; {
	case width > 180:
		v.refuse(at, domain.CodeRange, "the polygon is %.4g degrees wide; if it goes across the antimeridian, "+
			"split it there (RFC 7946, section 3.1.9)", width)
	case max(width, height) > v.limits.MaxSpan:
		v.refuse(at, domain.CodeRange, "the polygon is %.4g by %.4g degrees large; at most %g are allowed", width, height, v.limits.MaxSpan)
	default:
		if v.crossings(at, p) {
			v.holes(at, p)
		}
	}
}

func (v *validator) ring(at string, ring Ring) {
	if len(ring) < 4 {
		v.refuse(at, domain.CodeSize, "a ring has at least 4 positions, the last equal to the first; this has %d", len(ring))
		return
	}
	before := len(v.violations)
	for i, p := range ring {
		position := func() string { return fmt.Sprintf("%s/%d", at, i) }
		switch {
		case !isFinite(p.Lon) || !isFinite(p.Lat):
			v.refuse(position(), domain.CodeNotFinite, "longitude and latitude must be finite numbers")
		case !p.IsValid():
			v.refuse(position(), domain.CodeRange, "%g, %g is no longitude in [-180, 180] and latitude in [-90, 90]", p.Lon, p.Lat)
		case math.Abs(p.Lat) > maxLatitude:
			v.refuse(position(), domain.CodeRange, "latitude %g is too near to a pole; at most %d is possible", p.Lat, maxLatitude)
		}
	}
	if ring[0] != ring[len(ring)-1] {
		v.refuse(at, domain.CodeInconsistent, "the ring is not closed: its last position must equal the first")
	}
	if len(v.violations) == before && !hasArea(ring) {
		v.refuse(at, domain.CodeInconsistent, "the ring encloses nothing: all its positions are on one line")
	}
}

func isFinite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

func hasArea(ring Ring) bool {
	other := 1
	for other < len(ring) && ring[other] == ring[0] {
		other++
	}
	for i := other + 1; i < len(ring); i++ {
		if orientation(ring[0], ring[other], ring[i]) != 0 {
			return true
		}
	}
	return false
}

// crossings reports where rings cross, and returns whether none was found.
func (v *validator) crossings(at string, p Polygon) bool {
	part := newPart(p)
	for i, e := range part.edges {
		found, tangle := -1, false
		part.tree.Search(e.Box(), func(first, last int) bool {
			for j := max(first, i+1); j < last; j++ {
				v.comparisons++
				if e.crosses(part.edges[j]) {
					found = j
					return false
				}
			}
			tangle = v.comparisons > maxComparisons
			return !tangle
		})
		if tangle {
			v.refuse(at, domain.CodeSize, "the edges of the polygon lie over each other so often that they cannot be checked")
			return false
		}
		if found >= 0 {
			f := part.edges[found]
			v.refuse(at, domain.CodeInconsistent, "the polygon crosses itself: the edge from %g, %g to %g, %g and the edge from %g, %g to %g, %g",
				e.A.Lon, e.A.Lat, e.B.Lon, e.B.Lat, f.A.Lon, f.A.Lat, f.B.Lon, f.B.Lat)
			return false
		}
	}
	return true
}

// holes reports holes outside the exterior ring. No rings cross, so that all points of a hole are on one
// side; those that touch the exterior ring do not tell on which, so that three are asked.
func (v *validator) holes(at string, p Polygon) {
	exterior := newPart(p[:1])
	if len(p)*len(exterior.edges) > 10*maxComparisons {
		v.refuse(at, domain.CodeSize, "the polygon has too many holes, %d, for an exterior ring of %d positions", len(p)-1, len(p[0]))
		return
	}
	for i, hole := range p[1:] {
		for _, point := range hole[:3] {
			if !exterior.Covers(point) {
				v.refuse(fmt.Sprintf("%s/%d", at, i+1), domain.CodeInconsistent, "the hole is not inside the exterior ring")
				break
			}
		}
	}
}
