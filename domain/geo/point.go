package geo

import "math"

// EarthRadius is the mean radius of the Earth in metres (IUGG, R1).
const EarthRadius = 6371008.8

// MetresPerDegree is the length of a degree of latitude.
const MetresPerDegree = EarthRadius * radians

const radians = math.Pi / 180

// Point is a place in degrees.
type Point struct{ Lon, Lat float64 }

// IsValid reports whether p is a place on Earth: finite, longitude in [-180, 180], latitude in [-90, 90].
func (p Point) IsValid() bool { return math.Abs(p.Lon) <= 180 && math.Abs(p.Lat) <= 90 }

// Distance returns the length in metres of the great circle between a and b, by the haversine formula.
func Distance(a, b Point) float64 {
	sinLat := math.Sin((b.Lat - a.Lat) * radians / 2)
	sinLon := math.Sin((b.Lon - a.Lon) * radians / 2)
	h := sinLat*sinLat + math.Cos(a.Lat*radians)*math.Cos(b.Lat*radians)*sinLon*sinLon
	return 2 * EarthRadius * math.Asin(min(1, math.Sqrt(h)))
}

// Plane is the local equirectangular projection at a point: good to a few parts in a thousand within
// some tens of kilometres, and exact enough within metres to say which road is nearest.
type Plane struct {
	origin         Point
	perLon, perLat float64 // metres per degree
}

// PlaneAt returns the plane that touches the sphere at p.
func PlaneAt(p Point) Plane {
	return Plane{origin: p, perLon: MetresPerDegree * math.Cos(p.Lat*radians), perLat: MetresPerDegree}
}

// Around returns bounds that hold everything within metres of p.
func Around(p Point, metres float64) Box {
	north := metres/MetresPerDegree + 1e-9 // the margin is for rounding
	box := Box{-180, p.Lat - north, 180, p.Lat + north}
	// Meridians touch the circle where the sine of their longitude is the sine of the radius by the cosine of the
	// latitude. A circle around a pole is touched by none.
	if sin := math.Sin(metres/EarthRadius) / math.Cos(p.Lat*radians); metres < EarthRadius && sin < 1 && math.Abs(p.Lat)+north < 90 {
		east := math.Asin(sin)/radians + 1e-9
		box.MinLon, box.MaxLon = p.Lon-east, p.Lon+east
	}
	return box
}

// Metres returns p east and north of the origin, in metres.
func (pl Plane) Metres(p Point) (east, north float64) {
	return (p.Lon - pl.origin.Lon) * pl.perLon, (p.Lat - pl.origin.Lat) * pl.perLat
}

// ToBox returns the distance in metres from the origin to the nearest point of b, 0 inside.
func (pl Plane) ToBox(b Box) float64 {
	east, north := pl.Metres(Point{
		Lon: min(max(pl.origin.Lon, b.MinLon), b.MaxLon),
		Lat: min(max(pl.origin.Lat, b.MinLat), b.MaxLat),
	})
	return math.Hypot(east, north)
}

// ToSegment returns the distance in metres from the origin to the nearest point of s, and where on s that
// is: 0 at A, 1 at B.
func (pl Plane) ToSegment(s Segment) (metres, fraction float64) {
	ax, ay := pl.Metres(s.A)
	bx, by := pl.Metres(s.B)
	dx, dy := bx-ax, by-ay
	if square := dx*dx + dy*dy; square > 0 {
		fraction = min(max(-(ax*dx+ay*dy)/square, 0), 1)
	}
	return math.Hypot(ax+fraction*dx, ay+fraction*dy), fraction
}
