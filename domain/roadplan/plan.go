package roadplan

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/quickest"
	"github.com/guardy-ai/guardy/domain/region"
	"github.com/guardy-ai/guardy/domain/roads"
)

// draft is one answer in the making.
type draft struct {
	ground  *Ground
	request *evacuation.Request
	answer  *evacuation.Answer

	centre geo.Point
	outer  float64   // metres: the largest zone
	water  *geo.Area // nil where it is not known
	mask   *roads.Mask
	steps  []roads.Step // memory for routes
}

// metresTo returns how far p is from the centre.
func (d *draft) metresTo(p geo.Point) float64 { return geo.Distance(d.centre, p) }

// zoneAt returns the zone of what is so far from the centre, which must not be beyond the largest.
func (d *draft) zoneAt(metres float64) int {
	z, _ := slices.BinarySearchFunc(d.answer.Zones, metres, func(z evacuation.Zone, m float64) int { return cmp.Compare(z.Outer, m) })
	return z
}

// note adds a sentence to the assumptions.
func (d *draft) note(sentence string) {
	d.answer.Plan.Assumptions = append(d.answer.Plan.Assumptions, sentence)
}

// Plan implements evacuation.RegionPlanner.
func (g *Ground) Plan(r *evacuation.Request, spent func() float64, a *evacuation.Answer) error {
	d := draft{
		ground: g, request: r, answer: a,
		centre: geo.Point{Lon: r.Longitude, Lat: r.Latitude}, outer: a.Zones[len(a.Zones)-1].Outer,
	}
	if r.Level() == domain.LevelUnknown {
		d.note(evacuation.AssumedLevel)
	}
	if !d.isInside() {
		a.Plan.Status = evacuation.StatusOutsideRegion
		d.note("No road of the region is in the zones: shelters, routes and times are not known.")
		d.countByDensity()
		return nil
	}
	crowd, counted := d.count()
	if !r.IncludeShelters {
		a.Plan.Status = evacuation.StatusNotRequested
		return nil
	}
	d.flood()
	a.Sources.Roads, a.Sources.Shelters = g.source(region.SourceRoads), g.source(region.SourceShelters)
	a.Sources.Attribution = region.Attribution
	room := d.openShelters()
	if !counted {
		a.Plan.Status = evacuation.StatusNoPopulation
		d.findUnreachable(room, d.graph(nil, room))
		return nil
	}
	return d.lead(crowd, room, spent)
}

// isInside reports whether the zones have a road in them.
func (d *draft) isInside() bool {
	s, ok := d.ground.region.Roads.Snap(d.centre)
	return ok && s.Metres <= d.outer
}

// countByDensity counts people where the region has none to count.
func (d *draft) countByDensity() {
	if math.IsNaN(d.request.PopulationDensity) {
		d.note("The number of people is not known.")
		return
	}
	evacuation.CountByDensity(d.answer.Zones, d.request.PopulationDensity)
	d.answer.Sources.Population = evacuation.SourceDensity
	d.note(evacuation.AssumedDensity)
}

// flood closes the roads.
func (d *draft) flood() {
	if d.request.Flood == nil {
		d.note("Where the water is is not known: the largest zone is left as a whole. Shelters in it are closed, and no route leads back into it.")
		return
	}
	d.water = geo.NewArea(d.request.Flood.Polygons)
	bridges := roads.BridgesClosed
	if d.request.Bridges == evacuation.BridgesOpen {
		bridges = roads.BridgesOpen
		d.note("Bridges over the water are open.")
	} else {
		d.note("Bridges over the water are closed.")
	}
	d.mask = d.ground.region.Roads.Flood(d.water, bridges)
}

// lead plans who goes where.
func (d *draft) lead(c crowd, room []int64, spent func() float64) error {
	a := d.answer
	d.note(fmt.Sprintf("Everybody sets out by car, %g people in each, as soon as the roads take them; roads have the speeds and capacities of evac-cost-1, times go in steps of %d s.",
		d.request.PersonsPerVehicle, stepSeconds))
	g := d.graph(c.groups, room)
	d.findUnreachable(room, g)
	t := newTally(g, len(a.Zones))
	plan, err := quickest.New(&g.network, &g.scenario, quickest.Options{Spent: spent, Each: t.add})
	if err != nil {
		return fmt.Errorf("plan the evacuation: %w", err)
	}
	if err := d.prove(t, plan); err != nil {
		return err
	}
	d.sum(c, plan)
	d.tell(g, t, plan)
	return nil
}

// sum fills the counts and times of the zones and of the plan.
func (d *draft) sum(c crowd, plan *quickest.Plan) {
	a := d.answer
	var lost, everybody int64
	for i := range a.Zones {
		z, r := &a.Zones[i], quickest.Rank{}
		if i < len(plan.Ranks) {
			r = plan.Ranks[i]
		}
		affected, _ := z.Affected.Get()
		everybody += affected
		lost += c.lost[i]
		z.Served, z.UnservedNoRoute = evacuation.Known(r.Served), evacuation.Known(r.NoRoute+c.lost[i])
		z.UnservedSheltersFull = evacuation.Known(r.NoRoom)
		if r.Served > 0 {
			z.ClearanceMinutes, z.LowerBoundMinutes = minutes(r.Clearance), minutes(r.LowerBound)
		}
	}
	if lost > 0 {
		d.note(fmt.Sprintf("%d people live more than %d m from every road; they count as without a route.", lost, region.MaxRoadMetres))
	}
	a.Plan.Objective = evacuation.ObjectiveInnerFirst
	a.Plan.Served = evacuation.Known(plan.Served)
	a.Plan.UnservedNoRoute = evacuation.Known(plan.NoRoute + lost)
	a.Plan.UnservedSheltersFull = evacuation.Known(plan.NoRoom)
	switch {
	case everybody == 0:
		a.Plan.Status = evacuation.StatusNobody
	case slices.ContainsFunc(plan.Ranks, func(r quickest.Rank) bool { return r.Clearance > r.LowerBound }):
		a.Plan.Status = evacuation.StatusTimeLimited
	default:
		a.Plan.Status = evacuation.StatusPlanned
	}
	if plan.Served > 0 {
		a.Plan.ClearanceMinutes, a.Plan.LowerBoundMinutes = minutes(plan.Clearance), minutes(plan.LowerBound)
		a.Plan.GapPercent = math.Round(100*plan.Gap()) / 100
		d.note("Routes and their windows sum up the plan. Roads are proven to have room for the plan; the sum was not driven again.")
		a.Plan.PrecedenceMinutes = minutes(max(plan.Clearance-plan.Together, 0))
	}
}

// minutes rounds up to hundredths: nobody may arrive after the time that is told.
func minutes(steps int) float64 { return math.Ceil(float64(steps)*stepSeconds*100/60) / 100 }

// prove replays the plan on the network that was planned on, and holds every road that it uses against the
// water itself.
func (d *draft) prove(t *tally, plan *quickest.Plan) error {
	wrong := func(format string, args ...any) error {
		return &domain.Error{Kind: domain.KindInternal, Op: "evacuation.prove", Err: fmt.Errorf(format, args...)}
	}
	report := t.replay.Report()
	switch {
	case len(report.Violations) > 0:
		return wrong("the plan breaks a rule: %s: %s", report.Violations[0].Rule, report.Violations[0].Detail)
	case report.Served != plan.Served || report.Clearance != plan.Clearance:
		return wrong("the plan brings %d people to shelters by step %d, not %d by %d", report.Served, report.Clearance, plan.Served, plan.Clearance)
	}
	n := d.ground.region.Roads
	for z := range t.zones {
		for e := range t.zones[z].over {
			for _, s := range t.g.links[e].Steps {
				above := n.Way(s.Segment()).Bridge && d.request.Bridges == evacuation.BridgesOpen
				if d.water != nil && !above && d.water.Meets(n.Line(s.Segment())) || !n.IsAllowed(s) {
					return wrong("the plan leads over a closed segment of way %d", n.Way(s.Segment()).ID)
				}
			}
		}
	}
	return nil
}

// findUnreachable names the open shelters that no route from the people leads to, or, where nobody is known,
// none from the centre.
func (d *draft) findUnreachable(room []int64, g *graph) {
	reached := g.reached()
	for i := range d.answer.Shelters {
		s := &d.answer.Shelters[i]
		if s.Status != evacuation.ShelterOpen {
			continue
		}
		sink, anybody := g.scenario.Sinks[i].Node, len(g.scenario.Sources) > 0
		if anybody && !reached[sink] || !anybody && math.IsNaN(s.TravelSeconds) {
			s.Status, room[i] = evacuation.ShelterUnreachable, 0
		}
	}
}

// reached returns the nodes that somebody can come to.
func (g *graph) reached() []bool {
	seen := make([]bool, g.network.Nodes)
	leaving := make([][]int32, g.network.Nodes)
	for i := range g.network.Edges {
		if e := &g.network.Edges[i]; e.Capacity > 0 {
			leaving[e.From] = append(leaving[e.From], e.To)
		}
	}
	var todo []int32
	visit := func(v int32) {
		if !seen[v] {
			seen[v] = true
			todo = append(todo, v)
		}
	}
	for _, s := range g.scenario.Sources {
		visit(s.Node)
	}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, w := range leaving[v] {
			visit(w)
		}
	}
	return seen
}
