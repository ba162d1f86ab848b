package quickest

// alone returns a step before which the target cannot be reached, by looking at each source for itself: its
// units leave at the rate of the edges there at best, and the last of them still has the way to the nearest
// sink before it. Where not all units can be served the source may be the one that keeps the rest, spare units.
func (x *search) alone(spare int64) int {
	p, bound := x.p, 0
	for _, o := range x.origins {
		units := int64(o.supply) - spare
		if j := p.sink[o.node]; j >= 0 {
			units -= int64(x.room[j])
		}
		if units <= 0 || x.away[o.node] == unreachable {
			continue
		}
		// The way on from a source that is a sink too is that of the units that find no room there.
		rate, way := int64(0), int64(unreachable)
		from, to := p.out(o.node)
		for k := from; k < to; k++ {
			if e := &p.edges[k]; x.away[e.to] < unreachable {
				rate += int64(e.capacity)
				way = min(way, int64(e.transit)+int64(x.away[e.to]))
			}
		}
		if rate > 0 {
			// In t steps at most t rate / per units enter.
			last := (units*p.per+rate-1)/rate - 1
			bound = max(bound, int(min(last+way, unreachable)))
		}
	}
	return bound
}

// pool returns how many units edge i can take at the steps from one up to another, beside those of the ranks before.
// More units than there are never come.
func (x *search) pool(i int32, from, to int) int64 {
	if to < from {
		return 0
	}
	e := &x.p.edges[i]
	units := x.p.upTo(e, to+1) - x.p.upTo(e, from)
	for t := x.held.nextUsed(i, from); t != noStep && t <= to; t = x.held.nextUsed(i, t+1) {
		units -= int64(x.held.at(i, t))
	}
	return min(units, x.p.total)
}

// pooled returns a step from the given one on before which the target cannot be reached, by letting every edge
// pool its capacity over all the steps at which it can carry anybody to a sink in time: what is left is a flow
// problem without time that keeps supplies, rooms and roads, and every plan is a solution of it. The minimum
// cut of a horizon that is too short tells the next one to look at.
func (x *search) pooled(target int64, horizon int, b *budget) int {
	g := x.relaxation()
	for !b.aborted() && horizon < unreachable {
		flow, near := g.solve(horizon)
		if flow >= target {
			return horizon
		}
		horizon = smallest(horizon+1, func(h int) bool { return h >= unreachable || g.cut(near, h) >= target })
	}
	return horizon
}

// relaxation is the flow problem without time. Its arcs are those of the edges, in their order, then those from a
// source for all and those to a sink for all.
type relaxation struct {
	x          *search
	g          *staticFlow
	begin, end int32
}

func (x *search) relaxation() *relaxation {
	n := x.p.nodes
	r := &relaxation{x, newStaticFlow(n + 2), int32(n), int32(n + 1)}
	for i := range x.p.edges {
		r.g.arc(x.p.edges[i].from, x.p.edges[i].to, 0)
	}
	for i, o := range x.origins {
		r.g.arc(r.begin, o.node, int64(x.origins[i].supply))
	}
	for k, v := range x.p.haven {
		r.g.arc(v, r.end, int64(x.room[k]))
	}
	r.g.link()
	return r
}

// capacity returns how many units an edge can carry within a horizon.
func (r *relaxation) capacity(i int32, horizon int) int64 {
	e := &r.x.p.edges[i]
	from, to := r.x.reach[e.from], r.x.away[e.to]
	if from == unreachable || to == unreachable {
		return 0
	}
	return r.x.pool(i, int(from), horizon-int(e.transit)-int(to))
}

// solve returns the maximum flow, and which nodes lie on the sources' side of a minimum cut. The flow of a shorter
// horizon is a flow of a longer one.
func (r *relaxation) solve(horizon int) (flow int64, near []bool) {
	for i := range r.x.p.edges {
		r.g.widen(int32(i), r.capacity(int32(i), horizon))
	}
	flow = r.g.maxFlow(r.begin, r.end)
	near = make([]bool, r.x.p.nodes)
	for v, level := range r.g.levels(r.begin, -1)[:r.x.p.nodes] {
		near[v] = level >= 0
	}
	return flow, near
}

// cut returns the capacity of a cut within a horizon.
func (r *relaxation) cut(near []bool, horizon int) (capacity int64) {
	for _, o := range r.x.origins {
		if !near[o.node] {
			capacity += int64(o.supply)
		}
	}
	for k, v := range r.x.p.haven {
		if near[v] {
			capacity += int64(r.x.room[k])
		}
	}
	for i := range r.x.p.edges {
		if e := &r.x.p.edges[i]; near[e.from] && !near[e.to] {
			capacity += r.capacity(int32(i), horizon)
		}
	}
	return capacity
}

// tooShort returns by how many steps the horizon must grow at least, by the minimum cut that the levels of a
// maximum flow stand for: everything that can still reach a sink lies on one side. Moved along with the
// horizon the same cut bounds every longer one, which is Newton's method on the value of the maximum flow as
// a function of the horizon.
func (x *search) tooShort(target int64) int {
	return smallest(1, func(moved int) bool { return x.horizon+moved >= unreachable || x.cut(moved) >= target })
}

// cut returns the capacity of the levels' cut, moved by so many steps.
func (x *search) cut(moved int) int64 {
	p := x.p
	var capacity int64
	for _, o := range x.origins {
		if x.last[o.node] >= 0 {
			capacity += int64(o.supply)
		}
	}
	for k, v := range p.haven {
		if int(x.last[v]) < x.horizon {
			capacity += int64(x.rooms[k])
		}
	}
	for i := range p.edges {
		e := &p.edges[i]
		if x.last[e.to] < 0 || x.reach[e.from] == unreachable {
			continue
		}
		first := int(x.reach[e.from])
		if x.last[e.from] >= 0 {
			first = max(first, int(x.last[e.from])+moved+1)
		}
		capacity += x.pool(int32(i), first, int(x.last[e.to])+moved-int(e.transit))
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
