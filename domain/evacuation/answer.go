package evacuation

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
)

// Answer is what is known about leaving. Lists may be empty; numbers that are not known are NaN.
type Answer struct {
	Zones []Zone
	// Shelters and Routes are empty unless Plan.Status says that there is a region.
	Shelters []Shelter
	Routes   []Route
	Plan     Plan
	Sources  Sources

	Model       domain.ModelRef
	GeneratedAt time.Time
	Provenance  domain.Provenance
}

// Status says what a plan is.
type Status uint8

// The statuses. The zero value is the one that promises least.
const (
	StatusNoRegion      Status = iota // no region is loaded: zones only
	StatusNotRequested                // shelters were not asked for: zones only
	StatusOutsideRegion               // the centre is not in the region: zones only
	StatusNoPopulation                // the region has roads but no people to plan for: shelters only
	StatusNobody                      // nobody is in the zones: nothing to do
	StatusPlanned                     // everything is answered
	StatusTimeLimited                 // the best plan found in the time there was, not proven to be the earliest

	// NumStatuses counts the statuses.
	NumStatuses
)

var statusNames = [NumStatuses]string{
	"no_region_data", "not_requested", "outside_region", "no_population_data", "nobody_affected", "planned", "time_limited",
}

// String returns the contract's name.
func (s Status) String() string { return statusNames[min(s, NumStatuses-1)] }

// HasShelters reports whether an answer of the status may have shelters.
func (s Status) HasShelters() bool { return s >= StatusNoPopulation }

// HasPlan reports whether an answer of the status has routes, times and counts.
func (s Status) HasPlan() bool { return s >= StatusNobody }

// Plan sums up who is brought to a shelter, and when.
type Plan struct {
	Status Status
	// Objective says what comes first, in one word; empty where there is no plan.
	Objective string
	// ClearanceMinutes is when the last of the served is in a shelter. No plan can serve as many before
	// LowerBoundMinutes; GapPercent is by how much the clearance exceeds it.
	ClearanceMinutes, LowerBoundMinutes, GapPercent float64
	// PrecedenceMinutes is how much longer it takes at most because inner zones come first.
	PrecedenceMinutes float64
	// The three counts add up to the people of all zones.
	Served, UnservedNoRoute, UnservedSheltersFull Count
	Bottlenecks                                   []Bottleneck
	// Assumptions are sentences about everything that the data did not say.
	Assumptions []string
}

// ObjectiveInnerFirst gives inner zones places and roads first: as many as possible are served of zone 1, then of zone 2
// and so on, in all as many as possible; then zone 1 is cleared as early as possible, then zone 2 and so on.
const ObjectiveInnerFirst = "inner_zones_first"

// Bottleneck is a road that is used to its capacity.
type Bottleneck struct {
	Way              int64  // OpenStreetMap
	Name             string // empty where the map has none
	From, To         geo.Point
	VehiclesPerHour  float64
	PeopleOverIt     int64
	SaturatedMinutes float64
}

// ShelterStatus says whether a shelter takes people.
type ShelterStatus uint8

// The statuses of a shelter.
const (
	ShelterOpen ShelterStatus = iota
	ShelterFlooded
	ShelterUnreachable
	ShelterFull

	// NumShelterStatuses counts the statuses.
	NumShelterStatuses
)

var shelterStatusNames = [NumShelterStatuses]string{"open", "closed_flooded", "unreachable", "full"}

// String returns the contract's name.
func (s ShelterStatus) String() string { return shelterStatusNames[min(s, NumShelterStatuses-1)] }

// Shelter is a place that the operator named.
type Shelter struct {
	ID, Name string
	At       geo.Point
	Capacity Count
	Status   ShelterStatus
	// DistanceM and TravelSeconds are those of the fastest way from the centre that is not under water;
	// DrySeconds is the fastest without any water. NaN where there is none.
	DistanceM, TravelSeconds, DrySeconds float64
	Assigned                             int64
	Resources                            []string
	Contact                              string
}

// Route is one way on which people of a zone go to a shelter.
type Route struct {
	Zone, Shelter int // places in the answer
	People        int64
	Departures    []Departure
	LengthM       float64
	TravelSeconds float64
	Bottleneck    *Bottleneck // the narrowest road of the way; nil when none holds anybody up
	Line          []geo.Point
}

// Departure is a time in which people set out at an even rate.
type Departure struct {
	FromMinutes, ToMinutes float64 // after the order to leave
	People                 int64
	VehiclesPerMinute      float64
}

// RouteID names the route i of an answer.
func RouteID(i int) string { return "route_" + strconv.Itoa(i+1) }

// RoutesOf yields the places of the routes of a zone, most people first as in the answer.
func (a *Answer) RoutesOf(zone int) func(yield func(route int) bool) {
	return func(yield func(int) bool) {
		for i := range a.Routes {
			if a.Routes[i].Zone == zone && !yield(i) {
				return
			}
		}
	}
}

// Sources say where the answer's data come from; empty where nothing was used.
type Sources struct{ Roads, Population, Shelters, Attribution string }

// errContradiction is returned for an answer that contradicts itself.
var errContradiction = errors.New("the evacuation answer contradicts itself")

// verify reports whether the answer can be given: everything in range, the counts exact, and nothing there
// that its status says is not known. It looks at what is told only; whether a plan can be driven is proven
// where it is made.
func (a *Answer) verify() error {
	if a.Plan.Status >= NumStatuses || len(a.Zones) == 0 || len(a.Zones) > MaxZones {
		return errContradiction
	}
	if !a.Plan.Status.HasShelters() && len(a.Shelters) > 0 || !a.Plan.Status.HasPlan() && len(a.Routes)+len(a.Plan.Bottlenecks) > 0 {
		return errContradiction
	}
	if !a.zonesHold() || !a.sheltersHold() || !a.routesHold() || !a.countsHold() {
		return errContradiction
	}
	return nil
}

func (a *Answer) zonesHold() bool {
	inner := 0.0
	for i := range a.Zones {
		z := &a.Zones[i]
		if z.Inner != inner || !(z.Outer > inner) || math.IsInf(z.Outer, 0) || z.Priority >= NumPriorities || !z.Affected.holds() ||
			!known(z.ClearanceMinutes, a.Plan.Status.HasPlan()) || !known(z.LowerBoundMinutes, a.Plan.Status.HasPlan()) ||
			z.LowerBoundMinutes > z.ClearanceMinutes || !z.countsHold(a.Plan.Status.HasPlan()) {
			return false
		}
		inner = z.Outer
	}
	return true
}

// countsHold reports whether everybody of the zone is served, or is not for one of two reasons.
func (z *Zone) countsHold(has bool) bool {
	served, ok1 := z.Served.Get()
	noRoute, ok2 := z.UnservedNoRoute.Get()
	full, ok3 := z.UnservedSheltersFull.Get()
	affected, _ := z.Affected.Get()
	return ok1 == has && ok2 == has && ok3 == has && z.Served.holds() && z.UnservedNoRoute.holds() && z.UnservedSheltersFull.holds() &&
		(!has || served+noRoute+full == affected)
}

// known reports whether v is a length or a time, or not known; if must is false, only the latter.
func known(v float64, may bool) bool { return math.IsNaN(v) || may && length(v) }

// length reports whether v is finite and not negative.
func length(v float64) bool { return v >= 0 && !math.IsInf(v, 0) }

func (c Count) holds() bool { return c.n >= 0 && (c.known || c.n == 0) }

func (a *Answer) sheltersHold() bool {
	for i := range a.Shelters {
		s := &a.Shelters[i]
		room, limited := s.Capacity.Get()
		if !s.At.IsValid() || s.Status >= NumShelterStatuses || !s.Capacity.holds() || s.Assigned < 0 || limited && s.Assigned > room ||
			!known(s.DistanceM, true) || !known(s.TravelSeconds, true) || !known(s.DrySeconds, true) {
			return false
		}
	}
	return true
}

func (a *Answer) routesHold() bool {
	assigned := make([]int64, len(a.Shelters))
	for i := range a.Routes {
		r := &a.Routes[i]
		if r.Zone < 0 || r.Zone >= len(a.Zones) || r.Shelter < 0 || r.Shelter >= len(a.Shelters) || r.People <= 0 ||
			!length(r.LengthM) || !length(r.TravelSeconds) || r.Bottleneck != nil && !r.Bottleneck.holds() || len(r.Line) < 2 {
			return false
		}
		leaving := int64(0)
		for _, d := range r.Departures {
			if !length(d.FromMinutes) || !length(d.ToMinutes) || d.ToMinutes < d.FromMinutes || d.People <= 0 || !length(d.VehiclesPerMinute) {
				return false
			}
			leaving += d.People
		}
		for _, p := range r.Line {
			if !p.IsValid() {
				return false
			}
		}
		if leaving != r.People {
			return false
		}
		assigned[r.Shelter] += r.People
	}
	for i := range a.Shelters {
		if a.Shelters[i].Assigned != assigned[i] {
			return false
		}
	}
	return true
}

func (b *Bottleneck) holds() bool {
	return b.From.IsValid() && b.To.IsValid() && length(b.VehiclesPerHour) && b.PeopleOverIt >= 0 && length(b.SaturatedMinutes)
}

// countsHold checks that everybody is served, or is not for one of two reasons.
func (a *Answer) countsHold() bool {
	p, has := &a.Plan, a.Plan.Status.HasPlan()
	served, ok1 := p.Served.Get()
	noRoute, ok2 := p.UnservedNoRoute.Get()
	full, ok3 := p.UnservedSheltersFull.Get()
	for i := range p.Bottlenecks {
		if !p.Bottlenecks[i].holds() {
			return false
		}
	}
	if ok1 != has || ok2 != has || ok3 != has || !p.Served.holds() || !p.UnservedNoRoute.holds() || !p.UnservedSheltersFull.holds() ||
		!known(p.ClearanceMinutes, has) || !known(p.LowerBoundMinutes, has) || !known(p.GapPercent, has) || !known(p.PrecedenceMinutes, has) || (p.Objective != "") != has || p.LowerBoundMinutes > p.ClearanceMinutes {
		return false
	}
	if !has {
		return true
	}
	var affected, routed int64
	for _, z := range a.Zones {
		n, counted := z.Affected.Get()
		if !counted {
			return false
		}
		affected += n
	}
	for i := range a.Routes {
		routed += a.Routes[i].People
	}
	return routed == served && served+noRoute+full == affected
}
