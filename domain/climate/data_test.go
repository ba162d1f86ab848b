package climate

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const hydroData = "../../../shared/data/hydro"

// basin is a row of the basin table with its days.
type basin struct {
	table   map[string]float64
	weather []Day
	river   []RiverDay
}

// TestDerivedSitesAreThoseOfTheBasinTable derives every basin of us_caravan from its 25 years of days and compares
// with the basin table. Its climate attributes are those of CAMELS, from Daymet's precipitation of other years
// (1989-2009) and the evaporation of Priestley and Taylor; the days are those of ERA5-Land. The differences are
// therefore those of the sources, too. Oudin's evaporation is much less than that of Priestley and Taylor where it is
// cold and sunny, so that warm and cold basins have tolerances of their own. The thresholds of the table are from the same days, so they agree. Run with -v
// for the figures of docs/sites.md.
func TestDerivedSitesAreThoseOfTheBasinTable(t *testing.T) {
	basins := readBasins(t)
	type attribute struct {
		name      string
		get       func(Weather, River) float64
		relative  bool
		tolerance float64 // of the median of the absolute differences
		rank      float64 // least rank correlation
		least     int     // basins
	}
	warm := func(get func(Weather) float64, warm bool) func(Weather, River) float64 {
		return func(w Weather, _ River) float64 {
			if w.TemperatureMean >= 8 != warm {
				return math.NaN()
			}
			return get(w)
		}
	}
	pet := func(w Weather) float64 { return w.PETMeanMMDay }
	aridity := func(w Weather) float64 { return w.Aridity }
	attributes := []attribute{
		{"p_mean", func(w Weather, _ River) float64 { return w.PrecipitationMeanMMDay }, true, 0.10, 0.9, 361},
		{"pet_mean", warm(pet, true), true, 0.15, 0.7, 200},
		{"pet_mean", warm(pet, false), true, 0.35, -1, 100},
		{"aridity", warm(aridity, true), true, 0.15, 0.75, 200},
		{"aridity", warm(aridity, false), true, 0.35, 0.7, 100},
		{"frac_snow", func(w Weather, _ River) float64 { return w.SnowFraction }, false, 0.03, 0.95, 361},
		{"p_seasonality", func(w Weather, _ River) float64 { return w.PrecipitationSeasonality }, false, 0.1, 0.9, 361},
		{"high_prec_freq", func(w Weather, _ River) float64 { return w.HighPrecipitationDays }, false, 3, 0.7, 361},
		{"q_2yr", func(_ Weather, r River) float64 { return r.Flood.Value }, true, 0.001, 0.999, 361},
		{"q_med", func(_ Weather, r River) float64 { return r.Normal }, true, 0.001, 0.999, 361},
	}
	derived := make([][]float64, len(attributes))
	wanted := make([][]float64, len(attributes))
	for _, b := range basins {
		w, r := DeriveWeather(b.weather, b.table["lat"]), DeriveRiver(b.river, time.October)
		for i, a := range attributes {
			if got, want := a.get(w, r), b.table[a.name]; got == got && want == want {
				derived[i], wanted[i] = append(derived[i], got), append(wanted[i], want)
			}
		}
	}
	for i, a := range attributes {
		var errs, bias []float64
		for k, got := range derived[i] {
			e := got - wanted[i][k]
			if a.relative {
				e /= max(math.Abs(wanted[i][k]), 0.1)
			}
			errs, bias = append(errs, math.Abs(e)), append(bias, e)
		}
		slices.Sort(errs)
		slices.Sort(bias)
		m, rank := median(errs), rankCorrelation(derived[i], wanted[i])
		t.Logf("%-14s basins %d, median difference %.4f (relative %v), absolute: median %.4f, nine of ten below %.4f; rank correlation %.3f",
			a.name, len(errs), median(bias), a.relative, m, errs[len(errs)*9/10], rank)
		if len(errs) < a.least {
			t.Errorf("%s was derived for %d basins, want at least %d", a.name, len(errs), a.least)
		}
		if m > a.tolerance || rank < a.rank {
			t.Errorf("%s: median difference %v (most %v), rank correlation %v (least %v)", a.name, m, a.tolerance, rank, a.rank)
		}
	}
}

func rankCorrelation(a, b []float64) float64 {
	ra, rb := ranks(a), ranks(b)
	n := float64(len(a))
	mean := (n - 1) / 2
	var ab, aa, bb float64
	for i := range ra {
		x, y := ra[i]-mean, rb[i]-mean
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	return ab / math.Sqrt(aa*bb)
}

func ranks(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(v[i], v[j]) })
	r := make([]float64, len(v))
	for rank, i := range order {
		r[i] = float64(rank)
	}
	return r
}

// readBasins skips the test where the data is not at hand; CI insists on it.
func readBasins(t *testing.T) map[string]*basin {
	t.Helper()
	if _, err := os.Stat(hydroData); errors.Is(err, fs.ErrNotExist) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is required in CI", hydroData)
		}
		t.Skipf("%s is not here", hydroData)
	}
	f, err := os.Open(filepath.Join(hydroData, "us_caravan_basins.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	basins := map[string]*basin{}
	for _, row := range table[1:] {
		b := &basin{table: map[string]float64{}}
		for i, text := range row {
			b.table[table[0][i]] = number(text)
		}
		basins[row[0]] = b
	}
	readDays(t, basins)
	return basins
}

// readDays reads us_caravan_daily: basin_id,date,precip_mm,temp_c,q_mm.
func readDays(t *testing.T, basins map[string]*basin) {
	t.Helper()
	f, err := os.Open(filepath.Join(hydroData, "us_caravan_daily.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Scan() // the header
	for lines.Scan() {
		row := strings.Split(lines.Text(), ",")
		date, err := time.Parse(time.DateOnly, row[1])
		if err != nil {
			t.Fatal(err)
		}
		if b := basins[row[0]]; b != nil {
			b.weather = append(b.weather, Day{date, number(row[2]), number(row[3])})
			b.river = append(b.river, RiverDay{date, number(row[4])})
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// number returns NaN for an empty field, and for text.
func number(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}
