package connectrpc

import (
	"io"
	"net/http"
	"testing"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/domain/risk"
)

// NewConstant returns a handler of net/http that does for a flood-risk request what any has to: it decodes
// the request into the same message and encodes an answer, always the same. It speaks no protocol, and does
// not validate, score, time, shed, trace, count or name the request.
func NewConstant(tb testing.TB) http.Handler {
	tb.Helper()
	c := newConstant(tb)
	c.answer.Explained, c.answer.Factors = false, risk.Factors{}
	r := risk.NewRequest()
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			panic(err)
		}
		var in assessRequest
		if err := (jsonCodec{}).Unmarshal(body, &in); err != nil || in.shape != nil {
			panic(in.shape)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(contractjson.AppendAssessment(nil, &r, &c.answer))
	})
}
