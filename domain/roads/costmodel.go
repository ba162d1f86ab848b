package roads

import (
	"strconv"
	"strings"
)

// CostModel names the rules of this file, so that an answer can say by which it was made.
const CostModel = "evac-cost-1"

// Tag is a key and a value of OpenStreetMap.
type Tag struct{ Key, Value string }

// Tags describe a node or a way. A key should stand there once; of several the first counts.
type Tags []Tag

// Get returns the value of key and whether there is one.
func (ts Tags) Get(key string) (string, bool) {
	for _, t := range ts {
		if t.Key == key {
			return t.Value, true
		}
	}
	return "", false
}

// class is what the kind of a highway stands for where its tags do not say more.
type class struct {
	speed float64 // km/h
	lane  int     // vehicles an hour and lane
	lanes int     // per direction
}

// classes are the accepted values of highway. The capacities and lanes are those of MATSim's
// OsmNetworkReader for the kinds that it has.
var classes = map[string]class{
	"motorway":       {100, 2000, 2},
	"motorway_link":  {60, 1500, 1},
	"trunk":          {80, 2000, 1},
	"trunk_link":     {50, 1500, 1},
	"primary":        {60, 1500, 1},
	"primary_link":   {50, 1500, 1},
	"secondary":      {50, 1000, 1},
	"secondary_link": {40, 1000, 1},
	"tertiary":       {40, 600, 1},
	"tertiary_link":  {30, 600, 1},
	"unclassified":   {40, 600, 1},
	"residential":    {30, 600, 1},
	"living_street":  {10, 300, 1},
	"service":        {15, 300, 1},
	"road":           {30, 300, 1},
}

// Profile is what evac-cost-1 makes of a way.
type Profile struct {
	Speed    float64 // km/h
	Capacity int32   // vehicles an hour in each direction that is open
	Forward  bool    // in the order of the nodes
	Backward bool
	Bridge   bool // stays open over water where bridges do
}

// ProfileOf applies evac-cost-1 to the tags of a way; ok is false when cars cannot use it.
func ProfileOf(tags Tags) (p Profile, ok bool) {
	highway, _ := tags.Get("highway")
	c, ok := classes[highway]
	if area, _ := tags.Get("area"); !ok || area == "yes" || isDenied(accessOf(tags)) {
		return Profile{}, false
	}
	if p.Forward, p.Backward = directionOf(highway, tags); !p.Forward && !p.Backward {
		return Profile{}, false
	}
	p.Speed = speedOf(tags, c)
	p.Capacity = int32(c.lane * lanesOf(tags, c, p.Forward && p.Backward))
	bridge, tagged := tags.Get("bridge")
	p.Bridge = tagged && bridge != "no"
	return p, true
}

// accessOf returns the first access tag that is present, in the order of their meaning for cars.
func accessOf(tags Tags) string {
	for _, key := range [...]string{"motorcar", "motor_vehicle", "vehicle", "access"} {
		if v, ok := tags.Get(key); ok {
			return v
		}
	}
	return ""
}

func isDenied(access string) bool {
	switch access {
	case "no", "private", "agricultural", "forestry", "military", "emergency", "psv", "bus", "delivery":
		return true
	}
	return false
}

// IsClosedBarrier reports whether a node with these tags cannot be passed.
func IsClosedBarrier(tags Tags) bool {
	barrier, ok := tags.Get("barrier")
	if !ok {
		return false
	}
	access := accessOf(tags)
	switch barrier {
	case "bollard", "block", "jersey_barrier", "debris", "log", "cycle_barrier", "motorcycle_barrier", "stile",
		"kissing_gate", "turnstile", "horse_stile":
		switch access {
		case "yes", "permissive", "designated", "destination", "customers":
			return false
		}
		return true
	}
	return isDenied(access)
}

// directionOf returns neither direction for a way whose direction changes with the hour.
func directionOf(highway string, tags Tags) (forward, backward bool) {
	switch oneway, _ := tags.Get("oneway"); oneway {
	case "yes", "true", "1":
		return true, false
	case "-1", "reverse":
		return false, true
	case "no", "false", "0":
		return true, true
	case "reversible", "alternating":
		return false, false
	}
	junction, _ := tags.Get("junction")
	return true, highway != "motorway" && junction != "roundabout" && junction != "circular"
}

// Bounds of a signed speed, in km/h.
const (
	minSpeed = 5
	maxSpeed = 140
	kmhOfMph = 1.609344
)

// speedOf reads maxspeed where it matches ^\s*(\d+(\.\d+)?)\s*(km/h|kmh|kph|mph)?\s*$ and is not zero.
func speedOf(tags Tags, c class) float64 {
	text, _ := tags.Get("maxspeed")
	number, unit := cutNumber(strings.TrimSpace(text))
	switch unit {
	case "", "km/h", "kmh", "kph", "mph":
	default:
		return c.speed
	}
	speed, _ := strconv.ParseFloat(number, 64) // 0 without digits, infinite with too many
	if speed <= 0 {
		return c.speed
	}
	if unit == "mph" {
		speed *= kmhOfMph
	}
	return min(max(speed, minSpeed), maxSpeed)
}

// cutNumber splits text behind the decimal number at its begin, without the white space there. A point
// without a digit behind it is not part of the number.
func cutNumber(text string) (number, rest string) {
	n := countDigits(text)
	if n > 0 && n < len(text) && text[n] == '.' {
		if fraction := countDigits(text[n+1:]); fraction > 0 {
			n += 1 + fraction
		}
	}
	return text[:n], strings.TrimSpace(text[n:])
}

func countDigits(text string) int {
	n := 0
	for n < len(text) && '0' <= text[n] && text[n] <= '9' {
		n++
	}
	return n
}

// maxLanes bounds what is believed of a lanes tag.
const maxLanes = 20

// lanesOf returns the lanes of one direction.
func lanesOf(tags Tags, c class, bothWays bool) int {
	text, _ := tags.Get("lanes")
	lanes, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || lanes < 1 || lanes > maxLanes {
		return c.lanes
	}
	if bothWays {
		return max(1, lanes/2)
	}
	return lanes
}
