package ports

import (
	"context"
	"log/slog"
	"net/netip"
	"time"
)

// Scope is what a key opens.
type Scope uint8

// The scopes. ScopeNone is open to everybody.
const (
	ScopeNone    Scope = iota
	ScopePredict       // predictions, once a key with this scope exists
	ScopeAdmin         // what changes state, and what only operators should see
)

// String returns the name, as it stands in the file of keys.
func (s Scope) String() string {
	switch s {
	case ScopePredict:
		return "predict"
	case ScopeAdmin:
		return "admin"
	case ScopeNone:
	}
	return "none"
}

// Approach is how a request came, as its transport sees it.
type Approach interface {
	// PeerAddr is the address at the other end of the connection, which may be a proxy's.
	PeerAddr() netip.Addr
	// AuthorityName is the host that the request names, with its port.
	AuthorityName() string
	// OldHTTP tells whether the request came in HTTP/1.0, which proxies speak that add no headers.
	OldHTTP() bool
	// HeaderValue returns the values of a header, joined by commas; empty when there is none.
	HeaderValue(name string) string
}

// Caller is who asks, after its keys were looked at.
type Caller struct {
	// Name is that of the key; empty without a key. Owner is whose devices its readings are of, the name unless the
	// operator says otherwise; keys with one owner share what is known of devices, others do not.
	Name, Owner string
	// Client is the address that asks, or its network where one client may use all of it.
	Client netip.Prefix
	// Account tells the quotas of callers apart. Allowance is the quota.
	Account   string
	Allowance Allowance
}

// Allowance is a quota: so much cost in every window, all of it at once after a window of silence. The zero value is
// no bound.
type Allowance struct {
	Cost   int
	Window time.Duration
}

// Quota is what is left of an allowance.
type Quota struct {
	Allowance
	Left int
	// Reset is when more is there: one unit, or what was refused.
	Reset time.Duration
}

// Gatekeeper decides who may ask for what, and how much. Errors are *domain.Error.
type Gatekeeper interface {
	// Admit returns the caller, or an error of KindUnauthenticated or KindForbidden; the caller is told as far as it
	// is known in any case.
	Admit(a Approach, s Scope) (Caller, error)
	// Spend takes cost from the caller's quota and returns what is left. An error of KindExhausted takes nothing;
	// Reset says when to come again, and is zero when the cost is more than the whole quota. A cost of zero asks what
	// is left.
	Spend(ctx context.Context, c Caller, cost int) (Quota, error)
	// Forwards reports whether an address is that of a trusted proxy, behind which many clients stand.
	Forwards(addr netip.Addr) bool
	// Keyed reports whether there is a key with the scope.
	Keyed(s Scope) bool
	// Audit writes down what a caller did, or was refused.
	Audit(ctx context.Context, e AuditEntry)
}

// AuditEntry is one use of ScopeAdmin.
type AuditEntry struct {
	Transport string // "http", "connect", "admin"
	Caller    Caller
	Action    string // "reload", "clear_cache", "reset_statistics", "read"
	Target    string // a model, a page
	// Before and After describe the state that changed; empty where nothing did.
	Before, After string
	Err           error // why it was refused or failed
	RequestID     string
}

// LevelAudit is above every level that hides lines: what changes state is always written down.
const LevelAudit = slog.Level(12)

// CostOf is what a request costs of a quota.
const (
	CostPlace = 1   // a place, a reading, a sequence, and whatever is only read
	CostPlan  = 100 // an evacuation plan
)
