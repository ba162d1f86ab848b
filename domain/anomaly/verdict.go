package anomaly

import (
	"fmt"
	"strings"

	"github.com/guardy-ai/guardy/domain/qartod"
)

// Test is a QARTOD test in the answer.
type Test uint8

// The tests in the contract's order.
const (
	TestGrossRange Test = iota
	TestSpike
	TestRateOfChange
	TestFlatLine
	TestAttenuatedSignal
	TestClimatology
	TestMultivariate

	// NumTests counts the tests.
	NumTests
)

var testNames = [NumTests]string{
	"gross_range", "spike", "rate_of_change", "flat_line", "attenuated_signal", "climatology", "multivariate",
}

// String returns the contract's name.
func (t Test) String() string { return testNames[t] }

// Condition is what is wrong with a variable. Conditions may last.
type Condition uint8

// The conditions.
const (
	ConditionNone       Condition = iota
	ConditionSentinel             // a code of the logger in place of a value
	ConditionImpossible           // outside the gross range
	ConditionSpike                // the reading before stood out alone: it is known one reading late
	ConditionJump                 // a step that the variable does not make, not confirmed yet
	ConditionShifted              // it stays where the step led
	ConditionStuck                // the same value for longer than the variable keeps one
	ConditionNoisy                // it swings more than it does
	ConditionUnlikely             // contradicts the device's other variables
	ConditionSagging              // battery or signal far below its own level

	// NumConditions counts the conditions.
	NumConditions
)

var conditionNames = [NumConditions]string{
	"none", "sentinel", "impossible", "spike", "jump", "shifted", "stuck", "noisy", "unlikely", "sagging",
}

// String returns the condition's name.
func (c Condition) String() string { return conditionNames[c] }

// Alarm is the state of a device's episode.
type Alarm uint8

// The alarms: one AlarmNew an episode.
const (
	AlarmNone Alarm = iota
	AlarmNew
	AlarmOngoing
	AlarmCleared

	// NumAlarms counts the alarms.
	NumAlarms
)

var alarmNames = [NumAlarms]string{"none", "new", "ongoing", "cleared"}

// String returns the contract's name.
func (a Alarm) String() string { return alarmNames[a] }

// Severity ranks a verdict.
type Severity uint8

// The severities.
const (
	SeverityNormal Severity = iota
	SeverityLow
	SeverityMedium
	SeverityHigh

	// NumSeverities counts the severities.
	NumSeverities
)

var severityNames = [NumSeverities]string{"normal", "low", "medium", "high"}

// String returns the contract's name.
func (s Severity) String() string { return severityNames[s] }

// Threshold is the score from which a reading is an anomaly.
const Threshold = 0.5

// Finding is the verdict on one variable of a reading.
type Finding struct {
	Name string
	// Flags are about the value, but for the spike test's: that is about the one before, which only now has
	// a successor.
	Flags [NumTests]qartod.Flag
	// Score is 0 to 1; from Threshold on the value is an anomaly.
	Score     float64
	Condition Condition
	// Guarded says that the value stood out and that the weather explains it.
	Guarded bool
	// Novelty is how far the value goes beyond everything the variable did before, as a ratio; above 1
	// nothing like it was seen. Novel is true on the first such reading for a while. Neither makes a value
	// an anomaly: floods are new too.
	Novelty float64
	Novel   bool
	// Value is the reported one. Expected and Limit are what the deciding test compared it with: the value
	// and the largest distance from it; NaN where no such test decided.
	Value, Expected, Limit float64
	// DurationS is how long the condition has lasted.
	DurationS float64
}

// IsAnomaly reports whether the value is one.
func (f *Finding) IsAnomaly() bool { return f.Score >= Threshold }

// Quality says what stood behind a verdict.
type Quality uint8

// The conditions of a verdict, as bits.
const (
	QualityColdStart  Quality = 1 << iota // a variable has too little history for the self-calibrating tests
	QualityOutOfOrder                     // not later than the reading before it: only its range was judged
	QualityIgnored                        // the device has more variables than are looked at
	QualityNoState                        // nothing was kept of the device: it is new, or was forgotten
	QualityStateLost                      // what was kept could not be read or replaced
	QualityFuture                         // ahead of the service's clock: judged, and not taken into what is kept

	numQualities = iota
)

// Verdict is the answer for one reading.
type Verdict struct {
	IsAnomaly  bool
	Alarm      Alarm
	Score      float64 // the worst variable's
	Severity   Severity
	Confidence float64
	Quality    Quality
	// RequiresMaintenance says that somebody should go and look.
	RequiresMaintenance bool
	// HighInterest says that something stood out which the weather explains.
	HighInterest bool

	count    int
	findings [MaxVariables]Finding
}

// Findings are the verdicts on the single variables, in the reading's order. They alias v.
func (v *Verdict) Findings() []Finding { return v.findings[:v.count] }

// AddFinding adds the verdict on a further variable and leaves the rest of v alone; what goes beyond
// MaxVariables is dropped. It is for those who hand on verdicts that others drew.
func (v *Verdict) AddFinding(f Finding) {
	if v.count < MaxVariables {
		v.findings[v.count] = f
		v.count++
	}
}

// reset makes v ready for another reading; the findings beyond count are never looked at.
func (v *Verdict) reset() {
	v.IsAnomaly, v.Alarm, v.Score, v.Severity, v.Confidence = false, AlarmNone, 0, SeverityNormal, 0
	v.Quality, v.RequiresMaintenance, v.HighInterest, v.count = 0, false, false, 0
}

// AppendAnomalous appends the names of the anomalous variables to dst.
func (v *Verdict) AppendAnomalous(dst []string) []string {
	for i := range v.Findings() {
		if f := &v.findings[i]; f.IsAnomaly() {
			dst = append(dst, f.Name)
		}
	}
	return dst
}

// Explanation says in words what was found.
func (v *Verdict) Explanation() string {
	var parts []string
	for i := range v.Findings() {
		if f := &v.findings[i]; f.IsAnomaly() || f.Guarded {
			parts = append(parts, f.words())
		}
	}
	switch {
	case v.Quality&QualityOutOfOrder != 0:
		parts = append(parts, "the reading is not later than the one before it, so only its range was judged")
	case len(parts) == 0 && v.Quality&QualityColdStart != 0:
		parts = append(parts, "nothing stands out so far; the device's own habits are not known yet")
	case len(parts) == 0:
		parts = append(parts, "every value is within what this device does")
	}
	return strings.Join(parts, "; ")
}

func (f *Finding) words() string {
	switch {
	case f.Guarded:
		return fmt.Sprintf("%s %.4g is unusual (%.4g was expected) but the weather or other values agree with it", f.Name, f.Value, f.Expected)
	case f.Condition == ConditionSentinel:
		return fmt.Sprintf("%s reports %g, a logger's code for no data", f.Name, f.Value)
	case f.Condition == ConditionImpossible:
		return fmt.Sprintf("%s %g is beyond what can be, %g", f.Name, f.Value, f.Limit)
	case f.Condition == ConditionSpike:
		return fmt.Sprintf("%s had a spike in the reading before this one: it came back to %.4g", f.Name, f.Value)
	case f.Condition == ConditionJump:
		return fmt.Sprintf("%s jumped to %.4g where %.4g ± %.4g was expected", f.Name, f.Value, f.Expected, f.Limit)
	case f.Condition == ConditionShifted:
		return fmt.Sprintf("%s stays at %.4g after a jump from %.4g", f.Name, f.Value, f.Expected)
	case f.Condition == ConditionStuck:
		return fmt.Sprintf("%s has been %g for %.1f h without a change", f.Name, f.Value, f.DurationS/3600)
	case f.Condition == ConditionNoisy:
		return fmt.Sprintf("%s swings far more than it used to", f.Name)
	case f.Condition == ConditionUnlikely:
		return fmt.Sprintf("%s %.4g contradicts the other values of the device", f.Name, f.Value)
	case f.Condition == ConditionSagging:
		return fmt.Sprintf("%s %.4g is far below its usual %.4g", f.Name, f.Value, f.Expected)
	}
	return f.Name + " is unusual"
}

// RecommendedAction says what to do.
func (v *Verdict) RecommendedAction() string {
	switch {
	case v.RequiresMaintenance:
		return "Inspect the sensor and do not use the flagged values."
	case v.IsAnomaly:
		return "Do not use the flagged values; watch the next readings."
	case v.HighInterest:
		return "Trust the values and watch the event: they may be a flood."
	}
	return "No action is needed."
}
