package bundle

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
)

// nowcastEvent is the event whose probability the nowcaster answers.
const nowcastEvent = "river level or discharge at or above its flood threshold at the valid time"

// nowcastManifest describes the nowcaster: every other file by size and digest.
type nowcastManifest struct {
	header
	Event        string          `json:"event"`
	Members      []nowcastMember `json:"members"`
	Coverage     float64         `json:"coverage"`
	Levels       manifestLevels  `json:"levels"`
	EarlyWarning float64         `json:"early_warning"`
	Widening     struct {
		PerCondition    float64 `json:"per_condition"`
		Maximum         float64 `json:"maximum"`
		ConfidenceWidth float64 `json:"confidence_width"`
	} `json:"widening"`
}

type nowcastMember struct {
	file
	Name        string `json:"name"`
	Networks    int    `json:"networks"`
	Hidden      int    `json:"hidden"`
	Calibration struct {
		Method       string    `json:"method"`
		HorizonHours []int     `json:"horizon_hours"`
		Slope        []float64 `json:"slope"`
		Spread       []float64 `json:"spread"`
	} `json:"calibration"`
}

// memberWeights is the file of one member.
type memberWeights struct {
	Format   int       `json:"format"`
	Member   string    `json:"member"`
	Inputs   []string  `json:"inputs"`
	Mean     []float64 `json:"mean"`
	Scale    []float64 `json:"scale"`
	Networks []struct {
		Hidden1 layerWeights  `json:"hidden1"`
		Hidden2 layerWeights  `json:"hidden2"`
		Head    layerWeights  `json:"head"`
		Rain    *layerWeights `json:"rain"`
	} `json:"networks"`
}

type layerWeights struct {
	Weight [][]float32 `json:"weight"`
	Bias   []float32   `json:"bias"`
}

func (l layerWeights) spec() nowcast.Layer { return nowcast.Layer{Weight: l.Weight, Bias: l.Bias} }

func (l *loader) nowcast(p proven, card *domain.ModelCard) (*nowcast.Model, error) {
	var m nowcastManifest
	if err := decode(p.data, &m); err != nil {
		return nil, fmt.Errorf("%s/manifest.json: %w", p.entry.Path, err)
	}
	schemas := []string{nowcast.Schema, nowcast.FirstSchema} // the second is of the version to roll back to
	if err := m.check(p.entry, "mixture-density-network", len(m.Members), schemas...); err != nil {
		return nil, fmt.Errorf("%s/manifest.json: %w", p.entry.Path, err)
	}
	if m.Event != nowcastEvent {
		return nil, fmt.Errorf("%s/manifest.json: event %q is another than %q", p.entry.Path, m.Event, nowcastEvent)
	}
	p.describe(card, &m.header)
	spec := nowcast.Spec{
		Ref: card.Ref, Features: card.Features, Levels: nowcast.Levels(m.Levels), EarlyWarning: m.EarlyWarning,
		Coverage: m.Coverage, Widening: nowcast.Widening(m.Widening),
	}
	for _, mm := range m.Members {
		member, err := l.nowcastMember(p.entry.Path, mm)
		if err != nil {
			return nil, fmt.Errorf("member %s: %w", mm.Name, err)
		}
		spec.Members = append(spec.Members, member)
	}
	model, err := nowcast.NewModel(spec)
	if err != nil {
		return nil, err
	}
	golden, err := l.verified(p.entry.Path, m.Golden)
	if err != nil {
		return nil, err
	}
	if err := verifyNowcast(model, golden, nowcast.SchemaFeatures(m.FeatureSchema)); err != nil {
		return nil, fmt.Errorf("%s: %w", m.Golden.File, err)
	}
	return model, nil
}

func (l *loader) nowcastMember(dir string, mm nowcastMember) (nowcast.Member, error) {
	member := nowcast.Member{Name: mm.Name}
	data, err := l.verified(dir, mm.file)
	if err != nil {
		return member, err
	}
	var w memberWeights
	if err := decode(data, &w); err != nil {
		return member, fmt.Errorf("%s: %w", mm.File, err)
	}
	if w.Format != format || w.Member != mm.Name {
		return member, fmt.Errorf("%s is member %q in format %d, want %q in format %d", mm.File, w.Member, w.Format, mm.Name, format)
	}
	if len(w.Networks) != mm.Networks {
		return member, fmt.Errorf("%s has %d networks, the manifest says %d", mm.File, len(w.Networks), mm.Networks)
	}
	for _, name := range w.Inputs {
		i := slices.Index(nowcast.Names[:], name)
		if i < 0 {
			return member, fmt.Errorf("%s: input %q is no feature of schema %s", mm.File, name, nowcast.Schema)
		}
		member.Inputs = append(member.Inputs, i)
	}
	member.Mean, member.Scale = w.Mean, w.Scale
	for i := range w.Networks {
		from := &w.Networks[i]
		n := nowcast.Network{Hidden1: from.Hidden1.spec(), Hidden2: from.Hidden2.spec(), Head: from.Head.spec()}
		if len(n.Hidden1.Bias) != mm.Hidden || len(n.Hidden2.Bias) != mm.Hidden {
			return member, fmt.Errorf("%s: network %d has hidden layers of %d and %d units, the manifest says %d",
				mm.File, i, len(n.Hidden1.Bias), len(n.Hidden2.Bias), mm.Hidden)
		}
		if from.Rain != nil {
			n.Rain = from.Rain.spec()
		}
		member.Networks = append(member.Networks, n)
	}
	c := mm.Calibration
	// A member that answers a day ahead has the first of the knots.
	knots := nowcast.KnotHours()
	if n := len(c.HorizonHours); n < 1 || n > len(knots) || !slices.Equal(c.HorizonHours, knots[:n]) || len(c.Slope) != n || len(c.Spread) != n {
		return member, fmt.Errorf("the calibration is for the horizons %v, want the first of %v", c.HorizonHours, knots)
	}
	copy(member.Slope[:], c.Slope)
	copy(member.Spread[:], c.Spread)
	return member, nil
}

// goldenNowcasts are the trainer's own results: rows prove the networks and the curve, requests the
// cleaning, the features, the choice of the members and the units.
type goldenNowcasts struct {
	Thresholds []float64              `json:"thresholds"` // z
	Levels     []float64              `json:"levels"`     // of quantiles
	Rows       []goldenNowcastRow     `json:"rows"`
	Requests   []goldenNowcastRequest `json:"requests"`
}

type goldenNowcastRow struct {
	Member     string    `json:"member"`
	Horizon    int       `json:"horizon"`
	Features   []float64 `json:"features"`
	Forecast   []float64 `json:"forecast"`
	Exceedance []float64 `json:"exceedance"`
	Quantiles  []float64 `json:"quantiles"`
}

type goldenNowcastRequest struct {
	Kind               string        `json:"kind"`
	Readings           [][4]nullable `json:"readings"` // seconds, rain, level, discharge
	Normal             nullable      `json:"normal"`
	FloodThreshold     nullable      `json:"flood_threshold"`
	RainfallForecastMM []float64     `json:"rainfall_forecast_mm"`
	Features           []float64     `json:"features"`
	Predictions        []struct {
		HoursAhead       int       `json:"hours_ahead"`
		FloodProbability float64   `json:"flood_probability"`
		Quantiles        []float64 `json:"quantiles"`
	} `json:"predictions"`
}

// curveTolerance is the largest difference from the trainer's float32 networks, of probabilities and,
// relative to the river's scale, of quantiles.
const curveTolerance = 1e-5

// verifyNowcast holds a model of so many features to its golden predictions.
func verifyNowcast(m *nowcast.Model, data []byte, features int) error {
	var g goldenNowcasts
	if err := decode(data, &g); err != nil {
		return err
	}
	if len(g.Rows) == 0 || len(g.Requests) == 0 || len(g.Thresholds) == 0 || len(g.Levels) != 5 {
		return errors.New("no golden rows or no golden requests: the model cannot be proven")
	}
	if len(g.Rows) > maxGoldenRows || len(g.Requests) > maxGoldenRows {
		return fmt.Errorf("more than %d golden predictions", maxGoldenRows)
	}
	for i := range g.Rows {
		if err := g.Rows[i].verify(m, &g, features); err != nil {
			return fmt.Errorf("golden row %d: %w", i, err)
		}
	}
	for i := range g.Requests {
		if err := g.Requests[i].verify(m, features); err != nil {
			return fmt.Errorf("golden request %d, %s: %w", i, g.Requests[i].Kind, err)
		}
	}
	return nil
}

func (r *goldenNowcastRow) verify(m *nowcast.Model, g *goldenNowcasts, features int) error {
	if len(r.Features) != features || len(r.Exceedance) != len(g.Thresholds) || len(r.Quantiles) != len(g.Levels) {
		return errors.New("the row has not as many features and results as it should")
	}
	var row [nowcast.NumFeatures]float64
	copy(row[:], r.Features)
	d, err := m.ScoreRow(r.Member, &row, r.Forecast, r.Horizon)
	if err != nil {
		return err
	}
	for i, z := range g.Thresholds {
		if err := near(fmt.Sprintf("exceedance of %v", z), d.Exceedance(z), r.Exceedance[i], curveTolerance); err != nil {
			return err
		}
	}
	for i, p := range g.Levels {
		want := r.Quantiles[i]
		if err := near(fmt.Sprintf("quantile %v", p), d.Quantile(p), want, curveTolerance*max(1, math.Abs(want))); err != nil {
			return err
		}
	}
	return nil
}

func (g *goldenNowcastRequest) request() (nowcast.Request, error) {
	r := nowcast.NewRequest()
	r.Latitude, r.Longitude = 0, 0
	r.Normal, r.FloodThreshold = float64(g.Normal), float64(g.FloodThreshold)
	r.RainfallForecastMM = g.RainfallForecastMM
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, from := range g.Readings {
		v := nowcast.MissingReading()
		v.Time = start.Add(time.Duration(from[0]) * time.Second)
		v.RainfallMM, v.WaterLevelM, v.DischargeM3S = float64(from[1]), float64(from[2]), float64(from[3])
		r.Readings = append(r.Readings, v)
	}
	if len(g.Predictions) == 0 {
		return r, errors.New("there is no prediction to compare with")
	}
	for _, p := range g.Predictions {
		r.Horizons = append(r.Horizons, p.HoursAhead)
	}
	if vs := r.Validate(); len(vs) > 0 {
		return r, fmt.Errorf("%s: %s", vs[0].Pointer, vs[0].Detail)
	}
	r.Canonicalize()
	return r, nil
}

// cleanedOtherwise reports whether a sequence is read in another way than when models of the first schema were
// made: those used the values of a gauge that stands still. Their golden requests of that kind prove nothing.
func cleanedOtherwise(f *nowcast.Forecast) bool {
	return slices.ContainsFunc(f.Quality.Doubtful, func(d domain.Doubt) bool { return d.Reason != domain.DoubtNoDataCode })
}

func (g *goldenNowcastRequest) verify(m *nowcast.Model, features int) error {
	r, err := g.request()
	if err != nil {
		return err
	}
	if len(g.Features) != features {
		return fmt.Errorf("%d features, the schema has %d", len(g.Features), features)
	}
	var f nowcast.Forecast
	m.Forecast(&r, &f)
	if features < nowcast.NumFeatures && cleanedOtherwise(&f) {
		return nil
	}
	row := nowcast.Features(&r)
	for i, want := range g.Features {
		if err := near("feature "+nowcast.Names[i], row[i], want, curveTolerance*max(1, math.Abs(want))); err != nil {
			return err
		}
	}
	for i, want := range g.Predictions {
		got := &f.Predictions[i]
		if err := near(fmt.Sprintf("probability at %d h", want.HoursAhead), got.Probability, want.FloodProbability, curveTolerance); err != nil {
			return err
		}
		if (f.Observed == nowcast.SeriesRainfall) != (want.Quantiles == nil) {
			return fmt.Errorf("the river is %s", f.Observed)
		}
		if want.Quantiles == nil {
			continue
		}
		q := got.Quantiles
		for j, v := range [...]float64{q.P10, q.P25, q.P50, q.P75, q.P90} {
			if j >= len(want.Quantiles) {
				return errors.New("five quantiles are expected")
			}
			w := want.Quantiles[j]
			if err := near(fmt.Sprintf("quantile %d at %d h", j, want.HoursAhead), v, w, 3*curveTolerance*max(1, math.Abs(w))); err != nil {
				return err
			}
		}
	}
	return nil
}
