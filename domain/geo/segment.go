package geo

import (
	"math"
	"math/big"
)

// Segment is the straight line from A to B, both included.
type Segment struct{ A, B Point }

// Box returns the bounds of s.
func (s Segment) Box() Box {
	return Box{
		min(s.A.Lon, s.B.Lon), min(s.A.Lat, s.B.Lat),
		max(s.A.Lon, s.B.Lon), max(s.A.Lat, s.B.Lat),
	}
}

// At returns the point at a fraction of s, 0 at A and 1 at B.
func (s Segment) At(fraction float64) Point {
	return Point{s.A.Lon + fraction*(s.B.Lon-s.A.Lon), s.A.Lat + fraction*(s.B.Lat-s.A.Lat)}
}

// Meets reports whether s and t have a point in common; touching counts.
//
// Where the bounds overlap it is enough that neither line has the other strictly on one side: on a common
// line, segments overlap exactly where their bounds do.
func (s Segment) Meets(t Segment) bool {
	return s.Box().Overlaps(t.Box()) &&
		orientation(s.A, s.B, t.A)*orientation(s.A, s.B, t.B) <= 0 &&
		orientation(t.A, t.B, s.A)*orientation(t.A, t.B, s.B) <= 0
}

// crosses reports whether s and t go through each other, or run along each other for some way. Segments
// that only touch do neither.
func (s Segment) crosses(t Segment) bool {
	if !s.Box().Overlaps(t.Box()) {
		return false
	}
	sides := orientation(s.A, s.B, t.A) * orientation(s.A, s.B, t.B)
	if sides > 0 {
		return false
	}
	other := orientation(t.A, t.B, s.A) * orientation(t.A, t.B, s.B)
	if sides < 0 && other < 0 {
		return true
	}
	return s.isAlong(t)
}

// isAlong reports whether s and t lie on one line and share more than a point.
func (s Segment) isAlong(t Segment) bool {
	if orientation(s.A, s.B, t.A) != 0 || orientation(s.A, s.B, t.B) != 0 {
		return false
	}
	a, b := s.Box(), t.Box()
	return min(a.MaxLon, b.MaxLon) > max(a.MinLon, b.MinLon) || min(a.MaxLat, b.MaxLat) > max(a.MinLat, b.MinLat)
}

// orientation returns 1 when c is left of the line from a to b, -1 when it is right of it and 0 when it is
// on it. It is exact: the floating-point value is believed only outside its error bound (Shewchuk 1997,
// Adaptive Precision Floating-Point Arithmetic, section 4.1, bound A), else rational numbers decide.
func orientation(a, b, c Point) int {
	const epsilon = 0x1p-53
	const bound = (3 + 16*epsilon) * epsilon
	const underflow = 1e-290 // below it the bound does not hold
	// The conversions keep compilers from fusing the products, which the bound does not allow for.
	left := float64((a.Lon - c.Lon) * (b.Lat - c.Lat))
	right := float64((a.Lat - c.Lat) * (b.Lon - c.Lon))
	det := left - right
	switch limit := bound*(math.Abs(left)+math.Abs(right)) + underflow; {
	case det > limit:
		return 1
	case -det > limit:
		return -1
	case left == 0 && right == 0 && isZeroProduct(a.Lon-c.Lon, b.Lat-c.Lat) && isZeroProduct(a.Lat-c.Lat, b.Lon-c.Lon):
		return 0 // frequent: points on a meridian or a parallel, and equal points
	}
	return exactOrientation(a, b, c)
}

// isZeroProduct tells a product that is zero from one that only underflowed: a difference of floating-point
// numbers is zero only when they are equal.
func isZeroProduct(x, y float64) bool { return x == 0 || y == 0 }

func exactOrientation(a, b, c Point) int {
	difference := func(x, y float64) *big.Rat {
		d := new(big.Rat).SetFloat64(x)
		return d.Sub(d, new(big.Rat).SetFloat64(y))
	}
	left := difference(a.Lon, c.Lon)
	left.Mul(left, difference(b.Lat, c.Lat))
	right := difference(a.Lat, c.Lat)
	right.Mul(right, difference(b.Lon, c.Lon))
	return left.Cmp(right)
}
