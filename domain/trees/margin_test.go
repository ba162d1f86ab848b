package trees

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestMarginsEqualThePlainWalkBitForBit(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, depth := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13} {
		for _, count := range []int{0, 1, 3, 4, 5, 33} {
			for _, stop := range []float64{0, 0.3} {
				s := forestSpec{features: 1 + r.IntN(MaxFeatures), trees: count, depth: depth, stop: stop}
				t.Run(fmt.Sprintf("%v stop %v", s, stop), func(t *testing.T) {
					forest := s.random(r)
					base := float32(r.NormFloat64())
					e, err := New(s.features, base, forest)
					if err != nil {
						t.Fatal(err)
					}
					for _, n := range []int{0, 1, 15, 16, 63, 64, 65, 130} {
						rows := randomRows(r, n, s.features, 0.2)
						got := make([]float32, n)
						e.Margins(got, rows)
						for i := range n {
							row := rows[i*s.features : (i+1)*s.features]
							want := math.Float32bits(plainMargin(base, forest, row))
							if one := math.Float32bits(e.Margin(row)); one != want {
								t.Fatalf("Margin of row %d: %x, want %x", i, one, want)
							}
							if math.Float32bits(got[i]) != want {
								t.Fatalf("Margins of row %d of %d: %v, want %v", i, n, got[i], math.Float32frombits(want))
							}
						}
					}
				})
			}
		}
	}
}

// More distinct splits than a slot can number are scored row by row.
func TestMarginsOfVeryManyDistinctSplits(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 7))
	s := forestSpec{features: 50, trees: 300, depth: 7}
	forest := s.random(r)
	for i := range forest {
		for j := range forest[i].Nodes {
			forest[i].Nodes[j].Threshold = float32(r.NormFloat64())
		}
	}
	e, err := New(s.features, 0, forest)
	if err != nil {
		t.Fatal(err)
	}
	if e.sliced() != nil {
		t.Fatal("all splits found a slot")
	}
	const n = 70
	rows, got := randomRows(r, n, s.features, 0.2), make([]float32, n)
	e.Margins(got, rows)
	for i := range got {
		if want := plainMargin(0, forest, rows[i*s.features:(i+1)*s.features]); got[i] != want {
			t.Errorf("row %d: %v, want %v", i, got[i], want)
		}
	}
}

func TestUsesTellsTheFeaturesThatTreesSplitOn(t *testing.T) {
	e, err := New(3, 0, []Tree{small()})
	if err != nil {
		t.Fatal(err)
	}
	for feature, want := range []bool{true, true, false} {
		if got := e.Uses(feature); got != want {
			t.Errorf("feature %d: %v, want %v", feature, got, want)
		}
	}
}
