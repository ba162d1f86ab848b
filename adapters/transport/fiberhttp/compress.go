package fiberhttp

import (
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"
)

// leastCompressed is the size in bytes from which on answers are compressed. A shorter one fits into two or three
// packets anyway, and to compress it would take longer than to compute it.
const leastCompressed = 4 << 10

// coding is how the bytes of an answer are encoded.
type coding uint8

const (
	identity coding = iota
	gzipped
	brotlied
)

// codingFor picks the coding that a client likes best, brotli before gzip before none where it likes them alike
// (RFC 9110 section 12.5.3). A client that sends no Accept-Encoding gets none, though any would be allowed.
func codingFor(accept string) coding {
	if accept == "" || accept == "identity" {
		return identity
	}
	const unsaid = -1
	quality := [...]float64{identity: unsaid, gzipped: unsaid, brotlied: unsaid}
	others := float64(unsaid)
	for part := range strings.SplitSeq(accept, ",") {
		name, parameters, _ := strings.Cut(part, ";")
		q := qualityOf(parameters)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip":
			quality[gzipped] = q
		case "br":
			quality[brotlied] = q
		case "identity":
			quality[identity] = q
		case "*":
			others = q
		}
	}
	best, most := identity, max(quality[identity], 0)
	for c := gzipped; c <= brotlied; c++ {
		q := quality[c]
		if q == unsaid {
			q = others
		}
		if q > 0 && q >= most {
			best, most = c, q
		}
	}
	return best
}

// qualityOf returns the weight among the parameters of a coding, 1 where there is none; what is no weight is 0.
func qualityOf(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil || !(0 <= q && q <= 1) {
				return 0
			}
			return q
		}
	}
	return 1
}

// compressed returns body as the client wants it encoded, and says so in the headers.
func (x *exchange) compressed(body []byte) []byte {
	if len(body) < leastCompressed {
		return body
	}
	h := &x.Response.Header
	h.Add("Vary", "Accept-Encoding")
	switch codingFor(string(x.Request.Header.Peek("Accept-Encoding"))) {
	case identity:
		return body
	case gzipped:
		x.packed = fasthttp.AppendGzipBytesLevel(x.packed[:0], body, fasthttp.CompressBestSpeed)
		h.Set("Content-Encoding", "gzip")
	case brotlied:
		x.packed = fasthttp.AppendBrotliBytesLevel(x.packed[:0], body, fasthttp.CompressBrotliBestSpeed)
		h.Set("Content-Encoding", "br")
	}
	// The tag names the answer, not these bytes of it (RFC 9110 section 8.8.3.3).
	if tag := h.Peek("Etag"); len(tag) > 0 && tag[0] == '"' {
		h.SetCanonical(headerETag, append([]byte("W/"), tag...))
	}
	return x.packed
}
