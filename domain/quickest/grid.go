package quickest

import "math/bits"

// grid is a table of units by row and step, almost everywhere zero. A row is an edge, a node, a source or a sink; it
// has the steps from its base on that can matter for it. Steps come in blocks of 64: a block is made when the first
// unit comes into it, and one word says at which of its steps there are units.
type grid struct {
	base   []int32      // by row: the step of its first place
	first  []int32      // by row: its first block; one more than there are rows
	used   []uint64     // by block: the steps with units
	blocks []*[64]int32 // by block; nil where there never were units
	spare  [][64]int32  // blocks that are not in use yet
}

// noStep says that there is no such step.
const noStep = -1

// span is the steps that can matter for a row, from and including both; none where the last is before the first.
type span struct{ first, last int }

// newGrid returns a table with a row for each span.
func newGrid(rows int, at func(row int) span) grid {
	g := grid{base: make([]int32, rows), first: make([]int32, rows+1)}
	for r := range rows {
		s, blocks := at(r), 0
		if s.last >= s.first {
			blocks = (s.last-s.first)>>6 + 1
		}
		g.base[r], g.first[r+1] = int32(s.first), g.first[r]+int32(blocks)
	}
	n := g.first[rows]
	g.used, g.blocks = make([]uint64, n), make([]*[64]int32, n)
	return g
}

// widened returns the table with rows for other spans, which begin where those of g do and end no earlier. g must
// not be used again.
func (g *grid) widened(at func(row int) span) grid {
	wide := newGrid(len(g.base), at)
	wide.spare = g.spare
	for r := range int32(len(g.base)) {
		if n := g.first[r+1] - g.first[r]; n > 0 {
			copy(wide.used[wide.first[r]:], g.used[g.first[r]:][:n])
			copy(wide.blocks[wide.first[r]:], g.blocks[g.first[r]:][:n])
		}
	}
	return wide
}

// place returns the block of a step and the step's place in it. The step must be one of the row's.
func (g *grid) place(row int32, t int) (block, at int) {
	i := t - int(g.base[row])
	return int(g.first[row]) + i>>6, i & 63
}

// at returns the units of a row at a step; none at steps that the row does not have.
func (g *grid) at(row int32, t int) int32 {
	block, at := g.place(row, t)
	if t < int(g.base[row]) || block >= int(g.first[row+1]) || g.blocks[block] == nil {
		return 0
	}
	return g.blocks[block][at]
}

// add changes the units of a row at a step, and returns them.
func (g *grid) add(row int32, t int, units int32) int32 {
	block, at := g.place(row, t)
	b := g.blocks[block]
	if b == nil {
		b = g.block()
		g.blocks[block] = b
	}
	b[at] += units
	if b[at] == 0 {
		g.used[block] &^= 1 << at
	} else {
		g.used[block] |= 1 << at
	}
	return b[at]
}

// blocksAtOnce is how many blocks are made together.
const blocksAtOnce = 256

func (g *grid) block() *[64]int32 {
	if len(g.spare) == 0 {
		g.spare = make([][64]int32, min(blocksAtOnce, len(g.blocks)))
	}
	b := &g.spare[0]
	g.spare = g.spare[1:]
	return b
}

// addAll changes the units of a row at the steps from t up to but not including till.
func (g *grid) addAll(row int32, t, till int, units int32) {
	for ; t < till; t++ {
		g.add(row, t, units)
	}
}

// least returns the fewest units of a row at the steps from t up to but not including till.
func (g *grid) least(row int32, t, till int) int32 {
	least := int32(Unlimited)
	for ; t < till && least > 0; t++ {
		least = min(least, g.at(row, t))
	}
	return least
}

// words returns the words of a row in a set of steps that has the form of used.
func (g *grid) words(set []uint64, row int32) []uint64 { return set[g.first[row]:g.first[row+1]] }

func (g *grid) nextUsed(row int32, t int) int {
	base := int(g.base[row])
	return nextSet(g.words(g.used, row), max(t-base, 0), base)
}

func (g *grid) prevUsed(row int32, t int) int {
	base := int(g.base[row])
	return prevSet(g.words(g.used, row), t-base, base)
}

// nextIdle returns the first step from t on without units; it may be one after the row's last.
func (g *grid) nextIdle(row int32, t int) int {
	base := int(g.base[row])
	if t < base {
		return t
	}
	return base + nextClear(g.words(g.used, row), t-base)
}

// prevIdle returns the last step up to t without units; it may be one before the row's first.
func (g *grid) prevIdle(row int32, t int) int {
	base := int(g.base[row])
	if t < base {
		return t
	}
	return base + prevClear(g.words(g.used, row), t-base)
}

// nextSet returns base and the first place from i on that is in the set, or noStep.
func nextSet(set []uint64, i, base int) int {
	w := i >> 6
	if w >= len(set) {
		return noStep
	}
	word := set[w] >> (i & 63) << (i & 63)
	for word == 0 {
		if w++; w == len(set) {
			return noStep
		}
		word = set[w]
	}
	return base + w<<6 + bits.TrailingZeros64(word)
}

// prevSet returns base and the last place up to i that is in the set, or noStep.
func prevSet(set []uint64, i, base int) int {
	if i < 0 || len(set) == 0 {
		return noStep
	}
	if i>>6 >= len(set) {
		i = len(set)<<6 - 1
	}
	w := i >> 6
	word := set[w] & (^uint64(0) >> (63 - i&63))
	for word == 0 {
		if w--; w < 0 {
			return noStep
		}
		word = set[w]
	}
	return base + w<<6 + 63 - bits.LeadingZeros64(word)
}

// nextClear returns the first place from i on that is not in the set; it may be beyond it.
func nextClear(set []uint64, i int) int {
	w := i >> 6
	if w >= len(set) {
		return i
	}
	word := ^set[w] >> (i & 63) << (i & 63)
	for word == 0 {
		if w++; w == len(set) {
			return w << 6
		}
		word = ^set[w]
	}
	return w<<6 + bits.TrailingZeros64(word)
}

// prevClear returns the last place up to i that is not in the set, or noStep.
func prevClear(set []uint64, i int) int {
	if i < 0 || i>>6 >= len(set) {
		return i
	}
	w := i >> 6
	word := ^set[w] & (^uint64(0) >> (63 - i&63))
	for word == 0 {
		if w--; w < 0 {
			return noStep
		}
		word = ^set[w]
	}
	return w<<6 + 63 - bits.LeadingZeros64(word)
}
