package roads

// queued is a junction that waits for its turn.
type queued struct {
	key      float64
	junction uint32
}

// heap is a priority queue with four children a node, smallest key first.
type heap []queued

const heapChildren = 4

func (h *heap) push(q queued) {
	*h = append(*h, q)
	items := *h
	i := len(items) - 1
	for i > 0 {
		parent := (i - 1) / heapChildren
		if items[parent].key <= q.key {
			break
		}
		items[i] = items[parent]
		i = parent
	}
	items[i] = q
}

func (h *heap) pop() queued {
	items := *h
	top, last := items[0], items[len(items)-1]
	items = items[:len(items)-1]
	*h = items
	for i := 0; len(items) > 0; {
		first := heapChildren*i + 1
		if first >= len(items) {
			items[i] = last
			break
		}
		least := first
		for j := first + 1; j < min(first+heapChildren, len(items)); j++ {
			if items[j].key < items[least].key {
				least = j
			}
		}
		if items[least].key >= last.key {
			items[i] = last
			break
		}
		items[i] = items[least]
		i = least
	}
	return top
}
