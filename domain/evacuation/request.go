package evacuation

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
)

// MaxZones bounds the rings of a request.
const MaxZones = 10

// DefaultRadii are the outer radii of the zones in metres of a request that names none.
var DefaultRadii = [...]float64{500, 1000, 2000}

// DefaultPersonsPerVehicle is how many people leave in one vehicle where a request does not say.
const DefaultPersonsPerVehicle = 2.5

// Words of a request's `bridges`.
const (
	BridgesClosed = "closed" // a bridge in the water is closed like any road
	BridgesOpen   = "open"   // a bridge stands above the water
)

// Request is one question about an evacuation. Missing numbers are NaN; build it from NewRequest.
type Request struct {
	Latitude, Longitude float64
	LocationName        string

	// FloodProbability is part of the question and changes nothing: RiskLevel decides the priorities.
	FloodProbability float64
	// RiskLevel is the name of a domain.Level, unknown among them; empty is absent.
	RiskLevel string

	// PopulationDensity in people/km2 stands in for people who are not known from a region.
	PopulationDensity float64
	// IncludeShelters asks for shelters, routes and the plan.
	IncludeShelters bool
	// Radii are the outer radii of the zones in metres, in any order, each once; none asks for
	// DefaultRadii, because protobuf cannot tell an empty list from an absent one.
	Radii []float64
	// Flood is the water; nil where it is not known. Roads that touch it are closed.
	Flood *Extent
	// Bridges is BridgesClosed or BridgesOpen; empty asks for closed.
	Bridges string
	// PersonsPerVehicle turns people into vehicles.
	PersonsPerVehicle float64
	// AssumeCapacity is what a shelter holds whose capacity is not known; else it takes nobody.
	AssumeCapacity Count

	// Fresh by-passes the cache lookup; the answer is still stored.
	Fresh bool
}

// Extent is the water of a request as GeoJSON has it.
type Extent struct {
	Polygons geo.MultiPolygon
	// Single is set for a Polygon, which has its rings one level higher than a MultiPolygon.
	Single bool
	// Pointers are the places of the polygons below that of the extent where it is no bare geometry: of a Feature or of
	// a collection. They name what is wrong and are no part of the question.
	Pointers []string
}

// Validate returns everything that keeps the extent, which stands at pointer, from being an area.
func (e *Extent) Validate(pointer string, limits geo.Limits) []domain.Violation {
	if e.Pointers == nil {
		return e.Polygons.Validate(pointer+"/coordinates", e.Single, limits)
	}
	return e.Polygons.ValidateAt(pointer, func(i int) string { return pointer + e.Pointers[i] }, limits)
}

// NewRequest returns a request in which everything is missing or has its default.
func NewRequest() Request {
	nan := math.NaN()
	return Request{
		Latitude: nan, Longitude: nan, FloodProbability: nan, PopulationDensity: nan, PersonsPerVehicle: nan,
		IncludeShelters: true,
	}
}

// Ranges of what can be meant.
var (
	rangeProbability = domain.Range{Min: 0, Max: 1, Unit: "(a probability)"}
	// rangeDensity reaches beyond the densest place that ever was (Kowloon Walled City, 1.9 million).
	rangeDensity  = domain.Range{Min: 0, Max: 2e6, Unit: "people/km2"}
	rangeRadius   = domain.Range{Min: 50, Max: 50_000, Unit: "m"}
	rangePersons  = domain.Range{Min: 1, Max: 100, Unit: "people"}
	rangeCapacity = domain.Range{Min: 0, Max: 1e6, Unit: "people"}
)

// Validate returns every value that cannot be meant, in the order of the contract's fields; nil when
// the request can be answered.
func (r *Request) Validate() []domain.Violation {
	var vs []domain.Violation
	vs = domain.RangeLatitude.Check(vs, "/latitude", r.Latitude, true)
	vs = domain.RangeLongitude.Check(vs, "/longitude", r.Longitude, true)
	vs = rangeProbability.Check(vs, "/flood_probability", r.FloodProbability, true)
	if r.RiskLevel == "" {
		vs = append(vs, domain.Violation{Pointer: "/risk_level", Code: domain.CodeRequired, Detail: "a level is required; unknown is one"})
	} else {
		vs = checkWord(vs, "/risk_level", r.RiskLevel, domain.LevelNames)
	}
	vs = domain.CheckText(vs, "/location_name", r.LocationName)
	vs = rangeDensity.Check(vs, "/population_density", r.PopulationDensity, false)
	vs = r.checkRadii(vs)
	if r.Flood != nil {
		vs = append(vs, r.Flood.Validate("/flood_extent", geo.DefaultLimits())...)
	}
	if r.Bridges != "" {
		vs = checkWord(vs, "/bridges", r.Bridges, slices.Values([]string{BridgesClosed, BridgesOpen}))
	}
	vs = rangePersons.Check(vs, "/persons_per_vehicle", r.PersonsPerVehicle, false)
	if n, known := r.AssumeCapacity.Get(); known {
		vs = rangeCapacity.Check(vs, "/assume_capacity", float64(n), false)
	}
	return vs
}

func checkWord(vs []domain.Violation, pointer, word string, known iter.Seq[string]) []domain.Violation {
	var names []string
	for name := range known {
		if name == word {
			return vs
		}
		names = append(names, name)
	}
	if len(word) > maxWord {
		word = strings.ToValidUTF8(word[:maxWord], "") + "…"
	}
	detail := fmt.Sprintf("%q is not one of %s", word, strings.Join(names, ", "))
	if best := domain.NearestName(word, known); best != "" {
		detail += fmt.Sprintf("; did you mean %q?", best)
	}
	return append(vs, domain.Violation{Pointer: pointer, Code: domain.CodeFormat, Detail: detail})
}

// maxWord is how much of a word that the contract does not have is repeated in an answer.
const maxWord = 64

func (r *Request) checkRadii(vs []domain.Violation) []domain.Violation {
	const list = "/zone_radii"
	if n := len(r.Radii); n > MaxZones {
		return append(vs, domain.Violation{
			Pointer: list, Code: domain.CodeSize, Detail: fmt.Sprintf("%d radii are more than the %d that are allowed", n, MaxZones),
		})
	}
	for i, v := range r.Radii {
		pointer := list + "/" + strconv.Itoa(i)
		if !rangeRadius.Holds(v) {
			vs = rangeRadius.Check(vs, pointer, v, true)
			continue
		}
		if slices.ContainsFunc(r.Radii[:i], func(other float64) bool { return roundRadius(other) == roundRadius(v) }) {
			vs = append(vs, domain.Violation{
				Pointer: pointer, Code: domain.CodeDuplicate, Detail: fmt.Sprintf("a radius of %g m is given more than once", roundRadius(v)),
			})
		}
	}
	return vs
}

func roundRadius(m float64) float64 { return domain.Round(m, 10) }

// Level returns the level of a valid request.
func (r *Request) Level() domain.Level {
	l, _ := domain.ParseLevel(r.RiskLevel)
	return l
}

// Centre returns the centre of the zones of a canonical request.
func (r *Request) Centre() geo.Point { return geo.Point{Lon: r.Longitude, Lat: r.Latitude} }

// Canonicalize sorts the radii, completes the defaults and rounds the inputs to the resolution at which
// Guardy answers, so that equal questions meet in the cache: coordinates 1e-6°, radii 0.1 m, density 0.001
// people/km2, persons a vehicle 0.01. The flood is taken as it stands. The answer is computed from the
// rounded values whether a cache takes part or not.
func (r *Request) Canonicalize() {
	r.Latitude, r.Longitude = domain.Round(r.Latitude, microdegrees), domain.Round(r.Longitude, microdegrees)
	r.PopulationDensity = domain.Round(r.PopulationDensity, 1000)
	if len(r.Radii) == 0 {
		r.Radii = slices.Clone(DefaultRadii[:])
	}
	for i, v := range r.Radii {
		r.Radii[i] = roundRadius(v)
	}
	slices.Sort(r.Radii)
	if r.Bridges == "" {
		r.Bridges = BridgesClosed
	}
	if math.IsNaN(r.PersonsPerVehicle) {
		r.PersonsPerVehicle = DefaultPersonsPerVehicle
	}
	r.PersonsPerVehicle = domain.Round(r.PersonsPerVehicle, 100)
}

// AppendCanonical appends the bytes over which the cache key is computed: every input that can change
// the answer, in a fixed order. The request must be valid and canonical. NaN is written as one bit
// pattern.
func (r *Request) AppendCanonical(dst []byte) []byte {
	f := func(v float64) { dst = domain.AppendFloat(dst, v) }
	f(r.Latitude)
	f(r.Longitude)
	f(r.PopulationDensity)
	f(r.PersonsPerVehicle)
	capacity, assumed := r.AssumeCapacity.Get()
	dst = append(dst, byte(r.Level()), bit(r.IncludeShelters), bit(r.Bridges == BridgesOpen), bit(assumed))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(capacity))
	dst = append(dst, byte(len(r.Radii)))
	for _, v := range r.Radii {
		f(v)
	}
	if r.Flood == nil {
		return append(dst, 0)
	}
	dst = append(dst, 1)
	n := func(v int) { dst = binary.LittleEndian.AppendUint32(dst, uint32(v)) }
	n(len(r.Flood.Polygons))
	for _, polygon := range r.Flood.Polygons {
		n(len(polygon))
		for _, ring := range polygon {
			n(len(ring))
			for _, p := range ring {
				f(p.Lon)
				f(p.Lat)
			}
		}
	}
	return dst
}

func bit(v bool) byte {
	if v {
		return 1
	}
	return 0
}
