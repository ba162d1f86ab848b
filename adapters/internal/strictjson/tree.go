package strictjson

import (
	"fmt"
	"reflect"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/guardy-ai/guardy/domain"
)

// Fields whose members depend on their values, as of a GeoJSON geometry, are decoded to a tree:
// map[string]any, []any, float64, string, bool and nil. Only the form that any JSON has is checked here. A field
// of which anything was refused stays absent.

// maxNodes bounds the values of one tree, so that a small body cannot claim much memory. A hundred thousand
// positions with altitudes have four hundred thousand.
const maxNodes = 1 << 19

func decodeObject(d *decoder, v reflect.Value) bool {
	if d.peek() != '{' {
		return d.mismatch("an object")
	}
	reported := len(d.violations) + d.omitted
	d.nodes = 0
	object, ok := d.tree()
	if ok && len(d.violations)+d.omitted == reported {
		v.Set(reflect.ValueOf(object))
	}
	return ok
}

// decodeStruct decodes the message that stands for any object of JSON.
func decodeStruct(d *decoder, v reflect.Value) bool {
	if d.peek() != '{' {
		return d.mismatch("an object")
	}
	d.nodes = 0
	object, ok := d.tree()
	if !ok {
		return false
	}
	s, err := structpb.NewStruct(object.(map[string]any))
	if err != nil {
		return d.syntax(err.Error())
	}
	v.Addr().Interface().(*structpb.Struct).Fields = s.Fields
	return true
}

// tree decodes the value at pos.
func (d *decoder) tree() (value any, ok bool) {
	if d.nodes++; d.nodes > maxNodes {
		if d.nodes == maxNodes+1 {
			d.violation(domain.CodeSize, fmt.Sprintf("there are more than %d values", maxNodes))
		}
		return nil, d.skip()
	}
	switch c := d.peek(); {
	case c == '{':
		object := map[string]any{}
		ok = d.object(func(name []byte) bool {
			key := string(name)
			d.at(segment{clip(name), isName})
			if _, twice := object[key]; twice {
				d.violation(domain.CodeDuplicate, "the field is given more than once")
				return d.skip()
			}
			member, ok := d.tree()
			object[key] = member
			return ok
		})
		return object, ok
	case c == '[':
		list := []any{}
		ok = d.array(func(int) bool {
			element, ok := d.tree()
			list = append(list, element)
			return ok
		})
		return list, ok
	case c == '"':
		text, ok := d.str()
		return string(text), ok
	case c == 't':
		return true, d.literal("true")
	case c == 'f':
		return false, d.literal("false")
	case c == 'n':
		return nil, d.literal("null")
	}
	number, set, ok := d.float()
	if !set {
		return nil, ok
	}
	return number, ok
}
