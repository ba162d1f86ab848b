package memorystates

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// States keeps states in shards, each with its share of the bound and its own order of devices, so that
// devices do not wait for each other. It never waits for anything else: contexts are ignored.
type States struct {
	shards   []shard
	maxBytes int64
	closed   atomic.Bool
}

// shard is a part of the devices, chosen by the key.
type shard struct {
	mu        sync.Mutex
	entries   map[domain.Key]*entry
	newest    *entry // of a list through later and earlier
	oldest    *entry
	bytes     int64
	maxBytes  int64
	evictions int64
	// revision counts the stores of the whole shard, so that a device that was forgotten and came back
	// never gets a revision again that somebody may still hold.
	revision ports.Revision
}

type entry struct {
	key            domain.Key
	state          []byte
	revision       ports.Revision
	later, earlier *entry
}

var (
	_ ports.DeviceStates   = (*States)(nil)
	_ ports.CacheInspector = (*States)(nil)
	_ ports.Closer         = (*States)(nil)
)

const (
	// overhead is what an entry takes beside its state: itself and its share of the hash table.
	// TestOverheadIsWhatEntriesReallyTake measures it.
	overhead = 176
	// maxShards and leastShard keep shards so large that the oldest of one is old.
	maxShards  = 16
	leastShard = 2 << 20
)

// New returns an empty store.
func New(cfg Config) (*States, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	n := int64(1)
	for n < maxShards && cfg.MaxBytes/(2*n) >= leastShard {
		n *= 2
	}
	s := &States{shards: make([]shard, n), maxBytes: cfg.MaxBytes}
	for i := range s.shards {
		s.shards[i].entries, s.shards[i].maxBytes = map[domain.Key]*entry{}, cfg.MaxBytes/n
	}
	return s, nil
}

func (s *States) shard(k *domain.Key) *shard { return &s.shards[int(k.Sum[0])%len(s.shards)] }

// Load implements ports.DeviceStates.
func (s *States) Load(_ context.Context, k domain.Key, dst []byte) ([]byte, ports.Revision, bool, error) {
	if s.closed.Load() {
		return dst, ports.NoRevision, false, closed("load")
	}
	sh := s.shard(&k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e, ok := sh.entries[k]
	if !ok {
		return dst, ports.NoRevision, false, nil
	}
	return append(dst, e.state...), e.revision, true, nil
}

// Store implements ports.DeviceStates. A state larger than the whole store is forgotten at once.
func (s *States) Store(_ context.Context, k domain.Key, state []byte, at ports.Revision) (bool, error) {
	if s.closed.Load() {
		return false, closed("store")
	}
	sh := s.shard(&k)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e, ok := sh.entries[k]
	switch {
	case !ok && at != ports.NoRevision, ok && e.revision != at:
		return false, nil
	case ok:
		sh.unlink(e)
	default:
		e = &entry{key: k}
		sh.entries[k] = e
		sh.bytes += overhead
	}
	sh.link(e)
	sh.bytes -= int64(cap(e.state))
	if cap(e.state) < len(state) {
		e.state = nil // append then takes no more than it needs
	}
	e.state = append(e.state[:0], state...)
	sh.bytes += int64(cap(e.state))
	sh.revision++
	e.revision = sh.revision
	sh.shrink()
	return true, nil
}

// shrink forgets the devices that were silent longest until the bound holds.
func (sh *shard) shrink() {
	for sh.bytes > sh.maxBytes {
		e := sh.oldest
		sh.unlink(e)
		delete(sh.entries, e.key)
		sh.bytes -= overhead + int64(cap(e.state))
		sh.evictions++
	}
}

// link makes e the newest.
func (sh *shard) link(e *entry) {
	e.earlier, e.later = sh.newest, nil
	if sh.newest != nil {
		sh.newest.later = e
	} else {
		sh.oldest = e
	}
	sh.newest = e
}

func (sh *shard) unlink(e *entry) {
	if e.later != nil {
		e.later.earlier = e.earlier
	} else {
		sh.newest = e.earlier
	}
	if e.earlier != nil {
		e.earlier.later = e.later
	} else {
		sh.oldest = e.later
	}
}

// Tiers implements ports.CacheInspector.
func (s *States) Tiers(context.Context) []ports.CacheTier {
	tier := ports.CacheTier{Name: "memory", MaxBytes: s.maxBytes}
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		tier.Entries += int64(len(sh.entries))
		tier.Bytes += sh.bytes
		tier.Evictions += sh.evictions
		sh.mu.Unlock()
	}
	return []ports.CacheTier{tier}
}

// Close implements ports.Closer.
func (s *States) Close() error {
	s.closed.Store(true)
	return nil
}

func closed(op string) error {
	return &domain.Error{Kind: domain.KindUnavailable, Op: "memorystates." + op, Msg: "the states of devices are closed"}
}
