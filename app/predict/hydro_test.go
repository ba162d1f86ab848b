package predict_test

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/app/predict"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/vector"
)

// hydroData is where the development data lies beside a checkout.
const hydroData = "../../../shared/data/hydro"

// basin is one catchment of the development data.
type basin struct {
	latitude, longitude float64
	site                vector.Site
	normal, threshold   float64
	first               time.Time
	rain, warmth, flow  []float64 // by day from first, NaN where missing
}

// siteColumns are the columns of the basin table in the order of vector.SiteNames.
var siteColumns = [vector.SiteFields]string{
	"elev_m", "slope_m_per_km", "area_km2", "soil_depth_statsgo", "soil_porosity", "soil_conductivity", "max_water_content",
	"sand_frac", "silt_frac", "clay_frac", "p_mean", "pet_mean", "p_seasonality", "frac_snow", "aridity", "high_prec_freq",
	"frac_forest", "lai_max", "geol_permeability",
}

// TestRealRiversAreTold asks the shipped model about real days, through the service, and looks
// whether the answers know the floods. The model was trained on these rivers, so this is no measure of
// skill (the card has that): it proves that inputs, units and members mean what they meant in
// training.
func TestRealRiversAreTold(t *testing.T) {
	requireHydroData(t)
	basins := readBasins(t, 12)
	w := newWorld(t, false)
	for _, kind := range []struct {
		name string
		brings
		precision, far float64 // bounds of average precision, of mean probability over frequency
	}{
		{"service", brings{}, .2, 2},
		{"three days of history", brings{history: 3}, .3, 2},
		{"river", brings{history: 3, river: 1}, .55, 2},
		{"a year of weather", brings{history: 365, warm: true}, .4, 2},
		{"a year of weather and the river's month", brings{history: 365, warm: true, river: 30}, .6, 2},
		{"a year of weather without the site", brings{history: 365, warm: true, nowhere: true}, .3, 2},
	} {
		var p, y []float64
		for _, b := range basins {
			bp, by := b.ask(t, w.FloodRisks, kind.brings)
			p, y = append(p, bp...), append(y, by...)
		}
		floods, expected := sum(y), sum(p)
		ap := averagePrecision(p, y)
		t.Logf("%s: %d days, %.0f with a flood, %.0f expected, average precision %.3f", kind.name, len(p), floods, expected, ap)
		if ap < kind.precision {
			t.Errorf("%s: average precision %.3f, want at least %.2f", kind.name, ap, kind.precision)
		}
		if expected > floods*kind.far || expected < floods/kind.far {
			t.Errorf("%s: %.0f floods expected, %.0f seen", kind.name, expected, floods)
		}
	}
}

// brings says what a request has beside rain of today, its means and the temperature of today.
type brings struct {
	history int  // days of rain before today
	warm    bool // with temperatures
	river   int  // days of the river, yesterday first
	nowhere bool // without the site
}

// ask scores the last five years of a basin's days; y is flood today or tomorrow.
func (b *basin) ask(t *testing.T, s *predict.FloodRisks, has brings) (p, y []float64) {
	t.Helper()
	var rs []risk.Request
	for d := len(b.rain) - 5*365; d+1 < len(b.rain); d++ {
		if math.IsNaN(b.flow[d]) || math.IsNaN(b.flow[d+1]) || math.IsNaN(b.rain[d]) {
			continue
		}
		r := risk.NewRequest()
		r.Latitude, r.Longitude = b.latitude, b.longitude
		if !has.nowhere {
			r.Site = b.site
		}
		r.Date = b.first.AddDate(0, 0, d)
		r.RainfallMM, r.Temperature = math.Max(0, b.rain[d]), b.warmth[d]
		r.Rainfall7dMean, r.Rainfall30dMean = sum(b.rain[d-6:d+1])/7, sum(b.rain[d-29:d+1])/30
		for i := range has.history {
			r.RainfallHistoryMM = append(r.RainfallHistoryMM, math.Max(0, b.rain[d-1-i]))
			if has.warm {
				r.TemperatureHistory = append(r.TemperatureHistory, b.warmth[d-1-i])
			}
		}
		if has.river > 0 {
			r.River = vector.River{Value: b.flow[d-1], Normal: b.normal, FloodThreshold: b.threshold}
		}
		for i := range has.river {
			r.RiverHistory = append(r.RiverHistory, b.flow[d-1-i])
		}
		rs = append(rs, r)
		flood := 0.0
		if b.flow[d] >= b.threshold || b.flow[d+1] >= b.threshold {
			flood = 1
		}
		y = append(y, flood)
	}
	out := make([]risk.Outcome, len(rs))
	batch, err := s.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	batch.Assess(t.Context(), rs, out)
	for i := range out {
		if out[i].Err != nil {
			t.Fatalf("%v: %+v", out[i].Err, rs[i])
		}
		p = append(p, out[i].Assessment.Probability)
	}
	return p, y
}

func sum(v []float64) (s float64) {
	for _, x := range v {
		s += x
	}
	return s
}

// averagePrecision is the step-wise area under the precision-recall curve.
func averagePrecision(p, y []float64) float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case p[a] > p[b]:
			return -1
		case p[a] < p[b]:
			return 1
		}
		return 0
	})
	hits, area := 0.0, 0.0
	for n, i := range order {
		if y[i] == 1 {
			hits++
			area += hits / float64(n+1)
		}
	}
	return area / hits
}

// readBasins reads every so many-th usable basin with its days.
func readBasins(t *testing.T, every int) map[string]*basin {
	t.Helper()
	table, err := csv.NewReader(openHydro(t, "us_caravan_basins.csv")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range table[0] {
		column[name] = i
	}
	basins := map[string]*basin{}
	for i, row := range table[1:] {
		at := func(name string) float64 { return parseNumber(t, row[column[name]]) }
		if i%every != 0 || at("q_2yr") < 0.5 || at("baserate_2yr_before_cut") > 0.03 {
			continue
		}
		b := &basin{latitude: at("lat"), longitude: at("lon"), normal: at("q_med"), threshold: at("q_2yr")}
		for i, v := range b.site.Values() {
			*v = at(siteColumns[i])
		}
		basins[row[column["basin_id"]]] = b
	}
	days := bufio.NewScanner(openHydro(t, "us_caravan_daily.csv.gz"))
	days.Scan() // the header: basin_id,date,precip_mm,temp_c,q_mm
	for days.Scan() {
		row := strings.Split(days.Text(), ",")
		b := basins[row[0]]
		if b == nil {
			continue
		}
		if b.first.IsZero() {
			if b.first, err = time.Parse(time.DateOnly, row[1]); err != nil {
				t.Fatal(err)
			}
		}
		b.rain, b.warmth, b.flow = append(b.rain, parseNumber(t, row[2])), append(b.warmth, parseNumber(t, row[3])), append(b.flow, parseNumber(t, row[4]))
	}
	if err := days.Err(); err != nil {
		t.Fatal(err)
	}
	return basins
}

// requireHydroData skips the test where the data is not at hand; CI insists on it.
func requireHydroData(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(hydroData); errors.Is(err, os.ErrNotExist) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is required in CI", hydroData)
		}
		t.Skipf("%s is not here", hydroData)
	}
}

// openHydro opens a file of the data, inflated, until the test ends.
func openHydro(t *testing.T, name string) io.Reader {
	t.Helper()
	f, err := os.Open(filepath.Join(hydroData, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if !strings.HasSuffix(name, ".gz") {
		return f
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// parseNumber reads a field; an empty one is missing.
func parseNumber(t *testing.T, s string) float64 {
	t.Helper()
	if s == "" {
		return math.NaN()
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
