package adminhttp

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/pprof/profile"
)

// topFunctions is how many functions each list of topView has at most.
const topFunctions = 25

// topView is the answer of /top: the functions that took most processor time, themselves (flat) and with
// what they called (cumulative). Percentages are of the process's processor time in the profile.
type topView struct {
	Time       time.Time      `json:"time"`    // when the profile began
	Seconds    float64        `json:"seconds"` // how long it took
	Samples    int64          `json:"samples"` // 100 a second of each busy core
	CPUSeconds float64        `json:"cpu_seconds"`
	Flat       []functionView `json:"flat"`
	Cumulative []functionView `json:"cumulative"`
}

type functionView struct {
	Function          string  `json:"function"`
	Package           string  `json:"package"`
	Ours              bool    `json:"ours"` // of this repository
	FlatPercent       float64 `json:"flat_percent"`
	CumulativePercent float64 `json:"cumulative_percent"`
}

// functionTime is the nanoseconds of one function.
type functionTime struct {
	name             string
	flat, cumulative int64
}

// newTopView adds up a profile of the Go runtime, whose samples have a count and nanoseconds.
func newTopView(p *profile.Profile) topView {
	v := topView{Time: time.Unix(0, p.TimeNanos).UTC(), Seconds: time.Duration(p.DurationNanos).Seconds()}
	var total int64
	times := make(map[string]*functionTime)
	for _, s := range p.Sample {
		v.Samples += s.Value[0]
		total += s.Value[1]
		addSample(times, s)
	}
	v.CPUSeconds = time.Duration(total).Seconds()
	v.Flat = mostOf(times, total, func(t *functionTime) int64 { return t.flat })
	v.Cumulative = mostOf(times, total, func(t *functionTime) int64 { return t.cumulative })
	return v
}

// addSample gives a sample's time to the innermost of its functions, and once to each that led there.
func addSample(times map[string]*functionTime, s *profile.Sample) {
	seen := make(map[string]bool, len(s.Location))
	for i, name := range functions(s) {
		t := times[name]
		if t == nil {
			t = &functionTime{name: name}
			times[name] = t
		}
		if i == 0 {
			t.flat += s.Value[1]
		}
		if !seen[name] { // a function that calls itself has its time once
			seen[name] = true
			t.cumulative += s.Value[1]
		}
	}
}

// functions returns the names of a sample's functions, the innermost first.
func functions(s *profile.Sample) (names []string) {
	for _, at := range s.Location {
		if len(at.Line) == 0 {
			names = append(names, "unknown")
		}
		for _, line := range at.Line {
			names = append(names, line.Function.Name)
		}
	}
	return names
}

// mostOf lists the functions that have most of a time, leaving out those that have none.
func mostOf(times map[string]*functionTime, total int64, of func(*functionTime) int64) []functionView {
	all := slices.SortedFunc(maps.Values(times), func(a, b *functionTime) int {
		return cmp.Or(cmp.Compare(of(b), of(a)), cmp.Compare(b.cumulative, a.cumulative), strings.Compare(a.name, b.name))
	})
	out := []functionView{}
	for _, t := range all[:min(len(all), topFunctions)] {
		if of(t) == 0 {
			break
		}
		pkg := packageOf(t.name)
		out = append(out, functionView{
			Function: t.name, Package: pkg, Ours: pkg == "main" || strings.HasPrefix(pkg+"/", "github.com/guardy-ai/guardy/"),
			FlatPercent: percent(t.flat, total), CumulativePercent: percent(t.cumulative, total),
		})
	}
	return out
}

// packageOf returns the path of the package of a function; empty for one in assembly, which has none.
func packageOf(function string) string {
	plain, _, _ := strings.Cut(function, "[") // the path of a type argument would be taken for the function's
	folder := strings.LastIndexByte(plain, '/') + 1
	name, _, found := strings.Cut(plain[folder:], ".")
	if !found {
		return ""
	}
	return plain[:folder] + name
}

// percent is rounded to hundredths.
func percent(part, whole int64) float64 {
	return math.Round(1e4*float64(part)/float64(max(whole, 1))) / 100
}
