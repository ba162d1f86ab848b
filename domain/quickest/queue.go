package quickest

// queue is a binary heap of nodes, the smallest key first. Entries are never changed: who finds a better key
// pushes again, and the reader drops what is stale.
type queue []entry

type entry struct {
	key  int
	node int32
}

func (q *queue) push(key int, node int32) {
	h := append(*q, entry{})
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if h[up].key <= key {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = entry{key, node}
	*q = h
}

func (q *queue) pop() (key int, node int32) {
	h := *q
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	*q = h
	if len(h) == 0 {
		return top.key, top.node
	}
	i := 0
	for {
		down := 2*i + 1
		if down >= len(h) {
			break
		}
		if down+1 < len(h) && h[down+1].key < h[down].key {
			down++
		}
		if last.key <= h[down].key {
			break
		}
		h[i] = h[down]
		i = down
	}
	h[i] = last
	return top.key, top.node
}
