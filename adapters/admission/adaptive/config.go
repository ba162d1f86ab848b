package adaptive

import (
	"errors"
	"fmt"
	"time"
)

// Config is the `admission` section.
type Config struct {
	// MaxSlots is the most slots that there may be. How many there are adapts to latency, from two for each
	// processor up. A single request takes one slot while it is worked on, a batch one for every 32 KiB of its
	// body. Bulk requests may have half of the slots, plans a quarter. Default 256.
	MaxSlots int `koanf:"max_slots"`

	// WaitSingle is how long a single request may wait for a slot before it is shed. While the queue has not
	// been empty for a tenth of a second, a tenth of it. Default 500ms.
	WaitSingle time.Duration `koanf:"wait_single"`

	// WaitBulk is the same for a batch and for a block of a stream of HTTP. Default 1s.
	WaitBulk time.Duration `koanf:"wait_bulk"`

	// WaitPlan is the same for an evacuation. The making of a plan waits apart: evacuation.queue. Default 2s.
	WaitPlan time.Duration `koanf:"wait_plan"`
}

// DefaultConfig returns the documented defaults.
func DefaultConfig() Config {
	return Config{MaxSlots: 256, WaitSingle: 500 * time.Millisecond, WaitBulk: time.Second, WaitPlan: 2 * time.Second}
}

// Validate reports every problem.
func (c Config) Validate() error {
	var errs []error
	if c.MaxSlots < 1 || c.MaxSlots > 1<<20 {
		errs = append(errs, fmt.Errorf("max_slots: %d is outside 1 to %d", c.MaxSlots, 1<<20))
	}
	for _, v := range []struct {
		key   string
		value time.Duration
	}{{"wait_single", c.WaitSingle}, {"wait_bulk", c.WaitBulk}, {"wait_plan", c.WaitPlan}} {
		if v.value <= 0 {
			errs = append(errs, fmt.Errorf("%s: %v must be above zero", v.key, v.value))
		}
	}
	return errors.Join(errs...)
}
