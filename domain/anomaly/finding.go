package anomaly

import (
	"math"

	"github.com/guardy-ai/guardy/domain/qartod"
)

// unjudged and absent are the flags of a value before any test, and of none.
var unjudged, absent = allFlags(qartod.NotEvaluated), allFlags(qartod.Missing)

func allFlags(of qartod.Flag) (out [NumTests]qartod.Flag) {
	for i := range out {
		out[i] = of
	}
	return out
}

// begin makes f ready for a value. It sets the fields one by one because that is much faster than
// copying a whole Finding, and it is done for every value of a replayed history.
func (f *Finding) begin(name string, x float64) {
	f.Name, f.Value = name, x
	f.Flags = unjudged
	f.Score, f.worst, f.Condition, f.Guarded = 0, 0, ConditionNone, false
	f.Novelty, f.Novel, f.Isolation = 0, false, 0
	f.Expected, f.Limit, f.DurationS = nan, nan, 0
	if x != x {
		f.Flags = absent
	}
}

// suspectRatio is the ratio of what stands out and is no anomaly: a score of 0.45.
const suspectRatio = 0.45 / 0.55

// suspect says that the value stands out, whatever its tests say.
func (f *Finding) suspect() { f.worst = larger(f.worst, suspectRatio) }

// fail says that the value is no measurement.
func (f *Finding) fail(c Condition) { f.worst, f.Condition = math.Inf(1), c }

// unmeasured says that a code stands where a value should: as a value it is missing, as a reading it is a
// fault.
func (f *Finding) unmeasured() {
	f.fail(ConditionSentinel)
	f.Flags = absent
}

// raise takes in the ratio of what a test compared to its limit: 1 is the limit. The worst counts.
func (f *Finding) raise(ratio float64, c Condition) {
	if ratio >= 1 && ratio > f.worst {
		f.Condition = c
	}
	f.worst = mostOf(f.worst, ratio)
}

// compare is raise of value over limit, a positive number, and sets the flag of a test. How far a value
// of the past was within its limits is not worked out.
func (f *Finding) compare(test Test, value, limit float64, c Condition) {
	if f.past && value < limit {
		return
	}
	ratio := value / limit
	f.Flags[test] = flag(ratio)
	f.raise(ratio, c)
}

// settle turns the worst ratio into the score.
func (f *Finding) settle() {
	if f.past && f.worst < 1 {
		return
	}
	f.Score = f.worst / (1 + f.worst)
	if f.worst > 1e15 {
		f.Score = 1
	}
}

func flag(ratio float64) qartod.Flag {
	switch {
	case ratio >= 3:
		return qartod.Fail
	case ratio >= 1:
		return qartod.Suspect
	}
	return qartod.Pass
}
