package trees

// walkForest stores trees of any shape for a walk from node to node.
type walkForest struct {
	nodes []walkNode
	roots []walkRoot
}

// walkNode is a split or a leaf. Children are neighbours, so that child + right is the way down. A leaf
// leads back to itself, which lets trees of different depth be walked in step.
type walkNode struct {
	split int64  // leftSplit for a leaf
	child uint32 // index of the left child in walkForest.nodes
	value float32
}

type walkRoot struct {
	node  uint32
	depth uint32
}

func newWalkForest(trees []Tree) *walkForest {
	total := 0
	for i := range trees {
		total += len(trees[i].Nodes)
	}
	f := &walkForest{
		nodes: make([]walkNode, 0, total),
		roots: make([]walkRoot, len(trees)),
	}
	for i := range trees {
		root := uint32(len(f.nodes))
		f.nodes = append(f.nodes, walkNode{})
		f.roots[i] = walkRoot{node: root, depth: f.place(trees[i].Nodes, 0, root)}
	}
	return f
}

// place stores the subtree at node into slot at and returns its depth.
func (f *walkForest) place(nodes []Node, node int32, at uint32) uint32 {
	n := &nodes[node]
	if n.isLeaf() {
		f.nodes[at] = walkNode{split: leftSplit, child: at, value: n.Value}
		return 0
	}
	child := uint32(len(f.nodes))
	f.nodes = append(f.nodes, walkNode{}, walkNode{})
	f.nodes[at] = walkNode{split: n.split(), child: child}
	return 1 + max(f.place(nodes, n.Left, child), f.place(nodes, n.Right, child+1))
}

// margin adds the leaves that a row reaches to m, in tree order. Four trees are walked side by side, as
// deep as the deepest of them.
func (f *walkForest) margin(m float32, keys *rowKeys) float32 {
	nodes := f.nodes
	roots := f.roots
	for ; len(roots) >= lanes; roots = roots[lanes:] {
		a, b, c, d := roots[0].node, roots[1].node, roots[2].node, roots[3].node
		for range max(roots[0].depth, roots[1].depth, roots[2].depth, roots[3].depth) {
			a, b, c, d = nodes[a].next(keys), nodes[b].next(keys), nodes[c].next(keys), nodes[d].next(keys)
		}
		m += nodes[a].value
		m += nodes[b].value
		m += nodes[c].value
		m += nodes[d].value
	}
	for _, r := range roots {
		at := r.node
		for range r.depth {
			at = nodes[at].next(keys)
		}
		m += nodes[at].value
	}
	return m
}

// walkRows is the number of rows that walk a tree before the next tree is read.
const walkRows = 2 * lanes

// margins scores rows from the first on, in whole blocks, and returns how many it has scored. A block walks
// tree by tree: what a row fetches of a tree is then near for the other rows.
func (f *walkForest) margins(base float32, dst, rows []float32, columns int) int {
	var keys [walkRows]rowKeys
	nodes := f.nodes
	done := 0
	for ; len(dst)-done >= walkRows; done += walkRows {
		sums := (*[walkRows]float32)(dst[done:])
		for i := range keys {
			keys[i].fill(rows[(done+i)*columns:][:columns])
			sums[i] = base
		}
		for _, r := range f.roots {
			for i := 0; i < walkRows; i += lanes {
				k := (*[lanes]rowKeys)(keys[i:])
				a, b, c, d := r.node, r.node, r.node, r.node
				for range r.depth {
					a, b, c, d = nodes[a].next(&k[0]), nodes[b].next(&k[1]), nodes[c].next(&k[2]), nodes[d].next(&k[3])
				}
				s := (*[lanes]float32)(sums[i:])
				s[0] += nodes[a].value
				s[1] += nodes[b].value
				s[2] += nodes[c].value
				s[3] += nodes[d].value
			}
		}
	}
	return done
}

func (n *walkNode) next(keys *rowKeys) uint32 { return n.child + uint32(right(n.split, keys)) }

func (f *walkForest) bytes() int { return sliceBytes(f.nodes) + sliceBytes(f.roots) }
