package anomaly

import (
	"math"
)

// believe takes a step into the largest of its direction.
func (q *variable) believe(step float64) {
	q.rise, q.fall = larger(q.rise, step), larger(q.fall, -step)
}

// accept takes a believed value into the habits of the variable.
func (q *variable) accept(s *sample, t *Tuning) {
	if q.n > 0 {
		q.learnStep(s.seconds)
		if s.gap < 1.5 {
			q.learnResidual(s, t)
		}
		q.rise *= 1 - t.Forget
		q.fall *= 1 - t.Forget
		if s.residual > 0 { // a reading of doubted ones that is taken over is not believed by itself
			q.believe(s.move)
		}
	}
	q.n++
	q.at, q.third, q.before, q.last = s.seconds, q.before, q.last, s.x
	q.water = [3]float64{s.water, q.water[0], q.water[1]}
	q.candidates, q.doubted = 0, 0
}

// learnResidual takes a residual of one nominal step into the scales of the variable.
func (q *variable) learnResidual(s *sample, t *Tuning) {
	rate := 0.02
	if q.n < 49 {
		rate = 1 / float64(q.n+1)
	}
	floor := 1e-9*math.Abs(s.x) + 1e-12
	q.typical = track(q.typical, s.residual, 0.5, rate, floor)
	if q.n < 48 {
		q.large = larger(q.large, s.residual)
	} else {
		q.large = track(q.large, s.residual, t.LargeP, 0.05, floor)
	}
	if s.residual > 0 {
		if step := math.Abs(s.move); step < q.grain || q.grain == 0 {
			q.grain = step
		}
		q.grain *= 1.0002
	}
	q.calm = [3]float64{q.recent, q.calm[0], q.calm[1]}
	q.recent += (s.residual - q.recent) / 8
}

// learnStep keeps the nominal step. A device that keeps its step must find it exactly: the gap before
// a reading is then exactly one step.
func (q *variable) learnStep(seconds float64) {
	if step := seconds - q.at; step != q.step {
		q.step = track(q.step, step, 0.5, 0.1, 1e-3)
	}
}
