package anomaly

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/guardy-ai/guardy/domain/qartod"
)

// Overrides are the limits that an operator sets.
type Overrides struct {
	// Variables hold on every device, Devices on single ones, on top of those.
	Variables map[string]LimitsText            `json:"variables" yaml:"variables"`
	Devices   map[string]map[string]LimitsText `json:"devices" yaml:"devices"`
}

// LimitsText are limits as they are written in files: what is left out stays as it is, and an empty list
// or a zero switches a limit off. Values are in the variable's own unit.
type LimitsText struct {
	// Fail and Suspect are spans, lowest and highest.
	Fail    []float64 `json:"fail,omitempty" yaml:"fail"`
	Suspect []float64 `json:"suspect,omitempty" yaml:"suspect"`
	// PerHour bounds what rain may sum up to in an hour.
	PerHour *float64 `json:"per_hour,omitempty" yaml:"per_hour"`
	// MaxStep are the changes between readings at most an hour apart that are suspect and that fail.
	MaxStep []float64 `json:"max_step,omitempty" yaml:"max_step"`
	// PersistenceHours is how long a value may stay exactly the same.
	PersistenceHours *float64 `json:"persistence_hours,omitempty" yaml:"persistence_hours"`
	// Seasons replace all seasons.
	Seasons []SeasonText `json:"seasons,omitempty" yaml:"seasons"`
}

// SeasonText are spans that hold in some months, first and last, 1 to 12; [11, 2] goes over the new year.
type SeasonText struct {
	Months  []int     `json:"months" yaml:"months"`
	Fail    []float64 `json:"fail,omitempty" yaml:"fail"`
	Suspect []float64 `json:"suspect,omitempty" yaml:"suspect"`
}

// Apply returns limits with what the text says otherwise.
func (t *LimitsText) Apply(limits Limits) (Limits, error) {
	var errs []error
	pair := func(name string, from []float64) (a, b float64) {
		switch {
		case len(from) == 0:
			return 0, 0
		case len(from) != 2 || !finite(from[0]) || !finite(from[1]) || !(from[0] < from[1]):
			errs = append(errs, fmt.Errorf("%s: should be two finite numbers in increasing order", name))
			return 0, 0
		}
		return from[0], from[1]
	}
	span := func(name string, from []float64, to *qartod.Span) {
		if from != nil {
			to.Min, to.Max = pair(name, from)
		}
	}
	number := func(name string, from *float64, most float64) float64 {
		if !(*from >= 0 && *from <= most) {
			errs = append(errs, fmt.Errorf("%s: %v is outside 0 to %v", name, *from, most))
		}
		return *from
	}
	span("fail", t.Fail, &limits.Range.Fail)
	span("suspect", t.Suspect, &limits.Range.Suspect)
	if t.MaxStep != nil {
		limits.MaxStep.Suspect, limits.MaxStep.Fail = pair("max_step", t.MaxStep)
	}
	if t.PerHour != nil {
		limits.PerHour = number("per_hour", t.PerHour, math.MaxFloat64)
	}
	if t.PersistenceHours != nil {
		const year = 366 * 24
		limits.Persistence = time.Duration(number("persistence_hours", t.PersistenceHours, year) * float64(time.Hour))
	}
	if t.Seasons != nil {
		limits.Climatology = nil
	}
	for i, season := range t.Seasons {
		name := fmt.Sprintf("seasons %d: ", i+1)
		m := qartod.Member{Period: qartod.PeriodMonth}
		span(name+"fail", season.Fail, &m.Fail)
		span(name+"suspect", season.Suspect, &m.Suspect)
		if len(season.Months) != 2 || min(season.Months[0], season.Months[1]) < 1 || max(season.Months[0], season.Months[1]) > 12 {
			errs = append(errs, errors.New(name+"months: should be the first and the last, 1 to 12"))
			continue
		}
		m.First, m.Last = season.Months[0], season.Months[1]
		if m.First > m.Last {
			early := m
			m.Last, early.First = 12, 1
			limits.Climatology = append(limits.Climatology, early)
		}
		limits.Climatology = append(limits.Climatology, m)
	}
	return limits, errors.Join(errs...)
}

// WithOverrides returns the model under an operator's limits. It refuses them with every problem.
func (m *Model) WithOverrides(o Overrides) (*Model, error) {
	spec := m.spec
	var err error
	spec.Limits, err = apply(o.Variables, spec.Limits)
	errs := []error{err}
	spec.DeviceLimits = maps.Clone(spec.DeviceLimits)
	for device, texts := range o.Devices {
		if spec.DeviceLimits == nil {
			spec.DeviceLimits = make(map[string]map[string]Limits, len(o.Devices))
		}
		all, err := apply(texts, spec.Limits)
		if err != nil {
			errs = append(errs, fmt.Errorf("device %s: %w", device, err))
		}
		spec.DeviceLimits[device] = all
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return NewModel(spec)
}

// apply returns the limits of all variables with what the texts say otherwise.
func apply(texts map[string]LimitsText, limits map[string]Limits) (map[string]Limits, error) {
	out := maps.Clone(limits)
	if out == nil {
		out = make(map[string]Limits, len(texts))
	}
	var errs []error
	for name, text := range texts {
		of, known := limits[name]
		if !known {
			of = DefaultLimits(KindOf(name))
		}
		changed, err := text.Apply(of)
		if err == nil {
			err = changed.validate(name)
		} else {
			err = fmt.Errorf("%s: %w", name, err)
		}
		if len(name) == 0 || len(name) > MaxNameLength {
			err = fmt.Errorf("the name of a variable has 1 to %d bytes, %q has %d", MaxNameLength, name, len(name))
		}
		errs = append(errs, err)
		out[name] = changed
	}
	return out, errors.Join(errs...)
}
