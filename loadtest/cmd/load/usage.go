package main

import (
	"context"
	"errors"
	"time"

	"github.com/guardy-ai/guardy/loadtest/internal/poll"
	"github.com/guardy-ai/guardy/loadtest/internal/service"
)

// usage is what a run took of the machine, and what the service says about its cache.
type usage struct {
	wall            time.Duration
	service, k6     time.Duration // processor time
	machine         machine
	cores           int
	peak, mean      float64 // resident bytes of the service
	samples, missed int
	hits, lookups   uint64
	slowest         float64 // request by the service's own clock since its start, in ms
	redis           string  // its memory; empty without Redis
	version         string
	commit          string // of the working copy when the run began
	memory          string // over time, for the report
}

// status is what the service says of itself.
type status struct {
	Version string `json:"version"`
	Process struct {
		ResidentBytes float64 `json:"resident_bytes"`
		CPUSeconds    float64 `json:"cpu_seconds"`
		CPUs          int     `json:"cpus"`
	} `json:"process"`
}

// performance is what the report needs of it.
type performance struct {
	Cache struct {
		Hits   uint64 `json:"hits"`
		Misses uint64 `json:"misses"`
	} `json:"cache_metrics"`
	Redis *struct{} `json:"redis_metrics"`
	Times struct {
		Max float64 `json:"max"`
	} `json:"response_times_ms"`
}

// watcher asks the service every second how it does.
type watcher struct {
	s    *service.Service
	stop func()

	start         time.Time
	machine       machine
	first, last   status
	before, after performance
	sum           float64
	use           usage
	err           error
}

func watch(ctx context.Context, s *service.Service) *watcher {
	w := &watcher{s: s, start: time.Now(), machine: readMachine(), use: usage{commit: commit()}}
	w.err = errors.Join(service.Get(ctx, s.HTTP+"/api/v1/models/status", &w.first), service.Get(ctx, s.HTTP+"/api/v1/metrics/performance", &w.before))
	w.stop = poll.Every(ctx, time.Second, w.sample)
	return w
}

func (w *watcher) sample(ctx context.Context) {
	var now status
	switch err := service.Get(ctx, w.s.HTTP+"/api/v1/models/status", &now); {
	case ctx.Err() != nil:
	case err != nil: // an overloaded service sheds this request like others
		w.use.missed++
	default:
		w.last = now
		w.use.samples++
		w.sum += now.Process.ResidentBytes
		w.use.peak = max(w.use.peak, now.Process.ResidentBytes)
	}
}

// end returns what was used. ctx may not have ended, or the last sample is missing; k6 is k6's own processor time.
func (w *watcher) end(ctx context.Context, k6 time.Duration) (usage, error) {
	w.use.wall, w.use.k6 = time.Since(w.start), k6
	w.use.machine = readMachine().since(w.machine)
	w.stop()
	w.sample(ctx)
	err := errors.Join(w.err, service.Get(ctx, w.s.HTTP+"/api/v1/metrics/performance", &w.after))
	if err != nil || w.use.samples == 0 {
		return w.use, errors.Join(err, errors.New("the service could not be watched"))
	}
	u := &w.use
	u.version, u.cores, u.mean = w.last.Version, w.last.Process.CPUs, w.sum/float64(u.samples)
	u.service = time.Duration((w.last.Process.CPUSeconds - w.first.Process.CPUSeconds) * float64(time.Second))
	u.slowest = w.after.Times.Max
	u.hits = w.after.Cache.Hits - w.before.Cache.Hits
	u.lookups = u.hits + w.after.Cache.Misses - w.before.Cache.Misses
	if w.after.Redis != nil {
		u.redis = "unknown"
		bytes, err := redisMemory(ctx, service.Environment("REDIS_URL", "redis://127.0.0.1:6379/0"))
		if err == nil {
			u.redis = megabytes(float64(bytes))
		} else {
			u.redis += ": " + err.Error()
		}
	}
	return *u, nil
}

// others is the processor time of everything but the service and k6.
func (u usage) others() time.Duration { return max(0, u.machine.busy-u.service-u.k6) }

// share is a processor time as a share of one core.
func (u usage) share(t time.Duration) float64 { return t.Seconds() / u.wall.Seconds() }
