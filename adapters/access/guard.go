package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Config of the guard.
type Config struct {
	// KeysFile is the file of keys; empty for none. AdminKeys are keys with the scope admin, as they are.
	KeysFile  string
	AdminKeys []string
	// TrustedProxies are addresses and networks of proxies whose X-Forwarded-For is believed.
	TrustedProxies []string
	// Anonymous is the quota of a client without a key that has one of its own.
	Anonymous ports.Allowance
	// MaxClients bounds how many clients are remembered here.
	MaxClients int
	// Share is the part of a quota that this replica grants by itself while the shared quotas cannot be asked.
	Share float64
}

// Shared keeps quotas for all replicas.
type Shared interface {
	// Spend takes cost, or nothing when it is too much: then it returns false. debt is the time until the whole
	// allowance is there again.
	Spend(ctx context.Context, account string, a ports.Allowance, cost int) (debt time.Duration, ok bool, err error)
}

// Guard implements ports.Gatekeeper.
type Guard struct {
	cfg     Config
	proxies []netip.Prefix
	admins  map[digest]*key
	keys    atomic.Pointer[keys]
	text    []byte // of the file, as it was read last
	failed  string // why the file could not be taken, as it was said last

	local  *local
	shared Shared // nil without
	log    *slog.Logger
	now    func() time.Time

	cancel context.CancelFunc
	done   chan struct{}
}

// keys are all that are known at a time.
type keys struct {
	byDigest       map[digest]*key
	predict, admin bool // whether there is one with the scope
}

var _ ports.Gatekeeper = (*Guard)(nil)

// New returns a guard. The file of keys must be sound. shared may be nil.
func New(cfg Config, shared Shared, log *slog.Logger) (*Guard, error) {
	g := &Guard{cfg: cfg, shared: shared, log: log, now: time.Now, local: newLocal(cfg.MaxClients), admins: map[digest]*key{}}
	for _, text := range cfg.TrustedProxies {
		p, err := ParseNetwork(text)
		if err != nil {
			return nil, err
		}
		g.proxies = append(g.proxies, p)
	}
	for i, k := range cfg.AdminKeys {
		g.admins[sha256.Sum256([]byte(k))] = &key{name: fmt.Sprintf("security.admin_keys[%d]", i), admin: true}
	}
	if cfg.KeysFile == "" {
		g.take(nil)
		return g, nil
	}
	text, err := readFile(cfg.KeysFile)
	if err == nil {
		g.text = text
		var read map[digest]*key
		if read, err = parse(text); err == nil {
			g.take(read)
			return g, nil
		}
	}
	var errs []error
	for _, err := range flatten(err) {
		errs = append(errs, fmt.Errorf("security.keys_file: %s: %w", cfg.KeysFile, err))
	}
	return nil, errors.Join(errs...)
}

func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// take puts the keys of a file beside those of the configuration into use.
func (g *Guard) take(read map[digest]*key) {
	all := &keys{byDigest: make(map[digest]*key, len(read)+len(g.admins))}
	for _, from := range []map[digest]*key{read, g.admins} {
		for d, k := range from {
			all.byDigest[d] = k
			all.predict, all.admin = all.predict || k.predict, all.admin || k.admin
		}
	}
	g.keys.Store(all)
}

// watchEvery is how soon a change of the file is in effect.
const watchEvery = time.Second

// Watch reads the file again whenever it changes, until Close. Its content is compared, not its times: files that are
// mounted are exchanged in many ways.
func (g *Guard) Watch() {
	if g.cfg.KeysFile == "" {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	g.cancel, g.done = cancel, make(chan struct{})
	go func() {
		defer close(g.done)
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				g.again()
			}
		}
	}()
}

// Close ends Watch.
func (g *Guard) Close() error {
	if g.cancel != nil {
		g.cancel()
		<-g.done
	}
	return nil
}

// again takes the file if it has changed. One that is wrong changes nothing: the keys that were known stay.
func (g *Guard) again() {
	text, err := readFile(g.cfg.KeysFile)
	if err == nil && string(text) == string(g.text) {
		g.failed = ""
		return
	}
	var read map[digest]*key
	if err == nil {
		read, err = parse(text)
	}
	if err != nil {
		if g.failed != err.Error() {
			g.failed = err.Error()
			g.log.Error("security.keys_file was not taken; the keys that were known stay", "file", g.cfg.KeysFile, "error", err)
		}
		return
	}
	g.text, g.failed = text, ""
	g.take(read)
	g.log.Info("security.keys_file was read again", "file", g.cfg.KeysFile, "keys", len(read))
}

// Admit implements ports.Gatekeeper.
func (g *Guard) Admit(a ports.Approach, s ports.Scope) (ports.Caller, error) {
	known := g.keys.Load()
	if s != ports.ScopeAdmin && g.cfg.Anonymous.Cost == 0 && !known.predict {
		return ports.Caller{}, nil // nothing is asked of anybody
	}
	c := g.anonymous(a)
	presented := presentedBy(a)
	k := known.byDigest[sha256.Sum256([]byte(presented))]
	if k != nil && presented != "" {
		c.Name = k.name
		if k.allowance.Cost > 0 {
			c.Account, c.Allowance = "k:"+k.name, k.allowance
		} else if k.predict || k.admin {
			c.Allowance = ports.Allowance{} // the operator gave this key no bound
		}
	}
	switch {
	case s == ports.ScopeNone || s == ports.ScopePredict && !known.predict:
		return c, nil
	case s == ports.ScopeAdmin && !known.admin:
		return c, g.onThisMachine(a)
	case presented == "":
		return c, refusal(domain.KindUnauthenticated,
			"a key with the scope "+s.String()+" is required: send it as Authorization: Bearer <key>, or X-API-Key")
	case k == nil:
		return c, refusal(domain.KindForbidden, "the key is not known; ask the operator for one with the scope "+s.String())
	case !k.has(s):
		return c, refusal(domain.KindForbidden, "the key does not open this; ask the operator for one with the scope "+s.String())
	}
	return c, nil
}

func refusal(kind domain.Kind, msg string) error {
	return &domain.Error{Kind: kind, Op: "access", Msg: msg}
}

// presentedBy returns the key that comes with a request.
func presentedBy(a ports.Approach) string {
	if scheme, token, ok := strings.Cut(a.HeaderValue("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return a.HeaderValue("X-Api-Key")
}

// Keyed implements ports.Gatekeeper.
func (g *Guard) Keyed(s ports.Scope) bool {
	known := g.keys.Load()
	return s == ports.ScopeAdmin && known.admin || s == ports.ScopePredict && known.predict
}

// Audit implements ports.Gatekeeper.
func (g *Guard) Audit(ctx context.Context, e ports.AuditEntry) {
	name := e.Caller.Name
	if name == "" {
		name = "none"
	}
	outcome := "done"
	attrs := []slog.Attr{
		slog.String("key", name), slog.String("client", e.Caller.Client.Addr().String()), slog.String("transport", e.Transport),
		slog.String("action", e.Action), slog.String("target", e.Target),
	}
	if e.Before != "" || e.After != "" {
		attrs = append(attrs, slog.String("before", e.Before), slog.String("after", e.After))
	}
	if e.Err != nil {
		outcome = "failed"
		if kind := domain.KindOf(e.Err); kind == domain.KindForbidden || kind == domain.KindUnauthenticated {
			outcome = "refused"
		}
		attrs = append(attrs, slog.String("reason", e.Err.Error()))
	}
	attrs = append(attrs, slog.String("outcome", outcome), slog.String("request_id", e.RequestID))
	g.log.LogAttrs(ctx, ports.LevelAudit, "audit", attrs...)
}
