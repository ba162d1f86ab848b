package roads

import "github.com/guardy-ai/guardy/domain/geo"

// Mask is a flood on a network: the segments that nobody can drive. It never changes. A nil mask blocks
// nothing.
type Mask struct {
	blocked  bitset // segments
	chains   bitset // chains with a blocked segment
	segments int
	metres   float64
}

func (n *Network) newMask() *Mask {
	return &Mask{blocked: newBitset(len(n.segments)), chains: newBitset(len(n.core.chains))}
}

// Bridges says whether bridges can be driven over water.
type Bridges bool

// The policies. A bridge is a segment whose way has a bridge tag other than "no".
const (
	BridgesClosed Bridges = false
	BridgesOpen   Bridges = true
)

// Flood returns the mask of the water: it blocks, in both directions, each segment whose straight line in
// longitude and latitude has a point in common with it; touching counts.
func (n *Network) Flood(water *geo.Area, bridges Bridges) *Mask {
	m := n.newMask()
	f := flooding{network: n, sides: make([]int32, len(n.nodes))}
	parts := water.Parts()
	for i := range parts {
		f.part, f.number = &parts[i], int32(i+1)
		n.tree.Search(f.part.Box(), func(first, last int) bool {
			for s := Segment(first); s < Segment(last); s++ {
				if bridges == BridgesOpen && n.ways[n.segments[s].way].Bridge {
					continue
				}
				if !m.blocked.has(uint32(s)) && f.reaches(s) {
					m.block(n, s)
				}
			}
			return true
		})
	}
	return m
}

// flooding is one polygon of a flood at a time. Whether a vertex is inside is found once, and handed on along the
// segments that do not touch the border: a polygon with a long border is otherwise slow to ask.
type flooding struct {
	network *Network
	part    *geo.Part
	number  int32
	sides   []int32 // of each vertex: number inside the polygon, -number outside, something else when not known
}

// reaches reports whether the polygon has a point in common with s.
func (f *flooding) reaches(s Segment) bool {
	line := f.network.Line(s)
	if f.part.Touches(line) {
		return true
	}
	at := &f.network.segments[s]
	from, to := &f.sides[at.from], &f.sides[at.to]
	switch {
	case *from == f.number || *from == -f.number:
		*to = *from
	case *to == f.number || *to == -f.number:
		*from = *to
	case f.part.Covers(line.A):
		*from, *to = f.number, f.number
	default:
		*from, *to = -f.number, -f.number
	}
	return *from == f.number
}

func (m *Mask) block(n *Network, s Segment) {
	m.blocked.put(uint32(s))
	m.chains.put(n.core.chainOf[s])
	m.segments++
	m.metres += n.segments[s].metres
}

// Blocks reports whether s is blocked.
func (m *Mask) Blocks(s Segment) bool { return m != nil && m.blocked.has(uint32(s)) }

// Segments returns the number of blocked segments.
func (m *Mask) Segments() int {
	if m == nil {
		return 0
	}
	return m.segments
}

// Metres returns the length of the blocked segments.
func (m *Mask) Metres() float64 {
	if m == nil {
		return 0
	}
	return m.metres
}

// orOpen returns m, or for nil the mask that blocks nothing.
func (n *Network) orOpen(m *Mask) *Mask {
	if m == nil {
		return n.open
	}
	return m
}
