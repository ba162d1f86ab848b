package roadplan

import (
	"math"

	"github.com/guardy-ai/guardy/domain/internal/heap"
	"github.com/guardy-ai/guardy/domain/quickest"
	"github.com/guardy-ai/guardy/domain/roads"
)

// graph is the road network as the planner wants it: links between crossings, homes and shelters. Each group of
// people and each shelter has a node of its own after those of the roads.
type graph struct {
	network  quickest.Network
	scenario quickest.Scenario

	links  []roads.Link           // of the first edges; the others lead from groups and to shelters
	nodes  map[roads.Vertex]int32 // of the vertices at the ends of links
	groups int                    // the first node of a group is len(nodes), the first of a shelter groups later
}

// stepSeconds is the length of a step.
const stepSeconds = 30

// graph builds the network for the groups and the shelters, of which each has room for so many.
func (d *draft) graph(groups []group, room []int64) *graph {
	g := &graph{nodes: map[roads.Vertex]int32{}, groups: len(groups)}
	var keep []roads.Vertex
	for _, p := range groups {
		keep = append(keep, p.vertex)
	}
	for i := range room {
		keep = append(keep, d.shelterVertex(i))
	}
	for _, v := range keep {
		g.node(v)
	}
	for _, l := range d.ground.region.Roads.Links(keep, d.mask) {
		if d.leadsBack(&l) {
			continue
		}
		g.links = append(g.links, l)
		g.network.Edges = append(g.network.Edges, quickest.Edge{From: g.node(l.From), To: g.node(l.To), Capacity: d.perStep(l.Capacity)})
	}
	g.pace(d, room)

	next := int32(len(g.nodes))
	join := func(from, to int32) {
		g.network.Edges = append(g.network.Edges, quickest.Edge{From: from, To: to, Capacity: math.MaxInt32})
	}
	for _, p := range groups {
		join(next, g.nodes[p.vertex])
		g.scenario.Sources = append(g.scenario.Sources, quickest.Source{Node: next, Supply: int32(p.people)})
		next++
	}
	for i, places := range room {
		join(g.nodes[d.shelterVertex(i)], next)
		g.scenario.Sinks = append(g.scenario.Sinks, quickest.Sink{Node: next, Capacity: int32(min(places, quickest.Unlimited-1))})
		next++
	}
	g.network.Nodes = int(next)
	return g
}

// shelterVertex returns where shelter i is on the roads.
func (d *draft) shelterVertex(i int) roads.Vertex { return d.ground.region.Shelters[i].Vertex }

// node returns the node of a vertex, a new one for a new vertex.
func (g *graph) node(v roads.Vertex) int32 {
	n, ok := g.nodes[v]
	if !ok {
		n = int32(len(g.nodes))
		g.nodes[v] = n
	}
	return n
}

// perStep returns how many people a road takes in a step.
func (d *draft) perStep(vehiclesPerHour int32) int32 {
	return int32(float64(vehiclesPerHour) * d.request.PersonsPerVehicle * stepSeconds / 3600)
}

// leadsBack reports whether a link leads back into the largest zone, where the water is not known and the zone
// is what has to be left.
func (d *draft) leadsBack(l *roads.Link) bool {
	if d.water != nil {
		return false
	}
	n := d.ground.region.Roads
	out := d.metresTo(n.Point(l.From)) > d.outer
	for _, s := range l.Steps {
		inside := d.metresTo(n.Point(n.Head(s))) <= d.outer
		if out && inside {
			return true
		}
		out = !inside
	}
	return false
}

// pace gives the edges their times in steps. Rounding each one would make a way of many short roads too long
// or too short. Instead a clock is thought to stand at every node, which shows how much nearer to a
// shelter it is than the farthest; an edge takes the steps that pass on the clock while it is driven. Along
// a fastest way to a shelter that adds up to the time of the whole, to within a step.
func (g *graph) pace(d *draft, room []int64) {
	left := g.toShelters(d, room)
	farthest := 0.0
	for _, s := range left {
		if !math.IsInf(s, 1) {
			farthest = max(farthest, s)
		}
	}
	for i := range g.links {
		e := &g.network.Edges[i]
		clock := 0.0
		if s := left[e.From]; !math.IsInf(s, 1) {
			clock = farthest - s
		}
		e.Transit = int32(math.Round((clock+g.links[i].Seconds)/stepSeconds) - math.Round(clock/stepSeconds))
	}
}

// toShelters returns the seconds from each vertex node to the nearest shelter with room, infinite where
// there is none.
func (g *graph) toShelters(d *draft, room []int64) []float64 {
	entering := make([][]int32, len(g.nodes))
	for i := range g.links {
		to := g.network.Edges[i].To
		entering[to] = append(entering[to], int32(i))
	}
	left := make([]float64, len(g.nodes))
	for i := range left {
		left[i] = math.Inf(1)
	}
	var q heap.Heap[float64, int32] // of nodes
	reach := func(node int32, seconds float64) {
		if seconds < left[node] {
			left[node] = seconds
			q.Push(seconds, node)
		}
	}
	for i, places := range room {
		if places > 0 {
			reach(g.nodes[d.shelterVertex(i)], 0)
		}
	}
	for len(q) > 0 {
		seconds, node := q.Pop()
		if seconds > left[node] {
			continue
		}
		for _, e := range entering[node] {
			reach(g.network.Edges[e].From, seconds+g.links[e].Seconds)
		}
	}
	return left
}
