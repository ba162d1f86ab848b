package evacuation

import (
	"math"
	"slices"
	"strconv"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
)

// Priority says who leaves first.
type Priority uint8

// The priorities, most urgent first.
const (
	PriorityImmediate Priority = iota
	PriorityHigh
	PriorityMedium
	PriorityLow

	// NumPriorities counts the priorities.
	NumPriorities
)

var (
	priorityNames  = [NumPriorities]string{"immediate", "high", "medium", "low"}
	priorityColors = [NumPriorities]string{"#b2182b", "#ef8a62", "#fddb6b", "#67a9cf"}
)

// String returns the contract's name.
func (p Priority) String() string { return priorityNames[min(p, NumPriorities-1)] }

// Color returns the colour in which a map shows the priority, "#rrggbb".
func (p Priority) Color() string { return priorityColors[min(p, NumPriorities-1)] }

// priorityOffsets move the priority of the innermost ring. A level that is not known is taken for high:
// it must never read as no risk.
var priorityOffsets = [domain.NumLevels]int{
	domain.LevelExtreme: -1, domain.LevelHigh: 0, domain.LevelUnknown: 0,
	domain.LevelModerate: 1, domain.LevelLow: 2, domain.LevelVeryLow: 3,
}

// PriorityOf returns the priority of a ring, 0 the innermost, at a level of risk.
func PriorityOf(level domain.Level, ring int) Priority {
	return Priority(min(max(priorityOffsets[level]+ring, 0), int(NumPriorities)-1))
}

// Zone is a ring around the centre: farther than Inner and at most Outer metres away.
type Zone struct {
	Inner, Outer float64
	Priority     Priority
	// Affected are the people of this ring only, so that nobody is counted twice.
	Affected Count
	// The three counts add up to Affected; not known where there is no plan.
	Served, UnservedNoRoute, UnservedSheltersFull Count
	// ClearanceMinutes is when the last of those who are served is in a shelter. No plan that leaves the zones inside as
	// they are serves as many before LowerBoundMinutes. NaN when not known.
	ClearanceMinutes, LowerBoundMinutes float64
}

// ZoneID names the zone i of an answer, 0 the innermost.
func ZoneID(i int) string { return "zone_" + strconv.Itoa(i+1) }

// zonesOf returns the zones of a canonical request, without people.
func zonesOf(r *Request) []Zone {
	zones := make([]Zone, len(r.Radii))
	inner, level := 0.0, r.Level()
	for i, outer := range r.Radii {
		zones[i] = Zone{Inner: inner, Outer: outer, Priority: PriorityOf(level, i), ClearanceMinutes: math.NaN(), LowerBoundMinutes: math.NaN()}
		inner = outer
	}
	return zones
}

// CountByDensity fills the zones with people who are spread evenly, perKM2 on each square kilometre.
func CountByDensity(zones []Zone, perKM2 float64) {
	people := make([]float64, len(zones))
	for i := range zones {
		people[i] = perKM2 * ringArea(zones[i].Inner, zones[i].Outer) / 1e6
	}
	for i, n := range Apportion(people) {
		zones[i].Affected = Known(n)
	}
}

// ringArea returns the area in m2 between two circles on the sphere, whose caps have 4πR² sin²(r/2R).
func ringArea(inner, outer float64) float64 {
	half := func(r float64) float64 { return math.Sin(r / (2 * geo.EarthRadius)) }
	in, out := half(inner), half(outer)
	return 4 * math.Pi * geo.EarthRadius * geo.EarthRadius * (out - in) * (out + in)
}

// Apportion rounds amounts that are not negative to whole numbers whose sum is the rounded sum of the
// amounts, by largest remainder; of equal remainders the first wins.
func Apportion(amounts []float64) []int64 {
	out, order := make([]int64, len(amounts)), make([]int, len(amounts))
	var sum float64
	var given int64
	for i, v := range amounts {
		out[i], order[i] = int64(v), i
		sum += v
		given += out[i]
	}
	remainder := func(i int) float64 { return amounts[i] - math.Floor(amounts[i]) }
	slices.SortStableFunc(order, func(a, b int) int {
		switch x, y := remainder(a), remainder(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	// Rounding of the sum itself can ask for no more than one a place.
	for _, i := range order[:min(max(int64(math.Round(sum))-given, 0), int64(len(order)))] {
		out[i]++
	}
	return out
}
