package anomaly

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/guardy-ai/guardy/domain/qartod"
)

// Tuning are the dimensionless numbers of the self-calibrating tests, fitted on pooled sensors.
type Tuning struct {
	WarmUp     int     // accepted values before a variable's own habits are known
	Jump       float64 // a jump is that many times the variable's large step
	JumpRecent float64 // and that many times its mean step of late
	JumpFloor  float64 // and that many times its median step
	JumpGrain  float64 // and that many times its resolution
	Record     float64 // and that many times the largest step in its direction that was believed
	Forget     float64 // share of those that is forgotten a reading
	Believe    float64 // share of a jump that a confirmed shift adds to the steps that are believed
	Together   float64 // how much jumps of other variables at the same reading add to a jump
	Bump       float64 // a spike is that many times the variable's large bump
	BumpRecent float64 // and that many times its mean step before it
	Accept     int     // readings in agreement that make a jump the new level
	Run        float64 // stuck is that many times the variable's long run
	MinRun     float64 // and at least that many readings
	Noise      float64 // noisy is that many times the typical swing
	NoiseBump  float64 // and that share of the large bump
	Weary      float64 // share that every alarm adds to the limits, until it is forgotten
	Rest       float64 // share of that which is forgotten a reading
	LargeP     float64 // the quantile that is a large step
	BumpP      float64 // the quantile that is a large bump
}

// Tunings are the numbers for each kind of habit.
type Tunings struct {
	// Air is for temperature and humidity of the air, Other for everything else that has a level.
	Air, Other Tuning
}

// DefaultTunings returns the numbers that were tuned on the development data: Air on the weather station's
// first two years, Other on four sites of the Logan River. Weary and Rest were chosen by hand among ten
// pairs.
func DefaultTunings() Tunings {
	return Tunings{
		Air: Tuning{
			WarmUp: 48, Jump: 1.28, JumpRecent: 1.55, JumpFloor: 28, JumpGrain: 13, Record: 0.008, Forget: 0.00016, Believe: 0.006,
			Together: 0, Bump: 2.6, BumpRecent: 4.6, Accept: 3, Run: 1.55, MinRun: 5.2, Noise: 6.25, NoiseBump: 1.1, Weary: 0, Rest: 0.0003, LargeP: 0.995, BumpP: 0.98,
		},
		Other: Tuning{
			WarmUp: 48, Jump: 3.75, JumpRecent: 8.28, JumpFloor: 1.863, JumpGrain: 6.612, Record: 3.533, Forget: 0.00192, Believe: 2.109, Together: 0.072,
			Bump: 6.338, BumpRecent: 24.96, Accept: 3, Run: 19.82, MinRun: 3.229, Noise: 14.35, NoiseBump: 2.122, Weary: 0.2, Rest: 0.0003, LargeP: 0.98, BumpP: 0.98,
		},
	}
}

const (
	// Set by hand after looking at all years of one weather station, whose heavy rain fell at 78 % and more
	// and reached 33 mm in an hour: its figures for rain are no estimate, and a wetter climate needs other
	// numbers.
	humidRain = 58 // relative humidity under which heavy rain is unlikely, %
	dryRainMM = 4  // rain that needs humid air, mm
	// Rain of an hour that does not come out of nothing, and that which is hardly ever measured.
	cloudburstMM = 38
	rareBurstMM  = 100
)

// Detector judges readings. It is immutable and safe for concurrent use; what it remembers is in the
// DeviceState.
type Detector struct {
	tuning Tunings
	kinds  [NumKinds]Limits
	named  map[string]*Limits
	// devices are the detectors of devices with limits of their own.
	devices map[string]*Detector
}

// NewDetector returns a detector. Limits replace the defaults of the variables they name.
func NewDetector(tuning Tunings, limits map[string]Limits) (*Detector, error) {
	d := &Detector{tuning: tuning, named: make(map[string]*Limits, len(limits))}
	for k := range NumKinds {
		d.kinds[k] = DefaultLimits(k)
	}
	for name, l := range limits {
		if err := l.validate(name); err != nil {
			return nil, err
		}
		d.named[name] = &l
	}
	if err := errors.Join(tuning.Air.validate(), tuning.Other.validate()); err != nil {
		return nil, err
	}
	return d, nil
}

// setDevice makes the detector of one device with limits of its own, before d is used.
func (d *Detector) setDevice(id string, limits map[string]Limits) {
	own := *d
	own.devices = nil
	own.named = maps.Clone(d.named)
	for name, l := range limits {
		own.named[name] = &l
	}
	if d.devices == nil {
		d.devices = map[string]*Detector{}
	}
	d.devices[id] = &own
}

// device returns the detector for the device, d itself where it has no limits of its own.
func (d *Detector) device(id string) *Detector {
	if own, ok := d.devices[id]; ok {
		return own
	}
	return d
}

func (t *Tuning) validate() error {
	for _, v := range [...]float64{
		t.Jump, t.JumpRecent, t.JumpFloor, t.JumpGrain, t.Bump, t.BumpRecent, t.Run, t.MinRun, t.Noise, t.NoiseBump, t.LargeP, t.BumpP, t.Forget,
	} {
		if !(v > 0) || math.IsInf(v, 0) {
			return fmt.Errorf("tuning: %v is not positive and finite", v)
		}
	}
	for _, v := range [...]float64{t.Record, t.Believe, t.Together, t.Weary, t.Rest} {
		if !(v >= 0) || math.IsInf(v, 0) {
			return fmt.Errorf("tuning: %v is negative or not finite", v)
		}
	}
	if t.WarmUp < 3 || t.Accept < 1 || t.LargeP >= 1 || t.BumpP >= 1 {
		return fmt.Errorf("tuning: warm-up %d, accept %d or a quantile is out of range", t.WarmUp, t.Accept)
	}
	return nil
}

func (d *Detector) of(k Kind) *Tuning {
	if k == KindTemperature || k == KindHumidity {
		return &d.tuning.Air
	}
	return &d.tuning.Other
}

func (d *Detector) limits(name string) *Limits {
	if len(d.named) > 0 {
		if l, ok := d.named[name]; ok {
			return l
		}
	}
	return &d.kinds[KindOf(name)]
}

// weather is what the device's variables say together about the time of a reading.
type weather struct {
	rain, humidity float64 // NaN where not reported
	wet            float64
	temperature    float64 // NaN where not reported or impossible
	agitated       int     // variables that move more than they are used to
	together       float64 // sum of the jumps of all variables, as shares of their limits, at most 1 each
}

// Step judges a reading and takes it into the state. It allocates nothing once the state knows the
// device's variables.
func (d *Detector) Step(s *DeviceState, r Reading) Verdict {
	var v Verdict
	d.StepInto(&v, s, &r)
	return v
}

// StepInto is Step into a verdict that is used again, for streams and histories.
func (d *Detector) StepInto(v *Verdict, s *DeviceState, r *Reading) {
	v.reset()
	seconds := float64(r.Time.UnixMilli()) / 1000
	values := r.Values
	if len(values) > MaxVariables {
		values, v.Quality = values[:MaxVariables], QualityIgnored
	}
	if s.readings > 0 && seconds <= s.seconds && !s.rewind(seconds) {
		d.outOfOrder(v, s, values)
		return
	}
	w := weather{rain: nan, humidity: nan, temperature: nan}
	var vars [MaxVariables]*variable
	var limits [MaxVariables]*Limits
	for i := range values { // first all, because making one moves the others
		if q := s.find(values[i].Name, i, seconds); q != nil {
			q.heard = seconds
		}
	}
	for i := range values {
		vars[i] = s.find(values[i].Name, i, seconds)
		if vars[i] == nil {
			v.Quality |= QualityIgnored
			continue
		}
		limits[i] = d.limits(values[i].Name)
		x := values[i].Value
		switch limits[i].Kind {
		case KindRain:
			if x >= 0 && x < 400 {
				w.rain = x
			}
		case KindHumidity:
			if x >= 0 && x <= 105 {
				w.humidity = x
			}
		case KindTemperature:
			if x > -80 && x < 60 {
				w.temperature = x
			}
		default:
			if q := vars[i]; q.n > 0 && x == x {
				step := math.Abs(x - q.last)
				if step > q.large {
					w.agitated++
				}
				if int(q.n) >= d.tuning.Other.WarmUp && limits[i].Kind == KindOther {
					w.together += min(1, step/q.jumpLimit(&d.tuning.Other))
				}
			}
		}
	}
	if s.readings > 0 {
		s.wet *= math.Exp2(-(seconds - s.seconds) / (6 * 3600))
	}
	if w.rain == w.rain && !(w.humidity < humidRain) {
		s.wet += w.rain
	}
	w.wet = s.wet
	s.seconds = seconds
	s.readings++
	s.lateRun = 0
	for i := range values {
		if vars[i] == nil {
			continue
		}
		f := &v.findings[v.count]
		v.count++
		d.judge(f, vars[i], limits[i], seconds, values[i].Value, &w)
		if int(vars[i].n) < d.tuning.Other.WarmUp {
			v.Quality |= QualityColdStart
		}
	}
	d.conclude(v, s)
}

// outOfOrder judges the range only and leaves the state alone.
func (d *Detector) outOfOrder(v *Verdict, s *DeviceState, values []Value) {
	v.Quality |= QualityOutOfOrder
	for i := range values {
		f := &v.findings[v.count]
		v.count++
		f.begin(values[i])
		d.range_(f, d.limits(values[i].Name), 3600)
		v.Score = max(v.Score, f.Score)
	}
	v.IsAnomaly = v.Score >= Threshold
	if v.IsAnomaly {
		v.Severity = SeverityMedium
	}
	v.Confidence = 0.5
	if s.alarmed {
		v.Alarm = AlarmOngoing
	}
}

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

// sentinels are the codes that loggers write for no data. The sure ones are no value of anything.
var sentinels = [...]struct {
	value float64
	sure  bool
}{
	{-9999, true},
	{-999, true},
	{-99999, true},
	{-999.9, true},
	{-9999.9, true},
	{-6999, true},
	{6999, true},
	{7999, true},
	{-7999, true},
	{9999, false},
	{999.9, false},
	{999, false},
	{9999.9, false},
	{-99.9, false},
	{-99, false},
	{-88.8, false},
	{123.4, false},
	{32767, false},
	{-32768, false},
	{65535, false},
}

// sentinel reports whether x is a logger's code, and whether nothing can measure it.
func sentinel(x float64) (code, sure bool) {
	if x > -88 && x < 123 {
		return false, false
	}
	for i := range sentinels {
		if x == sentinels[i].value {
			return true, sentinels[i].sure
		}
	}
	return false, false
}

// range_ runs the gross range test and looks for sentinels that need no history. It reports whether
// the value can be a measurement.
func (d *Detector) range_(f *Finding, l *Limits, stepS float64) bool {
	x := f.Value
	code, sure := sentinel(x)
	if code && sure {
		f.fail(ConditionSentinel)
		return false
	}
	r := l.Range.Step(x)
	f.Flags[TestGrossRange] = r.Flag
	if r.Flag == qartod.Fail || math.IsInf(x, 0) || math.Abs(x) > 1e12 {
		f.fail(ConditionImpossible)
		f.Flags[TestGrossRange] = qartod.Fail
		f.Limit = r.Threshold
		if code {
			f.Condition = ConditionSentinel
		}
		return false
	}
	if l.PerHour > 0 {
		if most := l.PerHour * math.Sqrt(min(max(stepS, 60), 86400)/3600); x > most {
			f.fail(ConditionImpossible)
			f.Flags[TestGrossRange] = qartod.Fail
			f.Limit = most
			return false
		}
	}
	if r.Flag == qartod.Suspect {
		f.Score = max(f.Score, suspectScore)
	}
	return true
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

// judge runs all tests on one value and takes it into the variable.
func (d *Detector) judge(f *Finding, q *variable, l *Limits, seconds, x float64, w *weather) {
	f.begin(Value{q.name, x})
	if x != x {
		q.missing = min(q.missing+1, math.MaxUint16-1)
		return
	}
	stepS := q.step
	if stepS == 0 {
		stepS = 3600
	}
	ok := d.range_(f, l, stepS)
	if ok && q.n > 8 {
		if code, _ := sentinel(x); code && math.Abs(x-q.last) > 4*q.large && math.Abs(x-q.level) > 6*q.spread {
			f.fail(ConditionSentinel)
			ok = false
		}
	}
	if !ok {
		q.doubted = min(q.doubted+1, math.MaxUint16-1)
		d.lasting(f, q, seconds)
		return
	}
	q.missing = 0
	if len(l.Climatology) > 0 {
		r := l.Climatology.Step(time.UnixMilli(int64(seconds*1000)), x, nan)
		f.Flags[TestClimatology] = r.Flag
		switch r.Flag {
		case qartod.Fail:
			f.fail(ConditionUnlikely)
		case qartod.Suspect:
			f.Score = max(f.Score, suspectScore)
		case qartod.Pass, qartod.NotEvaluated, qartod.Missing:
		}
	}
	f.Novelty = q.novelty(x)
	q.sinceNovel = min(q.sinceNovel+1, math.MaxUint32-1)
	if f.Novelty > 1 {
		f.Novel = int(q.seen) >= d.tuning.Other.WarmUp && q.sinceNovel > refractory
		q.sinceNovel = 0
	}
	if l.Kind == KindRain {
		d.judgeRain(f, q, seconds, x, w)
	} else {
		d.judgeLevel(f, q, l, seconds, x, w)
	}
	d.lasting(f, q, seconds)
}

// lasting keeps the time at which a condition began.
func (d *Detector) lasting(f *Finding, q *variable, seconds float64) {
	if !f.IsAnomaly() {
		q.condition = ConditionNone
		return
	}
	if q.condition == ConditionNone {
		q.since = seconds
		// A variable that gives many alarms behaves like that: each makes the next a little harder.
		switch f.Condition {
		case ConditionJump, ConditionSpike, ConditionNoisy, ConditionShifted:
			q.weary = min(q.weary+d.of(KindOf(q.name)).Weary, 10)
		default:
		}
	}
	q.condition = f.Condition
	f.DurationS = seconds - q.since
	if f.Condition == ConditionStuck {
		f.DurationS = seconds - q.moved
	}
}

// judgeRain: rain is zero most of the time, so it has no habits of steps; it is judged by the air it
// falls from and by repetition.
func (d *Detector) judgeRain(f *Finding, q *variable, seconds, x float64, w *weather) {
	if q.n > 0 {
		q.step = track(q.step, seconds-q.at, 0.5, 0.1, 1e-3)
	}
	same := q.n > 0 && x == q.last
	if same {
		q.run++
	} else {
		q.run, q.moved = 1, seconds
	}
	f.Flags[TestFlatLine] = qartod.Pass
	if x > 0 {
		ratio := float64(q.run) / 4
		f.Flags[TestFlatLine] = flag(ratio)
		f.raise(ratio, ConditionStuck)
	}
	f.Flags[TestMultivariate] = qartod.NotEvaluated
	if w.humidity == w.humidity {
		f.Flags[TestMultivariate] = qartod.Pass
		if x >= dryRainMM && w.humidity < humidRain {
			ratio := 1 + (humidRain-w.humidity)/20
			f.Flags[TestMultivariate] = flag(ratio)
			f.raise(ratio, ConditionUnlikely)
		}
	}
	// A cloudburst out of nothing: far more than this gauge ever reported, without rain around it.
	f.Flags[TestRateOfChange] = qartod.Pass
	if hour := x / math.Sqrt(max(q.step, 60)/3600); hour > cloudburstMM {
		before := w.wet - x
		ratio := hour / cloudburstMM
		if before < wetMM || hour > rareBurstMM {
			f.Flags[TestRateOfChange] = flag(ratio)
			f.raise(ratio, ConditionUnlikely)
		} else {
			f.Guarded = true
		}
	}
	q.n++
	q.at, q.before, q.last = seconds, q.last, x
	q.level = x
}

// jumpLimit is the largest step from one reading to the next that is none of a fault.
func (q *variable) jumpLimit(t *Tuning) float64 {
	return max(t.Jump*q.large, t.JumpRecent*q.recent, t.JumpFloor*q.typical, t.JumpGrain*q.grain, 1e-12)
}

// judgeLevel judges a variable that has a level and steps.
func (d *Detector) judgeLevel(f *Finding, q *variable, l *Limits, seconds, x float64, w *weather) {
	t := d.of(l.Kind)
	if q.n == 0 {
		q.accept(seconds, x, 0, 0, t.LargeP, t.Forget)
		q.level = x
		q.run, q.moved = 1, seconds
		return
	}
	age := seconds - q.at
	if q.step == 0 {
		q.step = age
	}
	gap := max(1, age/q.step)
	drift := q.last - q.before
	if q.n < 2 || gap > 1.5 {
		drift = 0
	}
	expected := q.last + 0.5*drift
	residual := math.Abs(x - expected)
	if r := math.Abs(x - q.last); r < residual {
		residual, expected = r, q.last
	}
	// Temperature and humidity of the air move against each other; what one explains of the other's step
	// is not held against it.
	partner := nan
	switch l.Kind {
	case KindTemperature:
		partner = w.humidity
	case KindHumidity:
		partner = w.temperature
	default:
	}
	slope := 0.0
	if q.partner > 0 {
		slope = q.covary / q.partner
	}
	if move := partner - q.beside[0]; move == move && gap < 1.5 {
		if r := math.Abs(x - q.last - slope*move); r < residual {
			residual, expected = r, q.last+slope*move
		}
	}
	warm := int(q.n) >= t.WarmUp
	record := q.rise
	if x < expected {
		record = q.fall
	}
	limit := (1 + q.weary) * max(q.jumpLimit(t), t.Record*record) * math.Sqrt(min(gap, 16))
	ratio := 0.0
	if warm && limit > 0 {
		ratio = residual / limit
		if l.Kind == KindOther {
			ratio *= 1 + t.Together*max(0, w.together-min(1, math.Abs(x-q.last)/limit))
		}
	}
	if l.MaxStep.Fail > 0 && age <= 3600*1.01 {
		f.Flags[TestRateOfChange] = qartod.Pass
		if step := math.Abs(x - q.last); step > l.MaxStep.Suspect {
			ratio = max(ratio, step/l.MaxStep.Suspect)
		}
	}
	if warm {
		f.Flags[TestRateOfChange] = flag(ratio)
	}
	if ratio >= 1 {
		if d.explained(q, l, x, age, w) {
			f.Guarded = true
			f.Score = max(f.Score, suspectScore)
			f.Flags[TestRateOfChange] = qartod.Suspect
			f.Expected, f.Limit = expected, limit
			q.accept(seconds, x, residual, gap, t.LargeP, t.Forget)
			return
		}
		f.Expected, f.Limit = expected, limit
		f.Flags[TestRateOfChange] = flag(ratio)
		if q.candidates > 0 && math.Abs(x-q.candidate) <= limit {
			q.candidates++
			q.wander = max(q.wander, math.Abs(x-q.candidate))
		} else {
			q.candidates, q.wander = 1, 0
		}
		q.candidate = x
		q.doubted = min(q.doubted+1, math.MaxUint16-1)
		cond := ConditionJump
		if q.candidates > 2 {
			cond = ConditionShifted
		}
		f.raise(ratio, cond)
		if int(q.candidates) >= t.Accept {
			if q.wander > q.large { // a level that lives; a sensor out of its element stays put
				q.believe(t.Believe * (x - q.last))
			}
			q.accept(seconds, x, 0, gap, t.LargeP, t.Forget)
			q.run, q.moved = 1, seconds
		}
		return
	}
	f.raise(ratio, ConditionJump)
	q.candidates, q.doubted = 0, 0
	q.weary *= 1 - t.Rest
	if warm {
		d.judgeSupply(f, q, l.Kind, x)
		// A signal that moves far less than it did: quiet weather does that too, so it is a flag and no
		// anomaly.
		f.Flags[TestAttenuatedSignal] = qartod.Pass
		if q.recent < 0.02*q.typical && q.typical > 2*q.grain {
			f.Flags[TestAttenuatedSignal] = qartod.Suspect
		}
	}

	// Runs of the same value.
	if x == q.last {
		q.run = min(q.run+1, math.MaxUint32-1)
	} else {
		if q.run > 1 || q.longRun == 0 {
			q.longRun = track(q.longRun, float64(q.run), 0.95, 0.1, 1)
		}
		q.longRun = max(1, q.longRun*0.9999)
		q.run, q.moved = 1, seconds
	}
	if warm {
		most := max(t.MinRun, t.Run*q.longRun)
		if l.Kind == KindHumidity && x >= 99 {
			most *= 8 // saturated air stays saturated
		}
		ratio := float64(q.run) / most
		if l.Persistence > 0 && !(l.Kind == KindHumidity && x >= 99) {
			ratio = max(ratio, (seconds-q.moved)/l.Persistence.Seconds())
		}
		f.Flags[TestFlatLine] = flag(ratio)
		f.raise(ratio, ConditionStuck)
	}
	d.judgeBump(f, q, t, x, slope, partner, gap, warm, l.Kind == KindWaterLevel && w.wet >= wetMM)
	q.learnPartner(x, partner, gap)
	q.accept(seconds, x, residual, gap, t.LargeP, t.Forget)
}

const (
	// sagShare of its usual voltage is what a battery may lose, sagDB what a radio link may.
	sagShare = 0.1
	sagDB    = 20
)

// judgeSupply looks for a battery or a radio link that is far below its own usual level.
func (d *Detector) judgeSupply(f *Finding, q *variable, k Kind, x float64) {
	var ratio float64
	switch k {
	case KindBattery:
		ratio = (q.level - x) / max(sagShare*q.level, 1e-9)
	case KindSignal:
		ratio = (q.level - x) / sagDB
	default:
		return
	}
	if ratio >= 1 && f.Score < Threshold {
		f.Expected = q.level
	}
	f.raise(max(ratio, 0), ConditionSagging)
}

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

const (
	// wetMM is the rain of the last hours from which it explains what water does.
	wetMM = 2
	// floodRiseM bounds the rise in an hour that a flood explains; faster is a wall of water or a fault,
	// and both want somebody to look.
	floodRiseM = 5
)

// explained is the flood guard: whether the weather, or values before x that went the same way, explain
// a jump.
func (d *Detector) explained(q *variable, l *Limits, x, age float64, w *weather) bool {
	if x <= q.last || l.Kind != KindWaterLevel && l.Kind != KindOther {
		return false
	}
	if l.Kind == KindOther {
		return w.wet >= wetMM && w.agitated > 1
	}
	if x-q.last > floodRiseM*max(1, age/3600) {
		return false
	}
	goesOn := q.candidates > 0 && x >= q.candidate && q.candidate > q.last || q.candidates == 0 && q.last > q.before
	return w.wet >= wetMM || goesOn
}

// believe takes a step into the largest of its direction.
func (q *variable) believe(step float64) {
	if step > 0 {
		q.rise = max(q.rise, step)
	} else {
		q.fall = max(q.fall, -step)
	}
}

// accept takes a believed value into the habits of the variable.
func (q *variable) accept(seconds, x, residual, gap, largeP, forget float64) {
	if q.n > 0 {
		rate := max(0.02, 1/float64(q.n+1))
		q.step = track(q.step, seconds-q.at, 0.5, 0.1, 1e-3)
		if gap < 1.5 {
			floor := 1e-9*math.Abs(x) + 1e-12
			q.typical = track(q.typical, residual, 0.5, rate, floor)
			if q.n < 48 {
				q.large = max(q.large, residual)
			} else {
				q.large = track(q.large, residual, largeP, 0.05, floor)
			}
			if residual > 0 {
				if step := math.Abs(x - q.last); step > 0 && (q.grain == 0 || step < q.grain) {
					q.grain = step
				}
				q.grain *= 1.0002
			}
			q.calm = [3]float64{q.recent, q.calm[0], q.calm[1]}
			q.recent += (residual - q.recent) / 8
		}
		q.rise *= 1 - forget
		q.fall *= 1 - forget
		if residual > 0 {
			q.believe(x - q.last)
		}
		distance := math.Abs(x - q.level)
		q.spread = track(q.spread, distance, 0.5, rate, 1e-12)
		move := 0.05 * q.spread
		if x > q.level {
			q.level += min(move, distance)
		} else {
			q.level -= min(move, distance)
		}
	}
	q.ring[q.n%ringSize] = x
	q.n++
	q.at, q.before, q.last = seconds, q.last, x
	q.candidates, q.doubted = 0, 0
}

// conclude draws the device's verdict from those on its variables.
func (d *Detector) conclude(v *Verdict, s *DeviceState) {
	for i := range v.Findings() {
		f := &v.findings[i]
		if f.Score > v.Score {
			v.Score = f.Score
		}
		v.HighInterest = v.HighInterest || f.Guarded
		if f.IsAnomaly() {
			v.IsAnomaly = true
			severity := SeverityLow
			switch {
			case f.Condition == ConditionStuck || f.Condition == ConditionShifted || f.Condition == ConditionNoisy || f.Condition == ConditionSagging:
				severity = SeverityMedium
				v.RequiresMaintenance = true
			case f.Score >= 0.9:
				severity = SeverityMedium
			}
			if f.DurationS > 6*3600 {
				severity, v.RequiresMaintenance = SeverityHigh, true
			}
			v.Severity = max(v.Severity, severity)
		}
	}
	v.Confidence = math.Abs(v.Score-Threshold) / Threshold
	if v.Quality&QualityColdStart != 0 {
		v.Confidence *= 0.5
	}
	switch {
	case v.IsAnomaly && s.alarmed:
		v.Alarm, s.quiet = AlarmOngoing, 0
	case v.IsAnomaly:
		v.Alarm, s.alarmed, s.quiet = AlarmNew, true, 0
	case s.alarmed:
		if s.quiet++; s.quiet >= 2 {
			v.Alarm, s.alarmed, s.quiet = AlarmCleared, false, 0
		} else {
			v.Alarm = AlarmOngoing
		}
	}
}
