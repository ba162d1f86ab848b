package qartod_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain/qartod"
)

// vector is one case of the language-neutral test vectors. They are third-party data and not part of
// the repository.
type vector struct {
	ID      string `json:"id"`
	Test    string `json:"test"`
	Profile string `json:"profile"`
	Params  struct {
		FailSpan         *[2]float64 `json:"fail_span"`
		SuspectSpan      *[2]float64 `json:"suspect_span"`
		SuspectThreshold float64     `json:"suspect_threshold"`
		FailThreshold    float64     `json:"fail_threshold"`
		Threshold        float64     `json:"threshold"`
		Method           string      `json:"method"`
		Tolerance        float64     `json:"tolerance"`
		CheckType        string      `json:"check_type"`
		TestPeriod       float64     `json:"test_period"`
		MinObs           int         `json:"min_obs"`
		MinPeriod        float64     `json:"min_period"`
		Config           []member    `json:"config"`
		RepCntSuspect    int         `json:"rep_cnt_suspect"`
		RepCntFail       int         `json:"rep_cnt_fail"`
		Eps              float64     `json:"eps"`
		NDev             float64     `json:"n_dev"`
		TimDevHours      float64     `json:"tim_dev_hours"`
		TimIncSeconds    float64     `json:"tim_inc_seconds"`
		SuspectDiff      float64     `json:"suspect_diff"`
		FailDiff         float64     `json:"fail_diff"`
		N1Dev            float64     `json:"n1_dev"`
		N2Dev            float64     `json:"n2_dev"`
		SD1              float64     `json:"sd1"`
		SD2              float64     `json:"sd2"`
	} `json:"params"`
	Input struct {
		Values  numbers         `json:"values"`
		Values2 numbers         `json:"values2"`
		Depths  numbers         `json:"depths"`
		Times   []time.Time     `json:"times"`
		Flags   [][]qartod.Flag `json:"flags"`
	} `json:"input"`
	Expected []qartod.Flag `json:"expected"`
}

type member struct {
	TSpan  [2]json.RawMessage `json:"tspan"`
	VSpan  [2]float64         `json:"vspan"`
	FSpan  [2]float64         `json:"fspan"`
	ZSpan  [2]float64         `json:"zspan"`
	Period string             `json:"period"`
}

// numbers reads null as missing.
type numbers []float64

func (n *numbers) UnmarshalJSON(data []byte) error {
	var values []*float64
	if err := json.Unmarshal(data, &values); err != nil {
		return err
	}
	for _, v := range values {
		if v == nil {
			*n = append(*n, nan)
		} else {
			*n = append(*n, *v)
		}
	}
	return nil
}

const vectorsBesideRepository = "../../../shared/data/anomaly/qartod_vectors.json"

// readVectors skips where the vectors are absent, and fails there in CI.
func readVectors(t *testing.T) []vector {
	t.Helper()
	path := os.Getenv("GUARDY_QARTOD_VECTORS")
	named := path != ""
	if !named {
		path = vectorsBesideRepository
	}
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named && os.Getenv("CI") != "true":
		t.Skipf("the QARTOD vectors are not here (%s); name them in GUARDY_QARTOD_VECTORS", path)
	case err != nil:
		t.Fatal(err)
	}
	var file struct {
		Cases []vector `json:"cases"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func span(s *[2]float64) qartod.Span {
	if s == nil {
		return qartod.Span{}
	}
	return qartod.Span{Min: s[0], Max: s[1]}
}

// TestVectors runs every published case.
func TestVectors(t *testing.T) {
	cases := readVectors(t)
	for _, v := range cases {
		t.Run(v.ID, func(t *testing.T) {
			got := v.run(t)
			if len(got) != len(v.Expected) {
				t.Fatalf("%d flags, want %d", len(got), len(v.Expected))
			}
			for i := range got {
				if got[i] != v.Expected[i] {
					t.Errorf("sample %d: flag %d, want %d", i, got[i], v.Expected[i])
				}
			}
		})
	}
	if n := len(cases); n < 129 {
		t.Errorf("%d cases, want at least the 129 of the first edition", n)
	}
}

func (v *vector) run(t *testing.T) []qartod.Flag {
	t.Helper()
	p, in := &v.Params, &v.Input
	levels := qartod.Levels{Suspect: p.SuspectThreshold, Fail: p.FailThreshold}
	realtime := v.Profile == "manual_realtime"
	switch v.Test {
	case "gross_range":
		return flags(qartod.GrossRange{Fail: span(p.FailSpan), Suspect: span(p.SuspectSpan)}.Batch(nil, in.Values))
	case "climatology":
		return flags(climatology(t, p.Config).Batch(nil, in.Times, in.Values, in.Depths))
	case "spike":
		test := qartod.Spike{Levels: levels}
		if p.Method == "differential" {
			test.Method = qartod.Differential
		}
		return flags(test.Batch(nil, in.Values))
	case "rate_of_change":
		if realtime {
			test := qartod.DeviationRate{NDev: p.NDev, Window: seconds(3600 * p.TimDevHours), MinObs: p.MinObs}
			return flags(test.Batch(nil, in.Times, in.Values))
		}
		test := qartod.RateOfChange{Levels: qartod.Levels{Suspect: p.Threshold, Fail: p.FailThreshold}}
		return flags(test.Batch(nil, in.Times, in.Values))
	case "flat_line":
		if realtime {
			test := qartod.RepeatCount{Suspect: p.RepCntSuspect, Fail: p.RepCntFail, Tolerance: p.Eps}
			return flags(test.Batch(nil, in.Values))
		}
		test := qartod.FlatLine{Suspect: seconds(p.SuspectThreshold), Fail: seconds(p.FailThreshold), Tolerance: p.Tolerance}
		return flags(test.Batch(nil, in.Times, in.Values))
	case "attenuated_signal":
		test := qartod.Attenuated{
			Levels: levels, Window: seconds(p.TestPeriod), MinObs: p.MinObs, MinPeriod: seconds(p.MinPeriod),
		}
		if p.CheckType == "std" {
			test.Spread = qartod.SpreadDeviation
		}
		return flags(test.Batch(nil, in.Times, in.Values))
	case "time_gap":
		return flags(qartod.TimeGap{MaxStep: seconds(p.TimIncSeconds)}.Batch(nil, in.Times))
	case "neighbor":
		test := qartod.Neighbour{Levels: qartod.Levels{Suspect: p.SuspectDiff, Fail: p.FailDiff}}
		return flags(test.Batch(nil, in.Values, in.Values2))
	case "multi_variate":
		test := qartod.MultiVariate{Jump: p.N1Dev * p.SD1, OtherJump: p.N2Dev * p.SD2}
		return flags(test.Batch(nil, in.Values, in.Values2))
	case "aggregate":
		out := make([]qartod.Flag, len(in.Flags[0]))
		for i := range out {
			var column []qartod.Flag
			for _, row := range in.Flags {
				column = append(column, row[i])
			}
			out[i] = qartod.Aggregate(column...)
		}
		return out
	}
	t.Fatalf("test %q is not known", v.Test)
	return nil
}

func climatology(t *testing.T, config []member) qartod.Climatology {
	t.Helper()
	periods := map[string]qartod.Period{
		"": qartod.PeriodAbsolute, "month": qartod.PeriodMonth, "week": qartod.PeriodWeek,
		"dayofyear": qartod.PeriodDayOfYear, "quarter": qartod.PeriodQuarter, "hour": qartod.PeriodHour,
	}
	var out qartod.Climatology
	for _, m := range config {
		period, ok := periods[m.Period]
		if !ok {
			t.Fatalf("period %q is not known", m.Period)
		}
		member := qartod.Member{Period: period, Suspect: span(&m.VSpan), Fail: span(&m.FSpan), Depth: span(&m.ZSpan)}
		if period == qartod.PeriodAbsolute {
			for i, to := range []*time.Time{&member.From, &member.Until} {
				var text string
				if err := json.Unmarshal(m.TSpan[i], &text); err != nil {
					t.Fatal(err)
				}
				at, err := time.Parse("2006-01-02T15:04:05", text)
				if err != nil {
					t.Fatal(err)
				}
				*to = at
			}
		} else {
			for i, to := range []*int{&member.First, &member.Last} {
				if err := json.Unmarshal(m.TSpan[i], to); err != nil {
					t.Fatal(err)
				}
			}
		}
		out = append(out, member)
	}
	return out
}

func flags(results []qartod.Result) []qartod.Flag {
	out := make([]qartod.Flag, len(results))
	for i, r := range results {
		out[i] = r.Flag
	}
	return out
}
