package regionmap

import (
	"cmp"
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain/geo"
)

// point is a place in the picture, in tenths of a pixel: finer detail is not seen.
type point struct{ x, y int32 }

// line is a chain of points; a single one is a dot.
type line []point

const tenths = 10

// at rounds a place in pixels.
func at(x, y float64) point {
	return point{int32(math.Round(x * tenths)), int32(math.Round(y * tenths))}
}

// view takes places on the ground into the frame of the map.
type view struct {
	plane                    geo.Plane
	perPixel                 float64 // metres
	left, top, right, bottom float64 // of the frame, in pixels
}

// The picture's measures in pixels.
const (
	width   = 1600.0
	margin  = 24.0
	heading = 132.0 // above the map
	padding = 0.05  // of the map, around what has to be seen
	lowest  = 0.6   // height of the map by its width
	highest = 0.95
)

func viewOf(box geo.Box) view {
	v := view{
		plane: geo.PlaneAt(geo.Point{Lon: (box.MinLon + box.MaxLon) / 2, Lat: (box.MinLat + box.MaxLat) / 2}),
		left:  margin, right: width - margin, top: heading,
	}
	east, north := v.plane.Metres(geo.Point{Lon: box.MaxLon, Lat: box.MaxLat})
	const least = 100 // metres; a region may be a single point
	east, north = max(east, least)*(1+2*padding), max(north, least)*(1+2*padding)
	across := v.right - v.left
	v.bottom = v.top + math.Round(across*min(max(north/east, lowest), highest))
	v.perPixel = max(2*east/across, 2*north/(v.bottom-v.top))
	return v
}

// pixel returns where p is, inside the frame or not.
func (v *view) pixel(p geo.Point) (x, y float64) {
	east, north := v.plane.Metres(p)
	return (v.left+v.right)/2 + east/v.perPixel, (v.top+v.bottom)/2 - north/v.perPixel
}

// dot returns where p is drawn, and whether a dot of a diameter there is inside the frame.
func (v *view) dot(p geo.Point, diameter float64) (point, bool) {
	x, y := v.pixel(p)
	r := diameter / 2
	return at(x, y), x >= v.left+r && x <= v.right-r && y >= v.top+r && y <= v.bottom-r
}

// piece is a straight line in the picture.
type piece [2]point

// clip returns what of a straight line is in the frame (Liang and Barsky).
func (v *view) clip(a, b geo.Point) (piece, bool) {
	ax, ay := v.pixel(a)
	bx, by := v.pixel(b)
	from, to := 0.0, 1.0
	dx, dy := bx-ax, by-ay
	for _, side := range [...][2]float64{{-dx, ax - v.left}, {dx, v.right - ax}, {-dy, ay - v.top}, {dy, v.bottom - ay}} {
		switch speed, room := side[0], side[1]; {
		case speed == 0 && room < 0:
			return piece{}, false
		case speed < 0:
			from = max(from, room/speed)
		case speed > 0:
			to = min(to, room/speed)
		}
	}
	p := piece{at(ax+from*dx, ay+from*dy), at(ax+to*dx, ay+to*dy)}
	return p, from < to && p[0] != p[1]
}

// ring returns what of an area's ring is in the frame (Sutherland and Hodgman). Parts may hang together
// along the frame.
func (v *view) ring(ring geo.Ring) line {
	type place struct{ x, y float64 }
	var places []place
	for _, p := range ring {
		x, y := v.pixel(p)
		places = append(places, place{x, y})
	}
	for _, side := range [...]func(p place) float64{ // how far inside
		func(p place) float64 { return p.x - v.left },
		func(p place) float64 { return v.right - p.x },
		func(p place) float64 { return p.y - v.top },
		func(p place) float64 { return v.bottom - p.y },
	} {
		var kept []place
		for i, b := range places {
			a := places[(i+len(places)-1)%len(places)]
			da, db := side(a), side(b)
			if da < 0 != (db < 0) {
				t := da / (da - db)
				kept = append(kept, place{a.x + t*(b.x-a.x), a.y + t*(b.y-a.y)})
			}
			if db >= 0 {
				kept = append(kept, b)
			}
		}
		places = kept
	}
	var out line
	for _, p := range places {
		if q := at(p.x, p.y); len(out) == 0 || out[len(out)-1] != q {
			out = append(out, q)
		}
	}
	if len(out) < 3 {
		return nil
	}
	return out
}

// circle returns dashes of a circle as far as they are in the frame.
func (v *view) circle(centre geo.Point, metres float64) []piece {
	const dash, each = 14, 6 // pixels, and pieces of a dash
	dashes := max(8, int(math.Pi*metres/v.perPixel/dash))
	step := math.Pi / float64(dashes*each)
	around := geo.PlaneAt(centre)
	east, north := around.Metres(geo.Point{Lon: centre.Lon + 1, Lat: centre.Lat + 1}) // in a degree
	corner := func(i int) geo.Point {
		sin, cos := math.Sincos(step * float64(i))
		return geo.Point{Lon: centre.Lon + metres*sin/east, Lat: centre.Lat + metres*cos/north}
	}
	var out []piece
	for i := range 2 * dashes * each {
		if i/each%2 == 1 {
			continue
		}
		if p, ok := v.clip(corner(i), corner(i+1)); ok {
			out = append(out, p)
		}
	}
	return out
}

// chain joins pieces to long lines. Pieces that cover each other are drawn once.
func chain(pieces []piece) []line {
	for i, p := range pieces {
		if comparePoints(p[0], p[1]) > 0 {
			pieces[i] = piece{p[1], p[0]}
		}
	}
	slices.SortFunc(pieces, func(a, b piece) int { return cmp.Or(comparePoints(a[0], b[0]), comparePoints(a[1], b[1])) })
	pieces = slices.Compact(pieces)
	touching := make(map[point][]int32, len(pieces))
	for i, p := range pieces {
		touching[p[0]] = append(touching[p[0]], int32(i))
		touching[p[1]] = append(touching[p[1]], int32(i))
	}
	used := make([]bool, len(pieces))
	extend := func(l line) line {
		for {
			end := l[len(l)-1]
			next := slices.IndexFunc(touching[end], func(i int32) bool { return !used[i] })
			if next < 0 {
				return l
			}
			i := touching[end][next]
			used[i] = true
			p := pieces[i]
			if p[0] == end {
				l = append(l, p[1])
			} else {
				l = append(l, p[0])
			}
		}
	}
	var out []line
	for i, p := range pieces {
		if used[i] {
			continue
		}
		used[i] = true
		l := extend(line{p[0], p[1]})
		slices.Reverse(l)
		out = append(out, extend(l))
	}
	return out
}

func comparePoints(a, b point) int { return cmp.Or(cmp.Compare(a.x, b.x), cmp.Compare(a.y, b.y)) }
