package wordtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// Constants returns the set of the string constants in a Go file whose names begin with a prefix. It serves
// sets that no enumeration holds: a new constant is a new word.
func Constants(t *testing.T, name, file, prefix string) Set {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	s := Set{Name: name}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, id := range spec.Names {
			if !strings.HasPrefix(id.Name, prefix) || i >= len(spec.Values) {
				continue
			}
			if lit, ok := spec.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				word, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				s.Words = append(s.Words, word)
			}
		}
		return true
	})
	if len(s.Words) == 0 {
		t.Fatalf("%s has no string constants %s…", file, prefix)
	}
	return s
}
