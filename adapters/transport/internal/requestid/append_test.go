package requestid

import (
	"encoding/hex"
	"testing"
)

func TestIDsAreHexAndRare(t *testing.T) {
	const before = "id "
	seen := map[string]bool{}
	for range 1000 {
		id := string(Append([]byte(before))[len(before):])
		if _, err := hex.DecodeString(id); err != nil || len(id) != Len || seen[id] {
			t.Fatalf("%q: %v, seen before: %t", id, err, seen[id])
		}
		seen[id] = true
	}
}
