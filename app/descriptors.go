package app

import (
	"log/slog"

	"github.com/guardy-ai/guardy/adapters/transport/adminhttp"
	"github.com/guardy-ai/guardy/app/config"
)

// reservedDescriptors are kept for what is not a connection of a client: listeners, logs, models, Redis, telemetry.
// Of a low limit it is a quarter.
const reservedDescriptors = 128

// capped are the settings that bound connections of clients.
var capped = []string{"http.max_connections", "connect.max_connections"}

// withinDescriptors lowers the bounds on connections to what a limit of open files allows, in proportion: a process
// that runs out of descriptors cannot read a model or ask Redis either. 0 is no limit.
func withinDescriptors(c config.Config, limit uint64, log *slog.Logger) config.Config {
	if limit == 0 || limit > 1<<30 {
		return c
	}
	reserved := min(reservedDescriptors, limit/4)
	admin := min(adminhttp.MaxConnections, limit/8)
	left := max(int(limit-reserved-admin), len(capped))
	wanted := 0
	for _, key := range capped {
		n, _ := config.Value[int](c, key)
		wanted += n
	}
	if wanted <= left {
		return c
	}
	for _, key := range capped {
		n, ok := config.Value[int](c, key)
		if !ok {
			continue
		}
		lowered := max(1, int(float64(n)*float64(left)/float64(wanted)))
		config.Set(&c, key, lowered)
		log.Warn("the limit of open files allows fewer connections than configured; raise it (ulimit -n, LimitNOFILE)",
			"key", key, "configured", n, "in_effect", lowered, "open_files", limit)
	}
	return c
}
