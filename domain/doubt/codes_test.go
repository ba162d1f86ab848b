package doubt_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/guardy-ai/guardy/domain/doubt"
)

func TestKnownCodesAreCodes(t *testing.T) {
	everywhere := []float64{-9999, -999, -99999, -999999, -888888, -9999.9, -999.9, -32768, -2147483648, 2147483647, 1e20, -math.MaxFloat32, 9.969209968386869e36}
	for q := range doubt.NumQuantities {
		for _, v := range everywhere {
			if !doubt.IsCode(q, v) {
				t.Errorf("%v: %g is no code", q, v)
			}
		}
	}
	for q, values := range map[doubt.Quantity][]float64{
		doubt.River: {
			999999, 9999.9, -28316.8, -888, -8.88, -304.4952, -35314631, -999999000,
		},
		doubt.Discharge: {999999, 9999.9, -28316.8, -28316.818359, -28316.84, -28317},
		doubt.Level:     {999999, 9999.9, -8.88, -304.5, -3047.7, -304799.7},
		doubt.Rain:      {-253.746, 2539.746, -0.999 * 25.4, 6553.5, 13107, -99},
		doubt.Temperature: {
			9999.9, -572.8, -5572.8, 5537.7, -127, -1272.15, -1766.2,
		},
		doubt.Humidity:  {999.9, -99, 65535},
		doubt.Voltage:   {-99.9, 9999},
		doubt.Signal:    {99, 85, 199},
		doubt.Attribute: {-9999, -999},
	} {
		for _, v := range values {
			if !doubt.IsCode(q, v) {
				got, _ := doubt.CodeFor(q, v)
				t.Errorf("%v: %g is no code but %+v", q, v, got)
			}
		}
	}
}

func TestCodesSurviveSinglePrecision(t *testing.T) {
	for _, v := range []float64{-9999.9, 9999.9, -8.88, -999.9, 999999, -28316.818} {
		if single := float64(float32(v)); !doubt.IsCode(doubt.River, single) {
			t.Errorf("%.10g, which was %g, is no code", single, v)
		}
	}
}

func TestMeasurementsAreNoCodes(t *testing.T) {
	for q, values := range map[doubt.Quantity][]float64{
		doubt.Rain:        {0, 9.99, 88.8, 99.9, 127, 199.9, 254, 305, 401, 800, 998.9, 1000, 1825, -0.1},
		doubt.Temperature: {-9.99, -9.9, -88.7, -40, 0, 8.88, 9.99, 32, 50, 56.7},
		doubt.Humidity:    {0, 88.8, 99, 99.9, 99.99, 100, 103},
		doubt.Level:       {-9.98, -8.87, -8.9, -0.999, -0.888, 0, 0.999, 8.88, 9.99, 88.8, 99.9, 400, 888, 1000, -1.27, -30.5},
		doubt.Discharge:   {-8.88, -30, -283.17, -10000, -1000, 9.99, 88.8, 99.9, 283.17, 888, 1000, 10000, 998, 9998, 28316.9, 70000, 209000},
		doubt.Voltage:     {3.3, 12.7, 12.34, 24, 48, 99.9, -0.1},
		doubt.Signal:      {-127, -120, -113, -99, -99.9, -88.8, -77, -51, 0},
		doubt.Attribute:   {999, 888, 9999, 9999.9, 99.9, 99999.9, 999999, -86, -99, 6999, 8848, 65535, 32767},
		doubt.Other:       {-10000, -1000, 1000, 10000, 98.7, 1013.25, 100000},
	} {
		for _, v := range values {
			if c, ok := doubt.CodeFor(q, v); ok {
				t.Errorf("%v: %g is taken for %v (%d)", q, v, c, c.Certainty)
			}
		}
	}
}

func TestWhatMayBeAMeasurementIsLikelyOnly(t *testing.T) {
	for q, values := range map[doubt.Quantity][]float64{
		doubt.Discharge:   {999, -99.9, 32767, 7999, -283.14015, 28316.818},
		doubt.River:       {999, 9999},
		doubt.Level:       {999.9, -99.99},
		doubt.Rain:        {999.9, 99.99},
		doubt.Temperature: {-88.8},
		doubt.Other:       {999.9},
	} {
		for _, v := range values {
			if code, ok := doubt.CodeFor(q, v); !ok || code.Certainty != doubt.Likely {
				t.Errorf("%v: %g is %v, %v", q, v, code.Certainty, ok)
			}
			if doubt.IsCode(q, v) || !doubt.MayBeCode(q, v) {
				t.Errorf("%v: %g is called a code for sure", q, v)
			}
		}
	}
}

func TestNoNumberIsNoCode(t *testing.T) {
	for q := range doubt.NumQuantities {
		for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1, -1, 5e-324} {
			if doubt.MayBeCode(q, v) {
				t.Errorf("%v: %g is a code", q, v)
			}
		}
	}
}

func TestALookUpDoesNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { doubt.IsCode(doubt.River, -28316.8); doubt.MayBeCode(doubt.Rain, 12.5) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func TestQuantityOfReadsNames(t *testing.T) {
	for name, want := range map[string]doubt.Quantity{
		"rainfall_mm": doubt.Rain, "precip_mm": doubt.Rain, "temperature": doubt.Temperature, "water_temperature": doubt.Temperature,
		"humidity": doubt.Humidity, "water_level_m": doubt.Level, "stage": doubt.Level, "discharge_m3s": doubt.Discharge, "Streamflow": doubt.Discharge,
		"battery_voltage": doubt.Voltage, "signal_strength": doubt.Signal, "rssi": doubt.Signal, "turbidity": doubt.Other, "": doubt.Other,
	} {
		if got := doubt.QuantityOf(name); got != want {
			t.Errorf("%q is %v, not %v", name, got, want)
		}
	}
}

func FuzzCodes(f *testing.F) {
	f.Add(uint8(doubt.River), -28316.8)
	f.Add(uint8(doubt.Signal), 99.0)
	f.Fuzz(func(t *testing.T, q uint8, v float64) {
		code, ok := doubt.CodeFor(doubt.Quantity(q), v)
		if ok != (code.Certainty != doubt.NoCode) || ok != doubt.MayBeCode(doubt.Quantity(q), v) || (code.Certainty == doubt.Exact) != doubt.IsCode(doubt.Quantity(q), v) {
			t.Errorf("%v: %g is %+v, %v", doubt.Quantity(q), v, code, ok)
		}
		if ok && math.Abs(v) < 8 {
			t.Errorf("%v: %g is %+v", doubt.Quantity(q), v, code)
		}
	})
}

func BenchmarkIsCode(b *testing.B) {
	for _, v := range []float64{12.5, -28316.8, 351} {
		b.Run(fmt.Sprint(v), func(b *testing.B) {
			for b.Loop() {
				doubt.IsCode(doubt.River, v)
			}
		})
	}
}

func ExampleCodeFor() {
	for _, v := range []float64{-9999, -28316.8, -8.88, 999, 12.5} {
		code, ok := doubt.CodeFor(doubt.River, v)
		fmt.Println(v, ok, code.Certainty == doubt.Exact, code)
	}
	// Output:
	// -9999 true true the code -9999 for no data
	// -28316.8 true true the code -999999 for no data, converted from ft3/s to m3/s
	// -8.88 true true the code -888 for no data, converted from cm to m
	// 999 true false the code 999 for no data
	// 12.5 false false no code
}

// The filter before the search must not lose what the search finds: numbers at the edge of every tolerance.
func TestNumbersWithinATolerance(t *testing.T) {
	for _, c := range []struct {
		q      doubt.Quantity
		v      float64
		within float64 // relative
	}{
		{doubt.River, -999999, 1e-7},
		{doubt.River, -28316.818, 2.9e-5},
		{doubt.Temperature, -572.77778, 1.9e-4},
		{doubt.Rain, 6553.5, 1.9e-4},
		{doubt.Level, -304.4952, 2.9e-5},
	} {
		for k := -100; k <= 100; k++ {
			if v := c.v * (1 + c.within*float64(k)/100); !doubt.IsCode(c.q, v) {
				t.Errorf("%v: %.10g is no code", c.q, v)
			}
		}
	}
}
