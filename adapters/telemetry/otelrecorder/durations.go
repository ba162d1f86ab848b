package otelrecorder

import (
	"context"
	"errors"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// durations makes the histograms of a recorder: of the SDK where metrics are exported, which knows exemplars
// and what else the environment may ask for, and of our own where there is the page only. Every request
// records two or three of them, and to record in the SDK's costs several times as much (BenchmarkRecord).
type durations interface {
	histogram(name, description string, bounds []float64) histogram
	// err returns why histograms could not be made.
	err() error
}

// histogram is one metric; with returns its series of a combination of attributes.
type histogram interface {
	with(kv ...attribute.KeyValue) durationSeries
}

// durationSeries is one series of a histogram.
type durationSeries interface {
	record(ctx context.Context, took time.Duration)
}

// exported makes histograms of the SDK.
type exported struct {
	meter metric.Meter
	errs  []error
}

func (e *exported) histogram(name, description string, bounds []float64) histogram {
	h, err := e.meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
		metric.WithExplicitBucketBoundaries(bounds...))
	e.errs = append(e.errs, err)
	return exportedHistogram{h}
}

func (e *exported) err() error { return errors.Join(e.errs...) }

type exportedHistogram struct{ metric.Float64Histogram }

func (h exportedHistogram) with(kv ...attribute.KeyValue) durationSeries {
	return &exportedSeries{h, []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(kv...))}}
}

type exportedSeries struct {
	of      exportedHistogram
	options []metric.RecordOption // prepared, so that recording allocates nothing
}

func (s *exportedSeries) record(ctx context.Context, took time.Duration) {
	s.of.Record(ctx, took.Seconds(), s.options...)
}

// paged makes histograms of our own and hands them to the page. It implements sdkmetric.Producer.
type paged struct {
	started time.Time
	all     []*pagedHistogram // not changed once a recorder is made
}

var _ sdkmetric.Producer = (*paged)(nil)

func (p *paged) histogram(name, description string, bounds []float64) histogram {
	h := &pagedHistogram{name: name, description: description, bounds: bounds}
	p.all = append(p.all, h)
	return h
}

func (*paged) err() error { return nil }

// Produce implements sdkmetric.Producer.
func (p *paged) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	s := metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: scope}}
	now := time.Now()
	for _, h := range p.all {
		if points := h.points(p.started, now); len(points) > 0 {
			s.Metrics = append(s.Metrics, metricdata.Metrics{
				Name: h.name, Description: h.description, Unit: "s",
				Data: metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality, DataPoints: points},
			})
		}
	}
	return []metricdata.ScopeMetrics{s}, nil
}

type pagedHistogram struct {
	name, description string
	bounds            []float64 // upper ones, inclusive, in seconds

	mu     sync.Mutex
	series []*pagedSeries
}

func (h *pagedHistogram) with(kv ...attribute.KeyValue) durationSeries {
	s := &pagedSeries{attributes: attribute.NewSet(kv...), bounds: h.bounds, counts: make([]atomic.Uint64, len(h.bounds)+1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.series = append(h.series, s)
	return s
}

// points returns the series in which something was recorded.
func (h *pagedHistogram) points(started, now time.Time) (out []metricdata.HistogramDataPoint[float64]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.series {
		if p := s.point(); p.Count > 0 {
			p.StartTime, p.Time = started, now
			out = append(out, p)
		}
	}
	return out
}

type pagedSeries struct {
	attributes attribute.Set
	bounds     []float64
	counts     []atomic.Uint64 // of the bucket below each bound, and of what is above all
	sum        atomic.Int64    // ns
}

func (s *pagedSeries) record(_ context.Context, took time.Duration) {
	s.counts[sort.SearchFloat64s(s.bounds, took.Seconds())].Add(1)
	s.sum.Add(int64(took))
}

// point reads the series. What is recorded meanwhile may be in one of count and sum, and not yet in the other.
func (s *pagedSeries) point() metricdata.HistogramDataPoint[float64] {
	p := metricdata.HistogramDataPoint[float64]{
		Attributes: s.attributes, Bounds: s.bounds, BucketCounts: make([]uint64, len(s.counts)),
		Sum: time.Duration(s.sum.Load()).Seconds(),
	}
	for i := range s.counts {
		p.BucketCounts[i] = s.counts[i].Load()
		p.Count += p.BucketCounts[i]
	}
	return p
}
