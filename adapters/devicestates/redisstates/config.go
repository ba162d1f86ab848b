package redisstates

import (
	"fmt"
	"time"
)

// Config of the states in Redis, on the server of cache.redis.
type Config struct {
	// How long a device may be silent before it is forgotten and begins anew. A device with five variables
	// takes about 2 KB. Let Redis evict nothing for want of memory, or it forgets devices, too.
	TTL time.Duration `koanf:"ttl"`
}

// DefaultConfig forgets a device after a month.
func DefaultConfig() Config { return Config{TTL: 30 * 24 * time.Hour} }

// Validate returns every problem.
func (c Config) Validate() error {
	if c.TTL < time.Minute {
		return fmt.Errorf("ttl: %v is less than the minute between two readings", c.TTL)
	}
	return nil
}
