package anomaly

import (
	"math"

	"github.com/guardy-ai/guardy/domain/qartod"
)

// Turbidity, suspended solids and their like multiply rather than add: they spread over orders of
// magnitude, and the step that is a fault in clear water is nothing in a flood. Such a variable is judged
// by the logarithm of its values over their median of late. It is known by its steps, which are a large
// share of its values and of very unequal size; temperature, conductivity, pH, oxygen and level are not like
// that.
const (
	// wideShare is the median step as a share of the value, and wideTail the large step over the median one,
	// from which a variable is of that kind.
	wideShare = 0.02
	wideTail  = 8
	// A variable that lies near zero makes steps of a large share of its value for no other reason: the median
	// must be that many times the resolution, and a negative value makes it start anew from leastShare.
	wideGrains = 10
	leastShare = 1e-6
	zeroWeight = 0.02 // by which a value near zero makes the share smaller
	// leastFold is the logarithm of the factor 9, and foldReach how often the usual large distance from the
	// median may be exceeded; usual is the 95 % quantile.
	leastFold = 2.2
	foldReach = 2.5
	foldP     = 0.95
	lowest    = 1e-3 // of the median: what stands for zero
)

// proportion is what is remembered for that test.
type proportion struct {
	share  float64 // running median of the step over the value
	centre float64 // running median of the values
	fold   float64 // running high quantile of the logarithm of value over centre
}

// wide reports whether the variable spreads over orders of magnitude.
func (q *variable) wide() bool {
	return q.share >= wideShare && q.large >= wideTail*q.typical && q.centre > wideGrains*q.grain
}

// distance returns the logarithm of x over the centre, without a sign.
func (p *proportion) distance(x float64) float64 {
	return math.Abs(math.Log(larger(x, lowest*p.centre) / p.centre))
}

// judgeProportion judges a value of a wide variable and takes it into its habits.
func (d *Detector) judgeProportion(f *Finding, q *variable, l *Limits, t *Tuning, s *sample, w *weather) {
	limit := larger(leastFold, foldReach*q.fold)
	away := q.distance(s.x)
	if away >= limit {
		f.Expected, f.Limit = q.centre, q.centre*math.Expm1(limit)
	}
	if away >= limit && d.explained(q, l, s.x, s.age, w) {
		f.Guarded = true
		f.Flags[TestRateOfChange] = qartod.Suspect
		f.suspect()
	} else {
		f.compare(TestRateOfChange, away, limit, ConditionJump)
	}
	if step := math.Abs(s.move); l.tooFast(step, s.age) {
		f.compare(TestRateOfChange, step, l.MaxStep.Suspect, ConditionJump)
	}
	q.judgeRun(f, l, t, s)
	q.accept(s, t)
}

// learnProportion takes a believable value into the habits of a variable that may be wide.
func (q *variable) learnProportion(s *sample) {
	switch {
	case s.x < 0:
		q.share = leastShare
		return
	case s.x <= wideGrains*q.grain: // light and wind are nothing now and then
		q.share = larger(leastShare, q.share*(1-zeroWeight))
		return
	case q.centre == 0:
		q.centre = s.x
		return
	}
	if s.gap < 1.5 {
		q.share = track(q.share, math.Abs(s.move)/larger(s.x, 1e-12), 0.5, larger(0.004, 1/float64(q.n+1)), leastShare)
	}
	if q.wide() {
		q.fold = track(q.fold, smaller(q.distance(s.x), 3*q.fold+1), foldP, 0.02, 0.02)
	}
	q.centre = track(q.centre, s.x, 0.5, 0.05, 1e-12)
}
