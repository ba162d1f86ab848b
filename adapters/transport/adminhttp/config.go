package adminhttp

import (
	"fmt"
	"net"
	"strconv"

	"github.com/guardy-ai/guardy/adapters/transport/internal/tlsfiles"
)

// Config is the `admin` section.
type Config struct {
	// Addr is the address of the operator's listener; empty turns it off. The default,
	// 127.0.0.1:9464, is reached from the same machine only. Profiles and figures tell a stranger much:
	// bind it elsewhere only on a network that is yours, for example the pod's address for Prometheus. Elsewhere
	// it asks for a key with the scope admin; while there is none, only /metrics and /readyz are shown to others.
	Addr string `koanf:"addr"`

	TLS tlsfiles.Config `koanf:"tls"`
}

// DefaultConfig returns the documented defaults.
func DefaultConfig() Config { return Config{Addr: "127.0.0.1:9464"} }

// Validate reports what is wrong with the address.
func (c Config) Validate() error {
	if err := c.TLS.Validate(); err != nil {
		return err
	}
	if c.Addr == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return fmt.Errorf("addr %q must be host:port, or empty for no admin listener", c.Addr)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("addr %q: the port must be a number from 0 to 65535", c.Addr)
	}
	return nil
}
