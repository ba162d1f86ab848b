package geo

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestDistanceAgreesWithKnownArcs(t *testing.T) {
	quarter := math.Pi / 2 * EarthRadius
	for _, c := range []struct {
		a, b Point
		want float64
	}{
		{Point{0, 0}, Point{0, 0}, 0},
		{Point{0, 0}, Point{90, 0}, quarter},
		{Point{0, 0}, Point{180, 0}, 2 * quarter},
		{Point{17, -90}, Point{-40, 90}, 2 * quarter},
		{Point{179, 10}, Point{-179, 10}, 2 * EarthRadius * math.Asin(math.Cos(10*radians)*math.Sin(radians))},
	} {
		if got := Distance(c.a, c.b); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("from %v to %v %g m, want %g", c.a, c.b, got, c.want)
		}
	}
}

// TestPlaneAgreesWithTheSphereNearby compares lengths within a kilometre.
func TestPlaneAgreesWithTheSphereNearby(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Point{rapid.Float64Range(-170, 170).Draw(t, "lon"), rapid.Float64Range(-80, 80).Draw(t, "lat")}
		q := Point{p.Lon + rapid.Float64Range(-0.01, 0.01).Draw(t, "east"), p.Lat + rapid.Float64Range(-0.01, 0.01).Draw(t, "north")}
		plane, sphere := math.Hypot(PlaneAt(p).Metres(q)), Distance(p, q)
		if math.Abs(plane-sphere) > 1e-3*sphere+1e-6 {
			t.Fatalf("%g m in the plane, %g m on the sphere", plane, sphere)
		}
	})
}

// nearCollinear draws three points of which the side cannot be told from rounded products.
func nearCollinear(t *rapid.T) (a, b, c Point) {
	a = Point{rapid.Float64Range(-180, 180).Draw(t, "ax"), rapid.Float64Range(-89, 89).Draw(t, "ay")}
	b = Point{rapid.Float64Range(-180, 180).Draw(t, "bx"), rapid.Float64Range(-89, 89).Draw(t, "by")}
	f := rapid.Float64Range(-1, 2).Draw(t, "fraction")
	c = Segment{a, b}.At(f)
	for range rapid.IntRange(0, 3).Draw(t, "ulps") {
		c.Lon = math.Nextafter(c.Lon, 1000)
	}
	return a, b, c
}

func TestOrientationIsThatOfRationalNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := nearCollinear(t)
		rat := func(f float64) *big.Rat { return new(big.Rat).SetFloat64(f) }
		sub := func(x, y float64) *big.Rat { return new(big.Rat).Sub(rat(x), rat(y)) }
		left := new(big.Rat).Mul(sub(b.Lon, a.Lon), sub(c.Lat, a.Lat))
		right := new(big.Rat).Mul(sub(b.Lat, a.Lat), sub(c.Lon, a.Lon))
		want := left.Cmp(right)
		for _, turn := range [][3]Point{{a, b, c}, {b, c, a}, {c, a, b}} {
			if got := orientation(turn[0], turn[1], turn[2]); got != want {
				t.Fatalf("%v is at side %d, want %d", turn, got, want)
			}
		}
		if got := orientation(b, a, c); got != -want {
			t.Fatalf("turned round the side is %d, want %d", got, -want)
		}
	})
}

func TestOrientationSurvivesUnderflow(t *testing.T) {
	tiny := 5e-324
	if got := orientation(Point{tiny, 0}, Point{0, tiny}, Point{0, 0}); got != 1 {
		t.Errorf("side %d, want 1", got)
	}
	if got := orientation(Point{0, 0}, Point{tiny, tiny}, Point{2 * tiny, 2 * tiny}); got != 0 {
		t.Errorf("side %d, want 0", got)
	}
}

func TestSegmentsMeetWhenTheyTouch(t *testing.T) {
	seg := func(ax, ay, bx, by float64) Segment { return Segment{Point{ax, ay}, Point{bx, by}} }
	for _, c := range []struct {
		name           string
		s, t           Segment
		meets, crosses bool
	}{
		{"crossing", seg(0, 0, 2, 2), seg(0, 2, 2, 0), true, true},
		{"apart", seg(0, 0, 1, 1), seg(2, 0, 3, 1), false, false},
		{"apart, bounds overlap", seg(0, 0, 4, 4), seg(3, 0, 4, 1), false, false},
		{"end to end", seg(0, 0, 1, 1), seg(1, 1, 2, 0), true, false},
		{"end to middle", seg(0, 0, 2, 0), seg(1, 0, 1, 5), true, false},
		{"end short of the middle", seg(0, 0, 2, 0), seg(1, math.Nextafter(0, 1), 1, 5), false, false},
		{"along, overlapping", seg(0, 0, 2, 2), seg(1, 1, 3, 3), true, true},
		{"along, end to end", seg(0, 0, 1, 1), seg(1, 1, 3, 3), true, false},
		{"along, apart", seg(0, 0, 1, 1), seg(2, 2, 3, 3), false, false},
		{"parallel", seg(0, 0, 2, 0), seg(0, 1, 2, 1), false, false},
		{"equal", seg(0, 0, 2, 1), seg(2, 1, 0, 0), true, true},
		{"a point on a line", seg(1, 1, 1, 1), seg(0, 0, 2, 2), true, false},
		{"a point beside a line", seg(1, 1.5, 1, 1.5), seg(0, 0, 2, 2), false, false},
		{"a point beyond a line", seg(3, 3, 3, 3), seg(0, 0, 2, 2), false, false},
		{"equal points", seg(1, 1, 1, 1), seg(1, 1, 1, 1), true, false},
		{"points apart", seg(1, 1, 1, 1), seg(1, 2, 1, 2), false, false},
	} {
		flip := func(s Segment) Segment { return Segment{s.B, s.A} }
		for _, pair := range [][2]Segment{{c.s, c.t}, {c.t, c.s}, {flip(c.s), c.t}, {c.s, flip(c.t)}} {
			if got := pair[0].Meets(pair[1]); got != c.meets {
				t.Errorf("%s: %v meets %v: %v", c.name, pair[0], pair[1], got)
			}
			if got := pair[0].crosses(pair[1]); got != c.crosses {
				t.Errorf("%s: %v crosses %v: %v", c.name, pair[0], pair[1], got)
			}
		}
	}
}

func randomBoxes(n int) []Box {
	r := rand.New(rand.NewPCG(3, 4))
	boxes := make([]Box, n)
	for i := range boxes {
		x, y := r.Float64(), r.Float64()
		boxes[i] = Box{x, y, x + 0.1*r.Float64(), y + 0.1*r.Float64()}
	}
	world := Box{0, 0, 1.1, 1.1}
	slices.SortFunc(boxes, func(a, b Box) int {
		return int(Hilbert(world, Point{a.MinLon, a.MinLat})/2) - int(Hilbert(world, Point{b.MinLon, b.MinLat})/2)
	})
	return boxes
}

func TestBoxTreeFindsWhatALoopFinds(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 64, 65, 1000} {
		boxes := randomBoxes(n)
		tree := NewBoxTree(n, func(i int) Box { return boxes[i] })
		for _, q := range randomBoxes(50) {
			var want, got []int
			for i, b := range boxes {
				if b.Overlaps(q) {
					want = append(want, i)
				}
			}
			tree.Search(q, func(first, last int) bool {
				for i := first; i < last; i++ {
					if boxes[i].Overlaps(q) {
						got = append(got, i)
					}
				}
				return true
			})
			if !slices.Equal(got, want) {
				t.Fatalf("of %d boxes %v overlap, found %v", n, want, got)
			}

			pl := PlaneAt(Point{q.MinLon, q.MinLat})
			nearest, found := math.Inf(1), math.Inf(1)
			for _, b := range boxes {
				nearest = min(nearest, pl.ToBox(b))
			}
			tree.Nearest(pl, func(first, last int) float64 {
				for _, b := range boxes[first:last] {
					found = min(found, pl.ToBox(b))
				}
				return found
			})
			if found != nearest {
				t.Fatalf("of %d boxes the nearest is at %g m, found %g", n, nearest, found)
			}
		}
	}
}

func TestSearchEndsWhenAsked(t *testing.T) {
	boxes := randomBoxes(1000)
	tree := NewBoxTree(len(boxes), func(i int) Box { return boxes[i] })
	calls := 0
	tree.Search(tree.Box(), func(int, int) bool { calls++; return calls < 3 })
	if calls != 3 {
		t.Errorf("%d calls, want 3", calls)
	}
}

func TestHilbertVisitsNeighbours(t *testing.T) {
	const side = 16
	box := Box{0, 0, 65535, 65535}
	var cells []Point
	for x := range side {
		for y := range side {
			cells = append(cells, Point{float64(x*4096) + 1, float64(y*4096) + 1})
		}
	}
	slices.SortFunc(cells, func(a, b Point) int { return int(int64(Hilbert(box, a)) - int64(Hilbert(box, b))) })
	for i := 1; i < len(cells); i++ {
		if d := math.Abs(cells[i].Lon-cells[i-1].Lon) + math.Abs(cells[i].Lat-cells[i-1].Lat); d != 4096 {
			t.Fatalf("from %v the curve jumps to %v", cells[i-1], cells[i])
		}
	}
}

func TestAroundHoldsTheCircle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Point{rapid.Float64Range(-85, 85).Draw(t, "lon"), rapid.Float64Range(-90, 90).Draw(t, "lat")}
		q := Point{rapid.Float64Range(-85, 85).Draw(t, "lon"), rapid.Float64Range(-90, 90).Draw(t, "lat")}
		q = Segment{p, q}.At(rapid.Float64Range(0, 1).Draw(t, "fraction"))
		if d := Distance(p, q); !Around(p, d).Contains(q) {
			t.Fatalf("%v is %g m from %v, outside %v", q, d, p, Around(p, d))
		}
	})
}
