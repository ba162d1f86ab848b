package connectrpc

import (
	"context"
	"fmt"
	"math"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"

	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/adapters/internal/geojson"
	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
)

func (s *Server) planEvacuation(ctx context.Context, in *planRequest) (*guardyv1.PlanEvacuationResponse, error) {
	c := callOf(ctx)
	if err := in.malformed(); err != nil {
		return nil, err
	}
	r, shape := evacuationQuestion(&in.msg, fresh(c.request.Header))
	if err := refusal(strictjson.Merge(in.violations(), shape), "", r.Validate); err != nil {
		return nil, err
	}
	var a evacuation.Answer
	if err := s.deps.Evacuation.PlanEvacuation(ctx, &r, &a); err != nil {
		return nil, err
	}
	describeCache(c.Header(), a.Provenance)
	if c.notModified() {
		return nil, connect.NewNotModifiedError(nil)
	}
	return evacuationAnswer(&r, &a)
}

// evacuationQuestion turns a message into a request and returns what is wrong with the form of its values.
func evacuationQuestion(m *guardyv1.PlanEvacuationRequest, fresh bool) (evacuation.Request, []domain.Violation) {
	r := evacuation.NewRequest()
	n := numbers{}
	n.read("/latitude", &r.Latitude, m.Latitude)
	n.read("/longitude", &r.Longitude, m.Longitude)
	n.read("/flood_probability", &r.FloodProbability, m.FloodProbability)
	n.read("/population_density", &r.PopulationDensity, m.PopulationDensity)
	n.read("/persons_per_vehicle", &r.PersonsPerVehicle, m.PersonsPerVehicle)
	r.RiskLevel, r.LocationName, r.Bridges = m.GetRiskLevel(), m.GetLocationName(), m.GetBridges()
	r.Radii, r.Fresh = m.ZoneRadii, fresh
	if m.IncludeShelters != nil {
		r.IncludeShelters = *m.IncludeShelters
	}
	if m.AssumeCapacity != nil {
		r.AssumeCapacity = evacuation.Known(int64(*m.AssumeCapacity))
	}
	if m.FloodExtent != nil {
		var bad []domain.Violation
		r.Flood, bad = geojson.ReadExtent("/flood_extent", members(m.FloodExtent))
		n.violations = append(n.violations, bad...)
	}
	return r, n.violations
}

// members returns an object as decoded JSON. Unlike Struct.AsMap it keeps NaN and infinity, which the binary
// encoding can carry, as the numbers that they are not.
func members(s *structpb.Struct) map[string]any {
	object := make(map[string]any, len(s.Fields))
	for name, v := range s.Fields {
		object[name] = tree(v)
	}
	return object
}

func tree(v *structpb.Value) any {
	switch kind := v.GetKind().(type) {
	case *structpb.Value_NumberValue:
		return kind.NumberValue
	case *structpb.Value_StringValue:
		return kind.StringValue
	case *structpb.Value_BoolValue:
		return kind.BoolValue
	case *structpb.Value_StructValue:
		return members(kind.StructValue)
	case *structpb.Value_ListValue:
		list := make([]any, len(kind.ListValue.GetValues()))
		for i, element := range kind.ListValue.GetValues() {
			list[i] = tree(element)
		}
		return list
	}
	return nil
}

// evacuationAnswer is the answer to r.
func evacuationAnswer(r *evacuation.Request, a *evacuation.Answer) (*guardyv1.PlanEvacuationResponse, error) {
	m := &guardyv1.PlanEvacuationResponse{
		Location: given(&r.LocationName), CenterPoint: latLon(r.Centre()),
		Plan: evacuationPlan(&a.Plan),
		DataSources: &guardyv1.DataSources{
			Roads: given(&a.Sources.Roads), Population: given(&a.Sources.Population), Shelters: given(&a.Sources.Shelters),
			Attribution: given(&a.Sources.Attribution),
		},
		ModelVersion: a.Model.Version, ModelDigest: a.Model.Digest, GeneratedAt: instant(a.GeneratedAt),
	}
	for i := range a.Zones {
		z := &a.Zones[i]
		to := &guardyv1.EvacuationZone{
			ZoneId: evacuation.ZoneID(i), RadiusMeters: z.Outer, Priority: z.Priority.String(),
			EstimatedAffected: count(z.Affected), EvacuationTimeMinutes: known(z.EvacuationMinutes),
		}
		for route := range a.RoutesOf(i) {
			to.RecommendedRoutes = append(to.RecommendedRoutes, evacuation.RouteID(route))
		}
		m.Zones = append(m.Zones, to)
	}
	for i := range a.Shelters {
		m.Shelters = append(m.Shelters, shelter(&a.Shelters[i]))
	}
	for i := range a.Routes {
		route, err := evacuationRoute(a, i)
		if err != nil {
			return nil, err
		}
		m.Routes = append(m.Routes, route)
	}
	var err error
	if m.Geojson, err = object(geojson.AppendCollection(nil, r, a)); err != nil {
		return nil, fmt.Errorf("encode the GeoJSON: %w", err)
	}
	return m, nil
}

func shelter(s *evacuation.Shelter) *guardyv1.Shelter {
	return &guardyv1.Shelter{
		Id: s.ID, Name: s.Name, Latitude: s.At.Lat, Longitude: s.At.Lon, Capacity: count(s.Capacity), Status: s.Status.String(),
		DistanceMeters: known(s.DistanceM), TravelTimeSeconds: known(s.TravelSeconds), TravelTimeDrySeconds: known(s.DrySeconds),
		AssignedPeople: s.Assigned, AvailableResources: s.Resources, Contact: given(&s.Contact),
	}
}

func evacuationRoute(a *evacuation.Answer, i int) (*guardyv1.EvacuationRoute, error) {
	r := &a.Routes[i]
	m := &guardyv1.EvacuationRoute{
		RouteId: evacuation.RouteID(i), ZoneId: evacuation.ZoneID(r.Zone), ShelterId: a.Shelters[r.Shelter].ID,
		People: r.People, LengthM: r.LengthM, TravelTimeSeconds: r.TravelSeconds,
	}
	for _, d := range r.Departures {
		m.Departures = append(m.Departures, &guardyv1.Departure{
			FromMinutes: d.FromMinutes, ToMinutes: d.ToMinutes, People: d.People, VehiclesPerMinute: d.VehiclesPerMinute,
		})
	}
	if r.Bottleneck != nil {
		m.Bottleneck = bottleneck(r.Bottleneck)
	}
	var err error
	if m.Geometry, err = object(geojson.AppendLine(nil, r.Line)); err != nil {
		return nil, fmt.Errorf("encode a route: %w", err)
	}
	return m, nil
}

func bottleneck(b *evacuation.Bottleneck) *guardyv1.Bottleneck {
	return &guardyv1.Bottleneck{
		WayId: b.Way, Name: given(&b.Name), FromPoint: latLon(b.From), ToPoint: latLon(b.To),
		VehiclesPerHour: b.VehiclesPerHour, People: b.PeopleOverIt, SaturatedMinutes: b.SaturatedMinutes,
	}
}

func evacuationPlan(p *evacuation.Plan) *guardyv1.EvacuationPlan {
	m := &guardyv1.EvacuationPlan{
		Status: p.Status.String(), ClearanceTimeMinutes: known(p.ClearanceMinutes), LowerBoundMinutes: known(p.LowerBoundMinutes),
		GapPercent: known(p.GapPercent), Served: count(p.Served), UnservedNoRoute: count(p.UnservedNoRoute),
		UnservedSheltersFull: count(p.UnservedSheltersFull), Assumptions: p.Assumptions,
	}
	for i := range p.Bottlenecks {
		m.Bottlenecks = append(m.Bottlenecks, bottleneck(&p.Bottlenecks[i]))
	}
	return m
}

func latLon(p geo.Point) []float64 { return []float64{p.Lat, p.Lon} }

// known returns nil for a number that is not.
func known(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}

func count(c evacuation.Count) *int64 {
	n, known := c.Get()
	if !known {
		return nil
	}
	return &n
}
