package roads

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/guardy-ai/guardy/domain/geo"
)

// randomTown draws a town with one-way streets, bridges, dead ends, rings, parallel ways and long chains.
func randomTown(t *rapid.T) *Network {
	var w town
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	size := rapid.IntRange(1, 6).Draw(t, "size")
	kinds := []string{"residential", "primary", "service"}
	for id := range int64(rapid.IntRange(1, 30).Draw(t, "ways")) {
		ts := tags("highway", kinds[r.IntN(len(kinds))])
		switch r.IntN(6) {
		case 0:
			ts = append(ts, Tag{"oneway", "yes"})
		case 1:
			ts = append(ts, Tag{"oneway", "-1"})
		case 2:
			ts = append(ts, Tag{"bridge", "yes"})
		}
		x, y := r.IntN(size+1), r.IntN(size+1)
		nodes := []int64{at(x, y)}
		for range 1 + r.IntN(8) {
			x, y = min(max(x+r.IntN(3)-1, 0), size), min(max(y+r.IntN(3)-1, 0), size)
			nodes = append(nodes, at(x, y))
		}
		w.way(id, ts, nodes...)
	}
	n, _, err := w.builder().Build()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// randomFlood draws rectangles that may overlap.
func randomFlood(t *rapid.T, n *Network) *geo.Area {
	var m geo.MultiPolygon
	for range rapid.IntRange(1, 3).Draw(t, "polygons") {
		x := 15 + rapid.Float64Range(-0.001, 0.007).Draw(t, "x")
		y := 48 + rapid.Float64Range(-0.001, 0.007).Draw(t, "y")
		width, height := rapid.Float64Range(1e-5, 0.003).Draw(t, "width"), rapid.Float64Range(1e-5, 0.003).Draw(t, "height")
		m = append(m, geo.Polygon{{{Lon: x, Lat: y}, {Lon: x + width, Lat: y}, {Lon: x + width, Lat: y + height}, {Lon: x, Lat: y + height}, {Lon: x, Lat: y}}})
	}
	return geo.NewArea(m)
}

// plain is Bellman's and Ford's algorithm on the segments: the seconds from v to every vertex.
func plain(n *Network, v Vertex, m *Mask) []float64 {
	seconds := make([]float64, n.NumVertices())
	for i := range seconds {
		seconds[i] = math.Inf(1)
	}
	seconds[v] = 0
	for changed := true; changed; {
		changed = false
		for s := range Segment(n.NumSegments()) {
			if m.Blocks(s) {
				continue
			}
			from, to := n.Ends(s)
			if w := n.Way(s); w.Forward && seconds[from]+n.Seconds(s) < seconds[to] {
				seconds[to], changed = seconds[from]+n.Seconds(s), true
			}
			if w := n.Way(s); w.Backward && seconds[to]+n.Seconds(s) < seconds[from] {
				seconds[from], changed = seconds[to]+n.Seconds(s), true
			}
		}
	}
	return seconds
}

// checkRoute drives a route between vertices.
func checkRoute(t *rapid.T, n *Network, r Route, from, to Vertex, m *Mask) {
	at, seconds, metres := from, 0.0, 0.0
	for _, s := range r.Steps {
		if n.Head(s.reversed()) != at || !n.IsAllowed(s) || m.Blocks(s.Segment()) {
			t.Fatalf("at %d the route cannot be driven on: %v", at, r.Steps)
		}
		at, seconds, metres = n.Head(s), seconds+n.Seconds(s.Segment()), metres+n.Metres(s.Segment())
	}
	if at != to || math.Abs(seconds-r.Seconds) > 1e-9 || math.Abs(metres-r.Metres) > 1e-9 {
		t.Fatalf("it ends at %d after %g s, %g m; want %d, %g, %g", at, seconds, metres, to, r.Seconds, r.Metres)
	}
	line := n.RouteLine(r)
	if len(line) == 0 || line[0] != n.Point(from) || line[len(line)-1] != n.Point(to) {
		t.Fatalf("its line goes %v", line)
	}
}

func sameTime(a, b float64) bool { return a == b || math.Abs(a-b) <= 1e-7 }

// TestRoutesAreTheFastestThatKeepOutOfTheWater compares every pair of vertices with a plain search.
func TestRoutesAreTheFastestThatKeepOutOfTheWater(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := randomTown(t)
		var m *Mask
		if rapid.Bool().Draw(t, "flooded") {
			m = n.Flood(randomFlood(t, n), Bridges(rapid.Bool().Draw(t, "bridges")))
		}
		var steps []Step
		for to := range Vertex(n.NumVertices()) {
			times := n.TimesTo(At(to), m)
			for from := range Vertex(n.NumVertices()) {
				want := plain(n, from, m)[to]
				r, ok := n.Route(At(from), At(to), m, steps)
				steps = r.Steps
				if ok == math.IsInf(want, 1) || ok && !sameTime(r.Seconds, want) {
					t.Fatalf("from %d to %d: %v, %g s; want %g", from, to, ok, r.Seconds, want)
				}
				if got := times.From(from); !sameTime(got, want) {
					t.Fatalf("from %d to %d all at once: %g s, want %g", from, to, got, want)
				}
				if ok {
					checkRoute(t, n, r, from, to, m)
				}
			}
		}
	})
}

func TestMoreWaterIsNeverFaster(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := randomTown(t)
		area := randomFlood(t, n)
		masks := []*Mask{nil, n.Flood(area, BridgesOpen), n.Flood(area, BridgesClosed)}
		from := Vertex(rapid.IntRange(0, max(0, n.NumVertices()-1)).Draw(t, "from"))
		for to := range Vertex(n.NumVertices()) {
			before := 0.0
			for _, m := range masks {
				seconds := math.Inf(1)
				if r, ok := n.Route(At(from), At(to), m, nil); ok {
					seconds = r.Seconds
				}
				if seconds < before-1e-9 {
					t.Fatalf("from %d to %d %g s, with less water %g", from, to, seconds, before)
				}
				before = seconds
			}
		}
	})
}

func TestAFloodBlocksWhatItMeets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := randomTown(t)
		area := randomFlood(t, n)
		closed, open := n.Flood(area, BridgesClosed), n.Flood(area, BridgesOpen)
		count, metres := 0, 0.0
		for s := range Segment(n.NumSegments()) {
			wet := area.Meets(n.Line(s))
			if closed.Blocks(s) != wet || open.Blocks(s) != (wet && !n.Way(s).Bridge) {
				t.Fatalf("segment %d, in the water: %v, is blocked: %v, with bridges open %v", s, wet, closed.Blocks(s), open.Blocks(s))
			}
			if wet {
				count, metres = count+1, metres+n.Metres(s)
			}
		}
		if closed.Segments() != count || math.Abs(closed.Metres()-metres) > 1e-6 {
			t.Fatalf("%d segments, %g m; want %d, %g", closed.Segments(), closed.Metres(), count, metres)
		}
	})
}

// TestPlacesOnSegmentsAreLikeVertices cuts segments in two where routes begin and end, and compares with the
// routes between the vertices there.
func TestPlacesOnSegmentsAreLikeVertices(t *testing.T) {
	var whole, cut town
	for _, w := range []struct {
		ts    Tags
		whole []int64
		cut   []int64
	}{
		{tags("highway", "service"), []int64{at(0, 0), at(8, 0)}, []int64{at(0, 0), at(1, 0), at(4, 0), at(7, 0), at(8, 0)}}, // slow
		{tags("highway", "primary"), []int64{at(0, 0), at(0, 1), at(8, 1), at(8, 0)}, []int64{at(0, 0), at(0, 1), at(4, 1), at(8, 1), at(8, 0)}},
		{tags("highway", "residential", "oneway", "yes"), []int64{at(8, 0), at(16, 0)}, []int64{at(8, 0), at(12, 0), at(13, 0), at(16, 0)}},
		{street, []int64{at(16, 0), at(16, 1), at(8, 1)}, []int64{at(16, 0), at(16, 1), at(8, 1)}},
	} {
		whole.way(int64(len(whole.ways)), w.ts, w.whole...)
		cut.way(int64(len(cut.ways)), w.ts, w.cut...)
	}
	n, reference := whole.build(t), cut.build(t)
	places := []int64{at(0, 0), at(1, 0), at(4, 0), at(7, 0), at(4, 1), at(12, 0), at(13, 0), at(16, 0)}
	for _, from := range places {
		for _, to := range places {
			a, _ := n.Snap(cut.nodes[from].Point)
			b, _ := n.Snap(cut.nodes[to].Point)
			got, ok := n.Route(a.Place, b.Place, nil, nil)
			want, _ := reference.Route(place(t, reference, from), place(t, reference, to), nil, nil)
			if !ok || math.Abs(got.Seconds-want.Seconds) > 1e-3 || math.Abs(got.Metres-want.Metres) > 1e-2 {
				t.Errorf("from %d to %d %.4f s, %.3f m; want %.4f, %.3f", from, to, got.Seconds, got.Metres, want.Seconds, want.Metres)
			}
			length := 0.0
			line := n.RouteLine(got)
			for i := 1; i < len(line); i++ {
				length += geo.Distance(line[i-1], line[i])
			}
			if math.Abs(length-got.Metres) > 1e-2 {
				t.Errorf("from %d to %d the line is %g m long, the route %g", from, to, length, got.Metres)
			}
			if times := n.TimesTo(b.Place, nil); a.IsVertex() {
				v, _ := n.Vertex(from)
				if math.Abs(times.From(v)-want.Seconds) > 1e-3 {
					t.Errorf("from %d to %d all at once %.4f s, want %.4f", from, to, times.From(v), want.Seconds)
				}
			}
		}
	}
}

func TestAPlaceUnderWaterIsNotReached(t *testing.T) {
	var w town
	w.way(1, street, at(0, 0), at(2, 0), at(4, 0))
	n := w.build(t)
	m := n.Flood(geo.NewArea(geo.MultiPolygon{{{{Lon: 15.0009, Lat: 47.9}, {Lon: 15.0011, Lat: 47.9}, {Lon: 15.0011, Lat: 48.1}, {Lon: 15.0009, Lat: 47.9}}}}), BridgesClosed)
	if m.Segments() != 1 {
		t.Fatalf("%d segments are blocked, want 1", m.Segments())
	}
	wet, _ := n.Snap(geo.Point{Lon: 15.0015, Lat: 48})
	dry, _ := n.Snap(geo.Point{Lon: 15.003, Lat: 48})
	dryToo, _ := n.Snap(geo.Point{Lon: 15.0035, Lat: 48})
	for _, c := range []struct {
		from, to Place
		want     bool
	}{
		{wet.Place, dry.Place, false},
		{dry.Place, wet.Place, false},
		{wet.Place, wet.Place, false},
		{dry.Place, dryToo.Place, true},
		{place(t, n, at(2, 0)), dry.Place, true},
		{place(t, n, at(0, 0)), dry.Place, false},
	} {
		if _, ok := n.Route(c.from, c.to, m, nil); ok != c.want {
			t.Errorf("from %v to %v: %v", n.PointOf(c.from), n.PointOf(c.to), ok)
		}
	}
}

func TestSnapFindsWhatALoopFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := randomTown(t)
		p := geo.Point{Lon: 15 + rapid.Float64Range(-0.01, 0.02).Draw(t, "x"), Lat: 48 + rapid.Float64Range(-0.01, 0.02).Draw(t, "y")}
		want := math.Inf(1)
		for s := range Segment(n.NumSegments()) {
			d, _ := geo.PlaneAt(p).ToSegment(n.Line(s))
			want = min(want, d)
		}
		if got, ok := n.Snap(p); ok == math.IsInf(want, 1) || ok && got.Metres != want {
			t.Fatalf("%g m, want %g", got.Metres, want)
		}
	})
}

func TestRoutesSideBySideAreThoseOfOneByOne(t *testing.T) {
	var w town
	for i := range 10 {
		for j := range 10 {
			w.way(int64(100*i+j), street, at(i, j), at(i+1, j))
			w.way(int64(100*i+j+5000), street, at(i, j), at(i, j+1))
		}
	}
	n := w.build(t)
	want := plain(n, 0, nil)
	inParallel(8, func(int) {
		for to := range Vertex(n.NumVertices()) {
			if r, ok := n.Route(At(0), At(to), nil, nil); !ok || !sameTime(r.Seconds, want[to]) {
				t.Errorf("to %d: %v, %g s; want %g", to, ok, r.Seconds, want[to])
			}
		}
	})
}

func TestRoutesNeedNoMemory(t *testing.T) {
	var w town
	for i := range 20 {
		w.way(int64(i), street, at(i, 0), at(i+1, 0), at(i+1, i+1))
	}
	n := w.build(t)
	var r Route
	from, to := place(t, n, at(0, 0)), place(t, n, at(20, 20))
	if allocs := testing.AllocsPerRun(100, func() { r, _ = n.Route(from, to, nil, r.Steps) }); allocs >= 1 {
		t.Errorf("%g allocations a route", allocs)
	}
}
