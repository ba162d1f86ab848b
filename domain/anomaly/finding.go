package anomaly

import (
	"github.com/guardy-ai/guardy/domain/qartod"
)

func (f *Finding) begin(x Value) {
	*f = Finding{Name: x.Name, Value: x.Value, Expected: nan, Limit: nan}
	for i := range f.Flags {
		f.Flags[i] = qartod.NotEvaluated
	}
	if x.Value != x.Value {
		for i := range f.Flags {
			f.Flags[i] = qartod.Missing
		}
	}
}

// suspectScore is the score of what stands out and is no anomaly.
const suspectScore = 0.45

func (f *Finding) fail(c Condition) {
	f.Score, f.Condition = 1, c
}

// raise sets the score of a test from the ratio of what was compared to its limit: 1 is the limit.
func (f *Finding) raise(ratio float64, c Condition) {
	score := ratio / (1 + ratio)
	if !(score > f.Score) {
		return
	}
	f.Score = score
	if ratio >= 1 {
		f.Condition = c
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
