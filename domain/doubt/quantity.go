package doubt

import (
	"math"
	"strings"
)

// Quantity is the kind of a measurement, as far as it changes what a number can mean.
type Quantity uint8

// The quantities. Other knows nothing of its values, so only numbers that stand out in any unit are codes.
const (
	Other       Quantity = iota
	Rain                 // mm, of any duration
	Temperature          // °C, of air or water
	Humidity             // %
	Level                // m
	Discharge            // m3/s
	River                // a level or a discharge in a unit that only the client knows
	Voltage              // V
	Signal               // dBm
	Attribute            // a property of a site that does not change with time

	// NumQuantities counts the quantities.
	NumQuantities
)

var quantityNames = [NumQuantities]string{
	"other", "rain", "temperature", "humidity", "level", "discharge", "river", "voltage", "signal", "attribute",
}

// String returns the name of the quantity.
func (q Quantity) String() string { return quantityNames[min(q, NumQuantities-1)] }

// span is a closed interval.
type span struct{ low, high float64 }

func (s span) holds(v float64) bool { return v >= s.low && v <= s.high }

// possible are the spans outside which nothing of the kind is measured. They are wider than any record,
// because inside them a code may be a measurement and outside it cannot be.
var possible = [NumQuantities]span{
	Other:       {math.Inf(-1), math.Inf(1)},
	Rain:        {0, 2000},    // the record of a day is 1825 mm (WMO Archive of Weather and Climate Extremes)
	Temperature: {-95, 65},    // the records are -89.2 and 56.7 °C (same archive)
	Humidity:    {0, 120},     // capacitive sensors overshoot in fog
	Level:       {-100, 9000}, // below ground in a well, above the sea in a mountain
	Discharge:   {-100, 4e5},  // backwater, the Amazon's record
	River:       {-100, 4e8},  // as both, up to l/s
	Voltage:     {-1, 100},    // of a battery or a solar panel
	Signal:      {-160, 20},   // of any radio
	Attribute:   {-500, 1e7},  // an elevation, an area in km2
}

// IsPossible reports whether anything of the quantity was ever near v: what is outside is an error, whether it is
// a code or not.
func IsPossible(q Quantity, v float64) bool { return possible[min(q, NumQuantities-1)].holds(v) }

// QuantityOf guesses the quantity of a variable by its name, as "water_level_m" or "discharge_m3s". It
// answers Other for a name that tells nothing.
func QuantityOf(name string) Quantity {
	name = strings.ToLower(name)
	for _, w := range nameWords {
		if strings.Contains(name, w.word) {
			return w.quantity
		}
	}
	return Other
}

// nameWords are searched in their order: what a name says first decides little, so "water_temperature"
// must find the temperature before the water.
var nameWords = []struct {
	word     string
	quantity Quantity
}{
	{"temp", Temperature},
	{"humid", Humidity},
	{"rain", Rain},
	{"precip", Rain},
	{"signal", Signal},
	{"rssi", Signal},
	{"volt", Voltage},
	{"batter", Voltage},
	{"discharge", Discharge},
	{"streamflow", Discharge},
	{"m3s", Discharge},
	{"cfs", Discharge},
	{"level", Level},
	{"stage", Level},
	{"gage_height", Level},
	{"gauge_height", Level},
}
