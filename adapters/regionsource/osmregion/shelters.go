package osmregion

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/region"
)

type feature struct {
	Type     string         `json:"type"`
	ID       jsontext.Value `json:"id"`
	Geometry *struct {
		Type        string         `json:"type"`
		Coordinates jsontext.Value `json:"coordinates"`
	} `json:"geometry"`
	Properties map[string]jsontext.Value `json:"properties"`
}

// readShelters reads RFC 7946. An error says that the file is no collection of features.
func readShelters(data []byte, c *region.Collector) error {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var collection struct {
		Type     string           `json:"type"`
		Features []jsontext.Value `json:"features"`
	}
	if err := json.Unmarshal(data, &collection); err != nil {
		return notJSON(data, err)
	}
	if collection.Type != "FeatureCollection" {
		return refused("this is not a GeoJSON FeatureCollection")
	}
	for i, raw := range collection.Features {
		s := shelterReader{collector: c, pointer: "/features/" + strconv.Itoa(i)}
		s.read(raw)
	}
	return nil
}

func notJSON(data []byte, err error) error {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		line := 1 + bytes.Count(data[:min(syntax.ByteOffset, int64(len(data)))], []byte("\n"))
		return refused("line %d is not JSON: %v", line, syntax.Err)
	}
	return refused("this is not a GeoJSON FeatureCollection")
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

func (r *shelterReader) read(raw jsontext.Value) {
	var f feature
	if err := json.Unmarshal(raw, &f); err != nil || f.Type != "Feature" {
		r.refuse("", domain.CodeType, "this is not a GeoJSON Feature")
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
func (r *shelterReader) identifier(f feature) string {
	for _, v := range []jsontext.Value{f.Properties["id"], f.Properties["osm_id"], f.ID} {
		if v.Kind() == '0' {
			return string(v)
		}
		if v.Kind() == '"' && strings.TrimSpace(unquote(v)) != "" {
			return strings.TrimSpace(unquote(v))
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
	return strings.TrimSpace(unquote(v))
}

// texts reads a list, or one text whose parts are separated by semicolons as in OpenStreetMap.
func (r *shelterReader) texts(properties map[string]jsontext.Value, name string) []string {
	v := properties[name]
	var list []string
	switch {
	case isMissing(v):
	case v.Kind() == '"':
		list = strings.Split(unquote(v), ";")
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

func (r *shelterReader) point(f feature) {
	if f.Geometry == nil {
		r.refuse("/geometry", domain.CodeRequired, "a Point is required")
		return
	}
	if f.Geometry.Type != "Point" {
		r.refuse("/geometry/type", domain.CodeFormat, "a shelter is a Point, not %.40q", f.Geometry.Type)
		return
	}
	var position []float64
	if err := json.Unmarshal(f.Geometry.Coordinates, &position); err != nil || len(position) < 2 || len(position) > 3 ||
		bytes.Contains(f.Geometry.Coordinates, []byte("null")) {
		r.refuse("/geometry/coordinates", domain.CodeType, "longitude and latitude are required as numbers")
		return
	}
	r.shelter.Point = geo.Point{Lon: position[0], Lat: position[1]}
}

// unquote returns the text of a JSON string that the decoder has accepted.
func unquote(v jsontext.Value) string {
	text, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		panic(fmt.Sprintf("osmregion: a decoded text is none: %v", err))
	}
	return string(text)
}
