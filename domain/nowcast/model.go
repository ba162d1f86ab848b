package nowcast

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/doubt"
)

// Model is a verified nowcaster: immutable, safe for concurrent use.
type Model struct {
	ref          domain.ModelRef
	scope        []byte
	members      [numRoles]Member
	levels       Levels
	earlyWarning float64
	coverage     float64
	widening     Widening
	limits       [NumFeatures]domain.Range
	reach        int

	// evaluations are those that no answer needs any more. They are kept because the product of a matrix and a vector
	// takes its slices to the heap.
	evaluations sync.Pool
}

func (m *Model) borrow() *evaluation {
	if e, ok := m.evaluations.Get().(*evaluation); ok {
		return e
	}
	return new(evaluation)
}

// Spec is what a model is made of. NewModel checks it completely.
type Spec struct {
	Ref      domain.ModelRef
	Features []domain.FeatureInfo // in the order of Names, those of Schema or of FirstSchema
	Members  []Member             // one of each of MemberNames, in any order
	Levels   Levels
	// EarlyWarning is the probability from which any horizon asked for raises the early warning.
	EarlyWarning float64
	Coverage     float64 // of the probability interval
	Widening     Widening
}

// The members, by what a request has: a river with or without rain, or rain alone; and a forecast of
// rain or none.
const (
	roleLevelRain = iota
	roleLevelRainForecast
	roleLevel
	roleRain
	roleRainForecast

	numRoles
)

// MemberNames are the members that every model has.
var MemberNames = [numRoles]string{"level_rain", "level_rain_forecast", "level", "rain", "rain_forecast"}

// Member is a few networks that differ by their seeds; the mean of their distributions is recalibrated.
type Member struct {
	Name     string
	Inputs   []int     // features that the networks read, by index
	Mean     []float64 // of each input in training
	Scale    []float64 // standard deviation of each input in training
	Networks []Network
	// Slope recalibrates (see Distribution), Spread is the standard deviation between rivers of the
	// log-odds of the event around the answer; both by each of the knots that the networks have.
	Slope, Spread [numKnots]float64

	inverse []float64
}

// Levels are the probabilities at which the levels begin, strictly increasing inside (0, 1).
type Levels struct{ Low, Moderate, High, Extreme float64 }

// At returns the level of a probability.
func (l Levels) At(p float64) domain.Level {
	switch {
	case p >= l.Extreme:
		return domain.LevelExtreme
	case p >= l.High:
		return domain.LevelHigh
	case p >= l.Moderate:
		return domain.LevelModerate
	case p >= l.Low:
		return domain.LevelLow
	}
	return domain.LevelVeryLow
}

// Widening says how the interval grows with what a request lacks. The factors are a judgement, not a
// measurement.
type Widening struct {
	// PerCondition multiplies the interval's half width in log-odds once for each condition of the
	// sequence and input out of domain; Maximum bounds the product.
	PerCondition, Maximum float64
	// ConfidenceWidth is the width in log-odds at which the confidence has fallen to 1/e.
	ConfidenceWidth float64
}

// NewModel checks a specification and keeps no reference to it.
func NewModel(spec Spec) (*Model, error) {
	m := &Model{
		ref: spec.Ref, scope: fmt.Appendf(nil, "%s\x00%s\x00", spec.Ref.Digest, Schema), levels: spec.Levels, earlyWarning: spec.EarlyWarning, coverage: spec.Coverage, widening: spec.Widening,
	}
	if l := m.levels; !(0 < l.Low && l.Low < l.Moderate && l.Moderate < l.High && l.High < l.Extreme && l.Extreme < 1) {
		return nil, fmt.Errorf("levels must increase strictly inside (0, 1): %v", l)
	}
	if !(0 < m.earlyWarning && m.earlyWarning < 1) || !(0 < m.coverage && m.coverage < 1) {
		return nil, fmt.Errorf("early warning %v or coverage %v is outside (0, 1)", m.earlyWarning, m.coverage)
	}
	w := m.widening
	if !(1 <= w.PerCondition && w.PerCondition <= w.Maximum && w.Maximum <= 100 && 0 < w.ConfidenceWidth && w.ConfidenceWidth < 1000) {
		return nil, fmt.Errorf("widening %+v would narrow the interval or lose it", w)
	}
	if n := len(spec.Features); n != NumFeatures && n != numFirstFeatures {
		return nil, fmt.Errorf("%d features, schema %s has %d", n, Schema, NumFeatures)
	}
	for i, f := range spec.Features {
		if f.Name != Names[i] {
			return nil, fmt.Errorf("feature %d is %q, schema %s has %q", i, f.Name, Schema, Names[i])
		}
		if !(f.Min <= f.Max) || math.IsInf(f.Min, 0) || math.IsInf(f.Max, 0) {
			return nil, fmt.Errorf("feature %s ranges from %v to %v", f.Name, f.Min, f.Max)
		}
		m.limits[i] = domain.Range{Min: f.Min, Max: f.Max}
	}
	if len(spec.Members) != numRoles {
		return nil, fmt.Errorf("%d members, want %v", len(spec.Members), MemberNames)
	}
	for _, member := range spec.Members {
		role := slices.Index(MemberNames[:], member.Name)
		if role < 0 || m.members[role].Name != "" {
			return nil, fmt.Errorf("member %q is unknown or given twice; want %v", member.Name, MemberNames)
		}
		member.Networks = slices.Clone(member.Networks)
		if err := member.validate(role == roleLevelRainForecast || role == roleRainForecast, len(spec.Features)); err != nil {
			return nil, fmt.Errorf("member %s: %w", member.Name, err)
		}
		m.members[role] = member
	}
	m.reach = min(m.members[roleLevelRainForecast].reach(), m.members[roleRainForecast].reach())
	return m, nil
}

// Reach is the farthest lead time in hours that the model answers where a forecast of rain reaches it.
func (m *Model) Reach() int { return m.reach }

// knots are those that all networks of the member have.
func (c *Member) knots() int {
	n := numKnots
	for i := range c.Networks {
		n = min(n, c.Networks[i].knots)
	}
	return n
}

func (c *Member) reach() int { return int(knots[c.knots()-1]) }

func (c *Member) validate(forecast bool, features int) error {
	n := len(c.Inputs)
	if n < 1 || n > maxInputs || len(c.Mean) != n || len(c.Scale) != n {
		return fmt.Errorf("%d inputs, %d means and %d scales do not fit", n, len(c.Mean), len(c.Scale))
	}
	if len(c.Networks) < 1 || len(c.Networks) > maxNetworks {
		return fmt.Errorf("%d networks are outside 1 to %d", len(c.Networks), maxNetworks)
	}
	for i, feature := range c.Inputs {
		if feature < 0 || feature >= features {
			return fmt.Errorf("input %d is no feature", i)
		}
		if !(math.Abs(c.Mean[i]) < 1e6) || !(1e-6 < c.Scale[i] && c.Scale[i] < 1e6) {
			return fmt.Errorf("input %s: mean %v or scale %v cannot be", Names[feature], c.Mean[i], c.Scale[i])
		}
		c.inverse = append(c.inverse, 1/c.Scale[i])
	}
	c.Inputs, c.Mean = slices.Clone(c.Inputs), slices.Clone(c.Mean)
	for i := range c.Networks {
		if err := c.Networks[i].validate(n, forecast); err != nil {
			return fmt.Errorf("network %d: %w", i, err)
		}
	}
	for i := range c.knots() {
		if !(0.1 <= c.Slope[i] && c.Slope[i] <= 10) || !(0 <= c.Spread[i] && c.Spread[i] <= 10) {
			return fmt.Errorf("slope %v or spread %v at %v h cannot be", c.Slope[i], c.Spread[i], knots[i])
		}
	}
	return nil
}

// Ref identifies the model.
func (m *Model) Ref() domain.ModelRef { return m.ref }

// CacheScope returns the bytes that set this model's answers apart from any other model's: its digest and
// the feature schema. They must not be modified.
func (m *Model) CacheScope() []byte { return m.scope }

// answerer is a member with what its networks say about one sequence.
type answerer struct {
	member   *Member
	forecast bool
	inputs   [maxInputs]float32
	hidden   [2][maxHidden]float32
	outputs  [maxNetworks]outputs
}

func (a *answerer) run(member *Member, row *[NumFeatures]float64, forecast bool) {
	a.member, a.forecast = member, forecast
	x := a.inputs[:len(member.Inputs)]
	for i, f := range member.Inputs {
		x[i] = float32(min(max((row[f]-member.Mean[i])*member.inverse[i], -inputLimit), inputLimit))
	}
	for i := range member.Networks {
		member.Networks[i].run(x, &a.hidden, &a.outputs[i])
	}
}

// add puts the member's mixture at a horizon into d with a share of its weight.
func (a *answerer) add(d *Distribution, horizon int, share float64, rain *[numRainSums]float64) {
	total := share / float64(len(a.member.Networks))
	for i := range a.member.Networks {
		a.outputs[i].add(d, horizon, total, a.forecast, rain)
	}
	d.slope += share * interpolate(&a.member.Slope, horizon)
}

func interpolate(v *[numKnots]float64, horizon int) float64 {
	k, share := between(horizon)
	return v[k] + share*(v[k+1]-v[k])
}

// pair answers from rain and readings, and where a forecast of rain is given, from that too.
type pair struct {
	plain, informed answerer
	known           int // hours of the forecast
}

func (p *pair) run(plain, informed *Member, row *[NumFeatures]float64, known int) {
	p.known = known
	if known < NearHorizon {
		p.plain.run(plain, row, false)
	}
	if known > 0 {
		p.informed.run(informed, row, true)
	}
}

// at makes the distribution for a horizon. A forecast of fewer hours than the horizon shares the answer
// with the member that has none, in proportion to the hours.
func (p *pair) at(d *Distribution, horizon int, origin float64, forecast []float64) (spread float64) {
	*d = Distribution{origin: origin}
	share := min(1, float64(p.known)/float64(horizon))
	if share > 0 {
		var rain [numRainSums]float64
		sum, hour := 0.0, 0
		for i, hours := range rainSums {
			for ; hour < min(hours, horizon, p.known); hour++ {
				sum += forecast[hour]
			}
			rain[i] = math.Log1p(sum)
		}
		p.informed.add(d, horizon, share, &rain)
		spread += share * interpolate(&p.informed.member.Spread, horizon)
	}
	if share < 1 {
		p.plain.add(d, horizon, 1-share, nil)
		spread += (1 - share) * interpolate(&p.plain.member.Spread, horizon)
	}
	return spread
}

// knownHours is the number of forecast hours before the first unknown one.
func knownHours(forecast []float64) int {
	for i, v := range forecast {
		if v != v || doubt.IsCode(doubt.Rain, v) {
			return i
		}
	}
	return len(forecast)
}

// evaluation is what the model's members say about a sequence.
type evaluation struct {
	sequence
	row             [NumFeatures]float64
	known           int // hours of the rain forecast
	levels, chances pair
	// pour is the rain in mm of the newest hour or of the wettest hour of the forecast up to the farthest horizon.
	pour float64
	// guarded is set where the river was not read while it rained, or cannot have answered the rain yet: rain alone
	// guards the answer.
	guarded bool
}

// guardRain is the rain since the river's newest reading from which a river that was not read for hours does
// not vouch for itself, in mm.
const guardRain = 10

// A river that has not yet answered the rain of the newest hour does not vouch for itself either.
const (
	// suddenRain is the rain of one hour, in mm, in which no level is very low.
	suddenRain = 20
	// unseenRain is more rain in one hour, in mm, than any gauge of the training had: 49 mm.
	unseenRain = 50
)

func (e *evaluation) evaluate(m *Model, r *Request, as trust, n *notes) {
	e.read(r, as, n)
	assemble(&e.row, &e.grid, &e.coverage)
	e.known = min(knownHours(r.RainfallForecastMM), m.reach)
	e.pour = e.newestRain()
	for _, v := range r.RainfallForecastMM[:min(e.known, slices.Max(r.Horizons))] {
		e.pour = max(e.pour, v)
	}
	e.guarded = e.river() && (e.newest > 3 && e.rainSince >= guardRain || e.pour >= unseenRain)
	// A river without thresholds is forecast on a scale of its own; the probability then rests on rain.
	if e.river() {
		plain := &m.members[roleLevelRain]
		if !e.rainy {
			plain = &m.members[roleLevel]
		}
		e.levels.run(plain, &m.members[roleLevelRainForecast], &e.row, e.known)
	}
	if !e.scaled || e.guarded {
		e.chances.run(&m.members[roleRain], &m.members[roleRainForecast], &e.row, e.known)
	}
}

// newestRain is the rain of the newest hour in mm, NaN where it is not known. The features hold logarithms.
func (e *evaluation) newestRain() float64 { return math.Expm1(e.row[firstRain]) }

func (e *evaluation) river() bool { return e.observed != SeriesRainfall }

// chance is the probability of the event at a horizon with the spread of its log-odds between rivers, and
// the curve of the river, where there is one.
func (e *evaluation) chance(d *Distribution, h int, forecast []float64) (p, spread float64) {
	if e.river() {
		spread = e.levels.at(d, h, e.z[0], forecast)
		p = d.Exceedance(1)
	}
	if !e.scaled {
		p, spread = e.fromRain(h, forecast)
	}
	return p, spread
}

func (e *evaluation) fromRain(h int, forecast []float64) (p, spread float64) {
	var d Distribution
	spread = e.chances.at(&d, h, 0, forecast)
	return d.Exceedance(1), spread
}

// Trend: what the median does within trendHours, against trendStep of the way from normal to threshold.
const (
	trendHours = 3
	trendStep  = 0.02
)

// Forecast answers r, which must be valid and canonical and ask for no horizon beyond the model's reach, in
// f. It fills everything but PredictedAt and Provenance. It does not allocate when f.Predictions has room,
// the sequence at most a thousand readings, and nothing of it is doubtful.
//
// The rules beside the distribution: the trend is rising (falling) when the median three hours ahead lies
// at least 0.02 of the way from normal to flood threshold above (below) the river now; the early warning
// is raised when the probability at any horizon asked for reaches the model's cut, or more rain fell in the newest
// hour, or is forecast for one, than any gauge of the training saw; the risk is highest at
// the horizon with the highest probability, the nearest of several. Doubt never lowers the answer: see
// caution.
func (m *Model) Forecast(r *Request, f *Forecast) {
	e := m.borrow()
	defer m.evaluations.Put(e)
	f.Quality = Quality{}
	e.evaluate(m, r, trust{}, &notes{request: r, quality: &f.Quality})
	f.Predictions = slices.Grow(f.Predictions[:0], len(r.Horizons))[:len(r.Horizons)]
	f.IssuedFor = r.Readings[len(r.Readings)-1].Time
	f.Observed, f.Coverage, f.Model = e.observed, m.coverage, m.ref
	f.SequenceLength = len(r.Readings)
	m.quality(r, e, &f.Quality)
	if e.any() {
		m.cautiously(r, e, f)
		return
	}
	m.answer(r, e, &caution{}, f)
	f.Trend = e.trend(r.RainfallForecastMM)
}

// answer writes the predictions of e within the bounds of c.
func (m *Model) answer(r *Request, e *evaluation, c *caution, f *Forecast) {
	widening := halfWidth(m.coverage) * m.widen(&f.Quality)
	if e.pour >= unseenRain { // nobody knows a river that has seen this
		c.warn, c.floor = true, max(c.floor, domain.LevelLow)
	}
	f.MaxRisk, f.EarlyWarning = 0, c.warn
	var d Distribution
	for i, h := range r.Horizons {
		p := Prediction{HoursAhead: h}
		chance, spread := e.chance(&d, h, r.RainfallForecastMM)
		p.set(chance, spread*widening)
		if c.other != nil {
			c.blend(&p, &d, e, h, r.RainfallForecastMM, widening)
		} else if e.river() {
			p.Quantiles = e.quantiles(&d)
		}
		p.Confidence = math.Round(math.Exp(-(odds(p.Upper)-odds(p.Lower))/m.widening.ConfidenceWidth)*1e4) / 1e4
		if e.scaled {
			p.Level = m.levels.At(p.Probability)
		}
		if e.guarded {
			alone, _ := e.fromRain(h, r.RainfallForecastMM)
			c.guard(m, h, rounded(alone))
		}
		f.Predictions[i] = p
		best := &f.Predictions[f.MaxRisk]
		if p.Probability > best.Probability || p.Probability == best.Probability && h < best.HoursAhead {
			f.MaxRisk = i
		}
		f.EarlyWarning = f.EarlyWarning || p.Probability >= m.earlyWarning
	}
	if f.HighestLevel() == domain.LevelVeryLow && !e.guarded && e.newestRain() >= suddenRain {
		m.guardSuddenRain(r, e, c)
	}
	c.apply(f)
}

// guardSuddenRain guards an answer by rain alone: it is of the lowest level although it pours.
func (m *Model) guardSuddenRain(r *Request, e *evaluation, c *caution) {
	e.chances.run(&m.members[roleRain], &m.members[roleRainForecast], &e.row, e.known)
	c.floor = max(c.floor, domain.LevelLow)
	for _, h := range r.Horizons {
		alone, _ := e.fromRain(h, r.RainfallForecastMM)
		c.guard(m, h, rounded(alone))
	}
}

// set writes a probability with its interval, half wide in log-odds on each side.
func (p *Prediction) set(chance, half float64) {
	o := odds(chance)
	p.Lower, p.Probability, p.Upper = rounded(expit(o-half)), rounded(chance), rounded(expit(o+half))
}

func odds(p float64) float64 { return logit(min(max(p, tiny), 1-tiny)) }

func (e *evaluation) trend(forecast []float64) Trend {
	if !e.river() {
		return TrendUnknown
	}
	var d Distribution
	e.levels.at(&d, trendHours, e.z[0], forecast)
	switch change := d.Quantile(0.5) - e.z[0]; {
	case change >= trendStep:
		return TrendRising
	case change <= -trendStep:
		return TrendFalling
	}
	return TrendSteady
}

// quantileLevels are the probabilities of an answer's quantiles.
var quantileLevels = [...]float64{0.10, 0.25, 0.50, 0.75, 0.90}

func (s *sequence) quantiles(d *Distribution) Quantiles {
	return s.inUnits(d.quantiles(quantileLevels))
}

// inUnits brings quantiles of z to the unit of the readings. A discharge is not negative, unless the river's
// normal or one of its readings is.
func (s *sequence) inUnits(z [5]float64) Quantiles {
	for i, v := range z {
		v = s.origin + s.scale*min(max(v, 2*minZ), 2*maxZ)
		if s.observed == SeriesDischarge && s.origin >= 0 && !s.backwards {
			v = max(v, 0)
		}
		z[i] = math.Round(v*1e6) / 1e6
		if i > 0 {
			z[i] = max(z[i], z[i-1]) // where the curve is steep, the tolerance could turn neighbours around
		}
	}
	return Quantiles{P10: z[0], P25: z[1], P50: z[2], P75: z[3], P90: z[4]}
}

// rounded cuts a probability to nine decimals: more would be noise on the wire, and rounding is
// monotone.
func rounded(p float64) float64 { return math.Round(p*1e9) / 1e9 }

// halfWidth is the half width of a central normal interval in standard deviations.
func halfWidth(coverage float64) float64 { return math.Sqrt2 * math.Erfinv(coverage) }

// quality says what the answer had to do without, beside the doubts.
func (m *Model) quality(r *Request, e *evaluation, q *Quality) {
	s, row, known := &e.sequence, &e.row, e.known
	q.Conditions, q.Faults = s.conditions, s.faults
	missing := func(i Input, holds bool) {
		if holds {
			q.Missing = q.Missing.With(i)
		}
	}
	ignored := func(i Input, holds bool) {
		if holds {
			q.Ignored = q.Ignored.With(i)
		}
	}
	river := e.river()
	missing(InputRainfall, !s.rainy)
	missing(InputWaterLevel, !river)
	missing(InputRainfallForecast, known == 0)
	missing(InputRiver, !(r.FloodThreshold > r.Normal) || s.misfit)
	ignored(InputTemperature, s.present[SeriesTemperature])
	ignored(InputHumidity, s.present[SeriesHumidity])
	ignored(InputWaterLevel, s.present[SeriesWaterLevel] && s.observed != SeriesWaterLevel)
	ignored(InputDischarge, s.present[SeriesDischarge] && s.observed != SeriesDischarge)
	ignored(InputOlderReadings, s.older)
	used := min(known, max(slices.Max(r.Horizons), trendHours))
	ignored(InputFartherForecast, slices.ContainsFunc(r.RainfallForecastMM[used:], func(v float64) bool { return v == v }))
	outside := func(i Input, holds bool) {
		if holds {
			q.OutOfDomain = q.OutOfDomain.With(i)
		}
	}
	// The level, and how fast it moves either way: a river without thresholds has no scale to compare.
	if river && s.scaled && m.isOutside(row, levelFeatures) {
		outside(InputWaterLevel, s.observed == SeriesWaterLevel)
		outside(InputDischarge, s.observed == SeriesDischarge)
	}
	outside(InputRainfall, m.isAbove(row, rainFeatures))
	outside(InputRainfallForecast, m.isMoreRain(r.RainfallForecastMM[:used]))
}

// isOutside reports whether a feature lies outside what the training had.
func (m *Model) isOutside(row *[NumFeatures]float64, features []int) bool {
	return slices.ContainsFunc(features, func(i int) bool { return !m.limits[i].Holds(row[i]) })
}

// isAbove reports whether a feature lies above what the training had.
func (m *Model) isAbove(row *[NumFeatures]float64, features []int) bool {
	return slices.ContainsFunc(features, func(i int) bool { return row[i] > m.limits[i].Max })
}

// isMoreRain reports whether a forecast holds more rain within some hours than any gauge of the training had within as
// many.
func (m *Model) isMoreRain(forecast []float64) bool {
	if len(forecast) == 0 {
		return false
	}
	for i, hours := range sums {
		most, sum := math.Expm1(m.limits[firstRain+i].Max), 0.0
		for k, v := range forecast {
			sum += v
			if k >= hours {
				sum -= forecast[k-hours]
			}
			if sum > most+leastMM {
				return true
			}
		}
	}
	return false
}

// leastMM is less rain than a gauge tells, in mm; limits are written with six digits.
const leastMM = 0.01

// levelFeatures and rainFeatures are the features by which a sequence is outside of what the training had.
var levelFeatures, rainFeatures = featuresNamed("z_now", "rise_"), featuresNamed("rain_", "store_")

// featuresNamed are the features whose names begin so, without those of both rain and river.
func featuresNamed(prefixes ...string) (features []int) {
	for i, name := range Names {
		for _, prefix := range prefixes {
			if strings.HasPrefix(name, prefix) && name != "z_now_bent" && !slices.Contains(notMeasures, name) {
				features = append(features, i)
			}
		}
	}
	return features
}

// notMeasures are features that the prefixes hold and that do not grow with the level or the rain.
var notMeasures = []string{"rise_per_mm_since_low", "rain_age", "rain_centroid_24h", "rain_since_low"}

// firstRain is the index of the first rain sum.
var firstRain = slices.Index(Names[:], "rain_1h")

// widen is the factor of the interval. That the thresholds or the river are missing is in the spread of
// the members for rain alone; it counts here only when there is no rain either.
func (m *Model) widen(q *Quality) float64 {
	factor := 1.0
	count := func(holds bool) {
		if holds {
			factor = min(factor*m.widening.PerCondition, m.widening.Maximum)
		}
	}
	for _, c := range [...]Condition{ConditionDaily, ConditionCoarse, ConditionGaps, ConditionShort, ConditionStale, ConditionRiseUnconfirmed} {
		count(q.Conditions.Has(c))
	}
	for i := range NumInputs {
		count(q.OutOfDomain.Has(i))
	}
	if q.Missing.Has(InputRainfall) && (q.Conditions.Has(ConditionRainOnly) || q.Conditions.Has(ConditionUnscaled) || q.Conditions.Has(ConditionThresholdsDoNotFit)) {
		return m.widening.Maximum
	}
	return factor
}

// WarmUp answers a few requests so that weights and code are in the processor's caches.
func (m *Model) WarmUp() {
	r := NewRequest()
	r.Normal, r.FloodThreshold = 1, 2
	for i := range 48 {
		v := MissingReading()
		v.Time = time.Unix(int64(i)*3600, 0).UTC()
		v.RainfallMM, v.WaterLevelM = float64(i%3), 1+float64(i)/100
		r.Readings = append(r.Readings, v)
	}
	r.Canonicalize()
	var f Forecast
	for range 8 {
		m.Forecast(&r, &f)
	}
}

// Features cleans a request and returns its row, for verification.
func Features(r *Request) [NumFeatures]float64 {
	var s sequence
	s.read(r, trust{}, nil)
	var row [NumFeatures]float64
	assemble(&row, &s.grid, &s.coverage)
	return row
}

// ScoreRow is what a member makes of a row of features at a horizon, for verification. forecast holds
// hourly totals as far as the member reaches and is ignored by members without a forecast.
func (m *Model) ScoreRow(member string, row *[NumFeatures]float64, forecast []float64, horizon int) (Distribution, error) {
	role := slices.Index(MemberNames[:], member)
	if role < 0 {
		return Distribution{}, fmt.Errorf("the model has no member %q", member)
	}
	c := &m.members[role]
	if horizon < 1 || horizon > c.reach() {
		return Distribution{}, fmt.Errorf("a horizon of %d h", horizon)
	}
	var p pair
	if role == roleLevelRainForecast || role == roleRainForecast {
		if len(forecast) != c.reach() {
			return Distribution{}, fmt.Errorf("%d hours of forecast rain, the member needs %d", len(forecast), c.reach())
		}
		p.run(nil, c, row, len(forecast))
	} else {
		p.run(c, nil, row, 0)
	}
	origin := row[0]
	if role == roleRain || role == roleRainForecast {
		origin = 0
	}
	var d Distribution
	p.at(&d, horizon, origin, forecast)
	return d, nil
}
