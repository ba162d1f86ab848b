package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestALineThatIsTooLongIsAnErrorInItsPlace(t *testing.T) {
	header, good := "device_id,timestamp,x\n", "a,2026-03-01T00:00:00Z,1\n"
	long := "a,2026-03-01T01:00:00Z," + strings.Repeat("1", 3*maxSensorLine)
	for name, c := range map[string]struct {
		in   string
		want []string // beginnings of the lines of the answer
	}{
		"between others":       {header + good + long + "\n" + "a,2026-03-01T02:00:00Z,1\n", []string{`{"device_id":"a"`, `{"line":3,`, `{"device_id":"a"`}},
		"last, without an end": {header + good + long, []string{`{"device_id":"a"`, `{"line":3,`}},
		"a byte of nothing":    {header + "\x00\n" + good, []string{`{"line":2,"status":"error","error":{"code":"malformed"`, `{"device_id":"a"`}},
	} {
		var out, failed bytes.Buffer
		if code := run(t.Context(), []string{"qc"}, stdio{strings.NewReader(c.in), &out, &failed, nil}); code != exitFailed {
			t.Errorf("%s: exit code %d", name, code)
		}
		got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(got) != len(c.want) {
			t.Fatalf("%s: %d lines, want %d: %.300s", name, len(got), len(c.want), out.String())
		}
		for i, want := range c.want {
			if !strings.HasPrefix(got[i], want) {
				t.Errorf("%s: line %d is %.120s, want %s…", name, i, got[i], want)
			}
		}
	}
	var failed bytes.Buffer
	if code := run(t.Context(), []string{"qc"}, stdio{strings.NewReader(long), new(bytes.Buffer), &failed, nil}); code != exitFailed ||
		!strings.Contains(failed.String(), "header is longer") {
		t.Errorf("an endless header: exit code %d, %s", code, failed.String())
	}
}

func TestQCReadsTimesWithoutAnOffsetInTheGivenZone(t *testing.T) {
	const (
		csv    = "device_id,timestamp,x\n"
		ndjson = `{"device_id":"a","timestamp":"2026-03-01T12:00:00","measurements":{"x":1}}` + "\n"
		first  = `"timestamp":"2026-03-01T`
	)
	for name, c := range map[string]struct {
		in    string
		flags []string
		want  string // in the only line of the answer
		code  int
	}{
		"UTC unless told":        {csv + "a,2026-03-01 12:00,1\n", nil, first + "12:00:00Z", 0},
		"a zone":                 {csv + "a,2026-03-01 12:00,1\n", []string{"--timezone", "Asia/Kolkata"}, first + "06:30:00Z", 0},
		"in summer":              {csv + "a,2026-07-01T12:00,1\n", []string{"--timezone", "Europe/Rome"}, `"timestamp":"2026-07-01T10:00:00Z`, 0},
		"an offset counts":       {csv + "a,2026-03-01T12:00:00+01:00,1\n", []string{"--timezone", "Asia/Kolkata"}, first + "11:00:00Z", 0},
		"seconds since 1970":     {csv + "a,1772366400,1\n", []string{"--timezone", "Asia/Kolkata"}, first + "12:00:00Z", 0},
		"a time that is skipped": {csv + "a,2026-03-29T02:30,1\n", []string{"--timezone", "Europe/Rome"}, "skip", exitFailed},
		"NDJSON without a zone":  {ndjson, []string{"--format", "ndjson"}, "/timestamp", exitFailed},
		"NDJSON in a zone":       {ndjson, []string{"--format", "ndjson", "--timezone", "Asia/Kolkata"}, first + "06:30:00Z", 0},
		"the line's own zone": {
			strings.Replace(ndjson, "{", `{"timezone":"UTC",`, 1), []string{"--format", "ndjson", "--timezone", "Asia/Kolkata"}, first + "12:00:00Z", 0,
		},
		"no zone at all":  {csv + "a,2026-03-01 12:00,1\n", []string{"--timezone", "Mars/Olympus"}, "", exitFailed},
		"the machine's":   {csv + "a,2026-03-01 12:00,1\n", []string{"--timezone", "Local"}, "", exitFailed},
		"an abbreviation": {csv + "a,2026-03-01 12:00,1\n", []string{"--timezone", "IST"}, "", exitFailed},
	} {
		var out, failed bytes.Buffer
		code := run(t.Context(), append([]string{"qc"}, c.flags...), stdio{strings.NewReader(c.in), &out, &failed, nil})
		if code != c.code || !strings.Contains(out.String(), c.want) || c.want == "" && !strings.Contains(failed.String(), "--timezone") {
			t.Errorf("%s: exit code %d, %s%s", name, code, out.String(), failed.String())
		}
	}
}

// A record judged by the detector alone, and its lines asked one by one of the service, have the same
// verdicts.
func TestARecordAndItsReadingsAreJudgedAlike(t *testing.T) {
	var in strings.Builder
	rng := rand.New(rand.NewPCG(1, 2))
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 6000 {
		value := 10 + 5*math.Sin(float64(i)/40) + rng.NormFloat64()/10
		if rng.IntN(100) == 0 {
			value = []float64{-9999, 40, 1e300, value + 3}[rng.IntN(4)]
		}
		fmt.Fprintf(&in, `{"device_id":"d%d","timestamp":"%s","temperature":%g,"measurements":{"x":%g}}`+"\n",
			i%3, at.Add(time.Duration(i/3)*15*time.Minute).Format(time.RFC3339), value, rng.Float64())
	}
	answers := func(args ...string) string {
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, stdio{strings.NewReader(in.String()), &out, &errs, nil}); code != exitDone {
			t.Fatalf("%v: exit code %d, %s", args, code, errs.String())
		}
		masked := regexp.MustCompile(`"detected_at":"[^"]*"`).ReplaceAllString(out.String(), `"detected_at":""`)
		return strings.ReplaceAll(masked, `["cold_start","no_state"]`, `["cold_start"]`) // no store takes part in a record
	}
	record, asked := answers("qc", "--format", "ndjson"), answers("predict", "anomaly")
	if strings.Count(record, `"is_anomaly":true`) < 20 {
		t.Error("the record has hardly an anomaly")
	}
	if diff := cmp.Diff(strings.Split(record, "\n"), strings.Split(asked, "\n")); diff != "" {
		t.Errorf("they differ: %.2000s", diff)
	}
}

// BenchmarkQualityControl judges a record of five devices with four variables each, from bytes to bytes.
// The time to load the models is part of it.
//
//	go test -run '^$' -bench QualityControl ./app/cmd/guardy
func BenchmarkQualityControl(b *testing.B) {
	const readings = 100_000
	var csv, ndjson bytes.Buffer
	csv.WriteString("device_id,timestamp,rainfall_mm,temperature,water_level_m,conductivity\n")
	rng := rand.New(rand.NewPCG(3, 4))
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range readings {
		device, when := i%5, at.Add(time.Duration(i/5)*15*time.Minute).Format(time.RFC3339)
		rain, temperature := max(0, rng.ExpFloat64()-3), 10+5*math.Sin(float64(i/5)/40)+rng.NormFloat64()/10
		level, conductivity := 0.4+math.Sin(float64(i/5)/500)/10, 300+rng.NormFloat64()
		fmt.Fprintf(&csv, "d%d,%s,%.1f,%.2f,%.3f,%.1f\n", device, when, rain, temperature, level, conductivity)
		fmt.Fprintf(&ndjson, `{"device_id":"d%d","timestamp":"%s","rainfall_mm":%.1f,"temperature":%.2f,"water_level_m":%.3f,"measurements":{"conductivity":%.1f}}`+"\n",
			device, when, rain, temperature, level, conductivity)
	}
	for _, bm := range []struct {
		name string
		in   []byte
		args []string
	}{
		{"csv", csv.Bytes(), nil},
		{"ndjson", ndjson.Bytes(), []string{"--format", "ndjson"}},
		{"report", csv.Bytes(), []string{"--report", filepath.Join(b.TempDir(), "page.html")}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(bm.in)))
			for b.Loop() {
				var errs bytes.Buffer
				if code := run(b.Context(), append([]string{"qc"}, bm.args...), stdio{bytes.NewReader(bm.in), io.Discard, &errs, nil}); code != exitDone {
					b.Fatalf("exit code %d: %s", code, errs.String())
				}
			}
			b.ReportMetric(float64(readings*b.N)/b.Elapsed().Seconds(), "readings/s")
		})
	}
}

// TestQCObeysTheOperatorsLimits, of the device they name and no other.
func TestQCObeysTheOperatorsLimits(t *testing.T) {
	limits := filepath.Join(t.TempDir(), "limits.yaml")
	if err := os.WriteFile(limits, []byte("devices: {greenhouse: {temperature: {fail: [5, 50]}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const in = "device_id,timestamp,temperature\ngreenhouse,2026-03-01T00:00:00Z,2\nyard,2026-03-01T00:00:00Z,2\n"
	var out, failed bytes.Buffer
	if code := run(t.Context(), []string{"--set", "devices.limits=" + limits, "qc"}, stdio{strings.NewReader(in), &out, &failed, nil}); code != exitDone {
		t.Fatalf("exit code %d: %s", code, failed.String())
	}
	for i, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		if want := []string{`"is_anomaly":true`, `"is_anomaly":false`}[i]; !strings.Contains(line, want) || !strings.Contains(line, `"model_version":"1.0.0"`) {
			t.Errorf("line %d lacks %s: %s", i, want, line)
		}
	}
	if err := os.WriteFile(limits, []byte("devices: {greenhouse: {temperature: {fail: [50, 5]}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	failed.Reset()
	if code := run(t.Context(), []string{"--set", "devices.limits=" + limits, "qc"}, stdio{strings.NewReader(in), new(bytes.Buffer), &failed, nil}); code != exitFailed ||
		!strings.Contains(failed.String(), "device greenhouse: temperature: fail: ") {
		t.Errorf("limits upside down: exit code %d, %s", code, failed.String())
	}
}
