package roadplan

import (
	"cmp"
	"encoding/binary"
	"iter"
	"slices"

	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/quickest"
	"github.com/guardy-ai/guardy/domain/roads"
)

// steps yields the road segments of a departure, in order.
func (g *graph) steps(dep *quickest.Departure) iter.Seq[roads.Step] {
	return func(yield func(roads.Step) bool) {
		for _, e := range dep.Path {
			for _, s := range g.links[e].Steps {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// tell completes the answer with what the plan says.
func (d *draft) tell(g *graph, plan *quickest.Plan) {
	a := d.answer
	busy := d.busyRoads(g, plan)
	byPath := map[string]int{}
	latest := make([]int, len(a.Zones))
	for i := range latest {
		latest[i] = -1
	}
	var key []byte
	for i := range plan.Departures {
		dep := &plan.Departures[i]
		zone, shelter := int(dep.Rank), g.shelters[dep.Sink][0]
		latest[zone] = max(latest[zone], dep.Arrival(&g.network))

		key = binary.AppendUvarint(binary.AppendUvarint(key[:0], uint64(dep.Source)), uint64(dep.Sink))
		for _, e := range dep.Path {
			key = binary.AppendUvarint(key, uint64(e))
		}
		at, known := byPath[string(key)]
		if !known {
			at = len(a.Routes)
			byPath[string(key)] = at
			a.Routes = append(a.Routes, d.route(g, dep, zone, shelter, busy))
		}
		people := int64(dep.Units) * int64(dep.Last-dep.First+1)
		a.Routes[at].People += people
		a.Routes[at].Departures = append(a.Routes[at].Departures, evacuation.Departure{
			FromMinutes: minutes(dep.First), ToMinutes: minutes(dep.Last + 1), People: people,
			VehiclesPerMinute: float64(dep.Units) / d.request.PersonsPerVehicle * 60 / stepSeconds,
		})
		a.Shelters[shelter].Assigned += people
	}
	for z := range a.Zones {
		if latest[z] >= 0 {
			a.Zones[z].EvacuationMinutes = minutes(latest[z])
		}
	}
	slices.SortStableFunc(a.Routes, func(x, y evacuation.Route) int {
		return cmp.Or(cmp.Compare(x.Zone, y.Zone), cmp.Compare(y.People, x.People))
	})
	for i := range a.Routes {
		slices.SortStableFunc(a.Routes[i].Departures, func(x, y evacuation.Departure) int { return cmp.Compare(x.FromMinutes, y.FromMinutes) })
	}
	for i := range a.Shelters {
		s := &a.Shelters[i]
		if room := g.scenario.Sinks[i].Capacity; s.Status == evacuation.ShelterOpen && s.Assigned > 0 && s.Assigned == int64(room) {
			s.Status = evacuation.ShelterFull
		}
	}
	a.Plan.Bottlenecks = worst(busy)
}

// route returns the way of a departure, without people.
func (d *draft) route(g *graph, dep *quickest.Departure, zone, shelter int, busy map[int32]*evacuation.Bottleneck) evacuation.Route {
	n := d.ground.region.Roads
	r := evacuation.Route{Zone: zone, Shelter: shelter}
	for _, e := range dep.Path {
		{
			r.LengthM += g.links[e].Metres
			r.TravelSeconds += g.links[e].Seconds
			if b := busy[e]; b != nil && (r.Bottleneck == nil || b.SaturatedMinutes > r.Bottleneck.SaturatedMinutes) {
				r.Bottleneck = b
			}
		}
	}
	if r.Bottleneck != nil {
		own := *r.Bottleneck
		r.Bottleneck = &own
	}
	for s := range g.steps(dep) {
		line := n.Line(s.Segment())
		if s.IsBackward() {
			line.A, line.B = line.B, line.A
		}
		if len(r.Line) == 0 {
			r.Line = append(r.Line, line.A)
		}
		r.Line = append(r.Line, line.B)
	}
	if len(r.Line) == 0 { // who lives beside the shelter does not drive
		s := &d.ground.region.Shelters[shelter]
		r.Line = []geo.Point{n.Point(s.Vertex), s.Point}
	}
	return r
}

// busyRoads returns the edges that carry all they can for a while, by number.
func (d *draft) busyRoads(g *graph, plan *quickest.Plan) map[int32]*evacuation.Bottleneck {
	n := d.ground.region.Roads
	loads := map[int32][]int32{} // people who enter, by step
	for i := range plan.Departures {
		dep := &plan.Departures[i]
		for k, e := range dep.Path {
			load := loads[e]
			if load == nil {
				load = make([]int32, plan.Clearance+1)
				loads[e] = load
			}
			for t := dep.First; t <= dep.Last; t++ {
				load[t+int(dep.Enter[k])] += dep.Units
			}
		}
	}
	busy := map[int32]*evacuation.Bottleneck{}
	for e, load := range loads {
		full, people := 0, int64(0)
		for t, units := range load {
			people += int64(units)
			if int64(units) == g.network.Entries(&g.network.Edges[e], t+1)-g.network.Entries(&g.network.Edges[e], t) {
				full++
			}
		}
		if full == 0 {
			continue
		}
		link := &g.links[e]
		way := n.Way(narrowest(n, link))
		busy[e] = &evacuation.Bottleneck{
			Way: way.ID, Name: way.Name, From: n.Point(link.From), To: n.Point(link.To),
			VehiclesPerHour: float64(link.Capacity), PeopleOverIt: people, SaturatedMinutes: minutes(full),
		}
	}
	return busy
}

// maxBottlenecks bounds how many are told.
const maxBottlenecks = 10

// worst returns the roads that are full longest, each way once.
func worst(busy map[int32]*evacuation.Bottleneck) []evacuation.Bottleneck {
	edges := make([]int32, 0, len(busy))
	for e := range busy {
		edges = append(edges, e)
	}
	slices.SortFunc(edges, func(a, b int32) int {
		return cmp.Or(cmp.Compare(busy[b].SaturatedMinutes, busy[a].SaturatedMinutes), cmp.Compare(busy[b].PeopleOverIt, busy[a].PeopleOverIt), cmp.Compare(a, b))
	})
	var out []evacuation.Bottleneck
	seen := map[int64]bool{}
	for _, e := range edges {
		if b := busy[e]; !seen[b.Way] && len(out) < maxBottlenecks {
			seen[b.Way] = true
			out = append(out, *b)
		}
	}
	return out
}

// narrowest returns the segment that bounds what a link takes.
func narrowest(n *roads.Network, l *roads.Link) roads.Segment {
	for _, s := range l.Steps {
		if n.Way(s.Segment()).Capacity == l.Capacity {
			return s.Segment()
		}
	}
	return l.Steps[0].Segment()
}
