package geo

import "math"

// Simplify returns the points of a line that are needed for it to stay within metres of where it was (Douglas and
// Peucker 1973), the ends among them. It uses the memory of the line. It measures in the plane at the line's first point:
// lines are short.
func Simplify(line []Point, metres float64) []Point {
	if len(line) < 3 {
		return line
	}
	keep := make([]bool, len(line))
	keep[0], keep[len(line)-1] = true, true
	plane := PlaneAt(line[0])
	type part struct{ from, to int }
	todo := []part{{0, len(line) - 1}}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		ax, ay := plane.Metres(line[p.from])
		bx, by := plane.Metres(line[p.to])
		far, at := metres, -1
		for i := p.from + 1; i < p.to; i++ {
			x, y := plane.Metres(line[i])
			if away := distanceToLine(x-ax, y-ay, bx-ax, by-ay); away > far {
				far, at = away, i
			}
		}
		if at >= 0 {
			keep[at] = true
			todo = append(todo, part{p.from, at}, part{at, p.to})
		}
	}
	kept := line[:0]
	for i, p := range line {
		if keep[i] {
			kept = append(kept, p)
		}
	}
	return kept
}

// distanceToLine returns how far (x, y) is from the segment from the origin to (dx, dy).
func distanceToLine(x, y, dx, dy float64) float64 {
	if length := dx*dx + dy*dy; length > 0 {
		t := min(max((x*dx+y*dy)/length, 0), 1)
		x, y = x-t*dx, y-t*dy
	}
	return math.Hypot(x, y)
}
