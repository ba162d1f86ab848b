package anomaly

import (
	"fmt"
	"time"

	"github.com/guardy-ai/guardy/domain/qartod"
)

// Kind is what a variable measures, as far as it changes how it is judged.
type Kind uint8

// The kinds. KindOther gets the self-calibrating tests only.
const (
	KindOther Kind = iota
	KindRain
	KindTemperature
	KindHumidity
	KindWaterLevel
	KindBattery
	KindSignal

	// NumKinds counts the kinds.
	NumKinds
)

// The names of the contract's own variables.
const (
	NameRain        = "rainfall_mm"
	NameTemperature = "temperature"
	NameHumidity    = "humidity"
	NameWaterLevel  = "water_level_m"
	NameBattery     = "battery_voltage"
	NameSignal      = "signal_strength"
)

var kindNames = [NumKinds]string{"", NameRain, NameTemperature, NameHumidity, NameWaterLevel, NameBattery, NameSignal}

// Name returns the contract's name of the variable of that kind, empty for KindOther.
func (k Kind) Name() string { return kindNames[k] }

// KindOf returns the kind of a variable with that name, KindOther for a name that is none of the
// contract's.
func KindOf(name string) Kind {
	for k := KindRain; k < NumKinds; k++ {
		if kindNames[k] == name {
			return k
		}
	}
	return KindOther
}

// Limits are what a value of one variable must obey whatever the device has learnt. A zero limit is
// switched off.
type Limits struct {
	Kind Kind
	// Range is the gross range test.
	Range qartod.GrossRange
	// PerHour bounds an accumulation (rain): the fail span's upper end for a step of one hour, scaled
	// with the step between a minute and a day by its square root, as record rainfalls are.
	PerHour float64
	// MaxStep bounds the change between two readings that are at most an hour apart.
	MaxStep qartod.Levels
	// Persistence is how long a value may stay exactly the same.
	Persistence time.Duration
	// Climatology are spans that hold for a season. Outside a fail span is an anomaly.
	Climatology qartod.Climatology
}

// DefaultLimits returns the limits of a kind. The ranges are those of WMO-No. 8, Guide to Instruments
// and Methods of Observation, volume I (operational measuring ranges in annex 1.A, and the
// plausibility, step and persistence checks for automatic stations); where it has none (water level,
// battery, signal) they are the widest that instruments of that kind report.
func DefaultLimits(k Kind) Limits {
	l := Limits{Kind: k}
	fail := func(lo, hi float64) { l.Range.Fail = qartod.Span{Min: lo, Max: hi} }
	suspect := func(lo, hi float64) { l.Range.Suspect = qartod.Span{Min: lo, Max: hi} }
	switch k {
	case KindRain:
		fail(0, 1825)   // the record for a day, Foc-Foc, Réunion, 1966
		l.PerHour = 305 // the record for 42 minutes and near that for an hour, Holt, Missouri, 1947
	case KindTemperature:
		fail(-80, 60)
		l.MaxStep = qartod.Levels{Suspect: 15, Fail: 25}
		l.Persistence = 12 * time.Hour
	case KindHumidity:
		fail(0, 105) // capacitive sensors overshoot when wet
		suspect(2, 103)
		l.Persistence = 24 * time.Hour
	case KindWaterLevel:
		fail(-50, 1000) // above any gauge zero or datum
		suspect(-10, 100)
	case KindBattery:
		fail(0, 60)
	case KindSignal:
		fail(-150, 0)
		suspect(-120, 0)
	case KindOther, NumKinds:
	}
	return l
}

// validate refuses limits that contradict themselves.
func (l *Limits) validate(name string) error {
	if l.Kind >= NumKinds {
		return fmt.Errorf("%s: kind %d is not known", name, l.Kind)
	}
	if err := l.Range.Validate(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for i := range l.Climatology {
		season := qartod.GrossRange{Fail: l.Climatology[i].Fail, Suspect: l.Climatology[i].Suspect}
		if err := season.Validate(); err != nil {
			return fmt.Errorf("%s: season %d: %w", name, i+1, err)
		}
	}
	if l.Persistence < 0 || !(l.PerHour >= 0) || !(l.MaxStep.Suspect >= 0) || !(l.MaxStep.Fail >= 0) {
		return fmt.Errorf("%s: a limit is negative or no number", name)
	}
	return nil
}
