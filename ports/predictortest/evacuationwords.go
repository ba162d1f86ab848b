package predictortest

import (
	"math"
	"slices"
	"testing"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/wordtest"
)

// Planners are what RunEvacuationPlannerWords asks: planners without a region and on the made-up town of Eldermere.
type Planners struct {
	NoRegion ports.EvacuationPlanner
	Town     ports.EvacuationPlanner
	// NoPeople is on the town without its people.
	NoPeople ports.EvacuationPlanner
	// Hurried is on the town. The time of a plan is over when it begins.
	Hurried ports.EvacuationPlanner
}

// RunEvacuationPlannerWords holds planners to every word of their answers.
func RunEvacuationPlannerWords(t *testing.T, open func(t *testing.T) Planners) {
	t.Helper()
	planners := open(t)
	wordtest.Run(t, evacuationSets(), evacuationCases(), func(t *testing.T, q evacuationQuestion) wordtest.Said {
		said := wordtest.Said{}
		for _, r := range q.requests {
			a := plan(t, q.of(&planners), r)
			evacuationSaid(said, &a)
		}
		return said
	})
}

const (
	setStatus     = "plan"
	setShelter    = "shelter"
	setPriority   = "priority"
	setBottleneck = "bottlenecks"
	setOfRoute    = "route_bottleneck"
	setPeople     = "people"
)

func evacuationSets() []wordtest.Set {
	return []wordtest.Set{
		wordtest.Of(setStatus, evacuation.NumStatuses),
		wordtest.Of(setShelter, evacuation.NumShelterStatuses),
		wordtest.Of(setPriority, evacuation.NumPriorities),
		{Name: setBottleneck, Words: yesNo},
		{Name: setOfRoute, Words: yesNo},
		{Name: setPeople, Words: []string{"unknown", "served", "unserved_no_route", "unserved_shelters_full"}},
	}
}

func evacuationSaid(said wordtest.Said, a *evacuation.Answer) {
	said.Add(setStatus, a.Plan.Status.String())
	said.Add(setBottleneck, yes(len(a.Plan.Bottlenecks) > 0))
	for _, s := range a.Shelters {
		said.Add(setShelter, s.Status.String())
	}
	for _, z := range a.Zones {
		said.Add(setPriority, z.Priority.String())
		if _, known := z.Affected.Get(); !known {
			said.Add(setPeople, "unknown")
		}
	}
	for _, r := range a.Routes {
		said.Add(setOfRoute, yes(r.Bottleneck != nil))
	}
	for word, count := range map[string]evacuation.Count{
		"served":                 a.Plan.Served,
		"unserved_no_route":      a.Plan.UnservedNoRoute,
		"unserved_shelters_full": a.Plan.UnservedSheltersFull,
	} {
		if n, _ := count.Get(); n > 0 {
			said.Add(setPeople, word)
		}
	}
}

// evacuationQuestion is a question, or several, to one of the planners.
type evacuationQuestion struct {
	of       func(p *Planners) ports.EvacuationPlanner
	requests []evacuation.Request
}

func noRegion(p *Planners) ports.EvacuationPlanner { return p.NoRegion }
func town(p *Planners) ports.EvacuationPlanner     { return p.Town }
func noPeople(p *Planners) ports.EvacuationPlanner { return p.NoPeople }
func hurried(p *Planners) ports.EvacuationPlanner  { return p.Hurried }

// eldermere returns the place that lies metres east and north of the middle of the town.
func eldermere(east, north float64) geo.Point {
	const longitude, latitude = -30, 44
	return geo.Point{
		Lon: longitude + east/(geo.MetresPerDegree*math.Cos(latitude*math.Pi/180)), Lat: latitude + north/geo.MetresPerDegree,
	}
}

// leave is a question about the zones around a place of the town.
func leave(east, north float64, radii ...float64) evacuation.Request {
	r := evacuation.NewRequest()
	p := eldermere(east, north)
	r.Latitude, r.Longitude, r.Radii = p.Lat, p.Lon, radii
	r.FloodProbability, r.RiskLevel = 0.9, domain.LevelExtreme.String()
	return r
}

// water is the question with a rectangle of water around the middle of the town.
func water(r evacuation.Request, east, north float64) evacuation.Request {
	southWest, northEast := eldermere(-east, -north), eldermere(east, north)
	southEast, northWest := eldermere(east, -north), eldermere(-east, north)
	ring := geo.Ring{southWest, southEast, northEast, northWest, southWest}
	r.Flood = &evacuation.Extent{Single: true, Polygons: geo.MultiPolygon{{ring}}}
	return r
}

type evacuationCase = wordtest.Case[evacuationQuestion]

func evacuationCases() []evacuationCase {
	anything := evacuationCase{Name: anythingAtAll, Ask: to(noRegion, many(200, RandomEvacuation)...)}
	return slices.Concat(evacuationStatuses(), evacuationWays(), []evacuationCase{anything})
}

func to(of func(p *Planners) ports.EvacuationPlanner, r ...evacuation.Request) evacuationQuestion {
	return evacuationQuestion{of, r}
}

// crowded is a question whose roads take long because everybody drives alone, and airy one whose roads take
// everybody at once because fifty share a vehicle.
func crowded(r evacuation.Request) evacuation.Request {
	r.PersonsPerVehicle = 1
	return r
}

func openBridges(r evacuation.Request) evacuation.Request {
	r.Bridges = evacuation.BridgesOpen
	return r
}

func airy(r evacuation.Request) evacuation.Request {
	r.PersonsPerVehicle = 50
	return r
}

// evacuationStatuses are cases about what a plan is.
func evacuationStatuses() []evacuationCase {
	var levels, larger []evacuation.Request
	for level := range domain.NumLevels {
		levels = append(levels, with(leave(0, 0), func(r *evacuation.Request) { r.RiskLevel = level.String() }))
	}
	for radius := 300.0; radius <= 500; radius += 50 {
		larger = append(larger, crowded(leave(-300, -200, radius)))
	}
	return []evacuationCase{
		{
			Name: "no region", Ask: to(noRegion, levels...),
			Says: "plan=no_region_data bottlenecks=no people=unknown priority=immediate priority=high priority=medium " +
				"priority=low",
		},
		{
			Name: "shelters that are not asked for",
			Ask:  to(town, with(leave(0, 0), func(r *evacuation.Request) { r.IncludeShelters = false })),
			Says: "plan=not_requested", Not: "people=unknown",
		},
		{
			Name: "a place far from the town",
			Ask:  to(town, with(leave(0, 0), func(r *evacuation.Request) { r.Latitude = 10 })),
			Says: "plan=outside_region",
		},
		{
			Name: "a town whose people are not known",
			Ask:  to(noPeople, leave(0, 0)),
			Says: "plan=no_population_data people=unknown",
		},
		{
			Name: "a zone in which nobody lives", Ask: to(town, leave(0, 1100, 100)),
			Says: "plan=nobody_affected bottlenecks=no", Not: "people=unknown people=served",
		},
		{
			Name: "a zone at whose edge somebody lives",
			Ask:  to(town, leave(0, 1100, 400)),
			Says: "plan=planned people=served",
		},
		{Name: "zones and time to plan", Ask: to(town, larger...), Says: "plan=planned", Not: "plan=time_limited"},
		{Name: "zones and no time to plan", Ask: to(hurried, larger...), Says: "plan=time_limited"},
	}
}

// evacuationWays are cases about shelters, roads and people.
func evacuationWays() []evacuationCase {
	return []evacuationCase{
		{
			Name: "a flood over the banks", Ask: to(town, water(leave(0, 0, 200, 1000), 1500, 300)),
			Says: "plan=planned shelter=open shelter=full shelter=closed_flooded bottlenecks=yes route_bottleneck=yes " +
				"people=served people=unserved_no_route people=unserved_shelters_full",
		},
		{
			Name: "a flood that cuts the town in two", Ask: to(town, water(leave(0, 400, 100), 1500, 200)),
			Says: "shelter=unreachable shelter=closed_flooded", Not: "people=unserved_no_route shelter=full",
		},
		{
			Name: "a flood under open bridges",
			Ask:  to(town, openBridges(water(leave(0, 400, 100), 1500, 100))),
			Not:  "shelter=unreachable shelter=closed_flooded",
		},
		{
			Name: "a few people in a few vehicles", Ask: to(town, airy(leave(0, 0, 200))),
			Says: "route_bottleneck=no bottlenecks=no people=served", Not: "route_bottleneck=yes",
		},
	}
}
