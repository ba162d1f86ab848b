package fileregister

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/guardy-ai/guardy/domain"
)

func line(n int) place { return place{unit: "line", n: n} }

// parseCSV reads RFC 4180 with a header. A byte order mark and either line ending are tolerated, as
// spreadsheets write them.
func parseCSV(l *loader, data []byte) {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		l.refuse(line(1), "", domain.CodeSyntax, "the file is UTF-16; save it as UTF-8")
		return
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	r.FieldsPerRecord = -1 // checked here, so that the line is reported and the next one read
	r.ReuseRecord = true

	var header []int // the column of each field, -1 where there is none
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			at := line(1)
			var syntax *csv.ParseError
			if errors.As(err, &syntax) {
				at, err = line(syntax.Line), syntax.Err
			}
			l.refuse(at, "", domain.CodeSyntax, "this is not CSV: %v", err)
			if header == nil {
				return // without a header no line means anything
			}
			continue
		}
		n, _ := r.FieldPos(0)
		if header == nil {
			if header = readHeader(l, record); header == nil {
				return
			}
			continue
		}
		if l.full(line(n)) {
			return
		}
		readLine(l, line(n), header, record)
	}
	if header == nil {
		l.refuse(line(1), "", domain.CodeRequired, "the file is empty; the first line names the columns")
	}
}

// readHeader returns the column of each field, nil when the lines below cannot be read by it.
func readHeader(l *loader, names []string) []int {
	if len(names) == 1 && strings.ContainsAny(names[0], ";\t") {
		l.refuse(line(1), "", domain.CodeSyntax, "the columns must be separated by commas")
		return nil
	}
	header := make([]int, len(names))
	var have set
	for i, name := range names {
		name = strings.TrimSpace(name)
		c, ok := columnOf(name)
		switch {
		case name == "":
			l.refuse(line(1), "", domain.CodeRequired, "column %d has no name", i+1)
			c = -1
		case !ok:
			l.refuseUnknown(line(1), name)
		case have.has(c):
			l.refuse(line(1), name, domain.CodeDuplicate, "the column is given twice")
			c = -1
		default:
			have.put(c)
		}
		header[i] = c
	}
	if !have.has(colID) {
		l.refuse(line(1), columns[colID], domain.CodeRequired, "the column is missing")
		return nil
	}
	return header
}

func readLine(l *loader, at place, header []int, record []string) {
	if len(record) != len(header) {
		l.refuse(at, "", domain.CodeSize, "the line has %d fields, the header %d", len(record), len(header))
	}
	s, refused := unknownSite(), set(0)
	for i, field := range record[:min(len(record), len(header))] {
		field = strings.TrimSpace(field)
		switch c := header[i]; {
		case c < 0 || field == "":
		case c == colID:
			s.ID = strings.Clone(field) // not to hold the whole line
		case c == colName:
			s.Name = strings.Clone(field)
		default:
			v, err := parseNumber(field)
			if err != nil {
				l.refuse(at, columns[c], domain.CodeType, "%v; leave the field empty when the value is not known", err)
				refused.put(c)
				continue
			}
			*number(&s, c) = v
		}
	}
	l.add(at, s, refused)
}

// parseNumber reads a decimal number. Go's own words for numbers, such as NaN, inf or 0x1p4, are not
// what a register means.
func parseNumber(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil && math.IsInf(v, 0) {
		return 0, fmt.Errorf("%s is too large", shorten(s))
	}
	if err != nil || strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, fmt.Errorf("%q is not a number", shorten(s))
	}
	return v, nil
}

// shorten keeps a message readable whatever the file holds.
func shorten(s string) string {
	if len(s) <= 40 {
		return s
	}
	return strings.ToValidUTF8(s[:40], "") + "…"
}
