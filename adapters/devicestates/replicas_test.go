//go:build unix

package devicestates_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/adapters/devicestates/memorystates"
	"github.com/guardy-ai/guardy/adapters/devicestates/redisstates"
	"github.com/guardy-ai/guardy/adapters/internal/redisclient"
	"github.com/guardy-ai/guardy/adapters/internal/redistest"
	"github.com/guardy-ai/guardy/adapters/modelsource/embedded"
	"github.com/guardy-ai/guardy/app/predict"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/predictortest"
)

// over returns the use case as a service has it, over a store of states.
func over(t *testing.T, states ports.DeviceStates) ports.AnomalyDetector {
	t.Helper()
	u := predict.New(predict.Deps{Source: embedded.New(), States: states, Recorder: ports.NopRecorder{}, Clock: time.Now})
	if err := u.Models.Load(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	return u.Anomalies
}

func TestADetectorOverMemory(t *testing.T) {
	predictortest.RunAnomalyDetector(t, func(t *testing.T) []ports.AnomalyDetector {
		s, err := memorystates.New(memorystates.DefaultConfig())
		if err != nil {
			t.Fatal(err)
		}
		return []ports.AnomalyDetector{over(t, s)}
	})
}

// TestReplicasOverRedis: whichever replica answers, the verdicts are those of one that saw everything.
func TestReplicasOverRedis(t *testing.T) {
	var prefixes atomic.Int64
	addr := redistest.Addr(t)
	for _, replicas := range []int{1, 2} {
		t.Run(fmt.Sprint(replicas), func(t *testing.T) {
			predictortest.RunAnomalyDetector(t, func(t *testing.T) []ports.AnomalyDetector {
				cfg := redisclient.DefaultConfig()
				cfg.URL, cfg.Timeout, cfg.KeyPrefix = "redis://"+addr, 20*time.Second, fmt.Sprintf("r%d:", prefixes.Add(1))
				out := make([]ports.AnomalyDetector, replicas)
				for i := range out {
					s, err := redisstates.New(cfg, redisstates.DefaultConfig(), slog.New(slog.DiscardHandler))
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = s.Close() })
					out[i] = over(t, s)
				}
				return out
			})
		})
	}
}

// TestARedisThatIsDownCostsTheState and never the answer.
func TestARedisThatIsDownCostsTheState(t *testing.T) {
	cfg := redisclient.DefaultConfig()
	cfg.URL = fmt.Sprintf("redis://127.0.0.1:%d", redistest.FreePort(t))
	s, err := redisstates.New(cfg, redisstates.DefaultConfig(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	d := over(t, s)
	for range 20 {
		a := predictortest.Detect(t, d, predictortest.Asked("d", predictortest.RandomReadings(rand.New(rand.NewPCG(1, 1)), 1)[0]))
		if names := fmt.Sprint(a.Quality.Names()); names != "[cold_start state_lost]" || a.Model.Name != domain.AnomalyDetector {
			t.Fatalf("quality %s", names)
		}
	}
}

// TestAFailoverCostsTheStateForAWhile: the master dies and its replica takes over. Readings are judged
// meanwhile, and devices are known again without anybody's help.
func TestAFailoverCostsTheStateForAWhile(t *testing.T) {
	master, heir, sentinel := redistest.Sentinel(t)
	cfg := redisclient.DefaultConfig()
	cfg.URL = "redis+sentinel://" + sentinel.Addr() + "?master_name=flood"
	cfg.Timeout, cfg.ProbeInterval = 20*time.Second, 50*time.Millisecond
	s, err := redisstates.New(cfg, redisstates.DefaultConfig(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	d := over(t, s)
	readings := predictortest.RandomReadings(rand.New(rand.NewPCG(1, 1)), 1)
	devices := 0
	// known shows a new device twice and says what is missing at the second reading.
	known := func() (missing anomaly.Quality) {
		devices++
		for range 2 {
			missing = predictortest.Detect(t, d, predictortest.Asked(fmt.Sprint("device ", devices), readings[0])).Quality
		}
		return missing & (anomaly.QualityNoState | anomaly.QualityStateLost)
	}
	if missing := known(); missing != 0 {
		t.Fatalf("before: %v", missing.Names())
	}
	master.Kill()
	if missing := known(); missing&anomaly.QualityStateLost == 0 && !heir.IsMaster() {
		t.Errorf("without a master: %v", missing.Names())
	}
	for start := time.Now(); known() != 0; time.Sleep(5 * time.Millisecond) {
		if time.Since(start) > 20*time.Second {
			t.Fatal("devices are still not known")
		}
	}
	if !heir.IsMaster() {
		t.Error("the replica is not the master")
	}
}
