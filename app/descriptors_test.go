package app

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/app/config"
)

func TestConnectionsAreHeldAgainstTheLimitOfOpenFiles(t *testing.T) {
	for _, tt := range []struct {
		limit         uint64
		http, connect int
	}{
		{0, 16384, 4096},
		{1 << 20, 16384, 4096},
		{20672, 16384, 4096}, // 20480 and what is kept for others
		{1024, 665, 166},
		{150, 76, 19},
	} {
		var log strings.Builder
		c := withinDescriptors(config.Default(), tt.limit, slog.New(slog.NewTextHandler(&log, nil)))
		http, _ := config.Value[int](c, "http.max_connections")
		connect, _ := config.Value[int](c, "connect.max_connections")
		if http != tt.http || connect != tt.connect {
			t.Errorf("%d: %d and %d, want %d and %d", tt.limit, http, connect, tt.http, tt.connect)
		}
		if lowered := strings.Count(log.String(), "level=WARN"); lowered != 0 && tt.http == 16384 || lowered == 0 && tt.http != 16384 {
			t.Errorf("%d: %s", tt.limit, &log)
		}
	}
}
