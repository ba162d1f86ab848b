package adminhttp

import (
	"net/http"
	"net/http/pprof"
	"runtime"
	"sync"
)

// The runtime keeps no profile of waiting unless it is told how much of it, because that costs each wait
// something. It is told for the seconds that a profile takes.
const (
	blockNanoseconds = 10_000 // of waiting, for which one event is kept on average
	mutexEvents      = 10     // of which one is kept
)

func blockProfile() http.HandlerFunc {
	return sampled("block", func() { runtime.SetBlockProfileRate(blockNanoseconds) }, func() { runtime.SetBlockProfileRate(0) })
}

func mutexProfile() http.HandlerFunc {
	return sampled("mutex", func() { runtime.SetMutexProfileFraction(mutexEvents) }, func() { runtime.SetMutexProfileFraction(0) })
}

// sampled serves a profile over ?seconds= with the sampling on. Without that, it shows what earlier ones saw.
func sampled(name string, on, off func()) http.HandlerFunc {
	var one sync.Mutex
	profile := pprof.Handler(name)
	return func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("seconds") != "" {
			if !one.TryLock() { // the first to end would switch the other's sampling off
				problem(w, r, http.StatusConflict, "conflict", "another "+name+" profile is under way")
				return
			}
			defer one.Unlock()
			on()
			defer off()
		}
		profile.ServeHTTP(w, r)
	}
}
