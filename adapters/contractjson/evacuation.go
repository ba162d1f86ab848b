package contractjson

import (
	"strconv"

	"github.com/guardy-ai/guardy/adapters/internal/geojson"
	"github.com/guardy-ai/guardy/adapters/internal/rfc3339"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
)

// Evacuation is an evacuation request.
type Evacuation struct {
	Latitude          float64        `json:"latitude" missing:"nan"`
	Longitude         float64        `json:"longitude" missing:"nan"`
	FloodProbability  float64        `json:"flood_probability" missing:"nan"`
	RiskLevel         string         `json:"risk_level"`
	LocationName      string         `json:"location_name"`
	PopulationDensity float64        `json:"population_density" missing:"nan"`
	IncludeShelters   *bool          `json:"include_shelters"`
	ZoneRadii         []float64      `json:"zone_radii"`
	FloodExtent       map[string]any `json:"flood_extent"`
	Bridges           string         `json:"bridges"`
	PersonsPerVehicle float64        `json:"persons_per_vehicle" missing:"nan"`
	AssumeCapacity    *int32         `json:"assume_capacity"`
}

func (*Evacuation) maxItems(Options) int { return 0 }

// Question turns a decoded request into one for the use case, as FloodRisk.Question does.
func (w *Evacuation) Question(decoded error, fresh bool) (evacuation.Request, error) {
	r := evacuation.NewRequest()
	if unreadable(decoded) {
		return r, decoded
	}
	r.Latitude, r.Longitude, r.FloodProbability, r.RiskLevel = w.Latitude, w.Longitude, w.FloodProbability, w.RiskLevel
	r.LocationName, r.PopulationDensity, r.Radii, r.Bridges = w.LocationName, w.PopulationDensity, w.ZoneRadii, w.Bridges
	r.PersonsPerVehicle, r.Fresh = w.PersonsPerVehicle, fresh
	if w.IncludeShelters != nil {
		r.IncludeShelters = *w.IncludeShelters
	}
	if w.AssumeCapacity != nil {
		r.AssumeCapacity = evacuation.Known(int64(*w.AssumeCapacity))
	}
	var shape []domain.Violation
	if w.FloodExtent != nil {
		r.Flood, shape = geojson.ReadExtent("/flood_extent", w.FloodExtent)
	}
	return r, refusal(decoded, shape, r.Validate)
}

// ReadEvacuation returns the evacuation request of a JSON document, as the API takes it.
func ReadEvacuation(document []byte) (evacuation.Request, error) {
	var w Evacuation
	return w.Question(Decode(document, &w, Options{}), false)
}

// AppendEvacuation appends the answer to r.
func AppendEvacuation(b []byte, r *evacuation.Request, a *evacuation.Answer) []byte {
	b = append(b, `{"location":`...)
	b = appendOptional(b, r.LocationName)
	b = append(b, `,"center_point":`...)
	b = appendLatLon(b, r.Centre())
	b = append(b, `,"zones":`...)
	b = appendList(b, a.Zones, func(b []byte, i int) []byte { return appendZone(b, a, i) })
	b = append(b, `,"shelters":`...)
	if a.Plan.Status.HasShelters() {
		b = appendList(b, a.Shelters, func(b []byte, i int) []byte { return appendShelter(b, &a.Shelters[i]) })
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"routes":`...)
	if a.Plan.Status.HasPlan() {
		b = appendList(b, a.Routes, func(b []byte, i int) []byte { return appendRoute(b, a, i) })
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"plan":`...)
	b = appendPlan(b, &a.Plan)
	b = append(b, `,"geojson":`...)
	b = appendCollection(b, r, a)
	b = append(b, `,"data_sources":{"roads":`...)
	b = appendOptional(b, a.Sources.Roads)
	b = append(b, `,"population":`...)
	b = appendOptional(b, a.Sources.Population)
	b = append(b, `,"shelters":`...)
	b = appendOptional(b, a.Sources.Shelters)
	b = append(b, `,"attribution":`...)
	b = appendOptional(b, a.Sources.Attribution)
	b = append(b, `},"model_version":`...)
	b = appendString(b, a.Model.Version)
	b = append(b, `,"model_digest":`...)
	b = appendString(b, a.Model.Digest)
	b = append(b, `,"generated_at":"`...)
	b = rfc3339.AppendMillis(b, a.GeneratedAt)
	return append(b, `"}`...)
}

// appendOptional writes an empty text as null.
func appendOptional(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return appendString(b, s)
}

func appendCount(b []byte, c evacuation.Count) []byte {
	if n, known := c.Get(); known {
		return strconv.AppendInt(b, n, 10)
	}
	return append(b, "null"...)
}

func appendLatLon(b []byte, p geo.Point) []byte {
	b = appendFloat(append(b, '['), p.Lat, 64)
	b = appendFloat(append(b, ','), p.Lon, 64)
	return append(b, ']')
}

func appendZone(b []byte, a *evacuation.Answer, i int) []byte {
	z := &a.Zones[i]
	b = append(b, `{"zone_id":"`...)
	b = append(b, evacuation.ZoneID(i)...)
	b = append(b, `","radius_meters":`...)
	b = appendFloat(b, z.Outer, 64)
	b = append(b, `,"priority":"`...)
	b = append(b, z.Priority.String()...)
	b = append(b, `","estimated_affected":`...)
	b = appendCount(b, z.Affected)
	b = append(b, `,"served":`...)
	b = appendCount(b, z.Served)
	b = append(b, `,"unserved_no_route":`...)
	b = appendCount(b, z.UnservedNoRoute)
	b = append(b, `,"unserved_shelters_full":`...)
	b = appendCount(b, z.UnservedSheltersFull)
	b = append(b, `,"clearance_time_minutes":`...)
	b = appendFloat(b, z.ClearanceMinutes, 64)
	b = append(b, `,"lower_bound_minutes":`...)
	b = appendFloat(b, z.LowerBoundMinutes, 64)
	b = append(b, `,"evacuation_time_minutes":`...)
	b = appendFloat(b, z.ClearanceMinutes, 64)
	b = append(b, `,"recommended_routes":[`...)
	first := true
	for route := range a.RoutesOf(i) {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, '"')
		b = append(b, evacuation.RouteID(route)...)
		b = append(b, '"')
	}
	return append(b, "]}"...)
}

func appendShelter(b []byte, s *evacuation.Shelter) []byte {
	b = append(b, `{"id":`...)
	b = appendString(b, s.ID)
	b = append(b, `,"name":`...)
	b = appendString(b, s.Name)
	b = append(b, `,"latitude":`...)
	b = appendFloat(b, s.At.Lat, 64)
	b = append(b, `,"longitude":`...)
	b = appendFloat(b, s.At.Lon, 64)
	b = append(b, `,"capacity":`...)
	b = appendCount(b, s.Capacity)
	b = append(b, `,"status":"`...)
	b = append(b, s.Status.String()...)
	b = append(b, `","distance_meters":`...)
	b = appendFloat(b, s.DistanceM, 64)
	b = append(b, `,"travel_time_seconds":`...)
	b = appendFloat(b, s.TravelSeconds, 64)
	b = append(b, `,"travel_time_dry_seconds":`...)
	b = appendFloat(b, s.DrySeconds, 64)
	b = append(b, `,"assigned_people":`...)
	b = strconv.AppendInt(b, s.Assigned, 10)
	b = append(b, `,"available_resources":`...)
	b = appendNames(b, s.Resources)
	b = append(b, `,"contact":`...)
	b = appendOptional(b, s.Contact)
	return append(b, '}')
}

func appendRoute(b []byte, a *evacuation.Answer, i int) []byte {
	r := &a.Routes[i]
	b = append(b, `{"route_id":"`...)
	b = append(b, evacuation.RouteID(i)...)
	b = append(b, `","zone_id":"`...)
	b = append(b, evacuation.ZoneID(r.Zone)...)
	b = append(b, `","shelter_id":`...)
	b = appendString(b, a.Shelters[r.Shelter].ID)
	b = append(b, `,"people":`...)
	b = strconv.AppendInt(b, r.People, 10)
	b = append(b, `,"departures":`...)
	b = appendList(b, r.Departures, func(b []byte, k int) []byte {
		d := &r.Departures[k]
		b = append(b, `{"from_minute":`...)
		b = appendFloat(b, d.FromMinutes, 64)
		b = append(b, `,"to_minute":`...)
		b = appendFloat(b, d.ToMinutes, 64)
		b = append(b, `,"people":`...)
		b = strconv.AppendInt(b, d.People, 10)
		b = append(b, `,"vehicles_per_minute":`...)
		b = appendFloat(b, d.VehiclesPerMinute, 64)
		return append(b, '}')
	})
	b = append(b, `,"length_m":`...)
	b = appendFloat(b, r.LengthM, 64)
	b = append(b, `,"travel_time_seconds":`...)
	b = appendFloat(b, r.TravelSeconds, 64)
	b = append(b, `,"bottleneck":`...)
	if r.Bottleneck == nil {
		b = append(b, "null"...)
	} else {
		b = append(b, `{"way_id":`...)
		b = strconv.AppendInt(b, r.Bottleneck.Way, 10)
		b = append(b, `,"name":`...)
		b = append(appendOptional(b, r.Bottleneck.Name), '}')
	}
	return append(b, `,"geometry":null}`...) // geojson has the line
}

func appendBottleneck(b []byte, n *evacuation.Bottleneck) []byte {
	b = append(b, `{"way_id":`...)
	b = strconv.AppendInt(b, n.Way, 10)
	b = append(b, `,"name":`...)
	b = appendOptional(b, n.Name)
	b = append(b, `,"from_point":`...)
	b = appendLatLon(b, n.From)
	b = append(b, `,"to_point":`...)
	b = appendLatLon(b, n.To)
	b = append(b, `,"vehicles_per_hour":`...)
	b = appendFloat(b, n.VehiclesPerHour, 64)
	b = append(b, `,"people":`...)
	b = strconv.AppendInt(b, n.PeopleOverIt, 10)
	b = append(b, `,"saturated_minutes":`...)
	b = appendFloat(b, n.SaturatedMinutes, 64)
	return append(b, '}')
}

func appendPlan(b []byte, p *evacuation.Plan) []byte {
	b = append(b, `{"status":"`...)
	b = append(b, p.Status.String()...)
	b = append(b, `","objective":`...)
	b = appendOptional(b, p.Objective)
	b = append(b, `,"clearance_time_minutes":`...)
	b = appendFloat(b, p.ClearanceMinutes, 64)
	b = append(b, `,"lower_bound_minutes":`...)
	b = appendFloat(b, p.LowerBoundMinutes, 64)
	b = append(b, `,"gap_percent":`...)
	b = appendFloat(b, p.GapPercent, 64)
	b = append(b, `,"precedence_minutes":`...)
	b = appendFloat(b, p.PrecedenceMinutes, 64)
	b = append(b, `,"served":`...)
	b = appendCount(b, p.Served)
	b = append(b, `,"unserved_no_route":`...)
	b = appendCount(b, p.UnservedNoRoute)
	b = append(b, `,"unserved_shelters_full":`...)
	b = appendCount(b, p.UnservedSheltersFull)
	b = append(b, `,"bottlenecks":`...)
	b = appendList(b, p.Bottlenecks, func(b []byte, i int) []byte { return appendBottleneck(b, &p.Bottlenecks[i]) })
	b = append(b, `,"assumptions":`...)
	b = appendNames(b, p.Assumptions)
	return append(b, '}')
}
