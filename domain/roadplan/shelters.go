package roadplan

import (
	"fmt"
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/region"
	"github.com/guardy-ai/guardy/domain/roads"
)

// openShelters fills the answer's shelters in the order of the region and returns how many people each one
// takes: none where it is closed or where nobody knows.
func (d *draft) openShelters() []int64 {
	from, ok := d.start()
	room := make([]int64, len(d.ground.region.Shelters))
	unknown := 0
	for i := range d.ground.region.Shelters {
		s := &d.ground.region.Shelters[i]
		to := evacuation.Shelter{
			ID: s.ID, Name: s.Name, At: s.Point, Resources: s.Resources, Contact: s.Contact,
			DistanceM: nan, TravelSeconds: nan, DrySeconds: nan,
		}
		if ok {
			d.travel(&to, from, roads.At(s.Vertex))
		}
		if s.Capacity != region.CapacityUnknown {
			to.Capacity = evacuation.Known(int64(s.Capacity))
			room[i] = int64(s.Capacity)
		} else {
			unknown++
			room[i], _ = d.request.AssumeCapacity.Get()
		}
		if d.isUnderWater(s.Point) {
			to.Status, room[i] = evacuation.ShelterFlooded, 0
		}
		d.answer.Shelters = append(d.answer.Shelters, to)
	}
	if unknown > 0 {
		d.noteUnknown(unknown)
	}
	return room
}

func (d *draft) noteUnknown(shelters int) {
	if assumed, known := d.request.AssumeCapacity.Get(); known {
		d.note(fmt.Sprintf("The capacity of %d shelters is not known; assume_capacity lets each take %d people.", shelters, assumed))
		return
	}
	d.note(fmt.Sprintf("The capacity of %d shelters is not known; they take nobody unless assume_capacity says how many.", shelters))
}

// start returns from where ways to the shelters are measured: the road nearest to the centre or, where that is
// under water, the nearest crossing that is not.
func (d *draft) start() (from roads.Place, ok bool) {
	n := d.ground.region.Roads
	s, ok := n.Snap(d.centre)
	if !ok || !d.mask.Blocks(s.Segment) {
		return s.Place, ok
	}
	nearest := math.Inf(1)
	d.ground.crossings(d, func(v roads.Vertex, metres float64) {
		open := slices.ContainsFunc(n.Steps(v), func(s roads.Step) bool { return n.IsAllowed(s) && !d.mask.Blocks(s.Segment()) })
		if open && metres < nearest {
			from, nearest = roads.At(v), metres
		}
	})
	if math.IsInf(nearest, 1) {
		d.note("Every road of the zones is under water: there are no ways from the centre to the shelters.")
		return s.Place, true
	}
	d.note(fmt.Sprintf("The centre is under water: ways to the shelters are measured from the nearest open crossing, %.0f m away.", nearest))
	return from, true
}

// travel fills how far a shelter is from the centre.
func (d *draft) travel(s *evacuation.Shelter, from, to roads.Place) {
	n := d.ground.region.Roads
	dry, ok := n.Route(from, to, nil, d.steps)
	d.steps = dry.Steps
	if !ok {
		return
	}
	s.DrySeconds = dry.Seconds
	s.DistanceM, s.TravelSeconds = dry.Metres, dry.Seconds
	if d.mask == nil {
		return
	}
	wet, ok := n.Route(from, to, d.mask, d.steps)
	d.steps = wet.Steps
	if !ok {
		s.DistanceM, s.TravelSeconds = nan, nan
		return
	}
	s.DistanceM, s.TravelSeconds = wet.Metres, wet.Seconds
}

// isUnderWater reports whether a shelter at p is closed. Where the water is not known, the largest zone is
// what has to be left, so nothing in it is a place to go to.
func (d *draft) isUnderWater(p geo.Point) bool {
	if d.water != nil {
		return d.water.Covers(p)
	}
	return d.metresTo(p) <= d.outer
}
