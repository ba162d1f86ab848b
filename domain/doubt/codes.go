package doubt

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Certainty is how sure it is that a value is a code for no data.
type Certainty uint8

// The certainties.
const (
	NoCode Certainty = iota // an ordinary number
	Likely                  // a number that is used as a code and that the quantity can also have
	Exact                   // a code: the quantity does not have this value, or never in this form
)

// Code is a code for no data.
type Code struct {
	Certainty Certainty
	// Base is the code as its source writes it.
	Base float64
	// Conversion names what turned Base into the value, empty where nothing did: "ft3/s to m3/s".
	Conversion string
}

// String says what the code is, as in "the code -999999 for no data, converted from ft3/s to m3/s".
func (c Code) String() string {
	if c.Certainty == NoCode {
		return "no code"
	}
	if c.Conversion == "" {
		return fmt.Sprintf("the code %.10g for no data", c.Base)
	}
	return fmt.Sprintf("the code %.10g for no data, converted from %s", c.Base, c.Conversion)
}

// base is a code as a source writes it.
type base struct {
	value float64
	// A strong code stands out in any unit; a weak one may be a measurement where the quantity reaches it.
	strong bool
	// only restricts the code to some quantities, none to all.
	only []Quantity
}

// bases are the codes. Sources:
//
//   - runs of nines: -999999 of the USGS Water Services (also after the conversion to m3/s, as
//     -28316.8: RTIInternational/teehr#158, woink/upstate-fishing#51), -999 of NOAA's National Water
//     Prediction Service and of the Global Runoff Data Centre, -9999 of GHCN-Daily, Caravan and most grids, 9999.9,
//     999.9 and 99.99 of NOAA's Global Surface Summary of the Day (its readme), 999.9 and 9999 of the Integrated
//     Surface Database, fields filled with nines of the NASA Ames format, 999 of the historical files of the NDBC;
//   - runs of eights: -888 cm of German gauges, which reaches clients as -8.88 m, and -888888;
//   - loggers: 6999, 7999 and their negatives, the largest numbers of Campbell's two-byte format and its
//     NAN; -127 °C of a DS18B20 that does not answer; 99 and 199 of AT+CSQ (3GPP TS 27.007), which is
//     85 dBm after -113 + 2n; 127 and 255 of one-byte signal strengths;
//   - the extremes of 16 and 32 bits, signed and unsigned, and of single and double precision;
//   - the default fill values of netCDF (9.96921e36, -32767, -2147483647) and 1e20 of the CMIP tables.
var bases = slices.Concat(
	codes(strong, nil, -999, -9999, -99999, -999999, -9999999, -99999999, -999999999),
	codes(strong, nil, -999.9, -9999.9, -99999.9, -999.99, -9999.99, -999.999, -9999.999),
	codes(strong, nil, -888, -8888, -88888, -888888, -8888888, -7777, -77777, -777777, -6666, -6999, -7999),
	codes(weak, nil, -777, -99, -99.9, -99.99, -88.8),
	codes(weak, []Quantity{Temperature}, -127),

	codes(strong, nil, 999999, 9999999, 99999999, 999999999, 888888, 8888888),
	codes(strong, nil, 9999.9, 99999.9, 9999.99, 99999.99, 9999.999),
	codes(weak, nil, 999, 9999, 99999, 999.9, 999.99, 999.999, 8888, 88888, 6999, 7999),
	codes(strong, []Quantity{Other}, 6999, 7999), // of a logger's channel without a name of the contract
	codes(weak, []Quantity{Rain}, 99.99),
	codes(weak, []Quantity{Other, Temperature, Humidity}, 123.4),
	codes(weak, []Quantity{Signal}, 85, 99, 127, 199, 255),

	codes(strong, nil, math.MinInt16, -math.MaxInt16, math.MinInt32, -math.MaxInt32, math.MaxInt32, math.MaxUint32),
	codes(weak, nil, math.MaxInt16, math.MaxUint16),
	codes(strong, nil, math.MaxFloat32, -math.MaxFloat32, math.MaxFloat64, -math.MaxFloat64),
	codes(strong, nil, 9.969209968386869e36, 1e20, -1e20, 1e30, -1e30, 1e35, -1e34),
)

const strong, weak = true, false

// codes returns the bases of the values.
func codes(strong bool, only []Quantity, values ...float64) []base {
	out := make([]base, len(values))
	for i, v := range values {
		out[i] = base{v, strong, only}
	}
	return out
}

// conversion is what a client does to a value before it posts it: first the offset, then the factor.
type conversion struct {
	name           string
	offset, factor float64
}

func (c conversion) apply(v float64) float64 { return (v + c.offset) * c.factor }

// Factors between units. The foot is the international one.
const (
	footM       = 0.3048
	inchMM      = 25.4
	cubicFootM3 = footM * footM * footM // 0.028316846592
	mileKM      = 1.609344
	secondsADay = 86400
)

var (
	lengths = []conversion{
		{"ft to m", 0, footM},
		{"m to ft", 0, 1 / footM},
		{"cm to m", 0, 0.01},
		{"mm to m", 0, 0.001},
		{"dm to m", 0, 0.1},
		{"in to m", 0, inchMM / 1000},
		{"in to cm", 0, inchMM / 10},
		{"ft to cm", 0, 100 * footM},
		{"m to cm", 0, 100},
		{"m to mm", 0, 1000},
		{"cm to mm", 0, 10},
	}
	flows = []conversion{
		{"ft3/s to m3/s", 0, cubicFootM3},
		{"m3/s to ft3/s", 0, 1 / cubicFootM3},
		{"l/s to m3/s", 0, 0.001},
		{"m3/s to l/s", 0, 1000},
		{"kilo ft3/s to m3/s", 0, 1000 * cubicFootM3},
		{"Ml/day to m3/s", 0, 1000. / secondsADay},
		{"m3/day to m3/s", 0, 1. / secondsADay},
		{"ft3/s to l/s", 0, 1000 * cubicFootM3},
	}
	tenths = conversion{"tenths", 0, 0.1}
	shifts = []conversion{tenths, {"hundredths", 0, 0.01}}
)

// conversions are those that clients make of a quantity.
var conversions = [NumQuantities][]conversion{
	Other: append([]conversion{{"ft3/s to m3/s", 0, cubicFootM3}, {"ft to m", 0, footM}}, shifts...),
	Rain: {
		{"in to mm", 0, inchMM},
		{"mm to in", 0, 1 / inchMM},
		{"cm to mm", 0, 10},
		{"m to mm", 0, 1000},
		tenths,
		{"hundredths of an inch to mm", 0, inchMM / 100},
		{"tips of 0.2 mm", 0, 0.2},
		{"tips of 0.254 mm", 0, 0.254},
		{"kg/m2/s to mm/day", 0, secondsADay},
		{"mm/h to mm/day", 0, 24},
		{"mm/day to mm/h", 0, 1. / 24},
	},
	Temperature: {
		{"°F to °C", -32, 1 / 1.8},
		{"°C to °F", 32 / 1.8, 1.8},
		{"K to °C", -273.15, 1},
		{"°C to K", 273.15, 1},
		tenths,
		{"hundredths", 0, 0.01},
	},
	Humidity:  {{"a fraction to %", 0, 100}, tenths, {"hundredths", 0, 0.01}},
	Level:     lengths,
	Discharge: flows,
	River:     slices.Concat(lengths, flows, shifts),
	Voltage:   {{"mV to V", 0, 0.001}, {"hundredths", 0, 0.01}, tenths},
	Signal:    {tenths},
	Attribute: {
		{"ft to m", 0, footM}, {"miles to km", 0, mileKM}, {"a fraction to %", 0, 100}, tenths, {"hundredths", 0, 0.01},
	},
}

// Relative tolerances. A code that passed through single precision differs by up to 6e-8, a converted one by
// the digits of the factor (0.0283168 for 0.028316846592: 2e-6; 3.2808 for 3.28084: 1e-5) and of the result.
const (
	asWritten  = 1e-7
	ofPossible = 2e-6 // 9999.9 ft3/s is a code and 10 000 ft3/s is a flood
	ofUnlikely = 3e-5 // -304.5 for -999 ft; a tide may press a river back by -304.6 m3/s
	impossible = 2e-4 // -572.8 for -999 °F, which no temperature is near
)

// germanLevel is what -888 cm becomes in metres.
const germanLevel = -8.88

const (
	// leastCode is the least magnitude of a code: nearer to zero every number is a measurement.
	leastCode = 8
	// leastConverted is the magnitude from which a converted code is told from a level or a positive number.
	leastConverted = 100
	// leastFlow is that magnitude for a flow, which a tide or a weir turns round.
	leastFlow = 1000
)

// table holds the codes of a quantity in increasing order of what they look like.
type table struct {
	values  []float64
	entries []entry // of the values
	near    filter
}

// filter holds a bit for the neighbourhood of every code, so that most numbers are known to be none at once. The
// sign, the exponent and nine bits of the mantissa make a neighbourhood, which is wider than any tolerance.
type filter [128]uint64

func neighbourhood(v float64) uint32 { return uint32(math.Float64bits(v)>>43) * 0x9E3779B1 >> 19 }

func (f *filter) put(v float64) { n := neighbourhood(v); f[n/64] |= 1 << (n % 64) }

func (f *filter) has(v float64) bool { n := neighbourhood(v); return f[n/64]&(1<<(n%64)) != 0 }

// entry is what makes a code of a value.
type entry struct {
	tolerance float64
	rank      int // the better known code has the lower one
	Code
}

var tables = func() (ts [NumQuantities]table) {
	for q := range NumQuantities {
		ts[q] = newTable(q)
	}
	return ts
}()

// quiets are the spans about zero in which a quantity has no code.
var quiets = func() (spans [NumQuantities]span) {
	for q := range spans {
		s := span{math.Inf(-1), math.Inf(1)}
		for i, v := range tables[q].values {
			if within := tables[q].entries[i].tolerance; v < 0 {
				s.low = max(s.low, v+within)
			} else {
				s.high = min(s.high, v-within)
			}
		}
		spans[q] = s
	}
	return spans
}()

func newTable(q Quantity) table {
	type candidate struct {
		value float64
		entry
	}
	var found []candidate
	for i, b := range bases {
		if b.only != nil && !slices.Contains(b.only, q) {
			continue
		}
		for k, c := range append([]conversion{{factor: 1}}, conversions[q]...) {
			v := c.apply(b.value)
			if certainty, tolerance := judge(q, b, c, v); certainty != NoCode {
				code := Code{certainty, b.value, c.name}
				found = append(found, candidate{v, entry{tolerance * math.Abs(v), i + k*len(bases), code}})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(a.value, b.value) })
	var t table
	for _, e := range found {
		t.values, t.entries = append(t.values, e.value), append(t.entries, e.entry)
		for _, v := range [...]float64{e.value - e.tolerance, e.value, e.value + e.tolerance} {
			t.near.put(v)
		}
	}
	return t
}

// judge returns how sure it is that v, which c made of b, is a code for q, and the relative tolerance of v.
func judge(q Quantity, b base, c conversion, v float64) (Certainty, float64) {
	certainty, tolerance := certaintyOf(q, b, c.name != "", v)
	if certainty == NoCode || tolerance == impossible || tolerance == ofUnlikely && !c.decimal() {
		return certainty, tolerance
	}
	// 10 000 is a measurement beside the code 9999.9, in whatever unit.
	tolerance = min(tolerance, 0.3*fromRound(b.value))
	if c.name != "" && tolerance < asWritten {
		return NoCode, 0
	}
	return certainty, tolerance
}

func certaintyOf(q Quantity, b base, converted bool, v float64) (certainty Certainty, tolerance float64) {
	size := math.Abs(v)
	water := q == Level || q == Discharge || q == River
	switch {
	case math.IsInf(v, 0), size < leastCode:
		return NoCode, 0
	case (q == Level || q == River) && math.Abs(v-germanLevel) < 1e-9:
		return Exact, asWritten
	case (q == Signal || q == Humidity || q == Attribute) && possible[q].holds(v):
		return NoCode, 0 // -99 dBm, 99.9 %, 999 m and 9999.9 km2 are ordinary
	case !converted && (b.strong || !possible[q].holds(v)):
		return Exact, asWritten
	case !converted:
		return Likely, asWritten
	case !possible[q].holds(v) && !water:
		return Exact, impossible
	case !b.strong:
		return NoCode, 0
	case !possible[q].holds(v) && (q != Discharge || size >= leastFlow), q == Other && v <= -leastFlow:
		return Exact, ofUnlikely
	case v > 0 && size < leastConverted, q == Temperature:
		return NoCode, 0
	}
	return Likely, ofPossible
}

// decimal reports whether c keeps round numbers round.
func (c conversion) decimal() bool {
	power := math.Round(math.Log10(c.factor))
	return c.offset == 0 && math.Abs(c.factor/math.Pow(10, power)-1) < 1e-9
}

// fromRound returns the relative distance of a code from the nearest power of ten.
func fromRound(code float64) float64 {
	size := math.Abs(code)
	return math.Abs(size/math.Pow(10, math.Round(math.Log10(size))) - 1)
}

// CodeFor returns the code for no data that v is for the quantity, and whether it is one. NaN and the
// infinities are none: they are refused or missing by themselves.
func CodeFor(q Quantity, v float64) (Code, bool) {
	if isQuiet(q, v) {
		return Code{}, false
	}
	e := find(q, v)
	if e == nil {
		return Code{}, false
	}
	return e.Code, true
}

// IsCode reports whether v is surely a code for no data of the quantity. It does not allocate.
func IsCode(q Quantity, v float64) bool {
	if isQuiet(q, v) {
		return false
	}
	e := find(q, v)
	return e != nil && e.Certainty == Exact
}

// MayBeCode reports whether v is a code for no data of the quantity or may be one. It does not allocate.
func MayBeCode(q Quantity, v float64) bool { return !isQuiet(q, v) && find(q, v) != nil }

// isQuiet reports whether v is nearer to zero than every code, or NaN: most measurements are.
func isQuiet(q Quantity, v float64) bool {
	s := &quiets[min(q, NumQuantities-1)]
	return !(v <= s.low || v >= s.high)
}

// find returns the surest entry that v meets, the best known of equals, or nil.
func find(q Quantity, v float64) *entry {
	t := &tables[min(q, NumQuantities-1)]
	if !t.near.has(v) {
		return nil
	}
	// No tolerance is wider than impossible, so the entries that v can meet are neighbours.
	reach := 2 * impossible * math.Abs(v)
	at, _ := slices.BinarySearch(t.values, v-reach)
	var best *entry
	for ; at < len(t.values) && t.values[at] <= v+reach; at++ {
		e := &t.entries[at]
		if math.Abs(v-t.values[at]) > e.tolerance {
			continue
		}
		if best == nil || e.Certainty > best.Certainty || e.Certainty == best.Certainty && e.rank < best.rank {
			best = e
		}
	}
	return best
}
