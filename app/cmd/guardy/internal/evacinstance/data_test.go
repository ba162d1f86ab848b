package evacinstance_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/evacinstance"
	"github.com/guardy-ai/guardy/domain/quickest"
	"github.com/guardy-ai/guardy/domain/quickest/replay"
)

// networksBesideRepository holds real road networks with scenarios and their optima.
const networksBesideRepository = "../../../../../../shared/data/evacuation/networks"

// instance is a scenario of the data with what is known about it.
type instance struct {
	network   *evacinstance.Network
	scenario  evacinstance.Scenario
	reference reference
}

type reference struct {
	MaxServed   int64 `json:"max_served"`
	Unserved    int64 `json:"unserved"`
	Clearance   int   `json:"optimal_clearance_steps"`
	Relaxed     int   `json:"lower_bound_steps_relaxed"`
	SingleBound int   `json:"lower_bound_steps_single_source"`
	CCRP        *struct {
		Clearance int `json:"clearance_steps"`
	} `json:"ccrp_baseline"`
}

// instances skips where the data is absent, and fails there in CI.
func instances(tb testing.TB) (all []instance) {
	tb.Helper()
	for _, name := range []string{"siouxfalls", "anaheim", "liechtenstein", "poa"} {
		roads, err := os.Open(filepath.Join(networksBesideRepository, name+"_evac.csv"))
		switch {
		case errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") != "true":
			tb.Skipf("the evacuation networks are not here (%s)", networksBesideRepository)
		case err != nil:
			tb.Fatal(err)
		}
		defer roads.Close()
		network, err := evacinstance.ReadNetwork(roads)
		if err != nil {
			tb.Fatal(err)
		}
		path := filepath.Join(networksBesideRepository, name+"_scenarios.json")
		file, err := os.Open(path)
		if err != nil {
			tb.Fatal(err)
		}
		defer file.Close()
		scenarios, err := evacinstance.ReadScenarios(file, network)
		if err != nil {
			tb.Fatal(err)
		}
		for i, r := range references(tb, path) {
			all = append(all, instance{network, scenarios[i], r})
		}
	}
	return all
}

func references(tb testing.TB, path string) (all []reference) {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	var file struct {
		Scenarios []struct {
			Reference reference `json:"reference"`
		} `json:"scenarios"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		tb.Fatal(err)
	}
	for _, s := range file.Scenarios {
		all = append(all, s.Reference)
	}
	return all
}

func checkPlan(tb testing.TB, n *evacinstance.Network, s *quickest.Scenario, p *quickest.Plan) {
	tb.Helper()
	r := replay.Run(&n.Network, s, p.Departures)
	if len(r.Violations) > 0 || r.Served != p.Served || r.Clearance != p.Clearance || p.LowerBound > p.Clearance {
		tb.Fatalf("served %d by step %d, at least %d; the replay serves %d by %d and finds %v",
			p.Served, p.Clearance, p.LowerBound, r.Served, r.Clearance, r.Violations)
	}
}

func TestRealNetworksAreClearedAtTheOptimum(t *testing.T) {
	for _, c := range instances(t) {
		t.Run(c.scenario.Name, func(t *testing.T) {
			p, err := quickest.New(&c.network.Network, &c.scenario.Scenario, quickest.Options{})
			if err != nil {
				t.Fatal(err)
			}
			checkPlan(t, c.network, &c.scenario.Scenario, p)
			ref := c.reference
			if p.Served != ref.MaxServed || p.NoRoute+p.NoRoom != ref.Unserved {
				t.Errorf("served %d, no route %d, no room %d; want %d served, %d not", p.Served, p.NoRoute, p.NoRoom, ref.MaxServed, ref.Unserved)
			}
			if p.Clearance != ref.Clearance || p.LowerBound != ref.Clearance {
				t.Errorf("clearance %d, lower bound %d; the optimum is %d", p.Clearance, p.LowerBound, ref.Clearance)
			}
		})
	}
}

// TestRealNetworksInNoTime looks at what is answered when nothing is left for the search.
func TestRealNetworksInNoTime(t *testing.T) {
	for _, c := range instances(t) {
		t.Run(c.scenario.Name, func(t *testing.T) {
			p, err := quickest.New(&c.network.Network, &c.scenario.Scenario, quickest.Options{Spent: func() float64 { return 1 }})
			if err != nil {
				t.Fatal(err)
			}
			checkPlan(t, c.network, &c.scenario.Scenario, p)
			ref := c.reference
			if p.Served != ref.MaxServed || p.LowerBound > ref.Clearance || p.Clearance < ref.Clearance {
				t.Errorf("%d served by step %d, at least %d; optimum %d by %d", p.Served, p.Clearance, p.LowerBound, ref.MaxServed, ref.Clearance)
			}
			if ref.CCRP != nil && p.Clearance > ref.CCRP.Clearance+ref.CCRP.Clearance/2 {
				t.Errorf("in no time %d, the reference's CCRP %d", p.Clearance, ref.CCRP.Clearance)
			}
			t.Logf("bound %d, in no time %d, optimum %d", p.LowerBound, p.Clearance, ref.Clearance)
		})
	}
}

func BenchmarkPlan(b *testing.B) {
	for _, c := range instances(b) {
		b.Run(c.scenario.Name, func(b *testing.B) {
			b.ReportAllocs()
			var p *quickest.Plan
			for b.Loop() {
				var err error
				if p, err = quickest.New(&c.network.Network, &c.scenario.Scenario, quickest.Options{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(p.Clearance), "steps")
			b.ReportMetric(p.Gap(), "gap%")
			b.ReportMetric(float64(len(p.Departures)), "departures")
		})
	}
}
