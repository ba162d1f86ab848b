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
	parts := water.Parts()
	for i := range parts {
		part := &parts[i]
		n.tree.Search(part.Box(), func(first, last int) bool {
			for s := Segment(first); s < Segment(last); s++ {
				if bridges == BridgesOpen && n.ways[n.segments[s].way].Bridge {
					continue
				}
				if !m.blocked.has(uint32(s)) && part.Meets(n.Line(s)) {
					m.block(n, s)
				}
			}
			return true
		})
	}
	return m
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
