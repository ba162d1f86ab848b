package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// casesBesideRepository is where inputs that once came out wrong lie beside a checkout.
const casesBesideRepository = "../../../../shared/cases"

// caseFile returns a file of them, and skips where they are absent.
func caseFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(casesBesideRepository, name))
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") != "true" {
		t.Skipf("the cases are not here (%s)", casesBesideRepository)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// caseAnswer is what the tests of the cases look at.
type caseAnswer struct {
	Status      string  `json:"status"`
	Probability float64 `json:"flood_probability"`
	Interval    struct {
		Upper float64 `json:"upper"`
	} `json:"probability_interval"`
	Level        string `json:"risk_level"`
	EarlyWarning bool   `json:"early_warning"`
	Predictions  []struct {
		Level string `json:"risk_level"`
	} `json:"predictions"`
	Quality struct {
		OutOfDomain []string `json:"out_of_domain"`
		Missing     []string `json:"missing"`
		Conditions  []string `json:"conditions"`
		Doubtful    []struct {
			Pointer string `json:"pointer"`
			Reason  string `json:"reason"`
			Treated string `json:"treated_as"`
		} `json:"doubtful"`
	} `json:"input_quality"`
	IsAnomaly bool   `json:"is_anomaly"`
	Timestamp string `json:"timestamp"`
	Action    string `json:"recommended_action"`
	Error     struct {
		Errors []struct {
			Pointer string `json:"pointer"`
			Detail  string `json:"detail"`
		} `json:"errors"`
	} `json:"error"`
}

// answersTo runs a command on text and returns its lines.
func answersTo(t *testing.T, text string, command ...string) (lines []string, answers []caseAnswer) {
	t.Helper()
	var out, failed bytes.Buffer
	run(t.Context(), command, stdio{strings.NewReader(text), &out, &failed, nil})
	for line := range strings.Lines(out.String()) {
		var a caseAnswer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		lines, answers = append(lines, line), append(answers, a)
	}
	return lines, answers
}

func riskAnswersTo(t *testing.T, text string) []caseAnswer {
	t.Helper()
	_, answers := answersTo(t, text, "predict", "flood-risk")
	return answers
}

// refusedAt reports whether the answer is a refusal of the value at one place.
func (a *caseAnswer) refusedAt(pointer, word string) bool {
	return a.Status == "error" && len(a.Error.Errors) == 1 && a.Error.Errors[0].Pointer == pointer && strings.Contains(a.Error.Errors[0].Detail, word)
}

func TestCaseARiversCodeIsRefused(t *testing.T) {
	text := caseFile(t, "risk_river_code.ndjson")
	for _, code := range []string{"-9999", "-999999", "-28316.8", "-999", "-8.88", "999999", "-888888", "9999.9"} {
		a := riskAnswersTo(t, strings.Replace(text, "-9999", code, 1))
		if len(a) != 2 || a[0].Status != "ok" || a[0].Level == "very_low" || !a[1].refusedAt("/river/value", "code") {
			t.Errorf("%s: %+v", code, a)
		}
	}
}

func TestCaseARiverInAnotherUnitIsLeftOut(t *testing.T) {
	a := riskAnswersTo(t, caseFile(t, "risk_river_unit.ndjson"))
	if len(a) != 2 || a[0].Level == "very_low" || a[1].Probability != a[0].Probability {
		t.Errorf("%+v", a)
	}
}

func TestCaseTheAnswerRisesWhereTheDataEnd(t *testing.T) {
	text := caseFile(t, "risk_rain_ladder.ndjson")
	for name, change := range map[string]func(string) string{
		"the case":     func(s string) string { return s },
		"elsewhere":    strings.NewReplacer("29.76", "6.5", "-95.37", "3.4").Replace,
		"in winter":    strings.NewReplacer("2017-08-27", "2017-01-15", `"temperature": 25`, `"temperature": -3`).Replace,
		"with a river": strings.NewReplacer(`"humidity": 95`, `"humidity": 95, "river": {"value": 40, "normal": 30, "flood_threshold": 180}`).Replace,
		"a dry week":   strings.NewReplacer(`"humidity": 95`, `"humidity": 95, "rainfall_history_mm": [0, 0, 0, 0, 0, 0, 0]`).Replace,
	} {
		a := riskAnswersTo(t, change(text))
		if len(a) != 8 {
			t.Fatalf("%s: %d answers", name, len(a))
		}
		for i := range a {
			if i > 0 && a[i].Probability <= a[i-1].Probability {
				t.Errorf("%s: line %d has %v, the line before %v", name, i+1, a[i].Probability, a[i-1].Probability)
			}
		}
		top := a[7]
		if top.Probability < 0.99 || top.Interval.Upper < 0.999 || top.Level != "extreme" || !slices.Contains(top.Quality.OutOfDomain, "rainfall_mm") {
			t.Errorf("%s: %+v", name, top)
		}
	}
}

func TestCaseUnknownDaysAreNoDryDays(t *testing.T) {
	text := caseFile(t, "risk_partial_history.ndjson")
	for name, change := range map[string]func(string) string{
		"the case":           func(s string) string { return s },
		"with temperatures":  strings.NewReplacer(`"rainfall_mm": 200`, `"rainfall_mm": 200, "temperature_7d_mean": 27, "temperature_30d_mean": 28`).Replace,
		"in an earlier week": strings.NewReplacer("[180, 90, 10", "[0, 0, 180, 90, 10").Replace,
		"little rain":        strings.NewReplacer("[180, 90, 10", "[2, 1, 0").Replace,
		"an unknown day":     strings.NewReplacer("[180, 90, 10", "[180, null, 10").Replace,
	} {
		a := riskAnswersTo(t, change(text))
		if len(a) != 4 {
			t.Fatalf("%s: %d answers", name, len(a))
		}
		for i := 0; i < len(a); i += 2 {
			if few, filled := a[i], a[i+1]; filled.Probability > few.Probability {
				t.Errorf("%s: ten days %v, filled with zeros %v", name, few.Probability, filled.Probability)
			}
		}
	}
}

// Siblings of the cases about a river and about times: what is wrong in the same way is refused, left out or heeded.
func TestSiblingsOfTheRiverCases(t *testing.T) {
	const plain = `{"latitude": 38.42, "longitude": -82.45, "date": "2026-04-02", "rainfall_mm": 40%s}` + "\n"
	river := func(value, normal, flood string) string {
		return fmt.Sprintf(plain, `, "river": {"value": `+value+`, "normal": `+normal+`, "flood_threshold": `+flood+`}`)
	}
	without := riskAnswersTo(t, fmt.Sprintf(plain, ""))[0]
	for name, c := range map[string]struct {
		line, pointer, reason, treated string
	}{
		"cubic feet a second, converted": {river("-28316.8", "30", "180"), "/river/value", "", ""},
		"feet, converted":                {river("-3047.7", "30", "180"), "/river/value", "", ""},
		"a German level":                 {river("-8.88", "1.2", "3.1"), "/river/value", "", ""},
		"the normal":                     {river("40", "-999", "180"), "/river/normal", "", ""},
		"the threshold":                  {river("40", "30", "999999"), "/river/flood_threshold", "", ""},
		"metres in centimetres":          {river("1.4", "120", "310"), "/river/value", "unit", "missing"},
		"thousands of litres":            {river("0.15", "30", "180"), "/river/value", "unit", "missing"},
		"another sign":                   {river("-150", "30", "180"), "/river/value", "sign", "missing"},
		"another zero":                   {river("1.4", "231", "233"), "/river/value", "datum", "missing"},
		"litres":                         {river("40000", "30", "180"), "/river/value", "unit", "bound"},
		"a number that may be a code":    {river("999", "30", "180"), "/river/value", "no_data_code", "bound"},
	} {
		a := riskAnswersTo(t, c.line)[0]
		if c.reason == "" {
			if !a.refusedAt(c.pointer, "code") {
				t.Errorf("%s: %+v", name, a)
			}
			continue
		}
		q := a.Quality
		if len(q.Doubtful) != 1 || q.Doubtful[0].Pointer != c.pointer || q.Doubtful[0].Reason != c.reason || q.Doubtful[0].Treated != c.treated ||
			a.Probability < without.Probability || slices.Contains(q.Missing, "river") != (c.treated == "missing") {
			t.Errorf("%s: %+v, without the river %v", name, a, without.Probability)
		}
	}
}

func TestSiblingsOfTheTimeCases(t *testing.T) {
	for date, word := range map[string]string{
		`"0001-01-01"`: "year 1", `"0001-01-01T00:00:00+01:00"`: "year 1", `"0000-00-00"`: "RFC 3339", `"9999-12-31"`: "outside",
		`"2026-04-02T24:00:00Z"`: "RFC 3339", `"2026-4-2"`: "RFC 3339", `"2026-02-29"`: "RFC 3339", `"2026-04-02T05:00"`: "RFC 3339",
		`"2026-04-02T05:00:60Z"`: "leap second", `"2026-04-02T05:00:00+0100"`: "RFC 3339", `"2026-04-02 05:00:00Z"`: "RFC 3339", `""`: "RFC 3339",
		`1775106000`: "timezone", `1775106000, "timezone": "Local"`: "", `1775106000000, "timezone": "UTC"`: "milliseconds",
		`"2026-04-02T05:00", "timezone": "Europe/Rome"`: "ok", `1775106000, "timezone": "Europe/Rome"`: "ok",
		`"2026-04-02T05:00:00-00:00"`: "ok", `"2026-04-02t05:00:00.5z"`: "ok", `null`: "ok",
	} {
		a := riskAnswersTo(t, `{"latitude": 38.42, "longitude": -82.45, "rainfall_mm": 40, "date": `+date+"}\n")[0]
		switch word {
		case "ok":
			if a.Status == "error" {
				t.Errorf("%s: %+v", date, a.Error)
			}
		case "":
			if a.Status != "error" {
				t.Errorf("%s is answered", date)
			}
		default:
			if !a.refusedAt("/date", word) {
				t.Errorf("%s: %+v", date, a.Error)
			}
		}
	}
}

// gaugeRecord is a nowcast request of a quiet gauge by the hour whose newest reading and other fields are given.
func gaugeRecord(newest, fields string) string {
	var b strings.Builder
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for i := range 60 {
		fmt.Fprintf(&b, `{"timestamp": %q, "rainfall_mm": 0, "water_level_m": %.2f},`, at.Add(time.Duration(i)*time.Hour).Format(time.RFC3339), 1.2+float64(i%3)/100)
	}
	return `{"latitude": 45.2, "longitude": -69.3, ` + fields + `"weather_sequence": [` + b.String() +
		`{"timestamp": "2026-03-03T12:00:00Z", ` + newest + "}]}\n"
}

// Siblings of the cases about gauges: none is answered as if nothing were the matter.
func TestSiblingsOfTheNowcastCases(t *testing.T) {
	const usual = `"river": {"normal": 1, "flood_threshold": 3}, `
	quiet := func(newest string) string { return gaugeRecord(newest, usual) }
	for name, c := range map[string]struct{ line, pointer, reason, treated, level string }{
		"a code":                        {quiet(`"water_level_m": -9999`), "/weather_sequence/60/water_level_m", "no_data_code", "missing", "very_low"},
		"a German code":                 {quiet(`"water_level_m": -8.88`), "/weather_sequence/60/water_level_m", "no_data_code", "missing", "very_low"},
		"a converted code":              {quiet(`"water_level_m": -304.4952`), "/weather_sequence/60/water_level_m", "no_data_code", "missing", "very_low"},
		"a code or a flood":             {quiet(`"water_level_m": 999`), "/weather_sequence/60/water_level_m", "no_data_code", "bound", "unknown"},
		"a rain code":                   {quiet(`"rainfall_mm": -999, "water_level_m": 1.2`), "/weather_sequence/60/rainfall_mm", "no_data_code", "missing", "very_low"},
		"rain below zero":               {quiet(`"rainfall_mm": -5, "water_level_m": 1.2`), "/weather_sequence/60/rainfall_mm", "sign", "missing", "very_low"},
		"rain beyond any record":        {quiet(`"rainfall_mm": 762, "water_level_m": 1.2`), "/weather_sequence/60/rainfall_mm", "implausible", "bound", "unknown"},
		"a leap to the threshold":       {quiet(`"water_level_m": 3.1`), "/weather_sequence/60/water_level_m", "unconfirmed_rise", "bound", "high"},
		"a fall that no river makes":    {quiet(`"water_level_m": -2.5`), "/weather_sequence/60/water_level_m", "implausible", "missing", "very_low"},
		"a code in the rain forecast":   {gaugeRecord(`"water_level_m": 1.2`, usual+`"rainfall_forecast_mm": [0, -9999], `), "/rainfall_forecast_mm/1", "no_data_code", "missing", "very_low"},
		"thresholds in centimetres":     {gaugeRecord(`"water_level_m": 1.2`, `"river": {"normal": 100, "flood_threshold": 300}, `), "/river/flood_threshold", "unit", "missing", "unknown"},
		"thresholds above the sea":      {gaugeRecord(`"water_level_m": 1.2`, `"river": {"normal": 231, "flood_threshold": 233}, `), "/river/flood_threshold", "datum", "missing", "unknown"},
		"a threshold that is a code":    {gaugeRecord(`"water_level_m": 1.2`, `"river": {"normal": 1, "flood_threshold": 999999}, `), "/river/flood_threshold", "", "", ""},
		"a normal that is a code":       {gaugeRecord(`"water_level_m": 1.2`, `"river": {"normal": -28316.8, "flood_threshold": 3}, `), "/river/normal", "", "", ""},
		"a series of the other sign":    {strings.ReplaceAll(quiet(`"water_level_m": 1.21`), `"water_level_m": 1`, `"water_level_m": -1`), "/river/flood_threshold", "sign", "missing", "unknown"},
		"a string that is not a number": {quiet(`"water_level_m": "NaN"`), "/weather_sequence/60/water_level_m", "", "", ""},
		"a time that is not set":        {strings.Replace(quiet(`"water_level_m": 1.2`), "2026-03-03T12:00:00Z", "0001-01-01T00:00:00Z", 1), "/weather_sequence/60/timestamp", "", "", ""},
	} {
		_, answers := answersTo(t, c.line, "predict", "nowcast")
		a := answers[0]
		if c.reason == "" {
			if a.Status != "error" || len(a.Error.Errors) != 1 || a.Error.Errors[0].Pointer != c.pointer {
				t.Errorf("%s: %+v", name, a)
			}
			continue
		}
		doubted := false
		for _, d := range a.Quality.Doubtful {
			doubted = doubted || d.Pointer == c.pointer && d.Reason == c.reason && d.Treated == c.treated
		}
		if !doubted || a.Predictions[0].Level != c.level || c.treated == "bound" && !a.EarlyWarning {
			t.Errorf("%s: %+v", name, a)
		}
		if fit := slices.Contains(a.Quality.Conditions, "thresholds_do_not_fit"); fit != slices.Contains(a.Quality.Missing, "river") {
			t.Errorf("%s: conditions %v, missing %v", name, a.Quality.Conditions, a.Quality.Missing)
		}
	}
}

func TestCaseTimesAreRFC3339(t *testing.T) {
	a := riskAnswersTo(t, caseFile(t, "risk_times.ndjson"))
	if len(a) != 3 || !a[0].refusedAt("/date", "RFC 3339") || !a[1].refusedAt("/date", "RFC 3339") || a[2].Status != "ok" {
		t.Errorf("%+v", a)
	}
	if a := riskAnswersTo(t, caseFile(t, "risk_zero_time.ndjson")); len(a) != 1 || !a[0].refusedAt("/date", "year 1") {
		t.Errorf("%+v", a)
	}
}

func TestCaseACodeIsNoLevelToComeBackFrom(t *testing.T) {
	text := caseFile(t, "qc_code_run_of_four.csv")
	for _, code := range []string{"-999999", "-28316.8", "9999.9"} {
		lines, answers := answersTo(t, strings.ReplaceAll(text, "-999999", code), "qc")
		anomalous := 0
		for i, a := range answers {
			if a.IsAnomaly {
				anomalous++
				if !strings.Contains(lines[i], `"condition":"sentinel"`) {
					t.Errorf("%s: %.200s", code, lines[i])
				}
			}
		}
		if anomalous != 4 || len(answers) != 1600 {
			t.Errorf("%s: %d anomalous of %d", code, anomalous, len(answers))
		}
	}
}

func TestCaseAHistoryNewestFirstIsJudgedAlike(t *testing.T) {
	_, a := answersTo(t, caseFile(t, "anomaly_history_newest_first.ndjson"), "predict", "anomaly")
	if len(a) != 2 || !a[0].IsAnomaly || !a[1].IsAnomaly || a[0].Action != a[1].Action {
		t.Errorf("%+v", a)
	}
}
