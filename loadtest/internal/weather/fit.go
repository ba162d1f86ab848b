package weather

import (
	"compress/gzip"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// Fit is what was learned from measured data. The committed one is fit.json; `go run ./cmd/sample fit DIR`
// makes it again from the tables in DIR.
type Fit struct {
	// Source names the tables and how many rows were read.
	Source string `json:"source"`
	// Months hold January to December of the daily tables.
	Months [12]Month `json:"months"`
	// Rain of a wet day, mm, at the probabilities of Levels.
	Rain []float64 `json:"rain_mm"`
	// StayWet is the chance of a wet day after a wet day, TurnWet after a dry one.
	StayWet float64 `json:"stay_wet"`
	TurnWet float64 `json:"turn_wet"`
	// River is (flow − median) / (2-year flood − median), by day and basin.
	River []float64 `json:"river"`
	// Site holds the attributes of the basins under their names on the wire.
	Site map[string][]float64 `json:"site"`
	// Hour is the same for hours.
	Hour Hourly `json:"hour"`
}

// Month is one month of the year.
type Month struct {
	Wet         float64 `json:"wet"` // share of days with rain
	Temperature float64 `json:"temperature"`
	Spread      float64 `json:"spread"` // standard deviation over days and basins
	HumidityWet float64 `json:"humidity_wet"`
	HumidityDry float64 `json:"humidity_dry"`
}

// Hourly is about the hours of river gauges.
type Hourly struct {
	Rain    []float64 `json:"rain_mm"` // of a wet hour
	StayWet float64   `json:"stay_wet"`
	TurnWet float64   `json:"turn_wet"`
	// Level is (level − median) / (99th percentile − median).
	Level []float64 `json:"level"`
	// Recession is the share of it that is left an hour later, without rain.
	Recession float64 `json:"recession"`
}

// Levels are the probabilities at which quantiles are kept. Between them they are interpolated.
var Levels = []float64{0, .05, .1, .25, .5, .75, .9, .95, .99, .999, 1}

// WetDay and WetHour are the least rain, mm, that counts as rain.
const (
	WetDay  = 0.1
	WetHour = 0.1
)

//go:embed fit.json
var committed []byte

// Committed returns the fit that the committed sample was made from.
func Committed() (Fit, error) {
	var f Fit
	err := json.Unmarshal(committed, &f)
	return f, err
}

// Measure fits the tables of the hydro data in dir.
func Measure(dir string) (Fit, error) {
	var f Fit
	days, err := f.daily(dir)
	if err != nil {
		return f, err
	}
	humid, err := f.humidity(dir)
	if err != nil {
		return f, err
	}
	hours, err := f.hourly(dir)
	if err != nil {
		return f, err
	}
	f.Source = fmt.Sprintf("us_caravan_daily and us_caravan_basins (%d days), us_nldas_humidity_daily (%d days), hourly_gauges (%d hours)", days, humid, hours)
	return f, nil
}

// site maps the columns of the basin table to the wire.
var site = map[string]string{
	"elev_m": "elevation_m", "slope_m_per_km": "slope_m_per_km", "area_km2": "area_km2",
	"soil_depth_statsgo": "soil_depth_m", "soil_porosity": "soil_porosity", "sand_frac": "sand_percent",
	"clay_frac": "clay_percent", "p_mean": "precipitation_mean_mm_day", "pet_mean": "pet_mean_mm_day",
	"frac_snow": "snow_fraction", "aridity": "aridity", "frac_forest": "forest_fraction",
}

func (f *Fit) daily(dir string) (rows int, err error) {
	type basin struct{ normal, flood float64 }
	basins, attributes := map[string]basin{}, map[string][]float64{}
	err = table(filepath.Join(dir, "us_caravan_basins.csv"), func(r row) {
		basins[r.text("basin_id")] = basin{r.number("q_med"), r.number("q_2yr")}
		for column, name := range site {
			attributes[name] = append(attributes[name], r.number(column))
		}
	})
	if err != nil {
		return 0, err
	}
	var rain, river []float64
	var temperature [12]moments
	var wet, seen [12]float64
	var spells spells
	err = table(filepath.Join(dir, "us_caravan_daily.csv.gz"), func(r row) {
		rows++
		mm, month := r.number("precip_mm"), r.month()
		if mm != mm {
			return
		}
		seen[month]++
		if spells.add(r.text("basin_id"), mm >= WetDay) {
			wet[month]++
			rain = append(rain, mm)
		}
		temperature[month].add(r.number("temp_c"))
		if b := basins[r.text("basin_id")]; b.flood > b.normal {
			river = append(river, (r.number("q_mm")-b.normal)/(b.flood-b.normal))
		}
	})
	for m := range f.Months {
		f.Months[m].Wet = round(wet[m] / seen[m])
		f.Months[m].Temperature, f.Months[m].Spread = temperature[m].mean(), temperature[m].deviation()
	}
	f.Rain, f.River, f.Site = quantiles(rain), quantiles(river), map[string][]float64{}
	f.StayWet, f.TurnWet = spells.chances()
	for name, values := range attributes {
		f.Site[name] = quantiles(values)
	}
	return rows, err
}

func (f *Fit) humidity(dir string) (rows int, err error) {
	var wet, dry [12]moments
	err = table(filepath.Join(dir, "us_nldas_humidity_daily.csv.gz"), func(r row) {
		rows++
		of := &dry // a day without a figure of its rain is rare enough to go with the dry ones
		if r.number("precip_mm") >= WetDay {
			of = &wet
		}
		of[r.month()].add(r.number("rh_pct"))
	})
	for m := range f.Months {
		f.Months[m].HumidityWet, f.Months[m].HumidityDry = wet[m].mean(), dry[m].mean()
	}
	return rows, err
}

func (f *Fit) hourly(dir string) (rows int, err error) {
	type station struct{ normal, high float64 }
	stations := map[string]station{}
	err = table(filepath.Join(dir, "hourly_stations.csv"), func(r row) {
		if r.text("target") == "level_m" {
			stations[r.text("station_id")] = station{r.number("median"), r.number("q99")}
		}
	})
	if err != nil {
		return 0, err
	}
	var rain, level []float64
	var spells spells
	var fall, from float64 // of the levels of dry hours, for the recession
	before := map[string]float64{}
	err = table(filepath.Join(dir, "hourly_gauges.csv.gz"), func(r row) {
		id := r.text("station_id")
		s, known := stations[id]
		if !known {
			return
		}
		mm, z := r.number("rain_mm"), (r.number("level_m")-s.normal)/(s.high-s.normal)
		if mm != mm {
			return
		}
		rows++
		wet := spells.add(id, mm >= WetHour)
		if wet {
			rain = append(rain, mm)
		}
		level = append(level, z)
		if last, ok := before[id]; ok && mm == 0 && last > 0.5 && z == z {
			fall, from = fall+last*z, from+last*last // least squares through zero
		}
		before[id] = z
	})
	f.Hour = Hourly{Rain: quantiles(rain), Level: quantiles(level), Recession: round(fall / from)}
	f.Hour.StayWet, f.Hour.TurnWet = spells.chances()
	return rows, err
}

// spells counts how rain lasts.
type spells struct {
	was  map[string]bool
	n, k [2]float64
}

func (s *spells) add(id string, wet bool) bool {
	if s.was == nil {
		s.was = map[string]bool{}
	}
	if was, known := s.was[id]; known {
		i := 0
		if was {
			i = 1
		}
		s.n[i]++
		if wet {
			s.k[i]++
		}
	}
	s.was[id] = wet
	return wet
}

func (s *spells) chances() (stay, turn float64) {
	return round(s.k[1] / s.n[1]), round(s.k[0] / s.n[0])
}

// moments adds up; NaN is left out.
type moments struct{ n, sum, squares float64 }

func (m *moments) add(v float64) {
	if v == v {
		m.n, m.sum, m.squares = m.n+1, m.sum+v, m.squares+v*v
	}
}

func (m *moments) mean() float64 { return round(m.sum / m.n) }

func (m *moments) deviation() float64 {
	mean := m.sum / m.n
	return round(math.Sqrt(m.squares/m.n - mean*mean))
}

// quantiles returns the quantiles at Levels without the missing values.
func quantiles(values []float64) []float64 {
	values = slices.DeleteFunc(values, math.IsNaN)
	slices.Sort(values)
	out := make([]float64, len(Levels))
	for i, p := range Levels {
		out[i] = round(values[int(p*float64(len(values)-1))])
	}
	return out
}

// round keeps four digits: more would be noise.
func round(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// row is a line of a table. A missing number is NaN.
type row struct {
	columns map[string]int
	fields  []string
}

func (r row) text(column string) string { return r.fields[r.columns[column]] }

func (r row) number(column string) float64 {
	v, err := strconv.ParseFloat(r.text(column), 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// month counts from 0.
func (r row) month() int {
	m, _ := strconv.Atoi(r.text("date")[len("2006-"):len("2006-01")])
	return m - int(time.January)
}

// table calls f for every line of a CSV file, which may be compressed.
func table(path string, f func(row)) (err error) {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var from io.Reader = file
	if filepath.Ext(path) == ".gz" {
		if from, err = gzip.NewReader(file); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
	}
	lines := csv.NewReader(from)
	lines.ReuseRecord = true
	r := row{columns: map[string]int{}}
	for {
		if r.fields, err = lines.Read(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		if len(r.columns) == 0 {
			for i, name := range r.fields {
				r.columns[name] = i
			}
			continue
		}
		f(r)
	}
}
