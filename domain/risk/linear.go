package risk

import (
	"fmt"
	"math"
)

// Linear is the part of a margin that goes on where trees are flat: Intercept + the sum of Slope × (value − Mean) over
// its terms. A missing value counts as the mean. The Shapley value of a term is Slope × (value − Mean).
type Linear struct {
	Intercept float64
	Terms     []Term
}

// Term is one feature of a Linear.
type Term struct {
	Feature     int // its place in the model's features
	Slope, Mean float64
}

func (l *Linear) check(features int) error {
	const most = 1e4 // log-odds, and features that are logarithms
	if !(math.Abs(l.Intercept) < most) {
		return fmt.Errorf("intercept %v of the linear part", l.Intercept)
	}
	for i, t := range l.Terms {
		if t.Feature < 0 || t.Feature >= features {
			return fmt.Errorf("term %d of the linear part is no feature", i)
		}
		if !(0 <= t.Slope && t.Slope < most) || !(math.Abs(t.Mean) < most) {
			return fmt.Errorf("term %d of the linear part has the slope %v at the mean %v", i, t.Slope, t.Mean)
		}
	}
	return nil
}

func (t *Term) value(row []float32) float64 {
	v := float64(row[t.Feature]) - t.Mean
	if v != v {
		return 0
	}
	return t.Slope * v
}

func (l *Linear) margin(row []float32) float64 {
	m := l.Intercept
	for i := range l.Terms {
		m += l.Terms[i].value(row)
	}
	return m
}

func (l *Linear) explain(phi []float64, row []float32) {
	for i := range l.Terms {
		phi[l.Terms[i].Feature] += l.Terms[i].value(row)
	}
}

func (l *Linear) uses(feature int) bool {
	for i := range l.Terms {
		if l.Terms[i].Feature == feature {
			return true
		}
	}
	return false
}
