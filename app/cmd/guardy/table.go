package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/domain/instant"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/vector"
)

// table reads labelled flood-risk requests from CSV.
type table struct {
	csv          *csv.Reader
	columns      []cell
	label, group int
	ignored      []string
	lines        int  // data lines read so far
	daily        bool // the lines are the days of places
}

// cell stores a column's text in a request.
type cell func(r *risk.Request, text string) error

// line is one labelled request.
type line struct {
	number  int
	request risk.Request
	label   string
	event   bool
	group   string
}

// place names the place of a line: its group, else as series does.
func (l *line) place() string {
	if l.group != "" {
		return l.group
	}
	return l.series()
}

// series names the record that a line belongs to: its location_id, else its coordinates.
func (l *line) series() string {
	if r := &l.request; r.LocationID == "" {
		return fmt.Sprintf("%.4f, %.4f", r.Latitude, r.Longitude)
	}
	return l.request.LocationID
}

// lineError is a line that cannot be used; the next one may be fine.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }

// newTable reads the header. Where the lines are the days of places, the label may be left to the river.
func newTable(in io.Reader, label, group string, daily bool) (*table, error) {
	t := &table{csv: csv.NewReader(in), label: -1, group: -1, daily: daily}
	t.csv.ReuseRecord = true
	header, err := t.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty; a header is needed")
	} else if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i, name := range header {
		name = strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))
		c, known := cellOf(name)
		switch {
		case seen[name]:
			return nil, fmt.Errorf("column %q stands twice in the header", name)
		case name == label:
			t.label = i
		case !known && name != group:
			t.ignored = append(t.ignored, name)
		}
		if name == group {
			t.group = i
		}
		if name == label {
			c = nil
		}
		seen[name] = true
		t.columns = append(t.columns, c)
	}
	if err := checkSequences(header); err != nil {
		return nil, err
	}
	if daily {
		if err := dailyHeader(seen, t.label >= 0); err != nil {
			return nil, err
		}
	} else if t.label < 0 {
		return nil, fmt.Errorf("no column %q: name the label's column with --label", label)
	}
	if group != "" && t.group < 0 {
		return nil, fmt.Errorf("no column %q to group by", group)
	}
	for _, required := range []string{"latitude", "longitude", "rainfall_mm"} {
		if !seen[required] {
			return nil, fmt.Errorf("no column %q, which every request needs", required)
		}
	}
	return t, nil
}

// next returns the next line, io.EOF after the last, or a *lineError.
func (t *table) next() (line, error) {
	record, err := t.csv.Read()
	if errors.Is(err, io.EOF) {
		return line{}, err
	}
	t.lines++
	var syntax *csv.ParseError
	if errors.As(err, &syntax) {
		return line{}, &lineError{syntax.Line, syntax.Err}
	} else if err != nil {
		return line{}, err
	}
	number, _ := t.csv.FieldPos(0)
	l := line{number: number, request: risk.NewRequest()}
	if t.label >= 0 {
		l.label = strings.TrimSpace(record[t.label])
	}
	if missing(l.label) {
		l.label = ""
		if !t.daily { // a day without a label still is history
			return l, nil
		}
	} else if l.event, err = parseLabel(l.label); err != nil {
		return l, &lineError{number, err}
	}
	if t.group >= 0 {
		l.group = strings.Clone(record[t.group])
	}
	for i, c := range t.columns {
		text := strings.TrimSpace(record[i])
		if c == nil || missing(text) {
			continue
		}
		if err := c(&l.request, text); err != nil {
			return l, &lineError{number, err}
		}
	}
	return l, nil
}

// missing reports whether a cell is empty or one of the usual marks of a missing value.
func missing(text string) bool {
	switch text {
	case "", "NA", "NaN", "nan", "null":
		return true
	}
	return false
}

func parseLabel(text string) (bool, error) {
	switch text {
	case "1", "1.0", "true", "True", "TRUE":
		return true, nil
	case "0", "0.0", "false", "False", "FALSE":
		return false, nil
	}
	return false, fmt.Errorf("the label %q is neither 1 nor 0", text)
}

// numbers gives the places of the request's plain numbers by their column names.
var numbers = map[string]func(r *risk.Request) *float64{
	"latitude":              func(r *risk.Request) *float64 { return &r.Latitude },
	"longitude":             func(r *risk.Request) *float64 { return &r.Longitude },
	"rainfall_mm":           func(r *risk.Request) *float64 { return &r.RainfallMM },
	"temperature":           func(r *risk.Request) *float64 { return &r.Temperature },
	"humidity":              func(r *risk.Request) *float64 { return &r.Humidity },
	"rainfall_7d_mean":      func(r *risk.Request) *float64 { return &r.Rainfall7dMean },
	"rainfall_30d_mean":     func(r *risk.Request) *float64 { return &r.Rainfall30dMean },
	"temperature_7d_mean":   func(r *risk.Request) *float64 { return &r.Temperature7dMean },
	"temperature_30d_mean":  func(r *risk.Request) *float64 { return &r.Temperature30dMean },
	"river.value":           func(r *risk.Request) *float64 { return &r.River.Value },
	"river.normal":          func(r *risk.Request) *float64 { return &r.River.Normal },
	"river.flood_threshold": func(r *risk.Request) *float64 { return &r.River.FloodThreshold },
}

// sequences gives the places of the request's daily values by their column names. Histories have yesterday first, the
// forecast has tomorrow first.
var sequences = map[string]func(r *risk.Request) *[]float64{
	"rainfall_history_mm":         func(r *risk.Request) *[]float64 { return &r.RainfallHistoryMM },
	"weather_history.rainfall_mm": func(r *risk.Request) *[]float64 { return &r.RainfallHistoryMM },
	"weather_history.temperature": func(r *risk.Request) *[]float64 { return &r.TemperatureHistory },
	"river.history":               func(r *risk.Request) *[]float64 { return &r.RiverHistory },
	forecastColumn:                func(r *risk.Request) *[]float64 { return &r.RainfallForecastMM },
}

const forecastColumn = "rainfall_forecast_mm"

// sequenceOf returns the sequence that a column belongs to: the whole of it, or the day after the last full stop.
func sequenceOf(column string) (name string, day int, whole, ok bool) {
	if _, ok := sequences[column]; ok {
		return column, 0, true, true
	}
	name, text, _ := cutLast(column, ".")
	if _, ok := sequences[name]; !ok {
		return "", 0, false, false
	}
	day, err := strconv.Atoi(text)
	return name, day, false, err == nil && day >= 0 && day < vector.MaxHistoryDays
}

// checkSequences refuses a header that gives one sequence in two ways.
func checkSequences(header []string) error {
	given := map[string]string{} // the form of each sequence
	for _, column := range header {
		column = strings.TrimSpace(strings.TrimPrefix(column, "\ufeff"))
		name, _, whole, ok := sequenceOf(column)
		if !ok {
			continue
		}
		form := fmt.Sprint(name, whole)
		if name == "weather_history.rainfall_mm" {
			name = "rainfall_history_mm"
		}
		if other, twice := given[name]; twice && other != form {
			return fmt.Errorf("column %q: another column gives the same days", column)
		}
		given[name] = form
	}
	return nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// cellOf returns what a column of that name means.
func cellOf(name string) (cell, bool) {
	switch name {
	case "location_id":
		return func(r *risk.Request, text string) error { r.LocationID = strings.Clone(text); return nil }, true
	case "location_name":
		return func(r *risk.Request, text string) error { r.LocationName = strings.Clone(text); return nil }, true
	case "date":
		return setDate, true
	}
	if place, ok := numbers[name]; ok {
		return number(name, place), true
	}
	if i := slices.Index(vector.SiteNames[:], strings.TrimPrefix(name, "site.")); i >= 0 {
		return number(name, func(r *risk.Request) *float64 { return r.Site.Values()[i] }), true
	}
	if sequence, day, whole, ok := sequenceOf(name); ok {
		values := sequences[sequence]
		if whole {
			return setSequence(name, values), true
		}
		return number(name, func(r *risk.Request) *float64 {
			v := values(r)
			for len(*v) <= day {
				*v = append(*v, math.NaN())
			}
			return &(*v)[day]
		}), true
	}
	return nil, false
}

func number(name string, place func(r *risk.Request) *float64) cell {
	return func(r *risk.Request, text string) error {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%s: %q is not a number", name, text)
		}
		*place(r) = v
		return nil
	}
}

func setDate(r *risk.Request, text string) (err error) {
	if r.Date, err = instant.Day(text); err != nil && len(text) > len(time.DateOnly) {
		r.Date, err = instant.Parse(text)
	}
	switch {
	case errors.Is(err, instant.ErrLeapSecond), errors.Is(err, instant.ErrUnset):
		return fmt.Errorf("date: %q: %w", text, err)
	case err != nil:
		return fmt.Errorf("date: %q is neither YYYY-MM-DD nor RFC 3339", text)
	}
	return nil
}

// setSequence reads a cell of daily values, separated by semicolons or blanks.
func setSequence(name string, values func(r *risk.Request) *[]float64) cell {
	return func(r *risk.Request, text string) error {
		days := strings.Split(text, ";")
		if len(days) == 1 {
			days = strings.Fields(text)
		}
		to := values(r)
		for i, day := range days {
			v := math.NaN()
			if day = strings.TrimSpace(day); !missing(day) {
				var err error
				if v, err = strconv.ParseFloat(day, 64); err != nil {
					return fmt.Errorf("%s: %q, day %d, is not a number", name, day, i)
				}
			}
			*to = append(*to, v)
		}
		return nil
	}
}
