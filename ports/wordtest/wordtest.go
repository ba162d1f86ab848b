// Package wordtest holds closed sets of answer words to their cases. A table of questions says for each one which
// words its answer must have. A word of a set that no question of the table provokes fails the test, so a new
// value of an enumeration needs a case before it can be merged.
package wordtest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/domain"
)

// Set is a closed set of words.
type Set struct {
	// Name is where the words stand in an answer: "trend".
	Name  string
	Words []string
	// Never are the words that no question of this suite can provoke, each with the reason. A case that provokes
	// one of them fails: the reason is then out of date.
	Never map[string]string
}

// Of returns the set of the names of an enumeration's values below count.
func Of[E domain.Enum](name string, count E) Set {
	s := Set{Name: name}
	for e := range count {
		s.Words = append(s.Words, e.String())
	}
	return s
}

// Except returns the set with words, with spaces between them, that no question can provoke for one reason.
func (s Set) Except(reason, words string) Set {
	s.Never = maps.Clone(s.Never)
	if s.Never == nil {
		s.Never = map[string]string{}
	}
	for w := range strings.FieldsSeq(words) {
		s.Never[w] = reason
	}
	return s
}

// Said are the words of an answer as "set=word".
type Said map[string]bool

// Add adds a word of a set.
func (s Said) Add(set, word string) { s[set+"="+word] = true }

// Words returns what was said in a fixed order.
func (s Said) Words() []string { return slices.Sorted(maps.Keys(s)) }

// Case is a question with the words that its answer has.
type Case[Q any] struct {
	Name string
	Ask  Q
	// Says are words that the answer has and Not words that it has not, each as "set=word", with spaces between them.
	// A word in Not is mostly that of a neighbouring case, for a question just on the other side of a limit.
	Says, Not string
}

// reporter is the part of testing.T that Run needs, so that Run itself can be tested.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}

// Run asks every question. It fails for an answer without the words of its case, for a word that is in no set, and
// for a word of a set that no case provokes.
func Run[Q any](t *testing.T, sets []Set, cases []Case[Q], ask func(t *testing.T, question Q) Said) {
	t.Helper()
	known := vocabulary(t, sets)
	var provoked []string
	for _, c := range cases {
		provoked = append(provoked, strings.Fields(c.Says)...)
		t.Run(c.Name, func(t *testing.T) {
			check(t, known, strings.Fields(c.Says), strings.Fields(c.Not), ask(t, c.Ask))
		})
	}
	cover(t, sets, provoked)
}

// Cover fails for a word of the sets that is not among provoked, which are words as "set=word". It serves tables
// that ask in a way of their own.
func Cover(t *testing.T, sets []Set, provoked Said) {
	t.Helper()
	known := vocabulary(t, sets)
	check(t, known, nil, nil, provoked)
	cover(t, sets, provoked.Words())
}

// vocabulary returns all words of the sets as "set=word", with the reason for those that nothing provokes.
func vocabulary(t reporter, sets []Set) map[string]string {
	t.Helper()
	known := map[string]string{}
	for _, s := range sets {
		for _, w := range s.Words {
			if _, twice := known[s.Name+"="+w]; twice || w == "" || strings.Contains(s.Name+w, " ") {
				t.Errorf("%s: the word %q has no name of its own, without a space", s.Name, w)
			}
			known[s.Name+"="+w] = s.Never[w]
		}
		for w, reason := range s.Never {
			if !slices.Contains(s.Words, w) || reason == "" {
				t.Errorf("%s: %q is left out for %q and is no word of the set", s.Name, w, reason)
			}
		}
	}
	return known
}

// check compares what was said with what a case wants.
func check(t reporter, known map[string]string, says, not []string, said Said) {
	t.Helper()
	for _, w := range slices.Concat(says, not) {
		if _, ok := known[w]; !ok {
			t.Errorf("the case names %s, which is in no set", w)
		}
	}
	for _, w := range says {
		if !said[w] {
			t.Errorf("the answer does not say %s; it says %v", w, said.Words())
		}
	}
	for _, w := range not {
		if said[w] {
			t.Errorf("the answer says %s", w)
		}
	}
	for _, w := range said.Words() {
		switch reason, ok := known[w]; {
		case !ok:
			t.Errorf("the answer says %s, which is in no set", w)
		case reason != "":
			t.Errorf("the answer says %s, which was thought impossible: %s", w, reason)
		}
	}
}

// cover reports the words of the sets that nothing provokes.
func cover(t reporter, sets []Set, provoked []string) {
	t.Helper()
	for _, s := range sets {
		for _, w := range s.Words {
			if s.Never[w] == "" && !slices.Contains(provoked, s.Name+"="+w) {
				t.Errorf("%s: no case provokes %q", s.Name, w)
			}
		}
	}
}
