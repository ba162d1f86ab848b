package regionmap

import (
	"cmp"
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain/evacuation"
)

// shelterStyles are those of the statuses.
var shelterStyles = [evacuation.NumShelterStatuses]struct {
	style
	says string
}{
	evacuation.ShelterOpen:        {style{class: "shelter-open", light: "#15803d", dark: "#4ade80"}, "shelter, open (larger for more room)"},
	evacuation.ShelterFlooded:     {style{class: "shelter-flooded", light: "#1c5d99", dark: "#69b1f0"}, "shelter, flooded"},
	evacuation.ShelterUnreachable: {style{class: "shelter-unreachable", light: "#6b7280", dark: "#9aa4b0"}, "shelter, unreachable"},
	evacuation.ShelterFull:        {style{class: "shelter-full", light: "#e07b00", dark: "#ffb454"}, "shelter, full"},
}

// The diameters of shelters.
const (
	smallShelter = 14.0 // of unknown capacity too
	largeShelter = 30.0
)

func (p *Picture) drawShelters(v *view, shelters []marker, key *legend) {
	most := 1.0
	for _, m := range shelters {
		if !math.IsNaN(m.room) {
			most = max(most, m.room)
		}
	}
	diameter := func(room float64) float64 {
		if math.IsNaN(room) {
			return smallShelter
		}
		return math.Round(smallShelter + (largeShelter-smallShelter)*math.Sqrt(room/most))
	}
	// Large ones first, so that they hide none, and open ones on closed ones.
	slices.SortStableFunc(shelters, func(a, b marker) int {
		return cmp.Or(cmp.Compare(drawnLate(a.status), drawnLate(b.status)), cmp.Compare(diameter(b.room), diameter(a.room)))
	})
	var seen [evacuation.NumShelterStatuses]bool
	for _, m := range shelters {
		if d, inside := v.dot(m.at, diameter(m.room)+4); inside {
			p.shelter(d, m.status, diameter(m.room))
			seen[m.status] = true
		}
	}
	for status, drawn := range seen {
		if drawn {
			key.add(shelterStyles[status].says, func(p *Picture, x, y float64) {
				p.shelter(at(x+27, y), evacuation.ShelterStatus(status), 22)
			})
		}
	}
}

func drawnLate(s evacuation.ShelterStatus) int {
	if s == evacuation.ShelterOpen || s == evacuation.ShelterFull {
		return 1
	}
	return 0
}

// shelter draws one: a disc, with a cross where it is flooded, hollow where nobody can come.
func (p *Picture) shelter(d point, status evacuation.ShelterStatus, diameter float64) {
	s := shelterStyles[status].style
	p.add(outline.wide(diameter+4), []line{{d}})
	p.add(s.wide(diameter), []line{{d}})
	if status == evacuation.ShelterUnreachable {
		p.add(outline.wide(diameter-6), []line{{d}})
	}
	if status == evacuation.ShelterFlooded {
		arm := int32(diameter * tenths / 5)
		p.add(outline.wide(2.5), []line{{{d.x - arm, d.y - arm}, {d.x + arm, d.y + arm}}, {{d.x - arm, d.y + arm}, {d.x + arm, d.y - arm}}})
	}
}
