package connectrpc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// transcode appends the protobuf encoding of an answer in the JSON of the contract. The schema m says which field
// has which number and type. The text is of our own making: its names and types are checked, its syntax only as far
// as reading needs it. Going through the generated struct instead costs three times as much (BenchmarkTranscode).
//
// Null is absent, and in a list of numbers NaN. Null is an error where the schema has no absence: a number that could
// not be written must not become a zero.
func transcode(dst, text []byte, m protoreflect.MessageDescriptor) ([]byte, error) {
	t := transcoder{text: text}
	dst, err := t.message(dst, layoutOf(m))
	if err == nil && t.pos != len(text) {
		err = errors.New("there is text behind the answer")
	}
	if err != nil {
		return dst, fmt.Errorf("make a %s of the answer: %w", m.FullName(), err)
	}
	return dst, nil
}

// layout is what transcode needs to know of a message.
type layout struct {
	fields []fieldLayout
	byName map[string]int
	// isStruct marks google.protobuf.Struct, which holds any object.
	isStruct bool
}

type fieldLayout struct {
	name     string
	number   protowire.Number
	kind     protoreflect.Kind
	list     bool
	presence bool
	message  *layout // of a message, of the elements of a list of messages
	entry    *layout // of a map: its key and its value
}

var layouts sync.Map // protoreflect.FullName to *layout

func layoutOf(m protoreflect.MessageDescriptor) *layout {
	if l, ok := layouts.Load(m.FullName()); ok {
		return l.(*layout)
	}
	l, _ := layouts.LoadOrStore(m.FullName(), newLayout(m))
	return l.(*layout)
}

func newLayout(m protoreflect.MessageDescriptor) *layout {
	if m.FullName() == structName {
		return &layout{isStruct: true}
	}
	l := &layout{byName: map[string]int{}}
	for i := range m.Fields().Len() {
		fd := m.Fields().Get(i)
		f := fieldLayout{
			name: string(fd.Name()), number: fd.Number(), kind: fd.Kind(), list: fd.IsList(),
			presence: fd.HasPresence() || fd.IsList() || fd.IsMap(),
		}
		switch {
		case fd.IsMap():
			f.entry = newLayout(fd.Message())
		case fd.Message() != nil:
			f.message = layoutOf(fd.Message())
		}
		l.byName[f.name] = len(l.fields)
		l.fields = append(l.fields, f)
	}
	return l
}

// transcoder reads text from pos on.
type transcoder struct {
	text []byte
	pos  int
}

var errSyntax = errors.New("the answer is not the JSON that is written here")

// next passes over c and reports whether it was there.
func (t *transcoder) next(c byte) bool {
	if t.pos < len(t.text) && t.text[t.pos] == c {
		t.pos++
		return true
	}
	return false
}

func (t *transcoder) literal(word string) bool {
	if bytes.HasPrefix(t.text[t.pos:], []byte(word)) {
		t.pos += len(word)
		return true
	}
	return false
}

// members calls member for each name of the object at pos.
func (t *transcoder) members(member func(name []byte) error) error {
	if !t.next('{') {
		return errSyntax
	}
	for first := true; !t.next('}'); first = false {
		if !first && !t.next(',') {
			return errSyntax
		}
		name, err := t.str()
		if err != nil {
			return err
		}
		if !t.next(':') {
			return errSyntax
		}
		if err := member(name); err != nil {
			return err
		}
	}
	return nil
}

// elements calls element for each element of the array at pos.
func (t *transcoder) elements(element func() error) error {
	if !t.next('[') {
		return errSyntax
	}
	for first := true; !t.next(']'); first = false {
		if !first && !t.next(',') {
			return errSyntax
		}
		if err := element(); err != nil {
			return err
		}
	}
	return nil
}

// str returns the text at pos without its quotes and escapes. It may alias t.text.
func (t *transcoder) str() ([]byte, error) {
	if !t.next('"') {
		return nil, errSyntax
	}
	start := t.pos
	for t.pos < len(t.text) {
		switch t.text[t.pos] {
		case '"':
			t.pos++
			return t.text[start : t.pos-1], nil
		case '\\':
			return t.escaped(start)
		}
		t.pos++
	}
	return nil, errSyntax
}

// escaped reads on a text that begins at start and has an escape at pos.
func (t *transcoder) escaped(start int) ([]byte, error) {
	for t.pos < len(t.text) && t.text[t.pos] != '"' {
		if t.text[t.pos] == '\\' {
			t.pos++
		}
		t.pos++
	}
	if !t.next('"') {
		return nil, errSyntax
	}
	var s string
	err := json.Unmarshal(t.text[start-1:t.pos], &s)
	return []byte(s), err
}

// number returns the text of the number at pos.
func (t *transcoder) number() []byte {
	start := t.pos
	for t.pos < len(t.text) {
		switch c := t.text[t.pos]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e':
			t.pos++
			continue
		}
		break
	}
	return t.text[start:t.pos]
}

func (t *transcoder) float(bits int) (float64, error) {
	return strconv.ParseFloat(string(t.number()), bits) // the conversion stays on the stack
}

// message appends the fields of the object at pos.
func (t *transcoder) message(dst []byte, l *layout) ([]byte, error) {
	if l.isStruct {
		return t.anyObject(dst)
	}
	expected := 0 // answers mostly keep the order of the schema, which saves the look-up
	err := t.members(func(name []byte) (err error) {
		i := expected
		if i >= len(l.fields) || l.fields[i].name != string(name) {
			var known bool
			if i, known = l.byName[string(name)]; !known {
				return fmt.Errorf("the schema has no field %q", name)
			}
		}
		expected = i + 1
		dst, err = t.field(dst, &l.fields[i])
		return err
	})
	return dst, err
}

func (t *transcoder) field(dst []byte, f *fieldLayout) ([]byte, error) {
	switch {
	case t.literal("null"):
		if !f.presence {
			return dst, fmt.Errorf("%s is missing", f.name)
		}
		return dst, nil
	case f.entry != nil:
		return t.entries(dst, f)
	case f.list && f.kind == protoreflect.DoubleKind:
		return t.doubles(dst, f)
	case f.list:
		err := t.elements(func() (err error) {
			dst, err = t.value(dst, f, true)
			return err
		})
		return dst, err
	}
	return t.value(dst, f, f.presence)
}

// entries appends the members of an object whose names are not the contract's, in their order.
func (t *transcoder) entries(dst []byte, f *fieldLayout) ([]byte, error) {
	key, value := &f.entry.fields[0], &f.entry.fields[1]
	err := t.members(func(name []byte) (err error) {
		dst = protowire.AppendTag(dst, f.number, protowire.BytesType)
		dst, err = sized(dst, func(dst []byte) ([]byte, error) {
			dst = protowire.AppendBytes(protowire.AppendTag(dst, key.number, protowire.BytesType), name)
			return t.value(dst, value, true)
		})
		return err
	})
	return dst, err
}

// doubles appends a list of numbers, which protobuf packs.
func (t *transcoder) doubles(dst []byte, f *fieldLayout) ([]byte, error) {
	if bytes.HasPrefix(t.text[t.pos:], []byte("[]")) {
		t.pos += 2
		return dst, nil
	}
	return sized(protowire.AppendTag(dst, f.number, protowire.BytesType), func(dst []byte) ([]byte, error) {
		err := t.elements(func() error {
			v := math.NaN()
			if !t.literal("null") {
				var err error
				if v, err = t.float(64); err != nil {
					return err
				}
			}
			dst = protowire.AppendFixed64(dst, math.Float64bits(v))
			return nil
		})
		return dst, err
	})
}

// value appends one value with its tag. A zero is not written unless it is told apart from absence.
func (t *transcoder) value(dst []byte, f *fieldLayout, zeros bool) ([]byte, error) {
	switch f.kind {
	case protoreflect.MessageKind:
		return sized(protowire.AppendTag(dst, f.number, protowire.BytesType), func(dst []byte) ([]byte, error) {
			return t.message(dst, f.message)
		})
	case protoreflect.StringKind:
		s, err := t.str()
		if err != nil || len(s) == 0 && !zeros {
			return dst, err
		}
		if !utf8.Valid(s) {
			return dst, fmt.Errorf("%s is not UTF-8", f.name)
		}
		return protowire.AppendBytes(protowire.AppendTag(dst, f.number, protowire.BytesType), s), nil
	case protoreflect.DoubleKind:
		v, err := t.float(64)
		if err != nil || math.Float64bits(v) == 0 && !zeros { // -0 is written
			return dst, err
		}
		return protowire.AppendFixed64(protowire.AppendTag(dst, f.number, protowire.Fixed64Type), math.Float64bits(v)), nil
	case protoreflect.FloatKind:
		v, err := t.float(32)
		if err != nil || math.Float64bits(v) == 0 && !zeros {
			return dst, err
		}
		return protowire.AppendFixed32(protowire.AppendTag(dst, f.number, protowire.Fixed32Type), math.Float32bits(float32(v))), nil
	}
	v, err := t.whole(f)
	if err != nil || v == 0 && !zeros {
		return dst, err
	}
	return protowire.AppendVarint(protowire.AppendTag(dst, f.number, protowire.VarintType), v), nil
}

// whole reads what protobuf writes as a whole number. It may stand in quotes, as the JSON mapping of protobuf has it.
func (t *transcoder) whole(f *fieldLayout) (v uint64, err error) {
	if f.kind == protoreflect.BoolKind {
		switch {
		case t.literal("true"):
			return 1, nil
		case t.literal("false"):
			return 0, nil
		}
		return 0, errSyntax
	}
	quoted := t.next('"')
	v, err = t.integer(f)
	if err == nil && quoted && !t.next('"') {
		err = errSyntax
	}
	return v, err
}

func (t *transcoder) integer(f *fieldLayout) (uint64, error) {
	switch f.kind {
	case protoreflect.Uint64Kind:
		return strconv.ParseUint(string(t.number()), 10, 64)
	case protoreflect.Int32Kind:
		n, err := strconv.ParseInt(string(t.number()), 10, 32)
		return uint64(n), err
	case protoreflect.Int64Kind:
		n, err := strconv.ParseInt(string(t.number()), 10, 64)
		return uint64(n), err
	}
	return 0, fmt.Errorf("%s has the type %v, which no answer has", f.name, f.kind)
}

// sized appends what content appends behind its length.
func sized(dst []byte, content func(dst []byte) ([]byte, error)) ([]byte, error) {
	at := len(dst)
	dst, err := content(append(dst, 0))
	if err != nil {
		return dst, err
	}
	n := len(dst) - at - 1
	if n < 1<<7 {
		dst[at] = byte(n)
		return dst, nil
	}
	more := protowire.SizeVarint(uint64(n)) - 1
	dst = append(dst, make([]byte, more)...)
	copy(dst[at+1+more:], dst[at+1:at+1+n])
	protowire.AppendVarint(dst[:at], uint64(n))
	return dst, nil
}

// The fields of google.protobuf.Struct, Value and ListValue.
const (
	structFields = 1
	entryKey     = 1
	entryValue   = 2
	valueNull    = 1
	valueNumber  = 2
	valueString  = 3
	valueBool    = 4
	valueStruct  = 5
	valueList    = 6
	listValues   = 1
)

// anyObject appends the object at pos as a Struct.
func (t *transcoder) anyObject(dst []byte) ([]byte, error) {
	err := t.members(func(name []byte) (err error) {
		dst, err = sized(protowire.AppendTag(dst, structFields, protowire.BytesType), func(dst []byte) ([]byte, error) {
			dst = protowire.AppendBytes(protowire.AppendTag(dst, entryKey, protowire.BytesType), name)
			return t.anyValue(dst, entryValue)
		})
		return err
	})
	return dst, err
}

// anyValue appends the value at pos as a Value in the field with that number.
func (t *transcoder) anyValue(dst []byte, field protowire.Number) ([]byte, error) {
	return sized(protowire.AppendTag(dst, field, protowire.BytesType), func(dst []byte) ([]byte, error) {
		if t.pos == len(t.text) {
			return dst, errSyntax
		}
		switch t.text[t.pos] {
		case '{':
			return sized(protowire.AppendTag(dst, valueStruct, protowire.BytesType), t.anyObject)
		case '[':
			return sized(protowire.AppendTag(dst, valueList, protowire.BytesType), func(dst []byte) ([]byte, error) {
				err := t.elements(func() (err error) {
					dst, err = t.anyValue(dst, listValues)
					return err
				})
				return dst, err
			})
		case '"':
			s, err := t.str()
			return protowire.AppendBytes(protowire.AppendTag(dst, valueString, protowire.BytesType), s), err
		}
		return t.anyScalar(dst)
	})
}

func (t *transcoder) anyScalar(dst []byte) ([]byte, error) {
	switch {
	case t.literal("null"):
		return protowire.AppendVarint(protowire.AppendTag(dst, valueNull, protowire.VarintType), 0), nil
	case t.literal("true"):
		return protowire.AppendVarint(protowire.AppendTag(dst, valueBool, protowire.VarintType), 1), nil
	case t.literal("false"):
		return protowire.AppendVarint(protowire.AppendTag(dst, valueBool, protowire.VarintType), 0), nil
	}
	v, err := t.float(64)
	return protowire.AppendFixed64(protowire.AppendTag(dst, valueNumber, protowire.Fixed64Type), math.Float64bits(v)), err
}
