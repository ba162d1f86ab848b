package memorystates

import "fmt"

// Config of the states in the process.
type Config struct {
	// Memory that the states of devices may take, keys and bookkeeping included. A device with five
	// variables takes about 2 KB, so 64MiB hold some 30 000. Nothing is reserved beforehand. When it is
	// full, the devices that were silent longest are forgotten and begin anew.
	MaxBytes int64 `koanf:"max_bytes"`
}

// DefaultConfig holds the devices of a country's gauge network.
func DefaultConfig() Config { return Config{MaxBytes: 64 << 20} }

// minBytes is below any useful size; less is a unit that was forgotten.
const minBytes = 64 << 10

// Validate returns every problem.
func (c Config) Validate() error {
	if c.MaxBytes < minBytes {
		return fmt.Errorf("max_bytes: %d is less than the %d bytes that make sense", c.MaxBytes, minBytes)
	}
	return nil
}
