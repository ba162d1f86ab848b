package trees

const (
	// completeDepth is the deepest tree that is padded to a complete one, of 2^8 leaves.
	completeDepth = 8
	// lanes is the number of trees that descend side by side. Each step waits for two loads, one after
	// the other; four steps at a time keep the processor busy and still fit its registers.
	lanes = 4
)

// completeForest stores complete trees of equal depth level by level, all trees in one slice per level:
// first all roots, then all nodes at depth one, and so on. Node j of a level has its children at 2j and
// 2j+1 of the next, whichever tree it belongs to.
type completeForest struct {
	trees  int       // a multiple of lanes; padding trees are one leaf of zero
	levels [][]int64 // splits
	leaves []float32
}

func newCompleteForest(trees []Tree, depth int) *completeForest {
	padded := (len(trees) + lanes - 1) / lanes * lanes
	f := &completeForest{
		trees:  padded,
		levels: make([][]int64, depth),
		leaves: make([]float32, padded<<depth),
	}
	for d := range f.levels {
		f.levels[d] = make([]int64, padded<<d)
		for j := range f.levels[d] {
			f.levels[d][j] = leftSplit
		}
	}
	for i := range trees {
		f.place(trees[i].Nodes, 0, 0, i)
	}
	return f
}

// place copies the subtree at node to index j of a level. A leaf above the last level is repeated on all
// leaves below it.
func (f *completeForest) place(nodes []Node, node int32, level, j int) {
	n := &nodes[node]
	if n.isLeaf() {
		below := len(f.levels) - level
		for k := j << below; k < (j+1)<<below; k++ {
			f.leaves[k] = n.Value
		}
		return
	}
	f.levels[level][j] = n.split()
	f.place(nodes, n.Left, level+1, 2*j)
	f.place(nodes, n.Right, level+1, 2*j+1)
}

// margin adds the leaves that a row reaches to m, in tree order.
func (f *completeForest) margin(m float32, keys *rowKeys) float32 {
	for t := uint(0); t < uint(f.trees); t += lanes {
		j0, j1, j2, j3 := t, t+1, t+2, t+3
		for _, splits := range f.levels {
			j0 = descend(j0, splits[j0], keys)
			j1 = descend(j1, splits[j1], keys)
			j2 = descend(j2, splits[j2], keys)
			j3 = descend(j3, splits[j3], keys)
		}
		m += f.leaves[j0]
		m += f.leaves[j1]
		m += f.leaves[j2]
		m += f.leaves[j3]
	}
	return m
}

func (f *completeForest) bytes() int {
	n := sliceBytes(f.leaves)
	for _, l := range f.levels {
		n += sliceBytes(l)
	}
	return n
}
