package quickest

import (
	"math/bits"
	"slices"
)

// row is a function from steps to units, almost everywhere zero: how many units enter one edge, or wait at
// one node, at each step. Beside the units it keeps two sets of steps as bits, those in use and those that
// are full, because the searches only ever ask for the next or the previous step of one kind.
type row struct {
	base  int // of units[0]; a multiple of 64
	units []int32
	used  []uint64 // units > 0
	full  []uint64 // units == limit; nil where there is no limit
}

// noStep says that there is no such step.
const noStep = -1

func (r *row) at(t int) int32 {
	if i := t - r.base; i >= 0 && i < len(r.units) {
		return r.units[i]
	}
	return 0
}

// add changes the units of step t by delta; limit is the capacity, or 0 for none.
func (r *row) add(t int, delta, limit int32) {
	r.cover(t)
	i := t - r.base
	r.units[i] += delta
	mark(r.used, i, r.units[i] > 0)
	if limit > 0 {
		if r.full == nil {
			r.full = make([]uint64, len(r.used))
		}
		mark(r.full, i, r.units[i] == limit)
	}
}

// addAll changes the units of the steps from t up to but not including till by delta, where there is no limit.
func (r *row) addAll(t, till int, delta int32) {
	r.cover(t)
	r.cover(till - 1)
	for i, end := t-r.base, till-r.base; i < end; {
		stop := min(end, (i|63)+1)
		units := r.units[i:stop]
		whole := ^uint64(0) >> (64 - len(units)) // all of them
		word := whole                            // those in use
		for k := range units {
			units[k] += delta
			if units[k] == 0 {
				word &^= 1 << k
			}
		}
		r.used[i>>6] = r.used[i>>6]&^(whole<<(i&63)) | word<<(i&63)
		i = stop
	}
}

// least returns the fewest units of the steps from t up to but not including till.
func (r *row) least(t, till int) int32 {
	if t < r.base || till > r.base+len(r.units) {
		return 0
	}
	return slices.Min(r.units[t-r.base : till-r.base])
}

func mark(set []uint64, i int, on bool) {
	bit := uint64(1) << (i & 63)
	if on {
		set[i>>6] |= bit
	} else {
		set[i>>6] &^= bit
	}
}

func (r *row) clone() row {
	return row{r.base, slices.Clone(r.units), slices.Clone(r.used), slices.Clone(r.full)}
}

// cover makes room for step t.
func (r *row) cover(t int) {
	switch {
	case len(r.units) == 0:
		r.base = t &^ 63
		r.units, r.used = make([]int32, 64), make([]uint64, 1)
	case t < r.base:
		shift := (r.base - t + 63) &^ 63
		r.base -= shift
		r.units = append(make([]int32, shift, shift+len(r.units)), r.units...)
		r.used = append(make([]uint64, shift>>6), r.used...)
		if r.full != nil {
			r.full = append(make([]uint64, shift>>6), r.full...)
		}
	case t >= r.base+len(r.units):
		more := max((t-r.base-len(r.units)+64)&^63, len(r.units)/2&^63)
		r.units = append(r.units, make([]int32, more)...)
		r.used = append(r.used, make([]uint64, more>>6)...)
		if r.full != nil {
			r.full = append(r.full, make([]uint64, more>>6)...)
		}
	}
}

// nextFree returns the first step from t on that is not full.
func (r *row) nextFree(t int) int { return r.next(r.full, t, 0) }

// prevFree returns the last step up to t that is not full; it is negative where there is none.
func (r *row) prevFree(t int) int { return r.prev(r.full, t, 0) }

// nextIdle returns the first step from t on that is not in use.
func (r *row) nextIdle(t int) int { return r.next(r.used, t, 0) }

// prevIdle returns the last step up to t that is not in use; it may be negative.
func (r *row) prevIdle(t int) int { return r.prev(r.used, t, 0) }

// nextUsed returns the first step from t on that is in use, or noStep.
func (r *row) nextUsed(t int) int {
	if len(r.used) == 0 {
		return noStep
	}
	if s := r.next(r.used, max(t, r.base), ^uint64(0)); s < r.base+len(r.units) {
		return s
	}
	return noStep
}

// prevUsed returns the last step up to t that is in use, or noStep.
func (r *row) prevUsed(t int) int {
	if len(r.used) == 0 {
		return noStep
	}
	if s := r.prev(r.used, min(t, r.base+len(r.units)-1), ^uint64(0)); s >= r.base {
		return s
	}
	return noStep
}

// firstUsed returns the first step in use, or noStep.
func (r *row) firstUsed() int { return r.nextUsed(0) }

// lastUsed returns the last step in use, or noStep.
func (r *row) lastUsed() int { return r.prevUsed(r.base + len(r.units) - 1) }

// next returns the first step from t on whose bit differs from those of skip^all ones: with invert 0 the
// first clear bit, with all ones the first set bit. Beyond the set every bit is taken for what is sought.
func (r *row) next(set []uint64, t int, invert uint64) int {
	i := t - r.base
	if i < 0 || i>>6 >= len(set) {
		return t
	}
	w := i >> 6
	word := (set[w] ^ invert) | (1<<(i&63) - 1)
	for word == ^uint64(0) {
		if w++; w == len(set) {
			return r.base + w<<6
		}
		word = set[w] ^ invert
	}
	return r.base + w<<6 + bits.TrailingZeros64(^word)
}

// prev is next towards the past.
func (r *row) prev(set []uint64, t int, invert uint64) int {
	i := t - r.base
	if i < 0 || i>>6 >= len(set) {
		return t
	}
	w := i >> 6
	word := (set[w] ^ invert) | ^(^uint64(0) >> (63 - i&63))
	for word == ^uint64(0) {
		if w--; w < 0 {
			return r.base - 1
		}
		word = set[w] ^ invert
	}
	return r.base + w<<6 + 63 - bits.LeadingZeros64(^word)
}
