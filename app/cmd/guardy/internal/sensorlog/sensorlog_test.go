package sensorlog_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/sensorlog"
)

func open(t testing.TB, header string) *sensorlog.CSV {
	t.Helper()
	c, err := sensorlog.NewCSV([]byte(header))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestColumnsMayStandInAnyOrder(t *testing.T) {
	c := open(t, "\ufefftemperature, timestamp,device_id ,\"water level, m\"\r")
	row, err := c.Parse([]byte(` 1.5 ,2026-01-02T03:04:05+01:00, "a, b" ,`))
	if err == nil {
		t.Fatalf("a quote inside a bare field was read as %q", row.Device)
	}
	row, err = c.Parse([]byte(`1.5,2026-01-02T03:04:05+01:00,"a, b",`))
	if err != nil {
		t.Fatal(err)
	}
	if string(row.Device) != "a, b" || row.Values[0] != 1.5 || !math.IsNaN(row.Values[1]) ||
		!row.Time.Equal(time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)) {
		t.Errorf("%q %v %v", row.Device, row.Time, row.Values)
	}
}

func TestTimesWithoutOffsetAreUTC(t *testing.T) {
	c := open(t, "device_id,timestamp,x")
	want := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	for _, text := range []string{
		"2026-01-02T03:04:00Z", "2026-01-02 03:04:00", "2026-01-02T03:04:00", "2026-01-02 03:04", "2026-01-02T03:04",
		"2026-01-02 04:04:00+01:00", "2026-01-02T03:04:00.000Z",
	} {
		row, err := c.Parse([]byte("a," + text + ",1"))
		if err != nil || !row.Time.Equal(want) {
			t.Errorf("%s: %v, %v", text, row, err)
		}
	}
}

func TestTimesAreWrittenAsRFC3339Says(t *testing.T) {
	c := open(t, "device_id,timestamp,x")
	for text, want := range map[string]string{
		"2026-01-02T03:04:00+24:00": "RFC 3339", "2026-01-02T03:04:00,5Z": "RFC 3339", "2026-01-02T3:04:00Z": "RFC 3339",
		"2016-12-31T23:59:60Z": "leap second", "0001-01-01T00:00:00Z": "year 1",
	} {
		line := "a,\"" + text + "\",1"
		if _, err := c.Parse([]byte(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"2026-01-02t03:04:00z", "1767323040"} {
		row, err := c.Parse([]byte("a," + text + ",1"))
		if err != nil || !row.Time.Equal(time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)) {
			t.Errorf("%s: %v, %v", text, row, err)
		}
	}
}

func TestALineThatCannotBeReadSaysWhy(t *testing.T) {
	c := open(t, "device_id,timestamp,x")
	for line, want := range map[string]string{
		"a,2026-01-02":                                       "2 fields where the header has 3",
		"a,2026-01-02T00:00:00Z,1,2":                         "4 fields",
		",2026-01-02T00:00:00Z,1":                            "device_id",
		strings.Repeat("d", 257) + ",2026-01-02T00:00:00Z,1": "device_id",
		"a,yesterday,1":                                      "timestamp",
		"a,2026-01-02T00:00:00Z,wet":                         "x: not a number",
		"a,2026-01-02T00:00:00Z,1e999":                       "too large",
		"a,2026-01-02T00:00:00Z,-Inf":                        "too large",
		"a,2026-01-02T00:00:00Z,\xff":                        "UTF-8",
		`a,2026-01-02T00:00:00Z,"1`:                          `"`,
	} {
		if _, err := c.Parse([]byte(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", line, err, want)
		}
	}
	if row, err := c.Parse([]byte("a,2026-01-02T00:00:00Z,1e308")); err != nil || row.Values[0] != 1e308 {
		t.Errorf("after the bad lines: %v", err)
	}
}

func TestAHeaderThatCannotBeUsedSaysWhy(t *testing.T) {
	for header, want := range map[string]string{
		"timestamp,x":                                     "device_id and timestamp",
		"device_id,timestamp":                             "no column of values",
		"device_id,timestamp,x,x":                         "twice",
		"device_id,timestamp,,x":                          "has no name",
		"device_id,timestamp," + strings.Repeat("x", 300): "longer",
	} {
		if _, err := sensorlog.NewCSV([]byte(header)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", header, err, want)
		}
	}
}

func FuzzCSV(f *testing.F) {
	f.Add("device_id,timestamp,x,y", "a,2026-01-02T03:04:05Z,1,")
	f.Add("x,timestamp,device_id", "\"1\",2026-01-02 03:04,\"a\"\"b\"")
	f.Fuzz(func(t *testing.T, header, line string) {
		c, err := sensorlog.NewCSV([]byte(header))
		if err != nil {
			return
		}
		row, err := c.Parse([]byte(line))
		if err != nil {
			return
		}
		if len(row.Device) == 0 || len(row.Values) != len(c.Columns) {
			t.Fatalf("%q %v", row.Device, row.Values)
		}
		for _, v := range row.Values {
			if math.IsInf(v, 0) {
				t.Fatal("an infinite value")
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	c := open(b, "device_id,timestamp,rainfall_mm,temperature,humidity")
	line := []byte("FCR_met_r1,2015-07-07T16:00:00,0.0,27.97,62.6")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Parse(line); err != nil {
			b.Fatal(err)
		}
	}
}
