package roads

import (
	"slices"

	"github.com/guardy-ai/guardy/domain/geo"
)

// Vertex is the number of a vertex of a network.
type Vertex uint32

// Segment is the number of a segment of a network.
type Segment uint32

// Step is a segment driven in one direction.
type Step uint32

// step returns s driven forward or backward.
func step(s Segment, backward bool) Step {
	if backward {
		return Step(s<<1 | 1)
	}
	return Step(s << 1)
}

// Segment returns the segment that is driven.
func (s Step) Segment() Segment { return Segment(s >> 1) }

// IsBackward reports whether it is driven against the order of its way's nodes.
func (s Step) IsBackward() bool { return s&1 != 0 }

func (s Step) reversed() Step { return s ^ 1 }

// NetworkWay is an accepted way.
type NetworkWay struct {
	ID   int64  // of OpenStreetMap
	Name string // empty where the map has none
	Profile
}

// Network is a road network. Its vertices and segments are numbered along a Hilbert curve.
type Network struct {
	nodes  []int64
	byNode []Vertex // ascending by node
	points []geo.Point

	ways     []NetworkWay
	segments []segment
	tree     geo.BoxTree // of segments

	stepsAt []uint32 // the steps that leave v in the geometry, allowed or not, are steps[stepsAt[v]:stepsAt[v+1]]
	steps   []Step

	largest     bitset // vertices of the largest strongly connected component
	largestSize int
	core        core
	open        *Mask // blocks nothing
}

type segment struct {
	from, to Vertex
	way      uint32
	metres   float64
}

// connect fills the steps at each vertex.
func (n *Network) connect() {
	n.stepsAt = make([]uint32, len(n.nodes)+1)
	for i := range n.segments {
		n.stepsAt[n.segments[i].from+1]++
		n.stepsAt[n.segments[i].to+1]++
	}
	for v := range n.nodes {
		n.stepsAt[v+1] += n.stepsAt[v]
	}
	n.steps = make([]Step, 2*len(n.segments))
	next := slices.Clone(n.stepsAt)
	for i, s := range n.segments {
		n.steps[next[s.from]] = step(Segment(i), false)
		next[s.from]++
		n.steps[next[s.to]] = step(Segment(i), true)
		next[s.to]++
	}
}

// NumVertices returns the number of vertices.
func (n *Network) NumVertices() int { return len(n.nodes) }

// NumSegments returns the number of segments.
func (n *Network) NumSegments() int { return len(n.segments) }

// Figures say how large a network is.
type Figures struct {
	Vertices, Segments, DirectedEdges int
	Ways                              int
	Metres                            float64 // of all segments, each once
	LargestComponent                  int     // vertices of the largest strongly connected component
}

// Figures returns the figures of n.
func (n *Network) Figures() Figures {
	f := Figures{Vertices: len(n.nodes), Segments: len(n.segments), Ways: len(n.ways), LargestComponent: n.largestSize}
	for i := range n.segments {
		s := &n.segments[i]
		f.Metres += s.metres
		if n.ways[s.way].Forward {
			f.DirectedEdges++
		}
		if n.ways[s.way].Backward {
			f.DirectedEdges++
		}
	}
	return f
}

// Box returns the bounds of all segments.
func (n *Network) Box() geo.Box { return n.tree.Box() }

// Node returns the OpenStreetMap id of v.
func (n *Network) Node(v Vertex) int64 { return n.nodes[v] }

// Vertex returns the vertex of an OpenStreetMap node, and whether it is one.
func (n *Network) Vertex(node int64) (Vertex, bool) {
	i, ok := slices.BinarySearchFunc(n.byNode, node, func(v Vertex, node int64) int {
		switch id := n.nodes[v]; {
		case id < node:
			return -1
		case id > node:
			return 1
		}
		return 0
	})
	if !ok {
		return 0, false
	}
	return n.byNode[i], true
}

// Point returns where v is.
func (n *Network) Point(v Vertex) geo.Point { return n.points[v] }

// InLargestComponent reports whether from v one can get to most of the network and back.
func (n *Network) InLargestComponent(v Vertex) bool { return n.largest.has(uint32(v)) }

// Ends returns the vertices of s in the order of its way.
func (n *Network) Ends(s Segment) (from, to Vertex) { return n.segments[s].from, n.segments[s].to }

// Line returns s on the ground.
func (n *Network) Line(s Segment) geo.Segment {
	return geo.Segment{A: n.points[n.segments[s].from], B: n.points[n.segments[s].to]}
}

// Way returns the way of s.
func (n *Network) Way(s Segment) NetworkWay { return n.ways[n.segments[s].way] }

// Metres returns the length of s.
func (n *Network) Metres(s Segment) float64 { return n.segments[s].metres }

// Seconds returns the time that s takes.
func (n *Network) Seconds(s Segment) float64 {
	const metresPerSecond = 1 / 3.6 // of a km/h
	at := &n.segments[s]
	return at.metres / (n.ways[at.way].Speed * metresPerSecond)
}

// Steps returns the steps that leave v, not to be changed. Not each of them is allowed.
func (n *Network) Steps(v Vertex) []Step { return n.steps[n.stepsAt[v]:n.stepsAt[v+1]] }

// IsAllowed reports whether cars may make the step.
func (n *Network) IsAllowed(s Step) bool {
	w := &n.ways[n.segments[s.Segment()].way]
	if s.IsBackward() {
		return w.Backward
	}
	return w.Forward
}

// Head returns the vertex at which a step ends.
func (n *Network) Head(s Step) Vertex {
	if s.IsBackward() {
		return n.segments[s.Segment()].from
	}
	return n.segments[s.Segment()].to
}

// Tail returns the vertex at which a step begins.
func (n *Network) Tail(s Step) Vertex { return n.Head(s.reversed()) }

// bitset is a set of small numbers.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(i uint32) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bitset) put(i uint32)      { b[i/64] |= 1 << (i % 64) }
