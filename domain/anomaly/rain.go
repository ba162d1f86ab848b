package anomaly

import (
	"math"

	"github.com/guardy-ai/guardy/domain/qartod"
)

const (
	// Set by hand after looking at all years of one weather station, whose heavy rain fell at 78 % and more
	// and reached 33 mm in an hour: its figures for rain are no estimate, and a wetter climate needs other
	// numbers.
	humidRain = 58 // relative humidity under which heavy rain is unlikely, %
	dryRainMM = 4  // rain that needs humid air, mm
	// Rain of an hour that does not come out of nothing, and that which is hardly ever measured.
	cloudburstMM = 38
	rareBurstMM  = 100
)

// judgeRain: rain is zero most of the time, so it has no habits of steps; it is judged by the air it
// falls from and by repetition.
func (d *Detector) judgeRain(f *Finding, q *variable, seconds, x float64, w *weather) {
	if q.n > 0 {
		q.learnStep(seconds)
	}
	same := q.n > 0 && x == q.last
	if same {
		q.run++
	} else {
		q.run, q.moved = 1, seconds
	}
	f.Flags[TestFlatLine] = qartod.Pass
	if x > 0 {
		ratio := float64(q.run) / 4
		f.Flags[TestFlatLine] = flag(ratio)
		f.raise(ratio, ConditionStuck)
	}
	f.Flags[TestMultivariate] = qartod.NotEvaluated
	if w.humidity == w.humidity {
		f.Flags[TestMultivariate] = qartod.Pass
		if x >= dryRainMM && w.humidity < humidRain {
			ratio := 1 + (humidRain-w.humidity)/20
			f.Flags[TestMultivariate] = flag(ratio)
			f.raise(ratio, ConditionUnlikely)
		}
	}
	// A cloudburst out of nothing: far more than this gauge ever reported, without rain around it.
	f.Flags[TestRateOfChange] = qartod.Pass
	if x < cloudburstMM/8 { // not even in the shortest step
	} else if hour := x / math.Sqrt(max(q.step, 60)/3600); hour > cloudburstMM {
		before := w.wet - x
		ratio := hour / cloudburstMM
		if before < wetMM || hour > rareBurstMM {
			f.Flags[TestRateOfChange] = flag(ratio)
			f.raise(ratio, ConditionUnlikely)
		} else {
			f.Guarded = true
		}
	}
	q.n++
	q.at, q.before, q.last = seconds, q.last, x
}
