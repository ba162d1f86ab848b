package doubt

import (
	"math"

	"github.com/guardy-ai/guardy/domain"
)

// Limits of the ratio (value - normal)/(flood threshold - normal), which does not depend on the unit or on
// the gauge's zero as long as all three share them: 0 is an ordinary day, 1 the flood threshold. Measured on
// 3.1 million days of 343 rivers of Caravan (discharge; Kratzert and others 2023) the ratio lies
// between -0.35 and 18.8, on the hourly levels of 14 gauges in Italy and Korea between -0.32 and 2.1.
const (
	leastRatio = -0.5
	mostRatio  = 20
)

// A value below a share of the normal is far below it. The share is farBelow where the threshold is at most flashy
// times the normal. A flashier river runs dry more often: its share falls with that ratio, and from veryFlashy on
// with the square of it. How many days of real rivers are below is printed by
// TestDaysOfRealRiversAreSeldomDoubtful.
const (
	farBelow   = 0.05
	flashy     = 25
	veryFlashy = 50
)

// Span of the ratio that a value must reach under another unit for that unit to explain it.
const (
	leastOrdinary = -0.35
	mostOrdinary  = 3
)

// UnitFactors are the factors by which a value in another unit differs, the commonest first: by powers of
// ten (cm, mm and m, l/s and m3/s), feet and metres, cubic feet and cubic metres, inches and millimetres,
// feet and centimetres, thousands of cubic feet.
var UnitFactors = [...]float64{
	100, 1000, 10, 1 / footM, 1 / cubicFootM3, inchMM, 100 * footM, 1000 * footM, 1000 * cubicFootM3,
}

// RiverDoubt is what speaks against a river's value.
type RiverDoubt struct {
	Reason domain.DoubtReason
	// Treated is TreatedMissing where the value would lower the answer, TreatedBound where it would mean
	// danger if it were true.
	Treated domain.Treatment
	// Factor is what the value must be multiplied by to be ordinary, 1 where no unit explains it.
	Factor float64
}

// CheckRiver reports whether a river's value can be meant beside its normal and its flood threshold, which
// are in the value's unit and count from its zero. It is asked for values that are no codes; with any part
// missing there is nothing to compare and no doubt.
func CheckRiver(value, normal, flood float64) (d RiverDoubt, doubtful bool) {
	ratio := (value - normal) / (flood - normal)
	switch {
	case ratio != ratio || math.IsInf(ratio, 0) || flood <= normal:
		return RiverDoubt{}, false
	case ratio > mostRatio:
		d.Treated = domain.TreatedBound
	case ratio < leastRatio || isFarBelow(value, normal, flood):
		d.Treated = domain.TreatedMissing
	default:
		return RiverDoubt{}, false
	}
	d.Reason, d.Factor = explain(value, normal, flood)
	return d, true
}

// isFarBelow reports whether a positive value is so small a share of the normal that it seems to be in a
// greater unit. A zero is a dry bed where rivers run dry, and elsewhere a sensor that reports nothing.
func isFarBelow(value, normal, flood float64) bool {
	if !(normal > 0 && value >= 0) {
		return false
	}
	times := flood / normal
	if times <= flashy {
		return value < farBelow*normal
	}
	limit := farBelow * flashy / times
	if times > veryFlashy {
		limit *= veryFlashy / times
	}
	return value > 0 && value < limit*normal
}

// explain returns the reason that makes an ordinary value of an extraordinary one, and the factor.
func explain(value, normal, flood float64) (domain.DoubtReason, float64) {
	ordinary := func(v float64) bool {
		ratio := (v - normal) / (flood - normal)
		return ratio >= leastOrdinary && ratio <= mostOrdinary && !isFarBelow(v, normal, flood)
	}
	if value < 0 && normal >= 0 && ordinary(-value) {
		return domain.DoubtSign, -1
	}
	if f, ok := unitFactor(value, ordinary); ok {
		return domain.DoubtUnit, f
	}
	// Discharges have one zero; levels are counted from many, and then the value is off by more than the
	// whole range of the gauge.
	if value != 0 && normal != 0 && value > 0 == (normal > 0) || normal == 0 {
		return domain.DoubtDatum, 1
	}
	return domain.DoubtImplausible, 1
}

// unitFactor returns the commonest factor that makes value ordinary.
func unitFactor(value float64, ordinary func(float64) bool) (float64, bool) {
	if value == 0 {
		return 1, false
	}
	for _, f := range UnitFactors {
		if ordinary(value * f) {
			return f, true
		}
		if ordinary(value / f) {
			return 1 / f, true
		}
	}
	return 1, false
}

// UnitFactor returns the factor of a unit that makes an ordinary value of a river of one that is far beyond
// the flood threshold or far below the normal, and whether there is one.
func UnitFactor(value, normal, flood float64) (float64, bool) {
	d, doubtful := CheckRiver(value, normal, flood)
	return d.Factor, doubtful && d.Reason == domain.DoubtUnit
}
