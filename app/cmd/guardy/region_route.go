package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/roads"
)

type regionRouteCmd struct {
	OSM     string `name:"osm" help:"OpenStreetMap extract with the roads (.osm.pbf)." placeholder:"FILE" required:""`
	Flood   string `help:"Water (GeoJSON): roads in it are closed." placeholder:"FILE"`
	Bridges string `help:"Whether bridges over water are open or closed." enum:"open,closed" default:"closed"`
}

// Help is shown by guardy region route --help.
func (regionRouteCmd) Help() string {
	return `Reads {"from_node": id, "to_node": id}, OpenStreetMap nodes on roads, or {"from": [lat, lon], "to": [lat, lon]},
places that are taken to the nearest road, a line. Writes {"time_s", "distance_m", "reachable"} a line, in
the same order: the fastest route by the cost model evac-cost-1 that keeps out of the water. A place whose
nearest road is under water is not reachable. The first line of standard error has the counts of segments
and of blocked segments. A line that cannot be answered has an error in its place; then the exit code is 1.`
}

// maxRouteLine bounds a line, in bytes.
const maxRouteLine = 64 << 10

// maxFloodBytes bounds the file of the water.
const maxFloodBytes = 64 << 20

// Run answers standard input.
func (r *regionRouteCmd) Run(ctx context.Context, std stdio) error {
	g, err := (regionFiles{OSM: r.OSM}).load(ctx)
	if err != nil {
		return err
	}
	lines := routeLines{network: g.Roads}
	if r.Flood != "" {
		water, err := readFlood(r.Flood)
		if err != nil {
			return err
		}
		lines.mask = g.Roads.Flood(geo.NewArea(water), roads.Bridges(r.Bridges == "open"))
	}
	if _, err := fmt.Fprintf(std.err, "{\"segments\":%d,\"blocked_segments\":%d}\n", g.Roads.NumSegments(), lines.mask.Segments()); err != nil {
		return err
	}
	progress := newProgress(std)
	p := pump{
		in: std.in, out: std.out, workers: runtime.GOMAXPROCS(0), maxLine: maxRouteLine,
		answer: lines.answer, written: progress.written,
	}
	n, bad, err := p.run(ctx)
	progress.end()
	return outcome(n, bad, err, "routes")
}

func readFlood(path string) (geo.MultiPolygon, error) {
	data, err := readSmall(path, maxFloodBytes)
	if err != nil {
		return nil, err
	}
	water, err := contractjson.ReadFlood(data, geo.DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, allLines(err))
	}
	return water, nil
}

// readSmall reads a file of at most limit bytes.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing is lost
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d MiB", path, limit>>20)
	}
	return data, nil
}

// routeLines answers lines.
type routeLines struct {
	network *roads.Network
	mask    *roads.Mask
}

// routeQuestion is one line: nodes or coordinates.
type routeQuestion struct {
	FromNode *int64    `json:"from_node"`
	ToNode   *int64    `json:"to_node"`
	From     []float64 `json:"from"`
	To       []float64 `json:"to"`
}

func (l *routeLines) answer(ctx context.Context, c *chunk) {
	var steps []roads.Step
	for i, line := range c.lines {
		if ctx.Err() != nil {
			return
		}
		from, to, err := l.places(line)
		if err != nil {
			c.bad++
			c.out = append(contractjson.AppendLineError(c.out, c.first+i+1, err), '\n')
			continue
		}
		r, ok := l.network.Route(from, to, l.mask, steps)
		steps = r.Steps
		if !ok {
			c.out = append(c.out, `{"time_s":null,"distance_m":null,"reachable":false}`+"\n"...)
			continue
		}
		c.out = strconv.AppendFloat(append(c.out, `{"time_s":`...), r.Seconds, 'f', 4, 64)
		c.out = strconv.AppendFloat(append(c.out, `,"distance_m":`...), r.Metres, 'f', 3, 64)
		c.out = append(c.out, `,"reachable":true}`+"\n"...)
	}
}

// places reads the ends of the route that a line asks for.
func (l *routeLines) places(line []byte) (from, to roads.Place, err error) {
	if line == nil {
		return from, to, &domain.Error{Kind: domain.KindTooLarge, Op: "route", Msg: fmt.Sprintf("the line is longer than %d bytes", maxRouteLine)}
	}
	var q routeQuestion
	if err := json.Unmarshal(line, &q, json.RejectUnknownMembers(true)); err != nil {
		return from, to, notAQuestion(err)
	}
	var v places
	v.add(l.network, "from", q.FromNode, q.From)
	v.add(l.network, "to", q.ToNode, q.To)
	if err := domain.Invalid("route", v.violations); err != nil {
		return from, to, err
	}
	return v.found[0], v.found[1], nil
}

func notAQuestion(err error) error {
	e := &domain.Error{
		Kind: domain.KindMalformed, Op: "route",
		Msg: `a line is {"from_node": id, "to_node": id} or {"from": [lat, lon], "to": [lat, lon]}`,
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		e.Violations = []domain.Violation{{
			Pointer: string(semantic.JSONPointer), Code: domain.CodeType, Detail: "this name is not known here, or its value is of another type",
		}}
	}
	return e
}

// places collects the ends of a route and what is wrong with them.
type places struct {
	found      []roads.Place
	violations []domain.Violation
}

// maxSnapMetres is how far from a road a place may be: farther is outside the region.
const maxSnapMetres = 10_000

func (p *places) add(n *roads.Network, name string, node *int64, coordinates []float64) {
	refuse := func(pointer, code, format string, args ...any) {
		p.violations = append(p.violations, domain.Violation{Pointer: pointer, Code: code, Detail: fmt.Sprintf(format, args...)})
	}
	if (node == nil) == (coordinates == nil) {
		refuse("/"+name, domain.CodeRequired, "either %s_node or %s is required", name, name)
		return
	}
	if node != nil {
		v, ok := n.Vertex(*node)
		if !ok {
			refuse("/"+name+"_node", domain.CodeNotFound, "the node %d is on no road for cars", *node)
			return
		}
		p.found = append(p.found, roads.At(v))
		return
	}
	if len(coordinates) != 2 {
		refuse("/"+name, domain.CodeSize, "latitude and longitude are required")
		return
	}
	at := geo.Point{Lat: coordinates[0], Lon: coordinates[1]}
	if !at.IsValid() {
		refuse("/"+name, domain.CodeRange, "%g, %g is no latitude in [-90, 90] and longitude in [-180, 180]", at.Lat, at.Lon)
		return
	}
	s, ok := n.Snap(at)
	if !ok || s.Metres > maxSnapMetres {
		refuse("/"+name, domain.CodeRange, "%g, %g is outside the region: no road is within %d km", at.Lat, at.Lon, maxSnapMetres/1000)
		return
	}
	p.found = append(p.found, s.Place)
}
