package app_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/guardy-ai/guardy/"

// layer is one folder and what its files may import. The innermost folder decides.
type layer struct {
	folder string
	own    []string // folders of this module, beside the layer itself
	others []string // modules; nil allows any
	why    string
}

var layers = []layer{
	{"domain", nil, []string{"gonum.org/v1/gonum"}, "the core is pure: no I/O, no clock, no technology"},
	{"ports", []string{"domain"}, []string{}, "ports speak domain types and nothing else"},
	{"ports/cachetest", []string{"domain", "ports"}, nil, testSuite},
	{"ports/devicestatestest", []string{"domain", "ports"}, nil, testSuite},
	{"ports/modelsourcetest", []string{"domain", "ports"}, nil, testSuite},
	{"ports/predictortest", []string{"domain", "ports"}, nil, testSuite},
	{"ports/recordertest", []string{"domain", "ports"}, nil, testSuite},
	{"ports/regionsourcetest", []string{"domain", "ports"}, nil, testSuite},
	{"ports/siteregistertest", []string{"domain", "ports"}, nil, testSuite},
	{"ports/transporttest", []string{"domain", "ports"}, nil, testSuite},
	{"ports/wordtest", []string{"domain"}, nil, testSuite},
	{"app/predict", []string{"domain", "ports"}, []string{"golang.org/x/sync"}, "use cases know no technology"},
}

const testSuite = "a contract suite knows the port, never an implementation"

// TestLayersImportOnlyWhatTheyMay holds domain <- ports <- adapters <- app: arrows never turn back and
// adapters never know each other, apart from adapters/contractjson, adapters/internal and
// adapters/<port>/internal. Tests may import more.
func TestLayersImportOnlyWhatTheyMay(t *testing.T) {
	const root = ".."
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && name != root) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if why := forbidden(filepath.ToSlash(rel), imported); why != "" {
				t.Errorf("%s imports %s: %s", rel, imported, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// forbidden says why a file may not import a package, or nothing.
func forbidden(file, imported string) string {
	folder := path.Dir(file)
	if strings.HasPrefix(imported, "go.uber.org/fx") && path.Base(file) != "module.go" && !under(folder, "app") {
		return "fx is for module.go and app: constructors work without it"
	}
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return "" // standard library
	}
	own, isOwn := strings.CutPrefix(imported, module)
	if l := innermost(folder); l.folder != "" {
		if isOwn && !under(own, l.folder) && !underAny(own, l.own) || !isOwn && l.others != nil && !underAny(imported, l.others) {
			return l.why
		}
		return ""
	}
	if !isOwn || !under(folder, "adapters") || underAny(own, []string{"domain", "ports"}) {
		return ""
	}
	parts := strings.SplitN(folder, "/", 4) // adapters/<port>/<technology>/…
	self := strings.Join(parts[:min(3, len(parts))], "/")
	if under(folder, "adapters/transport") && under(own, "adapters/contractjson") {
		return ""
	}
	if under(own, self) || under(own, "adapters/internal") || under(own, "adapters/"+parts[1]+"/internal") || own == "models" && self == "adapters/modelsource/embedded" {
		return ""
	}
	return "an adapter knows ports and domain, never another adapter or the application"
}

// innermost returns the layer that holds folder; the zero layer when only the rule for adapters, or
// none, applies.
func innermost(folder string) layer {
	for at := folder; at != "."; at = path.Dir(at) {
		for _, l := range layers {
			if l.folder == at {
				return l
			}
		}
	}
	return layer{}
}

func under(p, folder string) bool { return p == folder || strings.HasPrefix(p, folder+"/") }

func underAny(p string, folders []string) bool {
	for _, f := range folders {
		if under(p, f) {
			return true
		}
	}
	return false
}

func TestForbiddenImportsAreFound(t *testing.T) {
	for _, tt := range []struct {
		file, imported string
		allowed        bool
	}{
		{"domain/risk/model.go", "time", true},
		{"domain/risk/model.go", "gonum.org/v1/gonum/stat", true},
		{"domain/risk/model.go", module + "domain/vector", true},
		{"domain/risk/model.go", module + "ports", false},
		{"domain/risk/model.go", "github.com/google/uuid", false},
		{"ports/cache.go", module + "domain", true},
		{"ports/cache.go", "go.opentelemetry.io/otel/trace", false},
		{"ports/cachetest/suite.go", "github.com/google/go-cmp/cmp", true},
		{"ports/cachetest/suite.go", module + "adapters/cache/memorycache", false},
		{"adapters/cache/rediscache/cache.go", "github.com/redis/go-redis/v9", true},
		{"adapters/cache/rediscache/cache.go", module + "adapters/cache/internal/wire", true},
		{"adapters/cache/rediscache/cache.go", module + "adapters/internal/redisclient", true},
		{"adapters/cache/rediscache/cache.go", module + "adapters/cache/memorycache", false},
		{"adapters/internal/redisclient/client.go", module + "adapters/cache/rediscache", false},
		{"adapters/cache/rediscache/cache.go", module + "app/config", false},
		{"adapters/cache/rediscache/cache.go", "go.uber.org/fx", false},
		{"adapters/cache/rediscache/module.go", "go.uber.org/fx", true},
		{"adapters/transport/connectrpc/server.go", module + "adapters/transport/connectrpc/gen/guardy/v1", true},
		{"adapters/transport/fiberhttp/predict.go", module + "adapters/contractjson", true},
		{"adapters/contractjson/request.go", module + "adapters/internal/strictjson", true},
		{"adapters/contractjson/request.go", module + "adapters/transport/fiberhttp", false},
		{"adapters/internal/strictjson/plan.go", module + "adapters/contractjson", false},
		{"adapters/modelsource/embedded/embedded.go", module + "models", true},
		{"adapters/modelsource/dir/dir.go", module + "models", false},
		{"app/predict/service.go", module + "ports", true},
		{"app/predict/service.go", module + "adapters/cache/memorycache", false},
		{"app/predict/service.go", "go.uber.org/fx", false},
		{"app/app.go", "go.uber.org/fx", true},
	} {
		if got := forbidden(tt.file, tt.imported) == ""; got != tt.allowed {
			t.Errorf("%s imports %s: allowed %v, want %v", tt.file, tt.imported, got, tt.allowed)
		}
	}
}
