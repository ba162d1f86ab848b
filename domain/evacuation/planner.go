package evacuation

import (
	"math"

	"github.com/guardy-ai/guardy/domain"
)

// Version is that of the rules by which an answer is made; a change that can change an answer changes it.
const Version = "2.0.0"

// RegionPlanner plans on a region: the roads, shelters and people that an operator loaded. It never changes and
// is safe for concurrent use.
type RegionPlanner interface {
	// Digest identifies everything in the region: "sha256:" and 64 hex digits.
	Digest() string
	// Describe says where the region comes from, for people, in one line.
	Describe() string
	// Complete adds what an operator needs to judge the region to a planner's card.
	Complete(card *domain.ModelCard)
	// Plan completes an answer that has its zones: people, shelters, routes, plan and sources. The request
	// is valid and canonical, and asks for shelters if IncludeShelters says so; people are counted either way,
	// by PopulationDensity where the region knows none. spent tells how much of the time is over, 1 is all of it:
	// Plan then answers the best plan so far, with StatusTimeLimited. Errors are *domain.Error.
	Plan(r *Request, spent func() float64, a *Answer) error
}

// Planner answers with a region or without one. It never changes and is safe for concurrent use.
type Planner struct {
	region RegionPlanner // nil without one
	ref    domain.ModelRef
}

// NewPlanner returns a planner; region is nil where none is loaded. digest is that of Identity: "sha256:" and 64
// hex digits.
func NewPlanner(region RegionPlanner, digest string) *Planner {
	return &Planner{region, domain.ModelRef{Name: domain.EvacuationPlanner, Version: Version, Digest: digest}}
}

// Identity says everything that makes a planner of the region answer as it does.
func Identity(region RegionPlanner) []byte {
	id := string(domain.EvacuationPlanner) + " " + Version + "\n"
	if region != nil {
		id += region.Digest() + "\n"
	}
	return []byte(id)
}

// Ref returns the identity of the rules and the region together.
func (p *Planner) Ref() domain.ModelRef { return p.ref }

// CacheScope is what the cache key has before the canonical request.
func (p *Planner) CacheScope() []byte { return []byte(p.ref.Digest) }

// WarmUp answers once.
func (p *Planner) WarmUp() {
	r := NewRequest()
	r.Latitude, r.Longitude, r.FloodProbability, r.RiskLevel = 0, 0, 0, domain.LevelUnknown.String()
	r.Canonicalize()
	// An error is the answer of a region to a place that is not in it.
	_ = p.Plan(&r, func() float64 { return 1 }, new(Answer))
}

// HasRegion reports whether Plan looks for routes, which takes long.
func (p *Planner) HasRegion() bool { return p.region != nil }

// Describe says where the region comes from.
func (p *Planner) Describe() string {
	if p.region == nil {
		return "no region"
	}
	return p.region.Describe()
}

// Plan answers a valid, canonical request in a. spent is as in RegionPlanner.
func (p *Planner) Plan(r *Request, spent func() float64, a *Answer) error {
	nan := math.NaN()
	*a = Answer{
		Zones: zonesOf(r), Model: p.ref,
		Plan: Plan{ClearanceMinutes: nan, LowerBoundMinutes: nan, GapPercent: nan, PrecedenceMinutes: nan},
	}
	if p.region == nil {
		withoutRegion(r, a)
		return nil
	}
	if err := p.region.Plan(r, spent, a); err != nil {
		return err
	}
	a.round()
	if err := a.verify(); err != nil {
		return &domain.Error{Kind: domain.KindInternal, Op: "evacuation.plan", Err: err}
	}
	return nil
}

// withoutRegion completes an answer of zones only.
func withoutRegion(r *Request, a *Answer) {
	note := func(sentence string) { a.Plan.Assumptions = append(a.Plan.Assumptions, sentence) }
	note("No region is loaded: shelters, routes and times are not known.")
	if r.Level() == domain.LevelUnknown {
		note(AssumedLevel)
	}
	if math.IsNaN(r.PopulationDensity) {
		note("The number of people is not known: neither a region nor population_density was given.")
		return
	}
	CountByDensity(a.Zones, r.PopulationDensity)
	a.Sources.Population = SourceDensity
	note(AssumedDensity)
}

// What an answer says about its assumptions, with a region and without one.
const (
	AssumedLevel   = "The risk level is unknown; priorities are those of a high level."
	AssumedDensity = "People are spread evenly: estimated_affected is population_density times the area of each ring."
	SourceDensity  = "population_density of the request"
)

// round brings coordinates to the resolution of an answer, so that a cached answer is the computed one.
func (a *Answer) round() {
	for i := range a.Shelters {
		a.Shelters[i].At = roundPoint(a.Shelters[i].At)
	}
	for i := range a.Plan.Bottlenecks {
		a.Plan.Bottlenecks[i].round()
	}
	for i := range a.Routes {
		r := &a.Routes[i]
		for j, p := range r.Line {
			r.Line[j] = roundPoint(p)
		}
		if r.Bottleneck != nil {
			r.Bottleneck.round()
		}
	}
}

func (b *Bottleneck) round() { b.From, b.To = roundPoint(b.From), roundPoint(b.To) }

// Card describes the planner to its operator.
func (p *Planner) Card() domain.ModelCard {
	card := domain.ModelCard{
		Ref: p.ref, Kind: "evacuation planner", FeatureSchema: "evacuation/1",
		Features: []domain.FeatureInfo{
			{Name: "zone_radii", Unit: rangeRadius.Unit, Min: rangeRadius.Min, Max: rangeRadius.Max, Description: "Outer radii of the zones."},
			{Name: "population_density", Unit: rangeDensity.Unit, Min: rangeDensity.Min, Max: rangeDensity.Max, Description: "Used where no region knows the people."},
			{Name: "persons_per_vehicle", Unit: rangePersons.Unit, Min: rangePersons.Min, Max: rangePersons.Max, Description: "Turns people into vehicles."},
		},
		Training: []byte(`{"cost_model":"evac-cost-1","region":null}`), Skill: []byte("{}"), Text: cardText,
	}
	if p.region == nil {
		card.Text += cardWithoutRegion
	} else {
		p.region.Complete(&card)
	}
	return card
}

const (
	cardText = `# Evacuation planner

Rules, not a trained model. Zones are rings around the centre; a person belongs to one ring. The priority of ring i, 0 the innermost,
is i moved by the risk level (extreme -1, high and unknown 0, moderate 1, low 2, very_low 3), between immediate and low. On a region, roads cost what the cost model evac-cost-1 says.

Guardy proposes; authorities order evacuations.
`
	cardWithoutRegion = `
No region is loaded: there are zones only, and no shelter, route or time.
`
)
