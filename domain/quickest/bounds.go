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
