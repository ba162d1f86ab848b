package k6

import (
	"slices"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/loadtest/internal/service"
)

// The script is told what the command line says, and k6 opens no port unless it is asked to.
func TestTheScriptIsToldEverything(t *testing.T) {
	o := Test{Scenario: "soak", Connect: true, Quick: true, Duration: time.Minute, Rate: 2.5, Seed: 7, MaxBatch: 300, Out: "x"}
	env := settings(o, &service.Service{HTTP: "http://h", Connect: "http://c"})
	for _, want := range []string{
		"SCENARIO=soak", "TRANSPORT=connect", "HTTP_URL=http://h", "CONNECT_URL=http://c", "SEED=7", "MAX_BATCH=300", "QUICK=1",
		"SECONDS=60", "RATE=2.5", "K6_WEB_DASHBOARD_PORT=-1",
	} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing in %q", want, env)
		}
	}
	o.Behaviour = true
	if env := settings(o, &service.Service{}); slices.Contains(env, "K6_WEB_DASHBOARD=true") || !slices.Contains(env, "BEHAVIOUR=1") {
		t.Errorf("%q", env)
	}
}
