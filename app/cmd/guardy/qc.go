package main

import (
	"bufio"
	"bytes"
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/app"
	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/qcreport"
	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/sensorlog"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
)

type qcCmd struct {
	Format     string `help:"Format of standard input: csv or ndjson." enum:"csv,ndjson" default:"csv"`
	Timezone   string `help:"IANA name of the time zone of times without an offset, like Europe/Rome. Without it those of CSV are in UTC, and NDJSON has none." placeholder:"NAME"`
	Report     string `help:"Write a page with the series and what was found in them." placeholder:"FILE"`
	MaxDevices int    `help:"Devices that are remembered; of more, the one that reported longest ago is forgotten." default:"100000"`
}

// Help is shown by guardy qc --help.
func (qcCmd) Help() string {
	return `Reads a sensor record: CSV with the columns device_id and timestamp and any numeric columns, a reading
a line, each device in time order; an empty field is missing. Times are RFC 3339; without an offset they
are those of --timezone, and whole seconds since 1970 are taken. With --format ndjson each line is a reading
in the JSON of the API, without history; --timezone is then the time zone of a line that names none.
Writes a JSON verdict a reading, in the same order, as it goes. A line that cannot be read has an error
with its number in its place; then the exit code is 1. A summary goes to standard error. With --report, a
page with the counts and the series of each device is written at the end: one HTML file that loads nothing.`
}

// Run judges standard input.
func (q *qcCmd) Run(ctx context.Context, cli *cli, std stdio) error {
	if q.MaxDevices < 1 {
		return errors.New("--max-devices must be at least 1")
	}
	if err := checkZone(q.Timezone); err != nil {
		return err
	}
	loaded, err := cli.load(std)
	if err != nil {
		return err
	}
	return app.Offline(ctx, loaded.Config, func(core app.Core) error {
		if q.Report == "" {
			return q.judge(ctx, core.Detector, std, nil)
		}
		page, err := os.Create(q.Report) // better now than after hours of a live pipe
		if err != nil {
			return err
		}
		return errors.Join(q.judge(ctx, core.Detector, std, page), page.Close())
	})
}

// checkZone refuses what is no IANA name of a time zone. "Local" is none: a record does not change with the machine.
func checkZone(name string) error {
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		return fmt.Errorf("--timezone %q is no time zone of the IANA database, like Europe/Rome or UTC", name)
	}
	return nil
}

// judge writes verdicts, a summary and, unless page is nil, the report.
func (q *qcCmd) judge(ctx context.Context, model *anomaly.Model, std stdio, page io.Writer) error {
	p := newProgress(std)
	c := &qualityControl{
		model: model, devices: newDevices(q.MaxDevices), out: bufio.NewWriterSize(std.out, 64<<10), written: p.written,
		timezone: q.Timezone, ndjson: q.Format == "ndjson", counts: map[string]*variableCounts{},
	}
	if page != nil {
		c.report = qcreport.New()
	}
	err := c.run(ctx, std.in)
	p.end()
	if page != nil { // of what was read before an error, too
		written := c.report.WriteHTML(page, qcreport.Totals{Devices: c.devices.seen, Forgotten: c.devices.evicted, Unread: c.bad})
		err = errors.Join(err, written)
	}
	if err != nil {
		return fmt.Errorf("after %d lines: %w", c.number, err)
	}
	if _, err := io.WriteString(std.err, c.summary()); err != nil {
		return err
	}
	if c.bad > 0 {
		return fmt.Errorf("%d lines could not be read; their places say why", c.bad)
	}
	return nil
}

// qualityControl judges one record.
type qualityControl struct {
	model   *anomaly.Model
	devices *devices
	out     *bufio.Writer
	written func(lines int)
	report  *qcreport.Report // nil unless asked for

	timezone string // of times without an offset; empty for none
	ndjson   bool
	csv      *sensorlog.CSV  // nil before the header, and for NDJSON
	request  anomaly.Request // of the newest line
	verdict  anomaly.Answer
	answer   []byte

	number              int // of the newest line, from 1
	readings, bad       int
	anomalies, episodes int
	variables           []string // in the order of their coming
	counts              map[string]*variableCounts
}

// maxCounted bounds the variables of the summary: names are the input's choice.
const maxCounted = 1000

type variableCounts struct{ present, anomalies int }

// maxSensorLine bounds a line, in bytes.
const maxSensorLine = 64 << 10

func (c *qualityControl) run(ctx context.Context, in io.Reader) error {
	r := bufio.NewReaderSize(in, maxSensorLine)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, readErr := r.ReadSlice('\n')
		overlong := false
		for errors.Is(readErr, bufio.ErrBufferFull) { // the rest of the line is dropped
			overlong = true
			_, readErr = r.ReadSlice('\n')
		}
		if len(line) > 0 {
			c.number++
			if err := c.line(bytes.TrimRight(line, "\r\n"), overlong); err != nil {
				return err
			}
		}
		// A live pipe gets its answer before more is waited for.
		if r.Buffered() == 0 || readErr != nil {
			if err := c.out.Flush(); err != nil {
				return err
			}
			c.written(c.readings)
		}
		switch {
		case errors.Is(readErr, io.EOF):
			if c.csv == nil && !c.ndjson {
				return errors.New("the input is empty; a header is needed")
			}
			return nil
		case readErr != nil:
			return readErr
		}
	}
}

// line answers one line without its end; of one that is overlong only the beginning is there.
func (c *qualityControl) line(line []byte, overlong bool) error {
	if len(line) == 0 {
		return nil
	}
	var err error
	if c.csv == nil && !c.ndjson {
		if overlong {
			return fmt.Errorf("the header is longer than %d bytes", maxSensorLine)
		}
		if c.csv, err = sensorlog.NewCSV(line); err == nil && c.timezone != "" {
			c.csv.Zone, err = time.LoadLocation(c.timezone)
		}
		return err
	}
	switch {
	case overlong:
		err = &domain.Error{Kind: domain.KindTooLarge, Op: "qc", Msg: fmt.Sprintf("the line is longer than %d bytes", maxSensorLine)}
	case c.ndjson:
		err = c.judgeJSON(line)
	default:
		err = c.judgeCSV(line)
	}
	if err != nil {
		c.bad++
		c.answer = contractjson.AppendLineError(c.answer[:0], c.number, err)
	}
	c.answer = append(c.answer, '\n')
	_, err = c.out.Write(c.answer)
	return err
}

func (c *qualityControl) judgeCSV(line []byte) error {
	row, err := c.csv.Parse(line)
	if err != nil {
		return &domain.Error{Kind: domain.KindMalformed, Op: "qc", Msg: err.Error()}
	}
	d := c.devices.of(row.Device, len(row.Values))
	c.request = anomaly.Request{DeviceID: d.name, Reading: anomaly.Reading{Time: row.Time, Values: c.request.Reading.Values[:0]}}
	values := &c.request.Reading.Values
	for i, v := range row.Values {
		// A column that the device never had is not a value that is missing.
		if d.has[i] = d.has[i] || !math.IsNaN(v); d.has[i] {
			*values = append(*values, anomaly.Value{Name: c.csv.Columns[i], Value: v})
		}
	}
	c.judge(d)
	return nil
}

func (c *qualityControl) judgeJSON(line []byte) (err error) {
	if c.request, err = contractjson.DecodeReading(line, c.timezone); err != nil {
		return err
	}
	c.judge(c.devices.of([]byte(c.request.DeviceID), 0))
	return nil
}

// judge answers the request.
func (c *qualityControl) judge(d *device) {
	v := &c.verdict
	c.model.Assess(&c.request, &d.state, v)
	v.DetectedAt = time.Now()
	if c.report != nil {
		c.report.Add(&c.request, v)
	}
	c.readings++
	if v.IsAnomaly {
		c.anomalies++
	}
	if v.Alarm == anomaly.AlarmNew {
		c.episodes++
	}
	for i := range v.Findings() {
		f := &v.Findings()[i]
		n := c.counts[f.Name]
		if n == nil {
			if len(c.variables) == maxCounted {
				continue
			}
			n = new(variableCounts)
			c.counts[f.Name] = n
			c.variables = append(c.variables, f.Name)
		}
		if n.present++; f.IsAnomaly() {
			n.anomalies++
		}
	}
	c.answer = contractjson.AppendVerdict(c.answer[:0], &c.request, v)
}

// summary is a table for people.
func (c *qualityControl) summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d readings of %d devices, %d anomalous in %d episodes; %d lines not read; %d devices forgotten\n",
		c.readings, c.devices.seen, c.anomalies, c.episodes, c.bad, c.devices.evicted)
	fmt.Fprintf(&b, "%-28s%12s%12s%10s\n", "variable", "values", "anomalous", "share")
	for _, name := range c.variables {
		n := c.counts[name]
		fmt.Fprintf(&b, "%-28.28s%12d%12d%9.2f%%\n", name, n.present, n.anomalies, 100*float64(n.anomalies)/float64(max(n.present, 1)))
	}
	return b.String()
}

// devices remembers a bounded number of devices.
type devices struct {
	max, seen, evicted int
	byName             map[string]*list.Element
	recent             *list.List // of *device, newest first
}

type device struct {
	name  string
	has   []bool // columns that the device has reported
	state anomaly.DeviceState
}

func newDevices(limit int) *devices {
	return &devices{max: limit, byName: map[string]*list.Element{}, recent: list.New()}
}

func (ds *devices) of(name []byte, columns int) *device {
	if e, ok := ds.byName[string(name)]; ok {
		ds.recent.MoveToFront(e)
		return e.Value.(*device)
	}
	if len(ds.byName) == ds.max {
		oldest := ds.recent.Back()
		delete(ds.byName, oldest.Value.(*device).name)
		ds.recent.Remove(oldest)
		ds.evicted++
	}
	d := &device{name: string(name), has: make([]bool, columns)}
	ds.byName[d.name] = ds.recent.PushFront(d)
	ds.seen++
	return d
}
