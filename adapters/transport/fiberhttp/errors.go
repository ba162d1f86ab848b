package fiberhttp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/guardy-ai/guardy/domain"
)

// statusClientClosed is what proxies log for a caller that gave up; nobody reads it.
const statusClientClosed = 499

// statusOf is the one table from kinds of failure to statuses.
func statusOf(k domain.Kind) int {
	switch k {
	case domain.KindInvalid:
		return http.StatusUnprocessableEntity
	case domain.KindMalformed:
		return http.StatusBadRequest
	case domain.KindNotFound:
		return http.StatusNotFound
	case domain.KindUnauthenticated:
		return http.StatusUnauthorized
	case domain.KindForbidden:
		return http.StatusForbidden
	case domain.KindTooLarge:
		return http.StatusRequestEntityTooLarge
	case domain.KindExhausted:
		return http.StatusTooManyRequests
	case domain.KindUnavailable:
		return http.StatusServiceUnavailable
	case domain.KindDeadline:
		return http.StatusGatewayTimeout
	case domain.KindCanceled:
		return statusClientClosed
	case domain.KindInternal, domain.NumKinds:
		return http.StatusInternalServerError
	}
	return http.StatusInternalServerError
}

// problem is an error as RFC 9457 writes it. It is also the error of what only HTTP can refuse:
// methods, media types, slow senders.
type problem struct {
	status     int
	code       string
	detail     string
	violations []domain.Violation
	retryAfter time.Duration
	cause      error // for the log
}

// Error implements error.
func (p *problem) Error() string { return p.code + ": " + p.detail }

// internalDetail is all that a client learns of an error that nobody meant for it.
const internalDetail = "the service failed to answer; the request id names the log entry"

var kindDetails = [domain.NumKinds]string{
	domain.KindInternal:    internalDetail,
	domain.KindInvalid:     "the request has values that cannot be used",
	domain.KindMalformed:   "the body was not understood",
	domain.KindNotFound:    "there is no such thing",
	domain.KindUnavailable: "the service cannot answer at the moment",
	domain.KindDeadline:    "the time budget ran out",
	domain.KindCanceled:    "the caller gave up",
}

// classify returns the kind of any error, with what the client may read.
func classify(err error) (kind domain.Kind, detail string, violations []domain.Violation) {
	var e *domain.Error
	switch {
	case errors.As(err, &e):
		kind, detail, violations = e.Kind, e.Msg, e.Violations
	case errors.Is(err, context.DeadlineExceeded):
		kind = domain.KindDeadline
	case errors.Is(err, context.Canceled):
		kind = domain.KindCanceled
	}
	if detail == "" || kind == domain.KindInternal {
		detail = kindDetails[min(kind, domain.NumKinds-1)]
	}
	if kind == domain.KindInternal {
		violations = nil
	}
	return kind, detail, violations
}

// retryAfterUnavailable is when to ask again while shedding or not ready.
const retryAfterUnavailable = time.Second

// problemOf renders any error of a handler.
func problemOf(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	kind, detail, violations := classify(err)
	p = &problem{status: statusOf(kind), code: kind.String(), detail: detail, violations: violations, cause: err}
	if kind == domain.KindUnavailable {
		p.retryAfter = retryAfterUnavailable
	}
	return p
}

// Refusals that only HTTP knows.

func notAllowed() *problem {
	return &problem{
		status: http.StatusMethodNotAllowed, code: "method_not_allowed", detail: "the path does not have this method; the header Allow lists those it has",
	}
}

func unsupported(detail string) *problem {
	return &problem{status: http.StatusUnsupportedMediaType, code: "unsupported_media_type", detail: detail}
}

func notAcceptable(have string) *problem {
	return &problem{status: http.StatusNotAcceptable, code: "not_acceptable", detail: "the answer is available as " + have + " only"}
}

func tooSlow() *problem {
	return &problem{status: http.StatusRequestTimeout, code: "request_timeout", detail: "the request did not arrive in time"}
}

// unrouted answers what has no handler: errors of fiber's router and of fasthttp's parser.
func (s *Server) unrouted(c *fiber.Ctx, err error) error {
	x := s.begin(c.Context(), &unmatched)
	defer s.end(x)
	x.fail(unroutedProblem(c.Context(), err))
	return nil
}

func unroutedProblem(c *fasthttp.RequestCtx, err error) error {
	var e *fiber.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case fiber.StatusNotFound:
		return &domain.Error{Kind: domain.KindNotFound, Msg: "there is nothing at this path; /docs lists what there is"}
	case fiber.StatusMethodNotAllowed:
		return notAllowed()
	case fiber.StatusRequestTimeout:
		return tooSlow()
	case fiber.StatusRequestHeaderFieldsTooLarge:
		return &problem{status: e.Code, code: domain.KindTooLarge.String(), detail: "the headers are larger than allowed"}
	}
	c.SetConnectionClose() // what was read so far is not a request: nothing after it can be trusted
	return &domain.Error{Kind: domain.KindMalformed, Msg: "the request is not valid HTTP", Err: err}
}
