// Package assign distributes people over places at the least total cost: the transportation problem, exactly. Time
// plays no part in it; when everybody is on the road at once, see the planner of flows.
package assign

import "math"

// Plan is who goes where.
type Plan struct {
	// Flow[i][j] is how many go from source i to sink j.
	Flow [][]int64
	// Served is how many go at all: as many as supplies, capacities and costs allow.
	Served int64
	// Cost is the least total cost at which so many can be served.
	Cost float64
}

// Solve sends as many as possible from sources with a supply to sinks with a capacity, and of all ways to do so
// takes one of least total cost. cost[i][j] is the cost of one from i to j, not negative; infinite where there is
// no way. It augments along shortest paths with potentials (Edmonds and Karp 1972), each time by as many as the
// path takes.
func Solve(supply, capacity []int64, cost [][]float64) Plan {
	s := solver{
		cost: cost, supply: append([]int64(nil), supply...), capacity: append([]int64(nil), capacity...),
		sources: newSide(len(supply)), sinks: newSide(len(capacity)),
	}
	s.flow = make([][]int64, len(supply))
	for i := range s.flow {
		s.flow[i] = make([]int64, len(capacity))
	}
	var served int64
	for {
		end := s.search()
		if end < 0 {
			break
		}
		served += s.augment(end)
	}
	return Plan{Flow: s.flow, Served: served, Cost: s.total()}
}

// solver has what is left of supplies and capacities.
type solver struct {
	cost             [][]float64
	supply, capacity []int64
	flow             [][]int64
	sources, sinks   side
}

// side is the state of the search at all sources or all sinks.
type side struct {
	potential []float64 // cost from the sources that have supply left, of the searches before
	distance  []float64 // beyond the potential
	from      []int     // on the other side, before this; -1 where the search begins
	done      []bool
}

func newSide(n int) side {
	return side{make([]float64, n), make([]float64, n), make([]int, n), make([]bool, n)}
}

func (s *side) clear() {
	for i := range s.distance {
		s.distance[i], s.from[i], s.done[i] = math.Inf(1), -1, false
	}
}

// nearest returns the nearest one that is not done, -1 when there is none.
func (s *side) nearest() int {
	best := -1
	for i, d := range s.distance {
		if !s.done[i] && !math.IsInf(d, 1) && (best < 0 || d < s.distance[best]) {
			best = i
		}
	}
	return best
}

// reach notes a way of the given reduced cost. Rounding may make it a little negative.
func (s *side) reach(i, from int, base, reduced float64) {
	if d := base + max(0, reduced); d < s.distance[i] && !s.done[i] {
		s.distance[i], s.from[i] = d, from
	}
}

// settle adds the distances to the potentials. What was not reached is at least as far as what was.
func (s *side) settle(farthest float64) {
	for i, d := range s.distance {
		s.potential[i] += min(d, farthest)
	}
}

// search finds the cheapest way from any source with supply to any sink with capacity, and returns the sink, -1
// when there is none. Dijkstra's algorithm on a full table needs no queue.
func (s *solver) search() int {
	s.sources.clear()
	s.sinks.clear()
	for i, left := range s.supply {
		if left > 0 {
			s.sources.reach(i, -1, 0, -s.sources.potential[i])
		}
	}
	for {
		i, j := s.sources.nearest(), s.sinks.nearest()
		switch {
		case i >= 0 && (j < 0 || s.sources.distance[i] <= s.sinks.distance[j]):
			s.leave(i)
		case j < 0:
			return -1
		case s.capacity[j] > 0:
			farthest := s.sinks.distance[j]
			s.sources.settle(farthest)
			s.sinks.settle(farthest)
			return j
		default:
			s.comeBack(j)
		}
	}
}

// leave goes on from a source to all sinks.
func (s *solver) leave(i int) {
	s.sources.done[i] = true
	for j, c := range s.cost[i] {
		if !math.IsInf(c, 1) {
			s.sinks.reach(j, i, s.sources.distance[i], c+s.sources.potential[i]-s.sinks.potential[j])
		}
	}
}

// comeBack goes on from a full sink to the sources of those who are there and could make room.
func (s *solver) comeBack(j int) {
	s.sinks.done[j] = true
	for i := range s.flow {
		if s.flow[i][j] > 0 {
			s.sources.reach(i, j, s.sinks.distance[j], s.sinks.potential[j]-s.cost[i][j]-s.sources.potential[i])
		}
	}
}

// augment sends as many as possible along the way to a sink and returns how many.
func (s *solver) augment(end int) int64 {
	amount := s.capacity[end]
	for j := end; ; {
		i := s.sinks.from[j]
		if s.sources.from[i] < 0 {
			amount = min(amount, s.supply[i])
			break
		}
		j = s.sources.from[i]
		amount = min(amount, s.flow[i][j])
	}
	s.capacity[end] -= amount
	for j := end; ; {
		i := s.sinks.from[j]
		s.flow[i][j] += amount
		if s.sources.from[i] < 0 {
			s.supply[i] -= amount
			return amount
		}
		j = s.sources.from[i]
		s.flow[i][j] -= amount
	}
}

func (s *solver) total() float64 {
	total := 0.0
	for i, row := range s.flow {
		for j, n := range row {
			if n > 0 {
				total += float64(n) * s.cost[i][j]
			}
		}
	}
	return total
}
