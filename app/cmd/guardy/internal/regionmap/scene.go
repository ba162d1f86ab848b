// Package regionmap draws a region, the water on it and the plan of an evacuation as SVG, PNG, or a page that
// needs nothing but a browser.
package regionmap

import (
	"errors"
	"math"

	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/region"
	"github.com/guardy-ai/guardy/domain/roads"
)

// Scene is what is drawn.
type Scene struct {
	Region  *region.Region
	Water   geo.MultiPolygon // nil where it is not known
	Bridges roads.Bridges
	// Request and Answer are nil where nothing was planned. The request is canonical.
	Request *evacuation.Request
	Answer  *evacuation.Answer
}

// marker is a shelter as it is drawn.
type marker struct {
	at     geo.Point
	status evacuation.ShelterStatus
	room   float64 // people; NaN where it is not known
}

// markers returns the shelters: as the plan leaves them, or without one as the water does.
func (s *Scene) markers() []marker {
	var out []marker
	if s.Answer != nil {
		for i := range s.Answer.Shelters {
			from := &s.Answer.Shelters[i]
			m := marker{from.At, from.Status, math.NaN()}
			if n, known := from.Capacity.Get(); known {
				m.room = float64(n)
			} else if n, assumed := s.Request.AssumeCapacity.Get(); assumed {
				m.room = float64(n)
			}
			out = append(out, m)
		}
		return out
	}
	water := geo.NewArea(s.Water)
	for i := range s.Region.Shelters {
		from := &s.Region.Shelters[i]
		m := marker{from.Point, evacuation.ShelterOpen, math.NaN()}
		if from.Capacity != region.CapacityUnknown {
			m.room = float64(from.Capacity)
		}
		if water.Covers(m.at) {
			m.status = evacuation.ShelterFlooded
		}
		out = append(out, m)
	}
	return out
}

var errNothing = errors.New("the region has no road to draw")

// bounds returns what has to be seen: the zones with everything that the plan uses, or the whole network.
func (s *Scene) bounds() (geo.Box, error) {
	if s.Region.Roads.NumSegments() == 0 {
		return geo.Box{}, errNothing
	}
	if s.Answer == nil {
		box := s.Region.Roads.Box()
		for i := range s.Region.Shelters {
			box = box.Add(s.Region.Shelters[i].Point)
		}
		return box, nil
	}
	box := geo.Around(s.Request.Centre(), s.Answer.Zones[len(s.Answer.Zones)-1].Outer)
	for i := range s.Answer.Routes {
		for _, p := range s.Answer.Routes[i].Line {
			box = box.Add(p)
		}
	}
	for i := range s.Answer.Shelters {
		if s.Answer.Shelters[i].Assigned > 0 {
			box = box.Add(s.Answer.Shelters[i].At)
		}
	}
	return box, nil
}
