package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/evacinstance"
	"github.com/guardy-ai/guardy/domain/quickest"
	"github.com/guardy-ai/guardy/domain/quickest/replay"
)

type regionPlanCmd struct {
	Network   string        `help:"CSV file of the network: edge_id, from, to, transit_steps, capacity_per_step." required:"" placeholder:"FILE"`
	Scenarios string        `help:"JSON file of the scenarios: sources, sinks and blocked edges." required:"" placeholder:"FILE"`
	Schedule  bool          `help:"Add the flow to every answer: the units that enter each edge, and the departures."`
	Budget    time.Duration `help:"Time to search for the optimum of one scenario; then the best plan so far is answered." default:"8s"`
}

// Help is shown by guardy region plan --help.
func (regionPlanCmd) Help() string {
	return `Files are in the evac-instance-1 format. Each scenario is answered on a line of its own: served and
unserved units (unserved_no_route reach no sink, unserved_no_room find the sinks full), clearance_steps,
the step by which everybody who is served is at a sink; lower_bound_steps, before which no plan can serve as
many; gap_percent between the two. As many as possible are always served. Every plan is replayed, edge by
edge, before it is answered.
--schedule adds two forms of the same flow. schedule: how many units enter which edge at which step
({edge_id, step, units}, in the order of steps and edges); waiting at nodes is not listed. departures: at
each step from first_step to last_step so many units leave the source for the sink along the edges of path,
entering each enter_after steps after their departure.`
}

// Run plans every scenario of a file.
func (r *regionPlanCmd) Run(ctx context.Context, std stdio) error {
	network, scenarios, err := r.read()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(std.out)
	encoder := json.NewEncoder(out)
	for i := range scenarios {
		s := &scenarios[i]
		if s.UnknownBlocked > 0 {
			fmt.Fprintf(std.err, "guardy: %s: %d of the blocked edges are not in the network\n", s.Name, s.UnknownBlocked)
		}
		answer, err := r.plan(ctx, network, s)
		if err != nil {
			return fmt.Errorf("scenario %d (%s): %w", i, s.Name, err)
		}
		if err := encoder.Encode(answer); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func (r *regionPlanCmd) read() (*evacinstance.Network, []evacinstance.Scenario, error) {
	in, err := os.Open(r.Network)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = in.Close() }() // read only: nothing is lost
	network, err := evacinstance.ReadNetwork(bufio.NewReader(in))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", r.Network, err)
	}
	also, err := os.Open(r.Scenarios)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = also.Close() }()
	scenarios, err := evacinstance.ReadScenarios(also, network)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", r.Scenarios, err)
	}
	return network, scenarios, nil
}

// plannedScenario is the answer to a scenario.
type plannedScenario struct {
	Scenario   string  `json:"scenario"`
	Served     int64   `json:"served"`
	Unserved   int64   `json:"unserved"`
	NoRoute    int64   `json:"unserved_no_route"`
	NoRoom     int64   `json:"unserved_no_room"`
	Clearance  int     `json:"clearance_steps"`
	LowerBound int     `json:"lower_bound_steps"`
	Gap        float64 `json:"gap_percent"`
	Seconds    float64 `json:"seconds"`
	*scheduled
}

// scheduled is the flow, twice.
type scheduled struct {
	Schedule   []edgeEntry        `json:"schedule"`
	Departures []plannedDeparture `json:"departures"`
}

// edgeEntry says how many units enter an edge at a step.
type edgeEntry struct {
	EdgeID int64 `json:"edge_id"`
	Step   int   `json:"step"`
	Units  int64 `json:"units"`
}

type plannedDeparture struct {
	Source    int64   `json:"source"`
	Sink      int64   `json:"sink"`
	Path      []int64 `json:"path"`
	Enter     []int32 `json:"enter_after"`
	FirstStep int     `json:"first_step"`
	LastStep  int     `json:"last_step"`
	Units     int32   `json:"units_per_step"`
}

// spent returns how much of a budget is over; all of it where there is none.
func spent(start time.Time, budget time.Duration) float64 {
	if budget <= 0 {
		return 1
	}
	return float64(time.Since(start)) / float64(budget)
}

// plan answers one scenario.
func (r *regionPlanCmd) plan(ctx context.Context, n *evacinstance.Network, s *evacinstance.Scenario) (*plannedScenario, error) {
	start := time.Now()
	plan, err := quickest.New(&n.Network, &s.Scenario, quickest.Options{
		Spent: func() float64 { return spent(start, r.Budget) },
		Abort: ctx.Err,
	})
	if err != nil {
		return nil, err
	}
	seen := replay.Run(&n.Network, &s.Scenario, plan.Departures)
	switch {
	case len(seen.Violations) > 0:
		return nil, fmt.Errorf("the plan breaks %d rules, the first: %s", len(seen.Violations), seen.Violations[0].Detail)
	case seen.Served != plan.Served || seen.Clearance != plan.Clearance:
		return nil, fmt.Errorf("the replay serves %d units by step %d, the plan says %d by step %d",
			seen.Served, seen.Clearance, plan.Served, plan.Clearance)
	}
	answer := &plannedScenario{
		Scenario: s.Name, Served: plan.Served, Unserved: plan.NoRoute + plan.NoRoom, NoRoute: plan.NoRoute, NoRoom: plan.NoRoom,
		Clearance: plan.Clearance, LowerBound: plan.LowerBound, Gap: plan.Gap(), Seconds: time.Since(start).Seconds(),
	}
	if r.Schedule {
		answer.scheduled = &scheduled{edgeEntries(n, plan.Departures), make([]plannedDeparture, len(plan.Departures))}
		for i := range plan.Departures {
			answer.Departures[i] = named(n, &plan.Departures[i])
		}
	}
	return answer, nil
}

func named(n *evacinstance.Network, d *quickest.Departure) plannedDeparture {
	p := plannedDeparture{
		Source: n.NodeIDs[d.Source], Sink: n.NodeIDs[d.Sink], Path: make([]int64, len(d.Path)), Enter: append([]int32{}, d.Enter...),
		FirstStep: d.First, LastStep: d.Last, Units: d.Units,
	}
	for k, e := range d.Path {
		p.Path[k] = n.EdgeIDs[e]
	}
	return p
}

// edgeEntries adds up departures by edge and step.
func edgeEntries(n *evacinstance.Network, departures []quickest.Departure) []edgeEntry {
	type place struct {
		step int
		edge int32
	}
	units := map[place]int64{}
	for i := range departures {
		d := &departures[i]
		for k, e := range d.Path {
			for t := d.First; t <= d.Last; t++ {
				units[place{t + int(d.Enter[k]), e}] += int64(d.Units)
			}
		}
	}
	entries := make([]edgeEntry, 0, len(units))
	for at, u := range units {
		entries = append(entries, edgeEntry{n.EdgeIDs[at.edge], at.step, u})
	}
	slices.SortFunc(entries, func(a, b edgeEntry) int {
		return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.EdgeID, b.EdgeID))
	})
	return entries
}
