package contractjson

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
)

// queryKind is how the text of a query parameter is read.
type queryKind uint8

const (
	queryUnknown queryKind = iota // no field has the name
	queryLiteral                  // a number, true or false
	queryText                     // a string
	queryMoment                   // a string, or whole seconds since 1970
	queryList                     // a sequence or an object, which a query string cannot hold
)

// queryFields are the fields of a flood-risk request by the names that a query string has for them: those of the
// JSON, with a full stop between an object and its field ("river.value"), as in the columns of a CSV file.
var queryFields = func() map[string]queryKind {
	fields := map[string]queryKind{}
	moment := reflect.TypeFor[strictjson.Moment]()
	var add func(prefix string, t reflect.Type)
	add = func(prefix string, t reflect.Type) {
		for f := range t.Fields() {
			name := prefix + f.Tag.Get("json")
			of := f.Type
			if of.Kind() == reflect.Pointer {
				of = of.Elem()
			}
			switch {
			case of == moment:
				fields[name] = queryMoment
			case of.Kind() == reflect.Struct:
				fields[name] = queryList
				add(name+".", of)
			case of.Kind() == reflect.Slice:
				fields[name] = queryList
			case of.Kind() == reflect.String:
				fields[name] = queryText
			default:
				fields[name] = queryLiteral
			}
		}
	}
	add("", reflect.TypeFor[FloodRisk]())
	return fields
}()

// Query is a flood-risk request as a query string holds it: its scalar fields, each once. An empty value is a
// missing one. The zero value is ready for use.
type Query struct {
	seen  []string
	wrong []domain.Violation
	// body is the same request as JSON, so that one decoder reads both.
	top, river, site []byte
}

// maxQueryViolations bounds the parameters that one answer refuses.
const maxQueryViolations = 16

// Add takes one parameter, already percent-decoded.
func (q *Query) Add(name, value string) {
	kind := queryFields[name]
	pointer := "/" + domain.PointerToken(clipText(name))
	if group, field, nested := strings.Cut(name, "."); nested && kind != queryUnknown {
		pointer = "/" + group + "/" + field
	}
	refuse := func(code, detail string) {
		if len(q.wrong) < maxQueryViolations {
			q.wrong = append(q.wrong, domain.Violation{Pointer: pointer, Code: code, Detail: detail})
		}
	}
	switch {
	case kind == queryUnknown:
		refuse(domain.CodeUnknownField, unknownParameter(name))
	case kind == queryList:
		refuse(domain.CodeType, "a query string holds single values only; post a sequence or an object as JSON")
	case slices.Contains(q.seen, name):
		refuse(domain.CodeDuplicate, "the parameter is given more than once")
	case value == "":
		q.seen = append(q.seen, name)
	case kind == queryLiteral && !isLiteral(value):
		refuse(domain.CodeType, fmt.Sprintf("%q is neither a number as JSON writes it nor true or false", clipText(value)))
	default:
		q.seen = append(q.seen, name)
		q.put(name, value, kind)
	}
}

// parameters are the names that a query string may have, in order.
var parameters = func() (names []string) {
	for name, kind := range queryFields {
		if kind != queryList {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}()

func unknownParameter(name string) string {
	if near := domain.NearestName(name, slices.Values(parameters)); near != "" {
		return fmt.Sprintf("there is no parameter of this name; did you mean %s?", near)
	}
	return "there is no parameter of this name"
}

// put appends a member to the object that it belongs to.
func (q *Query) put(name, value string, kind queryKind) {
	to := &q.top
	if group, field, nested := strings.Cut(name, "."); nested {
		name = field
		if to = &q.site; group == "river" {
			to = &q.river
		}
	}
	if len(*to) > 0 {
		*to = append(*to, ',')
	}
	*to = append(append(append(*to, '"'), name...), `":`...)
	if kind == queryLiteral || kind == queryMoment && isNumber(value) {
		*to = append(*to, value...)
	} else {
		*to = appendString(*to, strings.ToValidUTF8(value, "\uFFFD"))
	}
}

// Decode decodes the parameters into w as Decode does a body. The error is meant for w.Question.
func (q *Query) Decode(w *FloodRisk) error {
	body := append([]byte{'{'}, q.top...)
	for _, group := range [...]struct {
		name    string
		members []byte
	}{{"river", q.river}, {"site", q.site}} {
		if len(group.members) == 0 {
			continue
		}
		if len(body) > 1 {
			body = append(body, ',')
		}
		body = append(append(body, `"`+group.name+`":{`...), group.members...)
		body = append(body, '}')
	}
	decoded := Decode(append(body, '}'), w, Options{})
	if unreadable(decoded) || len(q.wrong) == 0 {
		return decoded
	}
	return domain.Invalid("query", append(q.wrong, strictjson.Violations(decoded)...))
}

func isLiteral(text string) bool { return text == "true" || text == "false" || isNumber(text) }

// isNumber reports whether JSON writes a number so (RFC 8259, section 6). NaN, Infinity, hexadecimal numbers and
// signs before or gaps inside a number are none.
func isNumber(text string) bool {
	rest := strings.TrimPrefix(text, "-")
	digits := func() (n int) {
		for n < len(rest) && rest[n]-'0' < 10 {
			n++
		}
		rest = rest[n:]
		return n
	}
	leading := strings.HasPrefix(rest, "0")
	if n := digits(); n == 0 || leading && n > 1 {
		return false
	}
	if after, ok := strings.CutPrefix(rest, "."); ok {
		if rest = after; digits() == 0 {
			return false
		}
	}
	if rest != "" && (rest[0] == 'e' || rest[0] == 'E') {
		if rest = rest[1:]; rest != "" && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		if digits() == 0 {
			return false
		}
	}
	return rest == ""
}

// clipText shortens what an error repeats of a request.
func clipText(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), 64)], "\uFFFD")
}
