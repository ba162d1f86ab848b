package connectrpc

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/domain/risk"
)

// draw fills a message with random finite values; optional and repeated fields may stay empty.
func draw(t *rapid.T, m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		name := string(fd.Name())
		if (fd.HasPresence() || fd.IsList() || fd.IsMap()) && !rapid.Bool().Draw(t, "has "+name) {
			continue
		}
		switch {
		case fd.IsMap():
			key := protoreflect.ValueOf("key").MapKey()
			if entries := m.Mutable(fd).Map(); fd.MapValue().Message() != nil {
				draw(t, entries.Mutable(key).Message())
			} else {
				entries.Set(key, scalar(t, fd.MapValue(), name))
			}
		case fd.IsList():
			for range rapid.IntRange(0, 3).Draw(t, name) {
				if list := m.Mutable(fd).List(); fd.Message() != nil {
					draw(t, list.AppendMutable().Message())
				} else {
					list.Append(scalar(t, fd, name))
				}
			}
		case fd.Message() != nil && fd.Message().FullName() == "google.protobuf.Struct":
			s, err := structpb.NewStruct(map[string]any{"a": 1.5, "b": []any{"x", nil}})
			if err != nil {
				t.Fatal(err)
			}
			m.Set(fd, protoreflect.ValueOfMessage(s.ProtoReflect()))
		case fd.Message() != nil:
			draw(t, m.Mutable(fd).Message())
		default:
			m.Set(fd, scalar(t, fd, name))
		}
	}
}

func scalar(t *rapid.T, fd protoreflect.FieldDescriptor, name string) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(rapid.Float64().Draw(t, name))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(rapid.Float32().Draw(t, name))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, name))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(rapid.String().Draw(t, name))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(rapid.Int32().Draw(t, name))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(rapid.Int64().Draw(t, name))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(rapid.Uint64().Draw(t, name))
	}
	t.Fatalf("no values of %v", fd.Kind())
	return protoreflect.Value{}
}

func messageOf(t *rapid.T, name protoreflect.FullName) proto.Message {
	mt, err := protoregistry.GlobalTypes.FindMessageByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return mt.New().Interface()
}

// jsonInOurForm writes a message by the library and takes out the spaces, which answers do not have.
func jsonInOurForm(t *rapid.T, m proto.Message) []byte {
	text, err := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		t.Fatal(err)
	}
	return compact.Bytes()
}

// TestEveryMessageIsMadeOfItsJSON compares with the library.
func TestEveryMessageIsMadeOfItsJSON(t *testing.T) {
	for _, file := range []protoreflect.FileDescriptor{
		guardyv1.File_guardy_v1_prediction_proto, guardyv1.File_guardy_v1_model_proto, guardyv1.File_guardy_v1_problem_proto,
		guardyv1.File_guardy_v1_evacuation_proto,
	} {
		for i := range file.Messages().Len() {
			name := file.Messages().Get(i).FullName()
			t.Run(string(name.Name()), rapid.MakeCheck(func(t *rapid.T) {
				m := messageOf(t, name)
				draw(t, m.ProtoReflect())
				text := jsonInOurForm(t, m)
				data, err := transcode(nil, text, m.ProtoReflect().Descriptor())
				if err != nil {
					t.Fatalf("%v in %s", err, text)
				}
				back := messageOf(t, name)
				if err := proto.Unmarshal(data, back); err != nil {
					t.Fatalf("%v of %s", err, text)
				}
				if diff := cmp.Diff(m, back, protocmp.Transform()); diff != "" {
					t.Fatalf("%s\n%s", text, diff)
				}
			}))
		}
	}
}

func TestWhatTheSchemaDoesNotHaveIsAnError(t *testing.T) {
	answer := (*guardyv1.AssessFloodRiskResponse)(nil).ProtoReflect().Descriptor()
	for _, text := range []string{
		`{"flood_probability":null}`, // NaN must not become a zero
		`{"flood_probability":0.5,"flood_chance":0.5}`,
		`{"flood_probability":"0.5"}`, `{"risk_level":5}`, `{"input_quality":[]}`, `{"input_quality":{"missing":{}}}`,
		`{"flood_probability":0.5}}`, `{"flood_probability":0.5`, `{"risk_level":"lo`, `{"risk_level":"lo\\`, `{`, ``, `[]`, `{"risk_level":"\ud800\xff"}`,
	} {
		if data, err := transcode(nil, []byte(text), answer); err == nil {
			t.Errorf("%s became %q", text, data)
		}
	}
}

// FuzzTranscode looks for a text that is read in another way than the library reads it, and for a panic.
func FuzzTranscode(f *testing.F) {
	f.Add([]byte(`{"flood_probability":0.5,"risk_level":"low","input_quality":{"missing":["a"],"doubtful":[{"pointer":"/x"}]}}`))
	f.Add([]byte(`{"top_contributing_factors":[{"feature":"\u00e9","value":null,"contribution":-1e-7}],"log_odds":{"base":1}}`))
	m := (*guardyv1.AssessFloodRiskResponse)(nil).ProtoReflect()
	f.Fuzz(func(t *testing.T, text []byte) {
		data, err := transcode(nil, text, m.Descriptor())
		if err != nil {
			return
		}
		var got guardyv1.AssessFloodRiskResponse
		if err := proto.Unmarshal(data, &got); err != nil {
			t.Fatalf("%q became %q: %v", text, data, err)
		}
		var want guardyv1.AssessFloodRiskResponse
		if protojson.Unmarshal(text, &want) != nil {
			return // the syntax of our own answers is not checked
		}
		if diff := cmp.Diff(&want, &got, protocmp.Transform()); diff != "" {
			t.Fatalf("%q: %s", text, diff)
		}
	})
}

// BenchmarkTranscode compares with going through the generated struct, by the library.
func BenchmarkTranscode(b *testing.B) {
	c := newConstant(b)
	r := risk.NewRequest()
	text := contractjson.AppendAssessment(nil, &r, &c.answer)
	var buf []byte
	var err error
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(text)))
		m := (*guardyv1.AssessFloodRiskResponse)(nil).ProtoReflect().Descriptor()
		for b.Loop() {
			if buf, err = transcode(buf[:0], text, m); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("protojson", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			var m guardyv1.AssessFloodRiskResponse
			if err = protojson.Unmarshal(text, &m); err == nil {
				buf, err = proto.MarshalOptions{}.MarshalAppend(buf[:0], &m)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
