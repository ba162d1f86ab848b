// Package flame draws a profile as a flame graph: one picture in one file, which a browser opens without a
// network and zooms and searches.
package flame

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/pprof/profile"
)

// Graph is a profile's stacks by one of its kinds of values.
type Graph struct {
	Kind, Unit string // "cpu", "nanoseconds"
	root       *frame
	functions  map[string]*function
}

// frame is a function where it was called from.
type frame struct {
	name  string
	value int64 // of the samples that pass through it
	calls map[string]*frame
}

// function is what a function has in all places.
type function struct {
	name             string
	flat, cumulative int64
}

// New reads the values of a kind, "cpu" or "alloc_space". What a difference of two profiles has lost is not
// shown.
func New(p *profile.Profile, kind string) (*Graph, error) {
	i := slices.IndexFunc(p.SampleType, func(t *profile.ValueType) bool { return t.Type == kind })
	if i < 0 {
		return nil, fmt.Errorf("the profile has no values of the kind %q", kind)
	}
	g := &Graph{Kind: kind, Unit: p.SampleType[i].Unit, root: &frame{name: "all"}, functions: map[string]*function{}}
	for _, s := range p.Sample {
		if s.Value[i] > 0 {
			g.add(stack(s), s.Value[i])
		}
	}
	return g, nil
}

// Total is the sum of all samples.
func (g *Graph) Total() int64 { return g.root.value }

// stack returns the functions of a sample, the outermost first.
func stack(s *profile.Sample) (names []string) {
	for _, at := range slices.Backward(s.Location) {
		for _, line := range slices.Backward(at.Line) { // the first is what was inlined into the others
			if line.Function != nil {
				names = append(names, line.Function.Name)
			}
		}
	}
	return names
}

func (g *Graph) add(names []string, value int64) {
	at := g.root
	at.value += value
	seen := map[string]bool{} // a function that calls itself has its time once
	for _, name := range names {
		next := at.calls[name]
		if next == nil {
			if at.calls == nil {
				at.calls = map[string]*frame{}
			}
			next = &frame{name: name}
			at.calls[name] = next
		}
		next.value += value
		at = next
		if !seen[name] {
			seen[name] = true
			g.function(name).cumulative += value
		}
	}
	if len(names) > 0 {
		g.function(at.name).flat += value
	}
}

func (g *Graph) function(name string) *function {
	f := g.functions[name]
	if f == nil {
		f = &function{name: name}
		g.functions[name] = f
	}
	return f
}

// Top lists the n functions that have most themselves, as `go tool pprof -top` does.
func (g *Graph) Top(n int) string {
	all := slices.SortedFunc(maps.Values(g.functions), func(a, b *function) int {
		return cmp.Or(cmp.Compare(b.flat, a.flat), cmp.Compare(b.cumulative, a.cumulative), strings.Compare(a.name, b.name))
	})
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s in all\n%10s %7s %10s %7s\n", g.Kind, g.format(g.root.value), "flat", "flat%", "cum", "cum%")
	for _, f := range all[:min(n, len(all))] {
		fmt.Fprintf(&b, "%10s %6.2f%% %10s %6.2f%%  %s\n", g.format(f.flat), g.share(f.flat), g.format(f.cumulative), g.share(f.cumulative), f.name)
	}
	return b.String()
}

// share is a percentage of all.
func (g *Graph) share(value int64) float64 {
	return 100 * float64(value) / float64(max(1, g.root.value))
}

// format writes a value in the largest unit that leaves a whole number before the point.
func (g *Graph) format(value int64) string {
	units := map[string][]string{"nanoseconds": {"ns", "µs", "ms", "s"}, "bytes": {"B", "kB", "MB", "GB"}}[g.Unit]
	if units == nil {
		return fmt.Sprint(value)
	}
	v, i := float64(value), 0
	for ; v >= 1000 && i < len(units)-1; i++ {
		v /= 1000
	}
	return fmt.Sprintf("%.4g %s", v, units[i])
}
