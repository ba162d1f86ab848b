package nowcast

import "math"

// Distribution is the predictive distribution of z at one horizon: a mixture of logistic distributions
// of the bent change
//
//	v = asinh((z - origin) / 0.03),
//
// whose distribution function F is recalibrated by F' = expit(slope · logit(F)), slope > 0.
// Every probability and every quantile of an answer is read from this one curve, so that they cannot
// contradict each other.
type Distribution struct {
	origin       float64
	slope        float64
	n            int
	location     [maxComponents]float64
	inverseScale [maxComponents]float64
	weight       [maxComponents]float64 // their sum is one
}

// bentScale is the change of z at which asinh turns from linear to logarithmic.
const bentScale = 0.03

// maxComponents bounds the components of one mixture: two members may share an answer.
const maxComponents = 2 * maxNetworks * components

// tiny keeps log-odds finite.
const tiny = 1e-12

func bend(d float64) float64 { return asinh(d / bentScale) }

// asinh is math.Asinh without its branches for special values; the argument is finite.
func asinh(x float64) float64 {
	a := math.Abs(x)
	// For small arguments log1p keeps the relative precision (as in FreeBSD's s_asinh.c).
	var y float64
	if a < 0.5 {
		y = math.Log1p(a + a*a/(1+math.Sqrt(1+a*a)))
	} else {
		y = math.Log(a + math.Sqrt(1+a*a))
	}
	return math.Copysign(y, x)
}

func expit(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func logit(p float64) float64 { return math.Log(p / (1 - p)) }

// raw is the mixture's distribution function of v before recalibration, and its first two derivatives.
func (d *Distribution) raw(v float64) (f, density, bend float64) {
	for i := range d.n {
		s := expit((v - d.location[i]) * d.inverseScale[i])
		slope := d.weight[i] * s * (1 - s) * d.inverseScale[i]
		f += d.weight[i] * s
		density += slope
		bend += slope * (1 - 2*s) * d.inverseScale[i]
	}
	return f, density, bend
}

// Exceedance is the probability that z is at or above the threshold.
func (d *Distribution) Exceedance(threshold float64) float64 {
	f, _, _ := d.raw(bend(threshold - d.origin))
	f = min(max(f, tiny), 1-tiny)
	return expit(-d.slope * logit(f))
}

// Quantile is the z that the distribution function reaches at p, 0 < p < 1.
func (d *Distribution) Quantile(p float64) float64 {
	return d.z(d.solve(logit(p)/d.slope, solution{}).v)
}

// z undoes the bending.
func (d *Distribution) z(v float64) float64 { return d.origin + bentScale*math.Sinh(v) }

// solution is the v whose log-odds under the mixture are u, and how fast v changes with u there.
type solution struct{ v, u, rate float64 }

// solve finds the v with log-odds u; near is the solution for another u, if one is known.
func (d *Distribution) solve(u float64, near solution) solution {
	// The solution lies between the extreme quantiles of the components, and near their mean.
	lo, hi, v := math.Inf(1), math.Inf(-1), 0.0
	for i := range d.n {
		q := d.location[i] + u/d.inverseScale[i]
		lo, hi = min(lo, q), max(hi, q)
		v += d.weight[i] * q
	}
	if near.rate > 0 {
		v = min(max(near.v+near.rate*(u-near.u), lo), hi)
	}
	// Halley's method on the log-odds, which are straight for a single logistic, with a bisection whenever a
	// step leaves the bracket or does not halve the one before the last (as rtsafe in Press et al., Numerical
	// Recipes, 9.4).
	rate := 0.0
	step, before := hi-lo, hi-lo
	for range maxSteps {
		f, density, bend := d.raw(v)
		odds := logit(f)
		if odds < u {
			lo = v
		} else {
			hi = v
		}
		spread := f * (1 - f)
		rate = spread / density
		newton := (odds - u) * rate
		// The ratio of the second to the first derivative of the log-odds.
		curvature := bend/density - (1-2*f)*density/spread
		next := v - newton/(1-newton*curvature/2)
		if !(lo <= next && next <= hi) || math.Abs(next-v) > before/2 {
			next = (lo + hi) / 2
		}
		before, step = step, math.Abs(next-v)
		v = next
		if step < quantileTolerance {
			break
		}
	}
	return solution{v, u, rate}
}

// quantiles are the z of five probabilities in increasing order. From the middle outwards each is sought
// from its neighbour, which takes fewer steps than to begin anew.
func (d *Distribution) quantiles(p [5]float64) (z [5]float64) {
	middle := d.solve(logit(p[2])/d.slope, solution{})
	z[2] = d.z(middle.v)
	for _, order := range [...][2]int{{1, 0}, {3, 4}} {
		near := middle
		for _, i := range order {
			near = d.solve(logit(p[i])/d.slope, near)
			z[i] = d.z(near.v)
		}
	}
	return z
}

const (
	maxSteps = 80
	// quantileTolerance is the step of v after which the next would not matter: near the root a step is about the
	// cube of the one before, by the square of the curve's width.
	quantileTolerance = 1e-3
)
