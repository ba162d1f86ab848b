package anomaly

import (
	"math"
	"testing"
)

// TestArithmetic holds the branchless forms against what they stand for.
func TestArithmetic(t *testing.T) {
	numbers := []float64{0, 5e-324, 1e-3, 0.5, 1, 1.5, 2, 1e12, math.MaxFloat64}
	for _, v := range numbers {
		numbers = append(numbers, -v)
	}
	one := func(a, x, b float64) float64 { return max(a-max(x, b), min(x, b)-a, 0) }
	two := func(x, a, b, c float64) float64 {
		return max(one(a, x, b), min(a, b)-max(x, c), min(x, c)-max(a, b))
	}
	for _, a := range numbers {
		for _, b := range numbers {
			if got := leastAbs(a, b); got != min(math.Abs(a), math.Abs(b)) {
				t.Fatalf("leastAbs(%v, %v) = %v", a, b, got)
			}
			if got := mostOf(math.Abs(a), math.Abs(b)); got != max(math.Abs(a), math.Abs(b)) {
				t.Fatalf("mostOf(|%v|, |%v|) = %v", a, b, got)
			}
			if got := notAbove(math.Abs(a), math.Abs(b)); (got == 1) != (math.Abs(a) <= math.Abs(b)) || got != 0 && got != 1 {
				t.Fatalf("notAbove(|%v|, |%v|) = %v", a, b, got)
			}
			for _, c := range numbers {
				for _, x := range numbers {
					if math.Abs(a)+math.Abs(b)+math.Abs(c)+math.Abs(x) > 1e300 {
						continue // the differences overflow
					}
					alone, height := bumps(x, a, b, c)
					if alone != one(a, x, b) || height != two(x, a, b, c) {
						t.Fatalf("bumps(%v, %v, %v, %v) = %v, %v", x, a, b, c, alone, height)
					}
				}
			}
		}
	}
}
