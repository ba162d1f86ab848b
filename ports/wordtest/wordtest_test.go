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
		says, not []string
		said      Said
		want      []string
	}{
		"as it should be":          {says: []string{"outcome=hit"}, not: []string{"outcome=miss"}, said: Said{"outcome=hit": true}},
		"without its word":         {says: []string{"outcome=hit"}, said: Said{}, want: []string{"does not say outcome=hit"}},
		"with another case's word": {not: []string{"outcome=hit"}, said: Said{"outcome=hit": true}, want: []string{"says outcome=hit"}},
		"with an unknown word":     {said: Said{"outcome=maybe": true}, want: []string{"outcome=maybe, which is in no set"}},
		"with an impossible word":  {said: Said{"outcome=none": true}, want: []string{"thought impossible: a reason"}},
		"whose case has a typing error": {
			says: []string{"outcome=hitt"}, said: Said{}, want: []string{"names outcome=hitt", "does not say outcome=hitt"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var n notes
			check(&n, known, c.says, c.not, c.said)
			n.want(t, c.want...)
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
