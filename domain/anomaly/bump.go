package anomaly

import (
	"math"
)

// bumps returns how far the value before x, and the one or two before it, stand out from both sides.
// The values are given newest first.
func bumps(x, a, b, c float64) (one, height float64) {
	one = max(a-max(x, b), min(x, b)-a, 0)
	return one, max(one, min(a, b)-max(x, c), min(x, c)-max(a, b))
}

// learnPartner keeps how the steps of the variable go with those of its partner. It is called before x
// is accepted.
func (q *variable) learnPartner(x, partner, gap float64) {
	move, step := partner-q.beside[0], x-q.last
	if gap < 1.5 && move == move && math.Abs(move) < 30 && math.Abs(step) < 30 {
		q.covary += (step*move - q.covary) / 200
		q.partner += (move*move - q.partner) / 200
	}
	q.beside = [3]float64{partner, q.beside[0], q.beside[1]}
}

// judgeBump looks for one or two values before x that stood out alone, and for a variable that
// swings more than it used to.
func (d *Detector) judgeBump(f *Finding, q *variable, t *Tuning, x, slope, partner, gap float64, warm, flood bool) {
	if gap > 1.5 || q.n < 3 {
		return
	}
	a, b, c := q.last, q.before, q.ring[(q.n-3)%ringSize]
	one, height := bumps(x, a, b, c)
	if p := &q.beside; partner == partner && p[0] == p[0] && p[1] == p[1] && p[2] == p[2] {
		o, h := bumps(x-slope*partner, a-slope*p[0], b-slope*p[1], c-slope*p[2])
		one, height = min(one, o), min(height, h)
	}
	floor := 1e-12
	if warm {
		limit := (1 + q.weary) * max(t.Bump*q.bump, t.JumpGrain*q.grain, t.BumpRecent*q.calm[2])
		ratio := height / limit
		f.Flags[TestSpike] = flag(ratio)
		if ratio >= 1 && f.Score < Threshold {
			f.Expected, f.Limit = x, limit
		}
		if flood && ratio >= 1 {
			f.Guarded, f.Score = true, max(f.Score, suspectScore)
		} else {
			f.raise(ratio, ConditionSpike)
		}
		if q.noise > 0 && !flood {
			base := max(q.swing, q.grain, t.NoiseBump*q.bump/t.Noise)
			f.raise(q.noise/(t.Noise*base*(1+q.weary)), ConditionNoisy)
		}
		q.bump = track(q.bump, height, t.BumpP, 0.05, floor)
	} else {
		q.bump = max(q.bump, height)
	}
	clipped := min(one, 8*max(q.swing, q.grain)) // one spike is no noise
	q.swing += (clipped - q.swing) * max(0.002, 1/float64(q.n))
	q.noise += (min(one, 3*t.Noise*max(q.swing, q.grain, t.NoiseBump*q.bump/t.Noise)) - q.noise) / 10
}
