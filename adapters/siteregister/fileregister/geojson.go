package fileregister

import (
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/guardy-ai/guardy/adapters/internal/geojson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// wholeFile is where stands what is wrong with no feature in particular.
var wholeFile place

// parseGeoJSON reads RFC 7946. Members that the standard does not know are left alone; properties
// must be the register's.
func parseGeoJSON(l *loader, data []byte) {
	unknown := make(map[string]bool) // reported once, not for each feature
	vs, err := geojson.ReadCollection(data, func(n int, raw jsontext.Value) bool {
		at := place{unit: "feature", n: n}
		if l.full(at) {
			return false
		}
		readFeature(l, at, raw, unknown)
		return true
	})
	var syntax *geojson.SyntaxError
	if errors.As(err, &syntax) {
		l.refuse(wholeFile.in(syntax.Pointer), "", domain.CodeSyntax, "%v", syntax)
		return
	}
	l.refuseAll(wholeFile, vs)
}

// refuseAll reports what is wrong at or below a place.
func (l *loader) refuseAll(at place, vs []domain.Violation) {
	for _, v := range vs {
		l.refuse(at.in(v.Pointer), "", v.Code, "%s", v.Detail)
	}
}

func readFeature(l *loader, at place, raw jsontext.Value, unknown map[string]bool) {
	f, vs := geojson.ReadFeature(raw)
	if f == nil {
		l.refuseAll(at, vs)
		return
	}
	s := unknownSite()
	refused := readProperties(l, at.in("/properties"), f.Properties, &s, unknown)
	if s.ID == "" && !refused.has(colID) && len(f.ID) > 0 {
		if s.ID = identifier(l, at, "id", f.ID); s.ID == "" {
			refused.put(colID)
		}
	}
	p, ok, vs := f.Point()
	l.refuseAll(at, vs)
	if ok && vs == nil {
		locate(l, at, &s.Longitude, colLongitude, p.Lon)
		locate(l, at, &s.Latitude, colLatitude, p.Lat)
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
			s.Name = geojson.Text(v)
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
	id := strings.TrimSpace(geojson.Text(v))
	if id == "" {
		l.refuse(at, name, domain.CodeRequired, "an id must not be empty")
	}
	return id
}
