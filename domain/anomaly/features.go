package anomaly

import "math"

// Feature is one of the dimensionless numbers that the isolation forest sees of a value: how far it goes
// beyond the variable's own habits, and what the other variables of the device just did.
type Feature uint8

// The features in the forest's order. Ratios are to habits before the value was learnt.
const (
	FeatureStepLarge    Feature = iota // the unexplained step over the large step
	FeatureStepRecent                  // the same over the mean step of late
	FeatureStepTypical                 // the same over the median step
	FeatureStepRecord                  // the step over the largest believed one in its direction
	FeatureBump                        // how far the value before stood out, over the large bump
	FeatureSwing                       // the swing of late over the usual one
	FeatureRun                         // how often the value was repeated over the long run
	FeatureNovelty                     // the distance over the record of all that came before
	FeatureOthersStep                  // the largest step of another variable over its large step, 0 below 1
	FeatureOthersRepeat                // how unlikely it is that the others repeat their values, as -log
	FeatureRain                        // rain of the last hours over what explains a flood
	FeatureGap                         // nominal steps since the value before

	// NumFeatures counts the features.
	NumFeatures
)

var featureNames = [NumFeatures]string{
	"step_over_large", "step_over_recent", "step_over_typical", "step_over_record", "bump_over_large", "swing_over_usual",
	"run_over_long", "novelty", "others_step", "others_repeat", "rain", "gap",
}

// String returns the feature's name in the artifact.
func (f Feature) String() string { return featureNames[f] }

// Features are the numbers of one value.
type Features [NumFeatures]float32

// mostRatio is where a ratio ends: far beyond every split, and finite in float32.
const mostRatio = 1e6

// ratio returns the logarithm of one and a over b: 0 where nothing is known. A forest splits a range
// evenly, so that ratios without it would be split where hardly any are.
func ratio(a, b float64) float32 {
	if !(b > 0) || !(a > 0) {
		return 0
	}
	return float32(math.Log1p(smaller(a/b, mostRatio)))
}

// stands reports whether something about the sample goes beyond a habit of the variable, so that it is worth
// asking the forest.
func (q *variable) stands(s *sample) bool {
	return s.residual > q.large || s.move == 0 && float64(q.run) >= q.longRun || s.height > q.bump || q.noise > 4*q.swing
}

// features fills the features of a sample that the variable has not learnt yet.
func (q *variable) features(to *Features, s *sample, novelty float64, w *weather) {
	step, others := math.Abs(s.move), w.repeats
	record := q.rise
	if s.move < 0 {
		record = q.fall
	}
	run := 1.0
	if s.move == 0 {
		run = float64(q.run) + 1
		others /= q.chance()
	}
	leap := w.leap
	if w.leaper == q {
		leap = w.second
	}
	*to = Features{
		FeatureStepLarge:    ratio(s.residual, q.large),
		FeatureStepRecent:   ratio(s.residual, q.recent+q.grain),
		FeatureStepTypical:  ratio(s.residual, q.typical),
		FeatureStepRecord:   ratio(step, record),
		FeatureBump:         ratio(s.height, q.bump),
		FeatureSwing:        ratio(q.noise, larger(q.swing, q.grain)),
		FeatureRun:          ratio(run, larger(q.longRun, 1)),
		FeatureNovelty:      ratio(novelty, 1),
		FeatureOthersStep:   ratio(leap, 1),
		FeatureOthersRepeat: ratio(-math.Log(others), 1),
		FeatureRain:         ratio(w.wet, wetMM),
		FeatureGap:          ratio(s.gap, 1),
	}
}
