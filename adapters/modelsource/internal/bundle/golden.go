package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/vector"
)

// golden are the trainer's own results. They prove the whole chain on the machine that serves it:
// rows the kernels and the calibration, requests the feature assembly, the choice of the member and
// the interval.
type golden struct {
	Rows     []goldenRow     `json:"rows"`
	Requests []goldenRequest `json:"requests"`
}

type goldenRow struct {
	Member        string     `json:"member"`
	Forecast      bool       `json:"forecast"`
	Features      []nullable `json:"features"`
	Margin        float64    `json:"margin"`
	Probability   float64    `json:"probability"`
	Contributions []float64  `json:"contributions"` // of the features, the bias last
}

type goldenRequest struct {
	Request     goldenInputs `json:"request"`
	Member      string       `json:"member"`
	Forecast    bool         `json:"forecast"`
	Features    []nullable   `json:"features"`
	Probability float64      `json:"probability"`
	Lower       float64      `json:"lower"` // before widening: the trainer's requests are from anywhere
	Upper       float64      `json:"upper"`
}

// Tolerances against XGBoost, which adds in float32 too but explains in another order.
const (
	probabilityTolerance  = 1e-6
	contributionTolerance = 1e-5
	maxGoldenRows         = 10000
)

// nullable is a number for which null means missing.
type nullable float64

func (n *nullable) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*n = nullable(math.NaN())
		return nil
	}
	return json.Unmarshal(data, (*float64)(n))
}

// goldenInputs is a request of the contract as the trainer writes it.
type goldenInputs struct {
	Latitude           float64             `json:"latitude"`
	Longitude          float64             `json:"longitude"`
	Date               string              `json:"date"`
	RainfallMM         float64             `json:"rainfall_mm"`
	Temperature        *float64            `json:"temperature"`
	Humidity           *float64            `json:"humidity"`
	Rainfall7dMean     *float64            `json:"rainfall_7d_mean"`
	Rainfall30dMean    *float64            `json:"rainfall_30d_mean"`
	RainfallHistoryMM  []nullable          `json:"rainfall_history_mm"`
	TemperatureHistory []nullable          `json:"temperature_history"` // aligned like the rain
	RainfallForecastMM []nullable          `json:"rainfall_forecast_mm"`
	RiverHistory       []nullable          `json:"river_history"` // aligned like the rain
	Temperature7dMean  *float64            `json:"temperature_7d_mean"`
	Temperature30dMean *float64            `json:"temperature_30d_mean"`
	River              map[string]*float64 `json:"river"`
	Site               map[string]*float64 `json:"site"`
}

func (g *goldenInputs) request() (risk.Request, error) {
	r := risk.NewRequest()
	r.Latitude, r.Longitude, r.RainfallMM, r.Explain = g.Latitude, g.Longitude, g.RainfallMM, true
	for _, f := range []struct {
		to   *float64
		from *float64
	}{
		{&r.Temperature, g.Temperature},
		{&r.Humidity, g.Humidity},
		{&r.Rainfall7dMean, g.Rainfall7dMean},
		{&r.Rainfall30dMean, g.Rainfall30dMean},
		{&r.Temperature7dMean, g.Temperature7dMean},
		{&r.Temperature30dMean, g.Temperature30dMean},
		{&r.River.Value, g.River["value"]},
		{&r.River.Normal, g.River["normal"]},
		{&r.River.FloodThreshold, g.River["flood_threshold"]},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	for i, v := range r.Site.Values() {
		if from := g.Site[vector.SiteNames[i]]; from != nil {
			*v = *from
		}
	}
	r.RainfallHistoryMM, r.TemperatureHistory = numbers(g.RainfallHistoryMM), numbers(g.TemperatureHistory)
	r.RainfallForecastMM, r.RiverHistory = numbers(g.RainfallForecastMM), numbers(g.RiverHistory)
	date, err := time.Parse(time.DateOnly, g.Date)
	if err != nil {
		return r, err
	}
	r.Date = date
	if vs := r.Validate(); len(vs) > 0 {
		return r, fmt.Errorf("%s: %s", vs[0].Pointer, vs[0].Detail)
	}
	r.Canonicalize()
	return r, nil
}

func numbers(in []nullable) (out []float64) {
	for _, v := range in {
		out = append(out, float64(v))
	}
	return out
}

// verify replays the golden predictions.
func verify(m *risk.Model, data []byte) error {
	var g golden
	if err := decode(data, &g); err != nil {
		return err
	}
	if len(g.Rows) == 0 || len(g.Requests) == 0 {
		return errors.New("no golden rows or no golden requests: the model cannot be proven")
	}
	if len(g.Rows) > maxGoldenRows || len(g.Requests) > maxGoldenRows {
		return fmt.Errorf("more than %d golden predictions", maxGoldenRows)
	}
	for i := range g.Rows {
		if err := g.Rows[i].verify(m); err != nil {
			return fmt.Errorf("golden row %d: %w", i, err)
		}
	}
	for i := range g.Requests {
		if err := g.Requests[i].verify(m); err != nil {
			return fmt.Errorf("golden request %d: %w", i, err)
		}
	}
	return nil
}

func (g *goldenRow) verify(m *risk.Model) error {
	row, err := rowOf(m, g.Features)
	if err != nil {
		return err
	}
	got, err := m.ScoreRow(g.Member, g.Forecast, row)
	if err != nil {
		return err
	}
	if err := near("margin", got.Margin, g.Margin, contributionTolerance); err != nil {
		return err
	}
	if err := near("probability", got.Probability, g.Probability, probabilityTolerance); err != nil {
		return err
	}
	if len(g.Contributions) != len(row)+1 {
		return fmt.Errorf("%d contributions for %d features and the bias", len(g.Contributions), len(row))
	}
	for j, want := range g.Contributions[:len(row)] {
		if err := near("contribution of "+m.FeatureName(j), got.Contributions[j], want, contributionTolerance); err != nil {
			return err
		}
	}
	return near("bias", got.Base, g.Contributions[len(row)], contributionTolerance)
}

func (g *goldenRequest) verify(m *risk.Model) error {
	r, err := g.Request.request()
	if err != nil {
		return err
	}
	want, err := rowOf(m, g.Features)
	if err != nil {
		return err
	}
	look := m.Look(&r)
	if look.Member != g.Member || look.Forecast != g.Forecast {
		return fmt.Errorf("member %s answers (forecast: %v), not %s (%v)", look.Member, look.Forecast, g.Member, g.Forecast)
	}
	for j, got := range look.Row {
		if err := near("feature "+m.FeatureName(j), float64(got), float64(want[j]), 1e-5*math.Max(1, math.Abs(float64(want[j])))); err != nil {
			return err
		}
	}
	score, err := m.ScoreRow(g.Member, g.Forecast, look.Row)
	if err != nil {
		return err
	}
	r.Explain = false // the rows prove the explanations; here they would make tables that nobody may ever ask for
	var a risk.Assessment
	m.Assess(&r, &a)
	return errors.Join(
		near("probability", a.Probability, g.Probability, probabilityTolerance),
		near("lower", score.Lower, g.Lower, probabilityTolerance),
		near("upper", score.Upper, g.Upper, probabilityTolerance),
	)
}

func rowOf(m *risk.Model, features []nullable) ([]float32, error) {
	if len(features) != m.NumFeatures() {
		return nil, fmt.Errorf("%d features, schema %s has %d", len(features), m.Schema(), m.NumFeatures())
	}
	row := make([]float32, len(features))
	for i, v := range features {
		row[i] = float32(v)
	}
	return row, nil
}

func near(what string, got, want, tolerance float64) error {
	if math.Abs(got-want) <= tolerance || got != got && want != want {
		return nil
	}
	return fmt.Errorf("%s is %v here, %v where the model was trained", what, got, want)
}
