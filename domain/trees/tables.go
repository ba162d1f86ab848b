package trees

import (
	"math"
	"slices"
)

// This file holds the Shapley values of shallow trees: tables made beforehand, after Fast TreeSHAP v2
// (Yang 2021, arXiv:2109.09847, section 3.2), with three changes.
//
//   - The unit is not a leaf but a subtree (a bundle) with all its leaves. What its leaves contribute to
//     each feature depends only on the tests above and inside the subtree: one bit each, whichever way the
//     row goes. A tree of depth 4 is four bundles of 2 + 3 tests instead of sixteen leaves of 4.
//   - A table is indexed by those bits as they are. Tests that repeat a feature need no care at run time;
//     only the code that fills the tables knows about them.
//   - The entries come from the quadrature of quadrature.go rather than from sums over coalitions.
//
// A row then costs one lookup and a few additions per bundle. Tables grow with 2^tests, so an ensemble
// whose tables would exceed tableBudget uses the quadrature at run time instead.

// tableBudget bounds the tables of one ensemble, in bytes. 300 trees of depth 4 need 1 MB, 200 of depth
// 5 take 3 MB and 150 of depth 6 take 8 MB.
const tableBudget = 16 << 20

// tableForest answers Shapley values from tables. Every bundle has the same number of tests and of
// features; what a bundle lacks is padded with tests that always go left and with contributions of zero,
// which keeps the loops free of jumps that cannot be predicted.
type tableForest struct {
	width    int       // tests, and features, of a bundle
	splits   []int64   // bundle by bundle: padding first, then tests, the first of them the highest bit
	features []uint8   // bundle by bundle: what the columns of its table contribute to
	starts   []uint32  // first entry of each bundle's table
	entries  []float32 // bundle by bundle: one row for each pattern of its tests
}

// unrolled is the number of tests and features that the loops of shapley do not loop over.
const unrolled = 6

// newTableForest returns nil if the tables would exceed the budget.
func newTableForest(edges *edgeForest, depth int) *tableForest {
	if depth == 0 || depth > completeDepth {
		return nil
	}
	// At least one test more than the deepest path has: then two levels of splits fit into a bundle at the bottom
	// of a complete tree, which is where tables are smallest for the number of lookups they save.
	width := max(depth+1, unrolled)
	var bundles []bundle
	for _, root := range edges.roots {
		c := cutter{nodes: edges.nodes, limit: width, to: bundles}
		c.cut(root)
		bundles = c.to
	}
	entries := 0
	for i := range bundles {
		entries += width << len(bundles[i].tests)
	}
	if 4*entries > tableBudget {
		return nil
	}
	b := tableBuilder{nodes: edges.nodes, forest: &tableForest{
		width:    width,
		splits:   make([]int64, 0, len(bundles)*width),
		features: make([]uint8, 0, len(bundles)*width),
		starts:   make([]uint32, 0, len(bundles)),
		entries:  make([]float32, 0, entries),
	}}
	for m := range b.rules {
		b.rules[m] = newQuadrature(pointsFor(m))
	}
	for i := range bundles {
		b.add(&bundles[i])
	}
	return b.forest
}

// bundle is a subtree and the tests that decide about it.
type bundle struct {
	root  int32
	above []step  // the path to the root
	tests []int32 // splits: those of the path from the top down, then those of the subtree
}

// step is a split and the side that a path takes there.
type step struct {
	split int32
	right bool
}

// cutter cuts a tree into the largest bundles of at most limit tests.
type cutter struct {
	nodes []edgeNode
	limit int
	path  []step
	to    []bundle
}

func (c *cutter) cut(node int32) {
	tests := make([]int32, 0, c.limit+1)
	for _, s := range c.path {
		tests = append(tests, s.split)
	}
	tests = c.appendSplits(tests, node)
	switch {
	case len(tests) == 0:
		// A tree of one leaf explains nothing.
	case len(tests) <= c.limit:
		c.to = append(c.to, bundle{node, append([]step(nil), c.path...), tests})
	default:
		child := c.nodes[node].child
		c.path = append(c.path, step{split: node})
		c.cut(child)
		c.path[len(c.path)-1].right = true
		c.cut(child + 1)
		c.path = c.path[:len(c.path)-1]
	}
}

// appendSplits appends the splits of the subtree at node until there are more than limit.
func (c *cutter) appendSplits(to []int32, node int32) []int32 {
	n := &c.nodes[node]
	if n.isLeaf() || len(to) > c.limit {
		return to
	}
	to = append(to, node)
	return c.appendSplits(c.appendSplits(to, n.child), n.child+1)
}

// tableBuilder fills tables, one bundle after the other.
type tableBuilder struct {
	nodes  []edgeNode
	forest *tableForest
	rules  [completeDepth + 1]quadrature // by number of distinct features

	// Of the current bundle:
	*bundle
	columns []uint8   // feature of each column of the table
	table   []float64 // 2^len(tests) rows of forest.width columns
	path    []step    // to the current leaf, from the root of the tree
	needs   []need    // what that path asks of each distinct feature

	// Of the current leaf, see solveLeaf:
	products [1 << completeDepth]float64
	solved   [1 << completeDepth][completeDepth]float64
}

// need is what a path asks of one feature: the bits of mask must equal want.
type need struct {
	column     int
	mask, want uint
	ratio      float64 // r, see quadrature.go
}

func (b *tableBuilder) add(next *bundle) {
	f := b.forest
	b.bundle, b.columns = next, b.columns[:0]
	for range f.width - len(b.tests) {
		f.splits = append(f.splits, leftSplit)
	}
	for _, t := range b.tests {
		n := &b.nodes[t]
		f.splits = append(f.splits, n.split)
		if feature := b.nodes[n.child].feature; !slices.Contains(b.columns, feature) {
			b.columns = append(b.columns, feature)
		}
	}
	for i := range f.width {
		if i < len(b.columns) {
			f.features = append(f.features, b.columns[i])
		} else {
			// Padding has sums of its own: adding zeros to that of a feature would make its next true
			// addition wait for them.
			f.features = append(f.features, uint8(MaxFeatures+i))
		}
	}
	f.starts = append(f.starts, uint32(len(f.entries)))

	b.table = append(b.table[:0], make([]float64, f.width<<len(b.tests))...)
	b.path = append(b.path[:0], b.above...)
	b.descend(b.root)
	for _, x := range b.table {
		f.entries = append(f.entries, float32(x))
	}
}

// descend adds all leaves of the subtree at node to the table.
func (b *tableBuilder) descend(node int32) {
	n := &b.nodes[node]
	if n.isLeaf() {
		b.addLeaf(node)
		return
	}
	b.path = append(b.path, step{split: node})
	b.descend(n.child)
	b.path[len(b.path)-1].right = true
	b.descend(n.child + 1)
	b.path = b.path[:len(b.path)-1]
}

// addLeaf adds the contributions of a leaf to each row of the table.
func (b *tableBuilder) addLeaf(leaf int32) {
	b.needs = b.needs[:0]
	for _, s := range b.path {
		edge := &b.nodes[b.nodes[s.split].child]
		if s.right {
			edge = &b.nodes[b.nodes[s.split].child+1]
		}
		need := b.need(slices.Index(b.columns, edge.feature))
		need.ratio = edge.ratio // the last edge of a feature has the product of them all
		bit := uint(1) << (len(b.tests) - 1 - slices.Index(b.tests, s.split))
		need.mask |= bit
		if s.right {
			need.want |= bit
		}
	}
	b.solveLeaf(b.nodes[leaf].value())
	width := b.forest.width
	for pattern := range uint(1) << len(b.tests) {
		var met uint // bit k: the pattern meets needs[k]
		for k := range b.needs {
			if n := &b.needs[k]; pattern&n.mask == n.want {
				met |= 1 << k
			}
		}
		row := b.table[int(pattern)*width:][:width]
		for k, x := range b.solved[met][:len(b.needs)] {
			row[b.needs[k].column] += x
		}
	}
}

// solveLeaf sets solved[met][k] to what a leaf contributes to needs[k] for a row that meets the needs whose
// bits are set in met.
func (b *tableBuilder) solveLeaf(value float64) {
	m := len(b.needs)
	rule := &b.rules[m]
	products := b.products[:1<<m]
	clear(b.solved[:1<<m])
	for i, y := range rule.y {
		products[0] = rule.w[i] * value
		for k := range b.needs {
			r := b.needs[k].ratio * (1 - y)
			half := 1 << k
			for p, x := range products[:half] {
				products[p], products[half+p] = x*r, x*(r+y)
			}
		}
		for k := range b.needs {
			r := b.needs[k].ratio
			// (o - r)/f for o = 0 and o = 1.
			share := [2]float64{-1 / (1 - y), (1 - r) / (y + r*(1-y))}
			for met, product := range products {
				b.solved[met][k] += product * share[met>>k&1]
			}
		}
	}
}

// need returns the need of the current path that has the given column, new if there is none.
func (b *tableBuilder) need(column int) *need {
	for k := range b.needs {
		if b.needs[k].column == column {
			return &b.needs[k]
		}
	}
	b.needs = append(b.needs, need{column: column})
	return &b.needs[len(b.needs)-1]
}

// lookahead is the number of table rows that are located before the first of them is read.
const lookahead = 32

// shapley adds the contributions of all trees to phi. The table rows of a bundle are scattered over
// megabytes; touching some dozens of them at once lets the processor fetch them at the same time.
func (f *tableForest) shapley(phi *contributions, keys *rowKeys) {
	var (
		room    [lookahead]uint32
		touched uint32
	)
	for first := 0; first < len(f.starts); first += lookahead {
		rows := room[:min(lookahead, len(f.starts)-first)]
		f.locate(rows, first, keys)
		for _, at := range rows {
			touched |= math.Float32bits(f.entries[at])
		}
		f.add(phi, rows, first)
	}
	phi[len(phi)-1] = float64(touched) // Padding: it only keeps the touches from being optimised away.
}

// locate sets rows to the first entries of the table rows that apply, of the bundles from first on.
func (f *tableForest) locate(rows []uint32, first int, keys *rowKeys) {
	width := f.width
	splits, starts := f.splits[first*width:], f.starts[first:][:len(rows)]
	for i, start := range starts {
		s := (*[unrolled]int64)(splits)
		pattern := descend(0, s[0], keys)
		pattern = descend(pattern, s[1], keys)
		pattern = descend(pattern, s[2], keys)
		pattern = descend(pattern, s[3], keys)
		pattern = descend(pattern, s[4], keys)
		pattern = descend(pattern, s[5], keys)
		for _, s := range splits[unrolled:width] {
			pattern = descend(pattern, s, keys)
		}
		rows[i] = start + uint32(pattern)*uint32(width)
		splits = splits[width:]
	}
}

// add adds the table rows at rows, those of the bundles from first on, to phi.
func (f *tableForest) add(phi *contributions, rows []uint32, first int) {
	width, entries := f.width, f.entries
	features := f.features[first*width:]
	for _, at := range rows {
		r, u := (*[unrolled]float32)(entries[at:]), (*[unrolled]uint8)(features)
		phi[u[0]] += float64(r[0])
		phi[u[1]] += float64(r[1])
		phi[u[2]] += float64(r[2])
		phi[u[3]] += float64(r[3])
		phi[u[4]] += float64(r[4])
		phi[u[5]] += float64(r[5])
		for i := unrolled; i < width; i++ {
			phi[features[i]] += float64(entries[int(at)+i])
		}
		features = features[width:]
	}
}
