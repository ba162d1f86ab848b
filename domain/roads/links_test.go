package roads

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestLinksAreTheNetworkForThoseWhoStayOnIt compares the times between the kept vertices.
func TestLinksAreTheNetworkForThoseWhoStayOnIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := randomTown(t)
		var m *Mask
		if rapid.Bool().Draw(t, "flooded") {
			m = n.Flood(randomFlood(t, n), BridgesClosed)
		}
		var keep []Vertex
		for v := range Vertex(n.NumVertices()) {
			if n.InLargestComponent(v) && rapid.IntRange(0, 3).Draw(t, "keep") == 0 {
				keep = append(keep, v)
			}
		}
		links := n.Links(keep, m)
		for _, l := range links {
			checkLink(t, n, l, m)
		}
		for _, from := range keep {
			want, got := plain(n, from, m), alongLinks(n, links, from)
			for _, to := range keep {
				if !sameTime(got[to], want[to]) {
					t.Fatalf("from %d to %d %g s by links, want %g", from, to, got[to], want[to])
				}
			}
		}
	})
}

func checkLink(t *rapid.T, n *Network, l Link, m *Mask) {
	capacity := int32(math.MaxInt32)
	r := Route{Seconds: l.Seconds, Metres: l.Metres, From: At(l.From), To: At(l.To), Steps: l.Steps}
	checkRoute(t, n, r, l.From, l.To, m)
	for _, s := range l.Steps {
		capacity = min(capacity, n.Way(s.Segment()).Capacity)
		if !n.InLargestComponent(n.Head(s)) {
			t.Fatalf("the link goes through %d, outside the largest component", n.Head(s))
		}
	}
	if l.Capacity != capacity || l.From == l.To {
		t.Fatalf("%+v has a capacity of %d", l, capacity)
	}
}

// alongLinks is Bellman's and Ford's algorithm on links.
func alongLinks(n *Network, links []Link, from Vertex) []float64 {
	seconds := make([]float64, n.NumVertices())
	for i := range seconds {
		seconds[i] = math.Inf(1)
	}
	seconds[from] = 0
	for changed := true; changed; {
		changed = false
		for _, l := range links {
			if s := seconds[l.From] + l.Seconds; s < seconds[l.To] {
				seconds[l.To], changed = s, true
			}
		}
	}
	return seconds
}
