// Package heldstates holds the states of devices in the process while the store that replicas share does not take
// them: a Redis that is a replica, full, without scripts, or not there. A device then goes on from what this replica
// has seen of it. With its first reading after the store takes states again its state goes back there. Where another
// replica has written meanwhile, or the store has an older state of which nothing was known, that one stays.
//
// What is held is lost with the process, and it is bounded: the devices that were silent longest are forgotten.
package heldstates

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Far is the store that replicas share.
type Far interface {
	ports.DeviceStates
	// Usable reports whether the store takes states, as far as is known.
	Usable() bool
}

// States is two stores that act as one. Revisions with the highest bit are near's; far makes none.
type States struct {
	far     Far
	near    ports.DeviceStates
	holding atomic.Bool // something was ever put into near
	closed  atomic.Bool
}

var (
	_ ports.DeviceStates   = (*States)(nil)
	_ ports.CacheInspector = (*States)(nil)
	_ ports.Closer         = (*States)(nil)
)

const (
	nearBit ports.Revision = 1 << 63
	// baseSize is what stands before a state in near: the revision in far that it replaces. An empty value is what
	// is left of a state that went back.
	baseSize = 8
)

// New returns the two as one, and owns them: Close closes both.
func New(far Far, near ports.DeviceStates) *States { return &States{far: far, near: near} }

// held is a state in near.
type held struct {
	value []byte // base and state; empty when nothing is held
	at    ports.Revision
}

func (h held) base() ports.Revision {
	if len(h.value) < baseSize {
		return ports.NoRevision
	}
	return ports.Revision(binary.LittleEndian.Uint64(h.value))
}

func (s *States) inNear(ctx context.Context, k domain.Key) (held, error) {
	if !s.holding.Load() {
		return held{}, nil
	}
	value, at, _, err := s.near.Load(ctx, k, nil)
	return held{value, at}, err
}

// Load implements ports.DeviceStates. An error with a revision says that the store cannot be asked, and that a state
// can be kept nevertheless.
func (s *States) Load(ctx context.Context, k domain.Key, dst []byte) ([]byte, ports.Revision, bool, error) {
	h, err := s.inNear(ctx, k)
	if err != nil {
		return dst, ports.NoRevision, false, err
	}
	if len(h.value) >= baseSize {
		return append(dst, h.value[baseSize:]...), h.at | nearBit, true, nil
	}
	state, at, ok, err := s.far.Load(ctx, k, dst)
	if err == nil || gaveUp(ctx, err) || s.closed.Load() {
		return state, at, ok, err
	}
	return state, h.at | nearBit, false, err
}

// Store implements ports.DeviceStates.
func (s *States) Store(ctx context.Context, k domain.Key, state []byte, at ports.Revision) (bool, error) {
	h, err := s.inNear(ctx, k)
	if err != nil {
		return false, err
	}
	if at&nearBit == 0 {
		stored, err := s.far.Store(ctx, k, state, at)
		if err == nil || gaveUp(ctx, err) || s.closed.Load() {
			return stored, err
		}
		if len(h.value) > 0 {
			return false, nil // another reading was held first
		}
		return s.hold(ctx, k, state, at, h.at)
	}
	if h.at != at&^nearBit {
		return false, nil
	}
	if s.far.Usable() {
		stored, err := s.far.Store(ctx, k, state, h.base())
		switch {
		case err == nil && len(h.value) > 0:
			_, forgotten := s.near.Store(ctx, k, nil, h.at)
			return stored, forgotten
		case err == nil, gaveUp(ctx, err):
			return stored, err
		}
	}
	return s.hold(ctx, k, state, h.base(), h.at)
}

func (s *States) hold(ctx context.Context, k domain.Key, state []byte, base, at ports.Revision) (bool, error) {
	s.holding.Store(true)
	value := binary.LittleEndian.AppendUint64(make([]byte, 0, baseSize+len(state)), uint64(base))
	return s.near.Store(ctx, k, append(value, state...), at)
}

// gaveUp reports whether the caller, not the store, is why a call failed.
func gaveUp(ctx context.Context, err error) bool {
	kind := domain.KindOf(err)
	return ctx.Err() != nil || kind == domain.KindCanceled || kind == domain.KindDeadline
}

// Tiers implements ports.CacheInspector: far's, and near's once something was held.
func (s *States) Tiers(ctx context.Context) []ports.CacheTier {
	stores := []ports.DeviceStates{s.far}
	if s.holding.Load() {
		stores = append(stores, s.near)
	}
	var tiers []ports.CacheTier
	for _, store := range stores {
		if i, ok := store.(ports.CacheInspector); ok {
			tiers = append(tiers, i.Tiers(ctx)...)
		}
	}
	return tiers
}

// Close implements ports.Closer.
func (s *States) Close() error {
	s.closed.Store(true)
	var errs []error
	for _, store := range []ports.DeviceStates{s.far, s.near} {
		if c, ok := store.(ports.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}
