package geojson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
)

// SyntaxError says where a file is no JSON.
type SyntaxError struct {
	Line    int
	Pointer string
	Err     error
}

// Error implements error.
func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d is not JSON: %v", e.Line, e.Err) }

// Unwrap returns what is wrong there.
func (e *SyntaxError) Unwrap() error { return e.Err }

// ReadCollection hands the features of a FeatureCollection to each, one by one, until that returns false; the rest is
// then only checked to be JSON. It returns what is wrong with the collection itself. The error is a *SyntaxError. A
// byte order mark is passed over, and so are members that the standard does not know.
func ReadCollection(data []byte, each func(i int, feature jsontext.Value) bool) ([]domain.Violation, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	d := jsontext.NewDecoder(bytes.NewReader(data))
	c := collection{decoder: d, each: each}
	err := c.read()
	if err == nil {
		if _, end := d.ReadToken(); !errors.Is(end, io.EOF) {
			err = errors.New("something follows the end of the JSON value")
		}
	}
	if err != nil {
		e := &SyntaxError{Err: err}
		offset := d.InputOffset()
		var syntax *jsontext.SyntacticError
		if errors.As(err, &syntax) {
			e.Pointer, offset, e.Err = string(syntax.JSONPointer), syntax.ByteOffset, syntax.Err
		}
		e.Line = 1 + bytes.Count(data[:min(offset, int64(len(data)))], []byte("\n"))
		return c.violations, e
	}
	return c.violations, nil
}

type collection struct {
	decoder    *jsontext.Decoder
	each       func(i int, feature jsontext.Value) bool
	violations []domain.Violation
}

func (c *collection) refuse(pointer, code, detail string) {
	c.violations = append(c.violations, domain.Violation{Pointer: pointer, Code: code, Detail: detail})
}

// read returns an error for what is not JSON.
func (c *collection) read() error {
	d := c.decoder
	if d.PeekKind() != '{' {
		err := d.SkipValue()
		if err == nil {
			c.refuse("", domain.CodeType, "a GeoJSON FeatureCollection is an object")
		}
		return err
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	var isCollection, hasFeatures bool
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		switch key := name.String(); {
		case key == "features" && d.PeekKind() == '[':
			hasFeatures = true
			err = c.features()
		case key == "type" || key == "crs":
			var v any
			if err = json.UnmarshalDecode(d, &v); err == nil && key == "type" {
				isCollection = v == "FeatureCollection"
			} else if err == nil {
				if fault := crsFault(v); fault != "" {
					c.refuse("/crs", domain.CodeFormat, fault)
				}
			}
		default:
			err = d.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	if !isCollection {
		c.refuse("/type", domain.CodeFormat, `must be "FeatureCollection"`)
	}
	if !hasFeatures {
		c.refuse("/features", domain.CodeRequired, "a list of features is required")
	}
	_, err := d.ReadToken()
	return err
}

func (c *collection) features() error {
	d := c.decoder
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	more := true
	for i := 0; d.PeekKind() != ']'; i++ {
		if !more {
			if err := d.SkipValue(); err != nil {
				return err
			}
			continue
		}
		v, err := d.ReadValue()
		if err != nil {
			return err
		}
		more = c.each(i, v)
	}
	_, err := d.ReadToken()
	return err
}

// Feature is one feature of a file.
type Feature struct {
	ID         jsontext.Value            // as it stands in the file; empty where there is none
	Properties map[string]jsontext.Value // as they stand in the file
	geometry   any
}

// ReadFeature reads a feature that ReadCollection handed out. Without a feature it returns what is wrong, with
// pointers below the feature.
func ReadFeature(data jsontext.Value) (*Feature, []domain.Violation) {
	var r reader
	if data.Kind() != '{' {
		r.report("", domain.CodeType, "a GeoJSON Feature is an object")
		return nil, r.violations
	}
	var w struct {
		Type       any                       `json:"type"`
		ID         jsontext.Value            `json:"id"`
		Properties map[string]jsontext.Value `json:"properties"`
		Geometry   any                       `json:"geometry"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		var semantic *json.SemanticError
		if !errors.As(err, &semantic) {
			r.report("", domain.CodeSyntax, err.Error())
			return nil, r.violations
		}
		at := string(semantic.JSONPointer)
		r.report(at, domain.CodeType, clip(strings.TrimPrefix(at, "/"))+" has the wrong type")
		return nil, r.violations
	}
	if w.Type != "Feature" {
		r.report("/type", domain.CodeFormat, `must be "Feature"`)
		return nil, r.violations
	}
	return &Feature{w.ID, w.Properties, w.Geometry}, nil
}

// Point returns where the feature is; ok is false where it has no geometry. Pointers are below the feature. An altitude
// is dropped.
func (f *Feature) Point() (p geo.Point, ok bool, vs []domain.Violation) {
	var r reader
	if f.geometry == nil {
		return p, false, nil
	}
	g, isObject := f.geometry.(map[string]any)
	if !isObject {
		r.mismatch("/geometry", "an object", f.geometry)
		return p, true, r.violations
	}
	switch kind, isText := g["type"].(string); {
	case !isText:
		r.mismatch("/geometry/type", "a string", g["type"])
	case kind != "Point":
		r.report("/geometry/type", domain.CodeFormat, fmt.Sprintf("a Point is required, not %q", clip(kind)))
	default:
		p = r.position("/geometry/coordinates", g["coordinates"])
	}
	return p, true, r.violations
}

// Text returns the text of a JSON string that stands in a file.
func Text(v jsontext.Value) string {
	text, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		panic(fmt.Sprintf("geojson: a decoded text is none: %v", err))
	}
	return string(text)
}

// crsFault says what is wrong with a crs member, which GeoJSON had until RFC 7946. WGS 84 under one of its names says
// what is true anyway; coordinates of any other would be taken for what they are not. GeoJSON has the longitude first,
// whatever order an authority has.
func crsFault(v any) string {
	if v == nil {
		return ""
	}
	crs, _ := v.(map[string]any)
	properties, _ := crs["properties"].(map[string]any)
	name, _ := properties["name"].(string)
	if name == "" {
		return "a coordinate reference system is given without its name; coordinates must be WGS 84 longitude and latitude"
	}
	// urn:ogc:def:crs:OGC:1.3:CRS84, http://www.opengis.net/def/crs/OGC/1.3/CRS84, OGC:CRS84; the same of EPSG:4326
	upper := strings.ToUpper(name)
	code := upper[strings.LastIndexAny(upper, ":/")+1:]
	if code == "CRS84" || code == "4326" && strings.Contains(upper, "EPSG") {
		return ""
	}
	return fmt.Sprintf("coordinates must be WGS 84 longitude and latitude, not of %q", clip(name))
}
