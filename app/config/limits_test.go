package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/guardy-ai/guardy/app/config"
	"github.com/guardy-ai/guardy/domain/anomaly"
)

func limitsFile(t testing.TB, text string) config.Config {
	t.Helper()
	c := config.Default()
	c.Devices.Limits = filepath.Join(t.TempDir(), "limits.yaml")
	if err := os.WriteFile(c.Devices.Limits, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

const limitsYAML = `
variables:
  water_level_m: {fail: [0, 12], suspect: [0.1, 9]}
  turbidity:
    fail: [0, 4000]
    max_step: [200, 1000]
    persistence_hours: 6
    seasons: [{months: [11, 3], suspect: [0, 300]}]
devices:
  greenhouse.7:
    temperature: {fail: [5, 50], persistence_hours: 0}
`

const limitsJSON = `{"variables": {"water_level_m": {"fail": [0, 12], "suspect": [0.1, 9]},
	"turbidity": {"fail": [0, 4000], "max_step": [200, 1000], "persistence_hours": 6, "seasons": [{"months": [11, 3], "suspect": [0, 300]}]}},
	"devices": {"greenhouse.7": {"temperature": {"fail": [5, 50], "persistence_hours": 0}}}}`

func TestLimitsAreReadFromYAMLAndJSON(t *testing.T) {
	six, zero := 6.0, 0.0
	want := anomaly.Overrides{
		Variables: map[string]anomaly.LimitsText{
			anomaly.NameWaterLevel: {Fail: []float64{0, 12}, Suspect: []float64{0.1, 9}},
			"turbidity": {
				Fail: []float64{0, 4000}, MaxStep: []float64{200, 1000}, PersistenceHours: &six,
				Seasons: []anomaly.SeasonText{{Months: []int{11, 3}, Suspect: []float64{0, 300}}},
			},
		},
		Devices: map[string]map[string]anomaly.LimitsText{
			"greenhouse.7": {anomaly.NameTemperature: {Fail: []float64{5, 50}, PersistenceHours: &zero}},
		},
	}
	for _, text := range []string{limitsYAML, limitsJSON} {
		got, err := limitsFile(t, text).DeviceLimits()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	for name, c := range map[string]config.Config{"no file": config.Default(), "an empty file": limitsFile(t, "# nothing yet\n")} {
		if got, err := c.DeviceLimits(); err != nil || got.Variables != nil || got.Devices != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestEveryProblemOfTheLimitsIsReported(t *testing.T) {
	missing := config.Default()
	missing.Devices.Limits = filepath.Join(t.TempDir(), "nowhere.yaml")
	for name, c := range map[string]struct {
		config config.Config
		want   []string
	}{
		"no such file": {missing, []string{"no such file"}},
		"not YAML":     {limitsFile(t, "variables: [\n"), []string{"yaml: "}},
		"typing errors": {
			limitsFile(t, "variables:\n  x: {fial: [0, 1]}\n  y: {fail: wide}\ndevises: {}\n"),
			[]string{"line 2: field fial not found", "line 3: cannot unmarshal", "line 4: field devises not found"},
		},
		"a name twice":       {limitsFile(t, "variables:\n  x: {}\n  x: {}\n"), []string{"already defined"}},
		"a second document":  {limitsFile(t, "variables: {}\n---\nvariables: {}\n"), []string{"after the first document"}},
		"what cannot be met": {limitsFile(t, "variables:\n  x: {fail: [1, 0]}\n  y: {suspect: [.nan, 1]}\n"), []string{"x: fail: ", "y: suspect: "}},
	} {
		_, err := c.config.DeviceLimits()
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if !strings.HasPrefix(line, "devices.limits: ") {
				t.Errorf("%s: %q does not begin with the key", name, line)
			}
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: nothing about %q in\n%v", name, want, err)
			}
		}
		if strings.Contains(err.Error(), "anomaly.") {
			t.Errorf("%s: names of the code are shown: %v", name, err)
		}
	}
}

// FuzzLimits: what is accepted are limits that a model accepts; nothing panics.
func FuzzLimits(f *testing.F) {
	f.Add(limitsYAML)
	f.Add(limitsJSON)
	f.Add("variables: {x: {seasons: [{months: [1]}]}}")
	f.Add("a: &a [*a]")
	model, err := anomaly.NewModel(anomaly.Spec{Tunings: anomaly.DefaultTunings()})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := limitsFile(t, text).DeviceLimits()
		if err != nil {
			return
		}
		if _, err := model.WithOverrides(o); err != nil {
			t.Fatal(err)
		}
	})
}

// TestTheDocumentedLimitsAreLimits reads the example of the documentation.
func TestTheDocumentedLimitsAreLimits(t *testing.T) {
	page, err := os.ReadFile("../../docs/sensors.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	example, _, found := strings.Cut(rest, "```")
	if o, err := limitsFile(t, example).DeviceLimits(); !found || err != nil || len(o.Variables) == 0 || len(o.Devices) == 0 {
		t.Errorf("%+v, %v", o, err)
	}
}
