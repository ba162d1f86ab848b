package doubt_test

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/doubt"
)

// dataBesideRepository is where the development data lies beside a checkout.
const dataBesideRepository = "../../../shared/data/hydro"

// rows calls f with the fields of every line of a CSV file that have the names.
func rows(tb testing.TB, name string, columns []string, f func(fields []string)) {
	tb.Helper()
	file, err := os.Open(filepath.Join(dataBesideRepository, name))
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") != "true" {
		tb.Skipf("the development data is not here (%s)", dataBesideRepository)
	}
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	var in io.Reader = bufio.NewReaderSize(file, 1<<16)
	if filepath.Ext(name) == ".gz" {
		if in, err = gzip.NewReader(in); err != nil {
			tb.Fatal(err)
		}
	}
	r := csv.NewReader(in)
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		tb.Fatal(err)
	}
	var at []int
	for _, c := range columns {
		i := slices.Index(header, c)
		if i < 0 {
			tb.Fatalf("%s has no column %s", name, c)
		}
		at = append(at, i)
	}
	fields := make([]string, len(at))
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			tb.Fatal(err)
		}
		for k, i := range at {
			fields[k] = record[i]
		}
		f(fields)
	}
}

func number(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// TestDaysOfRealRiversAreSeldomDoubtful: what is called doubtful must hardly ever be a real day, never one of a
// flood, and never be taken for missing when the river was high.
func TestDaysOfRealRiversAreSeldomDoubtful(t *testing.T) {
	type river struct {
		normal, flood float64
		flashy        bool
	}
	rivers := map[string]river{}
	rows(t, "us_caravan_basins.csv", []string{"basin_id", "q_med", "q_2yr", "baserate_2yr_before_cut"}, func(f []string) {
		r := river{normal: number(f[1]), flood: number(f[2])}
		r.flashy = r.flood > 25*r.normal
		if r.flood >= 0.5 && number(f[3]) <= 0.03 { // as the data's own description advises
			rivers[f[0]] = r
		}
	})
	var days, doubtful, codes [2]int // of ordinary rivers, of flashy ones
	least, most := math.Inf(1), math.Inf(-1)
	rows(t, "us_caravan_daily.csv.gz", []string{"basin_id", "q_mm"}, func(f []string) {
		r, known := rivers[f[0]]
		q := number(f[1])
		if !known || q != q {
			return
		}
		class := 0
		if r.flashy {
			class = 1
		}
		days[class]++
		ratio := (q - r.normal) / (r.flood - r.normal)
		least, most = min(least, ratio), max(most, ratio)
		d, isDoubtful := doubt.CheckRiver(q, r.normal, r.flood)
		if isDoubtful {
			doubtful[class]++
		}
		if isDoubtful && (d.Treated != domain.TreatedMissing || q >= r.normal) {
			t.Errorf("%s: %g of %g and %g is doubtful: %+v", f[0], q, r.normal, r.flood, d)
		}
		if doubt.MayBeCode(doubt.River, q) {
			codes[class]++
		}
	})
	for class, name := range []string{"ordinary", "flashy"} {
		share := float64(doubtful[class]) / float64(days[class])
		t.Logf("%s rivers: %d of %d days are doubtful (%.3f %%), %d read like codes", name, doubtful[class], days[class], 100*share, codes[class])
		if share > 0.01 || codes[class] > 0 {
			t.Errorf("%s rivers: %.2f %% of the days are doubtful, %d codes", name, 100*share, codes[class])
		}
	}
	t.Logf("%d rivers, ratios from %.3f to %.3f", len(rivers), least, most)
}

// TestHoursOfRealGaugesAreNoCodes looks at levels and flows of sixteen gauges, hour by hour.
func TestHoursOfRealGaugesAreNoCodes(t *testing.T) {
	hours, codes := 0, 0
	rows(t, "hourly_gauges.csv.gz", []string{"rain_mm", "temp_c", "rh_pct", "level_m", "flow_m3s"}, func(f []string) {
		hours++
		for i, q := range []doubt.Quantity{doubt.Rain, doubt.Temperature, doubt.Humidity, doubt.Level, doubt.Discharge} {
			if v := number(f[i]); doubt.MayBeCode(q, v) {
				codes++
				t.Logf("%v %g reads like a code", q, v)
			}
		}
	})
	t.Logf("%d hours, %d values that read like codes", hours, codes)
	if codes > 0 {
		t.Errorf("%d measurements read like codes", codes)
	}
}
