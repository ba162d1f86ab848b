package transporttest

import (
	"context"
	"crypto/sha256"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// The limits with which Run expects a transport to be started.
const (
	MaxBatchSize = 100
	MaxBodyBytes = 1 << 20
	Timeout      = 250 * time.Millisecond
)

// Ref is the model that every answer of a Service names.
var Ref = domain.ModelRef{
	Name: domain.RiskScorer, Version: "1.2.3",
	Digest: "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
}

// AssessedAt is when a Service made its answers.
var AssessedAt = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)

// Service is a deterministic fake of the driving ports. It validates as the use case does and
// answers a function of the input:
//
//   - the probability is rain/(rain+100), the score a hundred times that; of a nowcast, the newest level
//     or discharge, as a share of the way from normal to threshold, over itself plus the hours ahead;
//   - of a reading of a device, values from 1000 on are impossible, those from 100 on unusual but explained
//     by the weather; answers without history come from no cache;
//   - a location_id or device_id "fail:<kind>" is not answered, "panic" panics, "slow" waits for the end of the
//     context, "cached" was answered 88 s ago, "registered" has a name in the register, "every-field" has an answer
//     in which nothing is absent that can be there.
//
// Of its models, risk_scorer is loaded and nowcaster is refused on every load.
type Service struct {
	mu          sync.Mutex
	calls       []risk.Request
	nowcasts    []nowcast.Request
	anomalies   []anomaly.Request
	evacuations []evacuation.Request
	// NotReady makes the health report and Begin say so.
	NotReady bool
	// Stopping makes it drain.
	Stopping bool
}

var (
	_ ports.RiskAssessor      = (*Service)(nil)
	_ ports.BatchAssessor     = (*Service)(nil)
	_ ports.Nowcaster         = (*Service)(nil)
	_ ports.ModelCatalog      = (*Service)(nil)
	_ ports.HealthReporter    = (*Service)(nil)
	_ ports.AnomalyDetector   = (*Service)(nil)
	_ ports.EvacuationPlanner = (*Service)(nil)
)

// NewService returns a service that was asked nothing yet.
func NewService() *Service { return new(Service) }

// Calls returns the flood-risk questions since the last call of Calls, in order.
func (s *Service) Calls() []risk.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// Assess implements ports.RiskAssessor.
func (s *Service) Assess(ctx context.Context, r *risk.Request, a *risk.Assessment) error {
	*a = risk.Assessment{}
	s.mu.Lock()
	call := *r
	call.RainfallHistoryMM, call.TemperatureHistory = slices.Clone(r.RainfallHistoryMM), slices.Clone(r.TemperatureHistory)
	call.RainfallForecastMM, call.RiverHistory = slices.Clone(r.RainfallForecastMM), slices.Clone(r.RiverHistory)
	s.calls = append(s.calls, call)
	s.mu.Unlock()

	if err := domain.Invalid("risk.assess", r.Validate()); err != nil {
		return err
	}
	if err := behave(ctx, r.LocationID, &r.LocationName); err != nil {
		return err
	}
	*a = answer(r)
	if r.LocationID == everyField {
		fill(a)
	}
	return nil
}

// behave does what a location_id asks for.
func behave(ctx context.Context, id string, name *string) error {
	switch id {
	case "panic":
		panic("a panic of the fake")
	case "slow":
		<-ctx.Done()
		return &domain.Error{Kind: domain.KindDeadline, Op: "fake", Msg: "the time budget ran out", Err: ctx.Err()}
	case "registered":
		*name = "Registered Creek"
	}
	if kind, ok := strings.CutPrefix(id, "fail:"); ok {
		return failure(kind)
	}
	return nil
}

// serving is where an answer with the key comes from.
func serving(key domain.Key, id string, fresh bool) domain.Provenance {
	switch {
	case fresh:
		return domain.Provenance{Key: key, Cache: domain.CacheBypass, TTL: 300 * time.Second, Stored: true}
	case id == "cached":
		return domain.Provenance{Key: key, Cache: domain.CacheHit, Age: 88 * time.Second, TTL: 212 * time.Second}
	}
	return domain.Provenance{Key: key, Cache: domain.CacheMiss, TTL: 300 * time.Second, Stored: true}
}

func failure(kind string) error {
	for k := range domain.NumKinds {
		if k.String() == kind {
			return &domain.Error{Kind: k, Op: "fake", Msg: "as the test asked: " + kind}
		}
	}
	return &domain.Error{Kind: domain.KindInternal, Msg: "no such kind: " + kind}
}

func answer(r *risk.Request) risk.Assessment {
	p := r.RainfallMM / (r.RainfallMM + 100)
	a := risk.Assessment{
		Probability: p, Lower: p / 2, Upper: (1 + p) / 2, Coverage: 0.9, Confidence: 0.5, Score: 100 * p,
		Level:      domain.LevelVeryLow + domain.Level(p*5),
		Model:      Ref,
		AssessedAt: AssessedAt,
		Provenance: serving(keyOf(domain.RiskScorer, r.AppendCanonical(nil)), r.LocationID, r.Fresh),
	}
	if r.Explain {
		a.Explained = true
		a.Factors = risk.Factors{N: 2, Base: -4.5, Others: 0.25, Intercept: -0.5, Slope: 0.75}
		a.Factors.Top[0] = risk.Factor{Feature: "rain_1d", Value: float32(r.RainfallMM), Contribution: float32(r.RainfallMM) / 8}
		a.Factors.Top[1] = risk.Factor{Feature: "temperature", Index: 1, Value: float32(r.Temperature), Contribution: -0.1}
	}
	if math.IsNaN(r.Temperature) {
		a.Quality.Missing = a.Quality.Missing.With(risk.InputTemperature)
	}
	if math.IsNaN(r.Humidity) {
		a.Quality.Missing = a.Quality.Missing.With(risk.InputHumidity)
	} else {
		a.Quality.Ignored = a.Quality.Ignored.With(risk.InputHumidity)
	}
	if r.Longitude > -60 {
		a.Quality.OutOfDomain = a.Quality.OutOfDomain.With(risk.InputPlace)
	}
	return a
}

func keyOf(model domain.ModelName, canonical []byte) domain.Key {
	sum := sha256.Sum256(canonical)
	return domain.Key{Model: model, Sum: [16]byte(sum[:16])}
}

// Begin implements ports.BatchAssessor.
func (s *Service) Begin(context.Context) (ports.RiskBatch, error) {
	if s.NotReady {
		return nil, &domain.Error{Kind: domain.KindUnavailable, Op: "predict", Msg: "no risk model is loaded yet"}
	}
	return batch{s}, nil
}

type batch struct{ *Service }

// Model implements ports.RiskBatch.
func (batch) Model() domain.ModelRef { return Ref }

// Assess implements ports.RiskBatch.
func (b batch) Assess(ctx context.Context, rs []risk.Request, out []risk.Outcome) {
	for i := range rs {
		out[i].Err = b.Service.Assess(ctx, &rs[i], &out[i].Assessment)
	}
}

// List implements ports.ModelCatalog.
func (s *Service) List(context.Context) []ports.ModelStatus {
	return []ports.ModelStatus{scorer(), nowcaster()}
}

func scorer() ports.ModelStatus {
	return ports.ModelStatus{
		Ref: Ref, Loaded: true, Source: "fake", SizeBytes: 123456, LoadedAt: AssessedAt, LoadTime: 12500 * time.Microsecond, Reloads: 2,
		Stats: ports.ModelStats{
			Predictions: 100, Computed: 40, Errors: 25, ByLevel: domain.LevelCounts{domain.LevelVeryLow: 90, domain.LevelHigh: 10},
			Mean: 1500 * time.Nanosecond, P95: 2 * time.Microsecond, P99: 3 * time.Microsecond,
			CacheHits: 60, CacheMisses: 40, CacheErrors: 1,
		},
	}
}

const refusal = "the model file model.json has another digest than the manifest says"

func nowcaster() ports.ModelStatus {
	return ports.ModelStatus{Ref: domain.ModelRef{Name: domain.Nowcaster}, Source: "fake", LastError: refusal}
}

// Get implements ports.ModelCatalog.
func (s *Service) Get(_ context.Context, name domain.ModelName) (ports.ModelStatus, error) {
	switch name {
	case domain.RiskScorer:
		return scorer(), nil
	case domain.Nowcaster:
		return nowcaster(), nil
	default:
		return ports.ModelStatus{}, &domain.Error{Kind: domain.KindNotFound, Op: "models", Msg: "there is no such model"}
	}
}

// Card implements ports.ModelCatalog.
func (s *Service) Card(ctx context.Context, name domain.ModelName) (domain.ModelCard, error) {
	m, err := s.Get(ctx, name)
	if err != nil {
		return domain.ModelCard{}, err
	}
	if !m.Loaded {
		return domain.ModelCard{}, &domain.Error{Kind: domain.KindUnavailable, Op: "models.card", Msg: "the model is not loaded"}
	}
	return domain.ModelCard{
		Ref: Ref, Kind: "xgboost", FeatureSchema: "risk/1", CreatedAt: AssessedAt, SizeBytes: 123456,
		Features: []domain.FeatureInfo{
			{Name: "rain_1d", Unit: "mm", Min: 0, Max: 412.5, Description: "Rain of the last day."},
			{Name: "temperature", Unit: "°C", Min: -30, Max: 38, Description: "Mean of the last day."},
		},
		Training: []byte(`{"basins": 361, "period": "1980-2014"}`),
		Skill:    []byte(`{"average_precision": 0.41}`),
		Text:     "# The fake\n",
	}, nil
}

// Reload implements ports.ModelCatalog.
func (s *Service) Reload(ctx context.Context, name domain.ModelName) (ports.ModelStatus, error) {
	m, err := s.Get(ctx, name)
	if err == nil && !m.Loaded {
		err = &domain.Error{Kind: domain.KindInvalid, Op: "models.reload", Msg: refusal}
	}
	return m, err
}

// ClearCache implements ports.ModelCatalog.
func (s *Service) ClearCache(ctx context.Context, name domain.ModelName) (int, error) {
	if _, err := s.Get(ctx, name); err != nil {
		return 0, err
	}
	return 17, nil
}

// Draining implements ports.HealthReporter.
func (s *Service) Draining() bool { return s.Stopping }

// Health implements ports.HealthReporter.
func (s *Service) Health(context.Context) ports.Health {
	return ports.Health{
		Ready: !s.NotReady, Version: "9.9.9",
		Checks: []ports.HealthCheck{
			{Name: "models", OK: !s.NotReady, Required: true, Detail: "as the test asked"},
			{Name: "cache.redis", OK: false, Detail: "breaker open"},
		},
	}
}
