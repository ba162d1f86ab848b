package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/loadtest/internal/service"
)

// overload is how the scenario of that name asked.
type overload struct {
	Rate    float64 `json:"rate"` // taken for the saturation, requests a second
	Seconds float64 `json:"seconds"`
	Pause   float64 `json:"pause"`
	Phases  []struct {
		Name  string  `json:"name"`
		Times float64 `json:"times"`
	} `json:"phases"`
}

// What is to be reached at three times saturation.
const (
	worstPhase     = "3"
	afterPhase     = "after"
	leastGoodput   = 0.9   // of its peak
	slowestSingle  = 80.0  // p99 of what was accepted, in ms
	leastAccepted  = 0.999 // of singles
	mostResident   = 300e6 // bytes
	leastRecovered = 0.999 // of all that was asked after the load
)

// classes are those of the mixture, by weight.
var classes = []struct {
	name   string
	weight float64 // of an answer in the goodput, by what it costs: a batch of a hundred, a plan of a town
}{{"single", 1}, {"bulk", 10}, {"plan", 30}}

// count is a counter of a class in a phase.
func (r result) count(metric, phase, class string) float64 {
	return r.value(fmt.Sprintf("%s{phase:%s,class:%s}", metric, phase, class), "count")
}

// goodput is answers a second in a phase: of all classes, and weighted by what they cost.
func (r result) goodput(phase string) (answers, weighted float64) {
	for _, c := range classes {
		n := r.count("answered", phase, c.name) / r.Overload.Seconds
		answers += n
		weighted += c.weight * n
	}
	return answers, weighted
}

// accepted is the share of what was asked that was answered.
func (r result) accepted(phase, class string) float64 {
	asked := r.count("asked", phase, class)
	if asked == 0 {
		return 0
	}
	return r.count("answered", phase, class) / asked
}

// goals lists what is to be reached, and whether it was.
func (r result) goals(peakResident float64) []limit {
	most, mostWeighted := 0.0, 0.0
	for _, p := range r.Overload.Phases {
		answers, weighted := r.goodput(p.Name)
		most, mostWeighted = max(most, answers), max(mostWeighted, weighted)
	}
	answers, weighted := r.goodput(worstPhase)
	slowest := r.value(fmt.Sprintf("took{phase:%s,class:single}", worstPhase), "p(99)")
	out := []limit{
		{"goodput at 3, of its peak", fmt.Sprintf(">=%g", leastGoodput), answers / most, answers >= leastGoodput*most},
		{"goodput at 3 by cost, of its peak", fmt.Sprintf(">=%g", leastGoodput), weighted / mostWeighted, weighted >= leastGoodput*mostWeighted},
		{"p99 of accepted singles at 3, ms", fmt.Sprintf("<=%g", slowestSingle), slowest, slowest <= slowestSingle},
		{"singles accepted at 3", fmt.Sprintf(">=%g", leastAccepted), r.accepted(worstPhase, "single"), r.accepted(worstPhase, "single") >= leastAccepted},
		{"resident memory, MB", fmt.Sprintf("<=%g", mostResident/1e6), peakResident / 1e6, peakResident <= mostResident},
	}
	for _, c := range classes {
		share := r.accepted(afterPhase, c.name)
		out = append(out, limit{c.name + " accepted after", fmt.Sprintf(">=%g", leastRecovered), share, share >= leastRecovered})
	}
	return out
}

// overloadReport is the summary of an overload for people, in Markdown, and whether everything was reached.
func overloadReport(s *service.Service, r result, u usage) (page []byte, reached bool) {
	var b bytes.Buffer
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# Load test: overload\n")
	p("| | |\n|---|---|")
	p("| when | %s |", time.Now().UTC().Format(time.RFC3339))
	p("| machine | %s, %d cores |", processor(), u.cores)
	p("| commit | %s |", u.commit)
	p("| service | %s |", origin(s, u))
	p("| command | `load %s` |", strings.Join(commandLine(), " "))
	p("| taken for the saturation | %g requests/s, single : bulk : plan = 20 : 2 : 1 |", r.Overload.Rate)
	p("| each phase | %g s; the last begins %g s after the one before |", r.Overload.Seconds, r.Overload.Pause)
	p("\n| times saturation | class | asked/s | not sent/s | answered/s | answered | shed | failed | median ms | p99 ms |\n|---|---|---|---|---|---|---|---|---|---|")
	for _, phase := range r.Overload.Phases {
		for _, c := range classes {
			took := r.Metrics[fmt.Sprintf("took{phase:%s,class:%s}", phase.Name, c.name)].Values
			dropped := r.value(fmt.Sprintf("dropped_iterations{scenario:%s_%s}", c.name, strings.ReplaceAll(phase.Name, ".", "_")), "count")
			p("| %s | %s | %.1f | %.1f | %.1f | %s | %.0f | %.0f | %.1f | %.1f |", phase.Name, c.name,
				r.count("asked", phase.Name, c.name)/r.Overload.Seconds, dropped/r.Overload.Seconds,
				r.count("answered", phase.Name, c.name)/r.Overload.Seconds, percent(r.accepted(phase.Name, c.name)),
				r.count("shed", phase.Name, c.name), r.count("failed", phase.Name, c.name), took["med"], took["p(99)"])
		}
	}
	p("\n| goal | | measured | |\n|---|---|---|---|")
	reached = true
	for _, g := range r.goals(u.peak) {
		reached = reached && g.held
		p("| %s | `%s` | %.4g | %s |", g.metric, g.expression, g.value, map[bool]string{true: "reached", false: "**missed**"}[g.held])
	}
	resources(p, u)
	return b.Bytes(), reached
}
