package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// requests returns n flood-risk requests of all kinds, bad ones among them.
func requests(n int) string {
	var b strings.Builder
	for i := range n {
		switch i % 7 {
		case 0:
			fmt.Fprintf(&b, `{"latitude": %d.5, "longitude": -80.25, "rainfall_mm": %d, "date": "2024-0%d-11"}`, 30+i%15, i%120, 1+i%9)
		case 1:
			fmt.Fprintf(&b, `{"location_id": "gauge-%d", "location_name": "Ö \"%d\"", "latitude": 41, "longitude": -77.1, "rainfall_mm": 3.25, "temperature": %d, "humidity": 81, "date": "2024-04-11"}`, i, i, i%30)
		case 2:
			fmt.Fprintf(&b, `{"latitude": 41, "longitude": -77.1, "rainfall_mm": 31, "rainfall_history_mm": [%d, 0, 4.5, null, 9], "date": "2024-04-11T06:00:00-05:00"}`, i%50)
		case 3:
			fmt.Fprintf(&b, `{"latitude": 41, "longitude": -77.1, "rainfall_mm": 31, "river": {"value": %d, "normal": 2, "flood_threshold": 90}, "site": {"area_km2": 210, "slope_m_per_km": 12}, "date": "2024-04-11", "explain": true}`, i%100)
		case 4:
			b.WriteString(`{"latitude": 41, "longitude": -77.1, "rainfal_mm": 31, "humidity": 130}`)
		case 5:
			b.WriteString("\n{\"latitude\": 41, ")
		case 6:
			b.WriteString(`{"latitude": 41, "longitude": -77.1, "rainfall_mm": -31, "date": "2024-04-11"}`)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

var predictedAt = regexp.MustCompile(`"predicted_at":"[^"]*"`)

func TestCommandLineAnswersAreThoseOfTheAPI(t *testing.T) {
	ports, err := freePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	environ := []string{"PORT=" + ports[0], "GUARDY_CONNECT_ADDR=127.0.0.1:" + ports[1], "GUARDY_ADMIN_ADDR=127.0.0.1:" + ports[2]}
	ctx, cancel := context.WithCancel(t.Context())
	var log bytes.Buffer
	ended := make(chan error, 1)
	go func() {
		var err error
		if code := run(ctx, []string{"serve"}, stdio{nil, io.Discard, &log, environ}); code != exitDone {
			err = fmt.Errorf("exit code %d", code)
		}
		ended <- err
	}()
	base := "http://127.0.0.1:" + ports[0]
	wait, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	if err := awaitReady(wait, base+"/readyz", ended); err != nil {
		t.Fatal(err)
	}

	in := requests(2000)
	answer, err := http.Post(base+"/api/v1/predict/batch", "application/x-ndjson", strings.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	api, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v\n%s", err, log.String())
	}

	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"predict", "flood-risk"}, stdio{strings.NewReader(in), &out, &errs, nil})
	if code != exitFailed || !strings.HasPrefix(errs.String(), "guardy: 856 of 2000 requests") {
		t.Errorf("exit code %d, %s", code, errs.String())
	}
	mask := func(b []byte) string { return predictedAt.ReplaceAllString(string(b), `"predicted_at":""`) }
	if diff := cmp.Diff(mask(api), mask(out.Bytes())); diff != "" {
		t.Errorf("API and command line differ: %.2000s", diff)
	}
}

// BenchmarkPredict streams requests through the whole command, from bytes to bytes.
//
//	go test -run '^$' -bench Predict ./app/cmd/guardy
func BenchmarkPredict(b *testing.B) {
	for _, bm := range []struct {
		name, command string
		rows          int
		request       string
	}{
		{"plain", "flood-risk", 100_000, `{"location_id": "gauge-17", "latitude": 41.25, "longitude": -77.1, "rainfall_mm": 31.5, "temperature": 9.5, "humidity": 88, "date": "2024-04-11"}`},
		{"history", "flood-risk", 100_000, `{"location_id": "gauge-17", "latitude": 41.25, "longitude": -77.1, "rainfall_mm": 31.5, "rainfall_history_mm": [12, 0, 0, 3.5, 8, 0, 1.5, 0, 0, 22, 0, 0, 0, 4], "temperature": 9.5, "humidity": 88, "date": "2024-04-11"}`},
		{"nowcast", "nowcast", 2_000, twoDays()},
	} {
		b.Run(bm.name, func(b *testing.B) {
			in := []byte(strings.Repeat(bm.request+"\n", bm.rows))
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if code := run(b.Context(), []string{"predict", bm.command}, stdio{bytes.NewReader(in), io.Discard, os.Stderr, nil}); code != exitDone {
					b.Fatalf("exit code %d", code)
				}
			}
			b.ReportMetric(float64(bm.rows*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// twoDays is a nowcast request with 48 readings.
func twoDays() string {
	var b strings.Builder
	b.WriteString(`{"latitude": 45.78, "longitude": 9.25, "river": {"normal": 0.3, "flood_threshold": 1}, "weather_sequence": [`)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 48 {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, `{"timestamp": "%s", "rainfall_mm": %.1f, "temperature": 11.2, "humidity": 85, "water_level_m": %.3f}`,
			at.Add(time.Duration(i)*time.Hour).Format(time.RFC3339), float64(i%5), 0.3+float64(i%24)/100)
	}
	b.WriteString("]}")
	return b.String()
}
