package trees

import (
	"errors"
	"fmt"
	"math"
)

// Limits of what New accepts. They bound the memory and the time that a file from outside can cost, and
// are far above what a useful model of this kind needs.
const (
	MaxFeatures = 128     // columns of a row
	MaxTrees    = 1 << 14 // trees of an ensemble
	MaxNodes    = 1 << 21 // nodes of all trees together
	MaxDepth    = 64      // splits between the root and a leaf
	// MaxMargin bounds |base margin| + the sum of the largest |leaf value| of each tree, so that no row can
	// reach an infinite margin. In log-odds anything beyond 100 is certainty already.
	MaxMargin = 1e6
)

// NoChild is Node.Left and Node.Right of a leaf.
const NoChild = -1

// Node is a split or a leaf of a [Tree].
type Node struct {
	// Left and Right are the indices of the children in Tree.Nodes, or both NoChild for a leaf.
	Left, Right int32
	// Feature is the column that a split looks at, and Threshold what it compares with: x < Threshold goes
	// left. DefaultLeft tells where a missing value goes. A leaf ignores all three.
	Feature     int32
	Threshold   float32
	DefaultLeft bool
	// Value is what a leaf adds to the margin. A split ignores it.
	Value float32
	// Cover is the weight of the training rows that reached the node (XGBoost's sum_hessian). Shapley
	// values take the ratio of a child's cover to its parent's for the chance to pass an unknown split. It is positive;
	// that of a leaf may be zero, which no training row reached: XGBoost writes such leaves with min_child_weight 0.
	Cover float32
}

func (n *Node) isLeaf() bool { return n.Left == NoChild && n.Right == NoChild }

// Tree is a binary regression tree; Nodes[0] is its root.
type Tree struct {
	Nodes []Node
}

// shape is what validation learns about a tree.
type shape struct {
	depth    int     // splits on the longest path
	maxValue float64 // largest |leaf value|
}

// coverSlack is how far a child's cover may exceed its parent's. XGBoost sums covers in floating point,
// so a child that takes all rows of its parent may be larger by rounding.
const coverSlack = 1.001

// check reports whether t is a proper tree over numFeatures columns: every node is reached exactly once
// from the root, all numbers are finite, and covers are positive and do not grow towards the leaves.
func (t *Tree) check(numFeatures int) (shape, error) {
	type visit struct {
		node  int32
		depth int
	}
	var (
		s     shape
		seen  = make([]bool, len(t.Nodes))
		stack = make([]visit, 1, MaxDepth+2)
		count = 1
	)
	if len(t.Nodes) == 0 {
		return s, errors.New("no nodes")
	}
	seen[0] = true
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		n := &t.Nodes[v.node]
		least := float32(math.SmallestNonzeroFloat32)
		if n.isLeaf() && v.depth > 0 {
			least = 0
		}
		if !(n.Cover >= least) || !finite(n.Cover) {
			return s, fmt.Errorf("node %d: cover %v is not positive and finite", v.node, n.Cover)
		}
		if n.isLeaf() {
			if !finite(n.Value) {
				return s, fmt.Errorf("node %d: leaf value %v is not finite", v.node, n.Value)
			}
			s.depth = max(s.depth, v.depth)
			s.maxValue = max(s.maxValue, math.Abs(float64(n.Value)))
			continue
		}
		switch {
		case v.depth == MaxDepth:
			return s, fmt.Errorf("node %d: deeper than %d splits", v.node, MaxDepth)
		case n.Feature < 0 || int(n.Feature) >= numFeatures:
			return s, fmt.Errorf("node %d: feature %d is not in [0, %d)", v.node, n.Feature, numFeatures)
		case !finite(n.Threshold):
			return s, fmt.Errorf("node %d: threshold %v is not finite", v.node, n.Threshold)
		}
		for _, c := range [2]int32{n.Right, n.Left} {
			if c < 0 || int(c) >= len(t.Nodes) {
				return s, fmt.Errorf("node %d: child %d is not in [0, %d)", v.node, c, len(t.Nodes))
			}
			if seen[c] {
				return s, fmt.Errorf("node %d is reached twice", c)
			}
			seen[c] = true
			count++
			if float64(t.Nodes[c].Cover) > coverSlack*float64(n.Cover) {
				return s, fmt.Errorf("node %d: cover %v is below that of its child %d, %v",
					v.node, n.Cover, c, t.Nodes[c].Cover)
			}
			stack = append(stack, visit{c, v.depth + 1})
		}
	}
	if count != len(t.Nodes) {
		return s, fmt.Errorf("only %d of %d nodes are reached from the root", count, len(t.Nodes))
	}
	return s, nil
}

func finite(x float32) bool { return x-x == 0 }
