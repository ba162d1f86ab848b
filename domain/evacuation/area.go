package evacuation

import (
	"math"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
)

// microdegrees is the scale of coordinates in requests and answers: 1e-6° are 11 cm.
const microdegrees = 1e6

// roundPoint rounds to the resolution of an answer.
func roundPoint(p geo.Point) geo.Point {
	return geo.Point{Lon: domain.Round(p.Lon, microdegrees), Lat: domain.Round(p.Lat, microdegrees)}
}

// Area returns the ring between two circles as RFC 7946 polygons: exterior rings counter-clockwise, holes
// clockwise, split at the antimeridian. A circle over a pole becomes a band up to the pole's latitude, as wide
// as the world. inner may be 0. The polygons have their corners on the circles; no point of an edge is
// farther from its circle than a two hundredth of the radius.
func Area(centre geo.Point, inner, outer float64) geo.MultiPolygon {
	var holes []strip
	if inner > 0 {
		d := newDisc(centre, inner)
		holes = d.strips()
	}
	var out geo.MultiPolygon
	d := newDisc(centre, outer)
	for _, s := range d.strips() {
		out = append(out, s.without(holes)...)
	}
	return out
}

const radians = math.Pi / 180

// disc is a circle on the sphere with what is in it, seen along the meridians: each meridian has one
// interval of latitude in common with it.
type disc struct {
	lon      float64 // degrees
	sin, cos float64 // of the centre's latitude
	radius   float64 // radians
	centre   geo.Point
	pole     float64 // the latitude of the pole inside, ±90; 0 without one
}

func newDisc(centre geo.Point, metres float64) disc {
	d := disc{lon: centre.Lon, radius: metres / geo.EarthRadius, centre: centre}
	d.sin, d.cos = math.Sincos(centre.Lat * radians)
	if 90-math.Abs(centre.Lat) <= d.radius/radians {
		d.pole = math.Copysign(90, centre.Lat)
	}
	return d
}

// interval returns the latitudes at which the meridian east of the centre by dlon degrees enters and
// leaves the disc: mid ± half, where mid is the foot of the perpendicular from the centre to the meridian's
// great circle. The form of half is exact for small circles too.
func (d *disc) interval(dlon float64) (south, north float64) {
	sinLon, cosLon := math.Sincos(dlon * radians)
	mid := math.Atan2(d.sin, d.cos*cosLon)
	sinRadius, cosRadius := math.Sincos(d.radius)
	perpendicular := d.cos * sinLon
	half := math.Atan2(math.Sqrt(max(0, sinRadius*sinRadius-perpendicular*perpendicular)), cosRadius)
	south, north = (mid-half)/radians, (mid+half)/radians
	switch {
	case d.pole > 0:
		north = d.pole
	case d.pole < 0:
		south = d.pole
	}
	return south, north
}

// strip is the part of a disc between two meridians, cut at the antimeridian. Latitudes are those at lon.
type strip struct{ lon, south, north []float64 }

func (s *strip) west() float64 { return s.lon[0] }
func (s *strip) east() float64 { return s.lon[len(s.lon)-1] }

// strips returns the parts of the disc, each between longitudes -180 and 180.
func (d *disc) strips() []strip {
	if d.pole != 0 {
		return []strip{d.strip(-180, 180, d.lon, func(share float64) float64 { return 180 * share })}
	}
	reach := math.Asin(min(1, math.Sin(d.radius)/d.cos)) / radians
	var out []strip
	for _, lon := range [...]float64{d.lon - 360, d.lon, d.lon + 360} {
		if west, east := max(-180, lon-reach), min(180, lon+reach); west < east {
			// Corners at equal angles around the centre.
			out = append(out, d.strip(west, east, lon, func(share float64) float64 { return lon + reach*math.Sin(share*math.Pi/2) }))
		}
	}
	return out
}

// corners is how many corners a circle has at least.
const corners = 64

// strip samples the disc, whose centre is at the longitude lon, between west and east. corner gives the
// longitude of a corner from -1, the westernmost of the disc, to 1.
func (d *disc) strip(west, east, lon float64, corner func(share float64) float64) strip {
	var s strip
	add := func(at float64) {
		south, north := d.interval(at - lon)
		if n := len(s.lon); n > 0 {
			d.refine(&s, lon, [3]float64{s.lon[n-1], s.south[n-1], s.north[n-1]}, [3]float64{at, south, north}, 0)
		}
		s.lon, s.south, s.north = append(s.lon, at), append(s.south, south), append(s.north, north)
	}
	add(west)
	for i := 1; i < corners/2; i++ {
		if at := corner(float64(4*i)/corners - 1); at > west && at < east {
			add(at)
		}
	}
	add(east)
	return s
}

const (
	// tolerance is how far, as a share of the radius, an edge may be from its circle.
	tolerance = 0.005
	maxRefine = 12
)

// refine adds samples between two, west to east, where the straight edges in longitude and latitude leave the
// circle. That is so near a pole only.
func (d *disc) refine(s *strip, lon float64, from, to [3]float64, depth int) {
	at := (from[0] + to[0]) / 2
	if depth == maxRefine || d.holds(at, (from[1]+to[1])/2) && d.holds(at, (from[2]+to[2])/2) {
		return
	}
	south, north := d.interval(at - lon)
	mid := [3]float64{at, south, north}
	d.refine(s, lon, from, mid, depth+1)
	s.lon, s.south, s.north = append(s.lon, at), append(s.south, south), append(s.north, north)
	d.refine(s, lon, mid, to, depth+1)
}

// holds reports whether a point of an edge is on the circle, or on the parallel of the pole.
func (d *disc) holds(lon, lat float64) bool {
	if lat == d.pole && d.pole != 0 {
		return true
	}
	radius := d.radius * geo.EarthRadius
	return math.Abs(geo.Distance(d.centre, geo.Point{Lon: lon, Lat: lat})-radius) <= tolerance*radius
}

// without returns the strip less those of the holes that lie in it. A hole that ends at the antimeridian is a
// notch in the exterior ring; one that reaches from one side to the other leaves what is south and north of
// it.
func (s *strip) without(holes []strip) []geo.Polygon {
	var westNotch, eastNotch *strip
	var inside []geo.Ring
	for i := range holes {
		h := &holes[i]
		if h.west() < s.west() || h.east() > s.east() {
			continue
		}
		switch west, east := h.west() == s.west(), h.east() == s.east(); {
		case west && east:
			var south, north outline
			south.eastward(s.lon, s.south).westward(h.lon, h.south)
			north.eastward(h.lon, h.north).westward(s.lon, s.north)
			return append(south.polygon(nil), north.polygon(nil)...)
		case west:
			westNotch = h
		case east:
			eastNotch = h
		default:
			var ring outline
			ring.eastward(h.lon, h.north).westward(h.lon, h.south) // clockwise
			if r := ring.close(); r != nil {
				inside = append(inside, r)
			}
		}
	}
	var ring outline
	ring.eastward(s.lon, s.south)
	if eastNotch != nil {
		ring.westward(eastNotch.lon, eastNotch.south).eastward(eastNotch.lon, eastNotch.north)
	}
	ring.westward(s.lon, s.north)
	if westNotch != nil {
		ring.eastward(westNotch.lon, westNotch.north).westward(westNotch.lon, westNotch.south)
	}
	return ring.polygon(inside)
}

// outline is a ring in the making, rounded, without repeated points.
type outline geo.Ring

func (o *outline) add(lon, lat float64) {
	p := roundPoint(geo.Point{Lon: lon, Lat: lat})
	if n := len(*o); n == 0 || (*o)[n-1] != p {
		*o = append(*o, p)
	}
}

func (o *outline) eastward(lon, lat []float64) *outline {
	for i := range lon {
		o.add(lon[i], lat[i])
	}
	return o
}

func (o *outline) westward(lon, lat []float64) *outline {
	for i := len(lon) - 1; i >= 0; i-- {
		o.add(lon[i], lat[i])
	}
	return o
}

// close returns the ring; nil when rounding has left nothing of it.
func (o *outline) close() geo.Ring {
	ring := geo.Ring(*o)
	if n := len(ring); n > 0 && ring[0] != ring[n-1] {
		ring = append(ring, ring[0])
	}
	var twice float64
	for i := 1; i < len(ring); i++ {
		a, b := ring[i-1], ring[i]
		twice += (b.Lon - a.Lon) * (a.Lat + b.Lat - 2*ring[0].Lat)
	}
	if len(ring) < 4 || math.Abs(twice) < 1/(microdegrees*microdegrees) {
		return nil
	}
	return ring
}

func (o *outline) polygon(holes []geo.Ring) []geo.Polygon {
	ring := o.close()
	if ring == nil {
		return nil
	}
	return []geo.Polygon{append(geo.Polygon{ring}, holes...)}
}
