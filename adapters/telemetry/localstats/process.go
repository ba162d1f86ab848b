package localstats

import (
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/guardy-ai/guardy/ports"
)

// process reads the vitals of this process. It stops nothing, unlike runtime.ReadMemStats.
func process(started time.Time) ports.ProcessStats {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	p := ports.ProcessStats{
		StartedAt:  started,
		HeapBytes:  samples[0].Value.Uint64(),
		Goroutines: runtime.NumGoroutine(),
		CPUs:       runtime.GOMAXPROCS(0),
		GoVersion:  runtime.Version(),
		CPUSeconds: cpuSeconds(),
	}
	var ok bool
	if p.ResidentBytes, ok = residentBytes(); !ok {
		// What the Go runtime holds is the nearest that every system can tell.
		p.ResidentBytes = samples[1].Value.Uint64() - samples[2].Value.Uint64()
	}
	return p
}
