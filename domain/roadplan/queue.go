package roadplan

// waiting is a node that a search has reached.
type waiting struct {
	seconds float64
	node    int32
}

// queue is a binary heap of waiting nodes, the earliest first.
type queue []waiting

func (q *queue) push(w waiting) {
	*q = append(*q, w)
	h := *q
	for i := len(h) - 1; i > 0; {
		above := (i - 1) / 2
		if h[above].seconds <= h[i].seconds {
			break
		}
		h[above], h[i] = h[i], h[above]
		i = above
	}
}

func (q *queue) pop() waiting {
	h := *q
	top := h[0]
	h[0] = h[len(h)-1]
	h = h[:len(h)-1]
	*q = h
	for i := 0; ; {
		least := i
		for _, below := range [...]int{2*i + 1, 2*i + 2} {
			if below < len(h) && h[below].seconds < h[least].seconds {
				least = below
			}
		}
		if least == i {
			return top
		}
		h[least], h[i] = h[i], h[least]
		i = least
	}
}
