package strictjson

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/guardy-ai/guardy/domain"
)

// decodeFunc decodes the value at the decoder's position, which is not null, into v.
type decodeFunc func(d *decoder, v reflect.Value) bool

// structPlan is how a struct type is decoded; built once per type.
type structPlan struct {
	fields []fieldPlan
	names  map[string]int // index of the field by the contract's name
	camel  map[string]int // and by either form of the name
	// template has NaN in every field that is tagged so, here and in nested structs; invalid when
	// there is none.
	template reflect.Value
}

type fieldPlan struct {
	name   string
	quoted []byte // the name as it usually stands: in quotes, with the colon
	// index is the place of the field in its struct. That is the struct embedded at outer where outer is not none.
	index, outer int
	decode       decodeFunc
	// most bounds the elements of an array of objects, in place of Options.MaxItems; 0 where the tag says nothing.
	most int
}

const none = -1

func (f *fieldPlan) of(v reflect.Value) reflect.Value {
	if f.outer != none {
		v = v.Field(f.outer)
	}
	return v.Field(f.index)
}

var plans sync.Map // reflect.Type to *structPlan

func planOf(t reflect.Type) *structPlan {
	if p, ok := plans.Load(t); ok {
		return p.(*structPlan)
	}
	p, _ := plans.LoadOrStore(t, compile(t, map[reflect.Type]*structPlan{}))
	return p.(*structPlan)
}

// maxFields is the width of the set that finds duplicates.
const maxFields = 64

// compile panics on a type that it cannot decode: wire structs are fixed at build time.
func compile(t reflect.Type, open map[reflect.Type]*structPlan) *structPlan {
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("strictjson: cannot decode into %v", t))
	}
	if p := open[t]; p != nil {
		return p
	}
	p := &structPlan{names: map[string]int{}, camel: map[string]int{}}
	open[t] = p
	template := reflect.New(t).Elem()
	p.add(t, none, template, open)
	if len(p.fields) > maxFields {
		panic(fmt.Sprintf("strictjson: %v has more than %d fields", t, maxFields))
	}
	return p
}

// add adds the fields of t, which is the struct of the plan or the one embedded in it at outer. The fields of an
// embedded struct stand among those around it, as in encoding/json; embedded structs embed none.
func (p *structPlan) add(t reflect.Type, outer int, template reflect.Value, open map[reflect.Type]*structPlan) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct && outer == none && f.Tag.Get("json") == "" && f.IsExported() {
			p.add(f.Type, i, template, open)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "" || name == "-" {
			continue
		}
		n := len(p.fields)
		most, _ := strconv.Atoi(f.Tag.Get("most"))
		p.fields = append(p.fields, fieldPlan{name: name, quoted: []byte(`"` + name + `":`), index: i, outer: outer, decode: compileValue(f.Type, open), most: most})
		p.names[name], p.camel[name], p.camel[lowerCamel(name)] = n, n, n
		missing := p.fields[n].of(template)
		switch {
		case f.Tag.Get("missing") == "nan":
			missing.SetFloat(math.NaN())
			p.template = template
		case f.Type.Kind() == reflect.Struct && open[f.Type] != nil && open[f.Type].template.IsValid():
			missing.Set(open[f.Type].template)
			p.template = template
		}
	}
}

var rawMessage = reflect.TypeFor[json.RawMessage]()

func compileValue(t reflect.Type, open map[reflect.Type]*structPlan) decodeFunc {
	switch {
	case t == rawMessage:
		return decodeRaw
	case t == reflect.TypeFor[Moment]():
		return decodeMoment
	case t == reflect.TypeFor[structpb.Struct]():
		return decodeStruct
	case t.Kind() == reflect.Struct:
		return compile(t, open).decode
	case t == reflect.TypeFor[*float64]():
		return decodeOptionalFloat
	case t.Kind() == reflect.Pointer:
		return compilePointer(t.Elem(), open)
	case t == reflect.TypeFor[[]float64]():
		return decodeFloats
	case t.Kind() == reflect.Slice:
		return compileSlice(t.Elem(), open)
	case t == reflect.TypeFor[map[string]float64]():
		return decodeFloatMap
	case t == reflect.TypeFor[map[string]any]():
		return decodeObject
	}
	switch t.Kind() {
	case reflect.Float64:
		return decodeFloat
	case reflect.String:
		return decodeString
	case reflect.Bool:
		return decodeBool
	case reflect.Int, reflect.Int32, reflect.Int64:
		return decodeInt
	default:
		panic(fmt.Sprintf("strictjson: cannot decode into %v", t))
	}
}

// preset gives v its missing values; a nil plan, of a type that is no struct, has none.
func (p *structPlan) preset(v reflect.Value) {
	if p != nil && p.template.IsValid() {
		v.Set(p.template)
	}
}

func (p *structPlan) decode(d *decoder, v reflect.Value) bool {
	if d.peek() != '{' {
		return d.mismatch("an object")
	}
	if !d.open() {
		return false
	}
	var seen uint64
	next := 0 // clients mostly keep the order of the contract, which saves reading the name
	for more := d.first('}'); more; more = d.following('}', "a comma or the end of the object") {
		n, ok := p.field(d, next)
		if !ok {
			return false
		}
		if n == none {
			if !d.skip() {
				return false
			}
			continue
		}
		next = n + 1
		f := &p.fields[n]
		d.at(segment{f.name, isName})
		switch isNull, ok := d.null(); {
		case !ok:
			return false
		case seen&(1<<n) != 0:
			d.violation(domain.CodeDuplicate, "the field is given more than once")
			if !isNull && !d.skip() {
				return false
			}
		case !isNull:
			d.most = cmp.Or(f.most, d.opt.MaxItems)
			if !f.decode(d, f.of(v)) {
				return false
			}
		}
		seen |= 1 << n
		d.at(segment{index: nowhere})
	}
	return d.failure == nil
}

// field reads the name at pos and the colon after it, and returns the index of the field; none for a name that the
// contract does not have, which it reports. It tries the field next first.
func (p *structPlan) field(d *decoder, next int) (n int, ok bool) {
	if next < len(p.fields) && bytes.HasPrefix(d.data[d.pos:], p.fields[next].quoted) {
		d.pos += len(p.fields[next].quoted)
		d.space()
		return next, true
	}
	name, ok := d.name()
	if !ok {
		return 0, false
	}
	names := p.names
	if d.opt.CamelCase {
		names = p.camel
	}
	n, known := names[string(name)]
	if !known {
		if d.limit == 0 { // what is not listed costs no search for what was meant
			d.omitted++
			return none, true
		}
		d.at(segment{clip(name), isName})
		d.violation(domain.CodeUnknownField, unknownField(name, p.fields))
		return none, true
	}
	return n, true
}

func compilePointer(elem reflect.Type, open map[reflect.Type]*structPlan) decodeFunc {
	decode := compileValue(elem, open)
	plan := open[elem]
	return func(d *decoder, v reflect.Value) bool {
		target := reflect.New(elem)
		plan.preset(target.Elem())
		reported := len(d.violations) + d.omitted
		if !decode(d, target.Elem()) {
			return false
		}
		// A scalar that was refused stays absent; an object keeps what could be read of it.
		if plan != nil || len(d.violations)+d.omitted == reported {
			v.Set(target)
		}
		return true
	}
}

// compileSlice decodes arrays of anything but plain numbers.
func compileSlice(elem reflect.Type, open map[reflect.Type]*structPlan) decodeFunc {
	decode := compileValue(elem, open)
	plan := open[elem]
	objects := plan != nil || elem.Kind() == reflect.Pointer
	return func(d *decoder, v reflect.Value) bool {
		if d.peek() != '[' {
			return d.mismatch("an array")
		}
		most := d.most
		v.SetLen(0)
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 4)) // an empty array differs from an absent one
		}
		count := 0
		ok := d.array(func(i int) bool {
			count++
			if objects && most > 0 && i >= most {
				return d.skip()
			}
			if i == v.Cap() {
				v.Grow(max(1, i)) // doubles: a quarter more, as append does, would move large items often
			}
			v.SetLen(i + 1)
			e := v.Index(i)
			e.SetZero()
			plan.preset(e)
			if !objects {
				return decode(d, e)
			}
			if d.peek() == 'n' {
				return d.mismatch("an object")
			}
			return d.item(func() bool { return decode(d, e) })
		})
		if ok && objects && most > 0 && count > most {
			if tooMany := CheckCount(d.pointer(), count, most); tooMany != nil {
				d.report(*tooMany)
			}
		}
		return ok
	}
}

func decodeFloat(d *decoder, v reflect.Value) bool {
	f, set, ok := d.float()
	if set {
		v.SetFloat(f)
	}
	return ok
}

// decodeOptionalFloat leaves a number that was refused absent.
func decodeOptionalFloat(d *decoder, v reflect.Value) bool {
	f, set, ok := d.float()
	if set {
		*v.Addr().Interface().(**float64) = d.keep(f)
	}
	return ok
}

func decodeInt(d *decoder, v reflect.Value) bool {
	n, set, ok := d.integer(v.Type().Bits())
	if set {
		v.SetInt(n)
	}
	return ok
}

func decodeString(d *decoder, v reflect.Value) bool {
	if d.peek() != '"' {
		return d.mismatch("a string")
	}
	s, ok := d.str()
	if ok {
		v.SetString(string(s))
	}
	return ok
}

func decodeBool(d *decoder, v reflect.Value) bool {
	switch d.peek() {
	case 't':
		v.SetBool(true)
		return d.literal("true")
	case 'f':
		v.SetBool(false)
		return d.literal("false")
	}
	return d.mismatch("true or false")
}

// nanText is how the JSON mapping of protobuf writes NaN.
var nanText = []byte(`"NaN"`)

// decodeFloats keeps the place of a number that is null or was refused, as NaN.
func decodeFloats(d *decoder, v reflect.Value) bool {
	if d.peek() != '[' {
		return d.mismatch("an array of numbers")
	}
	out := v.Addr().Interface().(*[]float64)
	*out = slices.Grow((*out)[:0], 8)
	return d.array(func(int) bool {
		if isNull, ok := d.null(); isNull || !ok {
			*out = append(*out, math.NaN())
			return ok
		}
		if d.opt.NaNText && bytes.HasPrefix(d.data[d.pos:], nanText) {
			d.pos += len(nanText)
			*out = append(*out, math.NaN())
			return true
		}
		f, set, ok := d.float()
		if !set {
			f = math.NaN()
		}
		*out = append(*out, f)
		return ok
	})
}

func decodeFloatMap(d *decoder, v reflect.Value) bool {
	if d.peek() != '{' {
		return d.mismatch("an object")
	}
	out := map[string]float64{}
	v.Set(reflect.ValueOf(out))
	return d.object(func(name []byte) bool {
		key := string(name)
		d.at(segment{clip(name), isName})
		if _, twice := out[key]; twice {
			d.violation(domain.CodeDuplicate, "the field is given more than once")
			return d.skip()
		}
		out[key] = math.NaN()
		if isNull, ok := d.null(); isNull || !ok {
			return ok
		}
		f, set, ok := d.float()
		if set {
			out[key] = f
		}
		return ok
	})
}

func decodeRaw(d *decoder, v reflect.Value) bool {
	start := d.pos
	if !d.skip() {
		return false
	}
	v.SetBytes(slices.Clone(d.data[start:d.pos]))
	return true
}

// lowerCamel returns the name that the JSON mapping of protobuf gives to a snake_case field.
func lowerCamel(name string) string {
	var b strings.Builder
	up := false
	for i := range len(name) {
		switch c := name[i]; {
		case c == '_':
			up = true
		case up && c >= 'a' && c <= 'z':
			b.WriteByte(c - 'a' + 'A')
			up = false
		default:
			b.WriteByte(c)
			up = false
		}
	}
	return b.String()
}
