package redisstates

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/guardy-ai/guardy/adapters/internal/redisclient"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// States keeps states in Redis.
type States struct {
	client  *redisclient.Client
	seal    redisclient.Sealer
	prefix  string
	timeout time.Duration
	ttl     time.Duration
}

var (
	_ ports.DeviceStates   = (*States)(nil)
	_ ports.CacheInspector = (*States)(nil)
	_ ports.Closer         = (*States)(nil)
)

// New returns a store. It does not ask Redis, which need not be up. The breaker's changes are logged.
func New(server redisclient.Config, cfg Config, log *slog.Logger) (*States, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	server = cfg.server(server)
	client, err := redisclient.New(server, redisclient.Use{
		Package: "redisstates", What: "the store of device states", Prefix: server.KeyPrefix, Scripts: true,
	}, log)
	if err != nil {
		return nil, err
	}
	return &States{client: client, seal: redisclient.NewSealer(server.Secret, "states"), prefix: server.KeyPrefix + "s:", timeout: server.Timeout, ttl: cfg.TTL}, nil
}

func (s *States) key(k domain.Key) string {
	var buf [160]byte
	b := append(append(append(buf[:0], s.prefix...), k.Model...), ':')
	return string(append(b, k.Sum[:]...))
}

// revisionSize is what stands before the state in the payload of a value.
const revisionSize = 8

// Load implements ports.DeviceStates. A value that is damaged is counted as an error and may be replaced.
func (s *States) Load(ctx context.Context, k domain.Key, dst []byte) ([]byte, ports.Revision, bool, error) {
	call, ctx, err := s.client.Begin(ctx, "load", redisclient.Lookup, s.timeout)
	if err != nil {
		return dst, ports.NoRevision, false, err
	}
	value, err := s.client.Get(ctx, s.key(k)).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		call.End()
		return dst, ports.NoRevision, false, nil
	case err != nil:
		call.End(err)
		return dst, ports.NoRevision, false, call.Failed(err)
	}
	at := s.revisionOf(value)
	payload, err := s.seal.Unseal(k, value)
	if err == nil && len(payload) < revisionSize {
		err = redisclient.ErrForeign
	}
	call.End(err)
	if err != nil {
		return dst, at, false, nil //nolint:nilerr // it is counted, and the server was asked
	}
	return append(dst, payload[revisionSize:]...), at, true, nil
}

// revisionOf reads the revision of a value as the script does, whatever the value is.
func (s *States) revisionOf(value []byte) ports.Revision {
	start := s.seal.Header()
	if len(value) < start+revisionSize {
		return ports.NoRevision
	}
	return ports.Revision(binary.LittleEndian.Uint64(value[start:]))
}

// replace sets KEYS[1] to ARGV[2] for ARGV[3] milliseconds if its revision, which begins at byte ARGV[4], is ARGV[1]. A value that is too
// short for a revision, as one that is not there, has none. Errors are passed on in their own words: those of
// a failing script differ between versions of Redis.
var replace = redis.NewScript(`
local at = redis.pcall('GETRANGE', KEYS[1], ARGV[4], ARGV[4] + 7)
if type(at) == 'table' then
  return at
end
if #at < 8 then
  at = string.rep('\0', 8)
end
if at ~= ARGV[1] then
  return 0
end
local set = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if set.err then
  return set
end
return 1
`)

// Store implements ports.DeviceStates in one round trip (two where the server does not know the script yet).
func (s *States) Store(ctx context.Context, k domain.Key, state []byte, at ports.Revision) (bool, error) {
	call, ctx, err := s.client.Begin(ctx, "store", redisclient.Store, s.timeout/2)
	if err != nil {
		return false, err
	}
	next := rand.Uint64() >> 1
	for next == uint64(ports.NoRevision) {
		next = rand.Uint64() >> 1 // the highest bit is left to stores that are made of this one
	}
	le := binary.LittleEndian
	payload := append(le.AppendUint64(make([]byte, 0, revisionSize+len(state)), next), state...)
	expected := le.AppendUint64(make([]byte, 0, revisionSize), uint64(at))
	stored, err := replace.Run(ctx, s.client, []string{s.key(k)}, expected,
		s.seal.Seal(k, payload), s.ttl.Milliseconds(), s.seal.Header()).Bool()
	call.End(err)
	if err != nil {
		return false, call.Failed(err)
	}
	return stored, nil
}

// Usable reports whether Redis does what a store needs, as far as is known.
func (s *States) Usable() bool { return s.client.Usable() }

// Tiers implements ports.CacheInspector.
func (s *States) Tiers(context.Context) []ports.CacheTier { return []ports.CacheTier{s.client.Tier()} }

// Close implements ports.Closer.
func (s *States) Close() error { return s.client.Close() }
