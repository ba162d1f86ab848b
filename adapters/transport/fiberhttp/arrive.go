package fiberhttp

import (
	"bytes"
	"net/http"
	"slices"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// arrive prepares a request for the router.
func (s *Server) arrive(next fasthttp.RequestHandler) fasthttp.RequestHandler {
	methods := s.app.Config().RequestMethods
	return func(c *fasthttp.RequestCtx) {
		if !slices.Contains(methods, string(c.Method())) { // fiber has never heard of it; let it answer as any that no route has
			c.Request.Header.SetMethod(fiber.MethodTrace)
		}
		if path := c.Request.URI().PathOriginal(); bytes.IndexByte(path, '%') >= 0 {
			c.Request.URI().SetPathBytes(decodeUnreserved(path))
		}
		next(c)
	}
}

// decodeUnreserved decodes the percent-encoded bytes of a path that need no encoding: with and without it the path is
// the same (RFC 3986 section 6.2.2.2). Others stay, so that no encoded slash can lead past a rule of a proxy.
func decodeUnreserved(path []byte) []byte {
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) {
			if c, ok := unhex(path[i+1], path[i+2]); ok && unreserved(c) {
				out = append(out, c)
				i += 2
				continue
			}
		}
		out = append(out, path[i])
	}
	return out
}

func unhex(high, low byte) (c byte, ok bool) {
	for _, d := range [2]byte{high, low} {
		c <<= 4
		switch {
		case '0' <= d && d <= '9':
			c |= d - '0'
		case 'a' <= d|0x20 && d|0x20 <= 'f':
			c |= d | 0x20 - 'a' + 10
		default:
			return 0, false
		}
	}
	return c, true
}

// unreserved reports the characters of RFC 3986 section 2.3.
func unreserved(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// expected answers a client that asks whether it may send its body (Expect: 100-continue). It is told at once what it
// would be told after it had sent it all.
func (s *Server) expected(c *fasthttp.RequestCtx) int {
	err := s.unwelcome(c)
	if err == nil {
		return http.StatusContinue
	}
	x := s.begin(c, &unmatched)
	defer s.end(x)
	x.fail(err)
	return x.Response.StatusCode()
}

// unwelcome says what is wrong with a request of which the headers are known.
func (s *Server) unwelcome(c *fasthttp.RequestCtx) error {
	// Streams have bounds of their own, line by line.
	if n := int64(c.Request.Header.ContentLength()); n > s.cfg.MaxBodyBytes && !bytes.Contains(c.Request.Header.ContentType(), []byte("ndjson")) {
		return s.refuseTooLarge()
	}
	return nil
}
