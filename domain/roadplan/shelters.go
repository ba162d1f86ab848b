package roadplan

import (
	"fmt"

	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/region"
	"github.com/guardy-ai/guardy/domain/roads"
)

// openShelters fills the answer's shelters in the order of the region and returns how many people each one
// takes: none where it is closed or where nobody knows.
func (d *draft) openShelters() []int64 {
	n := d.ground.region.Roads
	from, ok := n.Snap(d.centre)
	room := make([]int64, len(d.ground.region.Shelters))
	unknown := 0
	for i := range d.ground.region.Shelters {
		s := &d.ground.region.Shelters[i]
		to := evacuation.Shelter{
			ID: s.ID, Name: s.Name, At: s.Point, Resources: s.Resources, Contact: s.Contact,
			DistanceM: nan, TravelSeconds: nan, DrySeconds: nan,
		}
		if ok {
			d.travel(&to, from.Place, roads.At(s.Vertex))
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
