package nowcast_test

import (
	"compress/gzip"
	"encoding/csv"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain/nowcast"
)

// hydroData is where the development data lies beside a checkout.
const hydroData = "../../../shared/data/hydro"

// table reads a CSV file, gzipped or not, and calls use with each row by column name.
func table(t *testing.T, name string, use func(get func(column string) string)) {
	t.Helper()
	f, err := os.Open(filepath.Join(hydroData, name))
	if errors.Is(err, os.ErrNotExist) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v: CI needs the development data", err)
		}
		t.Skipf("no development data beside the repository: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if filepath.Ext(name) == ".gz" {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	head, err := rows.Read()
	if err != nil {
		t.Fatal(err)
	}
	columns := map[string]int{}
	for i, c := range head {
		columns[c] = i
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		use(func(column string) string { return row[columns[column]] })
	}
}

func number(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// gauge is one station of the development data, by the hour.
type gauge struct {
	name              string
	normal, threshold float64
	readings          []nowcast.Reading
}

// readGauges reads the hourly gauges.
func readGauges(t *testing.T) (gauges []*gauge) {
	t.Helper()
	byName, target := map[string]*gauge{}, map[string]string{}
	table(t, "hourly_stations.csv", func(get func(string) string) {
		name := get("station_id")
		target[name] = get("target")
		byName[name] = &gauge{name: name, normal: number(get("median")), threshold: number(get("q99"))}
		gauges = append(gauges, byName[name])
	})
	table(t, "hourly_gauges.csv.gz", func(get func(string) string) {
		name := get("station_id")
		v := nowcast.MissingReading()
		at, err := time.Parse("2006-01-02 15:04:05", get("time_local"))
		if err != nil {
			at, err = time.Parse("2006-01-02T15:04", get("time_local"))
		}
		if err != nil {
			at, err = time.Parse("2006-01-02 15:04", get("time_local"))
		}
		if err != nil {
			t.Fatal(err)
		}
		v.Time, v.RainfallMM = at, number(get("rain_mm"))
		if target[name] == "level_m" {
			v.WaterLevelM = number(get("level_m"))
		} else {
			v.DischargeM3S = number(get("flow_m3s"))
		}
		g := byName[name]
		if n := len(g.readings); n == 0 || at.After(g.readings[n-1].Time) {
			g.readings = append(g.readings, v)
		}
	})
	return gauges
}

// every is the step in hours between the sequences of a real gauge: -real.every 6 asks four times a day.
var every = flag.Int("real.every", 72, "hours between the sequences of a real gauge")

// TestRealGaugesAreSeldomDoubted asks about every real gauge as it is, and in units and above zeros
// that do not fit its thresholds.
func TestRealGaugesAreSeldomDoubted(t *testing.T) {
	m := scrambled(t, 1)
	var asked, misfit, stuck, rises int
	wrong := map[string][2]int{}
	for _, g := range readGauges(t) {
		for end := 336; end < len(g.readings); end += *every {
			r := nowcast.NewRequest()
			r.Latitude, r.Longitude, r.Normal, r.FloodThreshold, r.Horizons = 45, 9, g.normal, g.threshold, []int{1}
			r.Readings = append(r.Readings, g.readings[end-168:end]...)
			var f nowcast.Forecast
			ask := func() nowcast.ConditionSet {
				r.Canonicalize()
				m.Forecast(&r, &f)
				return f.Quality.Conditions
			}
			asked++
			c := ask()
			if c.Has(nowcast.ConditionThresholdsDoNotFit) {
				misfit++
			}
			if c.Has(nowcast.ConditionRiseUnconfirmed) {
				rises++
			}
			if f.Quality.Faults[nowcast.SeriesWaterLevel][nowcast.FaultStuck]+f.Quality.Faults[nowcast.SeriesDischarge][nowcast.FaultStuck] > 0 {
				stuck++
			}
			if asked%8 != 0 || f.Observed == nowcast.SeriesRainfall {
				continue
			}
			for name, change := range map[string]func(){
				"thresholds in mm":             func() { r.Normal, r.FloodThreshold = g.normal*1000, g.threshold*1000 },
				"thresholds in cm":             func() { r.Normal, r.FloodThreshold = g.normal*100, g.threshold*100 },
				"thresholds in ft or cfs":      func() { r.Normal, r.FloodThreshold = g.normal*35.31, g.threshold*35.31 },
				"thresholds in km":             func() { r.Normal, r.FloodThreshold = g.normal/1000, g.threshold/1000 },
				"thresholds in units of 100 m": func() { r.Normal, r.FloodThreshold = g.normal/100, g.threshold/100 },
				"thresholds above the sea":     func() { r.Normal, r.FloodThreshold = g.normal+200, g.threshold+200 },
				"river above the sea":          func() { r.Normal, r.FloodThreshold = g.normal-200, g.threshold-200 },
			} {
				change()
				n := wrong[name]
				n[0]++
				if ask().Has(nowcast.ConditionThresholdsDoNotFit) {
					n[1]++
				}
				wrong[name] = n
			}
		}
	}
	t.Logf("%d real sequences: thresholds do not fit %d, stuck %d, unconfirmed rises %d", asked, misfit, stuck, rises)
	if misfit > 0 || 100*stuck > 3*asked || 1000*rises > asked {
		t.Errorf("too many doubts about real gauges")
	}
	for name, n := range wrong {
		t.Logf("%s: %d of %d found", name, n[1], n[0])
	}
}
