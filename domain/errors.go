package domain

import (
	"errors"
	"strings"
)

// Kind classifies an Error. Each transport maps kinds to its own codes in one exhaustive table.
type Kind uint8

// The kinds of failure. The zero value is KindInternal, so that an error nobody classified is never
// blamed on the caller.
const (
	KindInternal        Kind = iota // a defect or a broken invariant; its text never reaches a client
	KindInvalid                     // the values were understood and refused (HTTP 422)
	KindMalformed                   // the bytes were not understood at all (HTTP 400)
	KindNotFound                    // the named thing does not exist
	KindUnauthenticated             // no usable credential
	KindForbidden                   // a credential that does not allow this
	KindTooLarge                    // larger than the configured limit, on the wire or inflated
	KindExhausted                   // the caller's quota is used up
	KindUnavailable                 // not ready, or shedding load; try again
	KindDeadline                    // the time budget ran out
	KindCanceled                    // the caller gave up

	// NumKinds counts the kinds.
	NumKinds
)

var kindNames = [NumKinds]string{
	"internal", "invalid", "malformed", "not_found", "unauthenticated", "forbidden", "too_large", "exhausted",
	"unavailable", "deadline", "canceled",
}

// String returns the machine-readable name, as it appears in the `code` of an answer.
func (k Kind) String() string {
	if k < NumKinds {
		return kindNames[k]
	}
	return kindNames[KindInternal]
}

// Violation is one value that was refused.
type Violation struct {
	// Pointer is the place in the request, as an RFC 6901 JSON pointer ("/site/area_km2").
	Pointer string
	// Code is machine readable: one of the Code… constants.
	Code string
	// Detail says in one sentence what is wrong and what would be right.
	Detail string
}

// Codes of violations.
const (
	CodeRequired     = "required"      // absent or null where a value is needed
	CodeType         = "type"          // another JSON type than the contract's
	CodeRange        = "range"         // outside the physically possible or configured range
	CodeNotFinite    = "not_finite"    // NaN or infinite
	CodeUnknownField = "unknown_field" // a name that the contract does not have
	CodeDuplicate    = "duplicate"     // a name given twice in one object
	CodeFormat       = "format"        // a string that does not parse as what it should be
	CodeInconsistent = "inconsistent"  // values that contradict each other
	CodeNotFound     = "not_found"     // a reference to something that does not exist
	CodeSize         = "size"          // too few or too many items, or too long a text
	CodeSyntax       = "syntax"        // not JSON
)

// PointerToken escapes a name that somebody else chose for use in a pointer (RFC 6901, section 3).
func PointerToken(name string) string { return pointerEscapes.Replace(name) }

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// Error is the only error that crosses a port. Msg is written for the client and must not carry
// secrets or internals; Err is for the log.
type Error struct {
	Kind       Kind
	Op         string // what was being done: "risk.assess"
	Msg        string
	Violations []Violation
	Err        error
}

// Error renders the operation, the message and the cause, for logs.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op)
		b.WriteString(": ")
	}
	if e.Msg != "" {
		b.WriteString(e.Msg)
	} else {
		b.WriteString(e.Kind.String())
	}
	for i, v := range e.Violations {
		if i == 3 {
			b.WriteString("; …")
			break
		}
		b.WriteString("; ")
		b.WriteString(v.Pointer)
		b.WriteString(": ")
		b.WriteString(v.Detail)
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Invalid returns a KindInvalid error that carries all violations, or nil when there are none.
func Invalid(op string, violations []Violation) error {
	if len(violations) == 0 {
		return nil
	}
	return &Error{Kind: KindInvalid, Op: op, Msg: "the request has values that cannot be used", Violations: violations}
}

// KindOf returns the kind of the outermost Error in err's chain, KindInternal for any other error.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return KindInternal
}
