package anomaly

import (
	"github.com/guardy-ai/guardy/domain/qartod"
)

// bumps returns how far the value before x, and the one or two before it, stand out from both sides.
// The values are given newest first.
func bumps(x, a, b, c float64) (one, height float64) {
	one = agreed(a-x, a-b)
	return one, larger(one, agreed4(a-x, a-c, b-x, b-c))
}

// measureBump measures what the values before a sample look like from it.
func (q *variable) measureBump(s *sample) {
	if s.gap > 1.5 || q.n < 3 {
		return
	}
	s.one, s.height = bumps(s.x, q.last, q.before, q.third)
	if p := &q.water; s.compared && p[1] == p[1] && p[2] == p[2] {
		o, h := bumps(s.x, s.before, s.bring(p[1]), s.bring(p[2]))
		s.one, s.height = leastAbs(s.one, o), leastAbs(s.height, h)
	}
}

// judgeBump looks for one or two values before x that stood out alone, and for a variable that
// swings more than it used to.
func (q *variable) judgeBump(f *Finding, t *Tuning, s *sample, flood bool) {
	if s.gap > 1.5 || q.n < 3 {
		return
	}
	one, height := s.one, s.height
	usual := larger(larger(q.swing, q.grain), t.NoiseBump*q.bump/t.Noise)
	loudest := 3 * t.Noise * usual
	if s.warm {
		limit := (1 + q.weary) * larger(larger(t.Bump*q.bump, t.JumpGrain*q.grain), larger(t.BumpRecent*q.calm[2], t.BumpLarge*q.large))
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
