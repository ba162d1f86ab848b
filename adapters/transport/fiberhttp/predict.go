package fiberhttp

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
)

// assess answers one question.
func (s *Server) assess(x *exchange) error {
	if err := x.wantJSON(); err != nil {
		return err
	}
	err := x.decode(&x.wire, strictjson.Options{})
	r := &x.request
	if err = x.wire.question(err, r, true, x.fresh()); err != nil {
		return err
	}
	a := &x.assessment
	if err := s.deps.Risk.Assess(x.ctx, r, a); err != nil {
		return err
	}
	x.describeCache(a.Provenance)
	x.out = append(x.out[:0], '{')
	x.out = appendAnswer(x.out, r, a)
	x.out = append(x.out, '}')
	x.answerJSON()
	return nil
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
		h.Set("Cache-Status", "guardy; fwd=miss; detail=error")
	case domain.CacheNone, domain.NumCacheOutcomes:
		h.Set("Cache-Control", "no-store")
		return
	}
	h.SetCanonical(headerETag, append(hex.AppendEncode(append(buf[:0], '"'), p.Key.Sum[:]), '"'))
	// max-age counts from when the answer was made, as Age does.
	h.SetCanonical(headerCacheControl, strconv.AppendInt(append(buf[:0], "private, max-age="...), int64((p.Age+p.TTL)/time.Second), 10))
}

func stored(p domain.Provenance) string {
	if p.TTL > 0 {
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
	decoded := x.decode(&x.wireBatch, strictjson.Options{MaxItems: s.deps.Limits.MaxBatchSize})
	if decoded != nil && domain.KindOf(decoded) != domain.KindInvalid {
		return decoded
	}
	if err := x.ask(decoded); err != nil {
		return err
	}
	to, err := s.deps.Batch.Begin(x.ctx)
	if err != nil {
		return err
	}
	to.Assess(x.ctx, x.items.requests, x.items.outcomes)
	x.describeBatchCache()
	x.out = appendBatch(x.out[:0], &x.items, to.Model().Version, time.Since(x.start))
	x.answerJSON()
	return nil
}

// ask fills x.items from the decoded batch. What is wrong with an item is the item's error; what is
// wrong with the batch refuses it, with everything that is wrong in one answer.
func (x *exchange) ask(decoded error) error {
	shape := strictjson.Violations(decoded)
	byItem, whole := strictjson.ByItem(shape, batchList)
	if len(whole) == 0 {
		if v := strictjson.CheckCount(batchList, len(x.wireBatch.Locations), x.server.deps.Limits.MaxBatchSize); v != nil {
			whole = append(whole, *v)
		}
	}
	fresh := x.fresh()
	items := &x.items
	items.makeRoom(len(x.wireBatch.Locations))
	for i := range x.wireBatch.Locations {
		w := &x.wireBatch.Locations[i]
		bad := append(byItem[i], strictjson.Under(batchPrefix(i), w.into(&x.request, false, fresh))...)
		if len(bad) == 0 && len(whole) == 0 {
			items.add(&x.request, nil)
			continue
		}
		bad = strictjson.Merge(bad, strictjson.Under(batchPrefix(i), x.request.Validate()))
		items.add(&x.request, domain.Invalid("http", bad))
		if len(whole) > 0 {
			whole = append(whole, bad...)
		}
	}
	items.makeOutcomes()
	return domain.Invalid("http", whole)
}

// describeBatchCache sums up the cache's part in the answers.
func (x *exchange) describeBatchCache() {
	var keys []byte
	var oldest time.Duration
	ttl := time.Duration(-1)
	hits, cached := 0, true
	for i := range x.items.outcomes {
		o := &x.items.outcomes[i]
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
	total := len(x.items.at)
	if hits == total {
		h.Set("Cache-Status", "guardy; hit; ttl="+strconv.Itoa(int(ttl/time.Second)))
	} else {
		h.Set("Cache-Status", "guardy; fwd=miss; detail=\""+strconv.Itoa(hits)+" of "+strconv.Itoa(total)+" hit\"")
	}
	if hits > 0 {
		h.Set("Age", strconv.Itoa(int(oldest/time.Second)))
	}
	if !cached || total != len(x.items.outcomes) {
		h.Set("Cache-Control", "no-store") // an error is not worth keeping
		return
	}
	sum := sha256.Sum256(keys)
	h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	h.Set("Cache-Control", "private, max-age="+strconv.Itoa(int((oldest+ttl)/time.Second)))
}
