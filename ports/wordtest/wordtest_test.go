package wordtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/domain"
)

// notes keeps what was reported.
type notes []string

func (*notes) Helper() {}
func (n *notes) Errorf(format string, args ...any) {
	*n = append(*n, fmt.Sprintf(format, args...))
}

func (n *notes) want(t *testing.T, parts ...string) {
	t.Helper()
	if len(*n) != len(parts) {
		t.Fatalf("reported %q, want %q", *n, parts)
	}
	for i, part := range parts {
		if !strings.Contains((*n)[i], part) {
			t.Errorf("reported %q, want %q", (*n)[i], part)
		}
	}
}

var outcomes = Of("outcome", domain.NumCacheOutcomes)

func TestAWordWithoutACaseIsReported(t *testing.T) {
	var n notes
	cover(&n, []Set{outcomes.Except("a reason", "none")}, []string{"outcome=miss", "outcome=hit", "outcome=error"})
	n.want(t, `no case provokes "bypass"`)
}

func TestAnAnswerIsHeldToItsCase(t *testing.T) {
	known := vocabulary(&notes{}, []Set{outcomes.Except("a reason", "none")})
	for name, c := range map[string]struct {
		says, not, said, want string
	}{
		"as it should be":          {says: "outcome=hit", not: "outcome=miss", said: "outcome=hit"},
		"without its word":         {says: "outcome=hit", want: "does not say outcome=hit"},
		"with another case's word": {not: "outcome=hit", said: "outcome=hit", want: "says outcome=hit"},
		"with an unknown word":     {said: "outcome=maybe", want: "outcome=maybe, which is in no set"},
		"with an impossible word":  {said: "outcome=none", want: "thought impossible: a reason"},
		"of a misspelt case":       {not: "outcome=hitt", want: "names outcome=hitt"},
	} {
		t.Run(name, func(t *testing.T) {
			var n notes
			said := Said{}
			for _, w := range strings.Fields(c.said) {
				said[w] = true
			}
			check(&n, known, strings.Fields(c.says), strings.Fields(c.not), said)
			if c.want == "" {
				n.want(t)
				return
			}
			n.want(t, c.want)
		})
	}
}

func TestASetHasNoWordTwiceAndLeavesOutItsOwnOnly(t *testing.T) {
	var n notes
	vocabulary(&n, []Set{{Name: "a", Words: []string{"x", "x", ""}}})
	n.want(t, `"x" has no name`, `"" has no name`)
	n = nil
	vocabulary(&n, []Set{outcomes.Except("a reason", "maybe")})
	n.want(t, `"maybe" is left out`)
}

func TestConstantsAreFoundByTheirPrefix(t *testing.T) {
	got := Constants(t, "code", "../../domain/errors.go", "Code")
	for _, want := range []string{domain.CodeRequired, domain.CodeNotFinite, domain.CodeSyntax} {
		if !slices.Contains(got.Words, want) {
			t.Errorf("%v is without %q", got.Words, want)
		}
	}
	if slices.Contains(got.Words, "domain.CodeRequired") || len(got.Words) < 11 {
		t.Errorf("%v", got.Words)
	}
}
