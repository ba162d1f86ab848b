// Package replay walks the departures of an evacuation plan through the network, edge by edge, and reports
// every rule that they break. It shares the words of package quickest and none of its reasoning, so that a
// defect there does not hide here.
package replay

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain/quickest"
)

// Rule is what a plan must keep to.
type Rule string

// The rules.
const (
	RuleGroup    Rule = "group"    // a departure is of a positive number of units, at steps from 0 on, in order
	RulePath     Rule = "path"     // a path joins edges of the network from its source to its sink
	RuleTransit  Rule = "transit"  // an edge is entered when its beginning has been reached, not before
	RuleBlocked  Rule = "blocked"  // blocked edges do not exist
	RuleCapacity Rule = "capacity" // no more units enter an edge in a step than it takes
	RuleSupply   Rule = "supply"   // no more units leave a source than wait there
	RuleRoom     Rule = "room"     // no more units stay at a sink than it holds
)

// Violation is one breach of a rule.
type Violation struct {
	Rule   Rule
	Detail string
}

// Report is what the replay saw.
type Report struct {
	// Served counts the units that came to sinks.
	Served int64
	// Clearance is the step of the last arrival.
	Clearance  int
	Violations []Violation
}

// maxViolations bounds a report: a plan that is wrong is mostly wrong everywhere.
const maxViolations = 100

// Replay is one walk: Depart takes the departures, Report ends it.
type Replay struct {
	report   Report
	network  *quickest.Network
	scenario *quickest.Scenario
	blocked  map[int32]bool
	loads    [][]*block      // by edge and block of steps
	left     map[int32]int64 // by source
	arrived  map[int32]int64 // by sink
	number   int             // of the departure at hand
}

// block counts the units that enter an edge at steps in a row.
type block [blockSteps]int64

const blockSteps = 16

// New begins a replay.
func New(n *quickest.Network, s *quickest.Scenario) *Replay {
	r := &Replay{
		network: n, scenario: s, blocked: map[int32]bool{}, loads: make([][]*block, len(n.Edges)),
		left: map[int32]int64{}, arrived: map[int32]int64{},
	}
	for _, e := range s.Blocked {
		r.blocked[int32(e)] = true
	}
	return r
}

// Run replays departures.
func Run(n *quickest.Network, s *quickest.Scenario, departures []quickest.Departure) Report {
	r := New(n, s)
	for i := range departures {
		r.Depart(&departures[i])
	}
	return r.Report()
}

// Report returns what was seen, after the last departure.
func (r *Replay) Report() Report {
	r.checkLoads()
	r.checkNodes(r.scenario)
	return r.report
}

func (r *Replay) broke(rule Rule, format string, args ...any) {
	if len(r.report.Violations) < maxViolations {
		r.report.Violations = append(r.report.Violations, Violation{rule, fmt.Sprintf(format, args...)})
	}
}

// Depart follows one group to its sink.
func (r *Replay) Depart(d *quickest.Departure) {
	r.number++

	if d.Units <= 0 || d.First < 0 || d.Last < d.First {
		r.broke(RuleGroup, "departure %d: %d units at steps %d to %d", r.number-1, d.Units, d.First, d.Last)
		return
	}
	if len(d.Enter) != len(d.Path) {
		r.broke(RulePath, "departure %d: %d edges and %d steps to enter them at", r.number-1, len(d.Path), len(d.Enter))
		return
	}
	node, after := d.Source, int32(0)
	for k, i := range d.Path {
		if i < 0 || int(i) >= len(r.network.Edges) {
			r.broke(RulePath, "departure %d: there is no edge %d", r.number-1, i)
			return
		}
		e := r.network.Edges[i]
		if e.From != node {
			r.broke(RulePath, "departure %d: edge %d begins at node %d, and the units are at node %d", r.number-1, i, e.From, node)
		}
		if d.Enter[k] < after {
			r.broke(RuleTransit, "departure %d: edge %d is entered %d steps after the departure, and reached after %d", r.number-1, i, d.Enter[k], after)
		}
		if r.blocked[i] {
			r.broke(RuleBlocked, "departure %d: edge %d is blocked", r.number-1, i)
		}
		for t := d.First; t <= d.Last; t++ {
			r.load(i, t+int(d.Enter[k]), int64(d.Units))
		}
		node, after = e.To, d.Enter[k]+e.Transit
	}
	if node != d.Sink {
		r.broke(RulePath, "departure %d: the path ends at node %d, the sink is node %d", r.number-1, node, d.Sink)
	}
	all := int64(d.Units) * int64(d.Last-d.First+1)
	r.left[d.Source] += all
	r.arrived[d.Sink] += all
	r.report.Served += all
	r.report.Clearance = max(r.report.Clearance, d.Last+int(after))
}

// load counts units that enter an edge.
func (r *Replay) load(edge int32, step int, units int64) {
	if step < 0 {
		return // told already
	}
	for len(r.loads[edge]) <= step/blockSteps {
		r.loads[edge] = append(r.loads[edge], nil)
	}
	at := &r.loads[edge][step/blockSteps]
	if *at == nil {
		*at = new(block)
	}
	(*at)[step%blockSteps] += units
}

// checkLoads compares the units that enter each edge at each step with what it takes.
func (r *Replay) checkLoads() {
	for i, blocks := range r.loads {
		for k, b := range blocks {
			if b == nil {
				continue
			}
			for at, units := range b {
				step := k*blockSteps + at
				if capacity := r.capacity(int32(i), step); units > capacity {
					r.broke(RuleCapacity, "edge %d takes %d units at step %d, and %d enter", i, capacity, step, units)
				}
			}
		}
	}
}

// Loads yields the steps at which units enter an edge, in order, and how many.
func (r *Replay) Loads(edge int32, yield func(step int, units int64)) {
	for k, b := range r.loads[edge] {
		if b == nil {
			continue
		}
		for at, units := range b {
			if units != 0 {
				yield(k*blockSteps+at, units)
			}
		}
	}
}

// capacity returns how many units may enter an edge at a step: as many whole ones as have come together by its end, less
// those that had by its beginning.
func (r *Replay) capacity(edge int32, step int) int64 {
	e := &r.network.Edges[edge]
	if e.Until > 0 && step >= int(e.Until) {
		return 0
	}
	per := int64(max(r.network.Per, 1))
	return int64(step+1)*int64(e.Capacity)/per - int64(step)*int64(e.Capacity)/per
}

// checkNodes compares what left and what arrived with what was there.
func (r *Replay) checkNodes(s *quickest.Scenario) {
	supply, room := map[int32]int64{}, map[int32]int64{}
	for _, s := range s.Sources {
		supply[s.Node] += int64(s.Supply)
	}
	for _, s := range s.Sinks {
		if s.Capacity == quickest.Unlimited {
			room[s.Node] = math.MaxInt64 / 2
		}
		room[s.Node] += int64(s.Capacity)
	}
	for _, v := range sortedKeys(r.left) {
		if r.left[v] > supply[v] {
			r.broke(RuleSupply, "%d units leave node %d, where %d wait", r.left[v], v, supply[v])
		}
	}
	for _, v := range sortedKeys(r.arrived) {
		if r.arrived[v] > room[v] {
			r.broke(RuleRoom, "%d units stay at node %d, which holds %d", r.arrived[v], v, room[v])
		}
	}
}

func sortedKeys[V any](m map[int32]V) []int32 { return slices.Sorted(maps.Keys(m)) }
