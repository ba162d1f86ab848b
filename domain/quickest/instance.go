package quickest

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain"
)

// Edge is one direction of a road.
type Edge struct {
	From, To int32 // nodes
	// Transit is the number of steps from one end to the other, 0 to MaxTransit.
	Transit int32
	// Capacity is how many units may enter in one step; an edge of none carries nobody.
	Capacity int32
}

// Network is a directed network. It is only read.
type Network struct {
	// Nodes is the number of nodes; they are 0 to Nodes-1.
	Nodes int
	Edges []Edge
}

// Source is a node where units wait at step 0.
type Source struct {
	Node   int32
	Supply int32
}

// Sink is a node where units are safe.
type Sink struct {
	Node int32
	// Capacity is how many units stay here at most; Unlimited bounds nothing.
	Capacity int32
}

// Unlimited is the capacity of a sink that everybody fits in.
const Unlimited = math.MaxInt32

// Scenario says who leaves from where and which places there are. Sources or sinks of one node add up.
type Scenario struct {
	Sources []Source
	Sinks   []Sink
	// Blocked are indices in Network.Edges of edges that do not exist in this scenario.
	Blocked []int
}

// Limits of what is planned.
const (
	MaxTransit   = 1 << 20       // steps of an edge
	MaxSupply    = math.MaxInt32 // units of all sources together
	MaxEdgeSteps = 1 << 28       // edges times steps until the clearance, which bounds the memory
)

// problem is an instance as the searches want it: edges that can carry nobody are gone, the rest lies in the
// order of their tails, and every capacity is at most the number of units there are.
type problem struct {
	nodes int
	edges []link
	first []int32 // edges[first[v]:first[v+1]] leave v
	into  []int32 // positions in edges, by head
	start []int32 // into[start[v]:start[v+1]] enter v

	supply []int32 // by source
	origin []int32 // nodes of the sources
	source []int32 // by node: its source, or -1
	room   []int32 // by sink
	haven  []int32 // nodes of the sinks
	sink   []int32 // by node: its sink, or -1
	total  int64   // units of all sources

	// reach is the earliest step at which a unit can be at each node, unreachable where none can.
	reach []int
}

// link is an edge of a problem.
type link struct {
	from, to, transit, capacity int32
	edge                        int32 // index in Network.Edges
}

// unreachable is later than every step.
const unreachable = math.MaxInt / 4

func newProblem(n *Network, s *Scenario) (*problem, error) {
	if err := validate(n, s); err != nil {
		return nil, err
	}
	p := &problem{nodes: n.Nodes, source: fill(n.Nodes), sink: fill(n.Nodes)}
	for _, s := range s.Sources {
		p.total += int64(s.Supply)
		if s.Supply == 0 {
			continue
		}
		if p.source[s.Node] < 0 {
			p.source[s.Node] = int32(len(p.origin))
			p.origin, p.supply = append(p.origin, s.Node), append(p.supply, 0)
		}
		p.supply[p.source[s.Node]] += s.Supply
	}
	total := int32(p.total)
	for _, s := range s.Sinks {
		if s.Capacity == 0 {
			continue
		}
		if p.sink[s.Node] < 0 {
			p.sink[s.Node] = int32(len(p.haven))
			p.haven, p.room = append(p.haven, s.Node), append(p.room, 0)
		}
		room := &p.room[p.sink[s.Node]]
		*room += min(s.Capacity, total-*room)
	}
	p.link(n, s, total)
	p.reach = p.earliest()
	return p, nil
}

func fill(n int) []int32 {
	s := make([]int32, n)
	for i := range s {
		s[i] = -1
	}
	return s
}

// link copies the edges that can carry somebody and sorts them by their ends.
func (p *problem) link(n *Network, s *Scenario, total int32) {
	blocked := make([]bool, len(n.Edges))
	for _, e := range s.Blocked {
		blocked[e] = true
	}
	p.first, p.start = make([]int32, n.Nodes+1), make([]int32, n.Nodes+1)
	for i, e := range n.Edges {
		if blocked[i] || e.Capacity == 0 || e.From == e.To || total == 0 {
			continue
		}
		p.edges = append(p.edges, link{e.From, e.To, e.Transit, min(e.Capacity, total), int32(i)})
		p.first[e.From+1]++
		p.start[e.To+1]++
	}
	slices.SortStableFunc(p.edges, func(a, b link) int { return cmp.Compare(a.from, b.from) })
	for v := range n.Nodes {
		p.first[v+1] += p.first[v]
		p.start[v+1] += p.start[v]
	}
	p.into = make([]int32, len(p.edges))
	next := slices.Clone(p.start)
	for i := range p.edges {
		w := p.edges[i].to
		p.into[next[w]] = int32(i)
		next[w]++
	}
}

// out returns the positions of the edges that leave v.
func (p *problem) out(v int32) (from, to int32) { return p.first[v], p.first[v+1] }

// in returns the positions of the edges that enter v.
func (p *problem) in(v int32) []int32 { return p.into[p.start[v]:p.start[v+1]] }

// validate reports everything that is wrong with an instance.
func validate(n *Network, s *Scenario) error {
	var v violations
	nodes := int32(min(n.Nodes, math.MaxInt32))
	if n.Nodes < 0 || n.Nodes >= math.MaxInt32 {
		v.add("/nodes", domain.CodeRange, "the number of nodes is negative or above 2147483646")
	}
	for i := range n.Edges {
		v.edge(i, &n.Edges[i], nodes)
	}
	var total int64
	for i, s := range s.Sources {
		v.node(fmt.Sprintf("/sources/%d/node", i), s.Node, nodes)
		if s.Supply < 0 {
			v.add(fmt.Sprintf("/sources/%d/supply", i), domain.CodeRange, "a supply is never negative")
		}
		total += int64(s.Supply)
	}
	if total > MaxSupply {
		v.add("/sources", domain.CodeRange, fmt.Sprintf("%d units in all; at most %d can be planned", total, MaxSupply))
	}
	for i, s := range s.Sinks {
		v.node(fmt.Sprintf("/sinks/%d/node", i), s.Node, nodes)
		if s.Capacity < 0 {
			v.add(fmt.Sprintf("/sinks/%d/capacity", i), domain.CodeRange, "a capacity is never negative")
		}
	}
	for i, e := range s.Blocked {
		if e < 0 || e >= len(n.Edges) {
			v.add(fmt.Sprintf("/blocked/%d", i), domain.CodeNotFound, fmt.Sprintf("there is no edge %d", e))
		}
	}
	return domain.Invalid("quickest.plan", v)
}

type violations []domain.Violation

func (v *violations) add(pointer, code, detail string) {
	*v = append(*v, domain.Violation{Pointer: pointer, Code: code, Detail: detail})
}

func (v *violations) edge(i int, e *Edge, nodes int32) {
	if min(e.From, e.To, e.Transit, e.Capacity) >= 0 && max(e.From, e.To) < nodes && e.Transit <= MaxTransit {
		return // almost always, so that no names are made up
	}
	at := func(field string) string { return fmt.Sprintf("/edges/%d/%s", i, field) }
	v.node(at("from"), e.From, nodes)
	v.node(at("to"), e.To, nodes)
	if e.Transit < 0 || e.Transit > MaxTransit {
		v.add(at("transit"), domain.CodeRange, fmt.Sprintf("%d steps; 0 to %d are possible", e.Transit, MaxTransit))
	}
	if e.Capacity < 0 {
		v.add(at("capacity"), domain.CodeRange, "a capacity is never negative")
	}
}

func (v *violations) node(pointer string, node, nodes int32) {
	if node < 0 || node >= nodes {
		v.add(pointer, domain.CodeNotFound, fmt.Sprintf("there is no node %d", node))
	}
}
