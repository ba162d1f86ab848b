package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// result is what k6 measured, as scenarios/load.js writes it.
type result struct {
	Metrics map[string]metric `json:"metrics"`
	Checks  struct {
		List []struct {
			Name  string `json:"name"`
			Fails int    `json:"fails"`
		} `json:"checks"`
	} `json:"root_group"`
	Setup struct {
		Served []string `json:"served"`
		Left   []string `json:"left"`
	} `json:"setup_data"`
	State struct {
		Milliseconds float64 `json:"testRunDurationMs"`
	} `json:"state"`
	Step     *step     `json:"step"`     // of a breakpoint
	Overload *overload `json:"overload"` // of an overload
	Shape    struct {
		Users int `json:"users"`
	} `json:"shape"`
}

// step is one rate of a breakpoint: step k asks k·Rate times a second.
type step struct {
	Rate    float64 `json:"rate"`
	Seconds float64 `json:"seconds"`
	Count   int     `json:"count"`
}

type metric struct {
	Values     map[string]float64           `json:"values"`
	Thresholds map[string]struct{ OK bool } `json:"thresholds"`
}

func readResult(path string) (result, error) {
	var r result
	data, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("read %s: %w", path, err)
	}
	return r, nil
}

func (r result) breakpoint() bool { return r.Step != nil }

// value is 0 when nothing was measured.
func (r result) value(metric, name string) float64 { return r.Metrics[metric].Values[name] }

// part is the metric of the requests with a tag.
func part(metric, tag, value string) string { return metric + "{" + tag + ":" + value + "}" }

// verdict says in a word how the run ended.
func (r result) verdict() string {
	if r.breakpoint() {
		if k := r.knee(); k > 0 {
			return fmt.Sprintf("the knee is above %.0f requests/s", r.Step.due(k))
		}
		return "the first step broke a limit"
	}
	for _, l := range r.limits() {
		if !l.held {
			return "FAILED"
		}
	}
	return "passed"
}

// limit is a threshold and what was measured.
type limit struct {
	metric, expression string
	value              float64
	held               bool
}

// limits lists the thresholds of the run in a fixed order.
func (r result) limits() []limit {
	var out []limit
	for name, m := range r.Metrics {
		for expression, t := range m.Thresholds {
			aggregate, _, _ := strings.Cut(strings.NewReplacer("<=", "<", ">=", "<", ">", "<").Replace(expression), "<")
			out = append(out, limit{name, expression, m.Values[aggregate], t.OK})
		}
	}
	slices.SortFunc(out, func(a, b limit) int { return strings.Compare(a.metric+a.expression, b.metric+b.expression) })
	return out
}

// knee is the last step of a breakpoint that was asked at its full rate and broke no limit; 0 for none.
func (r result) knee() int {
	for k := 1; k <= r.Step.Count; k++ {
		if !r.holds(k) {
			return k - 1
		}
	}
	return r.Step.Count
}

// fullRate is the share of the requests due in a step that have to be sent for it to count.
const fullRate = 0.95

// due is the rate at which requests come due in step k. In its first second the rate climbs from that of
// the step before.
func (s step) due(k int) float64 { return s.Rate * (float64(k) - 0.5/s.Seconds) }

func (r result) holds(k int) bool {
	for _, name := range []string{"http_req_duration", "success"} {
		for _, t := range r.Metrics[part(name, "step", fmt.Sprint(k))].Thresholds {
			if !t.OK {
				return false
			}
		}
	}
	return r.sent(k) >= fullRate*r.Step.due(k)
}

// sent is the rate at which step k was asked.
func (r result) sent(k int) float64 {
	return r.value(part("http_req_duration", "step", fmt.Sprint(k)), "count") / r.Step.Seconds
}
