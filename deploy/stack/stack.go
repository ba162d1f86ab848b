package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// stack is a running installation.
type stack struct {
	// URL is the front's address for HTTP JSON and Connect, GRPC its host and port for gRPC.
	URL, GRPC string
	// Prometheus is its address; empty where it is not installed.
	Prometheus string

	redis    *process // the answers
	states   *process // what is known of devices
	secret   string   // password of both and mark of their values
	replicas []*process
	fronts   []*process
	admins   []string // host and port of each replica's admin listener
}

// options say what to run.
type options struct {
	guardy string // path of the program
	deploy string // the folder with nginx.conf and prometheus.yml
	dir    string // where files and logs go
	count  int    // replicas
}

// start brings the stack up from the back to the front.
func start(ctx context.Context, o options) (_ *stack, err error) {
	s := new(stack)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	ports, err := freePorts(ctx, 5+3*o.count)
	if err != nil {
		return nil, err
	}
	s.secret = rand.Text()
	// Answers are only worth what they cost to compute: what does not fit goes, and nothing is kept on disk.
	if s.redis, err = s.startRedis(ctx, o, "redis", ports[3],
		`save ""`, "appendonly no", "maxmemory 256mb", "maxmemory-policy allkeys-lru"); err != nil {
		return nil, err
	}
	// A state that is lost costs a device weeks of habits: they are kept on disk, and none is evicted.
	if s.states, err = s.startRedis(ctx, o, "redis-states", ports[4],
		"appendonly yes", "appendfsync everysec", "maxmemory 256mb", "maxmemory-policy noeviction"); err != nil {
		return nil, err
	}
	var api, rpc []string
	for i := range o.count {
		p := ports[5+3*i:]
		if err := s.startReplica(ctx, o, i, p[0], p[1], p[2]); err != nil {
			return nil, err
		}
		api, rpc, s.admins = append(api, loopback(p[0])), append(rpc, loopback(p[1])), append(s.admins, loopback(p[2]))
	}
	if err := s.startFront(ctx, o, ports[0], ports[1], api, rpc); err != nil {
		return nil, err
	}
	return s, s.startPrometheus(ctx, o, ports[2])
}

// startRedis runs a Redis that asks for the password. The directives stand in a file, where other users of the machine
// do not read them.
func (s *stack) startRedis(ctx context.Context, o options, name string, port int, directives ...string) (*process, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("install Debian's redis-server: %w", err)
	}
	dir := filepath.Join(o.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "redis.conf")
	text := strings.Join(append(directives, "bind 127.0.0.1", fmt.Sprint("port ", port), "dir "+dir, "requirepass "+s.secret), "\n")
	if err := os.WriteFile(conf, []byte(text+"\n"), 0o600); err != nil {
		return nil, err
	}
	p := &process{name: name, path: path, log: filepath.Join(o.dir, name+".log"), ready: listening(loopback(port)), args: []string{conf}}
	p.addr = loopback(port)
	return p, p.start(ctx)
}

func (s *stack) startReplica(ctx context.Context, o options, i, port, rpc, admin int) error {
	p := &process{
		name: fmt.Sprintf("replica-%d", i+1), path: o.guardy, args: []string{"serve"},
		log: filepath.Join(o.dir, fmt.Sprintf("replica-%d.log", i+1)),
		env: []string{
			"HOST=127.0.0.1", fmt.Sprintf("PORT=%d", port), "GUARDY_CONNECT_ADDR=" + loopback(rpc), "GUARDY_ADMIN_ADDR=" + loopback(admin),
			"REDIS_ENABLED=true", "REDIS_URL=redis://" + s.redis.addr + "/0", "GUARDY_CACHE_REDIS_PASSWORD=" + s.secret,
			"GUARDY_DEVICES_REDIS_URL=redis://" + s.states.addr + "/0", "GUARDY_DEVICES_REDIS_PASSWORD=" + s.secret,
			"GUARDY_CACHE_REDIS_SECRET=" + s.secret,
			"GUARDY_SHUTDOWN_DELAY=500ms",
		},
		ready: func(ctx context.Context) bool { return answers(ctx, "http://"+loopback(port)+"/readyz") },
	}
	s.replicas = append(s.replicas, p)
	return p.start(ctx)
}

// startFront runs nginx with the configuration of deploy/nginx and the addresses of this stack.
func (s *stack) startFront(ctx context.Context, o options, port, grpc int, api, rpc []string) error {
	path, err := exec.LookPath("nginx")
	if err != nil {
		return fmt.Errorf("install Debian's nginx-light: %w", err)
	}
	if err := copyFile(o.dir, filepath.Join(o.deploy, "nginx", "nginx.conf")); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"upstreams.conf":   upstream("guardy", api) + upstream("guardy_rpc", rpc),
		"listen.conf":      fmt.Sprintf("listen %s reuseport;\n", loopback(port)),
		"listen_grpc.conf": fmt.Sprintf("listen %s http2;\n", loopback(grpc)),
	} {
		if err := os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	// Where nginx keeps what it spools is compiled in and needs rights that a developer has not.
	global := "daemon off; pid nginx.pid;"
	conf := filepath.Join(o.dir, "nginx.conf")
	if err := inHTTP(conf, "client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;"); err != nil {
		return err
	}
	s.URL, s.GRPC = "http://"+loopback(port), loopback(grpc)
	p := &process{
		name: "nginx", path: path, args: []string{"-p", o.dir, "-c", conf, "-g", global, "-e", "stderr"},
		log: filepath.Join(o.dir, "nginx.log"), ready: func(ctx context.Context) bool { return answers(ctx, s.URL+"/readyz") },
	}
	s.fronts = append(s.fronts, p)
	return p.start(ctx)
}

// upstream is deploy/nginx/upstreams.conf for other addresses.
func upstream(name string, addrs []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "upstream %s {\n    least_conn;\n", name)
	for _, a := range addrs {
		fmt.Fprintf(&b, "    server %s max_fails=0;\n", a)
	}
	b.WriteString("    keepalive 128;\n}\n")
	return b.String()
}

// inHTTP puts directives at the beginning of the http section.
func inHTTP(conf, directives string) error {
	text, err := os.ReadFile(conf)
	if err != nil {
		return err
	}
	return os.WriteFile(conf, []byte(strings.Replace(string(text), "http {\n", "http {\n    "+directives+"\n", 1)), 0o600)
}

// startPrometheus runs Prometheus where it is installed, with the rules of deploy/prometheus.
func (s *stack) startPrometheus(ctx context.Context, o options, port int) error {
	path, err := exec.LookPath("prometheus")
	if err != nil {
		return nil //nolint:nilerr // the stack serves without it
	}
	if err := copyFile(o.dir, filepath.Join(o.deploy, "prometheus", "alerts.yml")); err != nil {
		return err
	}
	from, err := os.ReadFile(filepath.Join(o.deploy, "prometheus", "prometheus.yml"))
	if err != nil {
		return err
	}
	conf := filepath.Join(o.dir, "prometheus.yml")
	text := strings.Replace(string(from), "api-1:9464, api-2:9464", strings.Join(s.admins, ", "), 1)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return err
	}
	s.Prometheus = "http://" + loopback(port)
	p := &process{
		name: "prometheus", path: path, log: filepath.Join(o.dir, "prometheus.log"),
		args: []string{
			"--config.file", conf, "--storage.tsdb.path", filepath.Join(o.dir, "prometheus"), "--web.listen-address", loopback(port),
		},
		ready: func(ctx context.Context) bool { return answers(ctx, s.Prometheus+"/-/ready") },
	}
	s.fronts = append(s.fronts, p)
	return p.start(ctx)
}

// restart ends replica i in order and starts it again.
func (s *stack) restart(ctx context.Context, i int) error {
	return errors.Join(s.replicas[i].stop(), s.replicas[i].start(ctx))
}

// stop ends everything, the front first.
func (s *stack) stop() error {
	var errs []error
	for _, p := range s.processes() {
		errs = append(errs, p.stop())
	}
	return errors.Join(errs...)
}

// processes lists what was started, the front first.
func (s *stack) processes() []*process {
	all := slices.Concat(s.fronts, s.replicas)
	for _, p := range []*process{s.redis, s.states} {
		if p != nil {
			all = append(all, p)
		}
	}
	return all
}

func answers(ctx context.Context, url string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}
