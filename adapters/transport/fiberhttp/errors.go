package fiberhttp

import (
	"errors"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/guardy-ai/guardy/adapters/contractjson"
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

// problem is the answer to a request that failed. It is also the error of what only HTTP can refuse: methods,
// media types, slow senders.
type problem struct {
	contractjson.Problem
	retryAfter time.Duration
	cause      error // for the log
}

// Error implements error.
func (p *problem) Error() string { return p.Code + ": " + p.Detail }

func newProblem(status int, code, detail string) *problem {
	title := http.StatusText(status)
	if title == "" {
		title = "Client Closed Request"
	}
	return &problem{Problem: contractjson.Problem{Status: status, Title: title, Code: code, Detail: detail}}
}

// retryAfterUnavailable is when to ask again while shedding or not ready.
const retryAfterUnavailable = time.Second

// problemOf renders any error of a handler.
func problemOf(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	kind, detail, violations := contractjson.Classify(err)
	p = newProblem(statusOf(kind), kind.String(), detail)
	p.Violations, p.cause = violations, err
	if kind == domain.KindUnavailable {
		p.retryAfter = retryAfterUnavailable
	}
	return p
}

// Refusals that only HTTP knows.

func notAllowed() *problem {
	return newProblem(
		http.StatusMethodNotAllowed, "method_not_allowed", "the path does not have this method; the header Allow lists those it has",
	)
}

func unsupported(detail string) *problem {
	return newProblem(http.StatusUnsupportedMediaType, "unsupported_media_type", detail)
}

func notAcceptable(have string) *problem {
	return newProblem(http.StatusNotAcceptable, "not_acceptable", "the answer is available as "+have+" only")
}

func tooSlow() *problem {
	return newProblem(http.StatusRequestTimeout, "request_timeout", "the request did not arrive in time")
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
		return newProblem(e.Code, domain.KindTooLarge.String(), "the headers are larger than allowed")
	}
	c.SetConnectionClose() // what was read so far is not a request: nothing after it can be trusted
	return &domain.Error{Kind: domain.KindMalformed, Msg: "the request is not valid HTTP", Err: err}
}
