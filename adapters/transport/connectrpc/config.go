package connectrpc

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/guardy-ai/guardy/adapters/transport/internal/tlsfiles"
)

// Config is the `connect` section.
type Config struct {
	// Addr is the host and port to listen on. The default is reached from the same machine only; put
	// a proxy that ends TLS in front before making it public. Port 0 takes any free port.
	Addr string `koanf:"addr"`

	// CORSOrigins are the origins ("https://map.example.org") whose pages may call the service from a
	// browser, or "*" for all. None by default.
	CORSOrigins []string `koanf:"cors_origins"`

	// MaxBodyBytes bounds the body of a unary call, on the wire and again when inflated. The default of
	// 4 MiB holds a batch of several thousand locations.
	MaxBodyBytes int64 `koanf:"max_body_bytes"`

	// MaxMessageBytes bounds one message of a stream, on the wire and again when inflated. The default
	// of 64 KiB is thirty times the longest sensible question.
	MaxMessageBytes int64 `koanf:"max_message_bytes"`

	// MaxConnections is how many connections may be open at once, and half of it how many of one client. When
	// they are all taken, the one that has been without a call for the longest time is closed for a new one;
	// where all are at work, a new one waits. It is lowered to what the limit of file descriptors allows.
	// Default 4096.
	MaxConnections int `koanf:"max_connections"`

	// MaxInFlight is how many unary calls may be under way at once, from when one has arrived completely to when
	// its answer is written. A quarter of them may be batches, an eighth evacuations. More are answered
	// `unavailable`. How many are worked on at once is another matter: see admission. Default 512.
	MaxInFlight int `koanf:"max_in_flight"`

	// MaxBytesInFlight is how much the bodies and the answers under way may take together, beside the first
	// 8 KiB of each. When there is no more, the client that has sent or taken nothing for the longest time, a
	// second at least, is cut off; else a call is answered `unavailable`. Default 64 MiB.
	MaxBytesInFlight int64 `koanf:"max_bytes_in_flight"`

	// MaxStreams is how many streams may be open at once, apart from the unary calls, and half of it how many of
	// one client. When they are all open, one on which nothing has come for two seconds ends for a new one.
	// Default 64.
	MaxStreams int `koanf:"max_streams"`

	// ReadHeaderTimeout is how long a client may take to send its headers. Default 5s.
	ReadHeaderTimeout time.Duration `koanf:"read_header_timeout"`

	// ReadTimeout is how long a client may take to send the body of a unary call. Default 15s.
	ReadTimeout time.Duration `koanf:"read_timeout"`

	// WriteTimeout is how long answering a unary call, or one block of a stream, may take with the client
	// receiving it. It should exceed predict.timeout. Default 30s.
	WriteTimeout time.Duration `koanf:"write_timeout"`

	// MinRate is how many bytes a second a client has to send of a long body, or to take of a long answer, once
	// the time limits above are over: those are for short ones. Default 16 KiB.
	MinRate int64 `koanf:"min_rate"`

	// IdleTimeout closes connections without a call. Default 2m.
	IdleTimeout time.Duration `koanf:"idle_timeout"`

	// StreamIdleTimeout ends a stream on which no message arrives for this long. Default 5m.
	StreamIdleTimeout time.Duration `koanf:"stream_idle_timeout"`

	TLS tlsfiles.Config `koanf:"tls"`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Addr:              "127.0.0.1:8081",
		MaxBodyBytes:      4 << 20,
		MaxMessageBytes:   64 << 10,
		MaxConnections:    4096,
		MaxInFlight:       512,
		MaxStreams:        64,
		MaxBytesInFlight:  64 << 20,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		MinRate:           16 << 10,
		IdleTimeout:       2 * time.Minute,
		StreamIdleTimeout: 5 * time.Minute,
	}
}

// maxBytesLimit is the largest size that a message of these protocols can have.
const maxBytesLimit = 1 << 30

// Validate returns everything that is wrong.
func (c Config) Validate() error {
	var errs []error
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		errs = append(errs, fmt.Errorf("addr: %q is not host:port", c.Addr))
	}
	for _, o := range c.CORSOrigins {
		if u, err := url.Parse(o); o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "") {
			errs = append(errs, fmt.Errorf(`cors_origins: %q is neither an origin like "https://map.example.org" nor "*"`, o))
		}
	}
	for _, v := range []struct {
		key   string
		value int64
	}{{"max_body_bytes", c.MaxBodyBytes}, {"max_message_bytes", c.MaxMessageBytes}, {"min_rate", c.MinRate}} {
		if v.value < 1 || v.value > maxBytesLimit {
			errs = append(errs, fmt.Errorf("%s: %d is outside 1 to %d bytes", v.key, v.value, maxBytesLimit))
		}
	}
	if c.MaxBytesInFlight < 1<<10 {
		errs = append(errs, fmt.Errorf("max_bytes_in_flight: %d must be at least %d", c.MaxBytesInFlight, 1<<10))
	}
	for _, v := range []struct {
		key   string
		value int
	}{{"max_connections", c.MaxConnections}, {"max_in_flight", c.MaxInFlight}, {"max_streams", c.MaxStreams}} {
		if v.value < 1 {
			errs = append(errs, fmt.Errorf("%s: %d must be at least 1", v.key, v.value))
		}
	}
	for _, v := range []struct {
		key   string
		value time.Duration
	}{
		{"read_header_timeout", c.ReadHeaderTimeout},
		{"read_timeout", c.ReadTimeout},
		{"write_timeout", c.WriteTimeout},
		{"idle_timeout", c.IdleTimeout},
		{"stream_idle_timeout", c.StreamIdleTimeout},
	} {
		if v.value <= 0 {
			errs = append(errs, fmt.Errorf("%s: %v must be above zero", v.key, v.value))
		}
	}
	return errors.Join(append(errs, c.TLS.Validate())...)
}
