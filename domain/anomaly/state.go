package anomaly

import (
	"math"
	"strings"
	"time"
)

const (
	// MaxVariables bounds the variables of a device; what a reading has beyond them is not looked at and
	// is counted in Verdict.Ignored.
	MaxVariables = 16
	// MaxNameLength bounds the name of a variable in bytes.
	MaxNameLength = 64
	// ringSize is the number of accepted values that are kept of a variable.
	ringSize = 4
)

// Value is one named number of a reading; NaN is missing.
type Value struct {
	Name  string
	Value float64
}

// Reading is what a device said at one time. Names are unique.
type Reading struct {
	Time   time.Time
	Values []Value
}

// DeviceState is everything remembered of one device. The zero value is a device never seen. It is
// not safe for concurrent use.
type DeviceState struct {
	seconds   float64 // time of the newest reading in Unix seconds
	readings  uint64  // accepted in order
	wet       float64 // rain of the last hours, mm, decaying
	variables []variable
	alarmed   bool
	late      float64 // time of the newest reading that was out of order, Unix seconds
	lateRun   uint8   // how many of those in a row were in order among themselves
	quiet     uint8   // readings in a row without an anomaly, while an episode may go on
}

// Readings returns how many readings the state has seen in order.
func (d *DeviceState) Readings() uint64 { return d.readings }

// Reset makes d the state of a device never seen. It keeps its room.
func (d *DeviceState) Reset() { *d = DeviceState{variables: d.variables[:0]} }

// variable is what is remembered of one variable of a device. Scales are in the variable's own unit
// and per nominal step.
type variable struct {
	name string
	n    uint32 // values accepted

	heard  float64 // time of the newest reading that named it, Unix seconds
	at     float64 // time of the newest accepted value, Unix seconds
	last   float64 // newest accepted value
	before float64 // the one before it
	step   float64 // nominal step in seconds: a running median

	typical float64    // running median of the one-step residual
	large   float64    // running high quantile of the one-step residual
	rise    float64    // largest believed step up, slowly forgotten
	fall    float64    // largest believed step down, slowly forgotten
	wander  float64    // largest step between values that were not believed in a row
	recent  float64    // mean residual of the last few values
	weary   float64    // what the alarms of late add to the limits, as a share
	calm    [3]float64 // what recent was one, two and three accepted values ago
	bump    float64    // running high quantile of the height of bumps of one or two values
	swing   float64    // slow mean of the height of bumps, of one value
	beside  [3]float64 // values of the partner beside the newest three accepted ones, newest first
	covary  float64    // mean product of the steps of this variable and of its partner
	partner float64    // mean square of the partner's steps
	grain   float64    // resolution: the smallest step seen of late
	level   float64    // slow running median of the values
	spread  float64    // running median of the distance from level

	run     uint32  // how often the newest accepted value was repeated, counting itself
	longRun float64 // running high quantile of the lengths of runs
	moved   float64 // time at which the value last changed, Unix seconds
	noise   float64 // fast mean of the residuals that turn back, over what is typical

	// What the variable ever did, for Finding.Novelty: a fast and a slow mean of the values, the fast mean
	// of the steps, the last value of any kind, and the records of the four distances, slowly forgotten.
	seen              uint32
	quick, slow, pace float64
	latest            float64
	records           [4]float64
	sinceNovel        uint32 // readings since one that was novel

	candidate  float64 // newest value that was not believed
	candidates uint16  // how many in a row agree with it
	doubted    uint16  // readings in a row that were not believed
	missing    uint16  // readings in a row without a value
	condition  Condition
	since      float64 // when the condition began, Unix seconds

	ring [ringSize]float64 // newest accepted values
}

// abandonedS is the silence after which a variable gives its place to a new one, 30 days.
const abandonedS = 30 * 24 * 3600

// rewindAfter readings in a row that are in order among themselves, the device's clock was wrong before
// and not now.
const rewindAfter = 6

// rewind reports whether a reading that is not later than the newest shows that the clock went back: one
// reading from the future must not silence a device for ever. It then moves every time of the state back,
// so that what was learnt stays.
func (d *DeviceState) rewind(seconds float64) bool {
	if d.lateRun > 0 && seconds > d.late {
		d.lateRun++
	} else {
		d.lateRun = 1
	}
	previous := d.late
	d.late = seconds
	if d.lateRun < rewindAfter {
		return false
	}
	back := d.seconds - previous
	d.seconds, d.lateRun = previous, 0
	for i := range d.variables {
		q := &d.variables[i]
		q.at -= back
		q.moved -= back
		q.since -= back
		q.heard -= back
	}
	return true
}

// find returns the variable with that name, hint first, making it when there is room; nil otherwise.
func (d *DeviceState) find(name string, hint int, seconds float64) *variable {
	if hint < len(d.variables) && d.variables[hint].name == name {
		return &d.variables[hint]
	}
	for i := range d.variables {
		if d.variables[i].name == name {
			return &d.variables[i]
		}
	}
	if len(name) > MaxNameLength || name == "" {
		return nil
	}
	fresh := variable{
		name: strings.Clone(name), // it may lie in a buffer of the transport
		last: nan, before: nan, level: nan, candidate: nan, beside: [3]float64{nan, nan, nan}, moved: seconds,
	}
	if len(d.variables) < MaxVariables {
		d.variables = append(d.variables, fresh)
		return &d.variables[len(d.variables)-1]
	}
	oldest := 0
	for i := range d.variables {
		if d.variables[i].heard < d.variables[oldest].heard {
			oldest = i
		}
	}
	if seconds-d.variables[oldest].heard < abandonedS {
		return nil
	}
	d.variables[oldest] = fresh
	return &d.variables[oldest]
}

var nan = math.NaN()

// track moves q towards the p-quantile of the values x that it is shown: a stochastic approximation in
// the logarithm, so that one rate suits every unit. A zero q starts at x.
func track(q, x, p, rate, floor float64) float64 {
	switch {
	case q == 0:
		return max(x, floor)
	case x > q:
		q *= 1 + rate*p
	default:
		q *= 1 - rate*(1-p)
	}
	return max(q, floor)
}

const (
	quickReadings = 20
	slowReadings  = 1000
	forgetting    = 0.9999 // of a record, a reading
	margin        = 1.05   // by which a record must be beaten to be one
	refractory    = 20     // readings for which novelty is one and the same
)

// novelty returns how far x goes beyond everything the variable did before: its step, the pace of its
// steps, and its distance from where it was of late and for long, each over the record so far. Above 1
// nothing like it was seen. It needs no scale and no distribution, and the chance of a record
// falls as a record grows longer.
func (q *variable) novelty(x float64) float64 {
	if q.seen == 0 {
		q.quick, q.slow, q.latest = x, x, x
	}
	q.seen++
	step := math.Abs(x - q.latest)
	q.latest = x
	q.quick += (x - q.quick) / quickReadings
	q.slow += (x - q.slow) / min(float64(q.seen), slowReadings)
	q.pace += (step - q.pace) / quickReadings
	most := 0.0
	for i, s := range [4]float64{step, q.pace, math.Abs(q.quick - q.slow), math.Abs(x - q.slow)} {
		weight := [4]float64{0.8, 1, 1, 0.9}[i]
		record := q.records[i]
		if record > 0 && q.seen > quickReadings {
			most = max(most, weight*s/record)
		}
		if s > record {
			q.records[i] = margin * s
		} else {
			q.records[i] = forgetting * record
		}
	}
	return most
}
