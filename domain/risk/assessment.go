package risk

import (
	"time"

	"github.com/guardy-ai/guardy/domain"
)

// MaxFactors is how many contributions an answer lists.
const MaxFactors = 5

// Factor is the exact Shapley value of one feature, in log-odds of the model's margin.
type Factor struct {
	// Feature is the name of the feature; Index its place in the model's features.
	Feature string
	Index   uint8
	// Value is the feature's value, NaN when missing.
	Value float32
	// Contribution in log-odds: positive raises the risk.
	Contribution float32
}

// Factors explain one answer: Base + Others + the listed contributions = the margin, and about this margin the
// log-odds of the calibrated probability are Intercept + Slope * margin. A change of a contribution that leaves the
// calibration's line has a probability on another one.
type Factors struct {
	N      uint8
	Top    [MaxFactors]Factor // by magnitude, largest first; the first N are set
	Base   float32            // expected margin of the training data
	Others float32            // sum of the contributions that are not listed

	Intercept, Slope float32
}

// List returns the listed factors.
func (f *Factors) List() []Factor { return f.Top[:f.N] }

// Assessment is the answer to a Request.
type Assessment struct {
	// Probability is calibrated, 0–1.
	Probability float64
	// Lower and Upper bound the event frequency of comparable days at this place with the stated
	// Coverage; Lower <= Probability <= Upper.
	Lower, Upper, Coverage float64
	// Confidence, 0–1, shrinks with the width of the interval.
	Confidence float64
	// Score, 0–100, is an increasing map of Probability on which the levels begin at 20, 40,
	// 60 and 80.
	Score float64
	Level domain.Level

	// Explained says whether Factors is set.
	Explained bool
	Factors   Factors

	Quality Quality
	// Derived are the site attributes that the request does not give and the answer took from its year of weather.
	Derived InputSet

	Model domain.ModelRef
	// AssessedAt is when the answer was computed, not when it was served.
	AssessedAt time.Time

	// Provenance describes this serving of the answer.
	Provenance domain.Provenance
}

// Outcome is one item's result in a batch: Err is nil or a *domain.Error.
type Outcome struct {
	Assessment Assessment
	Err        error
}

// actions are proposals to the operator, who knows the place; Guardy does not issue warnings.
var actions = [domain.NumLevels]string{
	domain.LevelUnknown:  "The risk is not known: do not read this as low risk; check the inputs and local sources.",
	domain.LevelVeryLow:  "No action beyond routine monitoring.",
	domain.LevelLow:      "Keep monitoring; check that sensors and contacts are up to date.",
	domain.LevelModerate: "Raise the monitoring interval, inspect drains and low crossings, follow the official forecast.",
	domain.LevelHigh:     "Prepare to act: alert the response team, ready barriers and routes, compare with the river and the official warning.",
	domain.LevelExtreme:  "Act now according to the local flood plan and the authorities: move people and goods out of the flood-prone area.",
}

// RecommendedAction proposes what to do at a level.
func RecommendedAction(l domain.Level) string { return actions[min(l, domain.NumLevels-1)] }
