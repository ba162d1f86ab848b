package predict

import (
	"context"
	"math"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/ports"
)

// Nowcasts answers nowcast questions. It implements ports.Nowcaster.
type Nowcasts struct {
	models   *Models
	sites    ports.SiteRegister
	cache    *lookaside
	recorder ports.Recorder
	clock    ports.Clock
}

func newNowcasts(m *Models, d Deps) *Nowcasts {
	return &Nowcasts{models: m, sites: d.Sites, cache: newLookaside(d, d.TTL.Nowcast), recorder: d.Recorder, clock: d.Clock}
}

// Nowcast implements ports.Nowcaster.
func (s *Nowcasts) Nowcast(ctx context.Context, r *nowcast.Request, f *nowcast.Forecast) error {
	*f = nowcast.Forecast{}
	m, err := s.models.nowcast.current()
	if err == nil {
		err = s.prepare(r, m.Reach())
	}
	if err == nil {
		err = ask(ctx, s.cache, nowcastQuestion{s, m, r}, f)
	}
	if err != nil {
		return refuse(ctx, s.recorder, domain.Nowcaster, f, err)
	}
	s.recorder.Served(ctx, m.Ref(), levelsOf(f), 1)
	return nil
}

// prepare makes a request answerable: the register fills what the request leaves out, every violation is
// collected, and the numbers are rounded. reach is how far ahead the model answers, in hours.
func (s *Nowcasts) prepare(r *nowcast.Request, reach int) error {
	if site, ok := s.sites.Lookup(r.LocationID); ok && r.LocationID != "" {
		locate(&r.Latitude, &r.Longitude, &site) // its reason is not told: the place is no input of the model
		// Both thresholds or none: one of each could mix units.
		if math.IsNaN(r.Normal) && math.IsNaN(r.FloodThreshold) {
			r.Normal, r.FloodThreshold = site.Normal, site.FloodThreshold
		}
		if r.LocationName == "" {
			r.LocationName = site.Name
		}
	}
	if err := domain.Invalid("nowcast", append(unknownSite(s.sites, r.LocationID), r.ValidateFor(reach)...)); err != nil {
		return err
	}
	r.Canonicalize()
	return nil
}

// levelsOf counts the level that the answer recommends to act on.
func levelsOf(f *nowcast.Forecast) *domain.LevelCounts {
	var levels domain.LevelCounts
	levels[f.HighestLevel()] = 1
	return &levels
}

// nowcastQuestion is a nowcast question bound to a model. It implements question.
type nowcastQuestion struct {
	s *Nowcasts
	m *nowcast.Model
	r *nowcast.Request
}

func (q nowcastQuestion) key() domain.Key {
	var buf [4096]byte // a week of hourly readings takes 8 KiB and moves to the heap
	return digest(domain.Nowcaster, q.r.AppendCanonical(append(buf[:0], q.m.CacheScope()...)))
}

func (q nowcastQuestion) fresh() bool { return q.r.Fresh }

func (q nowcastQuestion) compute(ctx context.Context, f *nowcast.Forecast) error {
	if ctx.Err() != nil {
		return contextError(ctx, "nowcast")
	}
	start := q.s.clock()
	q.m.Forecast(q.r, f)
	f.PredictedAt = start.UTC()
	q.s.recorder.Predicted(ctx, q.m.Ref(), levelsOf(f), 1, q.s.clock().Sub(start))
	return nil
}

func (nowcastQuestion) room() int { return 0 }

func (nowcastQuestion) encode(dst []byte, f *nowcast.Forecast) []byte { return f.AppendBinary(dst) }

func (q nowcastQuestion) decode(data []byte, f *nowcast.Forecast) error {
	return nowcast.Decode(data, q.m.Ref(), f)
}

func (nowcastQuestion) provenance(f *nowcast.Forecast) *domain.Provenance { return &f.Provenance }

func (nowcastQuestion) computedAt(f *nowcast.Forecast) time.Time { return f.PredictedAt }
