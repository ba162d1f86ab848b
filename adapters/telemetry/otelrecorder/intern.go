package otelrecorder

import (
	"maps"
	"sync"
	"sync/atomic"
)

// intern keeps one value a key, made when the key is first seen, for a bounded number of keys.
// Reading takes no lock and allocates nothing: the map is replaced, never changed.
type intern[K comparable, V any] struct {
	limit int
	other K          // stands for every key beyond the limit
	own   func(K) K  // copies a key, which may lie in a buffer that is used again
	value func(K) *V // makes the value of a key
	known atomic.Pointer[map[K]*V]
	mu    sync.Mutex
}

func (in *intern[K, V]) get(k K) *V {
	if known := in.known.Load(); known != nil {
		if v, ok := (*known)[k]; ok {
			return v
		}
		if len(*known) > in.limit { // the other is among them
			return (*known)[in.other]
		}
	}
	return in.add(k)
}

func (in *intern[K, V]) add(k K) *V {
	in.mu.Lock()
	defer in.mu.Unlock()
	next := make(map[K]*V)
	if known := in.known.Load(); known != nil {
		if v, ok := (*known)[k]; ok {
			return v
		}
		if len(*known) > in.limit {
			return (*known)[in.other]
		}
		next = maps.Clone(*known)
	}
	if len(next) == in.limit {
		k = in.other
	} else {
		k = in.own(k)
	}
	v := in.value(k)
	next[k] = v
	in.known.Store(&next)
	return v
}
