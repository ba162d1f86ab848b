package ports

import (
	"context"

	"github.com/guardy-ai/guardy/domain"
)

// DeviceStates keeps what the anomaly detector remembers of devices between their readings. A state that is
// lost costs the device a cold start, never an answer. The state is opaque here, as an answer is to an
// AnswerCache. Implementations are safe for concurrent use and do not retain or alias what they are given
// or give out. They bound what they keep and forget the devices that were silent longest.
type DeviceStates interface {
	// Load appends the state kept under k to dst and returns it with its revision. ok is false when nothing
	// is kept that can be used; the revision is then the one to replace, NoRevision where there is
	// nothing at all. An error means that the store could not be asked; with a revision, a state can be kept
	// nevertheless.
	Load(ctx context.Context, k domain.Key, dst []byte) (state []byte, at Revision, ok bool, err error)
	// Store keeps state under k if what is kept there is still at the revision that Load gave, so that of two
	// writers, in this process or another, the second finds out. stored is false, without an error, when
	// it is not: load, step and store again.
	Store(ctx context.Context, k domain.Key, state []byte, at Revision) (stored bool, err error)
}

// Revision tells the successive states of one device apart.
type Revision uint64

// NoRevision is the revision of a device of which nothing is kept.
const NoRevision Revision = 0
