// Package geojson reads and writes GeoJSON (RFC 7946) for every adapter: the water of evacuation requests and of files,
// the features of files, the areas, routes and shelters of answers.
package geojson

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
)

// members are those of a geometry; parts replaces coordinates in a collection of geometries. A bbox says nothing that
// the coordinates do not, and is passed over. Features and collections of them may have members of their own.
var members = []string{"type", "coordinates", "bbox", "crs"}

const parts = "geometries"

// maxListed is how many faults of one extent are listed one by one.
const maxListed = 20

// ReadExtent reads an area from decoded JSON (objects are map[string]any, arrays []any, numbers float64), which
// stands at pointer: a Polygon, a MultiPolygon, a GeometryCollection of these, a Feature of one of these, or a
// FeatureCollection, whose areas are taken together. What is wrong with its form is returned instead of the extent;
// what is wrong with the areas is the domain's to say. Altitudes are dropped.
func ReadExtent(pointer string, object map[string]any) (*evacuation.Extent, []domain.Violation) {
	r := reader{pointers: []string{}}
	switch object["type"] {
	case "FeatureCollection":
		r.collection(pointer, object)
	case "Feature":
		r.feature(pointer, object)
	case "GeometryCollection":
		r.geometry(pointer, object)
	default:
		r.geometry(pointer, object)
		r.pointers = nil
	}
	if r.omitted > 0 {
		r.violations = append(r.violations, domain.Violation{
			Pointer: pointer, Code: domain.CodeSize, Detail: strconv.Itoa(r.omitted) + " more violations are not listed",
		})
	}
	if r.violations != nil {
		return nil, r.violations
	}
	for i, at := range r.pointers {
		r.pointers[i] = strings.TrimPrefix(at, pointer)
	}
	return &evacuation.Extent{Polygons: r.area, Single: !r.many, Pointers: r.pointers}, nil
}

// collection reads a FeatureCollection.
func (r *reader) collection(pointer string, object map[string]any) {
	r.many = true
	r.crs(pointer, object["crs"])
	features := pointer + "/features"
	if object["features"] == nil {
		r.report(features, domain.CodeRequired, "an array is required")
		return
	}
	list, _ := r.list(features, object["features"])
	for i, v := range list {
		at := features + "/" + strconv.Itoa(i)
		f, ok := v.(map[string]any)
		switch {
		case !ok:
			r.mismatch(at, "an object", v)
		case f["type"] == "Feature":
			r.feature(at, f)
		default:
			r.report(at+"/type", domain.CodeFormat, `must be "Feature"`)
		}
	}
}

// feature reads the geometry of a Feature, which must have one.
func (r *reader) feature(pointer string, object map[string]any) {
	r.crs(pointer, object["crs"])
	at := pointer + "/geometry"
	switch g := object["geometry"].(type) {
	case nil:
		r.report(at, domain.CodeRequired, "a Polygon or MultiPolygon is required")
	case map[string]any:
		r.geometry(at, g)
	default:
		r.mismatch(at, "an object", g)
	}
}

// geometry reads the polygons of a geometry.
func (r *reader) geometry(pointer string, object map[string]any) {
	if object["type"] == "GeometryCollection" {
		r.geometries(pointer, object)
		return
	}
	r.members(pointer, object, "")
	r.crs(pointer, object["crs"])
	coordinates := pointer + "/coordinates"
	list, isList := object["coordinates"].([]any)
	switch v := object["coordinates"]; {
	case v == nil:
		r.report(coordinates, domain.CodeRequired, "an array is required")
	case !isList:
		r.mismatch(coordinates, "an array", v)
	}
	switch kind, isText := object["type"].(string); {
	case object["type"] == nil:
		r.report(pointer+"/type", domain.CodeRequired, "Polygon or MultiPolygon is required")
	case !isText:
		r.mismatch(pointer+"/type", "a string", object["type"])
	case kind == "Polygon":
		r.add(coordinates, list)
	case kind == "MultiPolygon":
		r.many = true
		if r.area == nil {
			r.area = make(geo.MultiPolygon, 0, len(list))
		}
		for i, v := range list {
			at := coordinates + "/" + strconv.Itoa(i)
			if polygon, ok := r.list(at, v); ok {
				r.add(at, polygon)
			}
		}
	default:
		r.report(pointer+"/type", domain.CodeFormat, fmt.Sprintf("%q is neither Polygon nor MultiPolygon", clip(kind)))
	}
}

// geometries reads a GeometryCollection, which has no other in it.
func (r *reader) geometries(pointer string, object map[string]any) {
	r.many = true
	r.members(pointer, object, parts)
	r.crs(pointer, object["crs"])
	at := pointer + "/" + parts
	if object[parts] == nil {
		r.report(at, domain.CodeRequired, "an array is required")
		return
	}
	list, _ := r.list(at, object[parts])
	for i, v := range list {
		at := at + "/" + strconv.Itoa(i)
		g, ok := v.(map[string]any)
		switch {
		case !ok:
			r.mismatch(at, "an object", v)
		case g["type"] == "GeometryCollection":
			r.report(at+"/type", domain.CodeFormat, "a GeometryCollection in another is not read")
		default:
			r.geometry(at, g)
		}
	}
}

// members refuses those that a geometry does not have. instead is what stands for coordinates, or nothing.
func (r *reader) members(pointer string, object map[string]any, instead string) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if name == "coordinates" && instead != "" || name != instead && !slices.Contains(members, name) {
			r.report(pointer+"/"+escape.Replace(clip(name)), domain.CodeUnknownField, unknownMember(name))
		}
	}
}

func (r *reader) add(at string, rings []any) {
	r.area = append(r.area, r.polygon(at, rings))
	r.pointers = append(r.pointers, at)
}

func (r *reader) crs(pointer string, v any) {
	if fault := crsFault(v); fault != "" {
		r.report(pointer+"/crs", domain.CodeFormat, fault)
	}
}

func unknownMember(name string) string {
	detail := fmt.Sprintf("there is no field %q", clip(name))
	if best := domain.NearestName(name, slices.Values(members)); best != "" {
		detail += fmt.Sprintf("; did you mean %q?", best)
	}
	return detail
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

// clip bounds what an answer repeats of a request.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

type reader struct {
	area       geo.MultiPolygon
	pointers   []string // of the polygons
	many       bool     // whether it is more than one bare polygon
	violations []domain.Violation
	omitted    int
}

func (r *reader) report(pointer, code, detail string) {
	if len(r.violations) == maxListed {
		r.omitted++
		return
	}
	r.violations = append(r.violations, domain.Violation{Pointer: pointer, Code: code, Detail: detail})
}

func (r *reader) mismatch(pointer, want string, got any) {
	var kind string
	switch got.(type) {
	case nil:
		kind = "null"
	case bool:
		kind = "a boolean"
	case float64:
		kind = "a number"
	case string:
		kind = "a string"
	case []any:
		kind = "an array"
	default:
		kind = "an object"
	}
	r.report(pointer, domain.CodeType, want+" is required, not "+kind)
}

func (r *reader) list(at string, v any) ([]any, bool) {
	list, ok := v.([]any)
	if !ok {
		r.mismatch(at, "an array", v)
	}
	return list, ok
}

func (r *reader) polygon(at string, rings []any) geo.Polygon {
	polygon := make(geo.Polygon, 0, len(rings))
	for i, v := range rings {
		at := at + "/" + strconv.Itoa(i)
		positions, ok := r.list(at, v)
		if !ok {
			continue
		}
		ring := make(geo.Ring, 0, len(positions))
		for j, v := range positions {
			p, fault := readPosition(v)
			if fault != nil {
				r.misplaced(at+"/"+strconv.Itoa(j), fault)
			}
			ring = append(ring, p)
		}
		polygon = append(polygon, ring)
	}
	return polygon
}

func (r *reader) position(at string, v any) geo.Point {
	p, fault := readPosition(v)
	if fault != nil {
		r.misplaced(at, fault)
	}
	return p
}

func (r *reader) misplaced(at string, f *fault) {
	if f.size {
		r.report(at+f.at, domain.CodeSize, "a position is longitude and latitude, and perhaps an altitude")
		return
	}
	r.mismatch(at+f.at, f.want, f.got)
}

// fault is what is wrong with a position.
type fault struct {
	at   string
	want string
	got  any
	size bool
}

func readPosition(v any) (geo.Point, *fault) {
	list, ok := v.([]any)
	if !ok {
		return geo.Point{}, &fault{want: "an array", got: v}
	}
	if len(list) < 2 || len(list) > 3 {
		return geo.Point{}, &fault{size: true}
	}
	for i, v := range list {
		if _, ok := v.(float64); !ok {
			return geo.Point{}, &fault{at: "/" + strconv.Itoa(i), want: "a number", got: v}
		}
	}
	return geo.Point{Lon: list[0].(float64), Lat: list[1].(float64)}, nil
}
