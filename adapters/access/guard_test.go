package access

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/adapters/internal/redisclient"
	"github.com/guardy-ai/guardy/adapters/internal/redistest"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// approach is a request as a test makes it.
type approach struct {
	peer, host string
	old        bool
	headers    map[string]string
}

func (a approach) PeerAddr() netip.Addr           { return netip.MustParseAddr(a.peer) }
func (a approach) AuthorityName() string          { return a.host }
func (a approach) OldHTTP() bool                  { return a.old }
func (a approach) HeaderValue(name string) string { return a.headers[name] }
func from(peer string, h map[string]string) approach {
	return approach{peer, "localhost:8000", false, h}
}

func line(name, key, scopes, rest string) string {
	return fmt.Sprintf("- {name: %s, digest: 'sha256:%x', scopes: [%s]%s}\n", name, sha256.Sum256([]byte(key)), scopes, rest)
}

func write(t *testing.T, path string, lines ...string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("keys:\n"+strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, cfg Config, shared Shared) (*Guard, *bytes.Buffer) {
	t.Helper()
	log := new(bytes.Buffer)
	g, err := New(cfg, shared, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return g, log
}

func kind(err error) string {
	if err == nil {
		return ""
	}
	return domain.KindOf(err).String()
}

func TestAFileThatChangesIsReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.yaml")
	write(t, file, line("one", "k1", "predict", ""))
	g, log := open(t, Config{KeysFile: file}, nil)
	admit := func(key string) string {
		_, err := g.Admit(from("192.0.2.1", map[string]string{"X-Api-Key": key}), ports.ScopePredict)
		return kind(err)
	}
	if admit("k1") != "" || admit("k2") != "forbidden" || admit("") != "unauthenticated" {
		t.Error("the first file is not in effect")
	}
	write(t, file, line("two", "k2", "predict", ""))
	g.again()
	if admit("k1") != "forbidden" || admit("k2") != "" {
		t.Error("the second file is not in effect")
	}
	for name, text := range map[string]string{"nothing": "", "no keys": "keys: []", "cut off": "keys:\n- {name: thr", "a typo": "keyz: []"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		log.Reset()
		g.again()
		g.again()
		if admit("k2") != "" || strings.Count(log.String(), "level=ERROR") != 1 {
			t.Errorf("%s: a file that is wrong must change nothing and be told once: %s", name, log)
		}
		write(t, file, line("two", "k2", "predict", ""))
		g.again()
	}
}

func TestFilesThatAreWrongAreRefusedWithEveryReason(t *testing.T) {
	for want, text := range map[string]string{
		"the name must be":            "keys:\n" + line(`"a b"`, "k", "admin", ""),
		"unlike the others":           "keys:\n" + line("a", "k", "admin", "") + line("a", "l", "admin", ""),
		"it has the digest of":        "keys:\n" + line("a", "k", "admin", "") + line("b", "k", "admin", ""),
		"the digest must be":          "keys:\n- {name: a, digest: abc, scopes: [admin]}",
		"there is no scope":           "keys:\n" + line("a", "k", "root", ""),
		"it has no scopes":            "keys:\n" + line("a", "k", "", ""),
		"the window of the quota":     "keys:\n" + line("a", "k", "predict", ", quota: {cost: 5, window: soon}"),
		"the cost of the quota":       "keys:\n" + line("a", "k", "predict", ", quota: {cost: 0, window: 1m}"),
		"field quotas not found":      "keys:\n" + line("a", "k", "predict", ", quotas: {}"),
		"more than one document":      "keys:\n" + line("a", "k", "admin", "") + "---\nkeys: []\n",
		"leave security.keys_file em": "{}",
	} {
		if _, err := parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	file := filepath.Join(t.TempDir(), "absent.yaml")
	if _, err := New(Config{KeysFile: file}, nil, nil); err == nil || !strings.HasPrefix(err.Error(), "security.keys_file: "+file) {
		t.Errorf("%v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("keys:\n" + line("a", "k", "predict", ", quota: {cost: 5, window: 1m}")))
	f.Add([]byte("keys: [&a {name: x}, *a]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		read, err := parse(text)
		if err == nil && len(read) == 0 {
			t.Error("a file without keys was taken")
		}
		for d, k := range read {
			if !nameable(k.name) || !k.predict && !k.admin || k.allowance.Cost < 0 {
				t.Errorf("%x: %+v", d, k)
			}
		}
	})
}

func TestOnlyAProgramOnThisMachineIsLocal(t *testing.T) {
	g, _ := open(t, Config{}, nil)
	local := from("127.0.0.1", nil)
	for name, tt := range map[string]struct {
		a  approach
		ok bool
	}{
		"a program":                {local, true},
		"over IPv6":                {approach{"::1", "[::1]:8000", false, nil}, true},
		"another machine":          {from("192.0.2.1", nil), false},
		"a forwarding proxy":       {from("127.0.0.1", map[string]string{"X-Forwarded-For": "192.0.2.1"}), false},
		"one that says so":         {from("127.0.0.1", map[string]string{"X-Forwarded-For": "127.0.0.1"}), false},
		"another header":           {from("127.0.0.1", map[string]string{"X-Forwarded-Proto": "https"}), false},
		"a plain proxy, HTTP/1.0":  {approach{"127.0.0.1", "127.0.0.1:8000", true, nil}, false},
		"a plain proxy, its name":  {approach{"127.0.0.1", "flood.example.org", false, nil}, false},
		"a page of another site":   {from("127.0.0.1", map[string]string{"Origin": "https://evil.example"}), false},
		"a page of this service":   {from("127.0.0.1", map[string]string{"Origin": "http://localhost:8000"}), true},
		"a name pointed elsewhere": {approach{"127.0.0.1", "evil.example", false, map[string]string{"Origin": "http://evil.example"}}, false},
	} {
		if _, err := g.Admit(tt.a, ports.ScopeAdmin); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	behind, _ := open(t, Config{TrustedProxies: []string{"10.0.0.0/8"}}, nil)
	if _, err := behind.Admit(local, ports.ScopeAdmin); kind(err) != "forbidden" {
		t.Errorf("behind a proxy nobody is local: %v", err)
	}
}

func TestTheClientOfATrustedProxyIsTheOneItNames(t *testing.T) {
	g, _ := open(t, Config{TrustedProxies: []string{"10.0.0.0/8", "127.0.0.1"}, Anonymous: ports.Allowance{Cost: 1, Window: time.Minute}}, nil)
	for _, tt := range []struct{ peer, forwarded, want string }{
		{"10.1.2.3", "203.0.113.7", "203.0.113.7/32"},
		{"10.1.2.3", "198.51.100.1, 203.0.113.7", "203.0.113.7/32"},
		{"10.1.2.3", "198.51.100.1, 203.0.113.7, 10.9.9.9", "203.0.113.7/32"},
		{"10.1.2.3", "203.0.113.7:4711", "203.0.113.7/32"},
		{"10.1.2.3", "[2001:db8::1]:4711", "2001:db8::/64"},
		{"10.1.2.3", "unknown", "10.1.2.3/32"},
		{"10.1.2.3", "", "10.1.2.3/32"},
		{"192.0.2.1", "203.0.113.7", "192.0.2.1/32"},
		{"::ffff:10.1.2.3", "203.0.113.7", "203.0.113.7/32"},
	} {
		c, err := g.Admit(from(tt.peer, map[string]string{"X-Forwarded-For": tt.forwarded}), ports.ScopePredict)
		if err != nil || c.Client.String() != tt.want {
			t.Errorf("%s for %q: %v, %v; want %s", tt.peer, tt.forwarded, c.Client, err, tt.want)
		}
	}
}

func TestQuotasAreCountedByCost(t *testing.T) {
	g, _ := open(t, Config{MaxClients: 2}, nil)
	now := time.Unix(1000, 0)
	g.now = func() time.Time { return now }
	c := ports.Caller{Account: "k:a", Allowance: ports.Allowance{Cost: 10, Window: 10 * time.Second}}
	spend := func(cost, left int, reset time.Duration, refused bool) {
		t.Helper()
		q, err := g.Spend(t.Context(), c, cost)
		if (kind(err) == "exhausted") != refused || q.Left != left || q.Reset != reset {
			t.Errorf("cost %d: %+v, %v; want %d left and %v", cost, q, err, left, reset)
		}
	}
	spend(7, 3, time.Second, false)
	spend(0, 3, time.Second, false)
	spend(5, 3, 2*time.Second, true)
	spend(11, 3, 0, true)
	spend(3, 0, time.Second, false)
	now = now.Add(2 * time.Second)
	spend(2, 0, time.Second, false)
	now = now.Add(time.Hour)
	spend(10, 0, time.Second, false)
	for i := range 100 {
		_, _ = g.Spend(t.Context(), ports.Caller{Account: fmt.Sprint(i), Allowance: c.Allowance}, 1)
	}
	if len(g.local.whole) > 2 {
		t.Errorf("%d accounts are remembered", len(g.local.whole))
	}
}

func TestReplicasCountTogetherInRedis(t *testing.T) {
	cfg := redisclient.DefaultConfig()
	cfg.URL, cfg.Timeout, cfg.KeyPrefix = "redis://"+redistest.Addr(t), 10*time.Second, fmt.Sprintf("quota%d:", time.Now().UnixNano())
	c := ports.Caller{Account: "k:a", Allowance: ports.Allowance{Cost: 10, Window: time.Hour}}
	var guards [2]*Guard
	for i := range guards {
		q, err := NewRedisQuotas(cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = q.Close() })
		guards[i], _ = open(t, Config{}, q)
	}
	for i, want := range []int{6, 2} {
		if q, err := guards[i].Spend(t.Context(), c, 4); err != nil || q.Left != want {
			t.Errorf("replica %d: %+v, %v, want %d left", i, q, err, want)
		}
	}
	if q, err := guards[0].Spend(t.Context(), c, 4); kind(err) != "exhausted" || q.Left != 2 || q.Reset < 11*time.Minute || q.Reset > 13*time.Minute {
		t.Errorf("more than is left: %+v, %v", q, err)
	}
	if q, err := guards[1].Spend(t.Context(), c, 0); err != nil || q.Left != 2 {
		t.Errorf("asking takes nothing: %+v, %v", q, err)
	}
}

// away is a store of quotas that cannot be asked.
type away struct{}

func (away) Spend(context.Context, string, ports.Allowance, int) (time.Duration, bool, error) {
	return 0, false, errors.New("away")
}

func TestAReplicaGrantsItsShareWhileRedisIsAway(t *testing.T) {
	g, _ := open(t, Config{Share: .5}, away{})
	c := ports.Caller{Account: "k:a", Allowance: ports.Allowance{Cost: 10, Window: time.Hour}}
	if q, err := g.Spend(t.Context(), c, 5); err != nil || q.Left != 0 {
		t.Errorf("%+v, %v", q, err)
	}
	if _, err := g.Spend(t.Context(), c, 1); kind(err) != "exhausted" {
		t.Errorf("more than the share: %v", err)
	}
}

func TestAKeyHasItsOwnQuota(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.yaml")
	write(t, file, line("bounded", "k1", "predict", ", quota: {cost: 600, window: 1m}"), line("free", "k2", "predict", ""))
	g, _ := open(t, Config{KeysFile: file, Anonymous: ports.Allowance{Cost: 5, Window: time.Hour}}, nil)
	for key, want := range map[string]int{"k1": 600, "k2": 0} {
		c, err := g.Admit(from("192.0.2.1", map[string]string{"Authorization": "bearer " + key}), ports.ScopePredict)
		if err != nil || c.Allowance.Cost != want {
			t.Errorf("%s: %+v, %v", key, c, err)
		}
	}
	if c, _ := g.Admit(from("192.0.2.1", nil), ports.ScopeNone); c.Allowance.Cost != 5 || c.Account != "a:192.0.2.1/32" {
		t.Errorf("without a key: %+v", c)
	}
}
