// Package replay walks the departures of an evacuation plan through the network, edge by edge, and reports
// every rule that they break. It shares the words of package quickest and none of its reasoning, so that a
// defect there does not hide here.
package replay

import (
	"cmp"
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

// load is a number of units that enter an edge at each step of an interval.
type load struct {
	first, last int
	units       int64
}

// replay is one walk.
type replay struct {
	Report
	network  *quickest.Network
	blocked  map[int32]bool
	loads    map[int32][]load
	left     map[int32]int64 // by source
	arrived  map[int32]int64 // by sink
	describe string          // the departure at hand
}

// Run replays departures.
func Run(n *quickest.Network, s *quickest.Scenario, departures []quickest.Departure) Report {
	r := replay{
		network: n, blocked: map[int32]bool{}, loads: map[int32][]load{},
		left: map[int32]int64{}, arrived: map[int32]int64{},
	}
	for _, e := range s.Blocked {
		r.blocked[int32(e)] = true
	}
	for i := range departures {
		r.describe = fmt.Sprintf("departure %d", i)
		r.depart(&departures[i])
	}
	r.checkLoads()
	r.checkNodes(s)
	return r.Report
}

func (r *replay) broke(rule Rule, format string, args ...any) {
	if len(r.Violations) < maxViolations {
		r.Violations = append(r.Violations, Violation{rule, fmt.Sprintf(format, args...)})
	}
}

// depart follows one group to its sink.
func (r *replay) depart(d *quickest.Departure) {
	if d.Units <= 0 || d.First < 0 || d.Last < d.First {
		r.broke(RuleGroup, "%s: %d units at steps %d to %d", r.describe, d.Units, d.First, d.Last)
		return
	}
	if len(d.Enter) != len(d.Path) {
		r.broke(RulePath, "%s: %d edges and %d steps to enter them at", r.describe, len(d.Path), len(d.Enter))
		return
	}
	node, after := d.Source, int32(0)
	for k, i := range d.Path {
		if i < 0 || int(i) >= len(r.network.Edges) {
			r.broke(RulePath, "%s: there is no edge %d", r.describe, i)
			return
		}
		e := r.network.Edges[i]
		if e.From != node {
			r.broke(RulePath, "%s: edge %d begins at node %d, and the units are at node %d", r.describe, i, e.From, node)
		}
		if d.Enter[k] < after {
			r.broke(RuleTransit, "%s: edge %d is entered %d steps after the departure, and reached after %d", r.describe, i, d.Enter[k], after)
		}
		if r.blocked[i] {
			r.broke(RuleBlocked, "%s: edge %d is blocked", r.describe, i)
		}
		r.loads[i] = append(r.loads[i], load{d.First + int(d.Enter[k]), d.Last + int(d.Enter[k]), int64(d.Units)})
		node, after = e.To, d.Enter[k]+e.Transit
	}
	if node != d.Sink {
		r.broke(RulePath, "%s: the path ends at node %d, the sink is node %d", r.describe, node, d.Sink)
	}
	all := int64(d.Units) * int64(d.Last-d.First+1)
	r.left[d.Source] += all
	r.arrived[d.Sink] += all
	r.Served += all
	r.Clearance = max(r.Clearance, d.Last+int(after))
}

// checkLoads sweeps over the steps of each edge.
func (r *replay) checkLoads() {
	for _, i := range sortedKeys(r.loads) {
		type change struct {
			step  int
			units int64
		}
		var changes []change
		for _, l := range r.loads[i] {
			changes = append(changes, change{l.first, l.units}, change{l.last + 1, -l.units})
		}
		slices.SortFunc(changes, func(a, b change) int { return cmp.Compare(a.step, b.step) })
		var units int64
		for k, c := range changes {
			units += c.units
			if k+1 < len(changes) && changes[k+1].step == c.step {
				continue
			}
			end := c.step // of the steps at which as many enter
			if k+1 < len(changes) {
				end = changes[k+1].step - 1
			}
			for t := c.step; t <= end && units > 0; t++ {
				if capacity := r.capacity(i, t); units > capacity {
					r.broke(RuleCapacity, "edge %d takes %d units at step %d, and %d enter", i, capacity, t, units)
					break
				}
			}
		}
	}
}

// capacity returns how many units may enter an edge at a step: as many whole ones as have come together by its end, less
// those that had by its beginning.
func (r *replay) capacity(edge int32, step int) int64 {
	e := &r.network.Edges[edge]
	if e.Until > 0 && step >= int(e.Until) {
		return 0
	}
	per := int64(max(r.network.Per, 1))
	return int64(step+1)*int64(e.Capacity)/per - int64(step)*int64(e.Capacity)/per
}

// checkNodes compares what left and what arrived with what was there.
func (r *replay) checkNodes(s *quickest.Scenario) {
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
