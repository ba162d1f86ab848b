package osmregion

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/roads"
)

// Road networks of OpenStreetMap with routes, floods and snap points by an independent program; README.md there
// says by which.
const dataBesideRepository = "../../../../shared/data/evacuation/osm"

var extracts = []string{"krems", "liechtenstein", "poa", "porto"}

// data returns the path of a file beside the repository. Without the data the test is skipped, in CI it fails.
func data(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(dataBesideRepository, name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is needed in CI", path)
		}
		t.Skipf("the data beside the repository is not there: %s", path)
	}
	return path
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
}

func network(t testing.TB, extract string) *roads.Network {
	t.Helper()
	return load(t, Config{OSM: data(t, extract+".osm.pbf")}).Roads
}

// answers are what <extract>.routes.json holds.
type answers struct {
	Network struct {
		Vertices           int
		Segments           int
		DirectedEdges      int     `json:"directed_edges"`
		NetworkKM          float64 `json:"network_km"`
		LargestSCCVertices int     `json:"largest_scc_vertices"`
	}
	Floods []struct {
		Flood                      string
		BlockedSegments            int     `json:"blocked_segments"`
		BlockedKM                  float64 `json:"blocked_km"`
		BlockedSegmentsBridgesOpen *int    `json:"blocked_segments_bridges_open"`
	}
	OD   []map[string]json.RawMessage
	Snap []struct {
		Lat, Lon  float64
		DistanceM float64 `json:"distance_m"`
		WayIDs    []int64 `json:"way_ids"`
	}
}

// floods returns the areas of <extract>.flood.geojson by id.
func floods(t testing.TB, extract string) map[string]*geo.Area {
	t.Helper()
	return floodsOf(t, data(t, extract+".flood.geojson"))
}

// floodsOf returns the areas of a file by id.
func floodsOf(t testing.TB, path string) map[string]*geo.Area {
	t.Helper()
	var collection struct {
		Features []struct {
			Properties struct{ ID string }
			Geometry   struct {
				Type        string
				Coordinates json.RawMessage
			}
		}
	}
	readJSON(t, path, &collection)
	areas := map[string]*geo.Area{}
	for _, f := range collection.Features {
		polygons := make([][][][2]float64, 1)
		into := any(&polygons)
		if f.Geometry.Type == "Polygon" {
			into = &polygons[0]
		}
		if err := json.Unmarshal(f.Geometry.Coordinates, into); err != nil {
			t.Fatal(err)
		}
		var m geo.MultiPolygon
		for _, polygon := range polygons {
			var p geo.Polygon
			for _, ring := range polygon {
				var r geo.Ring
				for _, position := range ring {
					r = append(r, geo.Point{Lon: position[0], Lat: position[1]})
				}
				p = append(p, r)
			}
			m = append(m, p)
		}
		if vs := m.Validate("", false, geo.DefaultLimits()); len(vs) > 0 {
			t.Fatal(vs)
		}
		areas[f.Properties.ID] = geo.NewArea(m)
	}
	return areas
}

func TestNetworksAndFloodsAreThoseOfTheReference(t *testing.T) {
	for _, extract := range extracts {
		t.Run(extract, func(t *testing.T) {
			var want answers
			readJSON(t, data(t, extract+".routes.json"), &want)
			n, areas := network(t, extract), floods(t, extract)
			got := n.Figures()
			if got.Vertices != want.Network.Vertices || got.Segments != want.Network.Segments ||
				got.DirectedEdges != want.Network.DirectedEdges || got.LargestComponent != want.Network.LargestSCCVertices ||
				math.Abs(got.Metres/1000-want.Network.NetworkKM) > 5e-4 {
				t.Errorf("got %+v, want %+v", got, want.Network)
			}
			for _, f := range want.Floods {
				closed := n.Flood(areas[f.Flood], roads.BridgesClosed)
				if closed.Segments() != f.BlockedSegments || math.Abs(closed.Metres()/1000-f.BlockedKM) > 5.01e-4 {
					t.Errorf("%s blocks %d segments, %.4f km; want %d, %.3f", f.Flood, closed.Segments(), closed.Metres()/1000, f.BlockedSegments, f.BlockedKM)
				}
				if open := n.Flood(areas[f.Flood], roads.BridgesOpen).Segments(); f.BlockedSegmentsBridgesOpen != nil && open != *f.BlockedSegmentsBridgesOpen {
					t.Errorf("%s blocks %d segments with bridges open, want %d", f.Flood, open, *f.BlockedSegmentsBridgesOpen)
				}
			}
			for _, at := range want.Snap {
				p := geo.Point{Lon: at.Lon, Lat: at.Lat}
				s, ok := n.Snap(p)
				ways := waysWithin(n, p, s.Metres+0.01)
				slices.Sort(at.WayIDs)
				if !ok || math.Abs(s.Metres-at.DistanceM) > 0.05 || !slices.Equal(ways, at.WayIDs) {
					t.Errorf("%v snaps at %.4f m to the ways %v, want %.3f m, %v", p, s.Metres, ways, at.DistanceM, at.WayIDs)
				}
			}
		})
	}
}

// waysWithin returns the ids of the ways within metres of p, ascending.
func waysWithin(n *roads.Network, p geo.Point, metres float64) (ids []int64) {
	pl := geo.PlaneAt(p)
	for s := range roads.Segment(n.NumSegments()) {
		if d, _ := pl.ToSegment(n.Line(s)); d <= metres {
			ids = append(ids, n.Way(s).ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// modes returns the masks of a file of answers by the names that its pairs use.
func modes(n *roads.Network, areas map[string]*geo.Area) map[string]*roads.Mask {
	masks := map[string]*roads.Mask{"open": nil}
	for id, area := range areas {
		masks[id] = n.Flood(area, roads.BridgesClosed)
		masks[id+"+bridges_open"] = n.Flood(area, roads.BridgesOpen)
	}
	return masks
}

func TestRoutesAreThoseOfTheReference(t *testing.T) {
	for _, extract := range extracts {
		t.Run(extract, func(t *testing.T) {
			var want answers
			readJSON(t, data(t, extract+".routes.json"), &want)
			n := network(t, extract)
			for mode, mask := range modes(n, floods(t, extract)) {
				compared, worst := 0, 0.0
				for _, pair := range want.OD {
					answer, ok := pair[mode]
					if !ok {
						continue
					}
					compared++
					worst = max(worst, compareRoute(t, n, mask, pair, answer))
				}
				t.Logf("%s: %d pairs, largest difference %.2g s", mode, compared, worst)
			}
		})
	}
}

func compareRoute(t *testing.T, n *roads.Network, mask *roads.Mask, pair map[string]json.RawMessage, answer json.RawMessage) float64 {
	t.Helper()
	var want *struct {
		TimeS     float64 `json:"time_s"`
		DistanceM float64 `json:"distance_m"`
	}
	if err := json.Unmarshal(answer, &want); err != nil {
		t.Fatal(err)
	}
	r, ok := n.Route(roads.At(vertexOf(t, n, pair["from_node"])), roads.At(vertexOf(t, n, pair["to_node"])), mask, nil)
	switch {
	case ok != (want != nil):
		t.Errorf("pair %s: reachable %v, want %v", pair["id"], ok, want != nil)
	case !ok:
	case math.Abs(r.Seconds-want.TimeS) > 1e-3 || math.Abs(r.Metres-want.DistanceM) > 0.5:
		t.Errorf("pair %s: %.4f s, %.3f m; want %.4f s, %.3f m", pair["id"], r.Seconds, r.Metres, want.TimeS, want.DistanceM)
	default:
		return math.Abs(r.Seconds - want.TimeS)
	}
	return 0
}

func vertexOf(t *testing.T, n *roads.Network, raw json.RawMessage) roads.Vertex {
	t.Helper()
	var node int64
	if err := json.Unmarshal(raw, &node); err != nil {
		t.Fatal(err)
	}
	v, ok := n.Vertex(node)
	if !ok {
		t.Fatalf("node %d is no vertex", node)
	}
	return v
}

// TestRoutesAreThoseOfTheSearchToAll draws pairs and floods that the reference does not have.
func TestRoutesAreThoseOfTheSearchToAll(t *testing.T) {
	for _, extract := range extracts {
		t.Run(extract, func(t *testing.T) {
			n := network(t, extract)
			r := rand.New(rand.NewPCG(7, 8))
			draw := func() roads.Vertex { return roads.Vertex(r.IntN(n.NumVertices())) }
			for range 8 {
				mask, to := n.Flood(geo.NewArea(boxes(r, n)), roads.BridgesClosed), draw()
				times := n.TimesTo(roads.At(to), mask)
				for range 40 {
					from := draw()
					want := times.From(from)
					got, ok := n.Route(roads.At(from), roads.At(to), mask, nil)
					if ok == math.IsInf(want, 1) || ok && math.Abs(got.Seconds-want) > 1e-6 {
						t.Errorf("from %d to %d: %v, %.7f s, want %.7f", n.Node(from), n.Node(to), ok, got.Seconds, want)
					}
				}
			}
		})
	}
}

// boxes draws rectangles at vertices.
func boxes(r *rand.Rand, n *roads.Network) (m geo.MultiPolygon) {
	for range 20 {
		p, w := n.Point(roads.Vertex(r.IntN(n.NumVertices()))), 0.005*r.Float64()
		m = append(m, geo.Polygon{{p, {Lon: p.Lon + w, Lat: p.Lat}, {Lon: p.Lon + w, Lat: p.Lat + w}, {Lon: p.Lon, Lat: p.Lat + w}, p}})
	}
	return m
}
