package anomaly

import (
	"math"

	"github.com/guardy-ai/guardy/domain/doubt"
)

// weather is what the device's variables say together about the time of a reading.
type weather struct {
	rain, humidity float64 // NaN where not reported
	wet            float64
	temperature    float64   // NaN where not reported or impossible
	agitated       int       // variables that move more than they are used to
	repeats        float64   // chance that so many variables repeat their last values
	leap, second   float64   // the largest step over its large step, and the second largest
	leaper         *variable // whose the largest is
	broken         bool      // a variable reports a logger's code that stands out in any unit
	together       float64   // sum of the jumps of all variables, as shares of their limits, at most 1 each
}

// compare takes in how the step of one variable compares to its habits.
func (w *weather) compare(q *variable, step float64) {
	if step == 0 {
		w.repeats *= q.chance()
		return
	}
	if step <= q.large {
		return
	}
	switch leap := step / q.large; {
	case leap > w.leap:
		w.leap, w.second, w.leaper = leap, w.leap, q
	case leap > w.second:
		w.second = leap
	}
}

// chance returns how likely it is that the variable repeats its value once more. What goes on being repeated
// counts twice at most: quiet water repeats too.
func (q *variable) chance() float64 {
	still := larger(q.still, 0.005)
	if q.run > 1 {
		return still * still
	}
	return still
}

// look takes one value into what the reading says of the weather. q has not learnt it yet.
func (d *Detector) look(w *weather, q *variable, x float64) {
	l := d.limits(q.kind, q.name)
	if doubt.IsCode(doubt.Other, x) && q.sentinel(x) { // a code of the logger, not of the sensor
		w.broken = true
		return
	}
	if x != x {
		return
	}
	if l.Kind != KindRain && int(q.n) >= d.tuning.Other.WarmUp {
		w.compare(q, math.Abs(x-q.last))
	}
	switch l.Kind {
	case KindRain:
		if x >= 0 && x < 400 {
			w.rain = x
		}
	case KindHumidity:
		if x >= 0 && x <= 105 {
			w.humidity = x
		}
	case KindTemperature:
		if x > -80 && x < 60 {
			w.temperature = x
		}
	default:
		if q.n == 0 {
			return
		}
		step := math.Abs(x - q.last)
		if step > q.large {
			w.agitated++
		}
		if t := &d.tuning.Other; l.Kind == KindOther && int(q.n) >= t.WarmUp {
			w.together += smaller(1, step/q.jumpLimit(t))
		}
	}
}

// frozenChance is how unlikely it must be that so many variables repeat their last values to tell that an
// instrument of which one variable reports a logger's code did not measure the others.
const frozenChance = 0.004

// frozen reports whether the variables that repeat their last values were not measured.
func (w *weather) frozen() bool { return w.broken && w.repeats < frozenChance }

const (
	// wetMM is the rain of the last hours from which it explains what water does.
	wetMM = 2
	// floodRiseM bounds the rise in an hour that a flood explains; faster is a wall of water or a fault,
	// and both want somebody to look.
	floodRiseM = 5
)

// explained is the flood guard: whether the weather, or values before x that went the same way, explain
// a jump.
func (d *Detector) explained(q *variable, l *Limits, x, age float64, w *weather) bool {
	if x <= q.last || l.Kind != KindWaterLevel && l.Kind != KindOther {
		return false
	}
	if l.Kind == KindOther {
		return w.wet >= wetMM && w.agitated > 1
	}
	if x-q.last > floodRiseM*max(1, age/3600) {
		return false
	}
	goesOn := q.candidates > 0 && x >= q.candidate && q.candidate > q.last || q.candidates == 0 && q.last > q.before
	return w.wet >= wetMM || goesOn
}
