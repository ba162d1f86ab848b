package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/qartod"
)

var update = flag.Bool("update", false, "write models/anomaly_detector anew from the defaults of domain/anomaly")

const artifact = "../../../../models"

// TestTheAnomalyDetectorIsWhatTheCodeSays makes the artifact anew. Nothing of it is trained on files, so
// the shipped one must equal it.
func TestTheAnomalyDetectorIsWhatTheCodeSays(t *testing.T) {
	const version, folder = "1.0.0", "anomaly_detector/v1"
	golden := encode(t, selfMade(t), "")
	m := anomalyManifest{
		header: header{
			Format: format, Name: domain.AnomalyDetector, Version: version, Kind: anomalyKind, FeatureSchema: anomaly.Schema,
			CreatedAt: time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC),
			Training:  json.RawMessage(`{"tunings":"searched on development data, see docs/sensors.md","limits":"WMO-No. 8, set by hand","trained":false}`),
			Skill:     json.RawMessage(`{"command":"go test ./app/cmd/guardy/internal/qcskill -v","table":"docs/sensors.md"}`),
			Golden:    described("golden.json", golden),
		},
		Threshold: anomaly.Threshold, Limits: map[string]anomaly.LimitsText{},
	}
	tunings := anomaly.DefaultTunings()
	m.Tunings.Air, m.Tunings.Other = anomalyTuning(tunings.Air), anomalyTuning(tunings.Other)
	for _, f := range []manifestFeature{
		{Name: anomaly.NameRain, Unit: "mm", Description: "rain since the reading before"},
		{Name: anomaly.NameTemperature, Unit: "°C", Description: "temperature of the air"},
		{Name: anomaly.NameHumidity, Unit: "%", Description: "relative humidity of the air"},
		{Name: anomaly.NameWaterLevel, Unit: "m", Description: "water level above the gauge's zero"},
		{Name: anomaly.NameBattery, Unit: "V", Description: "voltage of the battery"},
		{Name: anomaly.NameSignal, Unit: "dBm", Description: "strength of the radio signal"},
	} {
		limits := anomaly.DefaultLimits(anomaly.KindOf(f.Name))
		f.Min, f.Max = limits.Range.Fail.Min, limits.Range.Fail.Max
		m.Features = append(m.Features, f)
		m.Limits[f.Name] = textOf(limits)
	}
	manifest := encode(t, m, " ")
	write(t, filepath.Join(folder, "golden.json"), golden)
	write(t, filepath.Join(folder, "manifest.json"), manifest)

	var c catalog
	data, err := os.ReadFile(filepath.Join(artifact, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := decode(data, &c); err != nil {
		t.Fatal(err)
	}
	c.Models = slices.DeleteFunc(c.Models, func(e catalogEntry) bool { return e.Name == domain.AnomalyDetector })
	c.Models = append(c.Models, catalogEntry{domain.AnomalyDetector, version, folder, described("manifest.json", manifest).SHA256})
	write(t, "manifest.json", encode(t, c, " "))
}

// write holds the file to what it should be, or makes it so.
func write(t *testing.T, name string, want []byte) {
	t.Helper()
	name = filepath.Join(artifact, name)
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the code says (%v): run go test ./adapters/modelsource/internal/bundle -run %s -update", name, err, t.Name())
	}
}

func encode(t *testing.T, v any, indent string) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func described(name string, data []byte) file {
	sum := sha256.Sum256(data)
	return file{name, int64(len(data)), hex.EncodeToString(sum[:])}
}

// textOf writes limits out.
func textOf(l anomaly.Limits) (t anomaly.LimitsText) {
	span := func(s qartod.Span) []float64 {
		if !s.On() {
			return nil
		}
		return []float64{s.Min, s.Max}
	}
	t.Fail, t.Suspect = span(l.Range.Fail), span(l.Range.Suspect)
	t.MaxStep = span(qartod.Span{Min: l.MaxStep.Suspect, Max: l.MaxStep.Fail})
	if l.PerHour > 0 {
		t.PerHour = &l.PerHour
	}
	if hours := l.Persistence.Hours(); hours > 0 {
		t.PersistenceHours = &hours
	}
	return t
}

// MarshalJSON writes what is missing as null.
func (n nullable) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// selfMade are records that nobody measured, with faults of every condition, and the verdicts of the
// defaults on them.
func selfMade(t *testing.T) goldenRecords {
	t.Helper()
	m, err := anomaly.NewModel(anomaly.Spec{Tunings: anomaly.DefaultTunings()})
	if err != nil {
		t.Fatal(err)
	}
	g := goldenRecords{Records: []goldenRecord{weatherStation(), flood(), turbidity()}}
	seen := map[string]bool{anomaly.ConditionNone.String(): true}
	guarded := false
	for i := range g.Records {
		r := &g.Records[i]
		if err := r.replay(m.Detector(""), func(i int, v *anomaly.Verdict) error {
			r.Scores = append(r.Scores, math.Round(1e9*v.Score)/1e9)
			r.Anomalies = finds(r.Anomalies, i, v)
			guarded = guarded || v.HighInterest
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Anomalies {
			seen[f.Condition] = true
		}
	}
	for c := range anomaly.NumConditions {
		if !seen[c.String()] {
			t.Errorf("no golden reading is %s", c)
		}
	}
	if !guarded {
		t.Error("no golden reading is guarded by the weather")
	}
	return g
}

func to(v, digits float64) nullable { return nullable(math.Round(v*digits) / digits) }

func weatherStation() goldenRecord {
	rng := rand.New(rand.NewPCG(1, 1))
	g := goldenRecord{Kind: "weather station", Variables: []string{anomaly.NameRain, anomaly.NameTemperature, anomaly.NameHumidity, anomaly.NameBattery}}
	for i := range 300 {
		day := math.Sin(2 * math.Pi * float64(i) / 24)
		rain, temperature := nullable(0), to(12+6*day+0.3*rng.NormFloat64(), 10)
		humidity, battery := to(75-15*day+1.5*rng.NormFloat64(), 10), to(12.6+0.2*day+0.01*rng.NormFloat64(), 100)
		switch {
		case i >= 120 && i < 140:
			temperature = 9.9 // stuck
		case i == 160:
			temperature = -9999
		case i == 170:
			temperature = 30
		case i == 180:
			humidity = nullable(math.NaN())
		case i == 200:
			rain, humidity = 12, 40 // in dry air
		case i >= 230 && i < 250:
			humidity += nullable(14 * (i % 2)) // condensation
		case i >= 260:
			battery -= 2
		}
		seconds := 3600 * i
		if i == 220 {
			seconds -= 7200 // sent again
		}
		g.Readings = append(g.Readings, []nullable{nullable(seconds), rain, temperature, humidity, battery})
	}
	return g
}

func flood() goldenRecord {
	rng := rand.New(rand.NewPCG(2, 2))
	g := goldenRecord{Kind: "river gauge in a flood, then displaced", Variables: []string{anomaly.NameRain, anomaly.NameWaterLevel}}
	level := 1.0
	for i := range 300 {
		rain := 0.0
		level += 0.004 * rng.NormFloat64()
		switch {
		case i >= 150 && i < 156:
			rain, level = 8, level+0.4
		case i >= 160 && i < 200:
			level -= 0.05
		case i == 250:
			level -= 3
		}
		g.Readings = append(g.Readings, []nullable{nullable(900 * i), to(rain, 10), to(level, 1000)})
	}
	return g
}

func turbidity() goldenRecord {
	rng := rand.New(rand.NewPCG(3, 3))
	g := goldenRecord{Kind: "turbidity, beyond all bounds once", Variables: []string{"turbidity"}}
	for i := range 300 {
		x := 20 + 3*math.Sin(float64(i)/30) + 0.2*rng.NormFloat64()
		g.Readings = append(g.Readings, []nullable{nullable(600 * i), to(x, 100)})
	}
	g.Readings[150][1] = 1e300
	return g
}

func TestAnotherDetectorDoesNotPassForTheGoldenOne(t *testing.T) {
	golden := encode(t, selfMade(t), "")
	tunings := anomaly.DefaultTunings()
	tunings.Other.Jump *= 2
	m, err := anomaly.NewModel(anomaly.Spec{Tunings: tunings})
	if err != nil {
		t.Fatal(err)
	}
	if err := verifyAnomaly(m, golden); err == nil || !strings.Contains(err.Error(), "golden record") {
		t.Errorf("%v", err)
	}
}
