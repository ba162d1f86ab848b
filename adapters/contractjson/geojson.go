package contractjson

import (
	"strconv"

	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
)

// appendCollection appends the FeatureCollection of an answer: zones from the outside in, so that a map that draws
// them in order shows all, then routes, then shelters. Each has a `kind`; zones have a `color`.
func appendCollection(b []byte, r *evacuation.Request, a *evacuation.Answer) []byte {
	w := writer{append(b, `{"type":"FeatureCollection","features":[`...), true}
	for i := len(a.Zones) - 1; i >= 0; i-- {
		w.zone(r.Centre(), i, &a.Zones[i])
	}
	for i := range a.Routes {
		w.route(a, i)
	}
	for i := range a.Shelters {
		w.shelter(&a.Shelters[i])
	}
	return append(w.b, "]}"...)
}

// appendLine appends a LineString.
func appendLine(b []byte, line []geo.Point) []byte {
	b = append(b, `{"type":"LineString","coordinates":`...)
	return append(appendPositions(b, line), '}')
}

type writer struct {
	b     []byte
	first bool
}

func (w *writer) begin() {
	if !w.first {
		w.b = append(w.b, ',')
	}
	w.first = false
	w.b = append(w.b, `{"type":"Feature","geometry":`...)
}

func (w *writer) text(name, value string) {
	w.name(name)
	w.b = appendString(w.b, value)
}

func (w *writer) number(name string, v float64) {
	w.name(name)
	w.b = strconv.AppendFloat(w.b, v, 'f', -1, 64)
}

func (w *writer) whole(name string, n int64) {
	w.name(name)
	w.b = strconv.AppendInt(w.b, n, 10)
}

func (w *writer) count(name string, c evacuation.Count) {
	n, known := c.Get()
	if !known {
		w.name(name)
		w.b = append(w.b, "null"...)
		return
	}
	w.whole(name, n)
}

func (w *writer) name(name string) {
	w.b = append(w.b, ',', '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
}

func (w *writer) kind(kind string) {
	w.b = append(w.b, `,"properties":{"kind":"`...)
	w.b = append(w.b, kind...)
	w.b = append(w.b, '"')
}

func (w *writer) end() { w.b = append(w.b, "}}"...) }

func (w *writer) zone(centre geo.Point, i int, z *evacuation.Zone) {
	w.begin()
	w.b = appendArea(w.b, evacuation.Area(centre, z.Inner, z.Outer))
	w.kind("zone")
	w.text("zone_id", evacuation.ZoneID(i))
	w.number("radius_meters", z.Outer)
	w.text("priority", z.Priority.String())
	w.text("color", z.Priority.Color())
	w.count("estimated_affected", z.Affected)
	w.end()
}

func (w *writer) route(a *evacuation.Answer, i int) {
	r := &a.Routes[i]
	w.begin()
	w.b = appendLine(w.b, r.Line)
	w.kind("route")
	w.text("route_id", evacuation.RouteID(i))
	w.text("zone_id", evacuation.ZoneID(r.Zone))
	w.text("shelter_id", a.Shelters[r.Shelter].ID)
	w.whole("people", r.People)
	w.end()
}

func (w *writer) shelter(s *evacuation.Shelter) {
	w.begin()
	w.b = append(w.b, `{"type":"Point","coordinates":`...)
	w.b = append(appendPosition(w.b, s.At), '}')
	w.kind("shelter")
	w.text("shelter_id", s.ID)
	w.text("name", s.Name)
	w.text("status", s.Status.String())
	w.count("capacity", s.Capacity)
	w.whole("assigned_people", s.Assigned)
	w.end()
}

// appendArea appends one polygon as a Polygon and more as a MultiPolygon.
func appendArea(b []byte, m geo.MultiPolygon) []byte {
	if len(m) == 1 {
		b = append(b, `{"type":"Polygon","coordinates":`...)
		b = appendPolygon(b, m[0])
	} else {
		b = append(b, `{"type":"MultiPolygon","coordinates":`...)
		b = appendArray(b, m, appendPolygon)
	}
	return append(b, '}')
}

func appendPolygon(b []byte, p geo.Polygon) []byte { return appendArray(b, p, appendRing) }
func appendRing(b []byte, r geo.Ring) []byte       { return appendPositions(b, r) }

func appendPositions(b []byte, points []geo.Point) []byte {
	return appendArray(b, points, appendPosition)
}

func appendArray[T any](b []byte, list []T, element func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = element(b, v)
	}
	return append(b, ']')
}

func appendPosition(b []byte, p geo.Point) []byte {
	b = strconv.AppendFloat(append(b, '['), p.Lon, 'f', -1, 64)
	b = strconv.AppendFloat(append(b, ','), p.Lat, 'f', -1, 64)
	return append(b, ']')
}
