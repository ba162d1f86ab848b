package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/dailyrecord"
	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/siterow"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/doubt"
)

// sitesCmd is what can be done with the site register.
type sitesCmd struct {
	Derive sitesDeriveCmd `cmd:"" help:"Turn daily records of weather and river into rows of the site register."`
}

type sitesDeriveCmd struct {
	Weather     string  `help:"CSV of daily weather, gzip allowed: date, rainfall_mm and, where known, temperature; - reads standard input." placeholder:"FILE" required:""`
	River       string  `help:"CSV of daily levels or discharges, gzip allowed: date and value." placeholder:"FILE"`
	LocationID  string  `help:"Id of the place, where the files have no column location_id." placeholder:"ID"`
	Name        string  `help:"Name of the place, for the row."`
	Latitude    degrees `help:"Degrees, WGS 84. The evaporation needs it." default:"NaN" placeholder:"DEGREES"`
	Longitude   degrees `help:"Degrees, WGS 84." default:"NaN" placeholder:"DEGREES"`
	Rainfall    string  `help:"Column of the daily rain in mm." default:"rainfall_mm" placeholder:"COLUMN"`
	Temperature string  `help:"Column of the daily mean temperature in °C." default:"temperature" placeholder:"COLUMN"`
	Value       string  `help:"Column of the river's level or discharge, in the unit in which requests will give it." default:"value" placeholder:"COLUMN"`
	WaterYear   int     `help:"Month in which a water year begins, 1 to 12." default:"10" placeholder:"MONTH"`
	MinYears    int     `help:"Complete years below which the 2-year level stays unknown in the row." default:"5" placeholder:"YEARS"`
	JSON        bool    `help:"Write a JSON document with the figures behind each row instead of the rows." name:"json"`
}

// degrees is a coordinate on the command line. A negative one is a value, where kong would look for a flag.
type degrees float64

// Decode implements kong.MapperValue.
func (d *degrees) Decode(ctx *kong.DecodeContext) error {
	text := ctx.Scan.Pop().String()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("%q is not a number", text)
	}
	*d = degrees(v)
	return nil
}

// Help is shown by guardy sites derive --help.
func (sitesDeriveCmd) Help() string {
	return `Writes rows of a site register (CSV) on standard output: the climate attributes of the place, normal (the
median of the river) and flood_threshold (its 2-year level, the median of the greatest daily values of the
complete water years). What the record cannot tell is an empty field. Standard error says from how many
days and years each row comes, between which of the yearly greatest values the 2-year level lies and how
surely, which years were left out, and what stays unknown.

The files may have the columns location_id, latitude and longitude and then hold any number of places.
Days may come in any order; a day that is not in the file, an empty cell, NA and NaN are not known, and
codes for no data count as such. A line that cannot be read refuses the file.`
}

// Run derives the rows.
func (d *sitesDeriveCmd) Run(std stdio) error {
	if err := d.check(); err != nil {
		return err
	}
	weather, err := d.read(std, d.Weather, []dailyrecord.Column{
		{Name: d.Rainfall, Quantity: doubt.Rain}, {Name: d.Temperature, Quantity: doubt.Temperature},
	})
	if err != nil {
		return err
	}
	var river *dailyrecord.File
	if d.River != "" {
		if river, err = d.read(std, d.River, []dailyrecord.Column{{Name: d.Value, Quantity: doubt.River}}); err != nil {
			return err
		}
	}
	records, err := d.join(weather, river)
	if err != nil {
		return err
	}
	sites := make([]siterow.Site, len(records))
	for i, r := range records {
		sites[i] = siterow.Derive(r, siterow.Options{FirstMonth: time.Month(d.WaterYear), MinYears: d.MinYears})
		if err := sites[i].WriteText(std.err); err != nil {
			return err
		}
	}
	if d.JSON {
		return siterow.WriteJSON(std.out, sites)
	}
	return siterow.WriteCSV(std.out, sites)
}

func (d *sitesDeriveCmd) check() error {
	switch {
	case d.WaterYear < 1 || d.WaterYear > 12:
		return fmt.Errorf("--water-year %d is no month, 1 to 12", d.WaterYear)
	case d.MinYears < 1:
		return errors.New("--min-years must be at least 1")
	case d.Weather == "-" && d.River == "-":
		return errors.New("standard input can be one of --weather and --river, not both")
	}
	var vs []domain.Violation
	vs = domain.RangeLatitude.Check(vs, "--latitude", float64(d.Latitude), false)
	vs = domain.RangeLongitude.Check(vs, "--longitude", float64(d.Longitude), false)
	for _, v := range vs {
		return fmt.Errorf("%s: %s", v.Pointer, v.Detail)
	}
	return nil
}

// read reads a file and says on standard error what it was about its numbers and columns.
func (d *sitesDeriveCmd) read(std stdio, path string, columns []dailyrecord.Column) (*dailyrecord.File, error) {
	in, name, err := openInput(path, std)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }() // read only: nothing is lost
	f, err := dailyrecord.Read(in, columns)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if !f.Has[0] { // the rain, or the river: without them there is nothing to derive
		near := domain.NearestName(columns[0].Name, slices.Values(f.Ignored))
		if near != "" {
			near = fmt.Sprintf("; did you mean %q?", near)
		}
		return nil, fmt.Errorf("%s: no column %q; its flag names another%s", name, columns[0].Name, near)
	}
	for _, column := range f.Ignored {
		if d.Weather == d.River && slices.Contains([]string{d.Rainfall, d.Temperature, d.Value}, column) {
			continue // one file for both, of which the other reading uses the column
		}
		fmt.Fprintf(std.err, "guardy: %s: column %q is not used\n", name, column)
	}
	for _, n := range f.Notes {
		fmt.Fprintf(std.err, "guardy: %s: %s\n", name, n)
	}
	return f, nil
}

// join brings the weather and the river of each place together.
func (d *sitesDeriveCmd) join(weather, river *dailyrecord.File) ([]siterow.Record, error) {
	var records []siterow.Record
	at := map[string]int{}
	record := func(s *dailyrecord.Series) *siterow.Record {
		id := s.Place
		if id == "" {
			id = d.LocationID
		}
		i, ok := at[id]
		if !ok {
			i = len(records)
			at[id] = i
			records = append(records, siterow.Record{
				ID: id, Name: d.Name, Latitude: float64(d.Latitude), Longitude: float64(d.Longitude),
			})
		}
		r := &records[i]
		if s.Latitude == s.Latitude {
			r.Latitude = s.Latitude
		}
		if s.Longitude == s.Longitude {
			r.Longitude = s.Longitude
		}
		return r
	}
	for _, s := range weather.Series {
		r := record(s)
		r.Dates, r.Rain, r.Temperature = s.Dates, s.Values[0], s.Values[1]
	}
	if river != nil {
		for _, s := range river.Series {
			r := record(s)
			r.RiverDates, r.River = s.Dates, s.Values[0]
		}
	}
	given := strings.Join(d.forOnePlace(), " and ")
	switch _, unnamed := at[""]; {
	case unnamed:
		return nil, errors.New("a row needs an id: name the place with --location-id, or the places in a column location_id")
	case len(records) > 1 && given != "":
		return nil, fmt.Errorf("%s: the files hold %d places, the first two %q and %q", given, len(records), records[0].ID, records[1].ID)
	}
	return records, nil
}

// forOnePlace lists the flags in use that can be true of one place only.
func (d *sitesDeriveCmd) forOnePlace() []string {
	var flags []string
	for _, f := range []struct {
		flag  string
		given bool
	}{
		{"--location-id", d.LocationID != ""},
		{"--name", d.Name != ""},
		{"--latitude", !math.IsNaN(float64(d.Latitude))},
		{"--longitude", !math.IsNaN(float64(d.Longitude))},
	} {
		if f.given {
			flags = append(flags, f.flag)
		}
	}
	return flags
}
