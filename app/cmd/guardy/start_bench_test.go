package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkStart builds the program as it is shipped, starts it, and reports the time from exec to
// the first 200 of /readyz and the resident memory at that moment:
//
//	go test -run '^$' -bench Start -benchtime 20x ./app/cmd/guardy
//
// The limits are 300 ms and 60 MB.
func BenchmarkStart(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "guardy")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	var resident float64
	var ready time.Duration
	for b.Loop() {
		b.StopTimer()
		ports, err := freePorts(3)
		if err != nil {
			b.Fatal(err)
		}
		service := exec.Command(binary, "serve")
		service.Env = append(os.Environ(), "PORT="+ports[0],
			"GUARDY_CONNECT_ADDR=127.0.0.1:"+ports[1], "GUARDY_ADMIN_ADDR=127.0.0.1:"+ports[2])
		var log bytes.Buffer
		service.Stderr = &log
		ended := make(chan error, 1)
		b.StartTimer()

		start := time.Now()
		if err := service.Start(); err != nil {
			b.Fatal(err)
		}
		go func() { ended <- service.Wait() }()
		ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
		if err := awaitReady(ctx, "http://127.0.0.1:"+ports[0]+"/readyz", ended); err != nil {
			b.Fatal(err)
		}
		ready += time.Since(start)

		b.StopTimer()
		cancel()
		resident += residentMB(b, service.Process.Pid)
		if err := service.Process.Signal(syscall.SIGTERM); err != nil {
			b.Fatal(err)
		}
		if err := <-ended; err != nil {
			b.Fatalf("%v\n%s", err, log.String())
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(ready.Milliseconds())/float64(b.N), "ms-to-ready")
	b.ReportMetric(resident/float64(b.N), "MB-resident")
}

// residentMB reads the resident memory of a process, in MB of 10^6 bytes; 0 where there is no /proc.
func residentMB(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			kib, err := strconv.ParseFloat(fields[1], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kib * 1024 / 1e6
		}
	}
	return 0
}
