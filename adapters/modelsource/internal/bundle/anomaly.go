package bundle

import (
	"errors"
	"fmt"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
)

// anomalyKind is the kind of model that this build serves.
const anomalyKind = "sensor-tests"

// anomalyManifest describes the anomaly detector: its numbers are in the manifest itself, every other file
// stands by size and digest.
type anomalyManifest struct {
	header
	Threshold float64 `json:"threshold"`
	Tunings   struct {
		Air   anomalyTuning `json:"air"`
		Other anomalyTuning `json:"other"`
	} `json:"tunings"`
	// Forest gives the multivariate flag; without one nothing does for single variables.
	Forest       file `json:"forest,omitzero"`
	ForestGolden file `json:"forest_golden,omitzero"`
	// Limits are those of the contract's variables; any other has none.
	Limits map[string]anomaly.LimitsText `json:"limits"`
}

// anomalyTuning is anomaly.Tuning as the manifest writes it.
type anomalyTuning struct {
	WarmUp     int     `json:"warm_up"`
	Jump       float64 `json:"jump"`
	JumpRecent float64 `json:"jump_recent"`
	JumpFloor  float64 `json:"jump_floor"`
	JumpGrain  float64 `json:"jump_grain"`
	Record     float64 `json:"record"`
	Forget     float64 `json:"forget"`
	Believe    float64 `json:"believe"`
	Together   float64 `json:"together"`
	Bump       float64 `json:"bump"`
	BumpRecent float64 `json:"bump_recent"`
	BumpLarge  float64 `json:"bump_large"`
	Accept     int     `json:"accept"`
	Run        float64 `json:"run"`
	MinRun     float64 `json:"min_run"`
	Noise      float64 `json:"noise"`
	NoiseBump  float64 `json:"noise_bump"`
	Weary      float64 `json:"weary"`
	Rest       float64 `json:"rest"`
	LargeP     float64 `json:"large_p"`
	BumpP      float64 `json:"bump_p"`
}

func (l *loader) anomaly(p proven, card *domain.ModelCard) (*anomaly.Model, error) {
	var m anomalyManifest
	if err := decode(p.data, &m); err != nil {
		return nil, fmt.Errorf("%s/manifest.json: %w", p.entry.Path, err)
	}
	if err := m.check(p.entry); err != nil {
		return nil, fmt.Errorf("%s/manifest.json: %w", p.entry.Path, err)
	}
	p.describe(card, &m.header)
	limits, err := m.limits()
	if err != nil {
		return nil, fmt.Errorf("%s/manifest.json: %w", p.entry.Path, err)
	}
	forest, err := l.forest(p.entry.Path, m.Forest, m.ForestGolden)
	if err != nil {
		return nil, err
	}
	model, err := anomaly.NewModel(anomaly.Spec{
		Ref: card.Ref, Limits: limits, Forest: forest,
		Tunings: anomaly.Tunings{Air: anomaly.Tuning(m.Tunings.Air), Other: anomaly.Tuning(m.Tunings.Other)},
	})
	if err != nil {
		return nil, err
	}
	golden, err := l.verified(p.entry.Path, m.Golden)
	if err != nil {
		return nil, err
	}
	if err := verifyAnomaly(model, golden); err != nil {
		return nil, fmt.Errorf("%s: %w", m.Golden.File, err)
	}
	return model, nil
}

func (m *anomalyManifest) check(e catalogEntry) error {
	if err := m.header.check(e, anomalyKind, 0, anomaly.Schema); err != nil {
		return err
	}
	if m.Threshold != anomaly.Threshold {
		return fmt.Errorf("threshold %v, scores of this build count from %v", m.Threshold, anomaly.Threshold)
	}
	return nil
}

// limits returns those of every variable of the contract. They say everything: nothing of the code's
// defaults is left where the manifest is silent.
func (m *anomalyManifest) limits() (map[string]anomaly.Limits, error) {
	out := make(map[string]anomaly.Limits, len(m.Limits))
	for k := anomaly.KindRain; k < anomaly.NumKinds; k++ {
		text, ok := m.Limits[k.Name()]
		if !ok {
			return nil, fmt.Errorf("no limits of %s", k.Name())
		}
		limits, err := text.Apply(anomaly.Limits{Kind: k})
		if err != nil {
			return nil, fmt.Errorf("limits of %s: %w", k.Name(), err)
		}
		out[k.Name()] = limits
	}
	if len(m.Limits) != len(out) {
		return nil, errors.New("limits of a variable that is none of the contract's")
	}
	return out, nil
}

// goldenRecords are records of devices with every verdict on them.
type goldenRecords struct {
	Records []goldenRecord `json:"records"`
}

type goldenRecord struct {
	Kind      string       `json:"kind"`
	Variables []string     `json:"variables"`
	Readings  [][]nullable `json:"readings"` // seconds, then the values
	Scores    []float64    `json:"scores"`
	Anomalies []goldenFind `json:"anomalies"` // all of them, in order
}

type goldenFind struct {
	Reading   int    `json:"reading"`
	Variable  string `json:"variable"`
	Condition string `json:"condition"`
	Severity  string `json:"severity"`
	Alarm     string `json:"alarm"`
}

// scoreTolerance is the largest difference of scores: processors that fuse a multiplication with an
// addition round otherwise.
const scoreTolerance = 1e-6

// replay judges the record and calls with each reading's verdict.
func (g *goldenRecord) replay(d *anomaly.Detector, each func(i int, v *anomaly.Verdict) error) error {
	var s anomaly.DeviceState
	var v anomaly.Verdict
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	values := make([]anomaly.Value, len(g.Variables))
	for i, row := range g.Readings {
		if len(row) != 1+len(values) {
			return fmt.Errorf("reading %d has %d numbers, want %d", i, len(row), 1+len(values))
		}
		for k, name := range g.Variables {
			values[k] = anomaly.Value{Name: name, Value: float64(row[1+k])}
		}
		d.StepInto(&v, &s, &anomaly.Reading{Time: start.Add(time.Duration(row[0]) * time.Second), Values: values})
		if err := each(i, &v); err != nil {
			return fmt.Errorf("reading %d: %w", i, err)
		}
	}
	return nil
}

// finds lists the anomalies of one verdict.
func finds(dst []goldenFind, i int, v *anomaly.Verdict) []goldenFind {
	for k := range v.Findings() {
		if f := &v.Findings()[k]; f.IsAnomaly() {
			dst = append(dst, goldenFind{i, f.Name, f.Condition.String(), v.Severity.String(), v.Alarm.String()})
		}
	}
	return dst
}

func verifyAnomaly(m *anomaly.Model, data []byte) error {
	var g goldenRecords
	if err := decode(data, &g); err != nil {
		return err
	}
	readings := 0
	for i := range g.Records {
		readings += len(g.Records[i].Readings)
	}
	if readings == 0 || readings > maxGoldenRows {
		return fmt.Errorf("%d golden readings are outside 1 to %d: the model cannot be proven", readings, maxGoldenRows)
	}
	for i := range g.Records {
		if err := g.Records[i].verify(m); err != nil {
			return fmt.Errorf("golden record %d, %s: %w", i, g.Records[i].Kind, err)
		}
	}
	return nil
}

func (g *goldenRecord) verify(m *anomaly.Model) error {
	if len(g.Scores) != len(g.Readings) || len(g.Variables) > anomaly.MaxVariables {
		return fmt.Errorf("%d scores of %d readings, %d variables", len(g.Scores), len(g.Readings), len(g.Variables))
	}
	wanted := g.Anomalies
	var found []goldenFind
	err := g.replay(m.Detector(""), func(i int, v *anomaly.Verdict) error {
		if err := near("score", v.Score, g.Scores[i], scoreTolerance); err != nil {
			return err
		}
		found = finds(found[:0], i, v)
		for _, f := range found {
			if len(wanted) == 0 || wanted[0] != f {
				return fmt.Errorf("found %+v, the manifest's golden record does not", f)
			}
			wanted = wanted[1:]
		}
		return nil
	})
	if err == nil && len(wanted) > 0 {
		err = fmt.Errorf("%+v was not found", wanted[0])
	}
	return err
}
