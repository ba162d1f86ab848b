package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
	yamlnode "go.yaml.in/yaml/v3"
)

// Sources are the places that configuration comes from, weakest first; the defaults are weaker than
// all of them.
type Sources struct {
	// File is the path of a YAML file, empty for none.
	File string
	// Environ holds NAME=value pairs, as os.Environ returns them.
	Environ []string
	// Flags are the settings of the command line.
	Flags []Flag
}

// Flag is one setting from the command line: Name as it was written there ("--log-level"), and the
// key that it sets.
type Flag struct{ Name, Key, Value string }

// Loaded is a complete configuration and where each value came from.
type Loaded struct {
	Config Config
	// origins maps a key to "file:path:line", "env:NAME" or "flag:--name"; absent means default.
	origins map[string]string
}

// Setting is one value as it is in effect.
type Setting struct {
	Key, Value, Origin string
}

// Settings lists every value in the order of the reference page, secrets masked.
func (l *Loaded) Settings() []Setting {
	all := settings(&l.Config)
	out := make([]Setting, len(all))
	for i, s := range all {
		out[i] = Setting{s.key, Display(s.key, s.value.Interface()), l.Origin(s.key)}
	}
	return out
}

// Origin says where the value of key came from.
func (l *Loaded) Origin(key string) string {
	if o, ok := l.origins[key]; ok {
		return o
	}
	return "default"
}

// Problem is one thing that is wrong with the configuration.
type Problem struct {
	Key, Origin, Text string
}

// String renders the problem on one line.
func (p Problem) String() string {
	if p.Origin == "" || p.Origin == "default" {
		return p.Text
	}
	return p.Text + " (" + p.Origin + ")"
}

// Error lists everything that is wrong, so that it can be mended in one go.
type Error struct{ Problems []Problem }

// Error renders one line a problem.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// layer is what one source sets; entry is one value of it.
type (
	layer map[string]entry
	entry struct {
		value  any
		origin string
	}
)

// loader merges layers and collects what is wrong with them.
type loader struct {
	keys     []string
	merged   *koanf.Koanf
	origins  map[string]string
	problems []Problem
}

// Load reads the sources, decodes them over the defaults and validates the result, by Config.Validate
// and by check, which knows the adapters. The error is an *Error with every problem of every source.
func Load(src Sources, check func(Config) error) (*Loaded, error) {
	out := &Loaded{Config: Default(), origins: map[string]string{}}
	all := settings(&out.Config)
	l := &loader{merged: koanf.New("."), origins: out.origins}
	for _, s := range all {
		l.keys = append(l.keys, s.key)
	}

	if src.File != "" {
		l.add(l.fromFile(src.File))
	}
	l.add(l.fromEnvironment(src.Environ))
	l.add(l.fromFlags(src.Flags))

	for _, s := range all {
		raw := l.merged.Get(s.key)
		if raw == nil {
			continue
		}
		if err := decode(raw, s.value); err != nil {
			text := err.Error()
			if IsSecret(s.key) { // the message would quote the value
				text = "the value cannot be read"
			}
			l.problem(s.key, l.origins[s.key], text)
			continue
		}
		if s.value.Kind() == reflect.String {
			s.value.SetString(canonical(s.key, s.value.String()))
		}
	}
	if len(l.problems) == 0 {
		l.validate(errors.Join(out.Config.Validate(), check(out.Config)))
	}
	if len(l.problems) == 0 {
		return out, nil
	}
	slices.SortStableFunc(l.problems, func(a, b Problem) int { return strings.Compare(a.Origin, b.Origin) })
	return out, &Error{l.problems}
}

// add merges a layer over those before it.
func (l *loader) add(ly layer) {
	values := make(map[string]any, len(ly))
	for key, e := range ly {
		values[key] = e.value
		l.origins[key] = e.origin
	}
	// confmap cannot fail: it hands over the map it was given.
	_ = l.merged.Load(confmap.Provider(values, "."), nil)
}

// chosen reports whether key is set by an earlier layer or by ly.
func (l *loader) chosen(key string, ly layer) bool {
	_, here := ly[key]
	return here || l.merged.Exists(key)
}

// text returns the value of key in the layers so far.
func (l *loader) text(key string) string { return l.merged.String(key) }

func (l *loader) problem(key, origin, text string) {
	l.problems = append(l.problems, Problem{key, origin, key + ": " + text})
}

func (l *loader) unknown(what, name, origin, suggestion string) {
	text := fmt.Sprintf("unknown %s %s", what, name)
	if suggestion != "" {
		text += ": did you mean " + suggestion + "?"
	}
	l.problems = append(l.problems, Problem{name, origin, text})
}

// fromFile reads a YAML file. Keys may be nested or dotted.
func (l *loader) fromFile(path string) layer {
	origin := "file:" + filepath.ToSlash(path)
	text, err := os.ReadFile(path)
	if err != nil {
		l.problems = append(l.problems, Problem{Origin: origin, Text: "read the configuration file: " + cause(err)})
		return nil
	}
	tree, err := yaml.Parser().Unmarshal(text)
	if err != nil {
		l.problems = append(l.problems, Problem{Origin: origin, Text: strings.ReplaceAll(err.Error(), "\n", " ")})
		return nil
	}
	file := koanf.New(".")
	if err := file.Load(confmap.Provider(tree, "."), nil); err != nil {
		l.problems = append(l.problems, Problem{Origin: origin, Text: err.Error()})
		return nil
	}
	lines := lineNumbers(text)
	out := layer{}
	flat := file.All()
	for _, key := range slices.Sorted(maps.Keys(flat)) {
		at := origin
		if line := lines[key]; line > 0 {
			at = fmt.Sprintf("%s:%d", origin, line)
		}
		value := flat[key]
		switch known := slices.Contains(l.keys, key); {
		case known && value != nil:
			out[key] = entry{value, at}
		case known || l.isSection(key) && isEmpty(value): // written without a value: the default stands
		case l.isSection(key):
			l.problems = append(l.problems, Problem{key, at, key + ": is a section and cannot be " + fmt.Sprint(value)})
		default:
			l.unknown("setting", key, at, nearest(key, l.keys))
		}
	}
	return out
}

// cause drops the operation and path that *os.PathError repeats.
func cause(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

func isEmpty(value any) bool {
	m, isMap := value.(map[string]any)
	return value == nil || isMap && len(m) == 0
}

func (l *loader) isSection(key string) bool {
	return slices.ContainsFunc(l.keys, func(k string) bool { return strings.HasPrefix(k, key+".") })
}

// lineNumbers maps the keys of a YAML document to their lines.
func lineNumbers(text []byte) map[string]int {
	lines := map[string]int{}
	var doc yamlnode.Node
	if err := yamlnode.Unmarshal(text, &doc); err != nil || len(doc.Content) == 0 {
		return lines
	}
	var visit func(prefix string, n *yamlnode.Node)
	visit = func(prefix string, n *yamlnode.Node) {
		if n.Kind != yamlnode.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := prefix + n.Content[i].Value
			lines[key] = n.Content[i].Line
			visit(key+".", n.Content[i+1])
		}
	}
	visit("", doc.Content[0])
	return lines
}

// fromFlags reads the settings of the command line. Secrets are refused there: every user of the
// machine can read a command line.
func (l *loader) fromFlags(flags []Flag) layer {
	out := layer{}
	for _, f := range flags {
		origin := "flag:" + f.Name
		switch {
		case !slices.Contains(l.keys, f.Key):
			l.unknown("setting", f.Key, origin, nearest(f.Key, l.keys))
		case IsSecret(f.Key):
			l.problem(f.Key, origin, "a secret does not belong on the command line: use "+Variable(f.Key)+" or "+Variable(f.Key)+"_FILE")
		default:
			out[f.Key] = entry{f.Value, origin}
		}
	}
	return out
}

// validate appends the findings, with the origin of each value. They start with their key.
func (l *loader) validate(findings error) {
	for _, err := range flatten(findings) {
		text := err.Error()
		key := text
		if i := strings.IndexAny(text, ": "); i >= 0 {
			key = text[:i]
		}
		l.problems = append(l.problems, Problem{key, l.origins[key], text})
	}
}

// flatten returns the members of an errors.Join tree.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || err.Error() != errors.Join(joined.Unwrap()...).Error() {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}
