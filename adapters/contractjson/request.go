package contractjson

import (
	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
)

// Request is the struct of a request, which Decode fills.
type Request interface {
	// maxItems bounds the elements of each array of objects that are kept; 0 is no bound. One element more than
	// the domain allows is kept, so that the domain sees that the list is too long and does not judge its elements.
	maxItems(o Options) int
}

// Options say how a request is read. The zero value takes the contract's names only, and batches of any size.
type Options struct {
	// CamelCase takes the lowerCamelCase form of each name as well, and "NaN" for a missing number in an array: the
	// JSON mapping of protobuf writes both.
	CamelCase bool
	// MaxBatch is the number of locations that a batch may have.
	MaxBatch int
}

// Decode decodes the one JSON object in data strictly into to. The error is a *domain.Error: KindMalformed when
// data is not JSON, KindInvalid when its shape is not that of the request. It is meant for to.Question.
func Decode(data []byte, to Request, o Options) error {
	return strictjson.Decode(data, to, strictjson.Options{CamelCase: o.CamelCase, NaNText: o.CamelCase, MaxItems: to.maxItems(o)})
}

// unreadable reports whether Decode failed in such a way that nothing of the request is known.
func unreadable(decoded error) bool {
	return decoded != nil && domain.KindOf(decoded) != domain.KindInvalid
}

// refusal reports the violations of shape, those that Decode found and those in shape, together with the
// violations of meaning that validate finds and that do not follow from them. It is nil when there are none of
// shape: the use case finds the violations of meaning then.
func refusal(decoded error, shape []domain.Violation, validate func() []domain.Violation) error {
	if decoded == nil && shape == nil {
		return nil
	}
	shape = append(strictjson.Violations(decoded), shape...)
	return domain.Invalid("contract", strictjson.Merge(shape, validate()))
}
