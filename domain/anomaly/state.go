package anomaly

import (
	"math"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/domain/doubt"
)

const (
	// MaxVariables bounds the variables of a device; what a reading has beyond them is not looked at and
	// is counted in Verdict.Ignored.
	MaxVariables = 16
	// MaxNameLength bounds the name of a variable in bytes.
	MaxNameLength = 64
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
	kind Kind   // of the name
	n    uint32 // values accepted

	quantity doubt.Quantity // of the name

	heard  float64 // time of the newest reading that named it, Unix seconds
	at     float64 // time of the newest accepted value, Unix seconds
	last   float64 // newest accepted value
	before float64 // the one before it
	third  float64 // the one before that
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
	water   [3]float64 // of the newest three accepted values, see air.water, newest first
	grain   float64    // resolution: the smallest step seen of late

	proportion
	still   float64 // share of the values that repeat the one before
	run     uint32  // how often the newest accepted value was repeated, counting itself
	longRun float64 // running high quantile of the lengths of runs
	moved   float64 // time at which the value last changed, Unix seconds
	noise   float64 // fast mean of the residuals that turn back, over what is typical

	// What the variable ever did, for Finding.Novelty: a fast and a slow mean of the values, the fast mean
	// of the steps, the last value of any kind, and one over the records of the distances, slowly forgotten.
	seen              uint32
	quick, slow, pace float64
	latest            float64
	records           [numRecords]float64
	sinceNovel        uint32 // readings since one that was novel

	candidate  float64 // newest value that was not believed
	candidates uint16  // how many in a row agree with it
	doubted    uint16  // readings in a row that were not believed
	missing    uint16  // readings in a row without a value
	condition  Condition
	since      float64 // when the condition began, Unix seconds
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

// hear sets into to the variables of the values, nil where one has no room, and keeps that they were
// heard. As long as a device names its variables in one order that is a comparison each.
func (d *DeviceState) hear(into []*variable, values []Value, seconds float64) {
	for i := range values {
		if i >= len(d.variables) || d.variables[i].name != values[i].Name {
			d.hearAnew(into, values, seconds)
			return
		}
		q := &d.variables[i]
		q.heard = seconds
		into[i] = q
	}
}

// hearAnew is hear for a reading that names other variables than the ones before: first those that are
// known are heard, so that none of them loses its place to a new one, and making one moves the others.
func (d *DeviceState) hearAnew(into []*variable, values []Value, seconds float64) {
	for i := range values {
		if k := d.index(values[i].Name); k >= 0 {
			d.variables[k].heard = seconds
		}
	}
	for i := range values {
		d.add(values[i].Name, seconds)
	}
	for i := range values {
		into[i] = nil
		if k := d.index(values[i].Name); k >= 0 {
			into[i] = &d.variables[k]
		}
	}
}

// index returns where the variable is, -1 where it is not.
func (d *DeviceState) index(name string) int {
	for i := range d.variables {
		if d.variables[i].name == name {
			return i
		}
	}
	return -1
}

// add makes the variable unless it is known or there is no room.
func (d *DeviceState) add(name string, seconds float64) {
	if len(name) > MaxNameLength || name == "" || d.index(name) >= 0 {
		return
	}
	k := KindOf(name)
	if k == KindOther {
		name = strings.Clone(name) // it may lie in a buffer of the transport
	} else {
		name = kindNames[k]
	}
	fresh := variable{
		name: name, kind: k, quantity: quantityOf(name),
		last: nan, before: nan, candidate: nan, water: [3]float64{nan, nan, nan}, heard: seconds, moved: seconds,
	}
	if len(d.variables) < MaxVariables {
		d.variables = append(d.variables, fresh)
		return
	}
	oldest := 0
	for i := range d.variables {
		if d.variables[i].heard < d.variables[oldest].heard {
			oldest = i
		}
	}
	if seconds-d.variables[oldest].heard >= abandonedS {
		d.variables[oldest] = fresh
	}
}

var nan = math.NaN()
