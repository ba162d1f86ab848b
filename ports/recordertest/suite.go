package recordertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Subject is a recorder under test.
type Subject struct {
	Recorder ports.Recorder
	// Series returns how many distinct time series, counters or map entries the recorder holds. Nil
	// when it holds none (a fake, a log).
	Series func(t *testing.T) int
}

// MaxSeries bounds what a recorder may hold whatever it is told: the closed sets of the contract
// multiply to a few hundred, and a scrape of more than this would cost more than it tells.
const MaxSeries = 10_000

// Run holds a recorder to the contract of ports.Recorder. Run it with -race: most of the contract is
// that telling a fact is safe from anywhere at any time.
func Run(t *testing.T, subject func(t *testing.T) Subject) {
	t.Helper()

	t.Run("every fact is accepted from many goroutines", func(t *testing.T) {
		r := subject(t).Recorder
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				levels := new(domain.LevelCounts)
				for i := range 200 {
					levels[(g+i)%int(domain.NumLevels)]++ // the caller keeps writing to what it lent
					tellAll(t.Context(), r, levels, i)
				}
			})
		}
		wg.Wait()
	})

	t.Run("a cancelled context does not silence a fact or stall the caller", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		tellAll(ctx, subject(t).Recorder, new(domain.LevelCounts), 1)
	})

	t.Run("zero counts, zero values and nil levels are harmless", func(t *testing.T) {
		r, ctx := subject(t).Recorder, t.Context()
		r.Predicted(ctx, domain.ModelRef{}, nil, 0, 0)
		r.Predicted(ctx, ref("1.0.0"), nil, 3, time.Millisecond)
		r.Served(ctx, domain.ModelRef{}, nil, 0)
		r.Served(ctx, ref("1.0.0"), nil, 3)
		r.Failed(ctx, "", domain.KindInternal, 0)
		r.CacheLookup(ctx, "", domain.CacheNone, 0, 0)
		r.Requested(ctx, "", "", "", false, 0)
		r.Shed(ctx, 0, 0)
		r.Loaded(ctx, domain.ModelRef{}, 0, nil)
	})

	t.Run("values outside the closed sets are harmless", func(t *testing.T) {
		r, ctx := subject(t).Recorder, t.Context()
		r.Predicted(ctx, ref("1.0.0"), nil, -1, -time.Second)
		r.Served(ctx, ref("1.0.0"), nil, -1)
		r.Failed(ctx, domain.RiskScorer, domain.Kind(200), -1)
		r.CacheLookup(ctx, domain.RiskScorer, domain.CacheOutcome(200), -1, -time.Second)
		r.Requested(ctx, "http", "GET /\xff", "\x00", true, -time.Second)
		r.Shed(ctx, ports.Class(200), ports.ShedReason(200))
		r.Predicted(ctx, ref("1.0.0"), nil, 1, 24*365*time.Hour)
		r.Requested(ctx, "http", "GET /livez", "200", false, 24*365*time.Hour)
	})

	t.Run("the number of series stays bounded whatever is told", func(t *testing.T) {
		s := subject(t)
		ctx := t.Context()
		for i := range 3 * MaxSeries {
			odd := fmt.Sprintf("made-up-%d", i)
			s.Recorder.Requested(ctx, "http", "GET /"+odd, "200", false, time.Millisecond)
			s.Recorder.Requested(ctx, odd, "GET /livez", odd, true, time.Millisecond)
			s.Recorder.Predicted(ctx, ref(odd), nil, 1, time.Microsecond)
			s.Recorder.Served(ctx, ref(odd), &domain.LevelCounts{domain.LevelLow: 1}, 1)
			s.Recorder.Failed(ctx, domain.ModelName(odd), domain.KindInvalid, 1)
			s.Recorder.CacheLookup(ctx, domain.ModelName(odd), domain.CacheHit, 1, time.Microsecond)
			s.Recorder.Loaded(ctx, ref(odd), time.Millisecond, errors.New(odd))
		}
		if s.Series == nil {
			return
		}
		if n := s.Series(t); n > MaxSeries {
			t.Errorf("the recorder holds %d series; at most %d are allowed", n, MaxSeries)
		}
	})
}

func ref(version string) domain.ModelRef {
	return domain.ModelRef{Name: domain.RiskScorer, Version: version, Digest: "sha256:00"}
}

// tellAll tells one fact of each kind.
func tellAll(ctx context.Context, r ports.Recorder, levels *domain.LevelCounts, i int) {
	r.Predicted(ctx, ref("1.0.0"), levels, i, time.Duration(i)*time.Microsecond)
	r.Served(ctx, ref("1.0.0"), levels, i)
	r.Failed(ctx, domain.RiskScorer, domain.Kind(i%11), 1)
	r.CacheLookup(ctx, domain.RiskScorer, domain.CacheOutcome(i%int(domain.NumCacheOutcomes)), 1, time.Microsecond)
	r.Requested(ctx, "http", "POST /api/v1/predict/flood-risk", "200", false, time.Duration(i)*time.Microsecond)
	r.Shed(ctx, ports.Class(i%int(ports.NumClasses)), ports.ShedReason(i%int(ports.NumShedReasons)))
	r.Loaded(ctx, ref("1.0.0"), time.Millisecond, nil)
	r.Loaded(ctx, ref("1.0.1"), time.Millisecond, errors.New("digest differs"))
}
