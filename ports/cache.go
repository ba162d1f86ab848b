package ports

import (
	"context"
	"errors"
	"time"

	"github.com/guardy-ai/guardy/domain"
)

// AnswerCache remembers encoded answers for a short time. It is an optimisation: losing it changes
// latency, never an answer. The value is opaque to the cache (docs/adr/0004 says why): the answer's
// own compact, checksummed encoding, so a cache neither knows the capabilities nor needs a change
// when one is added. Implementations are safe for concurrent use and do not retain or alias what
// they are given or give out.
type AnswerCache interface {
	// Get appends the value stored under k to dst and returns it with the time it may still be served.
	// ok is false when k is absent or expired. An error means that the cache could not be asked;
	// callers go on without it.
	Get(ctx context.Context, k domain.Key, dst []byte) (value []byte, ttl time.Duration, ok bool, err error)
	// Put stores value for at most ttl. A ttl of zero or less stores nothing. An error means that the
	// value may not be stored.
	Put(ctx context.Context, k domain.Key, value []byte, ttl time.Duration) error
	// Clear forgets every answer of one model, here and in every replica that shares the cache, and
	// returns how many entries were removed. Entries stored concurrently may survive.
	Clear(ctx context.Context, model domain.ModelName) (int, error)
}

// ErrKeptNear is in the error of a Put of which the nearest tier took the value and another did not.
var ErrKeptNear = errors.New("the value is kept in the process only")

// BatchAnswerCache is an optional ability of an AnswerCache: one round trip for many keys. GetMany and PutMany
// use it where it is there; wrappers forward it.
type BatchAnswerCache interface {
	AnswerCache
	// GetMany looks up keys[i] into out[i]; the slices have equal length.
	GetMany(ctx context.Context, keys []domain.Key, out []Lookup) error
	// PutMany stores values[i] under keys[i] for at most ttl.
	PutMany(ctx context.Context, keys []domain.Key, values [][]byte, ttl time.Duration) error
}

// Lookup is the result of one key of GetMany.
type Lookup struct {
	Value []byte
	TTL   time.Duration
	OK    bool
}

// GetMany looks up keys[i] in c into out[i], in one round trip where c can do that, else one by one up to the
// first error; the slices have equal length.
func GetMany(ctx context.Context, c AnswerCache, keys []domain.Key, out []Lookup) (err error) {
	if b, ok := c.(BatchAnswerCache); ok {
		return b.GetMany(ctx, keys, out)
	}
	for i, k := range keys {
		if out[i].Value, out[i].TTL, out[i].OK, err = c.Get(ctx, k, out[i].Value[:0]); err != nil {
			return err
		}
	}
	return nil
}

// PutMany stores values[i] under keys[i] in c for at most ttl, in one round trip where c can do that, else one
// by one, whatever becomes of the others.
func PutMany(ctx context.Context, c AnswerCache, keys []domain.Key, values [][]byte, ttl time.Duration) error {
	if b, ok := c.(BatchAnswerCache); ok {
		return b.PutMany(ctx, keys, values, ttl)
	}
	var errs []error
	for i, k := range keys {
		if err := c.Put(ctx, k, values[i], ttl); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// CacheInspector is an optional ability of an AnswerCache or of DeviceStates: figures for the operator.
type CacheInspector interface {
	// Tiers describes the cache, nearest tier first.
	Tiers(ctx context.Context) []CacheTier
}

// CacheTier is one store of a cache or of device states.
type CacheTier struct {
	Name      string // "memory", "redis"
	Entries   int64  // -1 when not known
	Bytes     int64  // -1 when not known
	MaxBytes  int64  // 0 when not bounded here
	Evictions int64
	Errors    int64
	// State of the connection: "ok", "open" (the breaker has stopped asking), "half_open". Empty for
	// a tier in the process.
	State string
	// Problem says why the store cannot be used as it should; empty when it can.
	Problem string
	// Refused counts values that were found and not taken, being damaged or somebody else's.
	Refused int64
	// Latency of recent round trips in seconds; zero for a tier in the process.
	LatencyMean, LatencyP95 float64
	// Decisions say for which models the tier is asked, where that depends on what it costs.
	Decisions []CacheDecision
}

// CacheDecision says whether a tier is asked for the answers of one model.
type CacheDecision struct {
	Model domain.ModelName
	Asked bool
	// Mean times of a computed answer and of a lookup when it was decided.
	Compute, Lookup time.Duration
}

// Closer is implemented by adapters that hold resources. After Close every method answers an error
// of KindUnavailable or, for a cache, a miss.
type Closer interface{ Close() error }
