package osmregion

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/region"
)

// populationColumns are the columns that are read, each with the names it may have.
var populationColumns = [...][]string{
	columnLon:     {"lon", "longitude"},
	columnLat:     {"lat", "latitude"},
	columnPersons: {"population", "persons"},
}

const (
	columnLon = iota
	columnLat
	columnPersons
	numColumns
)

// readPopulation reads RFC 4180 with a header. A byte order mark and either line ending are tolerated, as
// spreadsheets write them. An error says that no line means anything.
func readPopulation(ctx context.Context, in io.Reader, c *region.Collector) error {
	buffered := bufio.NewReaderSize(in, 64<<10)
	if mark, _ := buffered.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = buffered.Discard(len(mark)) // they are in the buffer
	}
	r := csv.NewReader(buffered)
	r.FieldsPerRecord = -1 // checked here, so that the line is reported and the next one read
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		return notCSV(err)
	}
	columns, err := findColumns(header)
	if err != nil {
		return err
	}
	width := len(header)
	for ctx.Err() == nil {
		record, err := r.Read()
		var syntax *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &syntax):
			c.Refuse(region.SourcePopulation, linePointer(syntax.StartLine), domain.CodeSyntax, "this is not CSV: %v", syntax.Err)
		case err != nil:
			return err
		default:
			line, _ := r.FieldPos(0)
			readCell(linePointer(line), record, width, columns, c)
		}
	}
	return ctx.Err()
}

func linePointer(line int) string { return "/lines/" + strconv.Itoa(line) }

func notCSV(err error) error {
	var syntax *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return refused("the file is empty; the first line names the columns")
	case errors.As(err, &syntax):
		return refused("line %d is not CSV: %v", syntax.StartLine, syntax.Err)
	}
	return err
}

// findColumns returns where in a line each column stands.
func findColumns(header []string) (columns [numColumns]int, err error) {
	for c, names := range populationColumns {
		columns[c] = -1
		for i, field := range header {
			for _, name := range names {
				if strings.TrimSpace(field) != name {
					continue
				}
				if columns[c] >= 0 {
					return columns, refused("line 1 has the column %s twice", names[0])
				}
				columns[c] = i
			}
		}
		if columns[c] < 0 {
			return columns, refused("line 1 has no column %s; lon, lat and population are needed, separated by commas", strings.Join(names, " or "))
		}
	}
	return columns, nil
}

func readCell(pointer string, record []string, width int, columns [numColumns]int, c *region.Collector) {
	if len(record) != width {
		c.Refuse(region.SourcePopulation, pointer, domain.CodeSize, "the line has %d fields, the header %d", len(record), width)
		return
	}
	var values [numColumns]float64
	sound := true
	for i, at := range columns {
		v, err := strconv.ParseFloat(strings.TrimSpace(record[at]), 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			c.Refuse(region.SourcePopulation, pointer+"/"+populationColumns[i][0], domain.CodeType, "%.40q is not a number", record[at])
			sound = false
		}
		values[i] = v
	}
	if sound {
		c.AddCell(pointer, region.Cell{Point: geo.Point{Lon: values[columnLon], Lat: values[columnLat]}, Persons: values[columnPersons]})
	}
}
