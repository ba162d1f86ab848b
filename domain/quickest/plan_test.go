package quickest_test

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/quickest"
	"github.com/guardy-ai/guardy/domain/quickest/replay"
)

func plan(t *testing.T, n *quickest.Network, s *quickest.Scenario, o quickest.Options) *quickest.Plan {
	t.Helper()
	p, err := quickest.New(n, s, o)
	if err != nil {
		t.Fatal(err)
	}
	check(t, n, s, p)
	return p
}

// check replays a plan and compares what it says about itself.
func check(t *testing.T, n *quickest.Network, s *quickest.Scenario, p *quickest.Plan) {
	t.Helper()
	r := replay.Run(n, s, p.Departures)
	var supply int64
	for _, s := range s.Sources {
		supply += int64(s.Supply)
	}
	switch {
	case len(r.Violations) > 0:
		t.Fatalf("the replay finds %v", r.Violations)
	case r.Served != p.Served || r.Clearance != p.Clearance:
		t.Fatalf("the replay serves %d by step %d, the plan says %d by %d", r.Served, r.Clearance, p.Served, p.Clearance)
	case p.Served+p.NoRoute+p.NoRoom != supply || p.NoRoute < 0 || p.NoRoom < 0:
		t.Fatalf("served %d, no route %d and no room %d are not the %d units there are", p.Served, p.NoRoute, p.NoRoom, supply)
	case p.Served != sum(p, func(r *quickest.Rank) int64 { return r.Served }),
		p.NoRoute != sum(p, func(r *quickest.Rank) int64 { return r.NoRoute }),
		p.NoRoom != sum(p, func(r *quickest.Rank) int64 { return r.NoRoom }):
		t.Fatalf("the ranks %+v are not the plan's %d served, %d and %d not", p.Ranks, p.Served, p.NoRoute, p.NoRoom)
	case p.LowerBound > p.Clearance:
		t.Fatalf("the lower bound %d is above the plan's %d", p.LowerBound, p.Clearance)
	}
}

func sum(p *quickest.Plan, of func(*quickest.Rank) int64) (all int64) {
	for i := range p.Ranks {
		all += of(&p.Ranks[i])
	}
	return all
}

var always = quickest.Options{Spent: func() float64 { return 1 }}

// The roads of the next tests: two sources a, b and two sinks x, y that hold one unit each.
const a, b, x, y = 0, 1, 2, 3

func TestTheNearestShelterIsLeftToThoseWhoHaveNoOther(t *testing.T) {
	n := &quickest.Network{Nodes: 4, Edges: []quickest.Edge{
		{From: a, To: x, Transit: 1, Capacity: 1},
		{From: a, To: y, Transit: 2, Capacity: 1},
		{From: b, To: x, Transit: 2, Capacity: 1},
		{From: b, To: y, Transit: 10, Capacity: 1},
	}}
	s := &quickest.Scenario{
		Sources: []quickest.Source{{Node: a, Supply: 1}, {Node: b, Supply: 1}},
		Sinks:   []quickest.Sink{{Node: x, Capacity: 1}, {Node: y, Capacity: 1}},
	}
	if got := plan(t, n, s, quickest.Options{}); got.Clearance != 2 || got.LowerBound != 2 {
		t.Errorf("clearance %d, bound %d, want 2", got.Clearance, got.LowerBound)
	}
}

func TestUnitsPassASinkThatIsFull(t *testing.T) {
	n := &quickest.Network{Nodes: 3, Edges: []quickest.Edge{
		{From: 0, To: 1, Transit: 2, Capacity: 4},
		{From: 1, To: 2, Transit: 3, Capacity: 2},
	}}
	s := &quickest.Scenario{
		Sources: []quickest.Source{{Node: 0, Supply: 10}},
		Sinks:   []quickest.Sink{{Node: 1, Capacity: 3}, {Node: 2, Capacity: quickest.Unlimited}},
	}
	// Seven units go on, two a step: those of steps 2 to 5, at the far sink by 8.
	if got := plan(t, n, s, quickest.Options{}); got.Clearance != 8 || got.Served != 10 {
		t.Errorf("%d served by step %d, want 10 by 8", got.Served, got.Clearance)
	}
}

func TestUnservedUnitsAreToldApart(t *testing.T) {
	n := &quickest.Network{Nodes: 4, Edges: []quickest.Edge{
		{From: 0, To: 1, Transit: 1, Capacity: 5},
		{From: 2, To: 3, Transit: 1, Capacity: 5},
	}}
	s := &quickest.Scenario{
		Sources: []quickest.Source{{Node: 0, Supply: 8}, {Node: 2, Supply: 4}},
		Sinks:   []quickest.Sink{{Node: 1, Capacity: 6}},
	}
	got := plan(t, n, s, quickest.Options{})
	if got.Served != 6 || got.NoRoom != 2 || got.NoRoute != 4 || got.Clearance != 2 {
		t.Errorf("%+v, want 6 served by step 2, 2 without room, 4 without a route", got)
	}
	s.Blocked = []int{0}
	if got := plan(t, n, s, quickest.Options{}); got.Served != 0 || got.NoRoute != 12 || got.Clearance != 0 || len(got.Departures) != 0 {
		t.Errorf("%+v, want nobody served", got)
	}
}

func TestWhoIsAtAShelterIsSafeAtOnce(t *testing.T) {
	n := &quickest.Network{Nodes: 1}
	s := &quickest.Scenario{Sources: []quickest.Source{{Supply: 7}}, Sinks: []quickest.Sink{{Capacity: 5}}}
	got := plan(t, n, s, quickest.Options{})
	if got.Served != 5 || got.NoRoom != 2 || got.Clearance != 0 || got.Gap() != 0 {
		t.Errorf("%+v, want 5 served by step 0", got)
	}
}

func TestEqualDeparturesBecomeOneInterval(t *testing.T) {
	n := &quickest.Network{Nodes: 2, Edges: []quickest.Edge{{From: 0, To: 1, Transit: 3, Capacity: 2}}}
	s := &quickest.Scenario{Sources: []quickest.Source{{Node: 0, Supply: 9}}, Sinks: []quickest.Sink{{Node: 1, Capacity: quickest.Unlimited}}}
	want := []quickest.Departure{
		{Source: 0, Sink: 1, Path: []int32{0}, Enter: []int32{0}, First: 0, Last: 3, Units: 2},
		{Source: 0, Sink: 1, Path: []int32{0}, Enter: []int32{0}, First: 4, Last: 4, Units: 1},
	}
	if got := plan(t, n, s, quickest.Options{}); !reflect.DeepEqual(got.Departures, want) {
		t.Errorf("departures %+v, want %+v", got.Departures, want)
	}
}

func TestPlansAreOptimal(t *testing.T) {
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 7))
		n, s := anyInstance(rng)
		got := plan(t, n, s, quickest.Options{})
		if got.LowerBound != got.Clearance {
			t.Fatalf("seed %d: the bound %d does not meet the plan's %d", seed, got.LowerBound, got.Clearance)
		}
		if in := arrivals(n, s, got.Clearance); in != int(got.Served) {
			t.Fatalf("seed %d: %d served by step %d, the reference brings %d", seed, got.Served, got.Clearance, in)
		}
		if got.Clearance > 0 && arrivals(n, s, got.Clearance-1) >= int(got.Served) {
			t.Fatalf("seed %d: step %d is not the earliest for %d units", seed, got.Clearance, got.Served)
		}
		// No longer time serves anybody else: nothing here takes longer than that.
		if in := arrivals(n, s, 60); in != int(got.Served) {
			t.Fatalf("seed %d: %d served, given time %d could be", seed, got.Served, in)
		}
	}
}

// TestRanksComeOneAfterTheOther compares each rank with what the reference makes of it and of the ranks before.
func TestRanksComeOneAfterTheOther(t *testing.T) {
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 21))
		n, s := anyInstance(rng)
		for i := range s.Sources {
			s.Sources[i].Rank = rng.Int32N(3)
		}
		got := plan(t, n, s, quickest.Options{})
		var served int64
		for r := range got.Ranks {
			rank := &got.Ranks[r]
			upTo := quickest.Scenario{Sinks: s.Sinks, Blocked: s.Blocked}
			for _, from := range s.Sources {
				if int(from.Rank) <= r {
					upTo.Sources = append(upTo.Sources, from)
				}
			}
			served += rank.Served
			if in := arrivals(n, &upTo, 90); in != int(served) {
				t.Fatalf("seed %d: %d of the ranks up to %d are served, the reference serves %d", seed, served, r, in)
			}
			earliest := 0
			for arrivals(n, &upTo, earliest) < int(served) {
				earliest++
			}
			if r == 0 && (rank.LowerBound > earliest || rank.Clearance < earliest) {
				t.Fatalf("seed %d: the first rank comes in by %d, at least %d; alone it needs %d", seed, rank.Clearance, rank.LowerBound, earliest)
			}
			if got.Clearance < earliest && r == len(got.Ranks)-1 {
				t.Fatalf("seed %d: everybody is in by %d, the reference needs %d", seed, got.Clearance, earliest)
			}
			if rank.Clearance < rank.LowerBound {
				t.Fatalf("seed %d: rank %d comes in by %d, at least %d", seed, r, rank.Clearance, rank.LowerBound)
			}
		}
	}
}

func TestAPlanInNoTimeIsWhole(t *testing.T) {
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 8))
		n, s := anyInstance(rng)
		polls := rng.IntN(4)
		got := plan(t, n, s, quickest.Options{Spent: func() float64 { polls--; return float64(max(-polls, 0)) }})
		best := plan(t, n, s, quickest.Options{})
		if got.Served != best.Served || got.Clearance < best.Clearance || got.LowerBound > best.Clearance {
			t.Fatalf("seed %d: %d served by step %d (at least %d); the optimum is %d by %d",
				seed, got.Served, got.Clearance, got.LowerBound, best.Served, best.Clearance)
		}
	}
}

func TestLongWaysAndManyUnitsAreNoTrouble(t *testing.T) {
	for seed := range uint64(6000) {
		rng := rand.New(rand.NewPCG(seed, 99))
		n, s := anyInstance(rng)
		for i := range n.Edges {
			if rng.IntN(3) == 0 {
				n.Edges[i].Transit = rng.Int32N(1 << rng.IntN(21))
			}
		}
		for i := range s.Sources {
			if rng.IntN(3) == 0 {
				s.Sources[i].Supply = rng.Int32N(3000)
			}
		}
		for i := range s.Sinks {
			if rng.IntN(3) == 0 {
				s.Sinks[i].Capacity = rng.Int32N(10_000)
			}
		}
		if p := plan(t, n, s, quickest.Options{}); p.LowerBound != p.Clearance {
			t.Fatalf("seed %d: the bound %d does not meet the plan's %d", seed, p.LowerBound, p.Clearance)
		}
	}
}

func TestMoreCapacityNeverTakesLonger(t *testing.T) {
	for seed := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, 9))
		n, s := anyInstance(rng)
		if len(n.Edges) == 0 {
			continue
		}
		before := plan(t, n, s, quickest.Options{})
		n.Edges[rng.IntN(len(n.Edges))].Capacity++
		after := plan(t, n, s, quickest.Options{})
		if after.Served < before.Served || after.Served == before.Served && after.Clearance > before.Clearance {
			t.Fatalf("seed %d: %d by step %d with more capacity, %d by step %d before", seed, after.Served, after.Clearance, before.Served, before.Clearance)
		}
	}
}

func TestMoreUnitsNeverTakeLess(t *testing.T) {
	for seed := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, 10))
		n, s := anyInstance(rng)
		if len(s.Sources) == 0 {
			continue
		}
		before := plan(t, n, s, quickest.Options{})
		s.Sources[rng.IntN(len(s.Sources))].Supply++
		after := plan(t, n, s, quickest.Options{})
		if after.Served < before.Served || after.Served > before.Served && before.NoRoom == 0 && after.Clearance < before.Clearance {
			t.Fatalf("seed %d: %d by step %d with one more, %d by step %d before", seed, after.Served, after.Clearance, before.Served, before.Clearance)
		}
	}
}

func TestPlansAreReproducible(t *testing.T) {
	for seed := range uint64(50) {
		n, s := anyInstance(rand.New(rand.NewPCG(seed, 11)))
		if one, two := plan(t, n, s, quickest.Options{}), plan(t, n, s, quickest.Options{}); !reflect.DeepEqual(one, two) {
			t.Fatalf("seed %d: two plans of one instance", seed)
		}
	}
}

func TestAbortEndsPlanning(t *testing.T) {
	n, s := anyInstance(rand.New(rand.NewPCG(1, 12)))
	cause := errors.New("the caller left")
	for _, o := range []quickest.Options{{Abort: func() error { return cause }}, {Abort: func() error { return cause }, Spent: always.Spent}} {
		if p, err := quickest.New(n, s, o); p != nil || !errors.Is(err, cause) {
			t.Errorf("plan %v, error %v", p, err)
		}
	}
}

func TestWhatTakesTooLongIsRefused(t *testing.T) {
	n := &quickest.Network{Nodes: 2, Edges: []quickest.Edge{{From: 0, To: 1, Transit: 1, Capacity: 1}}}
	s := &quickest.Scenario{Sources: []quickest.Source{{Node: 0, Supply: quickest.MaxSupply}}, Sinks: []quickest.Sink{{Node: 1, Capacity: quickest.Unlimited}}}
	if _, err := quickest.New(n, s, quickest.Options{}); domain.KindOf(err) != domain.KindTooLarge {
		t.Errorf("error %v, want KindTooLarge", err)
	}
	n.Edges[0].Capacity = quickest.MaxSupply
	if p := plan(t, n, s, quickest.Options{}); p.Clearance != 1 || p.Served != quickest.MaxSupply {
		t.Errorf("%d served by step %d", p.Served, p.Clearance)
	}
}

func TestAnInstanceIsRefusedWithEverythingThatIsWrong(t *testing.T) {
	n := &quickest.Network{Nodes: 2, Edges: []quickest.Edge{
		{From: 0, To: 2, Transit: -1, Capacity: -1},
		{From: -1, To: 0, Transit: quickest.MaxTransit + 1},
	}}
	s := &quickest.Scenario{
		Sources: []quickest.Source{{Node: 2, Supply: -1}, {Supply: quickest.MaxSupply}, {Supply: 2}},
		Sinks:   []quickest.Sink{{Node: -1, Capacity: -1}},
		Blocked: []int{2, -1},
	}
	_, err := quickest.New(n, s, quickest.Options{})
	var e *domain.Error
	if !errors.As(err, &e) || e.Kind != domain.KindInvalid {
		t.Fatalf("error %v, want KindInvalid", err)
	}
	var got []string
	for _, v := range e.Violations {
		got = append(got, v.Pointer)
	}
	want := []string{
		"/edges/0/to", "/edges/0/transit", "/edges/0/capacity", "/edges/1/from", "/edges/1/transit",
		"/sources/0/node", "/sources/0/supply", "/sources", "/sinks/0/node", "/sinks/0/capacity", "/blocked/0", "/blocked/1",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("violations %q, want %q", got, want)
	}
}

// TestShortStreetsHaveManyLoops: on a grid of streets of which most take no time, a flow goes round in loops,
// at one step and over several, which its decomposition must tell from the ways that people go.
func TestShortStreetsHaveManyLoops(t *testing.T) {
	const side = 12
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 13))
		n, s := &quickest.Network{Nodes: side * side}, new(quickest.Scenario)
		street := func(from, to int) {
			for _, ends := range [][2]int{{from, to}, {to, from}} {
				n.Edges = append(n.Edges, quickest.Edge{
					From: int32(ends[0]), To: int32(ends[1]), Transit: int32(max(0, rng.IntN(5)-3)), Capacity: 1 + rng.Int32N(20),
				})
			}
		}
		for v := range n.Nodes {
			if v%side > 0 {
				street(v-1, v)
			}
			if v >= side {
				street(v-side, v)
			}
		}
		for range 40 {
			s.Sources = append(s.Sources, quickest.Source{Node: rng.Int32N(side * side), Supply: rng.Int32N(200)})
		}
		for range 3 {
			s.Sinks = append(s.Sinks, quickest.Sink{Node: rng.Int32N(side * side), Capacity: rng.Int32N(3000)})
		}
		plan(t, n, s, quickest.Options{})
		plan(t, n, s, always)
	}
}
