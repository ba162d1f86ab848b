package trees

import "math"

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

// A split is one int64: its threshold's key, shifted left by keyShift, plus the column of rowKeys that it
// reads. The keys in rowKeys are shifted alike and have all lower bits set. Their difference is then
// negative if and only if key >= threshold, and cannot overflow.
const (
	keyShift = 31
	keyFill  = 1<<keyShift - 1
)

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
		k[uint8(2*f)] = int64(whenRight)<<keyShift | keyFill
		k[uint8(2*f+1)] = int64(whenLeft)<<keyShift | keyFill
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
func (n *Node) split() int64 { return int64(keyOf(n.Threshold))<<keyShift | int64(n.column()) }

// leftSplit is a split that sends every row left.
const leftSplit int64 = alwaysLeft << keyShift
