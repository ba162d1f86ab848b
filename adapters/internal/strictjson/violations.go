package strictjson

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/guardy-ai/guardy/domain"
)

// violation reports the value at the current place.
func (d *decoder) violation(code, detail string) {
	if d.limit == 0 {
		d.omitted++
		return
	}
	d.limit--
	d.report(domain.Violation{Pointer: d.pointer(), Code: code, Detail: detail})
}

func (d *decoder) report(v domain.Violation) { d.violations = append(d.violations, v) }

// item decodes one element of an array of objects under a bound of its own.
func (d *decoder) item(decode func() bool) bool {
	limit, omitted := d.limit, d.omitted
	d.limit, d.omitted = maxItemViolations, 0
	ok := decode()
	if d.omitted > 0 {
		d.report(d.overflow())
	}
	d.limit, d.omitted = limit, omitted
	return ok
}

func (d *decoder) overflow() domain.Violation {
	return domain.Violation{
		Pointer: d.pointer(), Code: domain.CodeSize, Detail: strconv.Itoa(d.omitted) + " more violations are not listed",
	}
}

// pointer returns the RFC 6901 pointer to the current place.
func (d *decoder) pointer() string {
	var b strings.Builder
	for _, s := range d.path[:d.depth] {
		switch {
		case s.index == isName:
			b.WriteByte('/')
			b.WriteString(domain.PointerToken(s.name))
		case s.index >= 0:
			b.WriteByte('/')
			b.WriteString(strconv.Itoa(s.index))
		}
	}
	return b.String()
}

// CheckCount reports a list of n items that should have 1 to limit; nil when it does. Every transport
// uses it, so that a batch of the wrong size reads the same everywhere.
func CheckCount(pointer string, n, limit int) *domain.Violation {
	if n >= 1 && n <= limit {
		return nil
	}
	return &domain.Violation{
		Pointer: pointer, Code: domain.CodeSize, Detail: fmt.Sprintf("%d items were given, 1 to %d are allowed", n, limit),
	}
}

// Violations returns the violations of an error that Decode or the domain answered, nil for any
// other error.
func Violations(err error) []domain.Violation {
	if e, ok := errors.AsType[*domain.Error](err); ok {
		return e.Violations
	}
	return nil
}

// Merge adds to the violations of shape those of meaning that do not merely follow from them: a
// field whose value could not be read is not also reported as missing.
func Merge(shape, meaning []domain.Violation) []domain.Violation {
	if len(shape) == 0 {
		return meaning
	}
	all := shape[:len(shape):len(shape)]
	for _, m := range meaning {
		if !covered(shape, m.Pointer) {
			all = append(all, m)
		}
	}
	return all
}

func covered(shape []domain.Violation, pointer string) bool {
	if pointer == "" {
		return true // what the request as a whole lacks may be what could not be read of it
	}
	for _, s := range shape {
		if s.Code == domain.CodeUnknownField || s.Code == domain.CodeSize {
			if s.Pointer == pointer {
				return true // a list that is too long is said to be so once
			}
			continue
		}
		if rest, ok := strings.CutPrefix(pointer, s.Pointer); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// ByItem sorts violations by the element of the list at the pointer list ("/locations") that they
// concern: items[i] are those of element i, rest are those of the request as a whole.
func ByItem(violations []domain.Violation, list string) (items map[int][]domain.Violation, rest []domain.Violation) {
	for _, v := range violations {
		if i, ok := itemOf(v.Pointer, list); ok {
			if items == nil {
				items = map[int][]domain.Violation{}
			}
			items[i] = append(items[i], v)
		} else {
			rest = append(rest, v)
		}
	}
	return items, rest
}

func itemOf(pointer, list string) (int, bool) {
	after, ok := strings.CutPrefix(pointer, list+"/")
	if !ok {
		return 0, false
	}
	index, _, _ := strings.Cut(after, "/")
	i, err := strconv.Atoi(index)
	return i, err == nil
}

// Under returns the violations with their pointers moved below prefix ("/locations/3").
func Under(prefix string, violations []domain.Violation) []domain.Violation {
	out := make([]domain.Violation, len(violations))
	for i, v := range violations {
		v.Pointer = prefix + v.Pointer
		out[i] = v
	}
	return out
}

// maxNameLength is how much of a name that the contract does not have is repeated in an answer.
const maxNameLength = 64

func clip(name []byte) string {
	if len(name) <= maxNameLength {
		return string(name)
	}
	return strings.ToValidUTF8(string(name[:maxNameLength]), "") + "…"
}

func unknownField(name []byte, fields []fieldPlan) string {
	detail := fmt.Sprintf("there is no field %q", clip(name))
	known := func(yield func(string) bool) {
		for _, f := range fields {
			if !yield(f.name) {
				return
			}
		}
	}
	if best := domain.NearestName(string(name), known); best != "" {
		detail += fmt.Sprintf("; did you mean %q?", best)
	}
	return detail
}
