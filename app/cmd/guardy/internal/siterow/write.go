package siterow

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/domain/climate"
)

// whole is "2001-01-01 to 2003-05-06", "" without a known day.
func (s Span) whole() string {
	if s.First.IsZero() {
		return ""
	}
	return s.First.Format(time.DateOnly) + " to " + s.Last.Format(time.DateOnly)
}

// WriteCSV writes the rows as a site register; an unknown field is empty.
func WriteCSV(w io.Writer, sites []Site) error {
	out := csv.NewWriter(w)
	for i := range sites {
		header, row := []string{"location_id", "name"}, []string{sites[i].ID, sites[i].Name}
		for _, f := range sites[i].fields() {
			header, row = append(header, f.name), append(row, decimal(*f.value))
		}
		if i == 0 {
			if err := out.Write(header); err != nil {
				return err
			}
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// decimal writes no exponent; a number that is not known is empty.
func decimal(v float64) string {
	if v != v {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// WriteText says where the row comes from and how far it can be trusted.
func (s *Site) WriteText(w io.Writer) error {
	var b strings.Builder
	say := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "  %-10s %s\n", what, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "%s\n", s.ID)
	if span := s.WeatherSpan.whole(); span != "" {
		say("weather", "%s; rain is known on %d days, temperature on %d", span, s.Weather.RainDays, s.Weather.TemperatureDays)
	} else {
		say("weather", "no day is known")
	}
	if span := s.RiverSpan.whole(); span != "" {
		say("river", "%s; known on %d days", span, s.River.Days)
		s.sayFlood(say)
	} else {
		say("river", "no day is known: normal and flood_threshold stay unknown")
	}
	for _, r := range s.Remarks {
		say("note", "%s", r)
	}
	if len(s.Unknown) > 0 {
		say("unknown", "%s", strings.Join(s.Unknown, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s *Site) sayFlood(say func(what, format string, args ...any)) {
	f := &s.River.Flood
	first := s.Options.FirstMonth.String()
	switch n := len(f.Maxima); n {
	case 0:
		say("2-year", "no water year (from %s) has %d known days", first, climate.LeastYearDays)
	case 1:
		say("2-year", "%.5g, the maximum of the one complete water year (from %s); one year says nothing of its uncertainty", f.Value, first)
	default:
		say("2-year", "%.5g, the median of the maxima of %d complete water years (from %s); with a confidence of %.0f %% between %.5g and %.5g",
			f.Value, n, first, 100*f.Coverage, f.Lower, f.Upper)
		if f.Coverage < climate.WantedCoverage {
			say("", "so few years cannot give %.0f %%: this is the range of all their maxima", 100*climate.WantedCoverage)
		}
	}
	if len(f.LeftOut) > 0 {
		years := make([]string, len(f.LeftOut))
		for i, y := range f.LeftOut {
			years[i] = fmt.Sprintf("%d (%d)", y.Year, y.Known)
		}
		say("left out", "water years with fewer than %d known days, and those: %s", climate.LeastYearDays, strings.Join(years, ", "))
	}
}

// number is null when it is not known.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

type siteJSON struct {
	LocationID string            `json:"location_id"`
	Name       string            `json:"name,omitempty"`
	Row        map[string]number `json:"row"`
	Weather    *weatherJSON      `json:"weather"`
	River      *riverJSON        `json:"river"`
	Notes      []string          `json:"notes"`
	Unknown    []string          `json:"unknown"`
}

type weatherJSON struct {
	First             string `json:"first"`
	Last              string `json:"last"`
	RainDays          int    `json:"rain_days"`
	TemperatureDays   int    `json:"temperature_days"`
	RainMonths        int    `json:"rain_months"`
	TemperatureMonths int    `json:"temperature_months"`
	TemperatureMean   number `json:"temperature_mean"`
}

type riverJSON struct {
	First      string     `json:"first"`
	Last       string     `json:"last"`
	Days       int        `json:"days"`
	Months     int        `json:"months"`
	FirstMonth int        `json:"water_year_begins"`
	TwoYear    levelJSON  `json:"two_year_level"`
	LeftOut    []yearJSON `json:"years_left_out"`
}

type levelJSON struct {
	Value    number     `json:"value"`
	Lower    number     `json:"lower"`
	Upper    number     `json:"upper"`
	Coverage float64    `json:"coverage"`
	Years    int        `json:"years"`
	Maxima   []yearJSON `json:"annual_maxima"`
}

type yearJSON struct {
	Year  int     `json:"year"`
	Value float64 `json:"value"`
	Days  int     `json:"days"`
}

// WriteJSON writes an array with a document for each row.
func WriteJSON(w io.Writer, sites []Site) error {
	out := make([]siteJSON, len(sites))
	for i := range sites {
		s := &sites[i]
		d := siteJSON{
			LocationID: s.ID, Name: s.Name, Row: map[string]number{},
			Notes: append([]string{}, s.Remarks...), Unknown: append([]string{}, s.Unknown...),
		}
		for _, f := range s.fields() {
			d.Row[f.name] = number(*f.value)
		}
		if !s.WeatherSpan.First.IsZero() {
			d.Weather = &weatherJSON{
				s.WeatherSpan.First.Format(time.DateOnly), s.WeatherSpan.Last.Format(time.DateOnly), s.Weather.RainDays,
				s.Weather.TemperatureDays, s.Weather.RainMonths, s.Weather.TemperatureMonths, number(s.Weather.TemperatureMean),
			}
		}
		if f := &s.River.Flood; !s.RiverSpan.First.IsZero() {
			d.River = &riverJSON{
				s.RiverSpan.First.Format(time.DateOnly), s.RiverSpan.Last.Format(time.DateOnly), s.River.Days, s.River.Months,
				int(s.Options.FirstMonth),
				levelJSON{number(f.Value), number(f.Lower), number(f.Upper), f.Coverage, len(f.Maxima), yearsJSON(f.Maxima)},
				yearsJSON(f.LeftOut),
			}
		}
		out[i] = d
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

func yearsJSON(years []climate.AnnualMaximum) []yearJSON {
	out := make([]yearJSON, len(years))
	for i, y := range years {
		out[i] = yearJSON{y.Year, y.Value, y.Known}
	}
	return out
}
