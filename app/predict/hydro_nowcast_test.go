package predict_test

import (
	"bufio"
	"encoding/csv"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain/nowcast"
)

// gauge is one hourly gauge of the development data.
type gauge struct {
	latitude, longitude float64
	normal, threshold   float64
	discharge           bool
	readings            []nowcast.Reading // by the hour, without holes in time
}

// TestRealGaugesAreTold asks the shipped model about real hours, through the service, and compares its
// answers with persistence. The model was trained on these gauges, so this is no measure of skill (the
// card has that): it proves that series, units and thresholds mean what they meant in training.
func TestRealGaugesAreTold(t *testing.T) {
	requireHydroData(t)
	w := newWorld(t, false)
	horizons := []int{1, 3, 6, 12, 24}
	var brier, persistence [5]float64
	var inside, asked, events [5]float64
	for id, g := range readGauges(t, "it_caslino", "kr_1018620", "uk_wye") {
		before := asked[0]
		for i := 200; i+24 < len(g.readings); i += 5 {
			now := g.z(i)
			// Calm hours teach nothing here and are most of the record.
			if math.IsNaN(now) || now < 0.35 && i%100 != 0 {
				continue
			}
			r := nowcast.NewRequest()
			r.Latitude, r.Longitude, r.Normal, r.FloodThreshold = g.latitude, g.longitude, g.normal, g.threshold
			r.Readings, r.Horizons = g.readings[i-168:i+1], horizons
			f := mustNowcast(t, w, r)
			for k, h := range horizons {
				then := g.z(i + h)
				if math.IsNaN(then) {
					continue
				}
				flood, was := indicator(then >= 1), indicator(now >= 1)
				p := f.Predictions[k]
				brier[k] += (p.Probability - flood) * (p.Probability - flood)
				persistence[k] += (was - flood) * (was - flood)
				x := g.value(i + h)
				inside[k] += indicator(p.Quantiles.P10 <= x && x <= p.Quantiles.P90)
				asked[k]++
				events[k] += flood
			}
		}
		t.Logf("%s: %.0f hours asked", id, asked[0]-before)
	}
	for k, h := range horizons {
		t.Logf("%2d h: %.0f answers, %.0f floods, Brier %.4f, of persistence %.4f, p10 to p90 holds %.2f",
			h, asked[k], events[k], brier[k]/asked[k], persistence[k]/asked[k], inside[k]/asked[k])
		if asked[k] < 300 || events[k] < 20 {
			t.Errorf("%d h: only %.0f answers with %.0f floods", h, asked[k], events[k])
		}
		if brier[k] > 0.9*persistence[k] {
			t.Errorf("%d h: the Brier score is not better than that of persistence", h)
		}
		if share := inside[k] / asked[k]; share < 0.6 || share > 0.97 {
			t.Errorf("%d h: the band from p10 to p90 holds %.2f of what came", h, share)
		}
	}
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// value is the level or discharge of hour i, z the same between normal (0) and threshold (1).
func (g *gauge) value(i int) float64 {
	if g.discharge {
		return g.readings[i].DischargeM3S
	}
	return g.readings[i].WaterLevelM
}

func (g *gauge) z(i int) float64 { return (g.value(i) - g.normal) / (g.threshold - g.normal) }

// readGauges reads the named stations.
func readGauges(t *testing.T, names ...string) map[string]*gauge {
	t.Helper()
	table, err := csv.NewReader(openHydro(t, "hourly_stations.csv")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range table[0] {
		column[name] = i
	}
	gauges := map[string]*gauge{}
	for _, row := range table[1:] {
		at := func(name string) string { return row[column[name]] }
		for _, name := range names {
			if at("station_id") != name {
				continue
			}
			g := &gauge{
				latitude: parseNumber(t, at("lat")), longitude: parseNumber(t, at("lon")),
				normal: parseNumber(t, at("median")), threshold: parseNumber(t, at("q99")), discharge: at("target") == "flow_m3s",
			}
			if math.IsNaN(g.latitude) { // the source does not say where; all of these are in Korea
				g.latitude, g.longitude = 37.5, 127
			}
			gauges[name] = g
		}
	}
	hours := bufio.NewScanner(openHydro(t, "hourly_gauges.csv.gz"))
	hours.Scan() // the header: station_id,time_local,rain_mm,temp_c,rh_pct,level_m,flow_m3s
	for hours.Scan() {
		row := strings.Split(hours.Text(), ",")
		g := gauges[row[0]]
		if g == nil {
			continue
		}
		at, err := time.Parse("2006-01-02T15:04", row[1])
		if err != nil {
			t.Fatal(err)
		}
		for n := len(g.readings); n > 0 && g.readings[n-1].Time.Add(time.Hour).Before(at); n = len(g.readings) {
			v := nowcast.MissingReading()
			v.Time = g.readings[n-1].Time.Add(time.Hour)
			g.readings = append(g.readings, v)
		}
		g.readings = append(g.readings, nowcast.Reading{
			Time: at, RainfallMM: parseNumber(t, row[2]), Temperature: parseNumber(t, row[3]), Humidity: parseNumber(t, row[4]),
			WaterLevelM: parseNumber(t, row[5]), DischargeM3S: parseNumber(t, row[6]),
		})
	}
	if err := hours.Err(); err != nil {
		t.Fatal(err)
	}
	return gauges
}
