package anomaly

import "math"

// Which of two numbers of a sensor is the larger is a coin toss, and a mispredicted branch costs as much as
// twenty additions. What is asked of every value of a replayed history is therefore computed on the bits
// of the numbers, without branches. Nothing here is for NaN.

// larger and smaller are max and min where the outcome is nearly always the same: predicted branches,
// where the builtin functions order zeros and pass NaN on.
func larger(a, b float64) float64 {
	if a > b {
		return a
	}
	return b
}

func smaller(a, b float64) float64 {
	if a < b {
		return a
	}
	return b
}

// mostOf returns the larger of two numbers that are not negative: those are ordered as their bits.
func mostOf(a, b float64) float64 {
	return math.Float64frombits(max(math.Float64bits(a), math.Float64bits(b)))
}

const sign = 1 << 63

// leastAbs returns the smaller of |a| and |b|: numbers without a sign are ordered as their bits.
func leastAbs(a, b float64) float64 {
	return math.Float64frombits(min(math.Float64bits(a)&^sign, math.Float64bits(b)&^sign))
}

// agreed returns the smaller of |a| and |b| where they have one sign, 0 else.
func agreed(a, b float64) float64 {
	x, y := math.Float64bits(a), math.Float64bits(b)
	return math.Float64frombits(min(x&^sign, y&^sign) &^ uint64(int64(x^y)>>63))
}

// agreed4 is agreed of four.
func agreed4(a, b, c, d float64) float64 {
	x, y, z, w := math.Float64bits(a), math.Float64bits(b), math.Float64bits(c), math.Float64bits(d)
	least := min(min(x&^sign, y&^sign), min(z&^sign, w&^sign))
	return math.Float64frombits(least &^ uint64(int64((x^y)|(x^z)|(x^w))>>63))
}

// notAbove is 1 where x <= q, 0 else, of numbers that are not negative.
func notAbove(x, q float64) float64 {
	above := uint64(int64(math.Float64bits(q-x)) >> 63)
	return math.Float64frombits(math.Float64bits(1) &^ above)
}

// track moves q towards the p-quantile of the values x that it is shown: a stochastic approximation in
// the logarithm, so that one rate suits every unit. A zero q starts at x.
func track(q, x, p, rate, floor float64) float64 {
	if q == 0 {
		return larger(x, floor)
	}
	return larger(q*(1+rate*(p-notAbove(x, q))), floor)
}
