package roadplan

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/region"
)

// Complete implements evacuation.RegionPlanner.
func (g *Ground) Complete(card *domain.ModelCard) {
	f := g.region.Roads.Figures()
	people := g.region.People.Total()
	var unknown int
	for _, s := range g.region.Shelters {
		if s.Capacity == region.CapacityUnknown {
			unknown++
		}
	}
	facts := map[string]any{
		"source": g.Describe(), "digest": g.region.Origin.Digest, "attribution": region.Attribution,
		"vertices": f.Vertices, "segments": f.Segments, "directed_edges": f.DirectedEdges, "kilometres": f.Metres / 1000,
		"shelters": len(g.region.Shelters), "shelters_of_unknown_capacity": unknown,
		"cells": len(g.region.People.Cells()), "people": people, "defects": g.region.Defects.Total(),
	}
	card.Training, _ = json.Marshal(map[string]any{"region": facts}) // strings and finite numbers always encode
	var b strings.Builder
	fmt.Fprintf(&b, `
Region: %s. %d road segments, %d shelters (%d of unknown capacity), %.0f people in %d places; %d things in the files could
not be used (guardy region check lists them). Roads %s.

Routes are the fastest under the cost model evac-cost-1: no turn restrictions, no traffic lights, no other traffic. Roads that
touch the water are closed both ways. The plan is an integer dynamic flow in steps of %d s; it is replayed against
capacities, shelters and the water before it is answered, and lower_bound_minutes is proven for the same network and steps.
The routes that are told sum the plan up in windows of five minutes; the sum itself is not replayed.
`, g.Describe(), f.Segments, len(g.region.Shelters), unknown, people, len(g.region.People.Cells()), g.region.Defects.Total(), region.Attribution, stepSeconds)
	card.Text += b.String()
}
