package quickest

// alone returns a step before which the target cannot be reached, by looking at each source for itself: its
// units leave at the rate of the edges there at best, and the last of them still has the way to the nearest
// sink before it. Where not all units can be served the source may be the one that keeps the rest.
func (p *problem) alone(s served) int {
	spare := p.total - s.noRoute - s.max // units with a route that are not served
	away := p.nearest(p.room)
	bound := 0
	for i, v := range p.origin {
		units := int64(p.supply[i]) - spare
		if j := p.sink[v]; j >= 0 {
			units -= int64(p.room[j])
		}
		if units <= 0 || away[v] == unreachable {
			continue
		}
		// The way on from a source that is a sink too is that of the units that find no room there.
		rate, way := int64(0), unreachable
		from, to := p.out(v)
		for k := from; k < to; k++ {
			if e := &p.edges[k]; away[e.to] < unreachable {
				rate += int64(e.capacity)
				way = min(way, int(e.transit)+away[e.to])
			}
		}
		if rate > 0 {
			bound = max(bound, int((units-1)/rate)+way)
		}
	}
	return bound
}

// pooled returns a step before which the target cannot be reached, by letting every edge pool its capacity
// over all the steps at which it can carry anybody to a sink in time: what is left is a flow problem without
// time that keeps supplies, rooms and roads, and every plan is a solution of it.
func (p *problem) pooled(s served, from int) int {
	away := p.nearest(p.room)
	enough := func(horizon int) bool {
		g := newStaticFlow(p.nodes + 2)
		begin, end := int32(p.nodes), int32(p.nodes+1)
		for i, v := range p.origin {
			g.arc(begin, v, int64(p.supply[i]))
		}
		for i, v := range p.haven {
			g.arc(v, end, int64(p.room[i]))
		}
		for i := range p.edges {
			e := &p.edges[i]
			if steps := horizon - int(e.transit) - away[e.to] - p.reach[e.from] + 1; steps > 0 {
				g.arc(e.from, e.to, int64(e.capacity)*int64(steps))
			}
		}
		return g.maxFlow(begin, end) >= s.max
	}
	if enough(from) {
		return from
	}
	low, high := from, 2*from+1 // not enough, enough
	for !enough(high) {
		low, high = high, 2*high
	}
	for high-low > 1 {
		if mid := (low + high) / 2; enough(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}

// nearest returns how many steps each node is from the nearest sink that has room, unreachable where there is
// none.
func (p *problem) nearest(room []int32) []int {
	away := make([]int, p.nodes)
	for v := range away {
		away[v] = unreachable
	}
	var q queue
	for i, v := range p.haven {
		if room[i] > 0 {
			away[v] = 0
			q.push(0, v)
		}
	}
	for len(q) > 0 {
		d, v := q.pop()
		if d > away[v] {
			continue
		}
		for _, i := range p.in(v) {
			if e := &p.edges[i]; d+int(e.transit) < away[e.from] {
				away[e.from] = d + int(e.transit)
				q.push(away[e.from], e.from)
			}
		}
	}
	return away
}
