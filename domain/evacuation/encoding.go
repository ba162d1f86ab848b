package evacuation

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
)

// encodingVersion leads every encoded answer; a change of the layout changes it.
const encodingVersion = 2

// ErrEncoding is returned by Decode for bytes that are not an answer.
var ErrEncoding = errors.New("not an encoded evacuation answer")

// AppendBinary appends the compact encoding of a, without what the planner can say again. It is meant for
// caches keyed by the planner's digest.
func (a *Answer) AppendBinary(dst []byte) []byte {
	w := writer{append(dst, encodingVersion)}
	w.int(a.GeneratedAt.UnixMilli())
	w.int(int64(len(a.Zones)))
	for _, z := range a.Zones {
		w.floats(z.Outer, z.ClearanceMinutes, z.LowerBoundMinutes)
		w.int(int64(z.Priority))
		w.count(z.Affected)
		w.count(z.Served)
		w.count(z.UnservedNoRoute)
		w.count(z.UnservedSheltersFull)
	}
	w.int(int64(len(a.Shelters)))
	for i := range a.Shelters {
		w.shelter(&a.Shelters[i])
	}
	w.int(int64(len(a.Routes)))
	for i := range a.Routes {
		w.route(&a.Routes[i])
	}
	w.plan(&a.Plan)
	for _, s := range [...]string{a.Sources.Roads, a.Sources.Population, a.Sources.Shelters, a.Sources.Attribution} {
		w.text(s)
	}
	return w.dst
}

type writer struct{ dst []byte }

func (w *writer) int(v int64) { w.dst = binary.AppendVarint(w.dst, v) }

func (w *writer) floats(vs ...float64) {
	for _, v := range vs {
		w.dst = binary.LittleEndian.AppendUint64(w.dst, math.Float64bits(v))
	}
}

// count writes -1 for what is not known.
func (w *writer) count(c Count) {
	if n, known := c.Get(); known {
		w.int(n)
	} else {
		w.int(-1)
	}
}

func (w *writer) text(s string) {
	w.int(int64(len(s)))
	w.dst = append(w.dst, s...)
}

func (w *writer) texts(list []string) {
	w.int(int64(len(list)))
	for _, s := range list {
		w.text(s)
	}
}

// line writes points as steps, which are short along a road.
func (w *writer) line(points ...geo.Point) {
	var lon, lat int64
	for _, p := range points {
		nextLon, nextLat := int64(math.Round(p.Lon*microdegrees)), int64(math.Round(p.Lat*microdegrees))
		w.int(nextLon - lon)
		w.int(nextLat - lat)
		lon, lat = nextLon, nextLat
	}
}

func (w *writer) shelter(s *Shelter) {
	w.text(s.ID)
	w.text(s.Name)
	w.line(s.At)
	w.count(s.Capacity)
	w.int(int64(s.Status))
	w.floats(s.DistanceM, s.TravelSeconds, s.DrySeconds)
	w.int(s.Assigned)
	w.texts(s.Resources)
	w.text(s.Contact)
}

func (w *writer) route(r *Route) {
	w.int(int64(r.Zone))
	w.int(int64(r.Shelter))
	w.int(r.People)
	w.int(int64(len(r.Departures)))
	for _, d := range r.Departures {
		w.floats(d.FromMinutes, d.ToMinutes, d.VehiclesPerMinute)
		w.int(d.People)
	}
	w.floats(r.LengthM, r.TravelSeconds)
	if r.Bottleneck == nil {
		w.bottlenecks(nil)
	} else {
		w.bottlenecks([]Bottleneck{*r.Bottleneck})
	}
	w.int(int64(len(r.Line)))
	w.line(r.Line...)
}

func (w *writer) bottlenecks(list []Bottleneck) {
	w.int(int64(len(list)))
	for i := range list {
		b := &list[i]
		w.int(b.Way)
		w.text(b.Name)
		w.line(b.From, b.To)
		w.floats(b.VehiclesPerHour, b.SaturatedMinutes)
		w.int(b.PeopleOverIt)
	}
}

func (w *writer) plan(p *Plan) {
	w.int(int64(p.Status))
	w.text(p.Objective)
	w.floats(p.ClearanceMinutes, p.LowerBoundMinutes, p.GapPercent, p.PrecedenceMinutes)
	w.count(p.Served)
	w.count(p.UnservedNoRoute)
	w.count(p.UnservedSheltersFull)
	w.bottlenecks(p.Bottlenecks)
	w.texts(p.Assumptions)
}

// Decode reads what AppendBinary wrote for an answer of the planner into a. Bytes that no answer can have
// are ErrEncoding: a cache must never turn garbage into a plan.
func Decode(data []byte, planner domain.ModelRef, a *Answer) error {
	if len(data) == 0 || data[0] != encodingVersion {
		return ErrEncoding
	}
	r := reader{data: data[1:]}
	out := Answer{Model: planner, GeneratedAt: time.UnixMilli(r.int()).UTC()}
	inner := 0.0
	for range r.length(zoneBytes) {
		z := Zone{Inner: inner, Outer: r.float(), ClearanceMinutes: r.float(), LowerBoundMinutes: r.float()}
		z.Priority, z.Affected = Priority(r.byte()), r.count()
		z.Served, z.UnservedNoRoute, z.UnservedSheltersFull = r.count(), r.count(), r.count()
		inner = z.Outer
		out.Zones = append(out.Zones, z)
	}
	for range r.length(shelterBytes) {
		out.Shelters = append(out.Shelters, r.shelter())
	}
	for range r.length(routeBytes) {
		out.Routes = append(out.Routes, r.route())
	}
	out.Plan = r.plan()
	for _, s := range [...]*string{&out.Sources.Roads, &out.Sources.Population, &out.Sources.Shelters, &out.Sources.Attribution} {
		*s = r.text()
	}
	if r.failed || len(r.data) > 0 || out.verify() != nil {
		return ErrEncoding
	}
	*a = out
	return nil
}

// The fewest bytes of each part, so that a count cannot claim more memory than its bytes are worth.
const (
	zoneBytes       = 3*8 + 5
	shelterBytes    = 3*8 + 9
	routeBytes      = 2*8 + 6
	departureBytes  = 3*8 + 1
	bottleneckBytes = 2*8 + 7
)

// reader reads what writer wrote. After the first thing that cannot be, it has failed and reads zeros.
type reader struct {
	data   []byte
	failed bool
}

func (r *reader) fail() {
	r.data, r.failed = nil, true
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.data)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[n:]
	return v
}

// byte reads a name's number; verify knows which there are.
func (r *reader) byte() byte {
	v := r.int()
	if v < 0 || v > math.MaxUint8 {
		r.fail()
		return 0
	}
	return byte(v)
}

func (r *reader) float() float64 {
	if len(r.data) < 8 {
		r.fail()
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(r.data))
	r.data = r.data[8:]
	return v
}

func (r *reader) count() Count {
	v := r.int()
	if v < -1 {
		r.fail()
	}
	if v < 0 {
		return Count{}
	}
	return Known(v)
}

// length reads how many things of at least size bytes follow.
func (r *reader) length(size int) int {
	n := r.int()
	if n < 0 || n > int64(len(r.data)/size) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) text() string {
	n := r.length(1)
	s := string(r.data[:n])
	r.data = r.data[n:]
	return s
}

func (r *reader) texts() (list []string) {
	for range r.length(1) {
		list = append(list, r.text())
	}
	return list
}

func (r *reader) line(n int) []geo.Point {
	points := make([]geo.Point, n)
	var lon, lat int64
	for i := range points {
		lon += r.int()
		lat += r.int()
		points[i] = geo.Point{Lon: float64(lon) / microdegrees, Lat: float64(lat) / microdegrees}
	}
	return points
}

func (r *reader) shelter() Shelter {
	s := Shelter{ID: r.text(), Name: r.text()}
	s.At = r.line(1)[0]
	s.Capacity, s.Status = r.count(), ShelterStatus(r.byte())
	s.DistanceM, s.TravelSeconds, s.DrySeconds = r.float(), r.float(), r.float()
	s.Assigned, s.Resources, s.Contact = r.int(), r.texts(), r.text()
	return s
}

func (r *reader) route() Route {
	out := Route{Zone: int(r.int()), Shelter: int(r.int()), People: r.int()}
	for range r.length(departureBytes) {
		d := Departure{FromMinutes: r.float(), ToMinutes: r.float(), VehiclesPerMinute: r.float()}
		d.People = r.int()
		out.Departures = append(out.Departures, d)
	}
	out.LengthM, out.TravelSeconds = r.float(), r.float()
	switch list := r.bottlenecks(); len(list) {
	case 0:
	case 1:
		out.Bottleneck = &list[0]
	default:
		r.fail()
	}
	out.Line = r.line(r.length(2))
	return out
}

func (r *reader) bottlenecks() (list []Bottleneck) {
	for range r.length(bottleneckBytes) {
		b := Bottleneck{Way: r.int(), Name: r.text()}
		ends := r.line(2)
		b.From, b.To = ends[0], ends[1]
		b.VehiclesPerHour, b.SaturatedMinutes, b.PeopleOverIt = r.float(), r.float(), r.int()
		list = append(list, b)
	}
	return list
}

func (r *reader) plan() Plan {
	p := Plan{Status: Status(r.byte()), Objective: r.text()}
	p.ClearanceMinutes, p.LowerBoundMinutes, p.GapPercent, p.PrecedenceMinutes = r.float(), r.float(), r.float(), r.float()
	p.Served, p.UnservedNoRoute, p.UnservedSheltersFull = r.count(), r.count(), r.count()
	p.Bottlenecks, p.Assumptions = r.bottlenecks(), r.texts()
	return p
}
