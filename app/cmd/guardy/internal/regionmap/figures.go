package regionmap

import (
	"fmt"
	"math"
	"strings"

	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/region"
	"github.com/guardy-ai/guardy/domain/roads"
)

// figure is a line of the table.
type figure struct{ Name, Value string }

// describe fills the heading, the table and the notes.
func (p *Picture) describe(s *Scene, mask *roads.Mask) {
	tell := func(name, format string, args ...any) {
		p.figures = append(p.figures, figure{name, fmt.Sprintf(format, args...)})
	}
	n := s.Region.Roads.Figures()
	ground := fmt.Sprintf("%.0f km of roads in %d segments", n.Metres/1000, n.Segments)
	if s.Water != nil {
		ground += fmt.Sprintf(", %.1f km in %d of them under water", mask.Metres()/1000, mask.Segments())
	}
	if s.Answer != nil {
		if n, assumed := s.Request.AssumeCapacity.Get(); assumed {
			ground += fmt.Sprintf("; shelters of unknown capacity are assumed to take %d", n)
		}
		p.describePlan(s, tell)
		p.heading = append(p.heading, ground)
	} else {
		p.heading = []string{
			"Region: " + strings.TrimSpace(s.Region.Origin.Names[region.SourceRoads]),
			fmt.Sprintf("%d shelters, %.0f people in %d places", len(s.Region.Shelters), s.Region.People.Total(), len(s.Region.People.Cells())),
			ground,
		}
	}
	tell("roads", "%.1f km in %d segments", n.Metres/1000, n.Segments)
	if s.Water != nil {
		tell("roads under water, closed", "%.1f km in %d segments", mask.Metres()/1000, mask.Segments())
	}
	tell("shelters of the region", "%d", len(s.Region.Shelters))
	tell("people of the region", "%.0f", s.Region.People.Total())
}

func (p *Picture) describePlan(s *Scene, tell func(name, format string, args ...any)) {
	a := s.Answer
	plan := &a.Plan
	name := s.Request.LocationName
	if name == "" {
		name = fmt.Sprintf("%.4f, %.4f", s.Request.Latitude, s.Request.Longitude)
	}
	p.heading = []string{"Evacuation: " + name}
	p.notes = plan.Assumptions
	status := strings.ReplaceAll(plan.Status.String(), "_", " ")
	tell("plan", "%s", status)
	for i := range a.Zones {
		z := &a.Zones[i]
		tell(fmt.Sprintf("people of the zone to %g m, %s", z.Outer, z.Priority), "%s", known(z.Affected))
	}
	if !plan.Status.HasPlan() {
		p.heading = append(p.heading, "No plan: "+status)
		return
	}
	p.heading = append(p.heading, fmt.Sprintf("%s people reach a shelter in %s min (proven bound %s min, gap %s %%); %s have no route, for %s the shelters are full",
		known(plan.Served), number(plan.ClearanceMinutes), number(plan.LowerBoundMinutes), number(plan.GapPercent),
		known(plan.UnservedNoRoute), known(plan.UnservedSheltersFull)))
	tell("people served", "%s", known(plan.Served))
	tell("people without a route", "%s", known(plan.UnservedNoRoute))
	tell("people for whom shelters are full", "%s", known(plan.UnservedSheltersFull))
	tell("clearance, minutes", "%s", number(plan.ClearanceMinutes))
	tell("proven lower bound, minutes", "%s", number(plan.LowerBoundMinutes))
	tell("gap, %", "%s", number(plan.GapPercent))
	tell("routes", "%d", len(a.Routes))
}

func known(c evacuation.Count) string {
	if n, ok := c.Get(); ok {
		return fmt.Sprint(n)
	}
	return "not known"
}

func number(v float64) string {
	if math.IsNaN(v) {
		return "not known"
	}
	return fmt.Sprintf("%.1f", v)
}
