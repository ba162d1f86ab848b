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

// pooled returns a step from the given one on before which the target cannot be reached, by letting every edge
// pool its capacity over all the steps at which it can carry anybody to a sink in time: what is left is a flow
// problem without time that keeps supplies, rooms and roads, and every plan is a solution of it. The minimum
// cut of a horizon that is too short tells the next one to look at.
func (p *problem) pooled(target int64, horizon int, b *budget) int {
	r := relaxation{p, p.nearest(p.room)}
	for !b.aborted() {
		flow, near := r.solve(horizon)
		if flow >= target {
			return horizon
		}
		horizon = smallest(horizon+1, func(h int) bool { return r.cut(near, h) >= target })
	}
	return horizon
}

// relaxation is the flow problem without time.
type relaxation struct {
	p    *problem
	away []int // from each node to the nearest sink
}

// capacity returns how many units an edge can carry within a horizon.
func (r *relaxation) capacity(e *link, horizon int) int64 {
	steps := horizon - int(e.transit) - r.away[e.to] - r.p.reach[e.from] + 1
	return r.p.pool(e, steps)
}

// pool returns how many units an edge can carry in so many steps; more than there are never come.
func (p *problem) pool(e *link, steps int) int64 {
	return min(int64(e.capacity)*int64(max(0, steps)), p.total)
}

// solve returns the maximum flow, and which nodes lie on the sources' side of a minimum cut.
func (r *relaxation) solve(horizon int) (flow int64, near []bool) {
	g, begin, end := r.network(horizon)
	flow = g.maxFlow(begin, end)
	near = make([]bool, r.p.nodes)
	for v, level := range g.levels(begin, -1)[:r.p.nodes] {
		near[v] = level >= 0
	}
	return flow, near
}

// network returns the network of a horizon, with a source and a sink for all. Its arcs are those of the edges, in
// their order and two for each, then those from the source and those to the sink.
func (r *relaxation) network(horizon int) (g *staticFlow, begin, end int32) {
	g = newStaticFlow(r.p.nodes + 2)
	begin, end = int32(r.p.nodes), int32(r.p.nodes+1)
	for i := range r.p.edges {
		e := &r.p.edges[i]
		g.arc(e.from, e.to, e.transit, r.capacity(e, horizon))
	}
	for i, v := range r.p.origin {
		g.arc(begin, v, 0, int64(r.p.supply[i]))
	}
	for i, v := range r.p.haven {
		g.arc(v, end, 0, int64(r.p.room[i]))
	}
	return g, begin, end
}

// cut returns the capacity of a cut within a horizon.
func (r *relaxation) cut(near []bool, horizon int) (capacity int64) {
	for i, v := range r.p.origin {
		if !near[v] {
			capacity += int64(r.p.supply[i])
		}
	}
	for i, v := range r.p.haven {
		if near[v] {
			capacity += int64(r.p.room[i])
		}
	}
	for i := range r.p.edges {
		if e := &r.p.edges[i]; near[e.from] && !near[e.to] {
			capacity += r.capacity(e, horizon)
		}
	}
	return capacity
}

// smallest returns the smallest number from the given one on that is large enough, where every larger one is
// too.
func smallest(from int, enough func(int) bool) int {
	low, high := from-1, from // too small, to be seen
	for step := 1; !enough(high); step *= 2 {
		low, high = high, high+step
	}
	for high-low > 1 {
		if mid := low + (high-low)/2; enough(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}
