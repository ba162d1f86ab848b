// Package heap is the priority queue of the searches of the domain.
package heap

import "cmp"

// Heap is a binary heap, the smallest key first. Entries are never changed: who finds a better key pushes again, and
// drops what is stale when it comes up. Of equal keys, the order depends on what was pushed and popped before, and on
// nothing else. The zero value is empty.
type Heap[K cmp.Ordered, V any] []Entry[K, V]

// Entry is what waits for its turn.
type Entry[K cmp.Ordered, V any] struct {
	Key   K
	Value V
}

// Push adds an entry.
func (h *Heap[K, V]) Push(key K, value V) {
	items := append(*h, Entry[K, V]{})
	i := len(items) - 1
	for i > 0 {
		up := (i - 1) / 2
		if items[up].Key <= key {
			break
		}
		items[i] = items[up]
		i = up
	}
	items[i] = Entry[K, V]{key, value}
	*h = items
}

// Pop takes an entry with the smallest key. The heap must not be empty.
func (h *Heap[K, V]) Pop() (K, V) {
	items := *h
	top, last := items[0], items[len(items)-1]
	items = items[:len(items)-1]
	*h = items
	if len(items) == 0 {
		return top.Key, top.Value
	}
	i := 0
	for {
		down := 2*i + 1
		if down >= len(items) {
			break
		}
		if down+1 < len(items) && items[down+1].Key < items[down].Key {
			down++
		}
		if last.Key <= items[down].Key {
			break
		}
		items[i] = items[down]
		i = down
	}
	items[i] = last
	return top.Key, top.Value
}
