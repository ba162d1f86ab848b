package roadplan

import (
	"math"
	"slices"
	"strings"

	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/region"
	"github.com/guardy-ai/guardy/domain/roads"
)

// Ground is a region made ready to be planned on. It never changes and is safe for concurrent use. It
// implements evacuation.RegionPlanner.
type Ground struct {
	region *region.Region

	homesAt []uint32       // the homes of cell i of the people are homes[homesAt[i]:homesAt[i+1]]
	homes   []roads.Vertex // where people set out
}

var _ evacuation.RegionPlanner = (*Ground)(nil)

// New returns the ground of a region.
func New(r *region.Region) *Ground {
	g := &Ground{region: r, homesAt: []uint32{0}}
	for _, c := range r.People.Cells() {
		g.homes = append(g.homes, r.Homes(c)...)
		g.homesAt = append(g.homesAt, uint32(len(g.homes)))
	}
	return g
}

// Digest implements evacuation.RegionPlanner.
func (g *Ground) Digest() string { return g.region.Origin.Digest }

// Describe implements evacuation.RegionPlanner.
func (g *Ground) Describe() string {
	names := g.region.Origin.Names
	return strings.Join(slices.DeleteFunc(names[:], func(s string) bool { return s == "" }), ", ")
}

// source returns the name of a source.
func (g *Ground) source(s region.Source) string { return g.region.Origin.Names[s] }

// homesOf returns where the people of cell i set out; nowhere, when they live far from every road.
func (g *Ground) homesOf(i int) []roads.Vertex { return g.homes[g.homesAt[i]:g.homesAt[i+1]] }

// crossings yields the vertices of the largest component where roads end or meet, at most metres from a
// place. The margin is for the plane in which the network measures.
func (g *Ground) crossings(d *draft, visit func(v roads.Vertex, metres float64)) {
	n := g.region.Roads
	for _, v := range n.VerticesWithin(d.centre, 1.01*d.outer) {
		if metres := d.metresTo(n.Point(v)); len(n.Steps(v)) != 2 && metres <= d.outer {
			visit(v, metres)
		}
	}
}

var nan = math.NaN()
