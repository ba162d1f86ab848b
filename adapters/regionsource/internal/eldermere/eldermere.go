// Package eldermere makes a fictional town on a river with two bridges: roads, shelters, people and a flood, for
// tests and to try things out. It lies in the Atlantic, so that nobody takes it for a real place. All of it
// is made up; nothing is taken from a map.
package eldermere

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"github.com/guardy-ai/guardy/adapters/regionsource/internal/osmpbftest"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/roads"
)

// centre is where the river passes the middle of the town.
var centre = geo.Point{Lon: -30, Lat: 44}

// at returns the point that lies metres east and north of the centre.
func at(east, north float64) geo.Point {
	return geo.Point{
		Lon: centre.Lon + east/(geo.MetresPerDegree*math.Cos(centre.Lat*math.Pi/180)),
		Lat: centre.Lat + north/geo.MetresPerDegree,
	}
}

// river returns how far north of the centre the river flows.
func river(east float64) float64 { return 90 * math.Sin(east/420) }

// Files returns the files by name.
func Files() map[string][]byte {
	t := newTown()
	t.streets()
	t.bridges()
	t.motorway()
	t.details()
	return map[string][]byte{
		"roads.osm.pbf":     osmpbftest.Write(t.nodes, t.ways, osmpbftest.Options{}),
		"shelters.geojson":  shelters(),
		"population.csv":    population(),
		"flood.geojson":     flood(),
		"flood_big.geojson": bigFlood(),
	}
}

type town struct {
	nodes []roads.Node
	ways  []roads.Way
	index map[[2]int]int64 // node by its place in decimetres
}

func newTown() *town { return &town{index: map[[2]int]int64{}} }

// node returns the node at a place, the same one whenever it is asked for.
func (t *town) node(east, north float64, tags ...roads.Tag) int64 {
	key := [2]int{int(math.Round(10 * east)), int(math.Round(10 * north))}
	id, ok := t.index[key]
	if !ok {
		id = int64(1001 + len(t.nodes))
		t.index[key] = id
		t.nodes = append(t.nodes, roads.Node{ID: id, Point: at(east, north), Tags: tags})
	}
	return id
}

// way adds a way; tags are keys and values in turn.
func (t *town) way(nodes []int64, tags ...string) {
	w := roads.Way{ID: int64(101 + len(t.ways)), Nodes: nodes}
	for i := 0; i < len(tags); i += 2 {
		w.Tags = append(w.Tags, roads.Tag{Key: tags[i], Value: tags[i+1]})
	}
	t.ways = append(t.ways, w)
}

// The streets are a grid on either bank, block metres wide; row 0 runs along the river.
const (
	block   = 150.0
	columns = 13
	rows    = 6
	bank    = 110.0 // from the middle of the river to row 0
)

func column(i int) float64 { return block * float64(i-columns/2) }

// crossing returns a place of the grid. The rows follow the river, less the farther away.
func crossing(i, row int, side float64) (east, north float64) {
	east = column(i)
	return east, river(east)*math.Exp(-float64(row)/3) + side*(bank+block*float64(row))
}

func (t *town) crossing(i, row int, side float64) int64 { return t.node(crossing(i, row, side)) }

func (t *town) streets() {
	for _, side := range []float64{1, -1} {
		for row := range rows {
			kind, extra := "residential", []string(nil)
			switch row {
			case 0:
				kind = "tertiary"
			case 3:
				kind, extra = "secondary", []string{"lanes", "2", "maxspeed", "50"}
			}
			if row == 2 {
				extra = []string{"oneway", "yes"}
			}
			var nodes []int64
			for i := range columns {
				if i > 0 { // a bend between crossings
					e0, n0 := crossing(i-1, row, side)
					e1, n1 := crossing(i, row, side)
					nodes = append(nodes, t.node((e0+e1)/2, (n0+n1)/2+4))
				}
				nodes = append(nodes, t.crossing(i, row, side))
			}
			t.way(nodes, append([]string{"highway", kind, "name", fmt.Sprintf("%s %d Street", bankName(side), row+1)}, extra...)...)
		}
		for i := range columns {
			kind := "residential"
			if i == 2 || i == 10 {
				kind = "primary"
			}
			var nodes []int64
			for row := range rows {
				nodes = append(nodes, t.crossing(i, row, side))
			}
			t.way(nodes, "highway", kind, "name", fmt.Sprintf("%s Avenue %d", bankName(side), i+1))
		}
	}
}

func bankName(side float64) string {
	if side > 0 {
		return "North"
	}
	return "South"
}

// bridges cross the river: an old one from bank to bank, and a viaduct that comes down where the usual flood does
// not reach.
func (t *town) bridges() {
	east := column(2)
	south, north := t.crossing(2, 0, -1), t.crossing(2, 0, 1)
	ramp := [2]int64{t.node(east, river(east)-70), t.node(east, river(east)+70)}
	t.way([]int64{south, ramp[0]}, "highway", "primary")
	t.way([]int64{ramp[0], ramp[1]}, "highway", "primary", "bridge", "yes", "name", "Old Bridge")
	t.way([]int64{ramp[1], north}, "highway", "primary")
	east = column(10) + 15
	t.way([]int64{
		t.crossing(10, 2, -1), t.node(east, river(east)-200), t.node(east, river(east)+200), t.crossing(10, 2, 1),
	}, "highway", "primary", "bridge", "viaduct", "name", "New Bridge")
}

// motorway passes north of the town, with a carriageway each way and one junction.
func (t *town) motorway() {
	var eastward, westward []int64
	for i := -3; i <= columns+2; i++ {
		eastward = append(eastward, t.node(column(i), 1300))
		westward = append([]int64{t.node(column(i), 1330)}, westward...)
	}
	t.way(eastward, "highway", "motorway", "lanes", "2", "maxspeed", "120")
	t.way(westward, "highway", "motorway", "lanes", "2", "maxspeed", "120")
	top := t.crossing(6, rows-1, 1)
	t.way([]int64{top, t.node(0, 1100)}, "highway", "secondary")
	t.way([]int64{t.node(0, 1100), t.node(column(8), 1300)}, "highway", "motorway_link", "oneway", "yes")
	t.way([]int64{t.node(column(4), 1300), t.node(0, 1100)}, "highway", "motorway_link", "oneway", "yes")
}

// details are what a road network has beside streets.
func (t *town) details() {
	t.way([]int64{t.crossing(0, 4, 1), t.node(column(0)-60, 760), t.node(column(0)-60, 700)}, "highway", "footway")
	// A lane that a bollard closes, and a yard that is private.
	t.way([]int64{
		t.crossing(4, 1, -1), t.node(column(4)+70, -330, roads.Tag{Key: "barrier", Value: "bollard"}), t.crossing(5, 2, -1),
	}, "highway", "living_street")
	t.way([]int64{t.crossing(8, 4, 1), t.node(column(8)+60, 790)}, "highway", "service", "access", "private")
	// A roundabout at the southern end of the old bridge's road.
	east, north := crossing(2, rows-1, -1)
	var ring []int64
	for i := range 9 {
		angle := -math.Pi/2 + 2*math.Pi*float64(i%8)/8
		ring = append(ring, t.node(east+25*math.Cos(angle), north-60+25*math.Sin(angle)))
	}
	t.way(ring, "highway", "primary", "junction", "roundabout")
	t.way([]int64{t.crossing(2, rows-1, -1), ring[4]}, "highway", "primary")
	t.way([]int64{ring[0], t.node(east, north-400), t.node(east-200, north-900)}, "highway", "primary", "maxspeed", "70")
	// The river, a farm track, a dead end.
	var water []int64
	for i := -4; i <= columns+3; i++ {
		water = append(water, t.node(column(i)+3, river(column(i)+3)))
	}
	t.way(water, "waterway", "river", "name", "Elder")
	t.way([]int64{t.crossing(12, 3, 1), t.node(column(12)+200, 600), t.node(column(12)+400, 640)}, "highway", "unclassified")
	t.way([]int64{t.node(column(12)+400, 640), t.node(column(12)+700, 700)}, "highway", "track")
}

// shelters are made up, and say so.
func shelters() []byte {
	type shelter struct {
		id, name    string
		east, north float64
		capacity    any
		resources   []string
	}
	features := []any{}
	for _, s := range []shelter{
		{"hill-school", "Hill School", column(5) + 20, 780, 900, []string{"water", "beds", "first aid"}},
		{"sports-hall", "North Sports Hall", column(10) - 30, 820, 1200, []string{"water", "showers"}},
		{"riverside-hall", "Riverside Hall", column(6), 130, 600, []string{"water"}},
		{"south-college", "South College", column(4), -760, 700, []string{"water", "kitchen"}},
		{"chapel", "Chapel on the Heath", column(11), -830, nil, nil},
		{"fair-ground", "Fair Ground", column(8), -800, 400, []string{"tents"}},
	} {
		p := at(s.east, s.north)
		features = append(features, map[string]any{
			"type":     "Feature",
			"geometry": point(p),
			"properties": map[string]any{
				"id": s.id, "name": s.name, "capacity": s.capacity, "resources": s.resources, "contact": "made up",
			},
		})
	}
	return collection(features)
}

func point(p geo.Point) map[string]any {
	return map[string]any{"type": "Point", "coordinates": position(p)}
}

func position(p geo.Point) [2]float64 {
	round := func(v float64) float64 { return math.Round(v*1e7) / 1e7 }
	return [2]float64{round(p.Lon), round(p.Lat)}
}

func collection(features []any) []byte {
	text, err := json.MarshalIndent(map[string]any{"type": "FeatureCollection", "features": features}, "", " ")
	if err != nil {
		panic(err) // numbers and texts only
	}
	return append(text, '\n')
}

// population gives each block its people, more near the middle.
func population() []byte {
	var b bytes.Buffer
	b.WriteString("lon,lat,population\n")
	for _, side := range []float64{-1, 1} {
		for row := range rows - 1 {
			for i := range columns - 1 {
				east, north := crossing(i, row, side)
				east, north = east+block/2, north+side*block/2
				persons := math.Round(20 + 60*math.Exp(-(east*east+north*north)/(700*700)))
				p := position(at(east, north))
				fmt.Fprintf(&b, "%.7f,%.7f,%.0f\n", p[0], p[1], persons)
			}
		}
	}
	return b.Bytes()
}

// band returns the ring of a band around the river.
func band(from, to, half float64) [][2]float64 {
	var north, south [][2]float64
	const pieces = 40
	for i := range pieces + 1 {
		east := from + (to-from)*float64(i)/pieces
		south = append(south, position(at(east, river(east)-half)))
		north = append([][2]float64{position(at(east, river(east)+half))}, north...)
	}
	ring := append(south, north...)
	return append(ring, ring[0])
}

// flood is the river over its banks, up to the first streets, around a hill that stays dry.
func flood() []byte {
	hill := [][2]float64{}
	for i := range 13 {
		angle := -2 * math.Pi * float64(i%12) / 12
		hill = append(hill, position(at(column(7)+60*math.Cos(angle), river(column(7))+150+60*math.Sin(angle))))
	}
	return floodFile("eldermere_banks", [][][2]float64{band(-1500, 1500, 300), hill})
}

// bigFlood takes half the town.
func bigFlood() []byte { return floodFile("eldermere_big", [][][2]float64{band(-1500, 1500, 620)}) }

func floodFile(id string, rings [][][2]float64) []byte {
	return collection([]any{map[string]any{
		"type":       "Feature",
		"properties": map[string]any{"id": id, "description": "a scenario of a fictional town"},
		"geometry":   map[string]any{"type": "Polygon", "coordinates": rings},
	}})
}
