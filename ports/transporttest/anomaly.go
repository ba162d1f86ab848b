package transporttest

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/qartod"
)

// Anomalies returns the questions about readings of devices since the last call of Anomalies, in order.
func (s *Service) Anomalies() []anomaly.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.anomalies
	s.anomalies = nil
	return calls
}

// DetectAnomaly implements ports.AnomalyDetector.
func (s *Service) DetectAnomaly(ctx context.Context, r *anomaly.Request, a *anomaly.Answer) error {
	*a = anomaly.Answer{}
	s.mu.Lock()
	s.anomalies = append(s.anomalies, cloneAnomaly(r))
	s.mu.Unlock()

	if err := domain.Invalid("anomaly", r.Validate()); err != nil {
		return err
	}
	if err := behave(ctx, r.DeviceID, new(string)); err != nil {
		return err
	}
	r.Canonicalize()
	*a = verdict(r)
	if r.DeviceID == everyField {
		fill(a)
	}
	return nil
}

// cloneAnomaly copies a request with what the use case may change in place.
func cloneAnomaly(r *anomaly.Request) anomaly.Request {
	out := *r
	out.Reading.Values = slices.Clone(r.Reading.Values)
	out.History = slices.Clone(r.History)
	for i := range out.History {
		out.History[i].Values = slices.Clone(out.History[i].Values)
	}
	return out
}

func verdict(r *anomaly.Request) anomaly.Answer {
	a := anomaly.Answer{
		Model:      domain.ModelRef{Name: domain.AnomalyDetector, Version: "2.4.8", Digest: Ref.Digest},
		DetectedAt: AssessedAt,
	}
	a.Confidence = 0.25
	if len(r.History) > 0 {
		a.Provenance = serving(keyOf(domain.AnomalyDetector, r.AppendCanonical(nil)), r.DeviceID, r.Fresh)
	} else {
		a.Quality = anomaly.QualityColdStart | anomaly.QualityNoState
	}
	for _, v := range r.Reading.Values {
		f := finding(v, len(r.History))
		a.AddFinding(f)
		a.Score = max(a.Score, f.Score)
		a.HighInterest = a.HighInterest || f.Guarded
		if f.IsAnomaly() {
			a.IsAnomaly, a.Alarm, a.Severity = true, anomaly.AlarmNew, anomaly.SeverityMedium
			a.RequiresMaintenance = len(r.History) > 1
		}
	}
	return a
}

// finding judges one value by its size alone.
func finding(v anomaly.Value, history int) anomaly.Finding {
	f := anomaly.Finding{Name: v.Name, Value: v.Value, Expected: math.NaN(), Limit: math.NaN()}
	for i := range f.Flags {
		f.Flags[i] = qartod.NotEvaluated
	}
	f.Flags[anomaly.TestGrossRange] = qartod.Pass
	switch size := math.Abs(v.Value); {
	case size >= 1000:
		f.Flags[anomaly.TestGrossRange] = qartod.Fail
		f.Score, f.Condition, f.Limit, f.DurationS = 0.75, anomaly.ConditionImpossible, 1000, 3600*float64(history)
	case size >= 100:
		f.Flags[anomaly.TestSpike] = qartod.Suspect
		f.Score, f.Condition, f.Guarded, f.Expected, f.Limit = 0.375, anomaly.ConditionJump, true, 50, 25
	}
	return f
}

// describeAnomaly renders what the use case was asked in the JSON of the contract, without what is missing.
func describeAnomaly(r *anomaly.Request) any {
	out := describeSensor(&r.Reading)
	for name, v := range map[string]string{"device_id": r.DeviceID, "location_name": r.LocationName} {
		if v != "" {
			out[name] = v
		}
	}
	if len(r.History) > 0 {
		var history []any
		for i := range r.History {
			history = append(history, describeSensor(&r.History[i]))
		}
		out["history"] = history
	}
	if r.Fresh {
		out["fresh"] = true
	}
	return out
}

func describeSensor(r *anomaly.Reading) map[string]any {
	out, others := map[string]any{}, map[string]any{}
	if !r.Time.IsZero() {
		out["timestamp"] = r.Time.UTC().Format(time.RFC3339Nano)
	}
	for _, v := range r.Values {
		if anomaly.KindOf(v.Name) == anomaly.KindOther {
			number(others, v.Name, v.Value)
		} else {
			number(out, v.Name, v.Value)
		}
	}
	if len(others) > 0 {
		out["measurements"] = others
	}
	return out
}
