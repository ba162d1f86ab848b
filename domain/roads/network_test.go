package roads

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
)

// town is a made-up network: nodes on a grid of a thousandth of a degree, ways through them.
type town struct {
	ways  []Way
	nodes map[int64]Node
}

// at returns the node at a crossing of the grid.
func at(x, y int) int64 { return int64(1000 + 100*y + x) }

func (w *town) way(id int64, ts Tags, nodes ...int64) {
	w.ways = append(w.ways, Way{id, ts, nodes})
	for _, node := range nodes {
		if _, ok := w.nodes[node]; !ok {
			w.put(node, nil)
		}
	}
}

func (w *town) put(node int64, ts Tags) {
	if w.nodes == nil {
		w.nodes = map[int64]Node{}
	}
	x, y := (node-1000)%100, (node-1000)/100
	w.nodes[node] = Node{node, geo.Point{Lon: 15 + float64(x)/1000, Lat: 48 + float64(y)/1000}, ts}
}

func (w *town) builder() *Builder {
	b := NewBuilder()
	for i := range w.ways {
		b.AddWay(&w.ways[i])
	}
	for _, n := range w.nodes { // in any order
		b.AddNode(&n)
	}
	return b
}

func (w *town) build(t testing.TB) *Network {
	t.Helper()
	n, _, err := w.builder().Build()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var street = tags("highway", "residential")

func place(t testing.TB, n *Network, node int64) Place {
	t.Helper()
	v, ok := n.Vertex(node)
	if !ok {
		t.Fatalf("node %d is no vertex", node)
	}
	return At(v)
}

func TestEveryPairOfNodesOnAnAcceptedWayIsASegment(t *testing.T) {
	var w town
	w.way(1, street, at(0, 0), at(1, 0), at(2, 0))
	w.way(2, tags("highway", "primary", "oneway", "yes", "bridge", "yes"), at(2, 0), at(2, 1))
	w.way(3, tags("highway", "footway"), at(0, 0), at(0, 5))
	w.way(4, tags("building", "yes"), at(7, 7), at(8, 7))
	n := w.build(t)
	f := n.Figures()
	if f.Vertices != 4 || f.Segments != 3 || f.DirectedEdges != 5 || f.Ways != 2 || f.LargestComponent != 3 {
		t.Errorf("%+v", f)
	}
	if want := geo.Distance(w.nodes[at(0, 0)].Point, w.nodes[at(2, 0)].Point) + geo.Distance(w.nodes[at(2, 0)].Point, w.nodes[at(2, 1)].Point); math.Abs(f.Metres-want) > 1e-6 {
		t.Errorf("%g m, want %g", f.Metres, want)
	}
	if _, ok := n.Vertex(at(0, 5)); ok {
		t.Error("the end of a footway is a vertex")
	}
	for s := range Segment(f.Segments) {
		if way := n.Way(s); way.ID == 2 {
			if seconds := n.Seconds(s); math.Abs(seconds-n.Metres(s)*3.6/60) > 1e-9 {
				t.Errorf("%g s at 60 km/h", seconds)
			}
			if from, to := n.Ends(s); n.Node(from) != at(2, 0) || n.Node(to) != at(2, 1) || !way.Bridge {
				t.Errorf("way 2: from %d to %d, %+v", n.Node(from), n.Node(to), way)
			}
		}
	}
}

func TestWhatIsLeftOutOfANetworkIsCounted(t *testing.T) {
	var w town
	w.way(1, street, at(0, 0), at(1, 0), at(1, 0), at(2, 0), at(3, 0), at(4, 0), at(5, 0))
	w.way(1, street, at(0, 0), at(0, 1))
	w.way(2, tags("highway", "footway"), at(0, 0), at(0, 1))
	w.put(at(2, 0), tags("barrier", "bollard"))
	b := NewBuilder()
	for i := range w.ways {
		b.AddWay(&w.ways[i])
	}
	for _, x := range []int{0, 1, 2, 3, 3, 5} {
		node := w.nodes[at(x, 0)]
		if x == 5 {
			node.Point.Lat = math.NaN()
		}
		b.AddNode(&node)
	}
	n, report, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	want := Report{
		Ways: 1, RefusedWays: 1, RepeatedWays: 1, ClosedBarriers: 1, RepeatedNodes: 1, InvalidNodes: 1, MissingNodes: 2,
		SkippedMissing: 2, SkippedClosed: 2, SkippedEqual: 1,
	}
	if report != want {
		t.Errorf("%+v, want %+v", report, want)
	}
	if f := n.Figures(); f.Segments != 1 || f.Vertices != 2 {
		t.Errorf("%+v", f)
	}
}

func TestAnEmptyNetworkAnswers(t *testing.T) {
	n, _, err := NewBuilder().Build()
	if err != nil {
		t.Fatal(err)
	}
	if f := n.Figures(); f != (Figures{}) {
		t.Errorf("%+v", f)
	}
	if _, ok := n.Vertex(1); ok {
		t.Error("it has a vertex")
	}
	if _, ok := n.Snap(geo.Point{}); ok {
		t.Error("a point snaps to it")
	}
	if _, _, ok := n.NearestVertex(geo.Point{}); ok {
		t.Error("it has a nearest vertex")
	}
	square := geo.MultiPolygon{{{{Lon: 0, Lat: 0}, {Lon: 1, Lat: 0}, {Lon: 1, Lat: 1}, {Lon: 0, Lat: 0}}}}
	if m := n.Flood(geo.NewArea(square), BridgesClosed); m.Segments() != 0 {
		t.Error("it is flooded")
	}
}

func TestTheLargestComponentIsStronglyConnected(t *testing.T) {
	var w town
	w.way(1, tags("highway", "residential", "oneway", "yes"), at(0, 0), at(1, 0), at(1, 1), at(0, 1), at(0, 0)) // a ring
	w.way(2, tags("highway", "residential", "oneway", "yes"), at(1, 1), at(5, 5), at(6, 5))                     // out only
	w.way(3, street, at(6, 5), at(7, 5), at(8, 5))                                                              // smaller
	w.way(4, tags("highway", "residential", "oneway", "-1"), at(0, 0), at(0, 9))                                // in only
	n := w.build(t)
	if f := n.Figures(); f.LargestComponent != 4 {
		t.Errorf("%d vertices, want 4", f.LargestComponent)
	}
	for node, want := range map[int64]bool{at(0, 0): true, at(1, 1): true, at(5, 5): false, at(6, 5): false, at(7, 5): false, at(0, 9): false} {
		v, _ := n.Vertex(node)
		if got := n.InLargestComponent(v); got != want {
			t.Errorf("node %d is in it: %v", node, got)
		}
	}
	if v, metres, ok := n.NearestVertex(w.nodes[at(0, 9)].Point); !ok || n.Node(v) != at(0, 1) || math.Abs(metres-geo.EarthRadius*math.Pi/180*0.008) > 1e-3 {
		t.Errorf("the nearest vertex is %d, %g m away", n.Node(v), metres)
	}
}

func TestAWayAfterANodePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it was taken")
		}
	}()
	var w town
	w.way(1, street, at(0, 0), at(1, 0))
	w.builder().AddWay(&w.ways[0])
}

func TestANetworkThatIsTooLargeIsRefused(t *testing.T) {
	b := NewBuilder()
	b.AddWay(&Way{ID: 1, Tags: street, Nodes: []int64{1, 2}})
	b.tooLarge = true // instead of a gigabyte of nodes
	b.AddWay(&Way{ID: 2, Tags: street, Nodes: []int64{3, 4}})
	if n, _, err := b.Build(); n != nil || domain.KindOf(err) != domain.KindInvalid {
		t.Errorf("%v", err)
	}
	if len(b.refs) != 2 {
		t.Errorf("%d nodes are kept", len(b.refs))
	}
}

// TestTheLargestComponentIsThatOfMutualReach counts for every vertex those that it reaches and that reach it.
func TestTheLargestComponentIsThatOfMutualReach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := randomTown(t)
		var reach [][]float64
		for v := range Vertex(n.NumVertices()) {
			reach = append(reach, plain(n, v, nil))
		}
		largest := 0
		sizes := make([]int, n.NumVertices())
		for v := range sizes {
			for w := range sizes {
				if !math.IsInf(reach[v][w]+reach[w][v], 1) {
					sizes[v]++
				}
			}
			largest = max(largest, sizes[v])
		}
		if got := n.Figures().LargestComponent; got != largest {
			t.Fatalf("%d vertices, want %d", got, largest)
		}
		in := 0
		for v, size := range sizes {
			if n.InLargestComponent(Vertex(v)) {
				if in++; size != largest {
					t.Fatalf("%d is in it, with %d others only", v, size-1)
				}
			}
		}
		if in != largest {
			t.Fatalf("%d vertices are in it, want %d", in, largest)
		}
	})
}
