package doubt_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/doubt"
)

func TestRiversThatDoNotFitTheirThresholds(t *testing.T) {
	const (
		missing = domain.TreatedMissing
		bound   = domain.TreatedBound
	)
	for _, c := range []struct {
		what                 string
		value, normal, flood float64
		reason               domain.DoubtReason
		treated              domain.Treatment
	}{
		{"m3/s against ft3/s", 5, 706, 7060, domain.DoubtUnit, missing},
		{"m3/s against ft3/s of a flashy river", 5, 177, 7060, domain.DoubtUnit, missing},
		{"m against cm", 1.3, 150, 450, domain.DoubtUnit, missing},
		{"m against mm", 1.3, 1500, 4500, domain.DoubtUnit, missing},
		{"cm against m", 130, 1.5, 4.5, domain.DoubtUnit, bound},
		{"mm against m", 1300, 1.5, 4.5, domain.DoubtUnit, bound},
		{"l/s against m3/s", 20000, 20, 200, domain.DoubtUnit, bound},
		{"above the sea against the gauge's zero", 2000, 1.2, 4.5, domain.DoubtUnit, bound},
		{"gauge's zero against above the sea", 1.2, 304.5, 307.8, domain.DoubtDatum, missing},
		{"a datum below", -20, 1.2, 4.5, domain.DoubtImplausible, missing},
		{"a sign", -4.1, 1.2, 4.5, domain.DoubtSign, missing},
		{"a sensor that reports nothing", 0, 20, 200, domain.DoubtImplausible, missing},
	} {
		d, doubtful := doubt.CheckRiver(c.value, c.normal, c.flood)
		if !doubtful || d.Treated != c.treated {
			t.Errorf("%s: doubtful %v, %+v", c.what, doubtful, d)
		}
		if d.Reason != c.reason {
			t.Errorf("%s: %v and not %v", c.what, d.Reason, c.reason)
		}
	}
}

func TestRiversThatFit(t *testing.T) {
	nan := math.NaN()
	for _, c := range [][3]float64{
		{20, 20, 200},
		{200, 20, 200},
		{1000, 20, 200},
		{2, 20, 200},
		{-30, 20, 200}, // backwater
		{-0.4, -0.19, 2.22},
		{-8.88, -9, -5},
		{0, 0, 3},
		{0.02, 0.06, 1.427},
		{-0.17, 0.06, 1.427},
		{0, 1, 60},
		{0.03, 1, 60},
		{3.3, 0.1, 1}, // runs dry; the flood of a century
		{304.2, 304.5, 307},
		{34, 1.8, 20},
		{5, nan, 200},
		{5, 20, nan},
		{nan, 20, 200},
		{5, 20, 20},
		{5, 20, 10},
	} {
		if d, doubtful := doubt.CheckRiver(c[0], c[1], c[2]); doubtful {
			t.Errorf("%g of normal %g and threshold %g: %v", c[0], c[1], c[2], d.Reason)
		}
	}
}

func FuzzCheckRiver(f *testing.F) {
	f.Add(5., 706., 7060.)
	f.Add(1300., 1.5, 4.5)
	f.Fuzz(func(t *testing.T, value, normal, flood float64) {
		d, doubtful := doubt.CheckRiver(value, normal, flood)
		ratio := (value - normal) / (flood - normal)
		if !doubtful {
			if d != (doubt.RiverDoubt{}) {
				t.Errorf("no doubt, and %+v", d)
			}
			return
		}
		// What would mean danger is never treated as missing.
		if d.Reason >= domain.NumDoubtReasons || ratio > 0 && d.Treated != domain.TreatedBound || ratio < 0 && d.Treated != domain.TreatedMissing {
			t.Errorf("%g of %g and %g: %+v", value, normal, flood, d)
		}
	})
}

func ExampleCheckRiver() {
	d, doubtful := doubt.CheckRiver(5, 706, 7060)
	fmt.Printf("%v %v %v, as if × %.4g\n", doubtful, d.Reason, d.Treated, d.Factor)
	// Output: true unit missing, as if × 100
}
