// Package dailyrecord reads daily series by place from CSV: a header, a day a line, in any order. A line that cannot
// be read refuses the file, because a record of which a part was dropped in silence would be summed up wrongly.
// Single values that nothing can measure count as missing, and the file says which.
package dailyrecord

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

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/doubt"
)

// Column is a column of numbers that is looked for.
type Column struct {
	Name     string
	Quantity doubt.Quantity // which numbers are codes for no data, and which nothing can measure
}

// File is what a file holds.
type File struct {
	Series  []*Series // in the order of the places' first lines
	Has     []bool    // by column: whether the file has it
	Ignored []string  // columns that were not looked for
	Notes   []Note
}

// Series is the record of one place.
type Series struct {
	Place               string  // "" without the column location_id
	Latitude, Longitude float64 // of the first line that has them; NaN without
	Dates               []time.Time
	Values              [][]float64 // by column, one a date; NaN is missing

	lines map[time.Time]int
}

// Note says what was found in the numbers of a column, once a place and kind.
type Note struct {
	Place, Column string
	What          string // "counts as missing: …" or "is kept, but …"
	Count         int
	Line          int // the first
	Value         float64
}

// String names the first line and the number of all.
func (n Note) String() string {
	return fmt.Sprintf("line %d: %s: %g %s (%d times)", n.Line, n.Column, n.Value, n.What, n.Count)
}

// The names of the columns that are no series.
const (
	placeColumn     = "location_id"
	dateColumn      = "date"
	latitudeColumn  = "latitude"
	longitudeColumn = "longitude"
)

// oldestRecord is a year before which nobody wrote rain or rivers down by the day.
const oldestRecord = 1700

// maxListed bounds how many bad lines one error names.
const maxListed = 20

type reader struct {
	columns             []Column
	at                  []int // of each column in a line, −1 where there is none
	place, date         int
	latitude, longitude int
	file                *File
	byPlace             map[string]*Series
	notes               map[Note]int // index in file.Notes, by place, column and kind
	layout              int
	bad                 []error
	badLines            int
}

// Read reads a file. The error names every line that cannot be read, up to twenty.
func Read(in io.Reader, columns []Column) (*File, error) {
	r := &reader{columns: columns, file: &File{}, byPlace: map[string]*Series{}, notes: map[Note]int{}}
	lines := csv.NewReader(in)
	lines.ReuseRecord = true
	header, err := lines.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty; a header is needed")
	} else if err != nil {
		return nil, err
	}
	if err := r.header(header); err != nil {
		return nil, err
	}
	for {
		record, err := lines.Read()
		var syntax *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return r.finish()
		case errors.As(err, &syntax):
			r.refuse(syntax.Line, syntax.Err)
		case err != nil:
			return nil, err
		default:
			number, _ := lines.FieldPos(0)
			if err := r.line(number, record); err != nil {
				r.refuse(number, err)
			}
		}
	}
}

func (r *reader) header(names []string) error {
	r.at = make([]int, len(r.columns))
	for i := range r.at {
		r.at[i] = -1
	}
	r.place, r.date, r.latitude, r.longitude = -1, -1, -1, -1
	seen := map[string]bool{}
	for i, name := range names {
		name = strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))
		if seen[name] {
			return fmt.Errorf("column %q stands twice in the header", name)
		}
		seen[name] = true
		column := slices.IndexFunc(r.columns, func(c Column) bool { return c.Name == name })
		switch {
		case column >= 0:
			r.at[column] = i
		case name == placeColumn:
			r.place = i
		case name == dateColumn:
			r.date = i
		case name == latitudeColumn:
			r.latitude = i
		case name == longitudeColumn:
			r.longitude = i
		default:
			r.file.Ignored = append(r.file.Ignored, strings.Clone(name))
		}
	}
	if r.date < 0 {
		return fmt.Errorf("no column %q", dateColumn)
	}
	for _, at := range r.at {
		r.file.Has = append(r.file.Has, at >= 0)
	}
	return nil
}

func (r *reader) line(number int, record []string) error {
	place := ""
	if r.place >= 0 {
		if place = strings.TrimSpace(record[r.place]); place == "" {
			return fmt.Errorf("%s is empty", placeColumn)
		}
	}
	date, err := r.parseDate(strings.TrimSpace(record[r.date]))
	if err != nil {
		return err
	}
	s := r.series(place)
	if first, twice := s.lines[date]; twice {
		return fmt.Errorf("%s stands on line %d already; a daily record has one line a day", date.Format(time.DateOnly), first)
	}
	s.lines[date] = number
	if err := r.locate(s, record); err != nil {
		return err
	}
	s.Dates = append(s.Dates, date)
	for k, at := range r.at {
		v := math.NaN()
		if at >= 0 {
			if v, err = parseNumber(record[at]); err != nil {
				return fmt.Errorf("%s: %w", r.columns[k].Name, err)
			}
			v = r.heed(number, s.Place, r.columns[k], v)
		}
		s.Values[k] = append(s.Values[k], v)
	}
	return nil
}

func (r *reader) series(place string) *Series {
	s := r.byPlace[place]
	if s == nil {
		place = strings.Clone(place)
		s = &Series{
			Place: place, Latitude: math.NaN(), Longitude: math.NaN(),
			Values: make([][]float64, len(r.columns)), lines: map[time.Time]int{},
		}
		r.byPlace[place] = s
		r.file.Series = append(r.file.Series, s)
	}
	return s
}

// locate reads the coordinates of a place, which must not move.
func (r *reader) locate(s *Series, record []string) error {
	for _, c := range []struct {
		at   int
		name string
		v    *float64
	}{{r.latitude, latitudeColumn, &s.Latitude}, {r.longitude, longitudeColumn, &s.Longitude}} {
		if c.at < 0 {
			continue
		}
		v, err := parseNumber(record[c.at])
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", c.name, err)
		case v != v:
		case *c.v == *c.v && *c.v != v:
			return fmt.Errorf("%s is %g here and %g above; a place has one", c.name, v, *c.v)
		default:
			*c.v = v
		}
	}
	return nil
}

// heed returns NaN for a value that nothing can measure, and notes what it says of the value.
func (r *reader) heed(number int, place string, c Column, v float64) float64 {
	code, isCode := doubt.CodeFor(c.Quantity, v)
	var what string
	switch {
	case v != v:
		return v
	case isCode && code.Certainty == doubt.Exact:
		what = "counts as missing: it is " + code.String()
	case !doubt.IsPossible(c.Quantity, v):
		what = "counts as missing: nothing measures such a value"
	case isCode:
		what = "is taken as it stands, but may be " + code.String()
	default:
		return v
	}
	key := Note{Place: place, Column: c.Name, What: what}
	at, ok := r.notes[key]
	if !ok {
		at = len(r.file.Notes)
		r.notes[key] = at
		key.Line, key.Value = number, v
		r.file.Notes = append(r.file.Notes, key)
	}
	r.file.Notes[at].Count++
	if strings.HasPrefix(what, "counts as missing") {
		return math.NaN()
	}
	return v
}

// layouts of a date. Those with a time are what tools write that know only times.
var layouts = [...]string{time.DateOnly, time.RFC3339, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04"}

// parseDate returns midnight UTC of the calendar date as it is written.
func (r *reader) parseDate(text string) (time.Time, error) {
	t, err := time.Parse(layouts[r.layout], text)
	for i := 0; err != nil && i < len(layouts); i++ {
		if t, err = time.Parse(layouts[i], text); err == nil {
			r.layout = i
		}
	}
	if err != nil {
		return t, fmt.Errorf("date: %q is not a date like 2006-01-02", text)
	}
	y, m, d := t.Date()
	if y < oldestRecord || y > domain.MaxYear {
		return t, fmt.Errorf("date: the year %d is outside %d to %d", y, oldestRecord, domain.MaxYear)
	}
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC), nil
}

// parseNumber reads a number; empty, NA and NaN are missing.
func parseNumber(text string) (float64, error) {
	switch text = strings.TrimSpace(text); text {
	case "", "NA", "NaN", "nan", "null":
		return math.NaN(), nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	return v, nil
}

func (r *reader) refuse(line int, err error) {
	r.badLines++
	if len(r.bad) < maxListed {
		r.bad = append(r.bad, fmt.Errorf("line %d: %w", line, err))
	}
}

func (r *reader) finish() (*File, error) {
	if r.badLines > len(r.bad) {
		r.bad = append(r.bad, fmt.Errorf("and %d lines more", r.badLines-len(r.bad)))
	}
	if len(r.bad) > 0 {
		return nil, errors.Join(r.bad...)
	}
	if len(r.file.Series) == 0 {
		return nil, errors.New("the file holds no day")
	}
	return r.file, nil
}
