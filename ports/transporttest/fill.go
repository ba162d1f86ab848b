package transporttest

import (
	"reflect"
	"time"
)

// everyField as a location_id, location_name or device_id asks for an answer in which nothing is absent that can be
// there. A field that is new in an answer of the domain has a value in it without a change here.
const everyField = "every-field"

// fill gives a value to whatever is empty in the answer that v points to. What is set stays.
func fill(v any) { fillValue(reflect.ValueOf(v).Elem()) }

func fillValue(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		fillValue(v.Elem())
	case reflect.Struct:
		fillStruct(v)
	case reflect.Slice:
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			fillValue(v.Index(i))
		}
	case reflect.Float32, reflect.Float64:
		if f := v.Float(); f == 0 || f != f {
			v.SetFloat(0.5)
		}
	case reflect.String:
		if v.Len() == 0 {
			v.SetString("text")
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint64, reflect.Uint16: // sets and counts; a uint8 is a word, and its zero is one
		if v.IsZero() {
			v.SetUint(1)
		}
	default:
	}
}

func fillStruct(v reflect.Value) {
	if at, ok := v.Addr().Interface().(*time.Time); ok {
		if at.IsZero() {
			*at = AssessedAt
		}
		return
	}
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && f.Type.Kind() != reflect.Array && f.Name != "Provenance" {
			fillValue(v.Field(i))
		}
	}
}
