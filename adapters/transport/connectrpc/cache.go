package connectrpc

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/guardy-ai/guardy/domain"
)

// fresh reports whether the client wants a new answer (RFC 9111 section 5.2.1.4).
func fresh(h http.Header) bool {
	for _, v := range h.Values("Cache-Control") {
		for directive := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(directive), "no-cache") {
				return true
			}
		}
	}
	return false
}

// describeCache says where an answer comes from (RFC 9211) and how long it may be kept.
func describeCache(h http.Header, p domain.Provenance) {
	switch p.Cache {
	case domain.CacheHit:
		h.Set("Cache-Status", "guardy; hit; ttl="+seconds(p.TTL))
		h.Set("Age", seconds(p.Age))
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
	keep(h, p.Key.Sum[:], p.Age, p.TTL)
}

// describeBatchCache sums up the cache's part in the answers of a batch.
func describeBatchCache(h http.Header, b *block) {
	var keys []byte
	var oldest, ttl time.Duration
	hits := 0
	for i := range b.outcomes {
		o := &b.outcomes[i]
		p := o.Assessment.Provenance
		if o.Err != nil || p.Cache == domain.CacheNone {
			continue
		}
		if len(keys) == 0 || p.TTL < ttl {
			ttl = p.TTL
		}
		keys = append(keys, p.Key.Sum[:]...)
		oldest = max(oldest, p.Age)
		if p.Cache == domain.CacheHit {
			hits++
		}
	}
	total, cached := len(b.asked), len(keys)/len(domain.Key{}.Sum)
	switch {
	case cached == 0:
	case hits == total:
		h.Set("Cache-Status", "guardy; hit; ttl="+seconds(ttl))
	default:
		h.Set("Cache-Status", fmt.Sprintf("guardy; fwd=miss; detail=\"%d of %d hit\"", hits, total))
	}
	if hits > 0 {
		h.Set("Age", seconds(oldest))
	}
	if cached < total { // an error is not worth keeping
		h.Set("Cache-Control", "no-store")
		return
	}
	sum := sha256.Sum256(keys)
	keep(h, sum[:16], oldest, ttl)
}

// keep says for how long. max-age counts from when the answer was made, as Age does.
func keep(h http.Header, sum []byte, age, ttl time.Duration) {
	h.Set("Etag", `"`+hex.EncodeToString(sum)+`"`)
	h.Set("Cache-Control", "private, max-age="+seconds(age+ttl))
}

func stored(p domain.Provenance) string {
	if p.TTL > 0 {
		return "; stored"
	}
	return ""
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// notModified reports whether a GET asks for an answer that it has already.
func notModified(info connect.CallInfo) bool {
	etag := info.ResponseHeader().Get("Etag")
	given := info.RequestHeader().Get("If-None-Match")
	return etag != "" && info.HTTPMethod() == http.MethodGet && (given == etag || given == "W/"+etag)
}
