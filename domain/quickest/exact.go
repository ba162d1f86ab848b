package quickest

// exact searches for the smallest horizon in which target units reach sinks. The flow found so far stays
// valid when the horizon grows, so that each horizon only adds to it; the cut that proves a horizon too short
// also tells the next one that is not.
type exact struct {
	augmenter
	router *router
	target int64
	budget *budget
}

func newExact(p *problem, target int64, b *budget) *exact {
	f := newFlow(p)
	return &exact{augmenter{labels: newLabels(f)}, newRouter(f), target, b}
}

// run starts at a horizon before which the target is known to be out of reach. It returns the horizon that it
// came to, every shorter one being proven too short, and whether the flow reaches the target in it.
func (x *exact) run(horizon int) (bound int, done bool) {
	for x.fill(horizon) {
		if x.f.value == x.target {
			return horizon, true
		}
		horizon += x.tooShort()
	}
	return horizon, false
}

// complete brings the flow to its target, in horizons that grow by an eighth up to a last one.
func (x *exact) complete(horizon, last int) {
	for horizon = min(horizon, last); x.fill(horizon) && x.f.value < x.target && horizon < last; {
		horizon = min(horizon+horizon/8+1, last)
	}
}

// fill makes the flow a maximum flow of the horizon, or of the target if that is less. It reports false when
// it had to stop before.
func (x *exact) fill(horizon int) bool {
	if !x.advance(horizon, horizon/20) {
		return false
	}
	for x.f.value < x.target {
		if x.budget.spent() {
			return false
		}
		x.compute(horizon)
		if !x.alive() {
			break
		}
		for i := range x.f.p.origin {
			for x.f.supply[i] > 0 && x.augment(int32(i)) {
				if x.budget.tick() {
					return false
				}
			}
		}
	}
	return true
}

// advance sends what still gets to a sink by the horizon without undoing anything. Such paths come first,
// because they are found faster and carry more than those that undo. It reports false when it had to stop.
func (x *exact) advance(horizon, patience int) bool {
	for x.f.value < x.target && x.router.route(horizon, patience) {
		if x.budget.tick() {
			return false
		}
	}
	return true
}

// alive reports whether some unit still gets from its source to a sink.
func (x *exact) alive() bool {
	for i, v := range x.f.p.origin {
		if x.f.supply[i] > 0 && x.last[v] >= 0 {
			return true
		}
	}
	return false
}

// tooShort returns by how many steps the horizon must grow at least, by the minimum cut that the labels of a
// maximum flow stand for: everything that can still reach a sink lies on one side. Moved along with the
// horizon the same cut bounds every longer one, which is Newton's method on the value of the maximum flow as
// a function of the horizon.
func (x *exact) tooShort() int {
	return smallest(1, func(moved int) bool { return x.cut(moved) >= x.target })
}

// cut returns the capacity of the labels' cut, moved by so many steps.
func (x *exact) cut(moved int) int64 {
	p := x.f.p
	var capacity int64
	for i, v := range p.origin {
		if x.last[v] >= 0 {
			capacity += int64(p.supply[i])
		}
	}
	for i, v := range p.haven {
		if x.last[v] < x.horizon {
			capacity += int64(p.room[i])
		}
	}
	for i := range p.edges {
		e := &p.edges[i]
		if x.last[e.to] < 0 {
			continue
		}
		first := p.reach[e.from]
		if x.last[e.from] >= 0 {
			first = max(first, x.last[e.from]+moved+1)
		}
		capacity += p.pool(e, x.last[e.to]+moved-int(e.transit)-first+1)
	}
	return capacity
}
