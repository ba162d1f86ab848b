package otelrecorder

import (
	"context"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// tally counts one combination of attributes. The SDK reads it when somebody collects the metrics: adding to
// a counter of the SDK costs as much as a tenth of a whole answer, and an answer adds to several.
type tally struct {
	n          atomic.Int64
	attributes []metric.ObserveOption
}

func (t *tally) of(kv ...attribute.KeyValue) {
	t.attributes = []metric.ObserveOption{metric.WithAttributeSet(attribute.NewSet(kv...))}
}

func (t *tally) add(n int) { t.n.Add(int64(n)) }

// observed reports the tallies of everything that in knows. What never happened is not reported.
func observed[K comparable, V any](in *intern[K, V], tallies func(*V) []tally) metric.Int64Callback {
	return func(_ context.Context, o metric.Int64Observer) error {
		known := in.known.Load()
		if known == nil {
			return nil
		}
		for _, v := range *known {
			of := tallies(v)
			for i := range of {
				if n := of[i].n.Load(); n > 0 {
					o.Observe(n, of[i].attributes...)
				}
			}
		}
		return nil
	}
}
