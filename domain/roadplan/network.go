package roadplan

import (
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain/internal/heap"
	"github.com/guardy-ai/guardy/domain/quickest"
	"github.com/guardy-ai/guardy/domain/roads"
)

// graph is the road network as the planner wants it: links between crossings, homes and shelters.
type graph struct {
	network  quickest.Network
	scenario quickest.Scenario

	links    []roads.Link           // of the edges
	nodes    map[roads.Vertex]int32 // of the vertices at the ends of links
	shelters map[int32][]int        // by node: the shelters there
	// clock is, by node, how many seconds after the beginning of a step its own steps begin, less than stepSeconds.
	clock []float64
	left  []float64 // by node: seconds to the nearest shelter with room
}

// stepSeconds is the length of a step.
const stepSeconds = 10

// perHundred is in how many hundredths of a person capacities are counted, because persons_per_vehicle has two digits.
const perHundred = 100

// graph builds the network for the groups and the shelters, of which each has room for so many.
func (d *draft) graph(groups []group, room []int64) *graph {
	g := &graph{nodes: map[roads.Vertex]int32{}, shelters: map[int32][]int{}}
	g.network.Per = perHundred * 3600 / stepSeconds
	var keep []roads.Vertex
	for _, p := range groups {
		keep = append(keep, p.vertex)
	}
	for i := range room {
		keep = append(keep, d.shelterVertex(i))
	}
	links := d.ground.region.Roads.Links(keep, d.mask)
	g.links = links[:0]
	for _, l := range links {
		if !d.leadsBack(&l) {
			g.links = append(g.links, l)
			keep = append(keep, l.From, l.To)
		}
	}
	// Neighbours on the ground have numbers near each other.
	slices.Sort(keep)
	for _, v := range slices.Compact(keep) {
		g.node(v)
	}
	for i := range g.links {
		l := &g.links[i]
		g.network.Edges = append(g.network.Edges, quickest.Edge{From: g.node(l.From), To: g.node(l.To), Capacity: d.perHour(l.Capacity)})
	}
	g.network.Nodes = len(g.nodes)
	g.pace(d, room)
	for _, p := range groups {
		g.scenario.Sources = append(g.scenario.Sources, quickest.Source{Node: g.nodes[p.vertex], Supply: int32(p.people), Rank: int32(p.zone)})
	}
	for i, places := range room {
		v := g.nodes[d.shelterVertex(i)]
		g.shelters[v] = append(g.shelters[v], i)
		g.scenario.Sinks = append(g.scenario.Sinks, quickest.Sink{Node: v, Capacity: int32(min(places, quickest.Unlimited-1))})
	}
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

// perHour returns how many hundredths of a person a road takes in an hour.
func (d *draft) perHour(vehicles int32) int32 {
	return int32(min(math.Round(float64(vehicles)*d.request.PersonsPerVehicle*perHundred), math.MaxInt32))
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

// pace gives the edges their times in steps. The steps of a node begin when its own clock says so: as much before a
// whole step as the nearest shelter with room is away. The steps that pass on the two clocks at the ends of an edge are
// rounded up, so that nobody is faster than the road; along a fastest way to a shelter nothing is rounded.
func (g *graph) pace(d *draft, room []int64) {
	g.left = g.toShelters(d, room)
	g.clock = make([]float64, len(g.left))
	for v, s := range g.left {
		if !math.IsInf(s, 1) {
			g.clock[v] = math.Mod(stepSeconds-math.Mod(s, stepSeconds), stepSeconds)
		}
	}
	for i := range g.links {
		e := &g.network.Edges[i]
		// A millionth of a step is less than a road is known by.
		e.Transit = int32(math.Ceil((g.links[i].Seconds+g.clock[e.From]-g.clock[e.To])/stepSeconds - 1e-6))
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
