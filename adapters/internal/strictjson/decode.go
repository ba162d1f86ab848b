package strictjson

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"sync"

	"github.com/guardy-ai/guardy/domain"
)

// MaxDepth is how deep arrays and objects may nest. The contract needs five; the rest is slack.
const MaxDepth = 32

const (
	// maxViolations bounds what one document, and maxItemViolations what one element of an array of
	// objects, reports. Every element has its own bound so that no bad element of a batch can hide
	// behind the many faults of another one and pass for good.
	maxViolations     = 100
	maxItemViolations = 16
)

// Options change what is accepted. The zero value accepts the contract's names only.
type Options struct {
	// CamelCase accepts the lowerCamelCase form of each name as well, which is what the JSON mapping
	// of protobuf writes. Both forms of one name in one object are a duplicate.
	CamelCase bool
	// NaNText accepts the string "NaN" for a missing number in an array of numbers, which is what the JSON mapping
	// of protobuf writes there: it has no null in an array.
	NaNText bool
	// MaxItems bounds the elements of an array of objects whose field has no tag `most:"n"`; further elements are
	// checked for syntax but not kept, so that a small body cannot claim much memory. 0 is no bound.
	MaxItems int
}

// Preset gives every missing value of v, a pointer to a struct, as Decode does before it reads.
func Preset(v any) {
	target := reflect.ValueOf(v).Elem()
	planOf(target.Type()).preset(target)
}

// Decode decodes the one JSON object in data into v, a pointer to a struct.
//
// Absent and null leave a field at its zero value, a pointer at nil, and a float64 that is tagged
// `missing:"nan"` at NaN; null in a []float64 is NaN. Strings are copied, so v does not alias data.
//
// The error is a *domain.Error: KindMalformed when data is not JSON, with the byte at which it ends
// to be; KindInvalid with all violations when it is JSON of another shape. In the latter case all
// the other fields of v are set, so that the caller can go on and find the violations of meaning.
func Decode(data []byte, v any, opt Options) error {
	target := reflect.ValueOf(v).Elem()
	plan := planOf(target.Type())
	d := decoders.Get().(*decoder)
	defer d.release()
	d.data, d.opt, d.limit = data, opt, maxViolations

	d.space()
	if d.pos == len(d.data) {
		d.syntax("the body is empty")
	} else {
		plan.preset(target)
		if plan.decode(d, target) {
			d.space()
			if d.pos < len(d.data) {
				d.syntax("there is data after the end of the JSON value")
			}
		}
	}
	switch {
	case d.failure != nil:
		return &domain.Error{
			Kind: domain.KindMalformed, Op: "decode", Msg: "the body is not valid JSON: " + d.failure.Detail,
			Violations: []domain.Violation{*d.failure},
		}
	case d.omitted > 0:
		d.report(d.overflow())
	}
	if len(d.violations) == 0 {
		return nil
	}
	return domain.Invalid("decode", d.violations)
}

// decoder is the state of one Decode. Its methods that consume input return false once a syntax
// error is in failure.
type decoder struct {
	data []byte
	pos  int
	opt  Options

	path  [MaxDepth + 1]segment
	depth int // segments in use, and open arrays and objects

	nodes int // of the tree being decoded
	most  int // elements that the array of objects being decoded may have; 0 is no bound

	scratch []byte // the unescaped form of the newest string that had escapes

	kept []float64 // the newest optional numbers

	failure    *domain.Violation
	violations []domain.Violation
	limit      int // how many more violations may be reported here
	omitted    int
}

// segment is one step of the path to the value being decoded: a name, which may be empty, or the
// index in an array, or nowhere: between two fields of an object.
type segment struct {
	name  string
	index int // in an array, or isName, or nowhere
}

const (
	isName  = -1
	nowhere = -2
)

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// release forgets the request, which the pool must not keep alive.
func (d *decoder) release() {
	scratch := d.scratch
	if cap(scratch) > 4096 {
		scratch = nil
	}
	*d = decoder{scratch: scratch[:0]}
	decoders.Put(d)
}

// open enters the array or object that begins at pos.
func (d *decoder) open() bool {
	if d.depth == MaxDepth {
		return d.syntax(fmt.Sprintf("arrays and objects are nested deeper than %d levels", MaxDepth))
	}
	d.pos++
	d.path[d.depth] = segment{index: nowhere}
	d.depth++
	return true
}

func (d *decoder) close() { d.depth-- }

// at names the place within the innermost array or object.
func (d *decoder) at(s segment) { d.path[d.depth-1] = s }

// first begins an array or object after open, and reports whether it has a first element. It has none, too, where the
// text ends.
func (d *decoder) first(end byte) bool {
	d.space()
	if d.peek() == end {
		d.pos++
		d.close()
		return false
	}
	return true
}

// following passes over the comma before a further element, or over the end. It returns false for both the end and a
// syntax error.
func (d *decoder) following(end byte, want string) bool {
	d.space()
	switch d.peek() {
	case ',':
		d.pos++
		d.space()
		return true
	case end:
		d.pos++
		d.close()
		return false
	}
	return d.unexpected(want)
}

// name reads the name of a member and the colon after it. It is valid until the next string is read.
func (d *decoder) name() ([]byte, bool) {
	if d.peek() != '"' {
		return nil, d.unexpected("a field name in quotes")
	}
	name, ok := d.str()
	if !ok {
		return nil, false
	}
	d.space()
	if d.peek() != ':' {
		return nil, d.unexpected("a colon after the field name")
	}
	d.pos++
	d.space()
	return name, true
}

// object walks the object at pos and calls field for every name; name is valid until the next string
// is read.
func (d *decoder) object(field func(name []byte) bool) bool {
	if !d.open() {
		return false
	}
	for more := d.first('}'); more; more = d.following('}', "a comma or the end of the object") {
		name, ok := d.name()
		if !ok || !field(name) {
			return false
		}
		d.at(segment{index: nowhere})
	}
	return d.failure == nil
}

// array walks the array at pos and calls element for every index.
func (d *decoder) array(element func(i int) bool) bool {
	if !d.open() {
		return false
	}
	i := 0
	for more := d.first(']'); more; more = d.following(']', "a comma or the end of the array") {
		d.at(segment{index: i})
		if !element(i) {
			return false
		}
		i++
	}
	return d.failure == nil
}

// skip passes over one value and checks its syntax.
func (d *decoder) skip() bool {
	switch c := d.peek(); {
	case c == '{':
		return d.object(func([]byte) bool { return d.skip() })
	case c == '[':
		return d.array(func(int) bool { return d.skip() })
	case c == '"':
		_, ok := d.str()
		return ok
	case c == 't':
		return d.literal("true")
	case c == 'f':
		return d.literal("false")
	case c == 'n':
		return d.literal("null")
	}
	_, ok := d.number()
	return ok
}

// null passes over a null if there is one at pos.
func (d *decoder) null() (isNull, ok bool) {
	if d.peek() != 'n' {
		return false, true
	}
	return true, d.literal("null")
}

// mismatch reports the value at pos, which is not of the wanted type, and passes over it.
func (d *decoder) mismatch(want string) bool {
	var got string
	switch d.peek() {
	case '{':
		got = "an object"
	case '[':
		got = "an array"
	case '"':
		got = "a string"
	case 't', 'f':
		got = "a boolean"
	case 'n':
		got = "null"
	default:
		got = "a number"
	}
	d.violation(domain.CodeType, want+" is required, not "+got)
	return d.skip()
}

// float decodes the number at pos; set is false when it was reported instead.
func (d *decoder) float() (f float64, set, ok bool) {
	if !startsNumber(d.peek()) {
		return 0, false, d.mismatch("a number")
	}
	if f, plain := d.plainFloat(); plain {
		return f, true, true
	}
	text, ok := d.number()
	if !ok {
		return 0, false, false
	}
	f, err := strconv.ParseFloat(string(text), 64) // the conversion stays on the stack
	if err != nil {
		d.violation(domain.CodeNotFinite, "the number is too large to be represented")
		return 0, false, true
	}
	return f, true, true
}

// keep returns where f lies from now on. Most of a question is optional numbers, so they share allocations.
func (d *decoder) keep(f float64) *float64 {
	if len(d.kept) == cap(d.kept) {
		d.kept = make([]float64, 0, 16)
	}
	d.kept = append(d.kept, f)
	return &d.kept[len(d.kept)-1]
}

// integer decodes the number at pos if it is whole and within the bits of a signed integer.
func (d *decoder) integer(bits int) (n int64, set, ok bool) {
	f, set, ok := d.float()
	if !set || !ok {
		return 0, false, ok
	}
	limit := math.Ldexp(1, min(bits, 54)-1) // beyond 2^53 a float64 has no exact integers
	switch {
	case f != math.Trunc(f):
		d.violation(domain.CodeType, "a whole number is required")
		return 0, false, true
	case f < -limit || f >= limit:
		d.violation(domain.CodeRange, fmt.Sprintf("%g is outside %g to %g", f, -limit, limit-1))
		return 0, false, true
	}
	return int64(f), true, true
}
