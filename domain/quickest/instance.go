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
	// Capacity is how many units may enter in Network.Per steps; an edge of none carries nobody.
	Capacity int32
	// Until is the step from which on nobody may enter any more; 0 means that the edge stays open.
	Until int32
}

// Network is a directed network. It is only read.
type Network struct {
	// Nodes is the number of nodes; they are 0 to Nodes-1.
	Nodes int
	Edges []Edge
	// Per is in how many steps an edge lets its capacity in; 0 is 1. An edge of capacity c lets floor(t c/Per) units in
	// during the first t steps, so that nothing is lost where c is no multiple of Per.
	Per int32
}

// Entries returns how many units an edge may let in during the first t steps.
func (n *Network) Entries(e *Edge, t int) int64 {
	if e.Until > 0 {
		t = min(t, int(e.Until))
	}
	return int64(max(t, 0)) * int64(e.Capacity) / int64(max(n.Per, 1))
}

// Source is a node where units wait at step 0.
type Source struct {
	Node   int32
	Supply int32
	// Rank is whose turn it is: the units of rank 0 have the places and the roads first, then those of rank 1, up to
	// MaxRank.
	Rank int32
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
	MaxRank      = 63            // of a source
)

// problem is an instance as the searches want it: edges that can carry nobody are gone, and the rest lies in the order
// of their tails.
type problem struct {
	nodes int
	per   int64
	edges []link
	first []int32 // edges[first[v]:first[v+1]] leave v
	into  []int32 // positions in edges, by head
	start []int32 // into[start[v]:start[v+1]] enter v

	ranks [][]origin
	haven []int32 // nodes of the sinks
	room  []int32 // by sink
	sink  []int32 // by node: its sink, or -1
	total int64   // units of all sources
}

// origin is where units of one rank wait.
type origin struct{ node, supply int32 }

// link is an edge of a problem.
type link struct {
	from, to, transit, capacity int32
	until                       int32 // unreachable step where the edge stays open
	edge                        int32 // index in Network.Edges
}

// unreachable is later than every step.
const unreachable = math.MaxInt32 / 2

func newProblem(n *Network, s *Scenario) (*problem, error) {
	if err := validate(n, s); err != nil {
		return nil, err
	}
	p := &problem{nodes: n.Nodes, per: int64(max(n.Per, 1)), sink: fill(n.Nodes)}
	p.gather(s.Sources)
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
	return p, nil
}

// gather adds up the sources of a node and a rank, in the order in which the nodes are met.
func (p *problem) gather(sources []Source) {
	for _, s := range sources {
		for int(s.Rank) >= len(p.ranks) {
			p.ranks = append(p.ranks, nil)
		}
	}
	at := make([]map[int32]int, len(p.ranks))
	for _, s := range sources {
		p.total += int64(s.Supply)
		if s.Supply == 0 {
			continue
		}
		if at[s.Rank] == nil {
			at[s.Rank] = map[int32]int{}
		}
		rank := &p.ranks[s.Rank]
		i, known := at[s.Rank][s.Node]
		if !known {
			i = len(*rank)
			at[s.Rank][s.Node] = i
			*rank = append(*rank, origin{node: s.Node})
		}
		(*rank)[i].supply += s.Supply
	}
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
		capacity, until := e.Capacity, int32(unreachable)
		if p.per == 1 {
			capacity = min(capacity, total) // more never come
		}
		if e.Until > 0 {
			until = e.Until
		}
		p.edges = append(p.edges, link{e.From, e.To, e.Transit, capacity, until, int32(i)})
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

// upTo returns how many units an edge may let in during the first t steps.
func (p *problem) upTo(e *link, t int) int64 {
	t = max(min(t, int(e.until)), 0)
	if p.per == 1 {
		return int64(t) * int64(e.capacity)
	}
	return int64(t) * int64(e.capacity) / p.per
}

// capacity returns how many units an edge may let in at a step.
func (p *problem) capacity(e *link, t int) int32 {
	if p.per == 1 && e.until == unreachable {
		return e.capacity
	}
	return int32(p.upTo(e, t+1) - p.upTo(e, t))
}

// hasGaps reports whether there are steps at which the edge lets nobody in.
func (p *problem) hasGaps(e *link) bool { return int64(e.capacity) < p.per || e.until != unreachable }

// out returns the positions of the edges that leave v.
func (p *problem) out(v int32) (from, to int32) { return p.first[v], p.first[v+1] }

// in returns the positions of the edges that enter v.
func (p *problem) in(v int32) []int32 { return p.into[p.start[v]:p.start[v+1]] }

// validate reports everything that is wrong with an instance.
func validate(n *Network, s *Scenario) error {
	var v violations
	nodes := int32(min(n.Nodes, math.MaxInt32))
	if n.Per < 0 {
		v.add("/per", domain.CodeRange, "a number of steps is never negative")
	}
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
		if s.Rank < 0 || s.Rank > MaxRank {
			v.add(fmt.Sprintf("/sources/%d/rank", i), domain.CodeRange, fmt.Sprintf("%d; 0 to %d are possible", s.Rank, MaxRank))
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
	if min(e.From, e.To, e.Transit, e.Capacity, e.Until) >= 0 && max(e.From, e.To) < nodes && e.Transit <= MaxTransit {
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
	if e.Until < 0 {
		v.add(at("until"), domain.CodeRange, "a step is never negative")
	}
}

func (v *violations) node(pointer string, node, nodes int32) {
	if node < 0 || node >= nodes {
		v.add(pointer, domain.CodeNotFound, fmt.Sprintf("there is no node %d", node))
	}
}
