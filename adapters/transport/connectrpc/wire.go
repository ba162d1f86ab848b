package connectrpc

import (
	"encoding/json"
	"math"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/adapters/internal/rfc3339"
	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/vector"
	"github.com/guardy-ai/guardy/ports"
)

// question turns a message into a request and returns what is wrong with the form of its values.
// explain is what an absent `explain` means here; m is nil for an item that was no object.
func question(m *guardyv1.AssessFloodRiskRequest, explain, fresh bool) (risk.Request, []domain.Violation) {
	r := risk.NewRequest()
	if m == nil {
		return r, nil
	}
	n := numbers{}
	n.read("/latitude", &r.Latitude, m.Latitude)
	n.read("/longitude", &r.Longitude, m.Longitude)
	n.read("/rainfall_mm", &r.RainfallMM, m.RainfallMm)
	n.read("/temperature", &r.Temperature, m.Temperature)
	n.read("/humidity", &r.Humidity, m.Humidity)
	n.read("/rainfall_7d_mean", &r.Rainfall7dMean, m.Rainfall_7DMean)
	n.read("/rainfall_30d_mean", &r.Rainfall30dMean, m.Rainfall_30DMean)
	n.read("/temperature_7d_mean", &r.Temperature7dMean, m.Temperature_7DMean)
	n.read("/temperature_30d_mean", &r.Temperature30dMean, m.Temperature_30DMean)
	if v := m.River; v != nil {
		n.read("/river/value", &r.River.Value, v.Value)
		n.read("/river/normal", &r.River.Normal, v.Normal)
		n.read("/river/flood_threshold", &r.River.FloodThreshold, v.FloodThreshold)
	}
	if m.Site != nil {
		given := siteFields(m.Site)
		for i, field := range r.Site.Values() {
			n.read(sitePointers[i], field, *given[i])
		}
	}
	if m.Date != nil {
		day, violation := strictjson.Day("/date", *m.Date)
		if violation != nil {
			n.violations = append(n.violations, *violation)
		}
		r.Date = day
	}
	r.RainfallHistoryMM = m.RainfallHistoryMm
	r.LocationID, r.LocationName = m.GetLocationId(), m.GetLocationName()
	r.Explain, r.Fresh = explain, fresh
	if m.Explain != nil {
		r.Explain = *m.Explain
	}
	return r, n.violations
}

// numbers collects what is wrong with the scalars of a message. Missing is absent: a NaN, which only
// the binary encoding can carry, is a mistake of the sender.
type numbers struct{ violations []domain.Violation }

func (n *numbers) read(pointer string, to, from *float64) {
	switch {
	case from == nil:
	case math.IsNaN(*from):
		n.violations = append(n.violations, domain.Violation{
			Pointer: pointer, Code: domain.CodeNotFinite, Detail: "the number must be finite",
		})
	default:
		*to = *from
	}
}

var sitePointers = func() (pointers [vector.SiteFields]string) {
	for i, name := range vector.SiteNames {
		pointers[i] = "/site/" + name
	}
	return pointers
}()

// siteFields returns the fields in the order of vector.SiteNames.
func siteFields(s *guardyv1.Site) [vector.SiteFields]**float64 {
	return [vector.SiteFields]**float64{
		&s.ElevationM, &s.SlopeMPerKm, &s.AreaKm2, &s.SoilDepthM, &s.SoilPorosity, &s.SoilConductivityCmH,
		&s.SoilWaterCapacityM, &s.SandPercent, &s.SiltPercent, &s.ClayPercent, &s.PrecipitationMeanMmDay,
		&s.PetMeanMmDay, &s.PrecipitationSeasonality, &s.SnowFraction, &s.Aridity, &s.HighPrecipitationDays,
		&s.ForestFraction, &s.LeafAreaIndexMax, &s.GeologyPermeabilityLog10M2,
	}
}

// refusal reports violations of shape together with those of meaning, which validate finds, that do not
// follow from them; nil when there are none of shape. prefix is the question's place in the request.
func refusal(shape []domain.Violation, prefix string, validate func() []domain.Violation) error {
	if len(shape) == 0 {
		return nil
	}
	return domain.Invalid("connect", strictjson.Merge(shape, strictjson.Under(prefix, validate())))
}

// instant is t as RFC 3339 with milliseconds.
func instant(t time.Time) string {
	var b [32]byte
	return string(rfc3339.AppendMillis(b[:0], t))
}

// parts are the messages inside every answer. They lie in one piece with it, which saves an allocation
// for each.
type parts struct {
	interval guardyv1.ProbabilityInterval
	quality  guardyv1.InputQuality
}

func (p *parts) fill(a *risk.Assessment) {
	p.interval.Lower, p.interval.Upper, p.interval.Coverage = a.Lower, a.Upper, a.Coverage
	p.quality.Missing = a.Quality.Missing.Names()
	p.quality.OutOfDomain = a.Quality.OutOfDomain.Names()
	p.quality.Ignored = a.Quality.Ignored.Names()
}

// explanation returns the factors, or nothing when they were not asked for. They lie in one piece as well.
func explanation(a *risk.Assessment) ([]*guardyv1.Factor, *guardyv1.LogOdds) {
	if !a.Explained {
		return nil, nil
	}
	out := &struct {
		logOdds guardyv1.LogOdds
		factors [risk.MaxFactors]guardyv1.Factor
		values  [risk.MaxFactors]float32
		list    [risk.MaxFactors]*guardyv1.Factor
	}{}
	out.logOdds.Base, out.logOdds.Others = a.Factors.Base, a.Factors.Others
	for i, f := range a.Factors.List() {
		to := &out.factors[i]
		to.Feature, to.Contribution = f.Feature, f.Contribution
		if out.values[i] = f.Value; f.Value == f.Value {
			to.Value = &out.values[i]
		}
		out.list[i] = to
	}
	return out.list[:a.Factors.N], &out.logOdds
}

// answer is the answer to a single question.
func answer(r *risk.Request, a *risk.Assessment) *guardyv1.AssessFloodRiskResponse {
	out := &struct {
		guardyv1.AssessFloodRiskResponse
		parts
	}{}
	out.parts.fill(a)
	m := &out.AssessFloodRiskResponse
	m.LocationId, m.LocationName = given(&r.LocationID), given(&r.LocationName)
	m.FloodProbability = a.Probability
	m.RiskScore = a.Score
	m.RiskLevel = a.Level.String()
	m.Confidence = a.Confidence
	m.ProbabilityInterval = &out.interval
	m.TopContributingFactors, m.LogOdds = explanation(a)
	m.RecommendedAction = risk.RecommendedAction(a.Level)
	m.FloodDefinition = risk.FloodDefinition
	m.ModelVersion, m.ModelDigest = a.Model.Version, a.Model.Digest
	m.PredictedAt = instant(a.AssessedAt)
	m.InputQuality = &out.quality
	return m
}

// Statuses of an item.
const (
	statusOK    = "ok"
	statusError = "error"
)

// item is the answer to one question of a batch or a stream. Its optional fields point into one
// allocation.
func item(index int64, r *risk.Request, a *risk.Assessment) *guardyv1.FloodRiskPrediction {
	out := &struct {
		guardyv1.FloodRiskPrediction
		parts
		id, name, level, action, definition, version, digest, at string
		probability, score, confidence                           float64
	}{
		id: r.LocationID, name: r.LocationName,
		level: a.Level.String(), action: risk.RecommendedAction(a.Level), definition: risk.FloodDefinition,
		version: a.Model.Version, digest: a.Model.Digest, at: instant(a.AssessedAt),
		probability: a.Probability, score: a.Score, confidence: a.Confidence,
	}
	out.parts.fill(a)
	m := &out.FloodRiskPrediction
	m.Index, m.Status = index, statusOK
	m.LocationId, m.LocationName = given(&out.id), given(&out.name)
	m.FloodProbability = &out.probability
	m.RiskScore = &out.score
	m.RiskLevel = &out.level
	m.Confidence = &out.confidence
	m.ProbabilityInterval = &out.interval
	m.TopContributingFactors, m.LogOdds = explanation(a)
	m.RecommendedAction = &out.action
	m.FloodDefinition = &out.definition
	m.ModelVersion, m.ModelDigest = &out.version, &out.digest
	m.PredictedAt = &out.at
	m.InputQuality = &out.quality
	return m
}

// failedItem is the item of a question that was not answered.
func failedItem(index int64, e *domain.Error) *guardyv1.FloodRiskPrediction {
	return &guardyv1.FloodRiskPrediction{
		Index: index, Status: statusError,
		Error: &guardyv1.ItemError{Code: e.Kind.String(), Detail: message(e), Errors: violations(e.Violations)},
	}
}

// given returns nil for an empty text.
func given(s *string) *string {
	if *s == "" {
		return nil
	}
	return s
}

func model(s *ports.ModelStatus) *guardyv1.Model {
	m := &guardyv1.Model{
		Name: string(s.Ref.Name), Version: s.Ref.Version, Digest: s.Ref.Digest,
		Loaded: s.Loaded, Source: s.Source, SizeBytes: s.SizeBytes,
		LoadTimeMs: milliseconds(s.LoadTime), Reloads: int32(s.Reloads), LastError: given(&s.LastError),
		Stats: modelStats(&s.Stats),
	}
	if !s.LoadedAt.IsZero() {
		at := instant(s.LoadedAt)
		m.LoadedAt = &at
	}
	return m
}

func modelStats(s *ports.ModelStats) *guardyv1.ModelStats {
	levels := make(map[string]uint64, domain.NumLevels)
	for l, n := range s.ByLevel {
		if n > 0 {
			levels[domain.Level(l).String()] = n
		}
	}
	return &guardyv1.ModelStats{
		Predictions: s.Predictions, Computed: s.Computed, Errors: s.Errors, ErrorRate: s.ErrorRate(), ByLevel: levels,
		InferenceMs: &guardyv1.InferenceTime{Mean: milliseconds(s.Mean), P95: milliseconds(s.P95), P99: milliseconds(s.P99)},
		Cache:       &guardyv1.CacheStats{Hits: s.CacheHits, Misses: s.CacheMisses, Errors: s.CacheErrors, HitRate: s.HitRate()},
	}
}

func modelCard(c *domain.ModelCard) (*guardyv1.ModelCard, error) {
	m := &guardyv1.ModelCard{Kind: c.Kind, FeatureSchema: c.FeatureSchema, Text: c.Text}
	if !c.CreatedAt.IsZero() {
		at := instant(c.CreatedAt)
		m.CreatedAt = &at
	}
	for _, f := range c.Features {
		m.Features = append(m.Features, &guardyv1.Feature{
			Name: f.Name, Unit: f.Unit, Min: f.Min, Max: f.Max, Description: f.Description,
		})
	}
	var err error
	if m.Training, err = object(c.Training); err != nil {
		return nil, err
	}
	m.Skill, err = object(c.Skill)
	return m, err
}

// object turns a JSON object of the manifest into a message; nil when there is none.
func object(data []byte) (*structpb.Struct, error) {
	if len(data) == 0 {
		return nil, nil
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	return structpb.NewStruct(fields)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
