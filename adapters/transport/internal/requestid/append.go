// Package requestid makes the ids of requests that came without one.
package requestid

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// Len is the length of an id in bytes.
const Len = 32

// Append appends 128 random bits in hex. They only have to be rare, not secret.
func Append(b []byte) []byte {
	var bits [Len / 2]byte
	binary.NativeEndian.PutUint64(bits[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(bits[8:], rand.Uint64())
	return hex.AppendEncode(b, bits[:])
}
