package contractjson

import (
	"context"
	"errors"
	"strconv"

	"github.com/guardy-ai/guardy/domain"
)

// InternalDetail is all that a client learns of an error that nobody meant for it.
const InternalDetail = "the service failed to answer; the request id names the log entry"

var kindDetails = [domain.NumKinds]string{
	domain.KindInternal:    InternalDetail,
	domain.KindInvalid:     "the request has values that cannot be used",
	domain.KindMalformed:   "the body was not understood",
	domain.KindNotFound:    "there is no such thing",
	domain.KindUnavailable: "the service cannot answer at the moment",
	domain.KindDeadline:    "the time budget ran out",
	domain.KindCanceled:    "the caller gave up",
}

// Classify returns the kind of any error, with what the client may read.
func Classify(err error) (kind domain.Kind, detail string, violations []domain.Violation) {
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
		if detail = kindDetails[min(kind, domain.NumKinds-1)]; detail == "" {
			detail = kind.String()
		}
	}
	if kind == domain.KindInternal {
		violations = nil
	}
	return kind, detail, violations
}

// Problem is an error as RFC 9457 writes it. Status and Title are those of HTTP.
type Problem struct {
	Status     int
	Title      string
	Code       string
	Detail     string
	Violations []domain.Violation
}

// AppendProblem appends the problem of the request with that path and id.
func AppendProblem(b []byte, p *Problem, path, requestID []byte) []byte {
	b = append(b, `{"type":"/docs#error-`...)
	b = append(b, p.Code...)
	b = append(b, `","title":`...)
	b = appendString(b, p.Title)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(p.Status), 10)
	b = append(b, `,"detail":`...)
	b = appendString(b, p.Detail)
	b = append(b, `,"instance":`...)
	b = appendString(b, string(path[:min(len(path), maxInstance)]))
	b = append(b, `,"code":"`...)
	b = append(b, p.Code...)
	b = append(b, `","request_id":`...)
	b = appendString(b, string(requestID))
	b = append(b, `,"errors":`...)
	b = appendViolations(b, p.Violations, "")
	return append(b, '}')
}

// maxInstance is how much of the path an error repeats.
const maxInstance = 256

// appendItemError appends the members of an item that could not be answered. prefix is the pointer to the item.
func appendItemError(b []byte, err error, prefix string) []byte {
	kind, detail, violations := Classify(err)
	b = append(b, `,"status":"error","error":{"code":"`...)
	b = append(b, kind.String()...)
	b = append(b, `","detail":`...)
	b = appendString(b, detail)
	b = append(b, `,"errors":`...)
	b = appendViolations(b, violations, prefix)
	return append(b, '}')
}

// AppendLineError appends what stands in the place of a line that cannot be answered. Lines count from 1.
func AppendLineError(b []byte, line int, err error) []byte {
	b = append(b, `{"line":`...)
	b = strconv.AppendInt(b, int64(line), 10)
	return append(appendItemError(b, err, ""), '}')
}

func appendViolations(b []byte, vs []domain.Violation, prefix string) []byte {
	b = append(b, '[')
	for i, v := range vs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"pointer":`...)
		b = appendString(b, prefix+v.Pointer)
		b = append(b, `,"code":`...)
		b = appendString(b, v.Code)
		b = append(b, `,"detail":`...)
		b = appendString(b, v.Detail)
		b = append(b, '}')
	}
	return append(b, ']')
}
