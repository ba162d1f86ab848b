package domain

import (
	"iter"
	"strings"
)

// maxNameLength bounds the names that NearestName looks at: a longer one is no typing error, and the
// comparison is quadratic.
const maxNameLength = 128

// NearestName returns the known name that somebody who wrote name most likely meant, empty when none
// is near. Case and separators do not count, and a beginning ("lat") is as near as one typing error.
func NearestName(name string, known iter.Seq[string]) string {
	if name == "" || len(name) > maxNameLength {
		return ""
	}
	folded := foldName(name)
	best, bestDistance := "", max(2, len(folded)/3)+1
	for k := range known {
		candidate := foldName(k)
		distance := editDistance(folded, candidate)
		if len(folded) >= 3 && strings.HasPrefix(candidate, folded) {
			distance = min(distance, 1)
		}
		if distance < bestDistance {
			best, bestDistance = k, distance
		}
	}
	return best
}

var nameSeparators = strings.NewReplacer("_", "", "-", "", " ", "", ".", "")

func foldName(name string) string { return nameSeparators.Replace(strings.ToLower(name)) }

// editDistance returns the number of bytes to insert, delete or replace, or of neighbours to swap, to
// turn a into b (Damerau's distance restricted to adjacent swaps).
func editDistance(a, b string) int {
	previous, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next[j+1] = min(row[j]+cost, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], previous[j-1]+1)
			}
		}
		previous, row, next = row, next, previous
	}
	return row[len(b)]
}
