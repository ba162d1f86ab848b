package transporttest

import (
	"context"
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
)

// Evacuations returns the evacuation questions since the last call of Evacuations, in order.
func (s *Service) Evacuations() []evacuation.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.evacuations
	s.evacuations = nil
	return calls
}

// PlanEvacuation implements ports.EvacuationPlanner. A location_name takes the part of the location_id of other
// questions; "town" has a region.
func (s *Service) PlanEvacuation(ctx context.Context, r *evacuation.Request, a *evacuation.Answer) error {
	*a = evacuation.Answer{}
	s.mu.Lock()
	call := *r
	call.Radii = slices.Clone(r.Radii)
	s.evacuations = append(s.evacuations, call)
	s.mu.Unlock()

	if err := domain.Invalid("evacuation", r.Validate()); err != nil {
		return err
	}
	name := r.LocationName
	if err := behave(ctx, name, &name); err != nil {
		return err
	}
	r.Canonicalize()
	planner := evacuation.NewPlanner(nil, Ref.Digest)
	if name == "town" || name == everyField {
		planner = evacuation.NewPlanner(town{}, Ref.Digest)
	}
	if err := planner.Plan(r, func() float64 { return 0 }, a); err != nil {
		*a = evacuation.Answer{}
		return err
	}
	a.Model.Version = "4.3.2"
	a.GeneratedAt = AssessedAt
	a.Provenance = serving(keyOf(domain.EvacuationPlanner, r.AppendCanonical(nil)), name, r.Fresh)
	if name == everyField {
		fill(a)
	}
	return nil
}

// town is a region in which an answer has everything that it can have.
type town struct{}

func (town) Digest() string             { return Ref.Digest }
func (town) Describe() string           { return "fake" }
func (town) Complete(*domain.ModelCard) {}

func (town) Plan(r *evacuation.Request, _ func() float64, a *evacuation.Answer) error {
	nan := math.NaN()
	a.Sources = evacuation.Sources{Roads: "town.osm.pbf", Population: "town.csv", Shelters: "town.geojson", Attribution: "© OpenStreetMap contributors"}
	for i := range a.Zones {
		z, nobody := &a.Zones[i], evacuation.Known(0)
		z.Affected = nobody
		if r.IncludeShelters {
			z.Served, z.UnservedNoRoute, z.UnservedSheltersFull, z.ClearanceMinutes, z.LowerBoundMinutes = nobody, nobody, nobody, 0, 0
		}
	}
	a.Zones[0].Affected = evacuation.Known(120)
	if !r.IncludeShelters {
		a.Plan.Status = evacuation.StatusNotRequested
		return nil
	}
	inner := &a.Zones[0]
	inner.Served, inner.UnservedNoRoute, inner.UnservedSheltersFull = evacuation.Known(100), evacuation.Known(5), evacuation.Known(15)
	inner.ClearanceMinutes, inner.LowerBoundMinutes = 41.5, 40
	here := r.Centre()
	at := func(east, north float64) geo.Point { return geo.Point{Lon: here.Lon + east, Lat: here.Lat + north} }
	a.Shelters = []evacuation.Shelter{
		{
			ID: "school", Name: "Old \"school\"", At: at(0.02, 0), Capacity: evacuation.Known(100), Status: evacuation.ShelterFull,
			DistanceM: 1500.5, TravelSeconds: 140, DrySeconds: 120.25, Assigned: 100, Resources: []string{"beds", "water"}, Contact: "the mayor",
		},
		{ID: "hall", Name: "Hall", At: at(0.001, 0), Status: evacuation.ShelterFlooded, DistanceM: nan, TravelSeconds: nan, DrySeconds: 30},
	}
	bridge := evacuation.Bottleneck{
		Way: 4611686018, Name: "Bridge", From: at(0, 0), To: at(0.01, 0), VehiclesPerHour: 600, PeopleOverIt: 100, SaturatedMinutes: 20,
	}
	unnamed := bridge
	unnamed.Name = ""
	a.Routes = []evacuation.Route{{
		People: 100, LengthM: 1500.5, TravelSeconds: 140, Bottleneck: &bridge, Line: []geo.Point{here, at(0.01, 0), at(0.02, 0)},
		Departures: []evacuation.Departure{
			{FromMinutes: 0, ToMinutes: 20, People: 80, VehiclesPerMinute: 1.6}, {FromMinutes: 20, ToMinutes: 40, People: 20, VehiclesPerMinute: 0.4},
		},
	}}
	a.Plan = evacuation.Plan{
		Status: evacuation.StatusPlanned, ClearanceMinutes: 41.5, LowerBoundMinutes: 40, GapPercent: 3.75,
		Objective: evacuation.ObjectiveInnerFirst, PrecedenceMinutes: 1.5,
		Served: evacuation.Known(100), UnservedNoRoute: evacuation.Known(5), UnservedSheltersFull: evacuation.Known(15),
		Bottlenecks: []evacuation.Bottleneck{unnamed}, Assumptions: []string{"Everybody leaves by car."},
	}
	return nil
}

// describeEvacuation renders what the use case was asked in the JSON of the contract, without what is missing.
func describeEvacuation(r *evacuation.Request) any {
	out := map[string]any{"include_shelters": r.IncludeShelters}
	text := func(name, v string) {
		if v != "" {
			out[name] = v
		}
	}
	number(out, "latitude", r.Latitude)
	number(out, "longitude", r.Longitude)
	number(out, "flood_probability", r.FloodProbability)
	number(out, "population_density", r.PopulationDensity)
	number(out, "persons_per_vehicle", r.PersonsPerVehicle)
	text("risk_level", r.RiskLevel)
	text("location_name", r.LocationName)
	text("bridges", r.Bridges)
	if radii := numbers(r.Radii); radii != nil {
		out["zone_radii"] = radii
	}
	if n, known := r.AssumeCapacity.Get(); known {
		out["assume_capacity"] = float64(n)
	}
	if r.Flood != nil {
		out["flood_extent"] = describeExtent(r.Flood)
	}
	if r.Fresh {
		out["fresh"] = true
	}
	return out
}

func describeExtent(e *evacuation.Extent) any {
	polygons := make([]any, len(e.Polygons))
	for i, polygon := range e.Polygons {
		rings := make([]any, len(polygon))
		for j, ring := range polygon {
			positions := make([]any, len(ring))
			for k, p := range ring {
				positions[k] = []any{p.Lon, p.Lat}
			}
			rings[j] = positions
		}
		polygons[i] = rings
	}
	if e.Single {
		return map[string]any{"type": "Polygon", "coordinates": polygons[0]}
	}
	return map[string]any{"type": "MultiPolygon", "coordinates": polygons}
}
