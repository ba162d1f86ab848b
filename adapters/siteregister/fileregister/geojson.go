package fileregister

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// wholeFile is where stands what is wrong with no feature in particular.
var wholeFile place

type feature struct {
	Type     string         `json:"type"`
	ID       jsontext.Value `json:"id"`
	Geometry *struct {
		Type        string     `json:"type"`
		Coordinates []*float64 `json:"coordinates"`
	} `json:"geometry"`
	Properties map[string]jsontext.Value `json:"properties"`
}

// parseGeoJSON reads RFC 7946. Members that the standard does not know are left alone; properties
// must be the register's.
func parseGeoJSON(l *loader, data []byte) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	d := jsontext.NewDecoder(bytes.NewReader(data))
	if err := readCollection(l, d); err != nil {
		at, offset := wholeFile, d.InputOffset()
		var syntax *jsontext.SyntacticError
		if errors.As(err, &syntax) {
			at, offset, err = at.in(string(syntax.JSONPointer)), syntax.ByteOffset, syntax.Err
		}
		l.refuse(at, "", domain.CodeSyntax, "line %d is not JSON: %v", 1+bytes.Count(data[:offset], []byte("\n")), err)
		return
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		l.refuse(wholeFile, "", domain.CodeSyntax, "something follows the end of the JSON value")
	}
}

// readCollection returns an error for what is not JSON; what is not a register is reported.
func readCollection(l *loader, d *jsontext.Decoder) error {
	if d.PeekKind() != '{' {
		err := d.SkipValue()
		if err == nil {
			l.refuse(wholeFile, "", domain.CodeType, "a GeoJSON FeatureCollection is an object")
		}
		return err
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	var collection, features bool
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		switch key := name.String(); {
		case key == "features" && d.PeekKind() == '[':
			features = true
			if err := readFeatures(l, d); err != nil {
				return err
			}
		case key == "type" || key == "crs":
			v, err := d.ReadValue()
			if err != nil {
				return err
			}
			if key == "type" {
				collection = string(v) == `"FeatureCollection"`
			} else if !bytes.Contains(v, []byte("CRS84")) && !bytes.Contains(v, []byte("4326")) && string(v) != "null" {
				l.refuse(wholeFile, key, domain.CodeFormat, "coordinates must be WGS 84 longitude and latitude")
			}
		default:
			if err := d.SkipValue(); err != nil {
				return err
			}
		}
	}
	if !collection {
		l.refuse(wholeFile, "type", domain.CodeFormat, `must be "FeatureCollection"`)
	}
	if !features {
		l.refuse(wholeFile, "features", domain.CodeRequired, "a list of features is required")
	}
	_, err := d.ReadToken()
	return err
}

func readFeatures(l *loader, d *jsontext.Decoder) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	unknown := make(map[string]bool) // reported once, not for each feature
	full := false
	for n := 0; d.PeekKind() != ']'; n++ {
		if full { // the rest is only checked to be JSON
			if err := d.SkipValue(); err != nil {
				return err
			}
			continue
		}
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		at := place{unit: "feature", n: n}
		if full = l.full(at); !full {
			readFeature(l, at, v, unknown)
		}
	}
	_, err := d.ReadToken()
	return err
}

func readFeature(l *loader, at place, raw jsontext.Value, unknown map[string]bool) {
	var f feature
	if err := json.Unmarshal(raw, &f); err != nil {
		var semantic *json.SemanticError
		if errors.As(err, &semantic) {
			l.refuse(at.in(string(semantic.JSONPointer)), "", domain.CodeType,
				"%s has the wrong type", shorten(strings.TrimPrefix(string(semantic.JSONPointer), "/")))
			return
		}
		l.refuse(at, "", domain.CodeSyntax, "%v", err)
		return
	}
	if f.Type != "Feature" {
		l.refuse(at, "type", domain.CodeFormat, `must be "Feature"`)
	}
	s := unknownSite()
	refused := readProperties(l, at.in("/properties"), f.Properties, &s, unknown)
	if s.ID == "" && !refused.has(colID) && len(f.ID) > 0 {
		if s.ID = identifier(l, at, "id", f.ID); s.ID == "" {
			refused.put(colID)
		}
	}
	if g := f.Geometry; g != nil {
		point := at.in("/geometry")
		switch {
		case g.Type != "Point":
			l.refuse(point, "type", domain.CodeFormat, "a site is a Point, not %q", shorten(g.Type))
		case len(g.Coordinates) != 2 && len(g.Coordinates) != 3:
			l.refuse(point, "coordinates", domain.CodeSize, "longitude and latitude are required, %d numbers are given", len(g.Coordinates))
		case slices.Contains(g.Coordinates, nil):
			l.refuse(point, "coordinates", domain.CodeType, "longitude and latitude must be numbers")
		default:
			locate(l, at, &s.Longitude, colLongitude, *g.Coordinates[0])
			locate(l, at, &s.Latitude, colLatitude, *g.Coordinates[1])
		}
	}
	l.add(at.in("/properties"), s, refused)
}

// locate sets a coordinate from the geometry; a property of the same name must not contradict it.
func locate(l *loader, at place, v *float64, column int, coordinate float64) {
	const same = 1e-6 // degrees, a tenth of a metre: tools round differently
	if math.Abs(*v-coordinate) > same {
		l.refuse(at.in("/properties"), columns[column], domain.CodeInconsistent,
			"%g differs from %g in the geometry", *v, coordinate)
	}
	*v = coordinate
}

func readProperties(l *loader, at place, properties map[string]jsontext.Value, s *ports.RegisteredSite, unknown map[string]bool) (refused set) {
	names := make([]string, 0, len(properties))
	for name := range properties {
		names = append(names, name)
	}
	slices.Sort(names) // the same file is always answered with the same list
	for _, name := range names {
		v := properties[name]
		c, ok := columnOf(name)
		switch {
		case !ok:
			if !unknown[name] {
				unknown[name] = true
				l.refuseUnknown(at, name)
			}
		case v.Kind() == 'n':
		case c == colID:
			if s.ID = identifier(l, at, name, v); s.ID == "" {
				refused.put(c)
			}
		case c == colName:
			if v.Kind() != '"' {
				l.refuse(at, name, domain.CodeType, "a text is required")
				continue
			}
			s.Name = text(v)
		case v.Kind() != '0':
			l.refuse(at, name, domain.CodeType, "a number is required; leave the property out when the value is not known")
			refused.put(c)
		default:
			f, err := parseNumber(string(v))
			if err != nil {
				l.refuse(at, name, domain.CodeRange, "%v", err)
				refused.put(c)
				continue
			}
			*number(s, c) = f
		}
	}
	return refused
}

// identifier reads an id, which RFC 7946 allows to be a text or a number; empty is refused.
func identifier(l *loader, at place, name string, v jsontext.Value) string {
	if v.Kind() == '0' {
		return string(v)
	}
	if v.Kind() != '"' {
		l.refuse(at, name, domain.CodeType, "an id is a text or a number")
		return ""
	}
	id := strings.TrimSpace(text(v))
	if id == "" {
		l.refuse(at, name, domain.CodeRequired, "an id must not be empty")
	}
	return id
}

// text returns the value of a JSON string that the decoder has accepted.
func text(v jsontext.Value) string {
	s, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		panic(err) // it was decoded as a string before
	}
	return string(s)
}
