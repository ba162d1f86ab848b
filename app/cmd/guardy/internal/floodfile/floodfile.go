// Package floodfile reads the water of a GeoJSON file (RFC 7946): a Polygon or MultiPolygon, a Feature of one, or
// a FeatureCollection, whose polygons are taken together.
package floodfile

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
)

// position is longitude and latitude; an altitude behind them is left alone.
type position geo.Point

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (p *position) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '[' {
		return errors.New("a position is a list of longitude and latitude")
	}
	var numbers [3]float64
	n := 0
	for _, err := d.ReadToken(); d.PeekKind() != ']'; n++ {
		if err != nil {
			return err
		}
		if n == len(numbers) || d.PeekKind() != '0' {
			return errors.New("a position is two numbers, longitude and latitude, and perhaps an altitude")
		}
		if err := json.UnmarshalDecode(d, &numbers[n]); err != nil {
			return err
		}
	}
	if n < 2 {
		return errors.New("a position needs longitude and latitude")
	}
	*p = position{Lon: numbers[0], Lat: numbers[1]}
	_, err := d.ReadToken()
	return err
}

type polygon [][]position

type geometry struct {
	Type        string         `json:"type"`
	Coordinates jsontext.Value `json:"coordinates"`
}

type document struct {
	geometry
	Geometry *geometry  `json:"geometry"`
	Features []document `json:"features"`
}

// Read returns the polygons of the file and everything that is wrong with them as a domain.Error.
func Read(data []byte, limits geo.Limits) (geo.MultiPolygon, error) {
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, refused(fmt.Sprintf("this is not GeoJSON: %v", err), nil)
	}
	var r reader
	r.limits = limits
	r.document("", &d)
	if len(r.violations) > 0 {
		return nil, refused("this is no area that can be used", r.violations)
	}
	if len(r.area) == 0 {
		return nil, refused("there is no polygon in it", nil)
	}
	return r.area, nil
}

func refused(msg string, vs []domain.Violation) error {
	return &domain.Error{Kind: domain.KindInvalid, Op: "read flood", Msg: msg, Violations: vs}
}

type reader struct {
	limits     geo.Limits
	area       geo.MultiPolygon
	violations []domain.Violation
}

func (r *reader) refuse(pointer, code, format string, args ...any) {
	r.violations = append(r.violations, domain.Violation{Pointer: pointer, Code: code, Detail: fmt.Sprintf(format, args...)})
}

func (r *reader) document(pointer string, d *document) {
	switch d.Type {
	case "FeatureCollection":
		for i := range d.Features {
			r.document(fmt.Sprintf("%s/features/%d", pointer, i), &d.Features[i])
		}
	case "Feature":
		if d.Geometry == nil {
			r.refuse(pointer+"/geometry", domain.CodeRequired, "a Polygon or MultiPolygon is required")
			return
		}
		r.geometry(pointer+"/geometry", d.Geometry)
	default:
		r.geometry(pointer, &d.geometry)
	}
}

func (r *reader) geometry(pointer string, g *geometry) {
	var polygons []polygon
	var err error
	switch g.Type {
	case "Polygon":
		polygons = make([]polygon, 1)
		err = json.Unmarshal(g.Coordinates, &polygons[0])
	case "MultiPolygon":
		err = json.Unmarshal(g.Coordinates, &polygons)
	default:
		r.refuse(pointer+"/type", domain.CodeFormat, "a flood is a Polygon or a MultiPolygon, not %.40q", g.Type)
		return
	}
	pointer += "/coordinates"
	if err != nil {
		var semantic *json.SemanticError
		if errors.As(err, &semantic) {
			pointer += string(semantic.JSONPointer)
		}
		r.refuse(pointer, domain.CodeType, "these are not the coordinates of a %s", g.Type)
		return
	}
	m := make(geo.MultiPolygon, len(polygons))
	for i, p := range polygons {
		for _, positions := range p {
			ring := make(geo.Ring, len(positions))
			for k, at := range positions {
				ring[k] = geo.Point(at)
			}
			m[i] = append(m[i], ring)
		}
	}
	r.violations = append(r.violations, m.Validate(pointer, g.Type == "Polygon", r.limits)...)
	r.area = append(r.area, m...)
}
