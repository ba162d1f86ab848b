package transporttest

import (
	"testing"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports/wordtest"
)

// TestEveryErrorWordHasACase holds the corpus to the words of errors: each kind of failure is the code of an
// answer, and each code of a violation stands in one. The transports replay the corpus, so each says each word.
func TestEveryErrorWordHasACase(t *testing.T) {
	const kind, violation = "code", "violation"
	cases, err := load()
	if err != nil {
		t.Fatal(err)
	}
	said := wordtest.Said{}
	refusal := func(of map[string]any) {
		if code, ok := of["code"].(string); ok {
			said.Add(kind, code)
		}
		for _, v := range list(of["errors"]) {
			if code, ok := v.(map[string]any)["code"].(string); ok {
				said.Add(violation, code)
			}
		}
	}
	for _, c := range cases {
		answers := [][]byte{c.answer}
		if c.refuse != nil {
			refusal(decode(t, c.refuse).(map[string]any))
		}
		if c.lines != nil {
			answers = lines(c.lines)
		}
		for _, a := range answers {
			if a == nil {
				continue
			}
			for _, e := range errorsIn(decode(t, a)) {
				refusal(e)
			}
		}
	}
	wordtest.Cover(t, []wordtest.Set{
		wordtest.Of(kind, domain.NumKinds),
		wordtest.Constants(t, violation, "../../domain/errors.go", "Code"),
	}, said)
}

// errorsIn returns the errors of the items of an answer.
func errorsIn(answer any) (out []map[string]any) {
	switch v := answer.(type) {
	case map[string]any:
		for name, member := range v {
			if e, ok := member.(map[string]any); ok && name == "error" {
				out = append(out, e)
				continue
			}
			out = append(out, errorsIn(member)...)
		}
	case []any:
		for _, item := range v {
			out = append(out, errorsIn(item)...)
		}
	}
	return out
}
