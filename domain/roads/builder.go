package roads

import (
	"fmt"
	"slices"
	"strings"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
)

// Way is a way of OpenStreetMap.
type Way struct {
	ID    int64
	Tags  Tags
	Nodes []int64
}

// name returns what people call the way: its name, or else its number.
func (w *Way) name() string {
	for _, key := range [...]string{"name", "ref"} {
		if name, ok := w.Tags.Get(key); ok {
			return strings.Clone(name)
		}
	}
	return ""
}

// Node is a node of OpenStreetMap.
type Node struct {
	ID    int64
	Point geo.Point
	Tags  Tags
}

// Report counts what a Builder met.
type Report struct {
	Ways           int // accepted
	RefusedWays    int // with a highway tag, but not for cars
	RepeatedWays   int // accepted ways with the id of an earlier one; left out
	ClosedBarriers int // nodes that cannot be passed, on accepted ways or not
	RepeatedNodes  int // nodes on accepted ways given again; left out
	InvalidNodes   int // nodes on accepted ways that are no place on Earth; left out
	MissingNodes   int // nodes on accepted ways that were never given
	SkippedMissing int // segments without one of their nodes
	SkippedClosed  int // segments at a closed barrier
	SkippedEqual   int // segments from a node to itself
}

// Builder collects ways and then nodes.
type Builder struct {
	ways  []builderWay
	refs  []int64
	ids   []int64 // of the nodes on accepted ways, ascending, once the first node is added
	nodes []builderNode
	// tooLarge is set when no more ways are kept.
	tooLarge bool
	next     int // where the id after the newest node's is expected
	report   Report
}

type builderWay struct {
	id      int64
	name    string
	profile Profile
	end     int // of its nodes in refs
}

type builderNode struct {
	point         geo.Point
	known, closed bool
}

// MaxVertices bounds a network: some 200 bytes are needed for each.
const MaxVertices = 1 << 24

// maxRefs bounds the nodes of all ways, of which many stand in two ways.
const maxRefs = 2 * MaxVertices

// NewBuilder returns a builder of an empty network.
func NewBuilder() *Builder { return &Builder{} }

// AddWay adds w if cars can use it. It keeps nothing of w. It panics after the first node.
func (b *Builder) AddWay(w *Way) {
	if b.ids != nil {
		panic("roads: a way was added after a node")
	}
	p, ok := ProfileOf(w.Tags)
	if !ok {
		if _, isHighway := w.Tags.Get("highway"); isHighway {
			b.report.RefusedWays++
		}
		return
	}
	if b.tooLarge = b.tooLarge || len(b.refs) > maxRefs; b.tooLarge {
		return
	}
	b.refs = append(b.refs, w.Nodes...)
	b.ways = append(b.ways, builderWay{w.ID, w.name(), p, len(b.refs)})
}

// AddNode adds n if an accepted way has it. It keeps nothing of n. Nodes in ascending order of their ids
// are found fastest.
func (b *Builder) AddNode(n *Node) {
	b.seal()
	closed := IsClosedBarrier(n.Tags)
	if closed {
		b.report.ClosedBarriers++
	}
	i, ok := b.find(n.ID)
	if !ok {
		return
	}
	at := &b.nodes[i]
	switch {
	case at.known:
		b.report.RepeatedNodes++
	case !n.Point.IsValid():
		b.report.InvalidNodes++
	default:
		*at = builderNode{n.Point, true, closed}
	}
}

// seal ends the time of ways.
func (b *Builder) seal() {
	if b.ids == nil {
		b.dropRepeatedWays()
		b.ids = slices.Compact(slices.Sorted(slices.Values(b.refs)))
		b.nodes = make([]builderNode, len(b.ids))
	}
}

// find returns the index of a node's id. It looks near the place of the last one first.
func (b *Builder) find(id int64) (int, bool) {
	low, high := b.next, len(b.ids)
	for step := 1; low < high; step *= 2 {
		probe := min(low+step, high)
		if probe == high || b.ids[probe] > id {
			high = probe
			break
		}
		low = probe
	}
	if b.next >= len(b.ids) || b.ids[b.next] > id {
		low, high = 0, b.next
	}
	i, ok := slices.BinarySearch(b.ids[low:high], id)
	b.next = low + i
	return b.next, ok
}

// Build returns the network. Its vertices are the nodes with a segment. An error, of KindInvalid, says that it
// would be too large; a network may well be empty.
func (b *Builder) Build() (*Network, Report, error) {
	b.seal()
	if b.tooLarge || len(b.ids) > MaxVertices {
		return nil, b.report, &domain.Error{Kind: domain.KindInvalid, Op: "build roads", Msg: fmt.Sprintf(
			"the roads for cars have more than %d nodes; cut the extract smaller", MaxVertices)}
	}
	n := new(Network)
	b.placeSegments(n)
	b.placeVertices(n)
	n.connect()
	n.tree = geo.NewBoxTree(len(n.segments), func(i int) geo.Box { return n.Line(Segment(i)).Box() })
	n.prepare()
	return n, b.report, nil
}

// placeSegments makes the segments of all ways, whose ends are indices of nodes for now.
func (b *Builder) placeSegments(n *Network) {
	for _, at := range b.nodes {
		if !at.known {
			b.report.MissingNodes++
		}
	}
	n.ways = make([]NetworkWay, len(b.ways))
	n.segments = make([]segment, 0, len(b.refs))
	first := 0
	for i, w := range b.ways {
		n.ways[i] = NetworkWay{w.id, w.name, w.profile}
		from := -1
		for _, ref := range b.refs[first:w.end] {
			to, _ := b.find(ref)
			if from >= 0 && b.mayJoin(from, to) {
				n.segments = append(n.segments, segment{
					from: Vertex(from), to: Vertex(to), way: uint32(i),
					metres: geo.Distance(b.nodes[from].point, b.nodes[to].point),
				})
			}
			from = to
		}
		first = w.end
	}
}

func (b *Builder) mayJoin(from, to int) bool {
	x, y := &b.nodes[from], &b.nodes[to]
	switch {
	case from == to:
		b.report.SkippedEqual++
	case !x.known || !y.known:
		b.report.SkippedMissing++
	case x.closed || y.closed:
		b.report.SkippedClosed++
	default:
		return true
	}
	return false
}

// placeVertices numbers the ends of segments along a Hilbert curve, and then the segments by their ends.
func (b *Builder) placeVertices(n *Network) {
	vertexOf := make([]Vertex, len(b.nodes)) // 1 for a node with a segment, then its number
	box := geo.EmptyBox()
	for _, s := range n.segments {
		vertexOf[s.from], vertexOf[s.to] = 1, 1
		box = box.Add(b.nodes[s.from].point).Add(b.nodes[s.to].point)
	}
	var order []uint64 // the place on the curve above the index
	for i, used := range vertexOf {
		if used != 0 {
			order = append(order, uint64(geo.Hilbert(box, b.nodes[i].point))<<32|uint64(i))
			n.byNode = append(n.byNode, Vertex(i))
		}
	}
	slices.Sort(order)
	n.nodes, n.points = make([]int64, len(order)), make([]geo.Point, len(order))
	for v, key := range order {
		i := uint32(key)
		n.nodes[v], n.points[v], vertexOf[i] = b.ids[i], b.nodes[i].point, Vertex(v)
	}
	for i := range n.byNode {
		n.byNode[i] = vertexOf[n.byNode[i]]
	}
	for i := range n.segments {
		s := &n.segments[i]
		s.from, s.to = vertexOf[s.from], vertexOf[s.to]
	}
	n.segments = sortedByVertex(n.segments, len(order))
}

// sortedByVertex returns segments in the order of their smaller end, else as they stood.
func sortedByVertex(segments []segment, vertices int) []segment {
	next := make([]uint32, vertices+1) // where the next segment of a vertex goes
	for i := range segments {
		next[min(segments[i].from, segments[i].to)+1]++
	}
	for v := range vertices {
		next[v+1] += next[v]
	}
	sorted := make([]segment, len(segments))
	for _, s := range segments {
		at := &next[min(s.from, s.to)]
		sorted[*at] = s
		*at++
	}
	return sorted
}

// dropRepeatedWays keeps the first way of each id, with its nodes.
func (b *Builder) dropRepeatedWays() {
	seen := make(map[int64]struct{}, len(b.ways))
	kept, refs, start := b.ways[:0], b.refs[:0], 0
	for _, w := range b.ways {
		nodes := b.refs[start:w.end]
		start = w.end
		if _, repeated := seen[w.id]; repeated {
			b.report.RepeatedWays++
			continue
		}
		seen[w.id] = struct{}{}
		refs = append(refs, nodes...)
		w.end = len(refs)
		kept = append(kept, w)
	}
	b.ways, b.refs = kept, refs
	b.report.Ways = len(kept)
}
