package risk

import (
	"fmt"
	"math"
	"slices"
)

// Calibration maps a member's margin to a probability and its interval: knots joined by straight lines
// in log-odds. Beyond the first and the last knot the map is constant, or goes on with the first and the last line where
// Open says so. The trainer fits the knots by centred isotonic
// regression (Oron and Flournoy 2017), so that no two margins share a probability.
type Calibration struct {
	Margin []float64 // strictly increasing
	// Probability strictly increases inside (0, 1); Lower and Upper do not decrease and enclose it.
	Probability, Lower, Upper []float64
	// LogOdds says that Probability, Lower and Upper are given as log-odds.
	LogOdds bool
	// Open says that the first and the last line go on, so that the map rises strictly everywhere.
	Open bool

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
		x, odds := c.Margin[i], logOdds{c.Probability[i], c.Lower[i], c.Upper[i]}
		if !c.LogOdds {
			odds = logOdds{logit(odds.probability), logit(odds.lower), logit(odds.upper)}
		}
		if !(odds.lower <= odds.probability && odds.probability <= odds.upper) || math.IsInf(odds.upper-odds.lower, 0) ||
			math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("knot %d of the calibration is not 0 < lower <= probability <= upper < 1", i)
		}
		c.knots[i] = knot{margin: x, odds: odds}
		if i == 0 {
			continue
		}
		a, b := &c.knots[i-1], &c.knots[i]
		if !(a.margin < x && a.odds.probability < odds.probability && a.odds.lower <= odds.lower && a.odds.upper <= odds.upper) {
			return fmt.Errorf("knot %d of the calibration does not increase", i)
		}
		width := b.margin - a.margin
		a.slope = logOdds{
			(b.odds.probability - a.odds.probability) / width,
			(b.odds.lower - a.odds.lower) / width,
			(b.odds.upper - a.odds.upper) / width,
		}
	}
	if c.Open {
		c.knots[n-1].slope = c.knots[n-2].slope
	}
	c.Margin, c.Probability, c.Lower, c.Upper = nil, nil, nil, nil
	return nil
}

// knotOf returns the knot on whose line a margin lies, and whether there is one: before the first knot of a map that is
// not open the probability is the knot's own.
func (c *Calibration) knotOf(margin float64) (k *knot, line bool) {
	i, _ := slices.BinarySearchFunc(c.knots, margin, func(k knot, m float64) int {
		if k.margin <= m {
			return -1
		}
		return 1
	}) // the number of knots at or below margin
	return &c.knots[max(i-1, 0)], i > 0 || c.Open
}

// at interpolates.
func (c *Calibration) at(margin float64) logOdds {
	k, line := c.knotOf(margin)
	if !line {
		return k.odds
	}
	d := margin - k.margin // the last knot of a map that is not open has slope zero
	o := logOdds{
		k.odds.probability + d*k.slope.probability,
		k.odds.lower + d*k.slope.lower,
		k.odds.upper + d*k.slope.upper,
	}
	// Open ends may let the lines cross.
	o.lower, o.upper = min(o.lower, o.probability), max(o.upper, o.probability)
	return o
}

// line returns the line of log-odds on which the probability at a margin lies.
func (c *Calibration) line(margin float64) (intercept, slope float64) {
	k, open := c.knotOf(margin)
	if !open {
		return k.odds.probability, 0
	}
	return k.odds.probability - k.slope.probability*k.margin, k.slope.probability
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
	// OpenUpwards says that the interval reaches to certainty when rain, melt or the river lies above what the training
	// covered.
	OpenUpwards bool
}

// certain is the log-odds that stand for certainty.
const certain = 40

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

// apply widens the interval around the probability; above says that an input that brings floods lies above what the
// training covered.
func (w Widening) apply(o logOdds, outOfDomain InputSet, above bool) logOdds {
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
	if above && w.OpenUpwards {
		o.upper = max(o.upper, certain)
	}
	return o
}

// confidence is exp(−width/ConfidenceWidth) of the widened interval in log-odds: 1 for a point.
func (w Widening) confidence(o logOdds) float64 {
	return math.Exp(-(o.upper - o.lower) / w.ConfidenceWidth)
}
