// Command planbench plans evacuations around many places of a region and prints a line for each: processor time, clearance,
// bound and gap by zone, and the size of the answer. docs/benchmarks has its tables.
package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/adapters/regionsource/osmregion"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/roadplan"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "planbench:", err)
		os.Exit(1)
	}
}

// options are the flags of the command.
type options struct {
	files             osmregion.Config
	places, flood, id string
	only              int
	budget            time.Duration
	profile, answers  string
	radii             string
}

func run(args []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("planbench", flag.ContinueOnError)
	flags.StringVar(&o.files.OSM, "osm", "", "OpenStreetMap extract")
	flags.StringVar(&o.files.Shelters, "shelters", "", "shelters (GeoJSON)")
	flags.StringVar(&o.files.Population, "population", "", "people (CSV)")
	flags.StringVar(&o.places, "places", "", "JSON list of [latitude, longitude]")
	flags.StringVar(&o.flood, "flood", "", "GeoJSON FeatureCollection with the water")
	flags.StringVar(&o.id, "flood-id", "", "property id of the water in the collection")
	flags.IntVar(&o.only, "only", 0, "number of one place, from 1")
	flags.DurationVar(&o.budget, "budget", 600*time.Millisecond, "processor time for the search of one plan")
	flags.StringVar(&o.profile, "cpuprofile", "", "write a profile of the processor")
	flags.StringVar(&o.radii, "radii", "", "zone_radii as JSON; those of the API where it is not given")
	flags.StringVar(&o.answers, "answers", "", "folder to which the answers are written")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return o.measure(out)
}

func (o *options) measure(out io.Writer) error {
	source, err := osmregion.New(o.files)
	if err != nil {
		return err
	}
	region, err := source.LoadRegion(context.Background())
	if err != nil {
		return err
	}
	ground := roadplan.New(region)
	planner := evacuation.NewPlanner(ground, ground.Digest())
	requests, err := o.requests()
	if err != nil {
		return err
	}
	if o.profile != "" {
		f, err := os.Create(o.profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	fmt.Fprintln(out, header)
	var rows []row
	for i := range requests {
		r, err := o.plan(planner, &requests[i])
		if err != nil {
			return fmt.Errorf("%s: %w", requests[i].name, err)
		}
		fmt.Fprintln(out, r)
		rows = append(rows, r)
	}
	summarise(out, rows)
	return nil
}

// named is a request and its name in the table.
type named struct {
	name    string
	request evacuation.Request
}

// requests returns each place dry and flooded.
func (o *options) requests() ([]named, error) {
	var places [][2]float64
	if err := readJSON(o.places, &places); err != nil {
		return nil, err
	}
	var water struct {
		Features []struct {
			Properties struct {
				ID string `json:"id"`
			} `json:"properties"`
			Geometry json.RawMessage `json:"geometry"`
		} `json:"features"`
	}
	if o.flood != "" {
		if err := readJSON(o.flood, &water); err != nil {
			return nil, err
		}
	}
	var list []named
	for i, p := range places {
		if o.only > 0 && i+1 != o.only {
			continue
		}
		question := map[string]any{"latitude": p[0], "longitude": p[1], "flood_probability": 0.8, "risk_level": "high"}
		if o.radii != "" {
			question["zone_radii"] = json.RawMessage(o.radii)
		}
		add := func(kind string) error {
			document, err := json.Marshal(question)
			if err != nil {
				return err
			}
			r, err := contractjson.ReadEvacuation(document)
			if err == nil {
				err = domain.Invalid("evacuation", r.Validate())
			}
			r.Canonicalize()
			list = append(list, named{fmt.Sprintf("p%02d%s", i+1, kind), r})
			return err
		}
		if err := add("d"); err != nil {
			return nil, err
		}
		for _, f := range water.Features {
			if f.Properties.ID != o.id {
				continue
			}
			question["flood_extent"] = f.Geometry
			if err := add("f"); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

func readJSON(name string, to any) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}

// row is a line of the table.
type row struct {
	name        string
	plan        evacuation.Plan
	zones       []evacuation.Zone
	routes      int
	user        time.Duration
	size, small int
	heap        uint64
}

const header = "place  people served no_route  full clearance  bound gap% | zone: served clearance bound | cpu_s  MB  MB.gz routes heap_MB status"

func (r row) String() string {
	var people int64
	var b strings.Builder
	for i := range r.zones {
		z := &r.zones[i]
		n, _ := z.Affected.Get()
		people += n
		fmt.Fprintf(&b, " %d: %.1f", n, z.ClearanceMinutes)
	}
	served, _ := r.plan.Served.Get()
	lost, _ := r.plan.UnservedNoRoute.Get()
	full, _ := r.plan.UnservedSheltersFull.Get()
	return fmt.Sprintf("%s %8d %6d %5d %5d %8.2f %8.2f %5.2f |%s | %.2f %.2f %.2f %5d %.1f %s",
		r.name, people, served, lost, full, r.plan.ClearanceMinutes, r.plan.LowerBoundMinutes, r.plan.GapPercent, b.String(),
		r.user.Seconds(), float64(r.size)/1e6, float64(r.small)/1e6, r.routes, float64(r.heap)/1e6, r.plan.Status)
}

// processor returns the processor time that the process has used.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// plan makes one plan and its answer.
func (o *options) plan(p *evacuation.Planner, r *named) (row, error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start, peak := processor(), uint64(0)
	spent := func() float64 {
		runtime.ReadMemStats(&after)
		peak = max(peak, after.HeapAlloc)
		return float64(processor()-start) / float64(o.budget)
	}
	var a evacuation.Answer
	if err := p.Plan(&r.request, spent, &a); err != nil {
		return row{}, err
	}
	answer := contractjson.AppendEvacuation(nil, &r.request, &a)
	took := processor() - start
	runtime.ReadMemStats(&after)
	peak = max(peak, after.HeapAlloc)
	if o.answers != "" {
		if err := os.WriteFile(o.answers+"/"+r.name+".json", answer, 0o644); err != nil {
			return row{}, err
		}
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(answer); err != nil {
		return row{}, err
	}
	if err := z.Close(); err != nil {
		return row{}, err
	}
	return row{r.name, a.Plan, a.Zones, len(a.Routes), took, len(answer), packed.Len(), peak - before.HeapAlloc}, nil
}

// summarise prints the median, the 95th percentile and the greatest of a few figures.
func summarise(out io.Writer, rows []row) {
	figure := func(name string, of func(*row) float64) {
		var values []float64
		for i := range rows {
			if v := of(&rows[i]); !math.IsNaN(v) {
				values = append(values, v)
			}
		}
		if len(values) == 0 {
			return
		}
		slices.SortFunc(values, cmp.Compare[float64])
		at := func(share float64) float64 { return values[int(math.Ceil(share*float64(len(values))))-1] }
		fmt.Fprintf(out, "%s: median %.3g, 95th percentile %.3g, greatest %.3g\n", name, at(.5), at(.95), at(1))
	}
	figure("processor seconds", func(r *row) float64 { return r.user.Seconds() })
	figure("gap in percent", func(r *row) float64 { return r.plan.GapPercent })
	figure("megabytes", func(r *row) float64 { return float64(r.size) / 1e6 })
	figure("megabytes of heap", func(r *row) float64 { return float64(r.heap) / 1e6 })
	exact := 0
	for i := range rows {
		if rows[i].plan.GapPercent == 0 {
			exact++
		}
	}
	fmt.Fprintf(out, "proven optimal: %d of %d\n", exact, len(rows))
}
