package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	Level       string  `json:"risk_level"`
	IsAnomaly   bool    `json:"is_anomaly"`
	Timestamp   string  `json:"timestamp"`
	Action      string  `json:"recommended_action"`
	Error       struct {
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
		if len(a) != 2 || a[0].Level != "low" || !a[1].refusedAt("/river/value", "code") {
			t.Errorf("%s: %+v", code, a)
		}
	}
}

func TestCaseARiverInAnotherUnitIsLeftOut(t *testing.T) {
	a := riskAnswersTo(t, caseFile(t, "risk_river_unit.ndjson"))
	if len(a) != 2 || a[0].Level != "low" || a[1].Probability != a[0].Probability {
		t.Errorf("%+v", a)
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
