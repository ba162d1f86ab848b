package connectrpc

import (
	"context"
	"errors"
	"strconv"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/domain"
)

// codeOf is the one table from kinds of failure to codes.
func codeOf(k domain.Kind) connect.Code {
	switch k {
	case domain.KindInvalid, domain.KindMalformed:
		return connect.CodeInvalidArgument
	case domain.KindNotFound:
		return connect.CodeNotFound
	case domain.KindUnauthenticated:
		return connect.CodeUnauthenticated
	case domain.KindForbidden:
		return connect.CodePermissionDenied
	case domain.KindTooLarge, domain.KindExhausted:
		return connect.CodeResourceExhausted
	case domain.KindUnavailable:
		return connect.CodeUnavailable
	case domain.KindDeadline:
		return connect.CodeDeadlineExceeded
	case domain.KindCanceled:
		return connect.CodeCanceled
	case domain.KindInternal:
		return connect.CodeInternal
	}
	return connect.CodeInternal
}

// kindOf classifies the errors that connect itself makes: a broken envelope, a message over the limit,
// a peer that went away. What it calls internal or unknown is then the sender's fault, not ours.
func kindOf(code connect.Code) domain.Kind {
	switch code {
	case connect.CodeResourceExhausted:
		return domain.KindTooLarge
	case connect.CodeDeadlineExceeded:
		return domain.KindDeadline
	case connect.CodeCanceled:
		return domain.KindCanceled
	}
	return domain.KindMalformed
}

// domainError classifies any error of a handler.
func domainError(err error) *domain.Error {
	var e *domain.Error
	var c *connect.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.As(err, &c):
		k := kindOf(c.Code())
		msg := c.Message()
		if k == domain.KindDeadline || k == domain.KindCanceled {
			msg = "" // names peers and sockets
		}
		return &domain.Error{Kind: k, Msg: msg}
	case errors.Is(err, context.DeadlineExceeded):
		return &domain.Error{Kind: domain.KindDeadline}
	case errors.Is(err, context.Canceled):
		return &domain.Error{Kind: domain.KindCanceled}
	}
	return &domain.Error{Kind: domain.KindInternal, Err: err}
}

// maxListed bounds the violations in the details: gRPC sends them as a header.
const maxListed = 100

// connectError renders e with the details that clients read.
func connectError(e *domain.Error, requestID string) *connect.Error {
	_, text, _ := contractjson.Classify(e)
	out := connect.NewError(codeOf(e.Kind), errors.New(text))
	listed := e.Violations
	if more := len(listed) - maxListed; more > 0 {
		listed = append(listed[:maxListed:maxListed], domain.Violation{
			Code: domain.CodeSize, Detail: strconv.Itoa(more) + " more violations are not listed",
		})
	}
	addDetail(out, &guardyv1.Problem{Code: e.Kind.String(), RequestId: requestID, Violations: violations(listed)})
	if len(listed) > 0 {
		fields := make([]*errdetails.BadRequest_FieldViolation, len(listed))
		for i, v := range listed {
			fields[i] = &errdetails.BadRequest_FieldViolation{Field: v.Pointer, Description: v.Detail, Reason: v.Code}
		}
		addDetail(out, &errdetails.BadRequest{FieldViolations: fields})
	}
	return out
}

// addDetail leaves the detail out when it cannot be encoded; the code and the message say enough.
func addDetail(e *connect.Error, m proto.Message) {
	if d, err := connect.NewErrorDetail(m); err == nil {
		e.AddDetail(d)
	}
}

func violations(vs []domain.Violation) []*guardyv1.Violation {
	out := make([]*guardyv1.Violation, len(vs))
	for i, v := range vs {
		out[i] = &guardyv1.Violation{Pointer: v.Pointer, Code: v.Code, Detail: v.Detail}
	}
	return out
}
