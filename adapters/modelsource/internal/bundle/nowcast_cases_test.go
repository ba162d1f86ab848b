package bundle_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/guardy-ai/guardy/adapters/modelsource/internal/bundle"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/models"
)

// casesBesideRepository holds inputs that came out wrong once, as JSON bodies of the API.
const casesBesideRepository = "../../../../../shared/cases"

// creek is a small river that stands still but for a centimetre, by the hour; the last reading is the newest.
func creek(n int) nowcast.Request {
	r := nowcast.NewRequest()
	r.Latitude, r.Longitude, r.Normal, r.FloodThreshold = 30, -99, 2.34, 3.05
	for i := range n {
		v := nowcast.MissingReading()
		v.Time = time.Date(2024, 3, 1, i, 0, 0, 0, time.UTC)
		v.RainfallMM, v.WaterLevelM = 0, 2.34+float64(i%5)/100
		r.Readings = append(r.Readings, v)
	}
	return r
}

// bodyOf reads one of the cases.
func bodyOf(t *testing.T, name string) nowcast.Request {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(casesBesideRepository, name))
	if errors.Is(err, os.ErrNotExist) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v: CI needs the cases", err)
		}
		t.Skipf("the cases are not beside the repository: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var body struct {
		Latitude, Longitude float64
		River               struct {
			Normal    *float64 `json:"normal"`
			Threshold *float64 `json:"flood_threshold"`
		} `json:"river"`
		Sequence []struct {
			At    time.Time `json:"timestamp"`
			Rain  *float64  `json:"rainfall_mm"`
			Level *float64  `json:"water_level_m"`
			Flow  *float64  `json:"discharge_m3s"`
		} `json:"weather_sequence"`
	}
	if err := json.Unmarshal(data, &body); err != nil {
		t.Fatal(err)
	}
	set := func(to, from *float64) {
		if from != nil {
			*to = *from
		}
	}
	r := nowcast.NewRequest()
	r.Latitude, r.Longitude = body.Latitude, body.Longitude
	set(&r.Normal, body.River.Normal)
	set(&r.FloodThreshold, body.River.Threshold)
	for _, from := range body.Sequence {
		v := nowcast.MissingReading()
		v.Time = from.At
		set(&v.RainfallMM, from.Rain)
		set(&v.WaterLevelM, from.Level)
		set(&v.DischargeM3S, from.Flow)
		r.Readings = append(r.Readings, v)
	}
	return r
}

func shippedNowcast(t *testing.T) func(r nowcast.Request) nowcast.Forecast {
	t.Helper()
	m, _, err := bundle.LoadNowcast(t.Context(), models.FS)
	if err != nil {
		t.Fatal(err)
	}
	return func(r nowcast.Request) nowcast.Forecast {
		t.Helper()
		if vs := r.Validate(); vs != nil {
			t.Fatal(vs)
		}
		r.Canonicalize()
		var f nowcast.Forecast
		m.Forecast(&r, &f)
		return f
	}
}

// isFirstOfAFlood holds an answer to what the first reading of a flash flood must lead to: before is the level
// before it, after that of the reading.
func isFirstOfAFlood(t *testing.T, f nowcast.Forecast, pointer string, before, after float64) {
	t.Helper()
	if l := f.HighestLevel(); !f.EarlyWarning || l != domain.LevelUnknown && l < domain.LevelHigh {
		t.Errorf("early warning %v, level %v", f.EarlyWarning, l)
	}
	if !f.Quality.Conditions.Has(nowcast.ConditionRiseUnconfirmed) ||
		!slices.Contains(f.Quality.Doubtful, domain.Doubt{Pointer: pointer, Reason: domain.DoubtUnconfirmedRise, Treated: domain.TreatedBound}) {
		t.Errorf("conditions %v, doubts %v", f.Quality.Conditions.Names(), f.Quality.Doubtful)
	}
	half := (before + after) / 2
	if q := f.Predictions[0].Quantiles; q.P10 > half || q.P90 < half {
		t.Errorf("the quantiles %+v hold only one of %v and %v", q, before, after)
	}
}

func TestTheFirstReadingOfAFlashFloodIsHeeded(t *testing.T) {
	ask := shippedNowcast(t)
	t.Run("the case", func(t *testing.T) {
		r := bodyOf(t, "nowcast_first_reading_of_a_flash_flood.json")
		isFirstOfAFlood(t, ask(r), "/weather_sequence/335/water_level_m", 2.38, 6.0)
	})
	for name, change := range map[string]func(r *nowcast.Request) string{
		"a leap over the threshold": func(r *nowcast.Request) string {
			r.Readings[99].WaterLevelM = 4.2
			return "/weather_sequence/99/water_level_m"
		},
		"beyond anything": func(r *nowcast.Request) string {
			r.Readings[99].WaterLevelM = 60
			return "/weather_sequence/99/water_level_m"
		},
		"a discharge, the newest first": func(r *nowcast.Request) string {
			r.Normal, r.FloodThreshold = 0.5, 20
			for i := range r.Readings {
				v := &r.Readings[i]
				v.DischargeM3S, v.WaterLevelM = v.WaterLevelM-2, math.NaN()
			}
			r.Readings[99].DischargeM3S = 140
			slices.Reverse(r.Readings)
			return "/weather_sequence/0/discharge_m3s"
		},
		"every ten minutes": func(r *nowcast.Request) string {
			for i := range r.Readings {
				r.Readings[i].Time = r.Readings[0].Time.Add(time.Duration(i) * 10 * time.Minute)
			}
			r.Readings[99].WaterLevelM = 5
			return "/weather_sequence/99/water_level_m"
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := creek(100)
			pointer := change(&r)
			f := ask(r)
			newest := r.Readings[99]
			if pointer == "/weather_sequence/0/discharge_m3s" {
				isFirstOfAFlood(t, f, pointer, 0.4, 140)
				return
			}
			isFirstOfAFlood(t, f, pointer, 2.38, newest.WaterLevelM)
		})
	}
}

func TestAConfirmedRiseIsBelieved(t *testing.T) {
	ask := shippedNowcast(t)
	for _, top := range []float64{4, 6, 60, 1e6} {
		r := creek(100)
		r.Readings[98].WaterLevelM, r.Readings[99].WaterLevelM = top, top*1.05
		f := ask(r)
		if f.Predictions[0].Level != domain.LevelExtreme || f.Predictions[0].Probability < 0.9 || !f.EarlyWarning || len(f.Quality.Doubtful) > 0 {
			t.Errorf("twice at %v m: %+v, doubts %v", top, f.Predictions[0], f.Quality.Doubtful)
		}
	}
}

func TestAStuckGaugeInRainDoesNotVouchForTheRiver(t *testing.T) {
	ask := shippedNowcast(t)
	t.Run("the case is answered as a silent gauge", func(t *testing.T) {
		stuck, silent := ask(bodyOf(t, "nowcast_stuck_gauge_in_rain.json")), ask(bodyOf(t, "nowcast_silent_gauge_in_rain.json"))
		for i, p := range stuck.Predictions {
			if p != silent.Predictions[i] {
				t.Errorf("%+v, silent %+v", p, silent.Predictions[i])
			}
		}
		if !stuck.EarlyWarning || !stuck.Quality.Conditions.Has(nowcast.ConditionStale) || stuck.HighestLevel() != domain.LevelUnknown ||
			len(stuck.Quality.Doubtful) != 1 || stuck.Quality.Doubtful[0].Reason != domain.DoubtFrozen {
			t.Errorf("%+v", stuck)
		}
	})
	for _, hours := range []int{8, 24, 100} {
		r := creek(200)
		for i := 200 - hours; i < 200; i++ {
			r.Readings[i].WaterLevelM = 2.36
		}
		for i := 192; i < 200; i++ {
			r.Readings[i].RainfallMM = 15
		}
		if f := ask(r); !f.EarlyWarning || f.HighestLevel() != domain.LevelUnknown {
			t.Errorf("stuck for %d h in heavy rain: early warning %v, level %v, doubts %v", hours, f.EarlyWarning, f.HighestLevel(), f.Quality.Doubtful)
		}
	}
}

func TestThresholdsOfAnotherUnitLeaveTheLevelUnknown(t *testing.T) {
	ask := shippedNowcast(t)
	isUnknown := func(t *testing.T, f nowcast.Forecast) {
		t.Helper()
		if f.HighestLevel() != domain.LevelUnknown || !f.Quality.Conditions.Has(nowcast.ConditionThresholdsDoNotFit) || len(f.Quality.Doubtful) == 0 {
			t.Errorf("level %v, conditions %v, doubts %v", f.HighestLevel(), f.Quality.Conditions.Names(), f.Quality.Doubtful)
		}
	}
	for _, name := range []string{"nowcast_thresholds_in_millimetres.json", "nowcast_thresholds_in_centimetres.json"} {
		t.Run(name, func(t *testing.T) { isUnknown(t, ask(bodyOf(t, name))) })
	}
	for _, unit := range []float64{1000, 100, 10, 1 / 0.3048, 1 / 100., 1 / 1000.} {
		r := creek(100)
		r.Normal, r.FloodThreshold = r.Normal*unit, r.FloodThreshold*unit
		isUnknown(t, ask(r))
	}
	// In flood under a threshold in another unit the warning goes out.
	r := creek(100)
	for i := 60; i < 100; i++ {
		r.Readings[i].WaterLevelM = 2.4 + float64(i-60)/20
		r.Readings[i].RainfallMM = 5
	}
	r.Normal, r.FloodThreshold = 234, 305
	f := ask(r)
	isUnknown(t, f)
	if !f.EarlyWarning {
		t.Error("a river over its threshold in another unit raises no early warning")
	}
	low := creek(100)
	for i := range low.Readings {
		low.Readings[i].WaterLevelM -= 0.8 // an ordinary drought
	}
	if f := ask(low); f.HighestLevel() != domain.LevelVeryLow || len(f.Quality.Doubtful) > 0 {
		t.Errorf("low water: level %v, doubts %v", f.HighestLevel(), f.Quality.Doubtful)
	}
}

func TestANegativeFlowIsAFlow(t *testing.T) {
	f := shippedNowcast(t)(bodyOf(t, "nowcast_negative_flow.json"))
	for _, p := range f.Predictions {
		if q := p.Quantiles; math.Abs(q.P50+30) > 3 || q.P10 >= q.P90 || q.P90 > 0 {
			t.Errorf("%d h: %+v", p.HoursAhead, q)
		}
	}
}

// TestTheFirstNowcasterIsThereToRollBackTo loads version 1.0.0 as an operator would: by a catalogue that names it.
func TestTheFirstNowcasterIsThereToRollBackTo(t *testing.T) {
	b := shipped(t)
	var catalogue map[string]any
	if err := json.Unmarshal(b["manifest.json"].Data, &catalogue); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(b["nowcaster/v1/manifest.json"].Data)
	for _, e := range catalogue["models"].([]any) {
		if entry := e.(map[string]any); entry["name"] == "nowcaster" {
			entry["version"], entry["path"], entry["sha256"] = "1.0.0", "nowcaster/v1", hex.EncodeToString(digest[:])
		}
	}
	data, err := json.Marshal(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	b["manifest.json"] = &fstest.MapFile{Data: data}
	m, card, err := bundle.LoadNowcast(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if m.Ref().Version != "1.0.0" || m.Reach() != nowcast.NearHorizon || len(card.Features) != nowcast.SchemaFeatures(nowcast.FirstSchema) {
		t.Errorf("%+v reaches %d h with %d features", m.Ref(), m.Reach(), len(card.Features))
	}
}

// A river that is still quiet while it pours has not answered the rain yet.
func TestPouringRainAtAQuietRiverIsNeverVeryLow(t *testing.T) {
	ask := shippedNowcast(t)
	for _, mm := range []float64{21, 30, 45, 60, 100, 200, 300, 399, 401, 450, 2000} {
		for _, hours := range []int{24, 200} {
			r := creek(hours)
			r.Readings[hours-1].RainfallMM = mm
			f := ask(r)
			if f.HighestLevel() == domain.LevelVeryLow {
				t.Errorf("%v mm in the newest of %d hours: very low, probability %v", mm, hours, f.Predictions[f.MaxRisk].Probability)
			}
			if mm > 50 && !f.EarlyWarning {
				t.Errorf("%v mm in the newest of %d hours: no early warning", mm, hours)
			}
		}
	}
}

func TestOrdinaryRainAtAQuietRiverKeepsItsLevel(t *testing.T) {
	ask := shippedNowcast(t)
	r := creek(200)
	r.Readings[199].RainfallMM = 4
	if f := ask(r); f.HighestLevel() == domain.LevelUnknown || f.EarlyWarning {
		t.Errorf("4 mm: level %v, early warning %v", f.HighestLevel(), f.EarlyWarning)
	}
}
