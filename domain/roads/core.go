package roads

import (
	"math"
	"sync"
)

// core is what searches run on: the junctions of a network, and between them chains of segments without a
// choice on the way. It knows no flood, so that it is made once; a flood blocks a chain when it blocks one
// of its segments. Places inside a chain reach its ends along the segments themselves.
type core struct {
	junctions []Vertex // ascending
	index     []uint32 // of each vertex in junctions, notJunction inside chains
	chainOf   []uint32 // of each segment
	chains    []chain

	deadEnds bitset // junctions with one way in and out, through which no route passes

	leavingAt, enteringAt []uint32 // as Network.stepsAt
	leaving, entering     []arc    // entering arcs are turned round: their head is where they come from
	marks                 landmarks

	spare sync.Pool // of *search
}

const notJunction = ^uint32(0)

// chain is a maximal run of segments through vertices where only two segments meet.
type chain struct {
	first, last Step // in the direction in which it was found; last arrives at the other end
}

// arc is a chain in a direction in which all of it may be driven.
type arc struct {
	head    uint32 // junction
	link    link
	seconds float64
}

// link is a chain with a direction: the number of the chain, shifted, and 1 against its finding.
type link uint32

func (l link) chain() uint32 { return uint32(l >> 1) }

// prepare makes what searches need.
func (n *Network) prepare() {
	n.largest, n.largestSize = n.largestComponent()
	n.findJunctions()
	n.findChains()
	n.core.leavingAt, n.core.leaving = n.linkChains(false)
	n.core.enteringAt, n.core.entering = n.linkChains(true)
	n.open = n.newMask()
	n.core.marks = n.findLandmarks()
}

// findJunctions picks the vertices where there is a choice, or an end, and one of each ring that has none.
func (n *Network) findJunctions() {
	c := &n.core
	c.index = make([]uint32, len(n.nodes))
	passed := newBitset(len(n.nodes))
	for v := range n.nodes {
		c.index[v] = notJunction
		if n.stepsAt[v+1]-n.stepsAt[v] != 2 {
			c.index[v] = 0 // numbered below
		}
	}
	for v := range n.nodes {
		if c.index[v] != notJunction {
			for _, s := range n.Steps(Vertex(v)) {
				n.passChain(s, passed)
			}
		}
	}
	for v := range n.nodes {
		if c.index[v] == notJunction && !passed.has(uint32(v)) {
			c.index[v] = 0
			n.passChain(n.Steps(Vertex(v))[0], passed)
		}
	}
	for v := range n.nodes {
		if c.index[v] != notJunction {
			c.index[v] = uint32(len(c.junctions))
			c.junctions = append(c.junctions, Vertex(v))
		}
	}
	c.deadEnds = newBitset(len(c.junctions))
	for j, v := range c.junctions {
		if len(n.Steps(v)) == 1 {
			c.deadEnds.put(uint32(j))
		}
	}
}

// passChain marks the vertices inside the chain that begins with s.
func (n *Network) passChain(s Step, passed bitset) {
	for {
		v := uint32(n.Head(s))
		if n.core.index[v] != notJunction || passed.has(v) {
			return
		}
		passed.put(v)
		s = n.following(s)
	}
}

// following returns the step after s at a vertex that is no junction.
func (n *Network) following(s Step) Step {
	at := n.stepsAt[n.Head(s)]
	if next := n.steps[at]; next != s.reversed() {
		return next
	}
	return n.steps[at+1]
}

// isInside reports whether v is inside a chain.
func (n *Network) isInside(v Vertex) bool { return n.core.index[v] == notJunction }

// findChains numbers the chains in the order of their first junction.
func (n *Network) findChains() {
	c := &n.core
	c.chainOf = make([]uint32, len(n.segments))
	numbered := newBitset(len(n.segments))
	for _, v := range c.junctions {
		for _, first := range n.Steps(v) {
			if numbered.has(uint32(first.Segment())) {
				continue
			}
			s := first
			for ; ; s = n.following(s) {
				numbered.put(uint32(s.Segment()))
				c.chainOf[s.Segment()] = uint32(len(c.chains))
				if !n.isInside(n.Head(s)) {
					break
				}
			}
			c.chains = append(c.chains, chain{first, s})
		}
	}
}

// firstStep returns the step with which a link begins.
func (n *Network) firstStep(l link) Step {
	c := n.core.chains[l.chain()]
	if l&1 != 0 {
		return c.last.reversed()
	}
	return c.first
}

// linkChains returns the arcs of all junctions, leaving or entering.
func (n *Network) linkChains(entering bool) (at []uint32, arcs []arc) {
	at = make([]uint32, 0, len(n.core.junctions)+1)
	for _, v := range n.core.junctions {
		at = append(at, uint32(len(arcs)))
		for _, s := range n.Steps(v) {
			if a, ok := n.linkFrom(s, entering); ok && n.core.junctions[a.head] != v {
				arcs = append(arcs, a)
			}
		}
	}
	return append(at, uint32(len(arcs))), arcs
}

// linkFrom follows the chain that begins with s to its end, driving along it or, entering, towards it. ok is
// false when some segment may not be driven so.
func (n *Network) linkFrom(s Step, entering bool) (a arc, ok bool) {
	chain := n.core.chainOf[s.Segment()]
	for first := s; ; s = n.following(s) {
		driven := s
		if entering {
			driven = s.reversed()
		}
		if !n.IsAllowed(driven) {
			return arc{}, false
		}
		a.seconds += n.Seconds(s.Segment())
		if head := n.Head(s); !n.isInside(head) {
			a.head = n.core.index[head]
			// A chain from a junction to itself is no arc, so that its first step tells the direction.
			if a.link = link(chain << 1); (first == n.core.chains[chain].first) == entering {
				a.link |= 1
			}
			return a, true
		}
	}
}

// landmarks hold lower bounds on the time between any two junctions, by the triangle inequality with a few
// junctions at the rim of the network (ALT: Goldberg and Harrelson 2005, section 4). A flood makes ways only
// longer, so that the bounds hold whatever is blocked.
type landmarks struct {
	bounds []bounds // of each junction
	// rounding is how far a bound may be off because times are kept in single precision, in seconds.
	rounding float64
}

const numLandmarks = 8

// bounds are the times of a junction from and to each landmark, in seconds, infinite where there is no way.
type bounds struct{ from, to [numLandmarks]float32 }

// findLandmarks takes, of each eighth of the compass around the middle of the network, the farthest junction
// of the largest component.
func (n *Network) findLandmarks() landmarks {
	c := &n.core
	m := landmarks{bounds: make([]bounds, len(c.junctions))}
	box := n.Box()
	pl := planeAtMiddle(box)
	var farthest [numLandmarks]struct {
		metres   float64
		junction uint32
	}
	found := false
	for j, v := range c.junctions {
		if !n.InLargestComponent(v) {
			continue
		}
		east, north := pl.Metres(n.points[v])
		octant := int((math.Atan2(north, east)+math.Pi)/(math.Pi/4)) % numLandmarks
		if metres := math.Hypot(east, north); !found || metres > farthest[octant].metres {
			if !found { // an octant without a junction gets one of another
				for i := range farthest {
					farthest[i].junction = uint32(j)
				}
				found = true
			}
			farthest[octant].metres, farthest[octant].junction = metres, uint32(j)
		}
	}
	if !found {
		return m
	}
	inParallel(2*numLandmarks, func(i int) {
		mark := farthest[i/2].junction
		tree := newTree(len(c.junctions))
		if i%2 == 0 {
			tree.grow(c.deadEnds, c.leavingAt, c.leaving, n.open, seed{junction: mark})
			for j := range m.bounds {
				m.bounds[j].from[i/2] = float32(tree.seconds[j])
			}
		} else {
			tree.grow(c.deadEnds, c.enteringAt, c.entering, n.open, seed{junction: mark})
			for j := range m.bounds {
				m.bounds[j].to[i/2] = float32(tree.seconds[j])
			}
		}
	})
	longest := 0.0
	for i := range m.bounds {
		for k := range numLandmarks {
			for _, s := range [...]float32{m.bounds[i].from[k], m.bounds[i].to[k]} {
				if s < math.MaxFloat32 {
					longest = max(longest, float64(s))
				}
			}
		}
	}
	m.rounding = longest * 0x1p-23 // two times, each off by half a unit of the last place at most
	return m
}
