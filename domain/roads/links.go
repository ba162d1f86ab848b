package roads

// Link is a run of segments without a choice, in one direction, as a flow of vehicles sees it.
type Link struct {
	From, To Vertex
	Seconds  float64
	Metres   float64
	Capacity int32 // vehicles an hour, the least of its segments
	Steps    []Step
}

// Links returns the network that flows between the vertices to keep need: the largest component without what is
// blocked and without dead ends that hold none of these vertices, with links between junctions and the vertices to keep.
// A link that comes back to where it began is left out. Links are in the order of the vertices where they begin.
func (n *Network) Links(keep []Vertex, m *Mask) []Link {
	l := linker{network: n, mask: m, stops: newBitset(len(n.nodes)), spurs: newBitset(len(n.segments))}
	for _, v := range keep {
		l.stops.put(uint32(v))
	}
	l.findSpurs()
	for v := range Vertex(len(n.nodes)) {
		if n.InLargestComponent(v) && !l.isPassed(v) {
			l.stops.put(uint32(v))
		}
	}
	var links []Link
	for v := range Vertex(len(n.nodes)) {
		if !n.InLargestComponent(v) || !l.stops.has(uint32(v)) {
			continue
		}
		for _, first := range n.Steps(v) {
			if link, ok := l.follow(v, first); ok {
				links = append(links, link)
			}
		}
	}
	return links
}

// linker follows links on what is left of a network.
type linker struct {
	network *Network
	mask    *Mask
	stops   bitset
	spurs   bitset // segments of dead ends
}

// findSpurs finds the dead ends in which no vertex is to be kept.
func (l *linker) findSpurs() {
	n := l.network
	for v := range Vertex(len(n.nodes)) {
		for at := v; n.InLargestComponent(at) && !l.stops.has(uint32(at)); {
			only, alone := Step(0), 0
			for _, s := range n.Steps(at) {
				if l.isThere(s) {
					only = s
					alone++
				}
			}
			if alone != 1 {
				break
			}
			l.spurs.put(uint32(only.Segment()))
			at = n.Head(only)
		}
	}
}

// isThere reports whether a segment joins two vertices of what is left.
func (l *linker) isThere(s Step) bool {
	return !l.mask.Blocks(s.Segment()) && !l.spurs.has(uint32(s.Segment())) && l.network.InLargestComponent(l.network.Head(s))
}

// isPassed reports whether nobody can do anything at v but drive on: two segments meet there, and what comes in
// by one goes out by the other, in one direction or in both.
func (l *linker) isPassed(v Vertex) bool {
	n := l.network
	var in, out [2]bool
	count := 0
	for _, s := range n.Steps(v) {
		if !l.isThere(s) {
			continue
		}
		if count == len(in) {
			return false
		}
		in[count], out[count] = n.IsAllowed(s.reversed()), n.IsAllowed(s)
		count++
	}
	return count == 2 && in[0] == out[1] && in[1] == out[0]
}

// follow drives from a stop to the next one.
func (l *linker) follow(from Vertex, first Step) (link Link, ok bool) {
	n := l.network
	link.From = from
	for next := first; ; {
		if !l.isThere(next) || !n.IsAllowed(next) {
			return Link{}, false
		}
		way := n.Way(next.Segment())
		if len(link.Steps) == 0 || way.Capacity < link.Capacity {
			link.Capacity = way.Capacity
		}
		link.Seconds += n.Seconds(next.Segment())
		link.Metres += n.Metres(next.Segment())
		link.Steps = append(link.Steps, next)
		link.To = n.Head(next)
		if l.stops.has(uint32(link.To)) {
			return link, link.To != from
		}
		next = l.onward(next)
	}
}

// onward returns the step after one that ends where isPassed.
func (l *linker) onward(s Step) Step {
	for _, next := range l.network.Steps(l.network.Head(s)) {
		if next != s.reversed() && l.isThere(next) {
			return next
		}
	}
	panic("roads: a vertex that is passed has no other segment")
}
