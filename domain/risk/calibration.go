package risk

import (
	"fmt"
	"math"
	"slices"
)

// Calibration maps a member's margin to a probability and its interval: knots joined by straight lines
// in log-odds, constant beyond the first and the last. The trainer fits the knots by centred isotonic
// regression (Oron and Flournoy 2017), so that no two margins share a probability.
type Calibration struct {
	Margin []float64 // strictly increasing
	// Probability strictly increases inside (0, 1); Lower and Upper do not decrease and enclose it.
	Probability, Lower, Upper []float64

	knots []knot
}

// knot is one knot in log-odds, with the slope of each line to the next knot.
type knot struct {
	margin float64
	odds   logOdds
	slope  logOdds
}

// logOdds are the log-odds of a probability and of its interval.
type logOdds struct{ probability, lower, upper float64 }

const maxKnots = 4096

// compile checks the calibration and prepares it for evaluation.
func (c *Calibration) compile() error {
	n := len(c.Margin)
	if n < 2 || n > maxKnots || len(c.Probability) != n || len(c.Lower) != n || len(c.Upper) != n {
		return fmt.Errorf("a calibration needs 2 to %d knots and as many probabilities and bounds", maxKnots)
	}
	c.knots = make([]knot, n)
	for i := range n {
		x, p, lo, hi := c.Margin[i], c.Probability[i], c.Lower[i], c.Upper[i]
		if !(0 < lo && lo <= p && p <= hi && hi < 1) || math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("knot %d of the calibration is not 0 < lower <= probability <= upper < 1", i)
		}
		c.knots[i] = knot{margin: x, odds: logOdds{logit(p), logit(lo), logit(hi)}}
		if i == 0 {
			continue
		}
		if !(c.Margin[i-1] < x && c.Probability[i-1] < p && c.Lower[i-1] <= lo && c.Upper[i-1] <= hi) {
			return fmt.Errorf("knot %d of the calibration does not increase", i)
		}
		a, b := &c.knots[i-1], &c.knots[i]
		width := b.margin - a.margin
		a.slope = logOdds{
			(b.odds.probability - a.odds.probability) / width,
			(b.odds.lower - a.odds.lower) / width,
			(b.odds.upper - a.odds.upper) / width,
		}
	}
	c.Margin, c.Probability, c.Lower, c.Upper = nil, nil, nil, nil
	return nil
}

// at interpolates.
func (c *Calibration) at(margin float64) logOdds {
	i, _ := slices.BinarySearchFunc(c.knots, margin, func(k knot, m float64) int {
		if k.margin <= m {
			return -1
		}
		return 1
	}) // the number of knots at or below margin
	if i == 0 {
		return c.knots[0].odds
	}
	k := &c.knots[i-1]
	d := margin - k.margin // the last knot has slope zero
	return logOdds{
		k.odds.probability + d*k.slope.probability,
		k.odds.lower + d*k.slope.lower,
		k.odds.upper + d*k.slope.upper,
	}
}

func logit(p float64) float64 { return math.Log(p / (1 - p)) }

func expit(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// Widening says how the interval grows with what the training did not cover. The factors are a
// judgement, not a measurement: nobody has the floods of places that nobody measured.
type Widening struct {
	// Place multiplies the interval's half widths in log-odds when the place is out of domain,
	// PerInput once for every other input out of domain; Maximum bounds the product.
	Place, PerInput, Maximum float64
	// ConfidenceWidth is the width in log-odds at which the confidence has fallen to 1/e.
	ConfidenceWidth float64
}

func (w Widening) validate() error {
	for _, f := range []float64{w.Place, w.PerInput, w.Maximum} {
		if !(1 <= f && f <= 100) {
			return fmt.Errorf("a widening factor of %v would narrow the interval or lose it", f)
		}
	}
	if !(0 < w.ConfidenceWidth && w.ConfidenceWidth < 1000) {
		return fmt.Errorf("a confidence width of %v is not usable", w.ConfidenceWidth)
	}
	return nil
}

// apply widens the interval around the probability.
func (w Widening) apply(o logOdds, outOfDomain InputSet) logOdds {
	if outOfDomain == 0 {
		return o
	}
	factor := 1.0
	if outOfDomain.Has(InputPlace) {
		factor = w.Place
		outOfDomain &^= 1 << InputPlace
	}
	for range outOfDomain.Len() {
		factor *= w.PerInput
	}
	factor = min(factor, w.Maximum)
	o.lower = o.probability - factor*(o.probability-o.lower)
	o.upper = o.probability + factor*(o.upper-o.probability)
	return o
}

// confidence is exp(−width/ConfidenceWidth) of the widened interval in log-odds: 1 for a point.
func (w Widening) confidence(o logOdds) float64 {
	return math.Exp(-(o.upper - o.lower) / w.ConfidenceWidth)
}
