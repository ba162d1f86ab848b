package osmregion

import (
	"encoding/csv"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/domain/roads"
)

// flowNetwork is a file of evac-instance-1: its lines without their numbers, and the nodes in it.
type flowNetwork struct {
	lines    map[string]bool
	vertices map[int64]bool
}

func readFlowNetwork(t *testing.T, name string) flowNetwork {
	t.Helper()
	f, err := os.Open(data(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	n := flowNetwork{map[string]bool{}, map[int64]bool{}}
	for _, r := range records[1:] {
		n.lines[strings.Join(r[1:], ",")] = true
		for _, node := range r[1:3] {
			id, err := strconv.ParseInt(node, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			n.vertices[id] = true
		}
	}
	return n
}

// endsOfFlows returns the vertices at which people begin or end in the scenarios of a file.
func endsOfFlows(t *testing.T, n *roads.Network, name string) (ends []roads.Vertex) {
	t.Helper()
	var file struct {
		Scenarios []struct{ Sources, Sinks map[string]*float64 }
	}
	readJSON(t, data(t, name), &file)
	for _, s := range file.Scenarios {
		for _, nodes := range []map[string]*float64{s.Sources, s.Sinks} {
			for node := range nodes {
				id, err := strconv.ParseInt(node, 10, 64)
				v, ok := n.Vertex(id)
				if err != nil || !ok {
					t.Fatalf("node %s is no vertex", node)
				}
				ends = append(ends, v)
			}
		}
	}
	return ends
}

// flowLine writes steps as the reference does.
func flowLine(n *roads.Network, steps []roads.Step) string {
	const stepSeconds = 36
	var seconds, metres float64
	capacity := int32(math.MaxInt32)
	for _, s := range steps {
		seconds += n.Seconds(s.Segment())
		metres += n.Metres(s.Segment())
		capacity = min(capacity, n.Way(s.Segment()).Capacity)
	}
	return fmt.Sprintf("%d,%d,%d,%d,%.1f", n.Node(n.Tail(steps[0])), n.Node(n.Head(steps[len(steps)-1])), max(1, int(math.Floor(seconds/stepSeconds+0.5))), max(1, capacity*stepSeconds/3600), metres)
}

// needed returns the lines of a reference that are on a way between two vertices to keep, and perhaps a few more: dead
// ends go, and so do rings that hang on one vertex, which shrink to a dead end when vertices in passing are left out.
func needed(t *testing.T, lines map[string]bool, keep map[int64]bool) []string {
	t.Helper()
	joins := map[int64]map[int64][]string{} // by two vertices, in any order: the lines between them
	join := func(a, b int64, lines ...string) {
		for _, d := range [2][2]int64{{a, b}, {b, a}} {
			if joins[d[0]] == nil {
				joins[d[0]] = map[int64][]string{}
			}
			joins[d[0]][d[1]] = append(joins[d[0]][d[1]], lines...)
		}
	}
	for line := range lines {
		var from, to int64
		if _, err := fmt.Sscanf(line, "%d,%d,", &from, &to); err != nil {
			t.Fatal(err)
		}
		join(from, to, line)
	}
	look := slices.Collect(maps.Keys(joins))
	for len(look) > 0 {
		v := look[len(look)-1]
		look = look[:len(look)-1]
		if keep[v] || len(joins[v]) == 0 || len(joins[v]) > 2 {
			continue
		}
		var ends []int64
		var passing []string
		for end, lines := range joins[v] {
			ends, passing = append(ends, end), append(passing, lines...)
			delete(joins[end], v)
		}
		delete(joins, v)
		if len(ends) == 2 {
			join(ends[0], ends[1], passing...)
		}
		look = append(look, ends...)
	}
	seen := map[string]bool{}
	for _, ends := range joins {
		for _, lines := range ends {
			for _, line := range lines {
				seen[line] = true
			}
		}
	}
	return slices.Collect(maps.Keys(seen))
}

// TestLinksAreThoseOfTheFlowNetworks cuts links where the reference stops in between, which it does in rings and
// where two links join the same vertices. What the reference has beside them leads nowhere.
func TestLinksAreThoseOfTheFlowNetworks(t *testing.T) {
	for _, extract := range []string{"liechtenstein", "poa"} {
		t.Run(extract, func(t *testing.T) {
			n, want := network(t, extract), readFlowNetwork(t, "../networks/"+extract+"_evac.csv")
			found := map[string]bool{}
			ends, keep := endsOfFlows(t, n, "../networks/"+extract+"_scenarios.json"), map[int64]bool{}
			for _, v := range ends {
				keep[n.Node(v)] = true
			}
			for _, l := range n.Links(ends, nil) {
				for first, i := 0, 1; i <= len(l.Steps); i++ {
					if i < len(l.Steps) && !want.vertices[n.Node(n.Head(l.Steps[i-1]))] {
						continue
					}
					line := flowLine(n, l.Steps[first:i])
					first = i
					if found[line] = true; !want.lines[line] {
						t.Errorf("the reference has no %s", line)
					}
				}
			}
			needed := needed(t, want.lines, keep)
			for _, line := range needed {
				if !found[line] {
					t.Errorf("%s is missing, and leads from one end to another", line)
				}
			}
			if len(needed) < len(want.lines)/2 {
				t.Errorf("only %d of %d links of the reference are needed", len(needed), len(want.lines))
			}
		})
	}
}
