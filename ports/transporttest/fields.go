package transporttest

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// Fields adds the fields of a decoded answer to seen, each as its path: "predictions[].risk_level". The names in an
// object that are not the contract's stand as "*". What is in an object of another standard does not count.
func Fields(v any, seen map[string]bool) { fields("", v, seen) }

// namedByOthers are the objects whose names are those of devices, variables or levels.
var namedByOthers = []string{"flags", "stats.by_level"}

// opaque are the objects of another standard, or of the model's own.
var opaque = []string{"geojson", "geometry", "card.training", "card.skill"}

func fields(at string, v any, seen map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		if endsWith(at, opaque) {
			return
		}
		if endsWith(at, namedByOthers) {
			for _, member := range v {
				field(at+".*", member, seen)
			}
			return
		}
		for name, member := range v {
			field(strings.TrimPrefix(at+"."+name, "."), member, seen)
		}
	case []any:
		for _, element := range v {
			fields(at+"[]", element, seen)
		}
	}
}

func field(at string, v any, seen map[string]bool) {
	seen[at] = true
	fields(at, v, seen)
}

func endsWith(at string, names []string) bool {
	for _, name := range names {
		if at == name || strings.HasSuffix(at, "."+name) {
			return true
		}
	}
	return false
}

// Opaque reports whether the object at a path is one of another standard, whose members do not count.
func Opaque(at string) bool { return endsWith(at, opaque) }

// NamedByOthers reports whether the members of the object at a path have names that are not the contract's.
func NamedByOthers(at string) bool { return endsWith(at, namedByOthers) }

// ListedFields reads the list of the fields of answers by method.
func ListedFields(t *testing.T, name string) map[string][]string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var listed map[string][]string
	if err := json.Unmarshal(data, &listed); err != nil {
		t.Fatal(err)
	}
	return listed
}
