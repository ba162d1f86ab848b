package anomaly

import (
	"math"

	"github.com/guardy-ai/guardy/domain/qartod"
)

// jumpLimit is the largest step from one reading to the next that is none of a fault.
func (q *variable) jumpLimit(t *Tuning) float64 {
	return max(t.Jump*q.large, t.JumpRecent*q.recent, t.JumpFloor*q.typical, t.JumpGrain*q.grain, 1e-12)
}

// judgeLevel judges a variable that has a level and steps.
func (d *Detector) judgeLevel(f *Finding, q *variable, l *Limits, seconds, x float64, w *weather) {
	t := d.of(l.Kind)
	if q.n == 0 {
		q.accept(seconds, x, 0, 0, t.LargeP, t.Forget)
		q.level = x
		q.run, q.moved = 1, seconds
		return
	}
	age := seconds - q.at
	if q.step == 0 {
		q.step = age
	}
	gap := max(1, age/q.step)
	drift := q.last - q.before
	if q.n < 2 || gap > 1.5 {
		drift = 0
	}
	expected := q.last + 0.5*drift
	residual := math.Abs(x - expected)
	if r := math.Abs(x - q.last); r < residual {
		residual, expected = r, q.last
	}
	// Temperature and humidity of the air move against each other; what one explains of the other's step
	// is not held against it.
	partner := nan
	switch l.Kind {
	case KindTemperature:
		partner = w.humidity
	case KindHumidity:
		partner = w.temperature
	default:
	}
	slope := 0.0
	if q.partner > 0 {
		slope = q.covary / q.partner
	}
	if move := partner - q.beside[0]; move == move && gap < 1.5 {
		if r := math.Abs(x - q.last - slope*move); r < residual {
			residual, expected = r, q.last+slope*move
		}
	}
	warm := int(q.n) >= t.WarmUp
	record := q.rise
	if x < expected {
		record = q.fall
	}
	limit := (1 + q.weary) * max(q.jumpLimit(t), t.Record*record) * math.Sqrt(min(gap, 16))
	ratio := 0.0
	if warm && limit > 0 {
		ratio = residual / limit
		if l.Kind == KindOther {
			ratio *= 1 + t.Together*max(0, w.together-min(1, math.Abs(x-q.last)/limit))
		}
	}
	if l.MaxStep.Fail > 0 && age <= 3600*1.01 {
		f.Flags[TestRateOfChange] = qartod.Pass
		if step := math.Abs(x - q.last); step > l.MaxStep.Suspect {
			ratio = max(ratio, step/l.MaxStep.Suspect)
		}
	}
	if warm {
		f.Flags[TestRateOfChange] = flag(ratio)
	}
	if ratio >= 1 {
		if d.explained(q, l, x, age, w) {
			f.Guarded = true
			f.Score = max(f.Score, suspectScore)
			f.Flags[TestRateOfChange] = qartod.Suspect
			f.Expected, f.Limit = expected, limit
			q.accept(seconds, x, residual, gap, t.LargeP, t.Forget)
			return
		}
		f.Expected, f.Limit = expected, limit
		f.Flags[TestRateOfChange] = flag(ratio)
		if q.candidates > 0 && math.Abs(x-q.candidate) <= limit {
			q.candidates++
			q.wander = max(q.wander, math.Abs(x-q.candidate))
		} else {
			q.candidates, q.wander = 1, 0
		}
		q.candidate = x
		q.doubted = min(q.doubted+1, math.MaxUint16-1)
		cond := ConditionJump
		if q.candidates > 2 {
			cond = ConditionShifted
		}
		f.raise(ratio, cond)
		if int(q.candidates) >= t.Accept {
			if q.wander > q.large { // a level that lives; a sensor out of its element stays put
				q.believe(t.Believe * (x - q.last))
			}
			q.accept(seconds, x, 0, gap, t.LargeP, t.Forget)
			q.run, q.moved = 1, seconds
		}
		return
	}
	f.raise(ratio, ConditionJump)
	q.candidates, q.doubted = 0, 0
	q.weary *= 1 - t.Rest
	if warm {
		d.judgeSupply(f, q, l.Kind, x)
		// A signal that moves far less than it did: quiet weather does that too, so it is a flag and no
		// anomaly.
		f.Flags[TestAttenuatedSignal] = qartod.Pass
		if q.recent < 0.02*q.typical && q.typical > 2*q.grain {
			f.Flags[TestAttenuatedSignal] = qartod.Suspect
		}
	}

	// Runs of the same value.
	if x == q.last {
		q.run = min(q.run+1, math.MaxUint32-1)
	} else {
		if q.run > 1 || q.longRun == 0 {
			q.longRun = track(q.longRun, float64(q.run), 0.95, 0.1, 1)
		}
		q.longRun = max(1, q.longRun*0.9999)
		q.run, q.moved = 1, seconds
	}
	if warm {
		most := max(t.MinRun, t.Run*q.longRun)
		if l.Kind == KindHumidity && x >= 99 {
			most *= 8 // saturated air stays saturated
		}
		ratio := float64(q.run) / most
		if l.Persistence > 0 && !(l.Kind == KindHumidity && x >= 99) {
			ratio = max(ratio, (seconds-q.moved)/l.Persistence.Seconds())
		}
		f.Flags[TestFlatLine] = flag(ratio)
		f.raise(ratio, ConditionStuck)
	}
	d.judgeBump(f, q, t, x, slope, partner, gap, warm, l.Kind == KindWaterLevel && w.wet >= wetMM)
	q.learnPartner(x, partner, gap)
	q.accept(seconds, x, residual, gap, t.LargeP, t.Forget)
}

const (
	// sagShare of its usual voltage is what a battery may lose, sagDB what a radio link may.
	sagShare = 0.1
	sagDB    = 20
)

// judgeSupply looks for a battery or a radio link that is far below its own usual level.
func (d *Detector) judgeSupply(f *Finding, q *variable, k Kind, x float64) {
	var ratio float64
	switch k {
	case KindBattery:
		ratio = (q.level - x) / max(sagShare*q.level, 1e-9)
	case KindSignal:
		ratio = (q.level - x) / sagDB
	default:
		return
	}
	if ratio >= 1 && f.Score < Threshold {
		f.Expected = q.level
	}
	f.raise(max(ratio, 0), ConditionSagging)
}
