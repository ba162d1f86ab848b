package osmregion

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guardy-ai/guardy/adapters/internal/geojson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/region"
)

// readShelters reads RFC 7946. An error says that the file is no collection of features.
func readShelters(data []byte, c *region.Collector) error {
	vs, err := geojson.ReadCollection(data, func(i int, raw jsontext.Value) bool {
		s := shelterReader{collector: c, pointer: "/features/" + strconv.Itoa(i)}
		s.read(raw)
		return true
	})
	switch {
	case err != nil:
		return refused("%v", err)
	case len(vs) > 0:
		return refused("this is not a GeoJSON FeatureCollection that can be used: %s: %s", vs[0].Pointer, vs[0].Detail)
	}
	return nil
}

// shelterReader reads one feature.
type shelterReader struct {
	collector *region.Collector
	pointer   string
	refused   bool
	shelter   region.Shelter
}

func (r *shelterReader) refuse(sub, code, format string, args ...any) {
	r.refused = true
	r.collector.Refuse(region.SourceShelters, r.pointer+sub, code, format, args...)
}

func (r *shelterReader) refuseAll(vs []domain.Violation) {
	for _, v := range vs {
		r.refuse(v.Pointer, v.Code, "%s", v.Detail)
	}
}

func (r *shelterReader) read(raw jsontext.Value) {
	f, vs := geojson.ReadFeature(raw)
	if f == nil {
		r.refuseAll(vs)
		return
	}
	r.shelter = region.Shelter{Capacity: region.CapacityUnknown}
	r.shelter.ID = r.identifier(f)
	r.shelter.Name = r.text(f.Properties, "name")
	r.shelter.Contact = r.text(f.Properties, "contact")
	r.shelter.Resources = r.texts(f.Properties, "resources")
	r.capacity(f.Properties["capacity"])
	r.point(f)
	if !r.refused {
		r.collector.AddShelter(r.pointer, r.shelter)
	}
}

// identifier returns the id that the file gives, else the place of the feature in the file.
func (r *shelterReader) identifier(f *geojson.Feature) string {
	for _, v := range []jsontext.Value{f.Properties["id"], f.Properties["osm_id"], f.ID} {
		if v.Kind() == '0' {
			return string(v)
		}
		if v.Kind() == '"' && strings.TrimSpace(geojson.Text(v)) != "" {
			return strings.TrimSpace(geojson.Text(v))
		}
	}
	return strings.TrimPrefix(r.pointer, "/")
}

func isMissing(v jsontext.Value) bool { return len(v) == 0 || v.Kind() == 'n' }

func (r *shelterReader) text(properties map[string]jsontext.Value, name string) string {
	v := properties[name]
	if isMissing(v) {
		return ""
	}
	if v.Kind() != '"' {
		r.refuse("/properties/"+name, domain.CodeType, "a text is required")
		return ""
	}
	return strings.TrimSpace(geojson.Text(v))
}

// texts reads a list, or one text whose parts are separated by semicolons as in OpenStreetMap.
func (r *shelterReader) texts(properties map[string]jsontext.Value, name string) []string {
	v := properties[name]
	var list []string
	switch {
	case isMissing(v):
	case v.Kind() == '"':
		list = strings.Split(geojson.Text(v), ";")
	case json.Unmarshal(v, &list) != nil:
		r.refuse("/properties/"+name, domain.CodeType, "a list of texts is required")
	}
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

func (r *shelterReader) capacity(v jsontext.Value) {
	if isMissing(v) {
		return
	}
	n, err := strconv.Atoi(string(v))
	switch {
	case v.Kind() != '0' || err != nil:
		r.refuse("/properties/capacity", domain.CodeType, "%.40s is not a whole number of persons; leave it out when it is not known", v)
	case n < 0: // also region.CapacityUnknown, that a file must not give
		r.refuse("/properties/capacity", domain.CodeRange, "a capacity of %d persons is negative; leave it out when it is not known", n)
	default:
		r.shelter.Capacity = n
	}
}

func (r *shelterReader) point(f *geojson.Feature) {
	p, ok, vs := f.Point()
	if !ok {
		r.refuse("/geometry", domain.CodeRequired, "a Point is required")
		return
	}
	r.refuseAll(vs)
	r.shelter.Point = p
}
