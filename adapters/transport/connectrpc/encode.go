package connectrpc

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// appendJSON appends a message as the JSON API writes it: contract names, zeros and empty lists as they
// are, unset optional fields absent, 64-bit integers as numbers. Any client of the protobuf JSON
// mapping reads it. protojson cannot write all of this, and takes several times as long
// (BenchmarkEncode).
func appendJSON(dst []byte, message any) ([]byte, error) {
	m, ok := message.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("cannot marshal %T", message)
	}
	e := encoder{dst: dst}
	v := reflect.ValueOf(m).Elem()
	encoderOf(v.Type())(&e, v)
	return e.dst, e.err
}

// Fields that differ from the rule.
var (
	omitEmpty = map[string]bool{"top_contributing_factors": true} // absent unless asked for
	nullable  = map[string]bool{
		"Factor.value":                   true, // null says that the feature was missing,
		"HorizonPrediction.quantiles":    true, // and these that no river was observed
		"NowcastQuality.observed_series": true,
		"SensorFinding.value":            true, // and these that there is none
		"SensorFinding.expected":         true,
		"SensorFinding.limit":            true,
	}
	// nullableMessages write everything that is absent as null: what is not known of an evacuation.
	nullableMessages = map[string]bool{
		"PlanEvacuationResponse": true, "EvacuationZone": true, "Shelter": true, "EvacuationRoute": true, "Bottleneck": true,
		"EvacuationPlan": true, "DataSources": true,
	}
)

type encoder struct {
	dst []byte
	err error
}

type encodeFunc func(e *encoder, v reflect.Value)

var encoders sync.Map // reflect.Type of a message struct to encodeFunc

func encoderOf(t reflect.Type) encodeFunc {
	if f, ok := encoders.Load(t); ok {
		return f.(encodeFunc)
	}
	f, _ := encoders.LoadOrStore(t, compileMessage(t))
	return f.(encodeFunc)
}

type encodeField struct {
	key    string // with quotes and colon
	index  int
	encode encodeFunc
	absent func(v reflect.Value) bool
	null   bool // written as null when absent
}

// compileMessage panics on a type that no message has: the schema is fixed at build time.
func compileMessage(t reflect.Type) encodeFunc {
	if t == reflect.TypeFor[structpb.Struct]() {
		return encodeStruct
	}
	var fields []encodeField
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "" {
			continue
		}
		field := encodeField{key: strconv.Quote(name) + ":", index: i, null: nullable[t.Name()+"."+name] || nullableMessages[t.Name()]}
		switch {
		case f.Type.Kind() == reflect.Pointer:
			field.absent = reflect.Value.IsNil
		case omitEmpty[name]:
			field.absent = func(v reflect.Value) bool { return v.Len() == 0 }
		}
		field.encode = compileEncoder(f.Type)
		fields = append(fields, field)
	}
	return func(e *encoder, v reflect.Value) {
		e.dst = append(e.dst, '{')
		first := true
		for i := range fields {
			f := &fields[i]
			fv := v.Field(f.index)
			absent := f.absent != nil && f.absent(fv)
			if absent && !f.null {
				continue
			}
			if !first {
				e.dst = append(e.dst, ',')
			}
			first = false
			e.dst = append(e.dst, f.key...)
			if absent {
				e.dst = append(e.dst, "null"...)
				continue
			}
			f.encode(e, fv)
		}
		e.dst = append(e.dst, '}')
	}
}

func compileEncoder(t reflect.Type) encodeFunc {
	switch t.Kind() {
	case reflect.Struct:
		return encoderOf(t) // no message contains itself
	case reflect.Pointer:
		elem := t.Elem()
		encode := compileEncoder(elem)
		return func(e *encoder, v reflect.Value) { encode(e, v.Elem()) }
	case reflect.Slice:
		return encodeList(compileEncoder(t.Elem()), t.Elem().Kind() == reflect.Float64)
	case reflect.Map:
		return encodeMap(compileEncoder(t.Elem()))
	case reflect.Float64:
		return func(e *encoder, v reflect.Value) { e.float(v.Float(), 64) }
	case reflect.Float32:
		return func(e *encoder, v reflect.Value) { e.float(v.Float(), 32) }
	case reflect.Int32, reflect.Int64:
		return func(e *encoder, v reflect.Value) { e.dst = strconv.AppendInt(e.dst, v.Int(), 10) }
	case reflect.Uint64:
		return func(e *encoder, v reflect.Value) { e.dst = strconv.AppendUint(e.dst, v.Uint(), 10) }
	case reflect.Bool:
		return func(e *encoder, v reflect.Value) { e.dst = strconv.AppendBool(e.dst, v.Bool()) }
	case reflect.String:
		return func(e *encoder, v reflect.Value) { e.text(v.String()) }
	}
	panic(fmt.Sprintf("connectrpc: cannot encode %v", t))
}

// encodeList writes a missing number of a list, which is NaN, as null.
func encodeList(encode encodeFunc, numbers bool) encodeFunc {
	return func(e *encoder, v reflect.Value) {
		e.dst = append(e.dst, '[')
		for i := range v.Len() {
			if i > 0 {
				e.dst = append(e.dst, ',')
			}
			elem := v.Index(i)
			if numbers && math.IsNaN(elem.Float()) {
				e.dst = append(e.dst, "null"...)
				continue
			}
			encode(e, elem)
		}
		e.dst = append(e.dst, ']')
	}
}

// encodeMap sorts the names, so that equal messages have equal bytes.
func encodeMap(encode encodeFunc) encodeFunc {
	return func(e *encoder, v reflect.Value) {
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		e.dst = append(e.dst, '{')
		for i, k := range keys {
			if i > 0 {
				e.dst = append(e.dst, ',')
			}
			e.text(k.String())
			e.dst = append(e.dst, ':')
			encode(e, v.MapIndex(k))
		}
		e.dst = append(e.dst, '}')
	}
}

func encodeStruct(e *encoder, v reflect.Value) {
	dst, err := protojson.MarshalOptions{}.MarshalAppend(e.dst, v.Addr().Interface().(*structpb.Struct))
	if err != nil {
		e.err = err
		return
	}
	e.dst = dst
}

// float writes the shortest text that reads back as the same number, in the form of encoding/json.
// Numbers in an answer are finite; an encoding without such a text must not turn one into a zero.
func (e *encoder) float(f float64, bits int) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		e.err = fmt.Errorf("a number of the answer is %v", f)
		return
	}
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	e.dst = strconv.AppendFloat(e.dst, f, format, -1, bits)
}

func (e *encoder) text(s string) {
	if plain(s) {
		e.dst = append(e.dst, '"')
		e.dst = append(e.dst, s...)
		e.dst = append(e.dst, '"')
		return
	}
	quoted, err := json.Marshal(s)
	if err != nil {
		e.err = err
		return
	}
	e.dst = append(e.dst, quoted...)
}

// plain reports whether s needs no escapes.
func plain(s string) bool {
	var seen byte
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
		seen |= c
	}
	return seen < utf8.RuneSelf || utf8.ValidString(s)
}
