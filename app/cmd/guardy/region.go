package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/guardy-ai/guardy/adapters/regionsource/osmregion"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/region"
)

// regionCmd is what can be done with a region of roads.
type regionCmd struct {
	Check regionCheckCmd `cmd:"" help:"Say what a region holds and what is wrong with it."`
	Route regionRouteCmd `cmd:"" help:"Answer routes: NDJSON on standard input, times and lengths on standard output."`
	Plan  regionPlanCmd  `cmd:"" help:"Plan evacuations on a capacity network: a proven answer a scenario on standard output."`
}

// regionFiles are the flags for the files of a region.
type regionFiles struct {
	OSM        string `name:"osm" help:"OpenStreetMap extract with the roads (.osm.pbf)." placeholder:"FILE" required:""`
	Shelters   string `help:"Shelters (GeoJSON)." placeholder:"FILE"`
	Population string `help:"People (CSV with lon, lat, population)." placeholder:"FILE"`
}

func (f regionFiles) load(ctx context.Context) (*region.Region, error) {
	source, err := osmregion.New(osmregion.Config(f))
	if err != nil {
		return nil, err
	}
	r, err := source.LoadRegion(ctx)
	return r, allLines(err)
}

// allLines gives every violation of an error a line of its own.
func allLines(err error) error {
	var known *domain.Error
	if !errors.As(err, &known) || len(known.Violations) == 0 {
		return err
	}
	lines := []error{fmt.Errorf("%s: %s", known.Op, known.Msg)}
	for _, v := range known.Violations {
		lines = append(lines, fmt.Errorf("%s: %s", v.Pointer, v.Detail))
	}
	return errors.Join(lines...)
}
