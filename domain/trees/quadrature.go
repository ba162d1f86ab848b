package trees

import "math"

// This file holds the Shapley values of trees of any shape.
//
// A leaf of value v whose path tests the distinct features u = 1..m plays the product game
//
//	g(S) = v · Π_{u∈S} o_u · Π_{u∉S} r_u
//
// where o_u is 1 if the row passes all tests of u on the path and 0 otherwise, and r_u is the product of
// the cover ratios of those tests: the chance to pass them when u is unknown (the path-dependent
// expectation of Lundberg et al. 2020, "From local explanations to global understanding with explainable
// AI for trees", Algorithm 1, which is what XGBoost's pred_contribs uses). The Shapley weight of a
// coalition is a Beta integral, k!(m-1-k)!/m! = ∫₀¹ y^k (1-y)^(m-1-k) dy, hence
//
//	φ_u = v · (o_u - r_u) · ∫₀¹ Π_{s≠u} f_s(y) dy   with   f_s(y) = o_s·y + r_s·(1-y).
//
// The integrand is a polynomial of degree m-1, so Gauss-Legendre quadrature with n ≥ m/2 points is exact.
// Every f_s is positive inside (0, 1) because covers are, and a factor can therefore be divided out. Sums
// over leaves move into the tree: with H(y) the sum of v·Π f over the leaves below an edge e that tests u,
//
//	φ_u = Σ_e ∫ H_e · [(o_e - r_e)/f_e - (o_p - r_p)/f_p] dy
//
// where p is the closest edge above e that tests u too, if there is one; the second term takes back what p
// stands for once e refines it. It is Linear TreeSHAP (Yu et al. 2022, arXiv:2209.08192, section 4) in a
// basis of points: nodes × n steps per row, free of the cancellation that unwinding permutation weights
// suffers from.

// maxPoints is exact for the MaxDepth distinct features that a path can test at most.
const maxPoints = MaxDepth / 2

// quadrature is a Gauss-Legendre rule on (0, 1).
type quadrature struct {
	y, w []float64
}

// newQuadrature returns the rule of n points, which integrates polynomials up to degree 2n-1 exactly. The
// points are the roots of the Legendre polynomial, found by Newton's method.
func newQuadrature(n int) quadrature {
	q := quadrature{y: make([]float64, n), w: make([]float64, n)}
	for i := range n {
		x := math.Cos(math.Pi * (float64(i) + 0.75) / (float64(n) + 0.5))
		var slope float64
		for range 100 {
			p, previous := 1.0, 0.0
			for k := 1; k <= n; k++ {
				p, previous = (float64(2*k-1)*x*p-float64(k-1)*previous)/float64(k), p
			}
			slope = float64(n) * (x*p - previous) / (x*x - 1)
			step := p / slope
			x -= step
			if math.Abs(step) < 1e-15 {
				break
			}
		}
		q.y[i] = (1 + x) / 2
		q.w[i] = 1 / ((1 - x*x) * slope * slope)
	}
	return q
}

// pointsFor is the number of points that is exact for paths of m distinct features.
func pointsFor(m int) int { return max(1, (m+1)/2) }

// leastChance stands for the chance of a leaf that no training row reached: the quadrature divides by it.
const leastChance = 1e-30

// edgeForest stores trees for the quadrature.
type edgeForest struct {
	rule  quadrature
	nodes []edgeNode
	roots []int32
}

// edgeNode is a node together with the edge that leads to it.
type edgeNode struct {
	split   int64   // of the node; of a leaf the bits of its value
	ratio   float64 // r_e: product of the cover ratios of all edges of this feature down to this one
	child   int32   // index of the left child, the right one follows; 0 for a leaf
	feature uint8   // that the edge tests
	above   uint8   // depth of the closest node above whose edge tests the same feature, 0 if none
}

func (n *edgeNode) isLeaf() bool { return n.child == 0 }

// value is that of a leaf.
func (n *edgeNode) value() float64 { return float64(math.Float32frombits(uint32(n.split))) }

func newEdgeForest(trees []Tree) *edgeForest {
	f := &edgeForest{}
	total := 0
	for i := range trees {
		total += len(trees[i].Nodes)
	}
	f.nodes = make([]edgeNode, 0, total)
	b := edgeBuilder{forest: f}
	for i := range trees {
		root := int32(len(f.nodes))
		f.roots = append(f.roots, root)
		f.nodes = append(f.nodes, edgeNode{})
		b.place(trees[i].Nodes, 0, root, 0, 0)
	}
	f.rule = newQuadrature(pointsFor(b.distinct))
	return f
}

type edgeBuilder struct {
	forest   *edgeForest
	distinct int                // most distinct features on a path so far
	above    [MaxFeatures]int32 // depth of the last edge of each feature on the path; 0 for none
	ratio    [MaxFeatures]float64
}

func (b *edgeBuilder) place(nodes []Node, node, at, depth int32, distinct int) {
	n := &nodes[node]
	if n.isLeaf() {
		b.forest.nodes[at].split = int64(math.Float32bits(n.Value))
		b.distinct = max(b.distinct, distinct)
		return
	}
	child := int32(len(b.forest.nodes))
	b.forest.nodes = append(b.forest.nodes, edgeNode{}, edgeNode{})
	b.forest.nodes[at].split, b.forest.nodes[at].child = n.split(), child

	u := n.Feature
	above, ratio := b.above[u], 1.0
	if above == 0 {
		distinct++
	} else {
		ratio = b.ratio[u]
	}
	for i, c := range [2]int32{n.Left, n.Right} {
		r := ratio * max(float64(nodes[c].Cover)/float64(n.Cover), leastChance)
		e := &b.forest.nodes[child+int32(i)]
		e.feature, e.above, e.ratio = uint8(u), uint8(above), r
		b.above[u], b.ratio[u] = depth+1, r
		b.place(nodes, c, child+int32(i), depth+1, distinct)
	}
	b.above[u], b.ratio[u] = above, ratio
}

// edgeWalk is the state of one descent.
type edgeWalk struct {
	forest *edgeForest
	keys   *rowKeys
	phi    *contributions
	// One entry for each depth of the current path. Depth 0 stands for the edge above the first one of a
	// feature: one that is passed for certain, o = r = f = 1.
	passed  [MaxDepth + 1]float64            // o_e of the edge
	ratio   [MaxDepth + 1]float64            // r_e
	inverse [MaxDepth + 1][maxPoints]float64 // 1/f_e
	path    [MaxDepth + 1][maxPoints]float64 // Π f over the distinct features down to here
	below   [MaxDepth + 1][maxPoints]float64 // H of the node
}

// shapley adds the contributions of all trees to phi.
func (f *edgeForest) shapley(phi *contributions, keys *rowKeys) {
	w := edgeWalk{forest: f, keys: keys, phi: phi}
	w.passed[0], w.ratio[0] = 1, 1
	for i := range f.rule.y {
		w.inverse[0][i], w.path[0][i] = 1, 1
	}
	for _, root := range f.roots {
		w.visit(&f.nodes[root], 0)
	}
}

// visit computes below[depth] of the node n whose path[depth] is known.
func (w *edgeWalk) visit(n *edgeNode, depth int) {
	points := len(w.forest.rule.y)
	path, below := w.path[depth][:points], w.below[depth][:points]
	if n.isLeaf() {
		for i, c := range path {
			below[i] = n.value() * c
		}
		return
	}
	clear(below)
	goesRight := right(n.split, w.keys)
	for side := range uint(2) {
		c := &w.forest.nodes[uint(n.child)+side]
		w.edge(c, depth+1, side == goesRight)
		for i, h := range w.below[depth+1][:points] {
			below[i] += h
		}
	}
}

// edge follows the edge that leads to n at the given depth, and adds what it contributes.
func (w *edgeWalk) edge(n *edgeNode, depth int, passes bool) {
	rule := w.forest.rule
	points := len(rule.y)

	oldPassed, oldRatio := w.passed[n.above], w.ratio[n.above]
	passed, ratio := 0.0, n.ratio
	if passes {
		passed = oldPassed
	}
	w.passed[depth], w.ratio[depth] = passed, ratio

	path, parent := w.path[depth][:points], w.path[depth-1][:points]
	inverse, oldInverse := w.inverse[depth][:points], w.inverse[n.above][:points]
	var share [maxPoints]float64
	for i, y := range rule.y {
		f := passed*y + ratio*(1-y)
		inverse[i] = 1 / f
		path[i] = parent[i] * f * oldInverse[i]
		share[i] = rule.w[i] * ((passed-ratio)*inverse[i] - (oldPassed-oldRatio)*oldInverse[i])
	}
	w.visit(n, depth)
	sum := 0.0
	for i, h := range w.below[depth][:points] {
		sum += h * share[i]
	}
	w.phi[n.feature] += sum
}

func (f *edgeForest) bytes() int {
	return sliceBytes(f.nodes) + sliceBytes(f.roots) + sliceBytes(f.rule.y) + sliceBytes(f.rule.w)
}
