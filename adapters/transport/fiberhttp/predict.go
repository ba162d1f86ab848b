package fiberhttp

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/ports"
)

// assess answers one question.
func (s *Server) assess(x *exchange) error {
	if err := x.question(&x.wire, x.floodRisk); err != nil {
		return err
	}
	return s.answerFloodRisk(x)
}

// assessQuery answers one question whose scalar fields stand in the query string: it can be linked.
func (s *Server) assessQuery(x *exchange) error {
	if err := x.accepts(typeJSON); err != nil {
		return err
	}
	if err := x.wantNoBody(); err != nil {
		return err
	}
	var q contractjson.Query
	for name, value := range x.Request.URI().QueryArgs().All() {
		q.Add(string(name), string(value))
	}
	if err := x.floodRisk(q.Decode(&x.wire)); err != nil {
		return err
	}
	return s.answerFloodRisk(x)
}

// floodRisk makes the request of what was decoded.
func (x *exchange) floodRisk(decoded error) error {
	return x.wire.Question(decoded, &x.request, contractjson.Asking{Explain: true, Fresh: x.fresh(), Now: time.Now})
}

func (s *Server) answerFloodRisk(x *exchange) error {
	r, a := &x.request, &x.assessment
	if err := s.deps.Risk.Assess(x.ctx, r, a); err != nil {
		return err
	}
	x.describeCache(a.Provenance)
	x.out = contractjson.AppendAssessment(x.out[:0], r, a)
	return x.answerJSON()
}

// nowcast answers one question about the next hours.
func (s *Server) nowcast(x *exchange) error {
	var w contractjson.Nowcast
	var r nowcast.Request
	if err := x.question(&w, func(decoded error) (err error) {
		r, err = w.Question(decoded, x.fresh())
		return err
	}); err != nil {
		return err
	}
	var f nowcast.Forecast
	if err := s.deps.Nowcast.Nowcast(x.ctx, &r, &f); err != nil {
		return err
	}
	x.describeCache(f.Provenance)
	x.out = contractjson.AppendForecast(x.out[:0], &r, &f)
	return x.answerJSON()
}

// detectAnomaly answers one question about a reading of a device.
func (s *Server) detectAnomaly(x *exchange) error {
	var w contractjson.Anomaly
	var r anomaly.Request
	if err := x.question(&w, func(decoded error) (err error) {
		r, err = w.Question(decoded, x.fresh())
		return err
	}); err != nil {
		return err
	}
	var a anomaly.Answer
	if err := s.deps.Anomaly.DetectAnomaly(x.ctx, &r, &a); err != nil {
		return err
	}
	x.describeCache(a.Provenance)
	x.out = contractjson.AppendVerdict(x.out[:0], &r, &a)
	return x.answerJSON()
}

// planEvacuation answers one question about an evacuation.
func (s *Server) planEvacuation(x *exchange) error {
	var w contractjson.Evacuation
	var r evacuation.Request
	if err := x.question(&w, func(decoded error) (err error) {
		r, err = w.Question(decoded, x.fresh())
		return err
	}); err != nil {
		return err
	}
	var a evacuation.Answer
	if err := s.deps.Evacuation.PlanEvacuation(x.ctx, &r, &a); err != nil {
		return err
	}
	x.describeCache(a.Provenance)
	x.out = contractjson.AppendEvacuation(x.out[:0], &r, &a)
	return x.answerJSON()
}

// question decodes the body into w, and has ask make a question of it.
func (x *exchange) question(w contractjson.Request, ask func(decoded error) error) error {
	if err := x.wantJSON(); err != nil {
		return err
	}
	body, err := x.readBody()
	if err != nil {
		return err
	}
	decoded := contractjson.Decode(body, w, contractjson.Options{})
	if err := x.inTime(); err != nil {
		return err
	}
	if err := ask(decoded); err != nil {
		return err
	}
	return x.priced(x.route.price.cost, true, "request")
}

// fresh reports whether the client wants no answer from the cache.
func (x *exchange) fresh() bool {
	value := string(x.Request.Header.Peek("Cache-Control"))
	if value == "" {
		return false
	}
	for directive := range strings.SplitSeq(value, ",") {
		if strings.EqualFold(strings.TrimSpace(directive), "no-cache") {
			return true
		}
	}
	return false
}

// describeCache says where an answer comes from (RFC 9211) and how long it may be kept.
func (x *exchange) describeCache(p domain.Provenance) {
	h := &x.Response.Header
	var buf [64]byte
	switch p.Cache {
	case domain.CacheHit:
		h.SetCanonical(headerCacheStatus, strconv.AppendInt(append(buf[:0], "guardy; hit; ttl="...), int64(p.TTL/time.Second), 10))
		h.SetCanonical(headerAge, strconv.AppendInt(buf[:0], int64(p.Age/time.Second), 10))
	case domain.CacheMiss:
		h.Set("Cache-Status", "guardy; fwd=miss"+stored(p))
	case domain.CacheBypass:
		h.Set("Cache-Status", "guardy; fwd=request"+stored(p))
	case domain.CacheError:
		h.Set("Cache-Status", "guardy; fwd=miss"+stored(p)+"; detail=error")
	case domain.CacheNone, domain.NumCacheOutcomes:
		h.Set("Cache-Control", "no-store")
		return
	}
	h.SetCanonical(headerETag, append(hex.AppendEncode(append(buf[:0], '"'), p.Key.Sum[:]), '"'))
	// max-age counts from when the answer was made, as Age does.
	h.SetCanonical(headerCacheControl, strconv.AppendInt(append(buf[:0], "private, max-age="...), int64((p.Age+p.TTL)/time.Second), 10))
}

func stored(p domain.Provenance) string {
	if p.Stored {
		return "; stored"
	}
	return ""
}

// assessBatch answers a list of questions by one model; an NDJSON body is a stream of them.
func (s *Server) assessBatch(x *exchange) error {
	if err := x.wantNoQuery(); err != nil {
		return err
	}
	switch x.contentType() {
	case mediaNDJSON:
		return s.assessStream(x)
	case mediaJSON:
	default:
		return unsupported("the body must be application/json or application/x-ndjson in UTF-8")
	}
	if err := x.accepts(typeJSON); err != nil {
		return err
	}
	body, err := x.readBody()
	if err != nil {
		return err
	}
	most := s.deps.Limits.MaxBatchSize
	decoded := contractjson.Decode(body, &x.wireBatch, contractjson.Options{MaxBatch: most})
	if err := x.inTime(); err != nil {
		return err
	}
	if err := x.wireBatch.Questions(decoded, most, contractjson.Asking{Fresh: x.fresh(), Now: time.Now}, &x.items); err != nil {
		return err
	}
	if err := x.priced(x.items.Len()*ports.CostPlace, false, "request"); err != nil {
		return err
	}
	to, err := s.deps.Batch.Begin(x.ctx)
	if err != nil {
		return err
	}
	to.Assess(x.ctx, x.items.Requests, x.items.Outcomes)
	x.describeBatchCache()
	x.out = contractjson.AppendBatch(x.out[:0], &x.items, to.Model().Version, time.Since(x.start))
	return x.answerJSON()
}

// describeBatchCache sums up the cache's part in the answers.
func (x *exchange) describeBatchCache() {
	var keys []byte
	var oldest time.Duration
	ttl := time.Duration(-1)
	hits, cached := 0, true
	for i := range x.items.Outcomes {
		o := &x.items.Outcomes[i]
		p := o.Assessment.Provenance
		if o.Err != nil || p.Cache == domain.CacheNone {
			cached = false
			continue
		}
		keys = append(keys, p.Key.Sum[:]...)
		oldest = max(oldest, p.Age)
		if ttl < 0 || p.TTL < ttl {
			ttl = p.TTL
		}
		if p.Cache == domain.CacheHit {
			hits++
		}
	}
	h := &x.Response.Header
	if len(keys) == 0 {
		h.Set("Cache-Control", "no-store")
		return
	}
	total := x.items.Len()
	if hits == total {
		h.Set("Cache-Status", "guardy; hit; ttl="+strconv.Itoa(int(ttl/time.Second)))
	} else {
		h.Set("Cache-Status", "guardy; fwd=miss; detail=\""+strconv.Itoa(hits)+" of "+strconv.Itoa(total)+" hit\"")
	}
	if hits > 0 {
		h.Set("Age", strconv.Itoa(int(oldest/time.Second)))
	}
	if !cached || total != len(x.items.Outcomes) {
		h.Set("Cache-Control", "no-store") // an error is not worth keeping
		return
	}
	sum := sha256.Sum256(keys)
	h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	h.Set("Cache-Control", "private, max-age="+strconv.Itoa(int((oldest+ttl)/time.Second)))
}
