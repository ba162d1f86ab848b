package osmregion

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/guardy-ai/guardy/domain/assign"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/region"
	"github.com/guardy-ai/guardy/domain/roads"
)

// peopleAnswers are what poa.population.json holds.
type peopleAnswers struct {
	Circles []struct {
		Lat, Lon   float64
		RadiusM    float64 `json:"radius_m"`
		Cells      int
		Population float64
	}
	Polygon struct {
		Flood      string
		Cells      int
		Population float64
	}
	Assignment struct {
		PersonsPerSchool     int64 `json:"persons_per_school"`
		Served               int64
		OptimumPersonSeconds float64 `json:"optimum_person_seconds"`
	}
}

func portoAlegre(t *testing.T) (*region.Region, peopleAnswers) {
	t.Helper()
	var want peopleAnswers
	readJSON(t, data(t, "poa.population.json"), &want)
	return load(t, Config{OSM: data(t, "poa.osm.pbf"), Population: data(t, "poa_hexgrid.csv")}), want
}

func TestPeopleAreThoseOfTheReference(t *testing.T) {
	r, want := portoAlegre(t)
	if n := r.Defects.Counts[region.SourcePopulation]; n != 0 || r.People.Total() != 812_935 {
		t.Errorf("%g persons, %d defects", r.People.Total(), n)
	}
	for _, c := range want.Circles {
		cells, persons := 0, 0.0
		r.People.Within(geo.Point{Lon: c.Lon, Lat: c.Lat}, c.RadiusM, func(_ int, cell region.Cell) { cells, persons = cells+1, persons+cell.Persons })
		if cells != c.Cells || persons != c.Population {
			t.Errorf("%g m around %g, %g: %d cells, %g persons; want %d, %g", c.RadiusM, c.Lat, c.Lon, cells, persons, c.Cells, c.Population)
		}
	}
	cells, persons := 0, 0.0
	r.People.In(floods(t, "poa")[want.Polygon.Flood], func(cell region.Cell) { cells, persons = cells+1, persons+cell.Persons })
	if cells != want.Polygon.Cells || persons != want.Polygon.Population {
		t.Errorf("in the water %d cells, %g persons; want %d, %g", cells, persons, want.Polygon.Cells, want.Polygon.Population)
	}
}

// TestTheAssignmentIsTheOptimumOfTheReference sends the people of the flooded cells to the schools outside.
func TestTheAssignmentIsTheOptimumOfTheReference(t *testing.T) {
	r, want := portoAlegre(t)
	water := floods(t, "poa")[want.Polygon.Flood]
	var supply, capacity []int64
	var origins []roads.Vertex
	r.People.In(water, func(c region.Cell) {
		if c.Persons > 0 {
			v, _, _ := r.Roads.NearestVertex(c.Point)
			origins, supply = append(origins, v), append(supply, int64(c.Persons))
		}
	})
	cost := make([][]float64, len(origins))
	for _, school := range schools(t) {
		if water.Covers(school.Point) {
			continue
		}
		capacity = append(capacity, int64(school.Persons)*want.Assignment.PersonsPerSchool)
		v, _, _ := r.Roads.NearestVertex(school.Point)
		times := r.Roads.TimesTo(roads.At(v), nil)
		for i, origin := range origins {
			cost[i] = append(cost[i], times.From(origin))
		}
	}
	p := assign.Solve(supply, capacity, cost)
	if p.Served != want.Assignment.Served || math.Abs(p.Cost-want.Assignment.OptimumPersonSeconds) > 0.1 {
		t.Errorf("%d served in %.1f person-seconds, want %d in %.1f", p.Served, p.Cost, want.Assignment.Served, want.Assignment.OptimumPersonSeconds)
	}
}

// schools returns the cells with schools and, in the place of persons, how many.
func schools(t *testing.T) (cells []region.Cell) {
	t.Helper()
	for _, row := range records(t, "poa_hexgrid.csv") {
		if n := row["schools"]; n > 0 {
			cells = append(cells, region.Cell{Point: geo.Point{Lon: row["lon"], Lat: row["lat"]}, Persons: n})
		}
	}
	return cells
}

// records returns the numbers of a CSV file by their columns.
func records(t *testing.T, name string) (rows []map[string]float64) {
	t.Helper()
	f, err := os.Open(data(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		row := map[string]float64{}
		for i, field := range line {
			if v, err := strconv.ParseFloat(field, 64); err == nil {
				row[lines[0][i]] = v
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func TestTravelTimesAreThoseOfTheReference(t *testing.T) {
	n := network(t, "poa")
	for _, row := range records(t, "poa_travel_times.csv") {
		from, _ := n.Vertex(int64(row["origin_vertex"]))
		to, _ := n.Vertex(int64(row["shelter_vertex"]))
		if got := n.TimesTo(roads.At(to), nil).From(from); math.Abs(got-row["time_s"]) > 1e-3 {
			t.Errorf("from %g to %g %.4f s, want %.3f", row["origin_vertex"], row["shelter_vertex"], got, row["time_s"])
		}
	}
}
