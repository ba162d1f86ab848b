package domain

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"time"
)

// Key identifies an answer: the model, and a digest over the model's identity, the feature schema
// and the canonical input. A new model therefore invalidates by construction, and two different
// canonical inputs never share an answer (the digest is SHA-256 cut to 128 bits: inputs are chosen
// by strangers, so a faster hash without collision resistance will not do).
type Key struct {
	Model ModelName
	Sum   [16]byte
}

// AppendFloat appends the bits of a number of a canonical input, NaN as one bit pattern.
func AppendFloat(dst []byte, v float64) []byte {
	if v != v {
		v = math.NaN()
	}
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
}

// String returns the digest in hex, as it stands in an ETag.
func (k Key) String() string { return hex.EncodeToString(k.Sum[:]) }

// CacheOutcome says what the cache had to do with an answer.
type CacheOutcome uint8

// The outcomes of a lookup.
const (
	CacheNone   CacheOutcome = iota // no cache took part
	CacheMiss                       // asked, not there
	CacheHit                        // answered from the cache
	CacheBypass                     // the caller asked for a fresh answer
	CacheError                      // the cache could not be asked; the answer was computed

	// NumCacheOutcomes counts the outcomes.
	NumCacheOutcomes
)

var outcomeNames = [NumCacheOutcomes]string{"none", "miss", "hit", "bypass", "error"}

// String returns the name used in metrics.
func (o CacheOutcome) String() string {
	if o < NumCacheOutcomes {
		return outcomeNames[o]
	}
	return outcomeNames[CacheNone]
}

// Provenance says where an answer comes from. It travels beside the answer and is not part of it.
type Provenance struct {
	Key   Key
	Cache CacheOutcome
	// Age is how long ago the answer was computed; TTL how much longer a cache may serve it.
	Age, TTL time.Duration
	// Stored says that the cache took the answer when it was computed.
	Stored bool
}
