// Package sensorlog reads sensor records line by line: device, time, and any named numbers. A line that
// cannot be read is an error of its own; the next one may be fine.
package sensorlog

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/instant"
)

// Row is one line. Its values alias the parser's memory until the next line.
type Row struct {
	Device []byte
	Time   time.Time
	Values []float64 // by column; NaN is missing
}

// CSV parses the lines of a CSV file: device_id, timestamp, and any numeric columns, in any order. Times are
// RFC 3339, exactly; without an offset, with a space for the T or without seconds they are taken, too, as times of
// Zone. An empty field is missing.
type CSV struct {
	// Columns are the names of the numeric columns.
	Columns []string
	// Zone is that of the times without an offset. NewCSV sets UTC.
	Zone *time.Location

	device, timestamp int
	column            []int // of the file's fields: index in Columns, -1 for device and time
	fields            [][]byte
	row               Row
}

// NewCSV reads the header.
func NewCSV(header []byte) (*CSV, error) {
	c := &CSV{device: -1, timestamp: -1, Zone: time.UTC}
	fields, err := c.split(bytes.TrimPrefix(header, []byte("\ufeff")))
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i, f := range fields {
		name := string(f)
		switch {
		case name == "":
			return nil, fmt.Errorf("column %d has no name", i+1)
		case seen[name]:
			return nil, fmt.Errorf("column %q stands twice in the header", name)
		case len(name) > domain.MaxTextLength:
			return nil, fmt.Errorf("the name of column %d is longer than %d bytes", i+1, domain.MaxTextLength)
		}
		seen[name] = true
		at := -1
		switch name {
		case "device_id":
			c.device = i
		case "timestamp":
			c.timestamp = i
		default:
			at = len(c.Columns)
			c.Columns = append(c.Columns, name)
		}
		c.column = append(c.column, at)
	}
	switch {
	case c.device < 0 || c.timestamp < 0:
		return nil, errors.New("the header needs the columns device_id and timestamp")
	case len(c.Columns) == 0:
		return nil, errors.New("the header names no column of values")
	}
	c.row.Values = make([]float64, len(c.Columns))
	return c, nil
}

// Parse reads one line without its end.
func (c *CSV) Parse(line []byte) (*Row, error) {
	if !utf8.Valid(line) {
		return nil, errors.New("the line is not UTF-8")
	}
	fields, err := c.split(line)
	if err != nil {
		return nil, err
	}
	if len(fields) != len(c.column) {
		return nil, fmt.Errorf("%d fields where the header has %d", len(fields), len(c.column))
	}
	c.row.Device = fields[c.device]
	if n := len(c.row.Device); n == 0 || n > domain.MaxTextLength {
		return nil, fmt.Errorf("a device_id of 1 to %d bytes is required", domain.MaxTextLength)
	}
	if c.row.Time, err = c.parseTime(string(fields[c.timestamp])); err != nil {
		return nil, err
	}
	for i, at := range c.column {
		if at < 0 {
			continue
		}
		if c.row.Values[at], err = parseNumber(fields[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Columns[at], err)
		}
	}
	return &c.row, nil
}

// split cuts a line into trimmed fields. Only a line with quotes needs the whole of RFC 4180.
func (c *CSV) split(line []byte) ([][]byte, error) {
	c.fields = c.fields[:0]
	line = bytes.TrimSuffix(line, []byte("\r"))
	if bytes.IndexByte(line, '"') < 0 {
		for {
			field, rest, more := bytes.Cut(line, []byte(","))
			c.fields = append(c.fields, bytes.TrimSpace(field))
			if !more {
				return c.fields, nil
			}
			line = rest
		}
	}
	r := csv.NewReader(bytes.NewReader(line))
	r.FieldsPerRecord = -1
	record, err := r.Read()
	if err != nil {
		var syntax *csv.ParseError
		if errors.As(err, &syntax) {
			err = syntax.Err // without a line number that would be wrong here
		}
		return nil, err
	}
	for _, f := range record {
		c.fields = append(c.fields, []byte(strings.TrimSpace(f)))
	}
	return c.fields, nil
}

var errNumber = errors.New("not a number")

func parseNumber(field []byte) (float64, error) {
	if len(field) == 0 {
		return math.NaN(), nil
	}
	v, err := strconv.ParseFloat(string(field), 64) // the conversion stays on the stack
	switch {
	case err != nil && errors.Is(err, strconv.ErrRange), math.IsInf(v, 0):
		return 0, errors.New("the number is too large to be represented")
	case err != nil:
		return 0, errNumber
	}
	return v, nil // NaN, as some loggers write it, is missing
}

// parseTime takes RFC 3339, and as loggers write them times without an offset and whole seconds since 1970.
func (c *CSV) parseTime(text string) (time.Time, error) {
	t, err := instant.Local(text, c.Zone)
	switch {
	case err == nil:
		return t, nil
	case errors.Is(err, instant.ErrLeapSecond), errors.Is(err, instant.ErrUnset), errors.Is(err, instant.ErrGap):
		return t, fmt.Errorf("the timestamp %.40q: %w", text, err)
	}
	return t, fmt.Errorf("the timestamp %.40q is not RFC 3339, like 2006-01-02T15:04:05Z", text)
}
