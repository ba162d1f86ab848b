package anomaly

import (
	"math"

	"github.com/guardy-ai/guardy/domain/qartod"
)

// bumps returns how far the value before x, and the one or two before it, stand out from both sides.
// The values are given newest first.
func bumps(x, a, b, c float64) (one, height float64) {
	one = agreed(a-x, a-b)
	return one, larger(one, agreed4(a-x, a-c, b-x, b-c))
}

// compare takes what the partner explains out of the residual.
func (q *variable) compare(s *sample, partner float64) {
	s.partner = partner
	if q.partner > 0 {
		s.slope = q.covary / q.partner
	}
	if beside := partner - q.beside[0]; beside == beside && s.gap < 1.5 {
		s.residual = leastAbs(s.residual, s.move-s.slope*beside)
	}
}

// learnPartner keeps how the steps of the variable go with those of its partner. It is called before the
// sample is accepted.
func (q *variable) learnPartner(s *sample) {
	beside := s.partner - q.beside[0]
	if s.gap < 1.5 && math.Abs(beside) < 30 && math.Abs(s.move) < 30 {
		q.covary += (s.move*beside - q.covary) * (1. / 200)
		q.partner += (beside*beside - q.partner) * (1. / 200)
	}
	q.beside = [3]float64{s.partner, q.beside[0], q.beside[1]}
}

// judgeBump looks for one or two values before x that stood out alone, and for a variable that
// swings more than it used to.
func (q *variable) judgeBump(f *Finding, t *Tuning, s *sample, flood bool) {
	if s.gap > 1.5 || q.n < 3 {
		return
	}
	one, height := bumps(s.x, q.last, q.before, q.third)
	if s.partner == s.partner {
		if p := &q.beside; p[0] == p[0] && p[1] == p[1] && p[2] == p[2] {
			k := s.slope
			o, h := bumps(s.x-k*s.partner, q.last-k*p[0], q.before-k*p[1], q.third-k*p[2])
			one, height = leastAbs(one, o), leastAbs(height, h)
		}
	}
	usual := larger(larger(q.swing, q.grain), t.NoiseBump*q.bump/t.Noise)
	loudest := 3 * t.Noise * usual
	if s.warm {
		limit := (1 + q.weary) * larger(larger(t.Bump*q.bump, t.JumpGrain*q.grain), t.BumpRecent*q.calm[2])
		if height >= limit && f.worst < 1 {
			f.Expected, f.Limit = s.x, limit
		}
		if flood && height >= limit {
			f.Flags[TestSpike] = qartod.Suspect
			f.Guarded = true
			f.suspect()
		} else {
			f.compare(TestSpike, height, limit, ConditionSpike)
		}
		if usual *= t.Noise * (1 + q.weary); !flood && (!f.past || q.noise >= usual) {
			f.raise(q.noise/usual, ConditionNoisy)
		}
		q.bump = track(q.bump, height, t.BumpP, 0.05, 1e-12)
	} else {
		q.bump = larger(q.bump, height)
	}
	rate := 0.002
	if q.n < 500 {
		rate = 1 / float64(q.n)
	}
	clipped := smaller(one, 8*larger(q.swing, q.grain)) // one spike is no noise
	q.swing += (clipped - q.swing) * rate
	q.noise += (smaller(one, loudest) - q.noise) * 0.1
}
