//go:build unix

package rediscache_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"go.uber.org/goleak"

	"github.com/guardy-ai/guardy/adapters/cache/rediscache"
	"github.com/guardy-ai/guardy/adapters/internal/redistest"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/cachetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patient is a configuration for tests whose subject is not time: a busy machine is no failure.
func patient(url string) rediscache.Config {
	cfg := rediscache.DefaultConfig()
	cfg.URL = url
	cfg.Timeout = 20 * time.Second
	return cfg
}

var prefixes atomic.Int64

// open returns a cache with keys of its own, so that tests may share a server.
func open(t testing.TB, cfg rediscache.Config) *rediscache.Cache {
	t.Helper()
	cfg.KeyPrefix = fmt.Sprintf("t%d*[?]:", prefixes.Add(1)) // with everything that a pattern could mistake
	return replica(t, cfg)
}

// replica returns a cache that shares its keys with others of the same configuration.
func replica(t testing.TB, cfg rediscache.Config) *rediscache.Cache {
	t.Helper()
	c, err := rediscache.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestContractOnMiniredis(t *testing.T) {
	server := miniredis.RunT(t)
	cachetest.Run(t, func(t *testing.T) ports.AnswerCache { return open(t, patient("redis://"+server.Addr())) },
		cachetest.Options{Advance: server.FastForward})
}

func TestContractOnAServer(t *testing.T) {
	url := "redis://" + redistest.Addr(t)
	cachetest.Run(t, func(t *testing.T) ports.AnswerCache { return open(t, patient(url)) }, cachetest.Options{})
}

func TestContractOnACluster(t *testing.T) {
	nodes := redistest.Cluster(t)
	cachetest.Run(t, func(t *testing.T) ports.AnswerCache { return open(t, patient("redis+cluster://"+nodes[0].Addr())) },
		cachetest.Options{})
}

func TestContractBehindSentinel(t *testing.T) {
	_, _, sentinel := redistest.Sentinel(t)
	cachetest.Run(t, func(t *testing.T) ports.AnswerCache {
		return open(t, patient("redis+sentinel://"+sentinel.Addr()+"?master_name=flood"))
	}, cachetest.Options{})
}

const (
	long = time.Hour
	// margin is what a call may take beyond its budget on a machine that is busy with other things.
	// It proves that nothing waits for Redis' sake, not how fast the machine is.
	margin  = time.Second
	soon    = 20 * time.Second
	aMoment = 5 * time.Millisecond
)

var k1 = cachetest.Key(domain.RiskScorer, 1)

// hasty is the default configuration but for probes more often, so that tests are over soon.
func hasty(s *redistest.Server) rediscache.Config {
	cfg := rediscache.DefaultConfig()
	cfg.URL = "redis://" + s.Addr()
	cfg.ProbeInterval = 50 * time.Millisecond
	return cfg
}

func tier(c ports.CacheInspector) ports.CacheTier { return c.Tiers(context.Background())[0] }

// eventually waits for something that goes on outside.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for start := time.Now(); !ok(); time.Sleep(aMoment) {
		if time.Since(start) > soon {
			t.Fatalf("still not: %s", what)
		}
	}
}

// stored waits until a store and its lookup succeed.
func stored(t *testing.T, c ports.AnswerCache, k domain.Key, value string) {
	t.Helper()
	eventually(t, "a value is stored and found", func() bool {
		if c.Put(t.Context(), k, []byte(value), long) != nil {
			return false
		}
		got, _, ok, err := c.Get(t.Context(), k, nil)
		return err == nil && ok && string(got) == value
	})
}

// fails makes lookups until the breaker has opened. None may answer, none may be late.
func fails(t *testing.T, c *rediscache.Cache, budget time.Duration) {
	t.Helper()
	for range 1000 {
		start := time.Now()
		value, _, ok, err := c.Get(t.Context(), k1, nil)
		if took := time.Since(start); took > budget+margin {
			t.Fatalf("a lookup took %v", took)
		}
		if err == nil || ok || len(value) > 0 {
			t.Fatalf("Get = %q, %t, %v of a Redis that does not answer", value, ok, err)
		}
		if domain.KindOf(err) != domain.KindUnavailable {
			t.Fatalf("Get: %v is %v, want unavailable", err, domain.KindOf(err))
		}
		if tier(c).State == "open" {
			return
		}
	}
	t.Fatal("the breaker does not open")
}

func TestARedisThatWasNeverThereDelaysNothing(t *testing.T) {
	s := redistest.Start(t)
	s.Kill()
	c := open(t, hasty(s)) // the constructor does not ask
	fails(t, c, rediscache.DefaultConfig().Timeout)
	if tier(c).Errors == 0 {
		t.Error("no error was counted")
	}
	s.Restart()
	stored(t, c, k1, "answer")
	if state := tier(c).State; state != "ok" {
		t.Errorf("state %q after recovery", state)
	}
}

func TestAStoppedRedisIsNoticedAndItsReturnToo(t *testing.T) {
	s := redistest.Start(t)
	c := open(t, hasty(s))
	stored(t, c, k1, "answer")
	s.Kill()
	fails(t, c, rediscache.DefaultConfig().Timeout)
	if err := c.Put(t.Context(), k1, []byte("answer"), long); domain.KindOf(err) != domain.KindUnavailable {
		t.Errorf("Put: %v", err)
	}
	if _, err := c.Clear(t.Context(), domain.RiskScorer); domain.KindOf(err) != domain.KindUnavailable {
		t.Errorf("Clear: %v", err)
	}
	s.Restart()
	stored(t, c, k1, "anew")
}

func TestAPausedRedisCostsTheBudgetAndNoMore(t *testing.T) {
	s := redistest.Start(t)
	c := open(t, hasty(s))
	stored(t, c, k1, "answer")
	s.Pause()
	keys, values := make([]domain.Key, 100), make([][]byte, 100)
	for i := range keys {
		keys[i] = cachetest.Key(domain.RiskScorer, i)
	}
	// The worst moment for many requests at once: nobody knows yet. Each looks up and stores.
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			start := time.Now()
			if i%2 == 0 {
				if _, _, ok, _ := c.Get(t.Context(), k1, nil); ok {
					t.Error("a hit from a paused Redis")
				}
				_ = c.Put(t.Context(), k1, []byte("answer"), long)
			} else { // a batch has one budget, not one for each of its keys
				if err := c.GetMany(t.Context(), keys, make([]ports.Lookup, len(keys))); err == nil {
					t.Error("an answer from a paused Redis")
				}
				_ = c.PutMany(t.Context(), keys, values, long)
			}
			if took := time.Since(start); took > rediscache.DefaultConfig().Timeout+margin {
				t.Errorf("a request was %v late", took)
			}
		})
	}
	wg.Wait()
	fails(t, c, rediscache.DefaultConfig().Timeout)
	s.Resume()
	eventually(t, "the value is found again", func() bool {
		got, _, ok, err := c.Get(t.Context(), k1, nil)
		return err == nil && ok && string(got) == "answer"
	})
}

// delay forwards to a server and lets every answer wait.
func delay(t *testing.T, addr string, by *atomic.Int64) string {
	t.Helper()
	return serve(t, func(client net.Conn) {
		server, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		defer server.Close()
		go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
		buf := make([]byte, 4096)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			time.Sleep(time.Duration(by.Load()))
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	})
}

// serve accepts connections until the test ends and returns its address.
func serve(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			wg.Go(func() { defer c.Close(); handle(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

func TestARedisThatDawdlesIsNoLongerAsked(t *testing.T) {
	var by atomic.Int64
	cfg := rediscache.DefaultConfig()
	cfg.URL = "redis://" + delay(t, redistest.Start(t).Addr(), &by)
	cfg.Timeout, cfg.ProbeInterval = time.Second, 50*time.Millisecond
	c := open(t, cfg)
	stored(t, c, k1, "answer")
	by.Store(int64(cfg.Timeout * 6 / 10)) // within the budget, but more than half of it
	for range cfg.BreakerFailures {
		if got, _, ok, err := c.Get(t.Context(), k1, nil); err != nil || !ok || string(got) != "answer" {
			t.Fatalf("Get = %q, %t, %v", got, ok, err)
		}
	}
	if state := tier(c).State; state == "ok" {
		t.Error("the breaker is closed")
	}
	if got := tier(c); got.LatencyP95 < 0.5 || got.LatencyMean <= 0 {
		t.Errorf("latency: mean %v s, p95 %v s", got.LatencyMean, got.LatencyP95)
	}
	by.Store(0)
	stored(t, c, k1, "anew")
}

func TestAServerThatIsNoRedisIsAFailure(t *testing.T) {
	for name, answer := range map[string]string{
		"http": "HTTP/1.1 400 Bad Request\r\n\r\n", "bytes": "\x00\xff\x00\xff\r\n", "hangs up": "", "endless": "$99999999999\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			cfg := rediscache.DefaultConfig()
			cfg.URL = "redis://" + serve(t, func(c net.Conn) { _, _ = c.Write([]byte(answer)) })
			cfg.ProbeInterval = time.Hour
			fails(t, open(t, cfg), cfg.Timeout)
		})
	}
}

// What Redis says decides whether it is asked on: a server that cannot answer now is left alone, one
// that only takes no writes is not.
func TestErrorsOfRedisAreTakenForWhatTheyMean(t *testing.T) {
	server := miniredis.RunT(t)
	for said, state := range map[string]string{
		"LOADING Redis is loading the dataset in memory":                "open",
		"CLUSTERDOWN The cluster is down":                               "open",
		"MASTERDOWN Link with MASTER is down":                           "open",
		"NOAUTH Authentication required.":                               "open",
		"NOPERM this user has no permissions":                           "open",
		"ERR max number of clients reached":                             "open",
		"OOM command not allowed when used memory > 'maxmemory'.":       "ok",
		"READONLY You can't write against a read only replica.":         "ok",
		"MISCONF Redis is configured to save RDB snapshots, but cannot": "ok",
		"WRONGTYPE Operation against a key holding the wrong kind":      "ok",
	} {
		t.Run(strings.Fields(said)[0], func(t *testing.T) {
			cfg := patient("redis://" + server.Addr())
			cfg.ProbeInterval = time.Hour
			c := open(t, cfg)
			stored(t, c, k1, "answer") // and a connection is ready
			server.SetError(said)
			defer server.SetError("")
			for range cfg.BreakerFailures {
				if _, _, ok, err := c.Get(t.Context(), k1, nil); ok || err == nil || !strings.Contains(err.Error(), said) {
					t.Fatalf("Get: %t, %v", ok, err)
				}
			}
			if got := tier(c); got.State != state || got.Errors != int64(cfg.BreakerFailures) {
				t.Errorf("state %q, %d errors; want %q, %d", got.State, got.Errors, state, cfg.BreakerFailures)
			}
		})
	}
}

func TestASlotThatMovesIsFollowed(t *testing.T) {
	nodes := redistest.Cluster(t)
	cfg := patient("redis+cluster://" + nodes[0].Addr())
	cfg.KeyPrefix = "m:"
	c := replica(t, cfg)
	stored(t, c, k1, "answer") // and the client knows the slots
	if _, err := c.Clear(t.Context(), domain.RiskScorer); err != nil {
		t.Fatal(err)
	}
	slot := nodes[0].Do("CLUSTER", "KEYSLOT", "m:r:"+string(k1.Sum[:])).(int64)
	owner := slot * int64(len(nodes)) / 16384
	next := nodes[(owner+1)%int64(len(nodes))]
	from, to := nodes[owner].Do("CLUSTER", "MYID"), next.Do("CLUSTER", "MYID")
	next.Do("CLUSTER", "SETSLOT", slot, "IMPORTING", from)
	nodes[owner].Do("CLUSTER", "SETSLOT", slot, "MIGRATING", to)
	next.Do("CLUSTER", "SETSLOT", slot, "NODE", to)
	nodes[owner].Do("CLUSTER", "SETSLOT", slot, "NODE", to)
	if err := c.Put(t.Context(), k1, []byte("moved"), long); err != nil {
		t.Fatalf("Put: %v", err)
	}
	if got, _, ok, err := c.Get(t.Context(), k1, nil); err != nil || !ok || string(got) != "moved" {
		t.Fatalf("Get = %q, %t, %v", got, ok, err)
	}
	if next.Do("EXISTS", "m:r:"+string(k1.Sum[:])) != int64(1) {
		t.Error("the key does not lie where the slot went")
	}
}

func TestASocketOrTLSWillDo(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	tlsPort := redistest.FreePort(t)
	cert, key := certificate(t, dir)
	redistest.Start(t, "--unixsocket", socket, "--tls-port", strconv.Itoa(tlsPort), "--tls-auth-clients", "no",
		"--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert)

	stored(t, open(t, patient("unix://"+socket+"?db=1")), k1, "answer")

	cfg := patient("rediss://127.0.0.1:" + strconv.Itoa(tlsPort))
	fails(t, open(t, cfg), cfg.Timeout) // signed by nobody we know
	cfg.TLSCAFile = cert
	stored(t, open(t, cfg), k1, "answer")
	cfg.URL, cfg.TLSCAFile = cfg.URL+"?skip_verify=true", ""
	stored(t, open(t, cfg), k1, "answer")
}

// certificate writes a certificate of 127.0.0.1 that signs itself.
func certificate(t *testing.T, dir string) (certFile, keyFile string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-long), NotAfter: time.Now().Add(long),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return write("cert.pem", "CERTIFICATE", cert), write("key.pem", "PRIVATE KEY", key)
}

func TestAFlushedRedisHasMisses(t *testing.T) {
	s := redistest.Start(t)
	c := open(t, patient("redis://"+s.Addr()))
	stored(t, c, k1, "answer")
	s.Do("FLUSHALL")
	if _, _, ok, err := c.Get(t.Context(), k1, nil); ok || err != nil {
		t.Errorf("Get: %t, %v", ok, err)
	}
	stored(t, c, k1, "answer")
	if n := tier(c).Errors; n != 0 {
		t.Errorf("%d errors", n)
	}
}

func TestAFullRedisStillAnswersLookups(t *testing.T) {
	s := redistest.Start(t, "--maxmemory-policy", "noeviction")
	c := open(t, patient("redis://"+s.Addr()))
	stored(t, c, k1, "answer")
	s.Do("CONFIG", "SET", "maxmemory", "1")
	for i := range 30 {
		err := c.Put(t.Context(), cachetest.Key(domain.RiskScorer, 100+i), []byte("answer"), long)
		if err == nil || !strings.Contains(err.Error(), "OOM") {
			t.Fatalf("Put: %v", err)
		}
		if got, _, ok, err := c.Get(t.Context(), k1, nil); err != nil || !ok || string(got) != "answer" {
			t.Fatalf("Get: %q, %t, %v", got, ok, err)
		}
	}
	if got := tier(c); got.State != "ok" || got.Errors != 30 {
		t.Errorf("state %q, %d errors; want ok, 30", got.State, got.Errors)
	}
	s.Do("CONFIG", "SET", "maxmemory", "0")
	stored(t, c, k1, "anew")
}

func TestAReplicaThatTakesNoWritesStillAnswersLookups(t *testing.T) {
	s := redistest.Start(t)
	c := open(t, patient("redis://"+s.Addr()))
	stored(t, c, k1, "answer")
	// With itself as a master that it cannot synchronise with it keeps its data, and is read-only.
	s.Do("CONFIG", "SET", "replica-serve-stale-data", "yes")
	s.Do("REPLICAOF", "127.0.0.1", "1")
	for range 30 {
		if err := c.Put(t.Context(), k1, []byte("anew"), long); err == nil || !strings.Contains(err.Error(), "READONLY") {
			t.Fatalf("Put: %v", err)
		}
	}
	if got, _, ok, err := c.Get(t.Context(), k1, nil); err != nil || !ok || string(got) != "answer" {
		t.Errorf("Get: %q, %t, %v", got, ok, err)
	}
	s.Do("REPLICAOF", "NO", "ONE")
	stored(t, c, k1, "anew")
}

func TestAWrongPasswordIsAFailure(t *testing.T) {
	s := redistest.Start(t, "--requirepass", "right")
	cfg := hasty(s)
	for _, url := range []string{"redis://" + s.Addr(), "redis://:wrong@" + s.Addr()} {
		cfg.URL = url
		fails(t, open(t, cfg), cfg.Timeout)
	}
	cfg = patient("redis://:right@" + s.Addr())
	stored(t, open(t, cfg), k1, "answer")
}

func TestGarbageIsAnErrorAndNeverAnAnswer(t *testing.T) {
	s := redistest.Start(t)
	cfg := patient("redis://" + s.Addr())
	cfg.KeyPrefix = "g:"
	c := replica(t, cfg)
	stored(t, c, k1, "answer")
	key := "g:r:" + string(k1.Sum[:])
	good, ok := s.Do("GET", key).(string)
	if !ok || !strings.HasSuffix(good, "answer") {
		t.Fatalf("the value in Redis is %q", good)
	}
	other := cachetest.Key(domain.RiskScorer, 2)
	flipped := []byte(good)
	flipped[len(flipped)-1] ^= 1
	for name, spoil := range map[string]func(){
		"empty":          func() { s.Do("SET", key, "", "KEEPTTL") },
		"foreign":        func() { s.Do("SET", key, `{"json":true}`, "KEEPTTL") },
		"truncated":      func() { s.Do("SET", key, good[:len(good)-1], "KEEPTTL") },
		"longer":         func() { s.Do("APPEND", key, "x") },
		"one bit":        func() { s.Do("SET", key, flipped, "KEEPTTL") },
		"another type":   func() { s.Do("DEL", key); s.Do("LPUSH", key, "a", "b") },
		"of another key": func() { stored(t, c, other, "of another"); s.Do("COPY", "g:r:"+string(other.Sum[:]), key, "REPLACE") },
	} {
		t.Run(name, func(t *testing.T) {
			stored(t, c, k1, "answer")
			spoil()
			before := tier(c).Errors
			for range 25 { // more than would open the breaker
				value, _, ok, err := c.Get(t.Context(), k1, []byte("head"))
				if err == nil || ok || string(value) != "head" {
					t.Fatalf("Get = %q, %t, %v", value, ok, err)
				}
			}
			stored(t, c, other, "healthy")
			out := make([]ports.Lookup, 2)
			if err := c.GetMany(t.Context(), []domain.Key{k1, other}, out); err != nil {
				t.Fatalf("GetMany: %v", err)
			}
			if out[0].OK || len(out[0].Value) > 0 || !out[1].OK || string(out[1].Value) != "healthy" {
				t.Errorf("GetMany = %+v", out)
			}
			if got := tier(c); got.Errors-before != 26 || got.State != "ok" {
				t.Errorf("%d errors, state %q; want 26, ok", got.Errors-before, got.State)
			}
			stored(t, c, k1, "healed by the next store")
		})
	}
}

func TestAnEntryTakesAtMost400Bytes(t *testing.T) {
	s := redistest.Start(t)
	cfg := patient("redis://" + s.Addr())
	cfg.KeyPrefix = rediscache.DefaultConfig().KeyPrefix
	c := replica(t, cfg)
	const size, n = 120, 10_000 // a flood-risk answer with its five factors
	stored(t, c, k1, strings.Repeat("x", size))
	usage := s.Do("MEMORY", "USAGE", "guardy:r:"+string(k1.Sum[:])).(int64)

	// MEMORY USAGE leaves out the table of expiries and the growth of the tables: ask for everything.
	memory := func() (used int64) {
		for line := range strings.Lines(s.Do("INFO", "memory").(string)) {
			if _, err := fmt.Sscanf(line, "used_memory:%d", &used); err == nil {
				return used
			}
		}
		t.Fatal("Redis does not say what it uses")
		return 0
	}
	before := memory()
	keys, values := make([]domain.Key, 1000), make([][]byte, 1000)
	for i := 0; i < n; i += len(keys) {
		for j := range keys {
			keys[j], values[j] = cachetest.Key(domain.RiskScorer, 2+i+j), bytes.Repeat([]byte{byte(j)}, size)
		}
		if err := c.PutMany(t.Context(), keys, values, long); err != nil {
			t.Fatal(err)
		}
	}
	all := float64(memory()-before) / n
	t.Logf("a value of %d bytes: MEMORY USAGE %d, everything %.0f bytes; %d of them %.2f MB", size, usage, all, n, all*n/1e6)
	if usage > 400 || all > 400 {
		t.Errorf("an entry takes %d bytes by MEMORY USAGE, %.0f by used_memory; 400 are allowed", usage, all)
	}
}

// A large Clear is many small steps, between which Redis serves everybody else.
func TestAClearDoesNotBlockRedis(t *testing.T) {
	s := redistest.Start(t)
	c := open(t, patient("redis://"+s.Addr()))
	const n = 50_000
	keys, values := make([]domain.Key, 1000), make([][]byte, 1000)
	for i := 0; i < n; i += len(keys) {
		for j := range keys {
			keys[j], values[j] = cachetest.Key(domain.RiskScorer, i+j), make([]byte, 120)
		}
		if err := c.PutMany(t.Context(), keys, values, long); err != nil {
			t.Fatal(err)
		}
	}
	s.Do("SET", "foreign", "stays")
	s.Do("CONFIG", "RESETSTAT")
	removed, err := c.Clear(t.Context(), domain.RiskScorer)
	if removed != n || err != nil {
		t.Fatalf("Clear = %d, %v; want %d", removed, err, n)
	}
	if got := s.Do("GET", "foreign"); got != "stays" {
		t.Errorf("a foreign key is now %v", got)
	}
	stats := s.Do("INFO", "commandstats").(string)
	for _, command := range []string{"keys", "flushdb", "flushall", "del", "eval"} {
		if strings.Contains(stats, "cmdstat_"+command+":") {
			t.Errorf("Clear used %s", command)
		}
	}
	var steps int
	_, after, _ := strings.Cut(stats, "cmdstat_scan:")
	if _, err := fmt.Sscanf(after, "calls=%d", &steps); err != nil || steps < n/1000 {
		t.Errorf("Clear walked over %d keys in %d steps (%v)", n, steps, err)
	}
}

func TestAClearEndsWithItsCaller(t *testing.T) {
	s := redistest.Start(t)
	c := open(t, patient("redis://"+s.Addr()))
	s.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Clear(ctx, domain.RiskScorer); domain.KindOf(err) != domain.KindDeadline {
		t.Errorf("Clear: %v", err)
	}
}

// cleared collects what a listener is told.
type cleared struct {
	mu    sync.Mutex
	times map[domain.ModelName]int
}

func listen(t *testing.T, c *rediscache.Cache) (*cleared, func()) {
	l := &cleared{times: make(map[domain.ModelName]int)}
	stop := c.OnClear(func(m domain.ModelName) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.times[m]++
	})
	t.Cleanup(stop)
	// The first comparison forgets everything once: nobody knows what happened before.
	eventually(t, "the listener is connected", func() bool {
		return l.of(domain.RiskScorer) >= 1 && l.of(domain.Nowcaster) >= 1 &&
			l.of(domain.AnomalyDetector) >= 1 && l.of(domain.EvacuationPlanner) >= 1
	})
	return l, stop
}

func (l *cleared) of(m domain.ModelName) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.times[m]
}

func TestAClearReachesEveryReplica(t *testing.T) {
	cluster := redistest.Cluster(t)
	_, _, sentinel := redistest.Sentinel(t)
	for name, url := range map[string]string{
		"server":   "redis://" + redistest.Start(t).Addr(),
		"cluster":  "redis+cluster://" + cluster[1].Addr(),
		"sentinel": "redis+sentinel://" + sentinel.Addr() + "?master_name=flood",
	} {
		t.Run(name, func(t *testing.T) {
			cfg := patient(url)
			here, there := replica(t, cfg), replica(t, cfg)
			l, stop := listen(t, there)
			stored(t, here, k1, "answer")
			if n, err := here.Clear(t.Context(), domain.RiskScorer); n != 1 || err != nil {
				t.Fatalf("Clear = %d, %v", n, err)
			}
			eventually(t, "the other replica is told", func() bool { return l.of(domain.RiskScorer) >= 2 })
			if n := l.of(domain.Nowcaster); n != 1 {
				t.Errorf("another model was forgotten %d times", n)
			}
			stop()
			stop() // twice does no harm
		})
	}
}

func TestAClearIsNotMissedWhileDisconnected(t *testing.T) {
	s := redistest.Start(t)
	cfg := patient("redis://" + s.Addr())
	here, there := replica(t, cfg), replica(t, cfg)
	l, _ := listen(t, there)

	if _, err := here.Clear(t.Context(), domain.AnomalyDetector); err != nil {
		t.Fatal(err)
	}
	eventually(t, "told while connected", func() bool { return l.of(domain.AnomalyDetector) == 2 })
	before := l.of(domain.RiskScorer)
	s.Do("CLIENT", "KILL", "TYPE", "pubsub") // whose listener waits a second before it comes back
	if _, err := here.Clear(t.Context(), domain.RiskScorer); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the clear is made up for", func() bool { return l.of(domain.RiskScorer) > before })
	if n := l.of(domain.AnomalyDetector); n != 2 {
		t.Errorf("a model that was not cleared meanwhile was forgotten %d times, want 2", n)
	}
}

func TestAnAnnouncementThatIsLostIsMadeUpFor(t *testing.T) {
	s := redistest.Start(t)
	cfg := patient("redis://" + s.Addr())
	cfg.KeyPrefix = "l:"
	c := replica(t, cfg)
	c.CompareEvery(20 * time.Millisecond)
	l, _ := listen(t, c)
	s.Do("HSET", "l:cleared", "nowcaster", "what another replica set, and failed to publish")
	s.Do("HSET", "l:cleared", "unheard_of", "one token")
	eventually(t, "the models are forgotten", func() bool { return l.of(domain.Nowcaster) == 2 && l.of("unheard_of") == 1 })
	s.Do("DEL", "l:cleared")
	eventually(t, "nothing is known any more", func() bool { return l.of(domain.Nowcaster) == 3 && l.of("unheard_of") == 2 })
	if n := l.of(domain.RiskScorer); n != 2 { // at first, and when nothing was known
		t.Errorf("a model that nobody cleared was forgotten %d times", n)
	}
}

func TestARedisThatComesBackEmptyIsNotTrustedToHaveClearedNothing(t *testing.T) {
	s := redistest.Start(t)
	c := replica(t, patient("redis://"+s.Addr()))
	l, _ := listen(t, c)
	s.Restart()
	eventually(t, "everything is forgotten", func() bool {
		return l.of(domain.RiskScorer) >= 2 && l.of(domain.EvacuationPlanner) >= 2
	})
}

func TestTheBreakerIsLogged(t *testing.T) {
	s := redistest.Start(t)
	s.Kill()
	var log syncBuffer
	cfg := hasty(s)
	cfg.URL = "redis://user:hunter2@" + s.Addr()
	c, err := rediscache.New(cfg, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fails(t, c, rediscache.DefaultConfig().Timeout)
	if got := log.String(); !strings.Contains(got, "WARN") || !strings.Contains(got, "refused") || strings.Contains(got, "hunter2") {
		t.Errorf("logged: %s", got)
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestTheCallersDeadlineIsNotRedisFault(t *testing.T) {
	s := redistest.Start(t)
	c := open(t, patient("redis://"+s.Addr()))
	stored(t, c, k1, "answer")
	s.Pause()
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, _, _, err := c.Get(ctx, k1, nil)
		cancel()
		if domain.KindOf(err) != domain.KindDeadline || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Get: %v", err)
		}
	}
	if state := tier(c).State; state != "ok" {
		t.Errorf("state %q", state)
	}
	s.Resume()
	stored(t, c, k1, "answer")
}

func BenchmarkGet(b *testing.B) {
	c := open(b, patient("redis://"+redistest.Addr(b)))
	keys := make([]domain.Key, 100)
	for i := range keys {
		keys[i] = cachetest.Key(domain.RiskScorer, i)
		if err := c.Put(b.Context(), keys[i], make([]byte, 120), long); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("hit", func(b *testing.B) {
		b.ReportAllocs()
		ctx, dst := b.Context(), make([]byte, 0, 256)
		for b.Loop() {
			if _, _, ok, err := c.Get(ctx, keys[0], dst); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
	b.Run("hit/100 keys", func(b *testing.B) {
		b.ReportAllocs()
		ctx, out := b.Context(), make([]ports.Lookup, len(keys))
		for b.Loop() {
			if err := c.GetMany(ctx, keys, out); err != nil || !out[99].OK {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N*len(keys))/b.Elapsed().Seconds(), "keys/s")
	})
}

func BenchmarkPut(b *testing.B) {
	c := open(b, patient("redis://"+redistest.Addr(b)))
	b.ReportAllocs()
	ctx, value := b.Context(), make([]byte, 120)
	for b.Loop() {
		if err := c.Put(ctx, k1, value, long); err != nil {
			b.Fatal(err)
		}
	}
}
