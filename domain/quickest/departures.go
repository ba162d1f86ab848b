package quickest

import (
	"cmp"
	"slices"
)

// Departure is a group of units that go the same way: at each step from First to Last, Units of them leave
// the source.
type Departure struct {
	Rank         int32 // of the source
	Source, Sink int32 // nodes
	// Path are the indices of the edges in Network.Edges; it is empty where the source is the sink.
	Path []int32
	// Enter says for each edge of Path how many steps after its departure a unit enters it.
	Enter       []int32
	First, Last int   // steps
	Units       int32 // that leave at each step
}

// Arrival returns the step at which the last of the group is at the sink.
func (d *Departure) Arrival(n *Network) int {
	if len(d.Path) == 0 {
		return d.Last
	}
	end := len(d.Path) - 1
	return d.Last + int(d.Enter[end]) + int(n.Edges[d.Path[end]].Transit)
}

// departures makes the ways that people go of trips.
func (w *work) departures() []Departure { return w.p.group(w.trips) }

// departure returns a trip in the words of the network. It shares the memory of the trip, which is not one any more.
func (p *problem) departure(tr *trip) *Departure {
	for k, i := range tr.path {
		tr.path[k] = p.edges[i].edge
	}
	return &Departure{
		Rank: tr.rank, Source: tr.source, Sink: tr.sink, Path: tr.path, Enter: tr.enter,
		First: int(tr.leave), Last: int(tr.leave), Units: tr.units,
	}
}

// group merges trips of the same way, and those at consecutive steps.
func (p *problem) group(trips []trip) []Departure {
	slices.SortFunc(trips, func(a, b trip) int { return cmp.Or(compareWays(&a, &b), cmp.Compare(a.leave, b.leave)) })
	trips = mergeSteps(trips)
	var groups []Departure
	var first *trip // of the newest group
	for i := range trips {
		tr := &trips[i]
		if i > 0 && compareWays(first, tr) == 0 {
			if d := &groups[len(groups)-1]; d.Last+1 == int(tr.leave) && d.Units == tr.units {
				d.Last++
				continue
			}
		}
		kept := tr.clone()
		first = &kept
		groups = append(groups, *p.departure(tr))
	}
	return groups
}

// compareWays orders trips by everything but their departure and their units.
func compareWays(a, b *trip) int {
	return cmp.Or(
		cmp.Compare(a.rank, b.rank), cmp.Compare(a.source, b.source), cmp.Compare(a.sink, b.sink),
		slices.Compare(a.path, b.path), slices.Compare(a.enter, b.enter),
	)
}

// mergeSteps adds up the trips of one way and one step.
func mergeSteps(trips []trip) []trip {
	merged := trips[:0]
	for _, tr := range trips {
		if n := len(merged) - 1; n >= 0 && merged[n].leave == tr.leave && compareWays(&merged[n], &tr) == 0 {
			merged[n].units += tr.units
			continue
		}
		merged = append(merged, tr)
	}
	return merged
}
