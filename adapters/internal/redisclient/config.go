package redisclient

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Config of Redis, for the cache and for the states of devices.
type Config struct {
	// Where Redis is (REDIS_URL): redis://user:password@host:6379/0, rediss:// for TLS, or
	// unix:///path/to.sock?db=0. A Cluster is redis+cluster://host1,host2 (rediss+cluster:// for TLS), or
	// simply more than one host; Sentinel is redis+sentinel://host1,host2/0?master_name=NAME, where the
	// hosts are the sentinels and user and password those of the master. Further parameters:
	// sentinel_username, skip_verify=true (TLS without checking the certificate). Special characters in
	// user and password are percent-encoded. Redis need not be up when the service starts.
	URL string `koanf:"url"`
	// Password of Redis, in place of one in the URL. Secret: set it by the environment or a file.
	Password string `koanf:"password"`
	// Password of the sentinels, where they ask for one. Secret: set it by the environment or a file.
	SentinelPassword string `koanf:"sentinel_password"`
	// Secret that marks every value (HMAC-SHA256), 16 characters at least. With it a value that somebody else
	// wrote to Redis is no answer; without it whoever may write there can change answers. All replicas need the
	// same one; a new one costs a cold cache and the states of devices. Set it by the environment or a file.
	Secret string `koanf:"secret"`
	// File with the certificates (PEM) that sign the server's, for TLS with a private authority.
	// Default: the system's.
	TLSCAFile string `koanf:"tls_ca_file"`
	// What every key begins with. Change it when installations share one Redis; a few bytes are best,
	// every entry carries them.
	KeyPrefix string `koanf:"key_prefix"`
	// Longest time that one lookup may take, connecting included. A store may take a quarter of it, that of
	// a device's state half of it, and is left out right after a failure, so that a request is never later
	// than one and a half times this. A call that takes more than half of it counts as a failure for the breaker. Raise it for
	// a Redis far away, not for one that is overloaded.
	Timeout time.Duration `koanf:"timeout"`
	// Connections kept to each server. Raise it when many requests run at once and lookups time out
	// while Redis is idle.
	PoolSize int `koanf:"pool_size"`
	// Failures among the last 20 calls after which Redis is no longer asked, 1 to 20.
	BreakerFailures int `koanf:"breaker_failures"`
	// Time between two attempts to reach a Redis that is no longer asked.
	ProbeInterval time.Duration `koanf:"probe_interval"`
}

// DefaultConfig asks a local server and delays no request by more than 50 ms.
func DefaultConfig() Config {
	return Config{
		URL:             "redis://127.0.0.1:6379/0",
		KeyPrefix:       "guardy:",
		Timeout:         40 * time.Millisecond,
		PoolSize:        32,
		BreakerFailures: 5,
		ProbeInterval:   time.Second,
	}
}

const (
	maxPrefix = 64
	minSecret = 16
)

// Validate returns every problem. It reads no file and asks no server.
func (c Config) Validate() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if _, err := parseURL(c.URL); err != nil {
		refuse("url: %w", err)
	}
	if c.Secret != "" && len(c.Secret) < minSecret {
		refuse("secret: it is shorter than %d characters; openssl rand -hex 32 makes one", minSecret)
	}
	if len(c.KeyPrefix) > maxPrefix {
		refuse("key_prefix: %d bytes are more than the %d that are allowed", len(c.KeyPrefix), maxPrefix)
	}
	if c.Timeout < 4*time.Millisecond || c.Timeout > time.Minute {
		refuse("timeout: %v is outside 4ms to 1m", c.Timeout)
	}
	if c.PoolSize < 1 || c.PoolSize > 10_000 {
		refuse("pool_size: %d is outside 1 to 10000", c.PoolSize)
	}
	if c.BreakerFailures < 1 || c.BreakerFailures > window {
		refuse("breaker_failures: %d is outside 1 to %d", c.BreakerFailures, window)
	}
	if c.ProbeInterval <= 0 {
		refuse("probe_interval: %v is not above 0", c.ProbeInterval)
	}
	return errors.Join(errs...)
}

// String shows the configuration without its secrets, however it is printed.
func (c Config) String() string {
	return fmt.Sprintf("{%s prefix=%q timeout=%v pool_size=%d breaker_failures=%d probe_interval=%v}",
		maskURL(c.URL), c.KeyPrefix, c.Timeout, c.PoolSize, c.BreakerFailures, c.ProbeInterval)
}

// GoString keeps %#v from showing what String hides.
func (c Config) GoString() string { return "redisclient.Config" + c.String() }

// LogValue keeps structured logs from showing what String hides.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// location is what a URL says.
type location struct {
	addrs              []string
	username, password string
	db                 int
	cluster, tls       bool
	skipVerify         bool
	master             string
	sentinelUsername   string
}

// parseURL reads a URL with any number of hosts, which net/url refuses. Its errors never quote the
// URL: it may hold a password.
func parseURL(text string) (location, error) {
	var l location
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return l, errors.New("it should look like redis://host:6379/0")
	}
	base, kind, _ := strings.Cut(scheme, "+")
	switch base {
	case "redis":
	case "rediss":
		l.tls = true
	case "unix":
	default:
		return l, errors.New("the scheme should be redis, rediss or unix, with +cluster or +sentinel where needed")
	}
	rest, query, _ := strings.Cut(rest, "?")
	if err := l.parseUser(&rest); err != nil {
		return l, err
	}
	hosts, db, _ := strings.Cut(rest, "/")
	if base == "unix" {
		if kind != "" || !strings.HasPrefix(rest, "/") || len(rest) == 1 {
			return l, errors.New("a socket should look like unix:///path/to.sock?db=0")
		}
		l.addrs, hosts, db = []string{rest}, "", ""
	}
	if err := l.parseQuery(query, db); err != nil {
		return l, err
	}
	port := "6379"
	switch {
	case kind == "sentinel" && l.master == "":
		return l, errors.New("redis+sentinel needs the parameter master_name")
	case kind != "sentinel" && l.master+l.sentinelUsername != "":
		return l, errors.New("master_name and sentinel_username belong to redis+sentinel://")
	case kind == "sentinel":
		port = "26379"
	case kind == "cluster" || kind == "" && strings.Contains(hosts, ","):
		if l.cluster = true; l.db != 0 {
			return l, errors.New("a Cluster has no database but 0")
		}
	case kind != "":
		return l, errors.New("the scheme may end in +cluster or +sentinel, nothing else")
	}
	if base == "unix" {
		return l, nil
	}
	return l, l.parseHosts(hosts, port)
}

func (l *location) parseUser(rest *string) (err error) {
	i := strings.LastIndexByte(*rest, '@')
	if i < 0 {
		return nil
	}
	user, password, _ := strings.Cut((*rest)[:i], ":")
	*rest = (*rest)[i+1:]
	if l.username, err = url.PathUnescape(user); err == nil {
		l.password, err = url.PathUnescape(password)
	}
	if err != nil {
		return errors.New("user or password is not percent-encoded")
	}
	return nil
}

func (l *location) parseQuery(query, db string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("the parameters after ? cannot be read")
	}
	for name := range values {
		v := values.Get(name)
		switch name {
		case "db":
			db = v
		case "master_name":
			l.master = v
		case "sentinel_username":
			l.sentinelUsername = v
		case "skip_verify":
			if l.skipVerify, err = strconv.ParseBool(v); err != nil {
				return errors.New("skip_verify is neither true nor false")
			}
		default:
			return fmt.Errorf("unknown parameter %q; known are db, master_name, sentinel_username, skip_verify", name)
		}
	}
	if db == "" {
		return nil
	}
	if l.db, err = strconv.Atoi(db); err != nil || l.db < 0 {
		return errors.New("the database should be a number such as 0")
	}
	return nil
}

func (l *location) parseHosts(hosts, port string) error {
	for host := range strings.SplitSeq(hosts, ",") {
		h, p, err := net.SplitHostPort(host)
		if err != nil {
			h, p, err = net.SplitHostPort(host + ":" + port)
		}
		if n, nerr := strconv.ParseUint(p, 10, 16); err != nil || nerr != nil || n == 0 || h == "" {
			return errors.New("a host should look like name:6379")
		}
		l.addrs = append(l.addrs, net.JoinHostPort(h, p))
	}
	return nil
}

// maskURL hides what stands between the user's name and the host.
func maskURL(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return "***" // not a URL: it may be anything, a password too
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, _, _ := strings.Cut(rest[:i], ":")
		rest = user + ":***" + rest[i:]
	}
	return scheme + "://" + rest
}

// options are those of every client, with one limit for dialling, waiting, writing and reading.
// Nothing is retried: the caller can compute the answer faster than it can wait.
func (c Config) options(limit time.Duration, poolSize int) (*redis.UniversalOptions, error) {
	l, err := parseURL(c.URL)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	o := &redis.UniversalOptions{
		Addrs: l.addrs, DB: l.db, MasterName: l.master, IsClusterMode: l.cluster,
		Username: l.username, Password: l.password,
		SentinelUsername: l.sentinelUsername, SentinelPassword: c.SentinelPassword,

		ContextTimeoutEnabled: true,
		DialTimeout:           limit, ReadTimeout: limit, WriteTimeout: limit, PoolTimeout: limit,
		MaxRetries: -1, DialerRetries: 1,
		// A Cluster that moves a slot answers with the new place: following at once is no retry.
		MaxRedirects: 2, MinRetryBackoff: -1, MaxRetryBackoff: -1,

		PoolSize: poolSize, PipelinePoolSize: -1, // lookups are pipelines: one pool will do
		ReadBufferSize: 8 << 10, WriteBufferSize: 8 << 10,
		// The least that a connection can be opened with.
		Protocol: 2, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if c.Password != "" {
		o.Password = c.Password
	}
	if l.tls {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: l.skipVerify}
		if c.TLSCAFile != "" {
			pem, err := os.ReadFile(c.TLSCAFile)
			if err != nil {
				return nil, fmt.Errorf("tls_ca_file: %w", err)
			}
			o.TLSConfig.RootCAs = x509.NewCertPool()
			if !o.TLSConfig.RootCAs.AppendCertsFromPEM(pem) {
				return nil, fmt.Errorf("tls_ca_file: %s holds no PEM certificate", c.TLSCAFile)
			}
		}
	}
	return o, nil
}
