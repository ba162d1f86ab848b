package domain

// Level is a decision about risk, never a probability. The zero value is LevelUnknown: a level that
// nobody set must not read as "no risk".
type Level uint8

// The levels in increasing order of risk.
const (
	LevelUnknown Level = iota
	LevelVeryLow
	LevelLow
	LevelModerate
	LevelHigh
	LevelExtreme

	// NumLevels counts the levels, LevelUnknown included.
	NumLevels
)

var levelNames = [NumLevels]string{"unknown", "very_low", "low", "moderate", "high", "extreme"}

// String returns the contract's name of the level.
func (l Level) String() string {
	if l < NumLevels {
		return levelNames[l]
	}
	return levelNames[LevelUnknown]
}

// LevelCounts counts answers by level.
type LevelCounts [NumLevels]uint64

// ParseLevel returns the level of a contract's name.
func ParseLevel(name string) (l Level, ok bool) {
	for l := range NumLevels {
		if levelNames[l] == name {
			return l, true
		}
	}
	return LevelUnknown, false
}

// LevelNames yields the contract's names in increasing order of risk.
func LevelNames(yield func(string) bool) {
	for _, name := range levelNames {
		if !yield(name) {
			return
		}
	}
}
