//go:build unix

// Package redistest runs real redis-server processes for tests, which own them: they stop, pause,
// restart and fill them. Every server listens on a loopback port of its own, keeps nothing on disk
// and ends with its test.
package redistest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// patience bounds waiting for a process. It is reached only when something is broken.
const patience = 30 * time.Second

// Server is a redis-server process.
type Server struct {
	t    testing.TB
	port int
	args []string
	cmd  *exec.Cmd
	exit chan struct{}
	out  *output
}

// Addr returns the address of a server for tests that only ask it: the one that
// GUARDY_TEST_REDIS_ADDR names, else a process of the test's own.
func Addr(t testing.TB) string {
	t.Helper()
	if addr := os.Getenv("GUARDY_TEST_REDIS_ADDR"); addr != "" {
		return addr
	}
	return Start(t).Addr()
}

// Start runs a server with further arguments, "--maxmemory", "2mb". Without redis-server in the PATH
// the test is skipped; in CI it fails, because there nobody would notice.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	base := []string{
		"--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir(), "--daemonize", "no",
		"--enable-debug-command", "yes",
	}
	return start(t, append(base, args...)...)
}

func start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := &Server{t: t, args: args}
	t.Cleanup(s.Kill)
	// Between finding a free port and the server taking it, somebody else may have taken it.
	for range 5 {
		s.port = FreePort(t)
		if s.run() {
			return s
		}
	}
	t.Fatalf("redis-server does not start:\n%s", s.out)
	return nil
}

func binary(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if ci, _ := strconv.ParseBool(os.Getenv("CI")); ci {
			t.Fatal("CI must test against a real redis-server: install Debian's redis-server")
		}
		t.Skip("no redis-server in the PATH: install Debian's redis-server to run this test")
	}
	return path
}

// FreePort returns a loopback port that nobody listens on. It lies below the ports that the system
// gives to outgoing connections: one of those could take it while a server is down, and a client
// that dials again and again could even come to talk to itself.
func FreePort(t testing.TB) int {
	t.Helper()
	for {
		port := 12_000 + rand.IntN(20_000)
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = l.Close()
			return port
		}
	}
}

// run starts the process on s.port and reports whether it came to answer.
func (s *Server) run() bool {
	s.t.Helper()
	s.out = newOutput()
	s.cmd = exec.CommandContext(s.t.Context(), binary(s.t), append(s.args, "--port", strconv.Itoa(s.port))...)
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	s.cmd.SysProcAttr = endWithParent()
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	exit := make(chan struct{})
	s.exit = exit
	go func(cmd *exec.Cmd) { _ = cmd.Wait(); close(exit) }(s.cmd)

	select {
	case <-s.out.ready:
		return true
	case <-exit: // the port was taken after all
	case <-time.After(patience):
	}
	return false
}

// output keeps what a server says and notices when it is ready. To try to connect would not do: it
// may be another server that answers.
type output struct {
	ready chan struct{}

	mu   sync.Mutex
	text []byte
	seen bool
}

func newOutput() *output { return &output{ready: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	// The first is what a server says, the second a sentinel.
	if !o.seen && (bytes.Contains(o.text, []byte("Ready to accept connections")) || bytes.Contains(o.text, []byte("Sentinel ID is"))) {
		o.seen = true
		close(o.ready)
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}

// Addr returns host and port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Kill ends the process at once, as a crash would.
func (s *Server) Kill() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Kill() // works on a paused process, too
	<-s.exit
}

// Restart runs the server again on the same port, empty.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	if !s.run() {
		s.t.Fatalf("redis-server does not start again:\n%s", s.out)
	}
}

// Pause stops the process without closing its connections, as an overloaded machine would.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// Do runs one command and returns its answer.
func (s *Server) Do(args ...any) any {
	s.t.Helper()
	c := s.client()
	defer c.Close()
	v, err := c.Do(s.t.Context(), args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		s.t.Fatalf("%v: %v", args, err)
	}
	return v
}

func (s *Server) client() *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: s.Addr(), Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1, PoolSize: 1,
		DialTimeout: time.Second,
	})
}

// Cluster runs three masters that share the slots.
func Cluster(t testing.TB) []*Server {
	t.Helper()
	nodes := make([]*Server, 3)
	for i := range nodes {
		bus := FreePort(t)
		nodes[i] = Start(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port", strconv.Itoa(bus))
		first, last := 16384*i/len(nodes), 16384*(i+1)/len(nodes)-1
		nodes[i].Do("CLUSTER", "ADDSLOTSRANGE", first, last)
		if i > 0 {
			nodes[0].Do("CLUSTER", "MEET", "127.0.0.1", nodes[i].port, bus)
		}
	}
	for _, n := range nodes {
		n.wait(func() bool {
			info := fmt.Sprint(n.Do("CLUSTER", "INFO"))
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		})
	}
	return nodes
}

// Sentinel runs a master with a replica and one sentinel that watches them under the name "flood" and,
// when the master is gone for a moment, makes the replica the master.
func Sentinel(t testing.TB) (master, replica, sentinel *Server) {
	t.Helper()
	master = Start(t, "--repl-diskless-sync-delay", "0")
	replica = Start(t, "--replicaof", "127.0.0.1 "+strconv.Itoa(master.port))
	replica.wait(func() bool {
		return strings.Contains(fmt.Sprint(replica.Do("INFO", "replication")), "master_link_status:up")
	})
	dir := t.TempDir()
	file := filepath.Join(dir, "sentinel.conf")
	conf := fmt.Sprintf("bind 127.0.0.1\ndir %s\nsentinel monitor flood 127.0.0.1 %d 1\n"+
		"sentinel down-after-milliseconds flood 1000\nsentinel failover-timeout flood 5000\n", dir, master.port)
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel = start(t, file, "--sentinel")
	sentinel.wait(func() bool {
		return strings.Contains(fmt.Sprint(sentinel.Do("SENTINEL", "REPLICAS", "flood")), "master-link-status ok")
	})
	return master, replica, sentinel
}

// IsMaster tells whether the server takes writes.
func (s *Server) IsMaster() bool {
	s.t.Helper()
	return strings.HasPrefix(fmt.Sprint(s.Do("ROLE")), "[master")
}

func (s *Server) wait(ok func() bool) {
	s.t.Helper()
	for start := time.Now(); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > patience {
			s.t.Fatalf("redis-server at %s is not ready:\n%s", s.Addr(), s.out)
		}
	}
}
