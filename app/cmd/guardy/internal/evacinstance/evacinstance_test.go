package evacinstance_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/evacinstance"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/quickest"
)

const roads = `edge_id,from,to,transit_steps,capacity_per_step,length_m
7,100,200,2,3,12.5
5,200,300,1,4000000000,1
9,300,300,0,0,0
`

const floods = `{"format": "evac-instance-1", "scenarios": [{
	"scenario": "one", "note": "not read",
	"blocked_edges": [9, 12345],
	"sources": {"100": 6, "400": 1},
	"sinks": {"300": null, "200": 5, "500": 4000000000}
}]}`

func TestFilesAreRead(t *testing.T) {
	n, err := evacinstance.ReadNetwork(strings.NewReader(roads))
	if err != nil {
		t.Fatal(err)
	}
	scenarios, err := evacinstance.ReadScenarios(strings.NewReader(floods), n)
	if err != nil {
		t.Fatal(err)
	}
	wantEdges := []quickest.Edge{
		{From: 0, To: 1, Transit: 2, Capacity: 3},
		{From: 1, To: 2, Transit: 1, Capacity: quickest.MaxSupply},
		{From: 2, To: 2},
	}
	if !reflect.DeepEqual(n.Edges, wantEdges) || !reflect.DeepEqual(n.EdgeIDs, []int64{7, 5, 9}) {
		t.Errorf("edges %+v named %v", n.Edges, n.EdgeIDs)
	}
	// The nodes 400 and 500 have no edge and exist all the same.
	if want := []int64{100, 200, 300, 400, 500}; n.Nodes != len(want) || !reflect.DeepEqual(n.NodeIDs, want) {
		t.Errorf("%d nodes %v, want %v", n.Nodes, n.NodeIDs, want)
	}
	want := evacinstance.Scenario{
		Name: "one", UnknownBlocked: 1,
		Scenario: quickest.Scenario{
			Sources: []quickest.Source{{Node: 0, Supply: 6}, {Node: 3, Supply: 1}},
			Sinks:   []quickest.Sink{{Node: 2, Capacity: quickest.Unlimited}, {Node: 1, Capacity: 5}, {Node: 4, Capacity: quickest.Unlimited}},
			Blocked: []int{2},
		},
	}
	if len(scenarios) != 1 || !reflect.DeepEqual(scenarios[0], want) {
		t.Errorf("scenarios %+v, want %+v", scenarios, want)
	}
}

func TestBadNetworksAreRefused(t *testing.T) {
	for _, c := range []struct{ name, text, says string }{
		{"nothing", "", "a header is needed"},
		{"another file", "a,b\n1,2\n", "lacks edge_id, from, to, transit_steps, capacity_per_step"},
		{"a column twice", "edge_id,edge_id\n", `"edge_id" stands twice`},
		{"a short line", roads + "1,2\n", "wrong number of fields"},
		{"text", roads + "1,2,x,1,1,0\n", `line 5, to: "x" is not an integer`},
		{"a fraction", roads + "1,2,3,1.5,1,0\n", `line 5, transit_steps: "1.5" is not an integer`},
		{"a negative capacity", roads + "1,2,3,1,-1,0\n", "line 5, capacity_per_step: a capacity is never negative"},
		{"back in time", roads + "1,2,3,-1,1,0\n", "line 5, transit_steps: -1 steps"},
		{"an edge twice", roads + "7,2,3,1,1,0\n", "line 5, edge_id: edge 7 was there before"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := evacinstance.ReadNetwork(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
		})
	}
}

func TestBadScenariosAreRefused(t *testing.T) {
	scenario := func(fields string) string { return `{"scenarios": [{` + fields + `}]}` }
	for _, c := range []struct{ name, text, says string }{
		{"not JSON", "edge_id,from", "invalid character"},
		{"none", "{}", "/scenarios: the file holds no scenario"},
		{"no sources", scenario(`"sinks": {}`), "/scenarios/0/sources: an object"},
		{"null sinks", scenario(`"sources": {}, "sinks": null`), "/scenarios/0/sinks: an object"},
		{"a list", scenario(`"sources": [], "sinks": {}`), "objects of node ids and units"},
		{"a name", scenario(`"sources": {"a": 1}, "sinks": {}`), `/scenarios/0/sources/a: "a" is not a node id`},
		{"a node twice", scenario(`"sources": {"1": 1, "1": 2}, "sinks": {}`), "/scenarios/0/sources/1: node 1 was there before"},
		{"negative", scenario(`"sources": {"1": -1}, "sinks": {}`), "/scenarios/0/sources/1: a number of units is never negative"},
		{"half a person", scenario(`"sources": {"1": 0.5}, "sinks": {}`), `node "1"`},
		{"null people", scenario(`"sources": {"1": null}, "sinks": {}`), "/scenarios/0/sources/1: a source needs"},
		{"all of mankind", scenario(`"sources": {"1": 8000000000}, "sinks": {}`), "/scenarios/0/sources/1: 8000000000 units"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := evacinstance.ReadNetwork(strings.NewReader(roads))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := evacinstance.ReadScenarios(strings.NewReader(c.text), n); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
		})
	}
}

func TestReportsAreBounded(t *testing.T) {
	_, err := evacinstance.ReadNetwork(strings.NewReader(roads + strings.Repeat("x,x,x,x,x,x\n", 10_000)))
	var e *domain.Error
	if !errors.As(err, &e) || len(e.Violations) > 110 {
		t.Errorf("error %v", err)
	}
}

// FuzzFiles reads any two files, and plans what they say where that is small.
func FuzzFiles(f *testing.F) {
	f.Add(roads, floods)
	f.Add("edge_id,from,to,transit_steps,capacity_per_step\n1,1,2,0,1\n2,2,1,0,1\n", `{"scenarios":[{"sources":{"1":3},"sinks":{"2":null}}]}`)
	f.Fuzz(func(t *testing.T, roads, floods string) {
		n, err := evacinstance.ReadNetwork(strings.NewReader(roads))
		if err != nil {
			return
		}
		scenarios, err := evacinstance.ReadScenarios(strings.NewReader(floods), n)
		if err != nil {
			return
		}
		for i := range scenarios {
			s := &scenarios[i].Scenario
			var units int64
			for _, from := range s.Sources {
				units += int64(from.Supply)
			}
			if units > 10_000 {
				continue
			}
			p, err := quickest.New(&n.Network, s, quickest.Options{})
			if err != nil {
				t.Fatal(err)
			}
			checkPlan(t, n, s, p)
		}
	})
}
