package nowcast

import (
	"math"

	"github.com/guardy-ai/guardy/domain"
)

// caution is what keeps doubt from lowering an answer: what else may be true, and what would follow.
//
// A newest reading that leapt alone is a spike or a flood. The answer is then the mixture of two
// distributions, with the reading and without it, weighted by the chance that the reading is real. A level
// is told where the mixture reaches LevelHigh and the answer without the reading is not higher; otherwise
// it is unknown, and the early warning is raised in any case.
//
// A gauge that stands still, thresholds that do not fit and rain that cannot be leave the level unknown. They
// raise the early warning where the answer would do so with the value or without it.
type caution struct {
	// other answers without the reading that e believes, which is real with the chance share.
	other *evaluation
	share float64
	// least is the lowest level that may be told, floor the level that was reached by what may also be true.
	least, floor domain.Level
	unknown      bool // no level is told
	warn         bool
	early        float64
}

// cautiously answers a request with doubtful values.
func (m *Model) cautiously(r *Request, e *evaluation, f *Forecast) {
	other := m.borrow()
	defer m.evaluations.Put(other)
	c := caution{warn: e.high || e.rise || e.downpour, early: m.earlyWarning}
	also := func(as trust) {
		other.evaluate(m, r, as, nil)
		c.heed(m, r, other)
	}
	switch {
	case e.downpour:
		c.unknown = true
	case e.misfit:
		// The thresholds as given, and in the unit that would fit.
		c.unknown = true
		also(trust{thresholds: true})
		if e.unit != 0 {
			also(trust{thresholds: true, unit: e.unit})
		}
	case e.stuck:
		c.unknown = true
		also(trust{stuck: true})
	case e.maybeCode:
		also(trust{codes: true})
		c.unknown = other.any() || e.rise
	}
	if e.deluge {
		also(trust{rain: true})
		// With that rain the river may be doubtful for another reason; then nothing is sure.
		c.unknown = c.unknown || e.rise || e.maybeCode || other.stuck || other.rise
	}
	// Of two doubts in a row each would be judged otherwise without the other.
	c.unknown = c.unknown || e.beside || e.fell > 1 || e.fell > 0 && e.rise
	if e.rise {
		if !c.unknown {
			c.least = domain.LevelHigh
		}
		other.evaluate(m, r, trust{before: e.suspect}, nil)
		c.heed(m, r, other)
		// Without the reading the sequence may raise another doubt; then nothing is sure.
		c.unknown = c.unknown || other.any()
		if other.observed == e.observed && other.scaled == e.scaled {
			c.other, c.share = other, e.real
		}
	}
	m.answer(r, e, &c, f)
	f.Trend = e.trend(r.RainfallForecastMM)
	if e.rise {
		f.Trend = TrendRising
	}
}

// heed raises the floor to what a sequence reads like under another belief.
func (c *caution) heed(m *Model, r *Request, other *evaluation) {
	var d Distribution
	for _, h := range r.Horizons {
		p, _ := other.chance(&d, h, r.RainfallForecastMM)
		if other.scaled {
			c.guard(m, h, rounded(p))
		} else {
			c.warn = c.warn || rounded(p) >= m.earlyWarning
		}
		if other.guarded {
			p, _ = other.fromRain(h, r.RainfallForecastMM)
			c.guard(m, h, rounded(p))
		}
	}
}

// guard heeds one probability that may also be true.
func (c *caution) guard(m *Model, _ int, p float64) {
	c.floor = max(c.floor, m.levels.At(p))
	c.warn = c.warn || p >= m.earlyWarning
}

// apply takes back the levels that are not sure.
func (c *caution) apply(f *Forecast) {
	f.EarlyWarning = f.EarlyWarning || c.warn
	// The level to act on is that of the riskiest horizon: where it is below the floor, all are unknown, and
	// where it is not, the levels of the other horizons stand.
	unknown := c.unknown || f.HighestLevel() < max(c.floor, c.least)
	for i := range f.Predictions {
		if p := &f.Predictions[i]; unknown || p.Level < c.least {
			p.Level = domain.LevelUnknown
		}
	}
}

// blend replaces the probability and the quantiles of e, in d, by those of the mixture with the other belief.
func (c *caution) blend(p *Prediction, d *Distribution, e *evaluation, h int, forecast []float64, widening float64) {
	var without Distribution
	chance, spread := c.other.chance(&without, h, forecast)
	var q Prediction
	q.set(chance, spread*widening)
	p.Probability = rounded(c.share*p.Probability + (1-c.share)*q.Probability)
	p.Lower, p.Upper = min(p.Lower, q.Lower), max(p.Upper, q.Upper)
	if !e.river() {
		return
	}
	mixed := mixture{d, &without, c.other.rescale(&e.sequence), c.share}
	var z [5]float64
	for i, level := range quantileLevels {
		z[i] = mixed.quantile(level)
	}
	p.Quantiles = e.inUnits(z)
}

// rescale tells how z of s becomes z of another sequence.
func (s *sequence) rescale(to *sequence) affine {
	return affine{shift: (s.origin - to.origin) / to.scale, factor: s.scale / to.scale}
}

type affine struct{ shift, factor float64 }

// mixture is two distributions with the weights share and 1 - share. The second has a scale of its own.
type mixture struct {
	with, without *Distribution
	scale         affine
	share         float64
}

// exceedance is the probability that z, on the scale of the first distribution, is at or above a value.
func (m *mixture) exceedance(z float64) float64 {
	return m.share*m.with.Exceedance(z) + (1-m.share)*m.without.Exceedance((z-m.scale.shift)/m.scale.factor)
}

// quantile lies between those of the two distributions and is found by bisection.
func (m *mixture) quantile(p float64) float64 {
	a, b := m.with.Quantile(p), m.scale.shift+m.scale.factor*m.without.Quantile(p)
	lo, hi := min(a, b), max(a, b)
	for range maxSteps {
		middle := lo + (hi-lo)/2
		if hi-lo <= 1e-7*math.Max(1, math.Abs(middle)) {
			break
		}
		if 1-m.exceedance(middle) < p {
			lo = middle
		} else {
			hi = middle
		}
	}
	return lo + (hi-lo)/2
}
