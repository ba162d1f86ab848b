package replay_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/domain/quickest"
	"github.com/guardy-ai/guardy/domain/quickest/replay"
)

// town is two roads in a row, with a second way around the first of them.
func town() (*quickest.Network, *quickest.Scenario) {
	n := &quickest.Network{Nodes: 3, Edges: []quickest.Edge{
		{From: 0, To: 1, Transit: 2, Capacity: 3},
		{From: 1, To: 2, Transit: 1, Capacity: 4},
		{From: 0, To: 1, Transit: 1, Capacity: 9},
	}}
	s := &quickest.Scenario{
		Sources: []quickest.Source{{Node: 0, Supply: 6}, {Node: 0, Supply: 3}, {Node: 1, Supply: 2}},
		Sinks:   []quickest.Sink{{Node: 2, Capacity: 5}, {Node: 2, Capacity: 5}, {Node: 1, Capacity: quickest.Unlimited}},
		Blocked: []int{2},
	}
	return n, s
}

// through is nine units from one end to the other, three a step.
func through() quickest.Departure {
	return quickest.Departure{Source: 0, Sink: 2, Path: []int32{0, 1}, Enter: []int32{0, 3}, First: 0, Last: 2, Units: 3}
}

func TestAPlanThatKeepsTheRulesIsServed(t *testing.T) {
	n, s := town()
	home := quickest.Departure{Source: 1, Sink: 1, Units: 2}
	got := replay.Run(n, s, []quickest.Departure{through(), home})
	if len(got.Violations) > 0 || got.Served != 11 || got.Clearance != 6 {
		t.Errorf("%+v, want 11 served by step 6", got)
	}
}

func TestEveryBreachIsSeen(t *testing.T) {
	for _, c := range []struct {
		name   string
		rule   replay.Rule
		break_ func(d *quickest.Departure)
		says   string
	}{
		{"nobody", replay.RuleGroup, func(d *quickest.Departure) { d.Units = 0 }, "0 units"},
		{"before the beginning", replay.RuleGroup, func(d *quickest.Departure) { d.First = -1 }, "steps -1 to 2"},
		{"backwards", replay.RuleGroup, func(d *quickest.Departure) { d.Last = -1 }, "steps 0 to -1"},
		{"a step missing", replay.RulePath, func(d *quickest.Departure) { d.Enter = d.Enter[:1] }, "2 edges and 1 steps"},
		{"no such edge", replay.RulePath, func(d *quickest.Departure) { d.Path[1] = 7 }, "no edge 7"},
		{"a jump", replay.RulePath, func(d *quickest.Departure) { d.Path[0] = 1 }, "edge 1 begins at node 1"},
		{"another end", replay.RulePath, func(d *quickest.Departure) { d.Sink = 0 }, "ends at node 2"},
		{"another beginning", replay.RulePath, func(d *quickest.Departure) { d.Source = 1 }, "the units are at node 1"},
		{"too fast", replay.RuleTransit, func(d *quickest.Departure) { d.Enter[1] = 1 }, "entered 1 steps"},
		{"too early", replay.RuleTransit, func(d *quickest.Departure) { d.Enter[0] = -1 }, "entered -1 steps"},
		{"water", replay.RuleBlocked, func(d *quickest.Departure) { d.Path[0] = 2 }, "edge 2 is blocked"},
		{"a crowd", replay.RuleCapacity, func(d *quickest.Departure) { d.Units = 4 }, "edge 0 takes 3 units at step 0, and 4 enter"},
		{"more than there are", replay.RuleSupply, func(d *quickest.Departure) { d.Last = 3 }, "12 units leave node 0, where 9 wait"},
		{"more than fit", replay.RuleRoom, func(d *quickest.Departure) { d.Last = 3 }, "12 units stay at node 2, which holds 10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, s := town()
			d := through()
			c.break_(&d)
			got := replay.Run(n, s, []quickest.Departure{d})
			if !slices.ContainsFunc(got.Violations, func(v replay.Violation) bool { return v.Rule == c.rule && strings.Contains(v.Detail, c.says) }) {
				t.Errorf("violations %q, want rule %q that says %q", got.Violations, c.rule, c.says)
			}
		})
	}
}

func TestCapacityCountsAllDeparturesTogether(t *testing.T) {
	n, s := town()
	early, late := through(), through()
	early.Units, late.Units = 2, 2
	late.First, late.Last = 2, 2
	got := replay.Run(n, s, []quickest.Departure{early, late})
	if len(got.Violations) != 1 || got.Violations[0].Rule != replay.RuleCapacity || !strings.HasSuffix(got.Violations[0].Detail, "at step 2, and 4 enter") {
		t.Errorf("violations %q, want the one of edge 0 at step 2", got.Violations)
	}
}

func TestReportsAreBounded(t *testing.T) {
	n, s := town()
	got := replay.Run(n, s, make([]quickest.Departure, 10_000))
	if len(got.Violations) != 100 {
		t.Errorf("%d violations", len(got.Violations))
	}
}
