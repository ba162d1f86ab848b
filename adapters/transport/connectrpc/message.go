package connectrpc

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
)

// readBinary reads the protobuf in data as the message m and fills to, the contract's struct of the request, by
// the names of the fields.
func readBinary(data []byte, m proto.Message, to any) error {
	if proto.Unmarshal(data, m) != nil {
		const msg = "the message is not valid protobuf, or has text that is not UTF-8"
		return &domain.Error{
			Kind: domain.KindMalformed, Op: "decode", Msg: msg,
			Violations: []domain.Violation{{Code: domain.CodeSyntax, Detail: msg}},
		}
	}
	strictjson.Preset(to)
	target, from := reflect.ValueOf(to).Elem(), reflect.ValueOf(m).Elem()
	c := copying{violations: unknownFields(nil, "", m.ProtoReflect())}
	copierOf(target.Type(), from.Type()).run(&c, "", target, from)
	return domain.Invalid("decode", c.violations)
}

// copying is the state of one copy.
type copying struct{ violations []domain.Violation }

// copier copies the fields of a message into those of a struct of the contract that have the same names.
type copier struct{ fields []fieldCopier }

type fieldCopier struct {
	name     string
	to, from []int // as reflect.Value.FieldByIndex takes them
	copy     copyFunc
}

// copyFunc copies a field that is present. at is its pointer.
type copyFunc func(c *copying, at string, to, from reflect.Value)

type copierKey struct{ to, from reflect.Type }

var copiers sync.Map // copierKey to *copier

func copierOf(to, from reflect.Type) *copier {
	key := copierKey{to, from}
	if c, ok := copiers.Load(key); ok {
		return c.(*copier)
	}
	c, _ := copiers.LoadOrStore(key, compileCopier(to, from))
	return c.(*copier)
}

// compileCopier panics where the contract's struct and the message do not have the same fields: both are fixed at
// build time, and a test compiles all of them.
func compileCopier(to, from reflect.Type) *copier {
	out := &copier{}
	sources := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(from) {
		if name := jsonName(f); name != "" && f.IsExported() {
			sources[name] = f
		}
	}
	for _, f := range reflect.VisibleFields(to) {
		name := jsonName(f)
		if name == "" || f.Anonymous {
			continue
		}
		source, known := sources[name]
		if !known {
			panic(fmt.Sprintf("connectrpc: %v has no field %s, which %v has", from, name, to))
		}
		delete(sources, name)
		out.fields = append(out.fields, fieldCopier{name, f.Index, source.Index, compileCopy(f.Type, source.Type)})
	}
	for name := range sources {
		panic(fmt.Sprintf("connectrpc: %v has no field %s, which %v has", to, name, from))
	}
	return out
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

func (p *copier) run(c *copying, at string, to, from reflect.Value) {
	for i := range p.fields {
		f := &p.fields[i]
		source := from.FieldByIndex(f.from)
		if source.IsZero() && source.Kind() != reflect.Slice { // absent
			continue
		}
		f.copy(c, at+"/"+f.name, to.FieldByIndex(f.to), source)
	}
}

var structType = reflect.TypeFor[*structpb.Struct]()

func compileCopy(to, from reflect.Type) copyFunc {
	switch {
	case from == structType:
		return func(_ *copying, _ string, to, from reflect.Value) {
			to.Set(reflect.ValueOf(members(from.Interface().(*structpb.Struct))))
		}
	case to == from: // a list of numbers, a map, a scalar that may be absent on both sides
		return func(_ *copying, _ string, to, from reflect.Value) { to.Set(from) }
	case to.Kind() == reflect.Float64:
		return copyNumber
	case to == reflect.TypeFor[strictjson.Moment]():
		return func(_ *copying, _ string, to, from reflect.Value) {
			to.Set(reflect.ValueOf(strictjson.Moment{Text: from.Elem().String(), IsGiven: true}))
		}
	case to.Kind() == reflect.String && from.Kind() == reflect.Pointer:
		return func(_ *copying, _ string, to, from reflect.Value) { to.SetString(from.Elem().String()) }
	case to.Kind() == reflect.Struct:
		nested := copierOf(to, from.Elem())
		return func(c *copying, at string, to, from reflect.Value) { nested.run(c, at, to, from.Elem()) }
	case to.Kind() == reflect.Slice && to.Elem().Kind() == reflect.Int:
		return copyIntegers
	case to.Kind() == reflect.Slice && to.Elem().Kind() == reflect.Struct:
		return copyObjects(copierOf(to.Elem(), from.Elem().Elem()))
	}
	panic(fmt.Sprintf("connectrpc: cannot copy a %v to a %v", from, to))
}

// copyNumber copies a number of its own. Missing is absent there: a NaN, which only the binary encoding can
// carry, is a mistake of the sender.
func copyNumber(c *copying, at string, to, from reflect.Value) {
	v := from.Elem().Float()
	if math.IsNaN(v) {
		c.violations = append(c.violations, domain.Violation{Pointer: at, Code: domain.CodeNotFinite, Detail: "the number must be finite"})
		return
	}
	to.SetFloat(v)
}

func copyIntegers(_ *copying, _ string, to, from reflect.Value) {
	if from.IsNil() {
		return
	}
	to.Set(reflect.MakeSlice(to.Type(), from.Len(), from.Len()))
	for i := range from.Len() {
		to.Index(i).SetInt(from.Index(i).Int())
	}
}

func copyObjects(nested *copier) copyFunc {
	return func(c *copying, at string, to, from reflect.Value) {
		if from.IsNil() {
			return
		}
		to.Set(reflect.MakeSlice(to.Type(), from.Len(), from.Len()))
		for i := range from.Len() {
			strictjson.Preset(to.Index(i).Addr().Interface())
			nested.run(c, at+"/"+strconv.Itoa(i), to.Index(i), from.Index(i).Elem())
		}
	}
}

// members returns an object as decoded JSON. Unlike Struct.AsMap it keeps NaN and infinity, which the binary
// encoding can carry, as the numbers that they are not.
func members(s *structpb.Struct) map[string]any {
	object := make(map[string]any, len(s.Fields))
	for name, v := range s.Fields {
		object[name] = tree(v)
	}
	return object
}

func tree(v *structpb.Value) any {
	switch kind := v.GetKind().(type) {
	case *structpb.Value_NumberValue:
		return kind.NumberValue
	case *structpb.Value_StringValue:
		return kind.StringValue
	case *structpb.Value_BoolValue:
		return kind.BoolValue
	case *structpb.Value_StructValue:
		return members(kind.StructValue)
	case *structpb.Value_ListValue:
		list := make([]any, len(kind.ListValue.GetValues()))
		for i, element := range kind.ListValue.GetValues() {
			list[i] = tree(element)
		}
		return list
	}
	return nil
}

// maxUnknown bounds the unknown fields that are listed for one message.
const maxUnknown = 16

var structName = (*structpb.Struct)(nil).ProtoReflect().Descriptor().FullName()

// unknownFields reports the fields that the schema does not have, and those it has with another type,
// which protobuf would put aside in the same way.
func unknownFields(vs []domain.Violation, pointer string, m protoreflect.Message) []domain.Violation {
	fields := m.Descriptor().Fields()
	raw := m.GetUnknown()
	for n := 0; len(raw) > 0 && n < maxUnknown; n++ {
		number, _, length := protowire.ConsumeField(raw)
		if length < 0 {
			break // Unmarshal kept only fields that parse
		}
		raw = raw[length:]
		v := domain.Violation{
			Pointer: pointer + "/" + strconv.Itoa(int(number)), Code: domain.CodeUnknownField,
			Detail: fmt.Sprintf("there is no field number %d", number),
		}
		if fd := fields.ByNumber(number); fd != nil {
			v = domain.Violation{
				Pointer: pointer + "/" + string(fd.Name()), Code: domain.CodeType,
				Detail: fmt.Sprintf("field number %d is not of type %v", number, fd.Kind()),
			}
		}
		vs = append(vs, v)
	}
	for i := range fields.Len() {
		fd := fields.Get(i)
		// An entry of a map keeps nothing unknown; what is in a Struct is checked by those who know what it should be.
		if fd.Message() == nil || fd.IsMap() || !m.Has(fd) || fd.Message().FullName() == structName {
			continue
		}
		if !fd.IsList() {
			vs = unknownFields(vs, pointer+"/"+string(fd.Name()), m.Get(fd).Message())
			continue
		}
		list := m.Get(fd).List()
		for j := range list.Len() {
			vs = unknownFields(vs, pointer+"/"+string(fd.Name())+"/"+strconv.Itoa(j), list.Get(j).Message())
		}
	}
	return vs
}
