package fiberhttp

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/guardy-ai/guardy/adapters/transport/internal/flight"
	"github.com/guardy-ai/guardy/domain"
)

const (
	typeNDJSON = "application/x-ndjson"
	// maxDrained is how much of a refused body is read and thrown away. A client that reads the answer
	// only after it has sent everything would not see the answer otherwise.
	maxDrained = 32 << 20
	// maxQueryViolations bounds the query parameters that one answer refuses.
	maxQueryViolations = 16
)

// media is the type of a body.
type media uint8

const (
	mediaOther media = iota
	mediaJSON
	mediaNDJSON
)

// contentType returns the type of the body. A charset other than UTF-8 is another type.
func (x *exchange) contentType() media {
	value := x.Request.Header.ContentType()
	if string(value) == typeJSON {
		return mediaJSON
	}
	name, parameters, err := mime.ParseMediaType(string(value))
	if charset, ok := parameters["charset"]; err != nil || ok && !strings.EqualFold(charset, "utf-8") {
		return mediaOther
	}
	switch {
	case name == typeJSON || strings.HasPrefix(name, "application/") && strings.HasSuffix(name, "+json"):
		return mediaJSON
	case name == typeNDJSON || name == "application/ndjson":
		return mediaNDJSON
	}
	return mediaOther
}

// wantJSON refuses other bodies, and questions that are not in the body alone.
func (x *exchange) wantJSON() error {
	if x.contentType() != mediaJSON {
		return unsupported("the body must be application/json in UTF-8")
	}
	if err := x.wantNoQuery(); err != nil {
		return err
	}
	return x.accepts(typeJSON)
}

// wantNoQuery refuses query parameters where the question is in the body: a field that is given beside it would be
// dropped in silence.
func (x *exchange) wantNoQuery() error {
	if len(x.Request.URI().QueryString()) == 0 {
		return nil
	}
	var vs []domain.Violation
	for name := range x.Request.URI().QueryArgs().All() {
		if len(vs) < maxQueryViolations {
			clipped := strings.ToValidUTF8(string(name[:min(len(name), 64)]), "\uFFFD")
			vs = append(vs, domain.Violation{
				Pointer: "/" + domain.PointerToken(clipped), Code: domain.CodeUnknownField,
				Detail: "a query parameter is not read here; the fields belong in the body",
			})
		}
	}
	return domain.Invalid("http", vs)
}

// wantNoBody refuses a body where the question is in the query string: what it says would be dropped in silence.
func (x *exchange) wantNoBody() error {
	const chunked = -1
	if n := x.Request.Header.ContentLength(); n <= 0 && n != chunked {
		return nil
	}
	return domain.Invalid("http", []domain.Violation{{
		Code: domain.CodeInconsistent, Detail: "a body is not read here; the fields belong in the query string, or post them",
	}})
}

// accepts refuses a client that does not take the type of the answer. A client that takes the type of
// errors but not of answers would be no use.
func (x *exchange) accepts(have string) error {
	accept := x.Request.Header.Peek("Accept")
	if len(accept) == 0 || string(accept) == "*/*" || string(accept) == have {
		return nil
	}
	group, _, _ := strings.Cut(have, "/")
	best, taken := -1, false // the most specific range decides, as in RFC 9110 section 12.5.1
	for part := range strings.SplitSeq(string(accept), ",") {
		name, parameters, err := mime.ParseMediaType(part)
		if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
			continue
		}
		rank := slices.Index([]string{"*/*", group + "/*", have}, name)
		if rank > best {
			q := strings.TrimRight(strings.TrimLeft(parameters["q"], "0"), "0")
			best, taken = rank, parameters["q"] == "" || q != "" && q != "."
		}
	}
	if !taken {
		return notAcceptable(have)
	}
	return nil
}

// encoded returns the body as it was before Content-Encoding.
func (x *exchange) encoded(body io.Reader) (io.Reader, error) {
	switch encoding := strings.ToLower(string(x.Request.Header.Peek("Content-Encoding"))); encoding {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		z := inflaters.Get().(*inflater)
		z.src, z.open = body, false
		return z, nil
	}
	x.Response.Header.Set("Accept-Encoding", "gzip, identity")
	return nil, unsupported("the body may be encoded with gzip or not at all")
}

// inflater inflates as it is read. It waits with the gzip header for the first Read, so that an error
// of the network is not taken for one of the format.
type inflater struct {
	gzip gzip.Reader
	src  io.Reader
	open bool
}

var inflaters = sync.Pool{New: func() any { return new(inflater) }}

func (z *inflater) release() {
	z.src = nil
	inflaters.Put(z)
}

// Read implements io.Reader.
func (z *inflater) Read(p []byte) (int, error) {
	if !z.open {
		if err := z.gzip.Reset(z.src); err != nil {
			return 0, gzipError(err)
		}
		z.open = true
	}
	n, err := z.gzip.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = gzipError(err)
	}
	return n, err
}

func gzipError(err error) error {
	var netError net.Error
	if errors.As(err, &netError) {
		return err
	}
	return &domain.Error{Kind: domain.KindMalformed, Op: "http", Msg: "the body is not valid gzip", Err: err}
}

// readBody returns the whole body, inflated and bounded, when it is the request's turn. It is valid until the exchange
// ends. Nothing but its bytes is held for a body that is still to arrive.
func (x *exchange) readBody() ([]byte, error) {
	limit := x.server.cfg.MaxBodyBytes
	raw := x.rawBody()
	if int64(x.Request.Header.ContentLength()) > limit {
		return nil, x.tooLarge(raw)
	}
	body, err := x.encoded(raw)
	if err != nil {
		return nil, err
	}
	z, deflated := body.(*inflater)
	if !deflated {
		x.body, err = x.receive(x.body[:0], raw)
		if err != nil {
			return nil, err
		}
		return x.body, x.enter(len(x.body))
	}
	defer z.release()
	if x.raw, err = x.receive(x.raw[:0], raw); err != nil {
		return nil, err
	}
	if err := x.enter(usualRatio * len(x.raw)); err != nil {
		return nil, err
	}
	z.src = bytes.NewReader(x.raw)
	x.body, err = x.collect(x.body[:0], z, func(int) error { return x.inTime() })
	if errors.Is(err, errTooLarge) {
		return nil, x.server.refuseTooLarge()
	}
	return x.body, err
}

// usualRatio is how much larger a request is than its gzip.
const usualRatio = 8

// errTooLarge ends the reading of what is larger than a body may be.
var errTooLarge = errors.New("larger than a body may be")

// receive appends what arrives to dst, to its end.
func (x *exchange) receive(dst []byte, raw io.Reader) ([]byte, error) {
	looked := 0
	dst, err := x.collect(dst, raw, func(n int) error {
		if n-looked >= looks {
			looked = n
			x.arrived(n)
		}
		return nil
	})
	switch {
	case errors.Is(err, errTooLarge):
		return dst, x.tooLarge(raw)
	case err != nil:
		return dst, bodyError(err)
	}
	x.drained = true
	return dst, nil
}

// collect appends what from has to dst, up to the limit of a body, and counts it among the bytes under way. After each
// read progress is told how much there is; its error ends the reading.
func (x *exchange) collect(dst []byte, from io.Reader, progress func(n int) error) ([]byte, error) {
	limit := int(x.server.cfg.MaxBodyBytes)
	for counted := flight.Small; ; {
		dst = roomy(dst, 512)
		n, err := from.Read(dst[len(dst):min(cap(dst), limit+1)])
		dst = dst[:len(dst)+n]
		if len(dst) > limit {
			return dst, errTooLarge
		}
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
		if more := len(dst) - counted; more > 0 {
			if err := x.flight.Grow(x.traced, int64(more)); err != nil {
				return dst, err
			}
			counted = len(dst)
		}
		if err := progress(len(dst)); err != nil {
			return dst, err
		}
	}
}

// roomy returns b with room for n more bytes at least. A buffer that is full is doubled: append alone grows a
// large one by a quarter, and copies the answers of ten thousand places four times.
func roomy(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	return slices.Grow(b, max(n, cap(b)))
}

// rawBody returns the body as it comes from the wire.
func (x *exchange) rawBody() io.Reader {
	if stream := x.RequestBodyStream(); stream != nil {
		return stream
	}
	return bytes.NewReader(x.Request.Body())
}

func (x *exchange) tooLarge(raw io.Reader) error {
	_, err := io.CopyN(io.Discard, raw, maxDrained)
	x.drained = errors.Is(err, io.EOF)
	return x.server.refuseTooLarge()
}

func (s *Server) refuseTooLarge() error {
	limit := s.cfg.MaxBodyBytes
	return &domain.Error{Kind: domain.KindTooLarge, Op: "http", Msg: fmt.Sprintf("the body is larger than the %d bytes that are allowed", limit)}
}

// bodyError classifies the end of a body that is not its end.
func bodyError(err error) error {
	var netError net.Error
	var known *domain.Error
	switch {
	case errors.Is(err, net.ErrClosed): // it gave way
		return &domain.Error{Kind: domain.KindCanceled, Op: "http", Err: err}
	case errors.As(err, &known):
		return err
	case errors.As(err, &netError) && netError.Timeout():
		return tooSlow()
	case errors.As(err, &netError) || errors.Is(err, io.ErrUnexpectedEOF):
		return &domain.Error{Kind: domain.KindCanceled, Op: "http", Err: err}
	}
	return &domain.Error{Kind: domain.KindMalformed, Op: "http", Msg: "the body does not arrive as its headers say", Err: err}
}
