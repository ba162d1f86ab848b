package connectrpc

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/adapters/contractjson"
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
	f := newFields(h)
	switch p.Cache {
	case domain.CacheHit:
		f.put("Cache-Status", "guardy; hit; ttl="+seconds(p.TTL))
		f.put("Age", seconds(p.Age))
	case domain.CacheMiss:
		f.put("Cache-Status", "guardy; fwd=miss"+stored(p))
	case domain.CacheBypass:
		f.put("Cache-Status", "guardy; fwd=request"+stored(p))
	case domain.CacheError:
		f.put("Cache-Status", "guardy; fwd=miss"+stored(p)+"; detail=error")
	case domain.CacheNone, domain.NumCacheOutcomes:
		f.put("Cache-Control", "no-store")
		return
	}
	f.keep(p.Key.Sum[:], p.Age, p.TTL)
}

// describeBatchCache sums up the cache's part in the answers of a batch.
func describeBatchCache(h http.Header, b *contractjson.Items) {
	f := newFields(h)
	var keys []byte
	var oldest, ttl time.Duration
	hits := 0
	for i := range b.Outcomes {
		o := &b.Outcomes[i]
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
	total, cached := b.Len(), len(keys)/len(domain.Key{}.Sum)
	switch {
	case cached == 0:
	case hits == total:
		f.put("Cache-Status", "guardy; hit; ttl="+seconds(ttl))
	default:
		f.put("Cache-Status", fmt.Sprintf("guardy; fwd=miss; detail=\"%d of %d hit\"", hits, total))
	}
	if hits > 0 {
		f.put("Age", seconds(oldest))
	}
	if cached < total { // an error is not worth keeping
		f.put("Cache-Control", "no-store")
		return
	}
	sum := sha256.Sum256(keys)
	f.keep(sum[:16], oldest, ttl)
}

// fields are header fields whose values lie in one array.
type fields struct {
	h      http.Header
	values []string
}

func newFields(h http.Header) fields { return fields{h, make([]string, 0, 4)} }

// put sets a field. name is in its canonical form.
func (f *fields) put(name, value string) {
	f.values = append(f.values, value)
	n := len(f.values)
	f.h[name] = f.values[n-1 : n : n]
}

// keep says for how long. max-age counts from when the answer was made, as Age does.
func (f *fields) keep(sum []byte, age, ttl time.Duration) {
	var quoted [2 + 2*len(domain.Key{}.Sum)]byte
	f.put("Etag", string(append(hex.AppendEncode(append(quoted[:0], '"'), sum), '"')))
	f.put("Cache-Control", "private, max-age="+seconds(age+ttl))
}

func stored(p domain.Provenance) string {
	if p.Stored {
		return "; stored"
	}
	return ""
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// notModified reports whether a GET asks for an answer that it has already.
func (c *call) notModified() bool {
	if c.request.Method != http.MethodGet {
		return false
	}
	etag, given := c.Header().Get("Etag"), c.request.Header.Get("If-None-Match")
	return etag != "" && (given == etag || given == "W/"+etag)
}
