package memorycache

import (
	"errors"
	"fmt"
)

// Config of the in-process cache.
type Config struct {
	// Memory that cached answers may take, keys and bookkeeping included. A flood-risk answer takes
	// about 280 bytes, so 12MiB hold some 45 000. Nothing is reserved beforehand. Raise it when the hit
	// rate suffers from evictions.
	MaxBytes int64 `koanf:"max_bytes"`
}

// DefaultConfig leaves room for 500 users within 150 MB.
func DefaultConfig() Config { return Config{MaxBytes: 12 << 20} }

// minBytes is below any useful size; less is a unit that was forgotten.
const minBytes = 64 << 10

// Validate returns every problem.
func (c Config) Validate() error {
	var errs []error
	if c.MaxBytes < minBytes {
		errs = append(errs, fmt.Errorf("max_bytes: %d is less than the %d bytes that make sense", c.MaxBytes, minBytes))
	}
	return errors.Join(errs...)
}
