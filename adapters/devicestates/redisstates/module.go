package redisstates

import (
	"fmt"
	"log/slog"

	"github.com/guardy-ai/guardy/adapters/internal/redisclient"
)

// Opener returns a constructor of the states in Redis. Redis being down does not stop the start. Redis is tried once
// before the constructor returns, and watched until the states are closed.
func Opener(server redisclient.Config, cfg Config) func(*slog.Logger) (*States, error) {
	return func(log *slog.Logger) (*States, error) {
		s, err := New(server, cfg, log)
		if err != nil {
			return nil, fmt.Errorf("devices.redis.%w", err)
		}
		s.client.Watch()
		return s, nil
	}
}
