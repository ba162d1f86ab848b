package trees

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"sync"
)

// This file scores batches of shallow trees, 64 rows at a time, with one bit of a word for each row.
//
// All splits of an ensemble on one feature compare with a few dozen distinct thresholds, and a row's rank
// among them decides all of these splits at once. So a block of rows is first turned into one word per
// distinct split, which says what rows go right there; then each tree combines the words of its splits
// into the bits of the leaf that each row reaches, for all rows in a few operations; and last, the bits are
// transposed into one byte per row, which selects the leaf. The idea of deciding all splits of a feature
// together is that of QuickScorer (Lucchese et al. 2015, doi:10.1145/2766462.2767733), and the bit per row
// that of RapidScorer (Ye et al. 2018, doi:10.1145/3219819.3219857).

const (
	blockRows = 64
	// slicedMinRows is the number of rows from which on slicing a block beats descending row by row: its
	// cost depends little on how many of the 64 bits are used. Measured for ensembles of depth 4 and 5.
	slicedMinRows = 16
	// slicedDepth is the depth that trees are padded to at least, and how many levels are spelled out.
	slicedDepth = 4
)

// slicedForest holds complete trees of equal depth.
type slicedForest struct {
	depth    int
	trees    int
	features []slicedFeature
	slots    []uint16  // tree by tree, level by level: the word of each split
	leaves   []float32 // tree by tree, and one window of padding
	words    int       // number of slots; slot 0 is that of padding, where no row goes right
	buckets  int       // length of block.buckets
	pool     sync.Pool // of *block
}

// slicedFeature ranks the values of one feature among its thresholds.
type slicedFeature struct {
	column int
	// The thresholds' keys, less one, as a complete search tree of steps levels: the root at 1, the
	// children of i at 2i and 2i+1, padded with alwaysLeft. A row goes right if the entry is below its key.
	tree  []int32
	steps int
	count int // of thresholds
	// Threshold k has two words: first+2k for splits that send missing values left, the next one for
	// splits that send them right.
	first int
}

// leafWindow is the number of leaves that a byte can select; reading through an array of this length
// spares a bounds check.
const leafWindow = 256

// block is the scratch memory of one batch.
type block struct {
	words []uint64
	// buckets holds, while a feature is ranked, the rows of each rank; all zero otherwise.
	buckets []uint64
	sums    [blockRows]float32
	level   [1 << (completeDepth - 2)]uint64 // of chooseAmong
}

// cut is what tells splits apart, but for the side of missing values.
type cut struct {
	feature int32
	key     int32 // of the threshold
}

func compareCuts(a, b cut) int {
	return cmp.Or(cmp.Compare(a.feature, b.feature), cmp.Compare(a.key, b.key))
}

// cut is that of a split.
func (n *edgeNode) cut() cut {
	return cut{int32(uint8(n.split)) / 2, int32(n.split>>keyShift + math.MinInt32)}
}

// defaultLeft tells where a split sends a missing value: see rowKeys.
func (n *edgeNode) defaultLeft() bool { return n.split&1 == 1 }

// newSlicedForest returns nil if the ensemble has more distinct splits than slots can name.
func newSlicedForest(edges *edgeForest, depth int) *slicedForest {
	var cuts []cut
	for i := range edges.nodes {
		if n := &edges.nodes[i]; !n.isLeaf() {
			cuts = append(cuts, n.cut())
		}
	}
	slices.SortFunc(cuts, compareCuts)
	cuts = slices.Compact(cuts)
	if 2*len(cuts) >= 1<<16 {
		return nil
	}
	depth = max(depth, slicedDepth)
	f := &slicedForest{
		depth:  depth,
		trees:  len(edges.roots),
		slots:  make([]uint16, len(edges.roots)*(1<<depth-1)),
		leaves: make([]float32, len(edges.roots)<<depth+leafWindow),
		words:  1 + 2*len(cuts),
	}
	for at := 0; at < len(cuts); {
		end := at + 1
		for end < len(cuts) && cuts[end].feature == cuts[at].feature {
			end++
		}
		s := newSlicedFeature(cuts[at:end], 1+2*at)
		f.features = append(f.features, s)
		f.buckets = max(f.buckets, len(s.tree)+1)
		at = end
	}
	for i, root := range edges.roots {
		f.place(edges.nodes, cuts, i, root, 0, 0)
	}
	f.pool.New = func() any {
		return &block{words: make([]uint64, f.words), buckets: make([]uint64, f.buckets)}
	}
	return f
}

// newSlicedFeature returns the feature that has the given cuts, in order, and the words from first on.
func newSlicedFeature(cuts []cut, first int) slicedFeature {
	s := slicedFeature{
		column: int(cuts[0].feature),
		steps:  bits.Len(uint(len(cuts))),
		count:  len(cuts),
		first:  first,
	}
	s.tree = make([]int32, 1<<s.steps)
	var fill func(i int) // the subtree at i, in order
	fill = func(i int) {
		if i >= len(s.tree) {
			return
		}
		fill(2 * i)
		s.tree[i] = alwaysLeft
		if len(cuts) > 0 {
			s.tree[i] = cuts[0].key - 1
			cuts = cuts[1:]
		}
		fill(2*i + 1)
	}
	fill(1)
	return s
}

// place copies the subtree at node to index j of a level of a tree. A leaf above the last level is repeated
// on all leaves below it.
func (f *slicedForest) place(nodes []edgeNode, cuts []cut, tree int, node int32, level, j int) {
	n := &nodes[node]
	if n.isLeaf() {
		below, leaves := f.depth-level, f.leaves[tree<<f.depth:]
		for k := j << below; k < (j+1)<<below; k++ {
			leaves[k] = float32(n.value())
		}
		return
	}
	at, _ := slices.BinarySearchFunc(cuts, n.cut(), compareCuts)
	slot := 1 + 2*at
	if !n.defaultLeft() {
		slot++
	}
	f.slots[tree*(1<<f.depth-1)+(1<<level-1)+j] = uint16(slot)
	f.place(nodes, cuts, tree, n.child, level+1, 2*j)
	f.place(nodes, cuts, tree, n.child+1, level+1, 2*j+1)
}

// margins scores rows from the first on for as long as it is worth it, and returns how many it has scored.
func (f *slicedForest) margins(base float32, dst, rows []float32, columns int) int {
	if len(dst) < slicedMinRows {
		return 0
	}
	b := f.pool.Get().(*block)
	done := 0
	for len(dst)-done >= slicedMinRows {
		n := min(blockRows, len(dst)-done)
		for i := range f.features {
			b.rank(&f.features[i], rows[done*columns:], columns, n)
		}
		for i := range b.sums {
			b.sums[i] = base
		}
		b.addLeaves(f, n)
		copy(dst[done:done+n], b.sums[:])
		done += n
	}
	f.pool.Put(b)
	return done
}

// rank computes the words of one feature for n rows, at least lanes of them.
func (b *block) rank(s *slicedFeature, rows []float32, columns, n int) {
	size := uint(len(s.tree))
	buckets := b.buckets[:size+1]
	for r := 0; r < n; r += lanes {
		// The last rows may be ranked twice, which changes nothing.
		r := min(r, n-lanes)
		at := r*columns + s.column
		x0, x1, x2, x3 := rows[at], rows[at+columns], rows[at+2*columns], rows[at+3*columns]
		i0, i1, i2, i3 := s.search(int64(keyOf(x0)), int64(keyOf(x1)), int64(keyOf(x2)), int64(keyOf(x3)))
		bit := uint64(1) << r
		buckets[bucket(x0, i0, size)] |= bit
		buckets[bucket(x1, i1, size)] |= bit << 1
		buckets[bucket(x2, i2, size)] |= bit << 2
		buckets[bucket(x3, i3, size)] |= bit << 3
	}
	missing := buckets[size]
	buckets[size] = 0
	buckets[0] = 0
	words := b.words[s.first:][:2*s.count]
	// A row of rank k goes right at the k lowest thresholds.
	right := uint64(0)
	for k := s.count - 1; k >= 0; k-- {
		right |= buckets[k+1]
		buckets[k+1] = 0
		words[2*k] = right
		words[2*k+1] = right | missing
	}
}

// search descends for four keys side by side. Inlined, its variables would not fit the registers.
//
//go:noinline
func (s *slicedFeature) search(k0, k1, k2, k3 int64) (i0, i1, i2, i3 uint) {
	tree := s.tree
	i0, i1, i2, i3 = 1, 1, 1, 1
	for range s.steps {
		i0 = 2*i0 + below(tree[i0], k0)
		i1 = 2*i1 + below(tree[i1], k1)
		i2 = 2*i2 + below(tree[i2], k2)
		i3 = 2*i3 + below(tree[i3], k3)
	}
	return i0, i1, i2, i3
}

// below is 1 if a < key and 0 otherwise, without a jump.
func below(a int32, key int64) uint { return uint(uint64(int64(a)-key) >> 63) }

// bucket is the place of x, for which the search in a tree of the given size ended at i.
func bucket(x float32, i, size uint) uint {
	i -= size
	if x != x {
		i = size
	}
	return i
}

// addLeaves adds to sums the leaves that the first n rows reach, tree by tree.
func (b *block) addLeaves(f *slicedForest, n int) {
	words, slots, leaves := b.words, f.slots, f.leaves
	var planes [completeDepth]uint64
	for range f.trees {
		// Plane d tells what rows go right at depth d, wherever they are there: it is chosen, for each
		// row, among the words of the splits of that level. The planes above are the bits of the row's
		// place in the level, the first plane the highest.
		s := (*[1<<slicedDepth - 1]uint16)(slots)
		p0 := words[s[0]]
		p1 := choose(p0, words[s[1]], words[s[2]])
		p2 := choose(p1,
			choose(p0, words[s[3]], words[s[5]]),
			choose(p0, words[s[4]], words[s[6]]))
		p3 := choose(p2,
			choose(p1, choose(p0, words[s[7]], words[s[11]]), choose(p0, words[s[9]], words[s[13]])),
			choose(p1, choose(p0, words[s[8]], words[s[12]]), choose(p0, words[s[10]], words[s[14]])))
		slots = slots[len(s):]
		if f.depth > slicedDepth {
			planes[0], planes[1], planes[2], planes[3] = p0, p1, p2, p3
			for d := slicedDepth; d < f.depth; d++ {
				planes[d] = b.chooseAmong(slots[:1<<d], planes[:d])
				slots = slots[1<<d:]
			}
		}
		values := (*[leafWindow]float32)(leaves)
		leaves = leaves[1<<f.depth:]
		for r := 0; r < n; r += 8 {
			// One byte for each of eight rows: the leaf.
			leaf := spread[uint8(p0)]<<3 + spread[uint8(p1)]<<2 + spread[uint8(p2)]<<1 + spread[uint8(p3)]
			p0, p1, p2, p3 = p0>>8, p1>>8, p2>>8, p3>>8
			for _, p := range planes[slicedDepth:f.depth] {
				leaf = 2*leaf + spread[uint8(p>>r)]
			}
			sums := (*[8]float32)(b.sums[r:])
			sums[0] += values[uint8(leaf)]
			sums[1] += values[uint8(leaf>>8)]
			sums[2] += values[uint8(leaf>>16)]
			sums[3] += values[uint8(leaf>>24)]
			sums[4] += values[uint8(leaf>>32)]
			sums[5] += values[uint8(leaf>>40)]
			sums[6] += values[uint8(leaf>>48)]
			sums[7] += values[uint8(leaf>>56)]
		}
	}
}

// choose takes the bits of r where p is 1 and those of l elsewhere.
func choose(p, l, r uint64) uint64 { return l ^ (l^r)&p }

// chooseAmong picks, for each row, the word of the split that it meets at a level below planes.
func (b *block) chooseAmong(level []uint16, planes []uint64) uint64 {
	v := b.level[:len(level)/2]
	for i := range v {
		v[i] = choose(planes[0], b.words[level[i]], b.words[level[len(v)+i]])
	}
	for _, p := range planes[1:] {
		half := len(v) / 2
		for i := range half {
			v[i] = choose(p, v[i], v[half+i])
		}
		v = v[:half]
	}
	return v[0]
}

// spread moves bit i of a byte to the lowest bit of byte i of a word.
var spread = func() (t [256]uint64) {
	for b := range t {
		for i := range 8 {
			t[b] |= uint64(b>>i&1) << (8 * i)
		}
	}
	return t
}()
