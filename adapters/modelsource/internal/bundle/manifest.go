package bundle

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
)

// format is the layout of manifests that this package reads.
const format = 1

// catalog is models/manifest.json: which models there are and the digest of each one's manifest.
type catalog struct {
	Format int            `json:"format"`
	Models []catalogEntry `json:"models"`
}

type catalogEntry struct {
	Name    domain.ModelName `json:"name"`
	Version string           `json:"version"`
	Path    string           `json:"path"`
	SHA256  string           `json:"sha256"`
}

// header is what every model's manifest says.
type header struct {
	Format        int               `json:"format"`
	Name          domain.ModelName  `json:"name"`
	Version       string            `json:"version"`
	Kind          string            `json:"kind"`
	FeatureSchema string            `json:"feature_schema"`
	CreatedAt     time.Time         `json:"created_at"`
	Features      []manifestFeature `json:"features"`
	Training      json.RawMessage   `json:"training"`
	Skill         json.RawMessage   `json:"skill"`
	Golden        file              `json:"golden"`
	// Documents are the card, which is among them, and the tables of skill. Bundles of before name none.
	Documents []file `json:"documents,omitempty"`
}

// manifest describes the risk scorer: every other file by size and digest.
type manifest struct {
	header
	FloodDefinition string           `json:"flood_definition"`
	Members         []manifestMember `json:"members"`
	Coverage        float64          `json:"coverage"`
	Widening        manifestWidening `json:"widening"`
	Levels          manifestLevels   `json:"levels"`
	Envelope        manifestEnvelope `json:"envelope"`
}

type file struct {
	File   string `json:"file"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

type manifestFeature struct {
	Name        string  `json:"name"`
	Unit        string  `json:"unit"`
	Min         float64 `json:"min"`
	Max         float64 `json:"max"`
	Monotone    int     `json:"monotone"`
	Description string  `json:"description"`
}

type manifestMember struct {
	manifestPart
	Name           string   `json:"name"`
	Requires       []string `json:"requires"`
	MinHistoryDays int      `json:"min_history_days"`
	// Forecast is added where tomorrow's rain is known.
	Forecast *manifestPart `json:"forecast"`
}

// manifestPart is a booster with the linear part that it corrects, and the calibration of the margin.
type manifestPart struct {
	file
	Trees       int                 `json:"trees"`
	MaxDepth    int                 `json:"max_depth"`
	Linear      *manifestLinear     `json:"linear"`
	Calibration manifestCalibration `json:"calibration"`
}

type manifestLinear struct {
	Intercept float64        `json:"intercept"`
	Terms     []manifestTerm `json:"terms"`
}

type manifestTerm struct {
	Feature string  `json:"feature"`
	Slope   float64 `json:"slope"`
	Mean    float64 `json:"mean"`
}

// spec turns the names of features into their places.
func (l *manifestLinear) spec(features []domain.FeatureInfo) (risk.Linear, error) {
	if l == nil {
		return risk.Linear{}, nil
	}
	out := risk.Linear{Intercept: l.Intercept}
	for _, t := range l.Terms {
		at := slices.IndexFunc(features, func(f domain.FeatureInfo) bool { return f.Name == t.Feature })
		if at < 0 {
			return out, fmt.Errorf("the linear part names %q, which is no feature", t.Feature)
		}
		out.Terms = append(out.Terms, risk.Term{Feature: at, Slope: t.Slope, Mean: t.Mean})
	}
	return out, nil
}

type manifestCalibration struct {
	Method      string    `json:"method"`
	Margin      []float64 `json:"margin"`
	Probability []float64 `json:"probability"`
	Lower       []float64 `json:"lower"`
	Upper       []float64 `json:"upper"`
	// LogOdds says that the three before are log-odds; Open, that the outermost lines go on.
	LogOdds bool `json:"log_odds"`
	Open    bool `json:"open"`
}

func (c *manifestCalibration) spec() risk.Calibration {
	return risk.Calibration{
		Margin: c.Margin, Probability: c.Probability, Lower: c.Lower, Upper: c.Upper, LogOdds: c.LogOdds, Open: c.Open,
	}
}

type manifestWidening struct {
	Place           float64 `json:"place"`
	PerInput        float64 `json:"per_out_of_domain"`
	Maximum         float64 `json:"maximum"`
	ConfidenceWidth float64 `json:"confidence_width"`
	OpenUpwards     bool    `json:"open_upwards"`
}

type manifestLevels struct {
	Low      float64 `json:"low"`
	Moderate float64 `json:"moderate"`
	High     float64 `json:"high"`
	Extreme  float64 `json:"extreme"`
}

type manifestRange struct {
	Min float64 `json:"min"`
	Max float64 `json:"max"`
}

type manifestEnvelope struct {
	Inputs map[string]manifestRange `json:"inputs"`
	Places struct {
		RadiusKM float64      `json:"radius_km"`
		Points   [][2]float64 `json:"points"`
	} `json:"places"`
}

// spec turns the names of inputs into the domain's.
func (e *manifestEnvelope) spec() (risk.Envelope, error) {
	out := risk.Envelope{Ranges: map[risk.Input]risk.Range{}, Places: e.Places.Points, RadiusKM: e.Places.RadiusKM}
	for name, r := range e.Inputs {
		input, ok := risk.InputByName(name)
		if !ok {
			return out, fmt.Errorf("the envelope names %q, which is no input", name)
		}
		out.Ranges[input] = risk.Range(r)
	}
	return out, nil
}

// decode reads a manifest strictly: a misspelt key must not be dropped in silence.
func decode(data []byte, v any) error {
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("data after the JSON object")
	}
	return nil
}
