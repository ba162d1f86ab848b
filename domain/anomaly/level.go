package anomaly

import (
	"math"

	"github.com/guardy-ai/guardy/domain/qartod"
)

// jumpLimit is the largest step from one reading to the next that is none of a fault.
func (q *variable) jumpLimit(t *Tuning) float64 {
	return larger(larger(larger(t.Jump*q.large, t.JumpRecent*q.recent), larger(t.JumpFloor*q.typical, t.JumpGrain*q.grain)), 1e-12)
}

const (
	// dryShare is the share of its value to which a variable falls at once when the sensor is out of its
	// element or its cable is broken. That is no new level, for dryS at most: a week.
	dryShare = 0.03
	dryS     = 7 * 24 * 3600
)

// seldomStill is the share of repeated values from which another one says nothing.
const seldomStill = 0.6

// frozenRatio is the ratio of a value that an instrument repeats without measuring.
const frozenRatio = 2

// sample is a value on its way through the tests of a variable that has a level.
type sample struct {
	seconds, x float64
	age        float64 // seconds since the newest accepted value
	gap        float64 // nominal steps since the newest accepted value, at least 1
	move       float64 // distance from that value
	residual   float64 // what is left of move beside what was to be expected
	// How far the value before, and the one or two before, stand out from both sides.
	one, height float64
	air
	warm bool // the habits of the variable are known
}

// judgeLevel judges a variable that has a level and steps.
func (d *Detector) judgeLevel(f *Finding, q *variable, l *Limits, seconds, x float64, w *weather) {
	t := d.of(l.Kind)
	if q.n == 0 {
		q.accept(&sample{seconds: seconds, x: x, air: air{water: nan}}, t)
		q.run, q.moved = 1, seconds
		return
	}
	var s sample
	q.measure(&s, l.Kind, seconds, x, w)
	s.warm = int(q.n) >= t.WarmUp
	if d.forest != nil && s.warm && !f.past {
		d.forest.judge(f, q, &s, w)
	}
	if s.move == 0 && s.warm && w.frozen() && q.still < seldomStill {
		q.run = min(q.run+1, math.MaxUint32-1)
		f.Flags[TestFlatLine], f.Flags[TestMultivariate] = qartod.Suspect, qartod.Suspect
		f.raise(frozenRatio, ConditionStuck)
		return
	}
	if l.Kind == KindOther {
		wide := s.warm && q.wide()
		if wide {
			d.judgeProportion(f, q, l, t, &s, w)
		}
		q.learnProportion(&s)
		if wide {
			return
		}
	}
	if d.judgeStep(f, q, l, t, &s, w) {
		return
	}
	q.candidates, q.doubted = 0, 0
	q.weary *= 1 - t.Rest
	if s.warm {
		if l.Kind >= KindBattery {
			q.judgeSupply(f, l.Kind, x)
		}
		// A signal that moves far less than it did: quiet weather does that too, so it is a flag and no
		// anomaly.
		f.Flags[TestAttenuatedSignal] = qartod.Pass
		if q.recent < 0.02*q.typical && q.typical > 2*q.grain {
			f.Flags[TestAttenuatedSignal] = qartod.Suspect
		}
	}
	q.judgeRun(f, l, t, &s)
	q.judgeBump(f, t, &s, l.Kind == KindWaterLevel && w.wet >= wetMM)
	q.accept(&s, t)
}

// measure fills the sample of x, field by field: a literal would be copied, and the copy wait for what was
// just written.
func (q *variable) measure(s *sample, k Kind, seconds, x float64, w *weather) {
	s.seconds, s.x = seconds, x
	s.gap, s.move = 1, x-q.last
	s.age = seconds - q.at
	if q.step == 0 {
		q.step = s.age
	}
	if s.age > q.step {
		s.gap = s.age / q.step
	}
	trend := q.last - q.before
	if q.n < 2 || s.gap > 1.5 {
		trend = 0
	}
	s.residual = leastAbs(s.move, s.move-0.5*trend)
	switch k {
	case KindTemperature:
		q.compare(s, k, w.humidity)
	case KindHumidity:
		q.compare(s, k, w.temperature)
	default:
	}
	q.measureBump(s)
}

// dry reports whether the sample says that the sensor is out of its element, and has not for too long.
func (q *variable) dry(k Kind, s *sample) bool {
	return k == KindOther && q.candidates > 1 && math.Abs(s.x) <= dryShare*math.Abs(q.last) && s.seconds-q.since < dryS
}

// judgeStep looks for a step that the variable does not make. It reports whether it found one; the value is
// then dealt with.
func (d *Detector) judgeStep(f *Finding, q *variable, l *Limits, t *Tuning, s *sample, w *weather) bool {
	record := q.rise
	if s.move < 0 {
		record = q.fall
	}
	limit := (1 + q.weary) * larger(q.jumpLimit(t), t.Record*record)
	if s.gap > 1 {
		limit *= math.Sqrt(smaller(s.gap, 16))
	}
	if l.Kind == KindOther && w.together > 0 {
		limit /= 1 + t.Together*larger(0, w.together-smaller(1, math.Abs(s.move)/limit))
	}
	moved := s.residual
	if !s.warm {
		moved = 0
	}
	if step := math.Abs(s.move); l.tooFast(step, s.age) && step*limit > moved*l.MaxStep.Suspect {
		moved, limit = step, l.MaxStep.Suspect
	}
	if moved < limit {
		f.compare(TestRateOfChange, moved, limit, ConditionJump)
		return false
	}
	f.Expected, f.Limit = s.x-math.Copysign(s.residual, s.move), limit
	if d.explained(q, l, s.x, s.age, w) {
		f.Guarded = true
		f.suspect()
		f.Flags[TestRateOfChange] = qartod.Suspect
		q.accept(s, t)
		return true
	}
	c := q.doubt(s, limit)
	dry := q.dry(l.Kind, s)
	if dry {
		c = ConditionOutOfWater
	}
	f.compare(TestRateOfChange, moved, limit, c)
	if int(q.candidates) >= t.Accept && !dry {
		if q.wander > q.large { // a level that lives; a sensor out of its element stays put
			q.believe(t.Believe * s.move)
		}
		s.residual = 0
		q.accept(s, t)
		q.run, q.moved = 1, s.seconds
	}
	return true
}

// doubt keeps a value that was not believed and returns what it makes of it and of those before it.
func (q *variable) doubt(s *sample, limit float64) Condition {
	if away := math.Abs(s.x - q.candidate); q.candidates > 0 && away <= limit {
		q.candidates++
		q.wander = larger(q.wander, away)
	} else {
		q.candidates, q.wander = 1, 0
	}
	q.candidate = s.x
	q.doubted = min(q.doubted+1, math.MaxUint16-1)
	if q.candidates > 2 {
		return ConditionShifted
	}
	return ConditionJump
}

// judgeRun looks for a value that is kept for too long.
func (q *variable) judgeRun(f *Finding, l *Limits, t *Tuning, s *sample) {
	rate := 0.005
	if q.n < 200 {
		rate = 1 / float64(q.n)
	}
	if s.move == 0 {
		q.still += (1 - q.still) * rate
		q.run = min(q.run+1, math.MaxUint32-1)
	} else {
		q.still -= q.still * rate
		if q.run > 1 || q.longRun == 0 {
			q.longRun = track(q.longRun, float64(q.run), 0.95, 0.1, 1)
		}
		q.longRun = larger(1, q.longRun*0.9999)
		q.run, q.moved = 1, s.seconds
	}
	if !s.warm {
		return
	}
	saturated := l.Kind == KindHumidity && s.x >= 99
	most := larger(t.MinRun, t.Run*q.longRun)
	if saturated {
		most *= 8 // saturated air stays saturated
	}
	f.compare(TestFlatLine, float64(q.run), most, ConditionStuck)
	if l.Persistence > 0 && !saturated {
		if kept := s.seconds - q.moved; kept >= 1e-9*float64(l.Persistence) {
			f.compare(TestFlatLine, kept, 1e-9*float64(l.Persistence), ConditionStuck)
		}
	}
}

const (
	// sagShare of its usual voltage is what a battery may lose, sagDB what a radio link may.
	sagShare = 0.1
	sagDB    = 20
)

// judgeSupply looks for a battery or a radio link that is far below its own usual level.
func (q *variable) judgeSupply(f *Finding, k Kind, x float64) {
	var ratio float64
	switch k {
	case KindBattery:
		ratio = (q.slow - x) / max(sagShare*q.slow, 1e-9)
	case KindSignal:
		ratio = (q.slow - x) / sagDB
	default:
		return
	}
	if ratio >= 1 && f.worst < 1 {
		f.Expected = q.slow
	}
	f.raise(max(ratio, 0), ConditionSagging)
}
