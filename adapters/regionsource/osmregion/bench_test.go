package osmregion

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain/roads"
)

// BenchmarkLoadPorto reads 3.2 MB to a network of 521 thousand directed edges, ready for routes.
func BenchmarkLoadPorto(b *testing.B) {
	source := open(b, Config{OSM: data(b, "porto.osm.pbf")})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := source.LoadRegion(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMaskPorto blocks 3976 segments.
func BenchmarkMaskPorto(b *testing.B) {
	n, area := network(b, "porto"), floods(b, "porto")["porto_circle"]
	b.ReportAllocs()
	for b.Loop() {
		n.Flood(area, roads.BridgesClosed)
	}
	b.ReportMetric(float64(n.Flood(area, roads.BridgesClosed).Segments()), "segments")
}

// BenchmarkRoute answers one route after another between vertices drawn at random, and the pairs of the
// reference, which have more that the water cuts off.
func BenchmarkRoute(b *testing.B) {
	for _, extract := range []string{"poa", "porto"} {
		n := network(b, extract)
		var reference answers
		readJSON(b, data(b, extract+".routes.json"), &reference)
		var listed, random [][2]roads.Place
		for _, pair := range reference.OD {
			var ends [2]roads.Place
			for i, key := range []string{"from_node", "to_node"} {
				var node int64
				if err := json.Unmarshal(pair[key], &node); err != nil {
					b.Fatal(err)
				}
				v, _ := n.Vertex(node)
				ends[i] = roads.At(v)
			}
			listed = append(listed, ends)
		}
		for r := rand.New(rand.NewPCG(1, 2)); len(random) < 1000; {
			random = append(random, [2]roads.Place{
				roads.At(roads.Vertex(r.IntN(n.NumVertices()))), roads.At(roads.Vertex(r.IntN(n.NumVertices()))),
			})
		}
		for mode, mask := range modes(n, floods(b, extract)) {
			b.Run(extract+"/"+mode+"/random", func(b *testing.B) { benchmarkRoutes(b, n, mask, random) })
			b.Run(extract+"/"+mode+"/reference", func(b *testing.B) { benchmarkRoutes(b, n, mask, listed) })
		}
	}
}

func benchmarkRoutes(b *testing.B, n *roads.Network, mask *roads.Mask, pairs [][2]roads.Place) {
	b.ReportAllocs()
	took := make([]time.Duration, 0, 1<<16)
	var route roads.Route
	for i := 0; b.Loop(); i++ {
		pair := pairs[i%len(pairs)]
		begin := time.Now()
		route, _ = n.Route(pair[0], pair[1], mask, route.Steps)
		if len(took) < cap(took) {
			took = append(took, time.Since(begin))
		}
	}
	slices.Sort(took)
	for name, share := range map[string]float64{"p50-ms": 0.5, "p95-ms": 0.95} {
		b.ReportMetric(float64(took[int(share*float64(len(took)-1))])/1e6, name)
	}
}

// BenchmarkTimesTo searches from one place backward to all others.
func BenchmarkTimesTo(b *testing.B) {
	for _, extract := range []string{"poa", "porto"} {
		n := network(b, extract)
		b.Run(extract, func(b *testing.B) {
			b.ReportAllocs()
			r := rand.New(rand.NewPCG(3, 4))
			for b.Loop() {
				n.TimesTo(roads.At(roads.Vertex(r.IntN(n.NumVertices()))), nil)
			}
		})
	}
}
