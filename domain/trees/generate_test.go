package trees

import (
	"math"
	"math/rand/v2"
)

// forestSpec describes random trees for tests and benchmarks.
type forestSpec struct {
	features, trees, depth int
	// stop is the chance that a node above the last level is a leaf.
	stop float64
}

// thresholdGrid makes ties between rows and thresholds common.
const thresholdGrid = 16

func randomValue(r *rand.Rand) float32 {
	return float32(r.IntN(8*thresholdGrid)-4*thresholdGrid) / thresholdGrid
}

func (s forestSpec) random(r *rand.Rand) []Tree {
	forest := make([]Tree, s.trees)
	for i := range forest {
		t := &forest[i]
		var grow func(depth int, cover float32) int32
		grow = func(depth int, cover float32) int32 {
			at := int32(len(t.Nodes))
			t.Nodes = append(t.Nodes, Node{Left: NoChild, Right: NoChild, Cover: cover})
			if depth == s.depth || r.Float64() < s.stop {
				t.Nodes[at].Value = float32(r.NormFloat64() / 10)
				return at
			}
			share := 0.02 + 0.96*r.Float32()
			left := grow(depth+1, cover*share)
			right := grow(depth+1, cover*(1-share))
			n := &t.Nodes[at]
			n.Left, n.Right = left, right
			n.Feature = int32(r.IntN(s.features))
			n.Threshold = randomValue(r)
			n.DefaultLeft = r.IntN(2) == 0
			return at
		}
		grow(0, 1000)
	}
	return forest
}

func randomRows(r *rand.Rand, rows, features int, missing float64) []float32 {
	x := make([]float32, rows*features)
	for i := range x {
		switch {
		case r.Float64() < missing:
			x[i] = float32(math.NaN())
		case r.IntN(50) == 0:
			x[i] = float32(math.Inf(r.IntN(2)*2 - 1))
		case r.IntN(50) == 0:
			x[i] = float32(math.Copysign(0, -1))
		default:
			x[i] = randomValue(r)
		}
	}
	return x
}

// plainMargin is the definition of a margin, as short as it can be written.
func plainMargin(base float32, forest []Tree, row []float32) float32 {
	m := base
	for _, t := range forest {
		n := t.Nodes[0]
		for !n.isLeaf() {
			if goesLeft(&n, row) {
				n = t.Nodes[n.Left]
			} else {
				n = t.Nodes[n.Right]
			}
		}
		m += n.Value
	}
	return m
}

func goesLeft(n *Node, row []float32) bool {
	if x := row[n.Feature]; x == x {
		return x < n.Threshold
	}
	return n.DefaultLeft
}
