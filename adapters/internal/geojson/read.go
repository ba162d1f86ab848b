// Package geojson reads and writes the GeoJSON (RFC 7946) of evacuation requests and answers, so that every
// transport takes and gives the same.
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

// members are those of a geometry. A bbox says nothing that the coordinates do not, and is passed over.
var members = []string{"type", "coordinates", "bbox"}

// maxListed is how many faults of one geometry are listed one by one.
const maxListed = 20

// ReadExtent reads a Polygon or MultiPolygon from decoded JSON (objects are map[string]any, arrays []any,
// numbers float64), which stands at pointer. What is wrong with its form is returned instead of the extent;
// what is wrong with the areas is the domain's to say. Altitudes are dropped.
func ReadExtent(pointer string, object map[string]any) (*evacuation.Extent, []domain.Violation) {
	r := reader{}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(members, name) {
			r.report(pointer+"/"+escape.Replace(clip(name)), domain.CodeUnknownField, unknownMember(name))
		}
	}
	coordinates := pointer + "/coordinates"
	list, isList := object["coordinates"].([]any)
	switch v := object["coordinates"]; {
	case v == nil:
		r.report(coordinates, domain.CodeRequired, "an array is required")
	case !isList:
		r.mismatch(coordinates, "an array", v)
	}
	var out evacuation.Extent
	switch kind, isText := object["type"].(string); {
	case object["type"] == nil:
		r.report(pointer+"/type", domain.CodeRequired, "Polygon or MultiPolygon is required")
	case !isText:
		r.mismatch(pointer+"/type", "a string", object["type"])
	case kind == "Polygon":
		out.Single = true
		out.Polygons = geo.MultiPolygon{r.polygon(coordinates, list)}
	case kind == "MultiPolygon":
		out.Polygons = make(geo.MultiPolygon, 0, len(list))
		for i, v := range list {
			at := coordinates + "/" + strconv.Itoa(i)
			if polygon, ok := r.list(at, v); ok {
				out.Polygons = append(out.Polygons, r.polygon(at, polygon))
			}
		}
	default:
		r.report(pointer+"/type", domain.CodeFormat, otherType(kind))
	}
	if r.omitted > 0 {
		r.violations = append(r.violations, domain.Violation{
			Pointer: pointer, Code: domain.CodeSize, Detail: strconv.Itoa(r.omitted) + " more violations are not listed",
		})
	}
	if r.violations != nil {
		return nil, r.violations
	}
	return &out, nil
}

func unknownMember(name string) string {
	detail := fmt.Sprintf("there is no field %q", clip(name))
	if best := domain.NearestName(name, slices.Values(members)); best != "" {
		detail += fmt.Sprintf("; did you mean %q?", best)
	}
	return detail
}

func otherType(kind string) string {
	detail := fmt.Sprintf("%q is neither Polygon nor MultiPolygon", clip(kind))
	switch kind {
	case "Feature":
		return detail + "; send the Feature's geometry"
	case "FeatureCollection", "GeometryCollection":
		return detail + "; join its areas in one MultiPolygon"
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
			p, fault := position(v)
			if fault != nil {
				at := at + "/" + strconv.Itoa(j) + fault.at
				if fault.size {
					r.report(at, domain.CodeSize, "a position is longitude and latitude, and perhaps an altitude")
				} else {
					r.mismatch(at, fault.want, fault.got)
				}
			}
			ring = append(ring, p)
		}
		polygon = append(polygon, ring)
	}
	return polygon
}

// fault is what is wrong with a position.
type fault struct {
	at   string
	want string
	got  any
	size bool
}

func position(v any) (geo.Point, *fault) {
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
