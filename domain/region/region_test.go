package region

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/roads"
)

// street is a network of one road along the equator, a hundredth of a degree long, and its end.
func street(t testing.TB) (*roads.Network, roads.Report) {
	t.Helper()
	b := roads.NewBuilder()
	b.AddWay(&roads.Way{ID: 1, Tags: roads.Tags{{Key: "highway", Value: "residential"}}, Nodes: []int64{1, 2, 3}})
	for i := range int64(2) {
		b.AddNode(&roads.Node{ID: i + 1, Point: geo.Point{Lon: float64(i) / 100}})
	}
	n, report, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return n, report
}

func hall(id string) Shelter {
	return Shelter{ID: id, Name: "Hall", Capacity: 10, Point: geo.Point{Lon: 0.009, Lat: 0.001}}
}

func TestAShelterStandsAtItsNearestVertex(t *testing.T) {
	c := NewCollector(street(t))
	c.AddShelter("/features/0", hall("a"))
	r := c.Region()
	if len(r.Shelters) != 1 {
		t.Fatalf("%+v", r.Defects)
	}
	want := math.Hypot(0.001, 0.001) * geo.MetresPerDegree
	if s := r.Shelters[0]; r.Roads.Node(s.Vertex) != 2 || math.Abs(s.RoadMetres-want) > 0.01 {
		t.Errorf("%g m from node %d, want %g m from 2", s.RoadMetres, r.Roads.Node(s.Vertex), want)
	}
}

func TestAllReasonsAgainstAShelterAreTold(t *testing.T) {
	c := NewCollector(street(t))
	c.AddShelter("/features/0", hall("a"))
	bad := hall("a")
	bad.Capacity, bad.Point.Lat = -7, 1
	c.AddShelter("/features/1", bad)
	twin := hall("b")
	c.AddShelter("/features/2", twin)
	other := hall("c")
	other.Name = ""
	c.AddShelter("/features/3", other)
	r := c.Region()
	var got []string
	for _, d := range r.Defects.Listed {
		if d.Source == SourceShelters {
			got = append(got, d.Pointer+" "+d.Code)
		}
	}
	want := []string{
		"/features/1/properties/capacity " + domain.CodeRange, "/features/1/properties/id " + domain.CodeDuplicate,
		"/features/1/geometry/coordinates " + domain.CodeRange, "/features/2 " + domain.CodeDuplicate,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if len(r.Shelters) != 2 || r.Shelters[1].ID != "c" {
		t.Errorf("shelters %+v", r.Shelters)
	}
}

func TestRoadsThatLackNodesAreADefect(t *testing.T) {
	r := NewCollector(street(t)).Region()
	if d := r.Defects.Listed; len(d) != 1 || d[0].Source != SourceRoads || d[0].Code != domain.CodeNotFound {
		t.Errorf("%+v", d)
	}
	n, report, err := roads.NewBuilder().Build()
	if err != nil {
		t.Fatal(err)
	}
	if d := NewCollector(n, report).Region().Defects.Listed; len(d) != 1 || d[0].Code != domain.CodeSize {
		t.Errorf("a region without roads: %+v", d)
	}
}

func TestPeopleWhoCannotBeAreLeftOut(t *testing.T) {
	c := NewCollector(street(t))
	for _, cell := range []Cell{
		{geo.Point{Lon: 1, Lat: 2}, 3},
		{geo.Point{Lon: 1, Lat: 2}, -1},
		{geo.Point{Lon: 1, Lat: 2}, math.NaN()},
		{geo.Point{Lon: 1, Lat: 2}, math.Inf(1)},
		{geo.Point{Lon: 181, Lat: 2}, 3},
		{geo.Point{Lon: 1, Lat: -91}, 3},
		{geo.Point{Lon: math.NaN(), Lat: 2}, 3},
		{geo.Point{Lon: 1, Lat: math.NaN()}, 3},
	} {
		c.AddCell("/lines/2", cell)
	}
	r := c.Region()
	if len(r.People.Cells()) != 1 || r.People.Total() != 3 || r.Defects.Counts[SourcePopulation] != 7 {
		t.Errorf("%+v, defects %v", r.People, r.Defects.Counts)
	}
}

func TestListedDefectsAreBounded(t *testing.T) {
	c := NewCollector(street(t))
	for range MaxListed + 5 {
		c.Refuse(SourcePopulation, "/lines/2", domain.CodeType, "bad")
	}
	c.Refuse(SourceShelters, "/features/2", domain.CodeType, "bad")
	d := c.Region().Defects
	if d.Counts[SourcePopulation] != MaxListed+5 || len(d.Listed) != MaxListed+2 || d.Total() != MaxListed+7 {
		t.Errorf("%d listed of %d", len(d.Listed), d.Total())
	}
}

func TestPeopleAreFoundAsALoopFindsThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var cells []Cell
		for range rapid.IntRange(0, 200).Draw(t, "cells") {
			cells = append(cells, Cell{
				geo.Point{Lon: rapid.Float64Range(-1, 1).Draw(t, "lon"), Lat: rapid.Float64Range(59, 61).Draw(t, "lat")},
				rapid.Float64Range(0, 100).Draw(t, "persons"),
			})
		}
		p := NewPeople(slices.Clone(cells))
		centre, metres := geo.Point{Lon: 0, Lat: 60}, rapid.Float64Range(0, 150_000).Draw(t, "metres")
		area := geo.NewArea(geo.MultiPolygon{{{{Lon: -0.5, Lat: 59.5}, {Lon: 0.5, Lat: 59.5}, {Lon: 0, Lat: 60.5}, {Lon: -0.5, Lat: 59.5}}}})
		within, in, wantWithin, wantIn := 0, 0, 0, 0
		p.Within(centre, metres, func(int, Cell) { within++ })
		p.In(area, func(Cell) { in++ })
		for _, c := range cells {
			if geo.Distance(centre, c.Point) <= metres {
				wantWithin++
			}
			if area.Covers(c.Point) {
				wantIn++
			}
		}
		if within != wantWithin || in != wantIn {
			t.Fatalf("%d within, %d in the area; want %d, %d", within, in, wantWithin, wantIn)
		}
	})
}

func TestPeopleLiveOnTheVerticesOfTheirCell(t *testing.T) {
	var nodes []int64
	b := roads.NewBuilder()
	for i := range int64(21) {
		nodes = append(nodes, i)
	}
	b.AddWay(&roads.Way{ID: 1, Tags: roads.Tags{{Key: "highway", Value: "residential"}}, Nodes: nodes})
	for i := range int64(21) {
		b.AddNode(&roads.Node{ID: i, Point: geo.Point{Lon: float64(i) / 1000}})
	}
	n, report, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	c := NewCollector(n, report)
	c.AddCell("", Cell{geo.Point{Lon: 0.0051}, 1})
	c.AddCell("", Cell{geo.Point{Lon: 0.0101}, 1})
	c.AddCell("", Cell{geo.Point{Lon: 0.0101, Lat: 0.0005}, 1}) // near the one before
	c.AddCell("", Cell{geo.Point{Lon: 0.0201}, 1})
	c.AddCell("", Cell{geo.Point{Lon: 0.5}, 1}) // without roads
	r := c.Region()
	for lon, want := range map[geo.Point][]int64{
		{Lon: 0.0051}:              {3, 4, 5, 6, 7},
		{Lon: 0.0101}:              {10},
		{Lon: 0.0101, Lat: 0.0005}: {10},
		{Lon: 0.0201}:              {16, 17, 18, 19, 20},
		{Lon: 0.5}:                 nil,
	} {
		var got []int64
		for _, v := range r.Homes(Cell{Point: lon}) {
			got = append(got, n.Node(v))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("the people at %v live at the nodes %v, want %v", lon, got, want)
		}
	}
}
