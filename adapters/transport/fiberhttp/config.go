package fiberhttp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/adapters/transport/internal/tlsfiles"
)

// Config is the `http` section.
type Config struct {
	// Host is the address to listen on. The default is reached from the same machine only; put a proxy
	// that ends TLS in front before making it public.
	Host string `koanf:"host"`

	// Port to listen on. 0 takes any free port.
	Port int `koanf:"port"`

	// CORSOrigins are the origins ("https://map.example.org") whose pages may call the service from a
	// browser, or "*" for all. None by default.
	CORSOrigins []string `koanf:"cors_origins"`

	// MaxBodyBytes bounds the body of a request, on the wire and again when inflated. NDJSON bodies
	// may have any length. The default of 4 MiB holds a batch of several thousand locations.
	MaxBodyBytes int64 `koanf:"max_body_bytes"`

	// MaxLineBytes bounds one line of an NDJSON body. The default of 64 KiB is thirty times the longest
	// sensible question.
	MaxLineBytes int64 `koanf:"max_line_bytes"`

	// MaxHeaderBytes bounds the request line and the headers together; it is kept for each connection.
	// Default 8 KiB.
	MaxHeaderBytes int64 `koanf:"max_header_bytes"`

	// MaxConnections is how many connections may be open at once, and half of it how many of one client. When
	// they are all taken, the one that has been without a request for the longest time is closed for a new one;
	// where all are at work, a new one waits. It is lowered to what the limit of file descriptors allows.
	// Default 16384.
	MaxConnections int `koanf:"max_connections"`

	// MaxInFlight is how many requests may be under way at once, from when one has arrived completely to when
	// its answer is written. A quarter of them may be batches, an eighth evacuations. More are answered 503. How
	// many are worked on at once is another matter: see admission. Probes do not count. Default 512.
	MaxInFlight int `koanf:"max_in_flight"`

	// MaxBytesInFlight is how much the bodies and the answers under way may take together, beside the first
	// 8 KiB of each. When there is no more, the client that has sent or taken nothing for the longest time, a
	// second at least, is cut off; else a request is answered 503. Default 64 MiB.
	MaxBytesInFlight int64 `koanf:"max_bytes_in_flight"`

	// MaxStreams is how many NDJSON bodies may be open at once, apart from the other requests, and half of it how
	// many of one client. When they are all open, one on which nothing has come for two seconds ends for a new
	// one. Default 64.
	MaxStreams int `koanf:"max_streams"`

	// ReadTimeout is how long a client may take to send a request. Default 15s.
	ReadTimeout time.Duration `koanf:"read_timeout"`

	// WriteTimeout is how long a client may take to receive an answer, or one block of a stream.
	// Default 30s.
	WriteTimeout time.Duration `koanf:"write_timeout"`

	// MinRate is how many bytes a second a client has to send of a long body, or to take of a long answer, once
	// the time limits above are over: those are for short ones. Default 16 KiB.
	MinRate int64 `koanf:"min_rate"`

	// IdleTimeout closes connections without a request. Default 2m.
	IdleTimeout time.Duration `koanf:"idle_timeout"`

	// StreamIdleTimeout ends an NDJSON body of which nothing arrives for this long. Default 5m.
	StreamIdleTimeout time.Duration `koanf:"stream_idle_timeout"`

	// TrustedProxies are the addresses and networks (10.0.0.0/8) of proxies in front, of which the client's address
	// is taken from X-Forwarded-For, here and on the Connect listener. While there are any, nobody counts as a
	// program on the same machine. None by default.
	TrustedProxies []string `koanf:"trusted_proxies"`

	Quota Quota           `koanf:"quota"`
	TLS   tlsfiles.Config `koanf:"tls"`
}

// Quota bounds what one client without a key, that is one IPv4 address or one IPv6 /64 network, may ask for, over HTTP
// and over Connect and gRPC together. Behind a proxy all clients have the proxy's address unless http.trusted_proxies
// names it. Keys have quotas of their own in security.keys_file.
type Quota struct {
	// Requests that a client may make in every window, counted by what they cost: a place, a reading or a
	// page is 1, a plan 100. 0, the default, is no quota.
	Requests int `koanf:"requests"`

	// Window of the quota. A client that was quiet may use the whole quota at once. Default 1m.
	Window time.Duration `koanf:"window"`

	// MaxClients bounds the memory: when more clients than this are active, the eldest is forgotten.
	// Default 100000.
	MaxClients int `koanf:"max_clients"`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Host:              "127.0.0.1",
		Port:              8000,
		MaxBodyBytes:      4 << 20,
		MaxLineBytes:      64 << 10,
		MaxHeaderBytes:    8 << 10,
		MaxConnections:    16384,
		MaxInFlight:       512,
		MaxStreams:        64,
		MaxBytesInFlight:  64 << 20,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		MinRate:           16 << 10,
		IdleTimeout:       2 * time.Minute,
		StreamIdleTimeout: 5 * time.Minute,
		Quota:             Quota{Window: time.Minute, MaxClients: 100_000},
	}
}

// maxBytesLimit is more than any setting in bytes can mean.
const maxBytesLimit = 1 << 30

// Validate returns everything that is wrong.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Port < 0 || c.Port > 65535 {
		bad("port: %d is outside 0 to 65535", c.Port)
	}
	if _, err := netip.ParseAddr(c.Host); err != nil && strings.ContainsAny(c.Host, ":/[]") {
		bad("host: %q is neither a name nor an address such as 0.0.0.0 or ::1; the port is a setting of its own (PORT)", c.Host)
	}
	for _, o := range c.CORSOrigins {
		if u, err := url.Parse(o); o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "") {
			bad(`cors_origins: %q is neither an origin like "https://map.example.org" nor "*"`, o)
		}
	}
	for _, text := range c.TrustedProxies {
		if _, err := netip.ParsePrefix(text); err == nil {
			continue
		}
		if _, err := netip.ParseAddr(text); err != nil {
			bad("trusted_proxies: %q is neither an address such as 10.0.0.7 nor a network such as 10.0.0.0/8", text)
		}
	}
	for _, v := range []struct {
		key             string
		value, min, max int64
	}{
		{"max_body_bytes", c.MaxBodyBytes, 1, maxBytesLimit},
		{"max_line_bytes", c.MaxLineBytes, 1, maxBytesLimit},
		{"max_header_bytes", c.MaxHeaderBytes, 1 << 10, 1 << 20},
		{"max_connections", int64(c.MaxConnections), 1, 1 << 24},
		{"max_in_flight", int64(c.MaxInFlight), 1, 1 << 24},
		{"max_streams", int64(c.MaxStreams), 1, 1 << 24},
		{"max_bytes_in_flight", c.MaxBytesInFlight, 1 << 10, 1 << 40},
		{"min_rate", c.MinRate, 1, maxBytesLimit},
		{"quota.requests", int64(c.Quota.Requests), 0, 1 << 31},
	} {
		if v.value < v.min || v.value > v.max {
			bad("%s: %d is outside %d to %d", v.key, v.value, v.min, v.max)
		}
	}
	for _, v := range []struct {
		key   string
		value time.Duration
	}{
		{"read_timeout", c.ReadTimeout},
		{"write_timeout", c.WriteTimeout},
		{"idle_timeout", c.IdleTimeout},
		{"stream_idle_timeout", c.StreamIdleTimeout},
	} {
		if v.value <= 0 {
			bad("%s: %v must be above zero", v.key, v.value)
		}
	}
	if c.Quota.Requests > 0 {
		if c.Quota.Window < time.Second {
			bad("quota.window: %v must be at least 1s", c.Quota.Window)
		}
		if c.Quota.MaxClients < 1 {
			bad("quota.max_clients: %d must be at least 1", c.Quota.MaxClients)
		}
	}
	return errors.Join(append(errs, c.TLS.Validate())...)
}

func (c Config) addr() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }
