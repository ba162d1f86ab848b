package anomaly

import (
	"errors"
	"maps"
	"math"
	"time"

	"github.com/guardy-ai/guardy/domain/doubt"
	"github.com/guardy-ai/guardy/domain/qartod"
)

// Detector judges readings. It is immutable and safe for concurrent use; what it remembers is in the
// DeviceState.
type Detector struct {
	tuning Tunings
	kinds  [NumKinds]Limits
	forest *Forest            // nil without
	named  map[string]*Limits // of the names that are none of the contract's
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
		d.setLimits(name, &l)
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
		own.setLimits(name, &l)
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

func (d *Detector) of(k Kind) *Tuning {
	if k == KindTemperature || k == KindHumidity {
		return &d.tuning.Air
	}
	return &d.tuning.Other
}

// limits returns the limits of a variable whose name is of kind k.
func (d *Detector) limits(k Kind, name string) *Limits {
	if k == KindOther && len(d.named) > 0 {
		if l, ok := d.named[name]; ok {
			return l
		}
	}
	return &d.kinds[k]
}

// setLimits replaces the limits of a variable, before d is used.
func (d *Detector) setLimits(name string, l *Limits) {
	if k := KindOf(name); k != KindOther {
		d.kinds[k] = *l
	} else {
		d.named[name] = l
	}
}

// Step judges a reading and takes it into the state. It allocates nothing once the state knows the
// device's variables.
func (d *Detector) Step(s *DeviceState, r Reading) Verdict {
	var v Verdict
	d.StepInto(&v, s, &r)
	return v
}

// StepInto is Step into a verdict that is used again, for streams.
func (d *Detector) StepInto(v *Verdict, s *DeviceState, r *Reading) { d.step(v, s, r, false) }

// step is StepInto. Of a past reading only what it does to the state is worked out: v is then room to work
// in and no verdict.
func (d *Detector) step(v *Verdict, s *DeviceState, r *Reading, past bool) {
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
	w := weather{rain: nan, humidity: nan, temperature: nan, repeats: 1}
	var vars [MaxVariables]*variable
	s.hear(vars[:len(values)], values, seconds)
	for i := range values {
		if vars[i] == nil {
			v.Quality |= QualityIgnored
			continue
		}
		d.look(&w, vars[i], values[i].Value)
	}
	if s.wet > 0 {
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
		f.past = past
		d.judge(f, vars[i], d.limits(vars[i].kind, vars[i].name), seconds, values[i].Value, &w)
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
		f.past = false
		f.begin(values[i].Name, values[i].Value)
		code := doubt.IsCode(quantityOf(values[i].Name), values[i].Value)
		d.judgeRange(f, d.limits(KindOf(values[i].Name), values[i].Name), 3600, code)
		f.settle()
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

// judge runs all tests on one value and takes it into the variable.
func (d *Detector) judge(f *Finding, q *variable, l *Limits, seconds, x float64, w *weather) {
	f.begin(q.name, x)
	if x != x {
		q.missing = min(q.missing+1, math.MaxUint16-1)
		return
	}
	stepS := q.step
	if stepS == 0 {
		stepS = 3600
	}
	if !d.judgeRange(f, l, stepS, q.sentinel(x)) {
		q.doubted = min(q.doubted+1, math.MaxUint16-1)
		d.lasting(f, q, d.of(l.Kind), seconds)
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
			f.suspect()
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
	d.lasting(f, q, d.of(l.Kind), seconds)
}

// lasting settles the finding and keeps the time at which a condition began.
func (d *Detector) lasting(f *Finding, q *variable, t *Tuning, seconds float64) {
	f.settle()
	if f.worst < 1 {
		q.condition = ConditionNone
		return
	}
	if q.condition == ConditionNone {
		q.since = seconds
		// A variable that gives many alarms behaves like that: each makes the next a little harder.
		switch f.Condition {
		case ConditionJump, ConditionSpike, ConditionNoisy, ConditionShifted:
			q.weary = min(q.weary+t.Weary, 10)
		default:
		}
	}
	q.condition = f.Condition
	f.DurationS = seconds - q.since
	if f.Condition == ConditionStuck {
		f.DurationS = seconds - q.moved
	}
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
			case f.Condition == ConditionStuck || f.Condition == ConditionShifted || f.Condition == ConditionNoisy || f.Condition == ConditionSagging || f.Condition == ConditionOutOfWater:
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
