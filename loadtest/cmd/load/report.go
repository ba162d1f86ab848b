package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/loadtest/internal/k6"
	"github.com/guardy-ai/guardy/loadtest/internal/service"
)

// report is the summary for people, in Markdown.
func report(o k6.Test, s *service.Service, r result, u usage) []byte {
	var b bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# Load test: %s over %s\n", o.Scenario, map[bool]string{true: "Connect", false: "HTTP"}[o.Connect])
	p("**%s**\n", r.verdict())
	p("| | |\n|---|---|")
	p("| when | %s |", time.Now().UTC().Format(time.RFC3339))
	p("| machine | %s, %d cores, %s/%s |", processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	p("| commit | %s |", u.commit)
	p("| service | %s |", origin(s, u))
	p("| command | `load %s`, seed %d |", strings.Join(commandLine(), " "), o.Seed)
	p("| users | %d |", r.Shape.Users)
	p("| asked for | %s |", strings.Join(r.Setup.Served, ", "))
	if len(r.Setup.Left) > 0 {
		p("| **left out, not served** | %s |", strings.Join(r.Setup.Left, ", "))
	}
	p("| lasted | %.1f s |", r.State.Milliseconds/1000)
	p("| requests | %.0f, %.0f/s; %.0f came due that no user was free to send |",
		r.value("http_req_duration", "count"), r.value("http_req_duration", "count")/r.State.Milliseconds*1000, r.value("dropped_iterations", "count"))

	if r.breakpoint() {
		steps(p, r)
	} else {
		p("\n## Thresholds\n\n| metric | limit | measured | |\n|---|---|---|---|")
		for _, l := range r.limits() {
			p("| %s | `%s` | %.4g | %s |", l.metric, l.expression, l.value, map[bool]string{true: "held", false: "**crossed**"}[l.held])
		}
		if o.Behaviour {
			p("\nTimes were not judged (`--behaviour`).")
		}
	}

	p("\n## Endpoints\n\nTimes in ms, from the first byte sent to the last received; success is an answer that is right in every field; hits is the mean share of an answer that came from the cache.\n")
	p("| | requests | average | median | p95 | p99 | max | success | hits |\n|---|---|---|---|---|---|---|---|---|")
	for _, e := range r.Setup.Served {
		line(p, e, r, func(metric string) string { return part(metric, "endpoint", e) })
	}
	line(p, "**all**", r, func(metric string) string { return metric })
	if bad := r.Checks.List; len(bad) > 0 {
		p("\n## What was wrong\n")
		for _, c := range bad {
			p("- %d times %s", c.Fails, c.Name)
		}
	}
	resources(p, u)
	return b.Bytes()
}

func commandLine() []string { return os.Args[1:] }

type printer func(format string, args ...any)

func line(p printer, name string, r result, of func(string) string) {
	d := r.Metrics[of("http_req_duration")].Values
	hits := "–"
	if r.value(of("cache_hits"), "count") > 0 {
		hits = percent(r.value(of("cache_hits"), "avg"))
	}
	p("| %s | %.0f | %.2f | %.2f | %.2f | %.2f | %.1f | %s | %s |", name,
		d["count"], d["avg"], d["med"], d["p(95)"], d["p(99)"], d["max"], percent(r.value(of("success"), "rate")), hits)
}

func steps(p printer, r result) {
	p("\n## Steps\n\nA step holds when it was asked at %.0f %% of its rate at least and broke no limit. The run ends at the first step that broke one.\n", fullRate*100)
	p("| due/s | sent/s | average ms | p95 | p99 | max | success | |\n|---|---|---|---|---|---|---|---|")
	for k := 1; k <= r.Step.Count; k++ {
		name := fmt.Sprint(k)
		d := r.Metrics[part("http_req_duration", "step", name)].Values
		if d["count"] == 0 {
			break
		}
		p("| %.0f | %.0f | %.2f | %.2f | %.2f | %.1f | %s | %s |", r.Step.due(k), r.sent(k), d["avg"], d["p(95)"], d["p(99)"], d["max"],
			percent(r.value(part("success", "step", name), "rate")), map[bool]string{true: "holds", false: "**broke**"}[r.holds(k)])
	}
}

func resources(p printer, u usage) {
	p("\n## Resources\n\nk6 and the service share the machine: what one takes the other lacks, and times include waiting for a core.\n")
	p("| | |\n|---|---|")
	p("| processor, service | %.1f s, %s of a core |", u.service.Seconds(), percent(u.share(u.service)))
	p("| processor, k6 | %.1f s, %s of a core |", u.k6.Seconds(), percent(u.share(u.k6)))
	if m := u.machine; m.busy > 0 {
		p("| processor, everything else | %.1f s, %s of a core; the machine has %d |", u.others().Seconds(), percent(u.share(u.others())), u.cores)
		p("| some process waited for a core | %s of the time; the host took %.1f s of the cores |", percent(u.share(m.waited)), m.stolen.Seconds())
	}
	p("| slowest request by the service's own clock | %.1f ms since it started |", u.slowest)
	p("| resident memory of the service | %s at most, %s on average of %d samples (%d not answered) |", megabytes(u.peak), megabytes(u.mean), u.samples, u.missed)
	if u.redis != "" {
		p("| memory of Redis | %s |", u.redis)
	}
	if u.lookups > 0 {
		p("| cache lookups of the service | %d, %s hits (each location of a batch is one) |", u.lookups, percent(float64(u.hits)/float64(u.lookups)))
	}
	p("\n%s", u.memory)
}

func percent(share float64) string { return fmt.Sprintf("%.4g %%", share*100) }

func megabytes(bytes float64) string { return fmt.Sprintf("%.1f MB", bytes/1e6) }

func origin(s *service.Service, u usage) string {
	if !s.StartedHere() {
		return fmt.Sprintf("version %s, which was running already", u.version)
	}
	return "built from this commit and started for the run"
}

// commit names the commit of the working copy, and says when files differ from it.
func commit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*").Output() //nolint:noctx // a moment
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// processor is the model as /proc/cpuinfo has it.
func processor() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	lines := strings.Split(string(data), "\n")
	if i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "model name") }); i >= 0 {
		_, name, _ := strings.Cut(lines[i], ":")
		return strings.TrimSpace(name)
	}
	return "unknown processor"
}
