package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// machine is what Linux counts since the start of the machine; elsewhere it is all zero.
type machine struct {
	busy   time.Duration // of all processes, on all cores
	stolen time.Duration // that other guests of the host got of our cores
	waited time.Duration // in which some process that could run had no core
}

func readMachine() machine {
	var m machine
	if data, err := os.ReadFile("/proc/stat"); err == nil {
		line, _, _ := strings.Cut(string(data), "\n")
		m.busy, m.stolen = cpuLine(strings.Fields(line))
	}
	if data, err := os.ReadFile("/proc/pressure/cpu"); err == nil {
		m.waited = pressure(string(data))
	}
	return m
}

// since returns what was counted since an earlier reading.
func (m machine) since(earlier machine) machine {
	return machine{m.busy - earlier.busy, m.stolen - earlier.stolen, m.waited - earlier.waited}
}

// cpuLine adds up the fields of a cpu line: user, nice and system, then after idle and iowait the
// interrupts; then comes what was stolen. They count hundredths of a second on every platform that Go runs on.
func cpuLine(fields []string) (busy, stolen time.Duration) {
	ticks := func(i int) time.Duration {
		if i >= len(fields) {
			return 0
		}
		n, _ := strconv.ParseInt(fields[i], 10, 64)
		return time.Duration(n) * 10 * time.Millisecond
	}
	return ticks(1) + ticks(2) + ticks(3) + ticks(6) + ticks(7), ticks(8)
}

// pressure returns the total of the line "some" of /proc/pressure/cpu, which is in microseconds.
func pressure(file string) time.Duration {
	for line := range strings.Lines(file) {
		if some, ok := strings.CutPrefix(line, "some "); ok {
			_, total, _ := strings.Cut(some, "total=")
			var us int64
			_, _ = fmt.Sscan(total, &us)
			return time.Duration(us) * time.Microsecond
		}
	}
	return 0
}
