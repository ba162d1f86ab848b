package redisstates

import (
	"errors"
	"fmt"
	"time"

	"github.com/guardy-ai/guardy/adapters/internal/redisclient"
)

// Config of the states in Redis.
type Config struct {
	// Where the states of devices are, in the form of cache.redis.url. Not set, they are on the server of
	// cache.redis, which may evict them for want of memory or lose them at a restart. Give them a server of
	// their own that keeps its data on disk, with the policy noeviction: another database of the same server has
	// the same policy.
	URL string `koanf:"url"`
	// Password of that server, in place of one in the URL. Secret: set it by the environment or a file.
	Password string `koanf:"password"`
	// File with the certificates (PEM) that sign that server's. Default: the system's.
	TLSCAFile string `koanf:"tls_ca_file"`
	// How long a device may be silent before it is forgotten and begins anew. A device with five variables
	// takes about 2 KB.
	TTL time.Duration `koanf:"ttl"`
}

// DefaultConfig forgets a device after a month.
func DefaultConfig() Config { return Config{TTL: 30 * 24 * time.Hour} }

// Validate returns every problem.
func (c Config) Validate() error {
	var errs []error
	if c.TTL < time.Minute {
		errs = append(errs, fmt.Errorf("ttl: %v is less than the minute between two readings", c.TTL))
	}
	switch {
	case c.URL != "":
		server := redisclient.DefaultConfig()
		server.URL = c.URL
		errs = append(errs, server.Validate())
	case c.Password != "" || c.TLSCAFile != "":
		errs = append(errs, errors.New("url: a password or an authority is set and no server; set devices.redis.url"))
	}
	return errors.Join(errs...)
}

// server returns the server of the states: that of the cache, unless another is named. Prefix, secret, times and pool
// are the cache's.
func (c Config) server(cache redisclient.Config) redisclient.Config {
	if c.URL != "" {
		cache.URL, cache.Password, cache.SentinelPassword, cache.TLSCAFile = c.URL, c.Password, "", c.TLSCAFile
	}
	return cache
}
