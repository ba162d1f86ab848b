package devicestatestest

import (
	"context"
	"sync"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Fake is a map: it is never full, and fails or is interfered with when told to.
type Fake struct {
	mu      sync.Mutex
	entries map[domain.Key]fakeEntry
	last    ports.Revision
	err     error
	before  func()
}

type fakeEntry struct {
	state string
	at    ports.Revision
}

var (
	_ ports.DeviceStates = (*Fake)(nil)
	_ ports.Closer       = (*Fake)(nil)
)

// NewFake returns an empty Fake.
func NewFake() *Fake { return &Fake{entries: map[domain.Key]fakeEntry{}} }

// Fail makes every call answer err until it is called again with nil.
func (f *Fake) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// BeforeStore lets do run before every Store: it may be another writer, who comes first.
func (f *Fake) BeforeStore(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = do
}

// Len returns how many states are kept.
func (f *Fake) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.entries)
}

// Load implements ports.DeviceStates.
func (f *Fake) Load(ctx context.Context, k domain.Key, dst []byte) ([]byte, ports.Revision, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refuse(ctx); err != nil {
		return dst, ports.NoRevision, false, err
	}
	e, ok := f.entries[k]
	return append(dst, e.state...), e.at, ok, nil
}

// Store implements ports.DeviceStates.
func (f *Fake) Store(ctx context.Context, k domain.Key, state []byte, at ports.Revision) (bool, error) {
	f.mu.Lock()
	before := f.before
	f.mu.Unlock()
	if before != nil {
		before()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refuse(ctx); err != nil || f.entries[k].at != at {
		return false, err
	}
	f.last++
	f.entries[k] = fakeEntry{string(state), f.last}
	return true, nil
}

// Close implements ports.Closer.
func (f *Fake) Close() error {
	f.Fail(&domain.Error{Kind: domain.KindUnavailable, Op: "devicestatestest", Msg: "the store is closed"})
	return nil
}

func (f *Fake) refuse(ctx context.Context) error {
	if f.err != nil {
		return f.err
	}
	return ctx.Err()
}
