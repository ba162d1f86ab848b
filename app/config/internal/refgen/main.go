// Refgen writes docs/configuration.md from the comments of the Config structs, so that the page
// cannot drift from the code.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/guardy-ai/guardy/app/config"
)

const module = "github.com/guardy-ai/guardy/"

func main() {
	out := flag.String("o", "configuration.md", "file to write")
	root := flag.String("root", "../..", "root of the module")
	flag.Parse()
	page, err := page(*root)
	if err == nil {
		err = os.WriteFile(*out, page, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "refgen:", err)
		os.Exit(1)
	}
}

const intro = `# Configuration

<!-- Generated from the comments of the Config structs by "go generate ./app/config". Do not edit. -->

` + "`guardy serve`" + ` needs no configuration: it serves the embedded models on loopback with a cache in the
process. Everything below can be changed, each source winning over those before it:

1. the defaults;
2. a YAML file (` + "`--config guardy.yaml`" + ` or ` + "`GUARDY_CONFIG`" + `); keys may be nested or dotted;
3. the environment: every key has a variable, and the names that operators know are kept. An empty
   variable counts as not set. A variable named after a secret with ` + "`_FILE`" + ` at its end names a file that
   holds the value;
4. the flags ` + "`--log-level`" + ` and ` + "`--set key=value`" + `. Secrets are refused there.

Durations carry a unit (` + "`250ms`" + `, ` + "`5m`" + `); the operators' variables also take plain seconds. Sizes are bytes
or carry a unit (` + "`512KiB`" + `, ` + "`4MiB`" + `). Lists are YAML lists, also in one line
(` + "`[a, b]`" + `), or separated by commas. Names such as ` + "`info`" + ` and switches (` + "`true`" + `, ` + "`yes`" + `,
` + "`on`" + `, ` + "`1`" + `) may be in any case.

Two of the operators' variables choose adapters: ` + "`REDIS_ENABLED=true`" + ` makes ` + "`cache.kind`" + ` tiered and
` + "`devices.kind`" + ` redis, ` + "`REDIS_ENABLED=false`" + ` keeps Redis out; ` + "`MODEL_PATH`" + ` makes ` + "`models.source`" + `
dir. A choice by the key itself wins. Variables that begin with ` + "`GUARDY_TEST_`" + ` and
` + "`GUARDY_QARTOD_VECTORS`" + ` belong to the tests and are ignored, and so are the addresses of Services that
Kubernetes injects (` + "`GUARDY_SERVICE_HOST`" + `, ` + "`GUARDY_PORT=tcp://…`" + `, ` + "`GUARDY_PORT_8000_TCP_ADDR`" + `).

On SIGHUP ` + "`guardy serve`" + ` reads the configuration again: ` + "`log.level`" + ` changes at once, other
settings that differ are named in the log and take effect at the next start. ` + "`OTEL_`" + ` variables that cannot
be followed are warnings; telemetry never keeps the service down.

An unknown key or ` + "`GUARDY_`" + ` variable stops the start and is answered with the nearest known name.
Everything that is wrong is reported at once, with its file and line or its variable.
` + "`guardy config print`" + ` shows what is in effect and where it came from, ` + "`guardy config check`" + ` exits with 1
when something is wrong. The section of an adapter that is not selected is not validated.
`

// page renders the reference. root is the directory of the module.
func page(root string) ([]byte, error) {
	g := generator{root: root, packages: map[string]*source{}}
	g.out.WriteString(intro)
	if err := g.section("", "", reflect.ValueOf(config.Default())); err != nil {
		return nil, err
	}
	return g.out.Bytes(), nil
}

type generator struct {
	root     string
	packages map[string]*source
	out      bytes.Buffer
}

// source holds the comments of one package: of its types, and of their fields as "Type.Field".
type source struct{ types, fields map[string]string }

// section writes the settings of one struct, then its sections.
func (g *generator) section(key, doc string, v reflect.Value) error {
	src, err := g.load(v.Type().PkgPath())
	if err != nil {
		return err
	}
	if key != "" {
		fmt.Fprintf(&g.out, "\n## `%s`\n", key)
		if doc == "" {
			doc = src.types[v.Type().Name()]
		}
		if doc != "" {
			fmt.Fprintf(&g.out, "\n%s\n", doc)
		}
		key += "."
	} else {
		g.out.WriteString("\n## Top level\n")
	}
	g.out.WriteString("\n")
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name := field.Tag.Get("koanf")
		if name == "" || name == "-" || field.Type.Kind() == reflect.Struct {
			continue
		}
		doc := src.fields[v.Type().Name()+"."+field.Name]
		if doc == "" {
			return fmt.Errorf("%s.%s (%s) has no comment", v.Type(), field.Name, key+name)
		}
		g.setting(key+name, doc, v.Field(i).Interface())
	}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if name := field.Tag.Get("koanf"); name != "" && name != "-" && field.Type.Kind() == reflect.Struct {
			if err := g.section(key+name, src.fields[v.Type().Name()+"."+field.Name], v.Field(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *generator) setting(key, doc string, value any) {
	variables := "`" + config.Variable(key) + "`"
	if v := config.OperatorVariable(key); v != "" {
		variables = "`" + v + "`, " + variables
	}
	shown := config.Display(key, value)
	if shown == "" || shown == "[]" {
		shown = "empty"
	} else {
		shown = "`" + shown + "`"
	}
	notes := ""
	if config.IsSecret(key) {
		notes = ", secret"
	}
	fmt.Fprintf(&g.out, "- **`%s`** (%s, default %s%s)  \n  %s  \n  %s\n",
		key, kind(value), shown, notes, strings.ReplaceAll(doc, "\n", "\n  "), variables)
}

func kind(value any) string {
	switch reflect.TypeOf(value).String() {
	case "time.Duration":
		return "duration"
	case "int64":
		return "size"
	case "int":
		return "integer"
	case "float64":
		return "number"
	case "bool":
		return "true or false"
	case "[]string":
		return "list"
	}
	return "text"
}

// load parses the package with the import path, once.
func (g *generator) load(pkg string) (*source, error) {
	if s, ok := g.packages[pkg]; ok {
		return s, nil
	}
	dir := filepath.Join(g.root, filepath.FromSlash(strings.TrimPrefix(pkg, module)))
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no sources of %s in %s", path.Base(pkg), dir)
	}
	s := &source{map[string]string{}, map[string]string{}}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, decl := range file.Decls {
			if decl, ok := decl.(*ast.GenDecl); ok && decl.Tok == token.TYPE {
				s.add(decl)
			}
		}
	}
	g.packages[pkg] = s
	return s, nil
}

func (s *source) add(decl *ast.GenDecl) {
	for _, spec := range decl.Specs {
		spec := spec.(*ast.TypeSpec)
		st, ok := spec.Type.(*ast.StructType)
		if !ok {
			continue
		}
		doc := spec.Doc
		if doc == nil {
			doc = decl.Doc
		}
		s.types[spec.Name.Name] = sentence(spec.Name.Name, doc)
		for _, field := range st.Fields.List {
			comment := field.Doc
			if comment == nil {
				comment = field.Comment
			}
			for _, name := range field.Names {
				s.fields[spec.Name.Name+"."+name.Name] = sentence(name.Name, comment)
			}
		}
	}
}

// sentence is the comment as it reads on the page: without the Go name that may begin it.
func sentence(name string, doc *ast.CommentGroup) string {
	text := strings.TrimSpace(doc.Text())
	rest, ok := strings.CutPrefix(text, name+" ")
	if !ok {
		return text
	}
	for _, verb := range []string{"is ", "are "} {
		rest = strings.TrimPrefix(rest, verb)
	}
	first, size := utf8.DecodeRuneInString(rest)
	return string(unicode.ToUpper(first)) + rest[size:]
}
