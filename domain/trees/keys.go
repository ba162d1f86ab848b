package trees

import (
	"math"
	"math/bits"
)

// keyOf maps a float32 that is not NaN to an int32 of the same order: keyOf(a) < keyOf(b) if and only if
// a < b. Adding zero first makes both zeros one key.
func keyOf(x float32) int32 {
	b := int32(math.Float32bits(x + 0))
	return b ^ int32(uint32(b>>31)>>1)
}

// Keys that no number has: those of the infinities lie between them.
const (
	missingLeft  = math.MinInt32     // below every threshold
	missingRight = math.MaxInt32 - 1 // at or above every threshold
	alwaysLeft   = math.MaxInt32     // a threshold above every key, that of padding
)

// A split is one int64: its threshold's key, packed, plus the column of rowKeys that it reads. The keys in
// rowKeys are packed alike and have all lower bits set. Neither is negative then, and the split is the lesser
// if and only if key >= threshold.
const (
	keyShift = 31
	keyFill  = 1<<keyShift - 1
)

// packed moves a key above zero and makes room below it.
func packed(key int32) int64 { return (int64(key) - math.MinInt32) << keyShift }

// descend is 2*at + right(split, keys), in three instructions: the borrow of the subtraction is the carry of
// the addition.
func descend(at uint, split int64, keys *rowKeys) uint {
	_, right := bits.Sub64(uint64(split), uint64(keys[uint8(split)]), 0)
	next, _ := bits.Add64(uint64(at), uint64(at), right)
	return uint(next)
}

// right is 1 if the split sends the row right and 0 otherwise, without a jump.
func right(split int64, keys *rowKeys) uint {
	return uint(uint64(split-keys[uint8(split)]) >> 63)
}

// rowKeys holds the two keys of each feature of one row: in column 2f a missing value is missingRight, in
// column 2f+1 it is missingLeft. Its length makes every uint8 a valid index, which spares a bounds check.
type rowKeys [2 * MaxFeatures]int64

func (k *rowKeys) fill(row []float32) {
	for f, x := range row {
		key := keyOf(x)
		whenRight, whenLeft := key, key
		if x != x {
			whenRight, whenLeft = missingRight, missingLeft
		}
		k[uint8(2*f)] = packed(whenRight) | keyFill
		k[uint8(2*f+1)] = packed(whenLeft) | keyFill
	}
}

// column is the index in rowKeys that the split n reads.
func (n *Node) column() uint8 {
	c := uint8(2 * n.Feature)
	if n.DefaultLeft {
		c++
	}
	return c
}

// split packs the split n.
func (n *Node) split() int64 { return packed(keyOf(n.Threshold)) | int64(n.column()) }

// leftSplit is a split that sends every row left.
const leftSplit int64 = (alwaysLeft - math.MinInt32) << keyShift
