package heldstates_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/adapters/devicestates/heldstates"
	"github.com/guardy-ai/guardy/adapters/devicestates/memorystates"
	"github.com/guardy-ai/guardy/adapters/devicestates/redisstates"
	"github.com/guardy-ai/guardy/adapters/internal/redisclient"
	"github.com/guardy-ai/guardy/adapters/internal/redistest"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/devicestatestest"
)

// open returns states on the server at addr, and the log.
func open(t *testing.T, addr string) (*heldstates.States, *strings.Builder) {
	t.Helper()
	return openUnder(t, addr, "held:")
}

func openUnder(t *testing.T, addr, prefix string) (*heldstates.States, *strings.Builder) {
	t.Helper()
	server := redisclient.DefaultConfig()
	server.KeyPrefix = prefix
	server.URL, server.Timeout, server.ProbeInterval = "redis://"+addr, time.Second, time.Millisecond
	log := new(strings.Builder)
	far, err := redisstates.Opener(server, redisstates.DefaultConfig())(slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	near, err := memorystates.New(memorystates.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	s := heldstates.New(far, near)
	t.Cleanup(func() { _ = s.Close() })
	return s, log
}

func TestContract(t *testing.T) {
	addr := redistest.Addr(t)
	devicestatestest.Run(t, func(t *testing.T) ports.DeviceStates {
		s, _ := openUnder(t, addr, t.Name()[len("TestContract"):min(len(t.Name()), 60)]+":")
		return s
	}, devicestatestest.Options{})
}

// step is one reading: load, and store what becomes of it.
func step(t *testing.T, s ports.DeviceStates, device int, want, next string) {
	t.Helper()
	k := devicestatestest.Key(device)
	state, at, _, err := s.Load(t.Context(), k, nil)
	if err != nil && at == ports.NoRevision {
		t.Fatalf("nothing can be kept: %v", err)
	}
	if string(state) != want {
		t.Errorf("device %d: %q is kept, want %q", device, state, want)
	}
	if stored, err := s.Store(t.Context(), k, []byte(next), at); !stored || err != nil {
		t.Errorf("device %d: %q is not kept: %v", device, next, err)
	}
}

func TestStatesAreHeldWhileRedisTakesNone(t *testing.T) {
	for name, tt := range map[string]struct {
		args   []string
		reason string
	}{
		"replica":    {[]string{"--replicaof", "127.0.0.1 1"}, "it is a replica"},
		"full":       {[]string{"--maxmemory", "1", "--maxmemory-policy", "noeviction"}, "its memory is full"},
		"no scripts": {[]string{"--rename-command", "EVAL", "", "--rename-command", "EVALSHA", ""}, "a command that is needed"},
		"another's":  {[]string{"--requirepass", "secret of somebody"}, "it asks for a password"},
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t, tt.args...)
			s, log := open(t, server.Addr())
			for device := range 3 {
				step(t, s, device, "", "one")
				step(t, s, device, "one", "two")
				step(t, s, device, "two", "three")
			}
			if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), tt.reason) ||
				!strings.Contains(log.String(), server.Addr()) {
				t.Errorf("not one warning with the reason and the address:\n%s", log)
			}
			if tier := s.Tiers(t.Context())[0]; !strings.Contains(tier.Problem, tt.reason) {
				t.Errorf("the operator is told %+v", tier)
			}
		})
	}
}

func TestStatesGoBackToARedisThatTakesThemAgain(t *testing.T) {
	server := redistest.Start(t)
	s, _ := open(t, server.Addr())
	step(t, s, 1, "", "one")
	server.Do("REPLICAOF", "127.0.0.1", "1")
	step(t, s, 1, "one", "two")
	step(t, s, 2, "", "a")
	server.Do("REPLICAOF", "NO", "ONE")
	step(t, s, 1, "two", "three")
	step(t, s, 2, "a", "b")

	replica, _ := open(t, server.Addr())
	step(t, replica, 1, "three", "four")
	step(t, s, 1, "four", "five") // nothing is left of what was held
	step(t, replica, 2, "b", "c")
}

func TestAStateThatAnotherReplicaWroteMeanwhileStays(t *testing.T) {
	server := redistest.Start(t)
	s, _ := open(t, server.Addr())
	other, _ := open(t, server.Addr())
	step(t, s, 1, "", "one")
	server.Do("REPLICAOF", "127.0.0.1", "1")
	step(t, s, 1, "one", "held")
	server.Do("REPLICAOF", "NO", "ONE")
	step(t, other, 1, "one", "newer")

	k := devicestatestest.Key(1)
	_, at, _, err := s.Load(t.Context(), k, nil)
	if err != nil {
		t.Fatal(err)
	}
	if stored, err := s.Store(t.Context(), k, []byte("stale"), at); stored || err != nil {
		t.Errorf("a step from what was held replaces what another replica wrote: %t, %v", stored, err)
	}
	step(t, s, 1, "newer", "newest")
}

func TestStatesAreHeldWhileRedisIsAway(t *testing.T) {
	server := redistest.Start(t)
	addr := server.Addr()
	server.Kill()
	s, log := open(t, addr)
	step(t, s, 1, "", "one")
	step(t, s, 1, "one", "two")
	if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), "cannot be reached") {
		t.Errorf("not one warning that Redis is not there:\n%s", log)
	}
}
