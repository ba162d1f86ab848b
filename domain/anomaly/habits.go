package anomaly

import (
	"math"
)

// believe takes a step into the largest of its direction.
func (q *variable) believe(step float64) {
	if step > 0 {
		q.rise = max(q.rise, step)
	} else {
		q.fall = max(q.fall, -step)
	}
}

// accept takes a believed value into the habits of the variable.
func (q *variable) accept(seconds, x, residual, gap, largeP, forget float64) {
	if q.n > 0 {
		rate := max(0.02, 1/float64(q.n+1))
		q.step = track(q.step, seconds-q.at, 0.5, 0.1, 1e-3)
		if gap < 1.5 {
			floor := 1e-9*math.Abs(x) + 1e-12
			q.typical = track(q.typical, residual, 0.5, rate, floor)
			if q.n < 48 {
				q.large = max(q.large, residual)
			} else {
				q.large = track(q.large, residual, largeP, 0.05, floor)
			}
			if residual > 0 {
				if step := math.Abs(x - q.last); step > 0 && (q.grain == 0 || step < q.grain) {
					q.grain = step
				}
				q.grain *= 1.0002
			}
			q.calm = [3]float64{q.recent, q.calm[0], q.calm[1]}
			q.recent += (residual - q.recent) / 8
		}
		q.rise *= 1 - forget
		q.fall *= 1 - forget
		if residual > 0 {
			q.believe(x - q.last)
		}
		distance := math.Abs(x - q.level)
		q.spread = track(q.spread, distance, 0.5, rate, 1e-12)
		move := 0.05 * q.spread
		if x > q.level {
			q.level += min(move, distance)
		} else {
			q.level -= min(move, distance)
		}
	}
	q.ring[q.n%ringSize] = x
	q.n++
	q.at, q.before, q.last = seconds, q.last, x
	q.candidates, q.doubted = 0, 0
}

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
