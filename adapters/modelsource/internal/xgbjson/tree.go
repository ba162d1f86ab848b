package xgbjson

import "github.com/guardy-ai/guardy/domain/trees"

// rawTree holds the arrays of one tree, one entry per node. It is reused from tree to tree.
type rawTree struct {
	left, right []int
	feature     []int
	// condition is the threshold of a split and the value of a leaf.
	condition   []float32
	cover       []float32
	defaultLeft []bool
	kind        []int // split_type; absent before 1.5
	numNodes    string
	numDeleted  string
	index       []int // scratch: new index of each node, -1 if it has not been reached
	order       []int // scratch: nodes in the order of their new indices
}

func (t *rawTree) reset() {
	t.left, t.right, t.feature = t.left[:0], t.right[:0], t.feature[:0]
	t.condition, t.cover = t.condition[:0], t.cover[:0]
	t.defaultLeft, t.kind = t.defaultLeft[:0], t.kind[:0]
	t.numNodes, t.numDeleted = "", ""
}

func (p *parser) readTree() (trees.Tree, error) {
	t := &p.tree
	t.reset()
	if err := p.object(p.treeMember); err != nil {
		return trees.Tree{}, err
	}
	return p.buildTree()
}

func (p *parser) treeMember(name string) error {
	t := &p.tree
	switch name {
	case "left_children":
		return p.integers(&t.left)
	case "right_children":
		return p.integers(&t.right)
	case "split_indices":
		return p.integers(&t.feature)
	case "split_type":
		return p.integers(&t.kind)
	case "split_conditions":
		return p.floats(&t.condition)
	case "sum_hessian":
		return p.floats(&t.cover)
	case "default_left":
		return p.flags(&t.defaultLeft)
	case "categories", "categories_nodes":
		return p.array(func(int) error { return p.refuse("categorical splits are not supported") })
	case "tree_param":
		return p.object(p.treeParam)
	}
	return p.dec.SkipValue()
}

func (p *parser) treeParam(name string) (err error) {
	switch name {
	case "num_nodes":
		p.tree.numNodes, err = p.scalar()
		return err
	case "num_deleted":
		p.tree.numDeleted, err = p.scalar()
		return err
	case "size_leaf_vector":
		v, err := p.scalar()
		if err == nil && v != "0" && v != "1" {
			err = p.refuse("%q values per leaf: only models of one output are supported", v)
		}
		return err
	}
	return p.dec.SkipValue()
}

// buildTree turns the arrays into a tree of the nodes that the root reaches.
func (p *parser) buildTree() (trees.Tree, error) {
	t := &p.tree
	n := len(t.left)
	for _, a := range [...]struct {
		name   string
		length int
	}{
		{"right_children", len(t.right)},
		{"split_indices", len(t.feature)},
		{"split_conditions", len(t.condition)},
		{"sum_hessian", len(t.cover)},
		{"default_left", len(t.defaultLeft)},
	} {
		if a.length != n {
			return trees.Tree{}, p.refuse("%s has %d entries, left_children %d", a.name, a.length, n)
		}
	}
	if len(t.kind) != 0 && len(t.kind) != n {
		return trees.Tree{}, p.refuse("split_type has %d entries, left_children %d", len(t.kind), n)
	}
	if n == 0 {
		return trees.Tree{}, p.refuse("a tree has no nodes")
	}
	if !sameCount(t.numNodes, n) {
		return trees.Tree{}, p.refuse("num_nodes is %q, but there are %d nodes", t.numNodes, n)
	}
	if p.nodes += n; p.nodes > p.limits.Nodes {
		return trees.Tree{}, p.refuse("more than %d nodes", p.limits.Nodes)
	}
	if err := p.reach(); err != nil {
		return trees.Tree{}, err
	}
	if deleted := n - len(t.order); !sameCount(t.numDeleted, deleted) {
		return trees.Tree{}, p.refuse("num_deleted is %q, but %d nodes are not reached from the root",
			t.numDeleted, deleted)
	}
	nodes := make([]trees.Node, len(t.order))
	for i, at := range t.order {
		nodes[i] = trees.Node{
			Left: trees.NoChild, Right: trees.NoChild,
			Cover: t.cover[at],
		}
		if t.left[at] < 0 {
			nodes[i].Value = t.condition[at]
			continue
		}
		nodes[i].Left = int32(t.index[t.left[at]])
		nodes[i].Right = int32(t.index[t.right[at]])
		nodes[i].Feature = int32(t.feature[at])
		nodes[i].Threshold = t.condition[at]
		nodes[i].DefaultLeft = t.defaultLeft[at]
	}
	return trees.Tree{Nodes: nodes}, nil
}

// reach numbers the nodes below the root level by level, and checks what trees.New could not tell any
// more: that indices are in range before they narrow, and that no node is reached twice.
func (p *parser) reach() error {
	t := &p.tree
	n := len(t.left)
	t.index, t.order = t.index[:0], append(t.order[:0], 0)
	for range n {
		t.index = append(t.index, -1)
	}
	t.index[0] = 0
	for next := 0; next < len(t.order); next++ {
		at := t.order[next]
		if t.left[at] == -1 && t.right[at] == -1 {
			continue
		}
		if len(t.kind) != 0 && t.kind[at] != 0 {
			return p.refuse("node %d: categorical splits are not supported", at)
		}
		if f := t.feature[at]; f < 0 || f >= trees.MaxFeatures {
			return p.refuse("node %d: feature %d is not in [0, %d)", at, f, trees.MaxFeatures)
		}
		for _, c := range [2]int{t.left[at], t.right[at]} {
			if c < 0 || c >= n {
				return p.refuse("node %d: child %d is not in [0, %d)", at, c, n)
			}
			if t.index[c] >= 0 {
				return p.refuse("node %d is reached twice", c)
			}
			t.index[c] = len(t.order)
			t.order = append(t.order, c)
		}
	}
	return nil
}
