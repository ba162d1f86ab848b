package connectrpc

import (
	"fmt"
	"strconv"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
)

// inbound is a received message and what was wrong with its shape. connect drops the details of an
// error that a codec returns, and answers it before any interceptor runs; so our codecs never fail
// but leave the error beside what could be read. The handler then reports it together with the
// violations of meaning, and telemetry sees the refused call like any other.
type inbound[T any, P interface {
	*T
	proto.Message
}] struct {
	msg   T
	shape error // nil or a *domain.Error
}

func (in *inbound[T, P]) target() (proto.Message, *error) { return P(&in.msg), &in.shape }

// malformed returns the error of a message that could not be read at all.
func (in *inbound[T, P]) malformed() error {
	if domain.KindOf(in.shape) == domain.KindMalformed {
		return in.shape
	}
	return nil
}

// violations returns what is wrong with the shape of a message that could be read.
func (in *inbound[T, P]) violations() []domain.Violation { return strictjson.Violations(in.shape) }

// received is what our codecs decode into.
type received interface {
	target() (proto.Message, *error)
}

func decode(v any, unmarshal func(m proto.Message) error) error {
	r, ok := v.(received)
	if !ok {
		return fmt.Errorf("cannot receive into %T", v)
	}
	m, shape := r.target()
	*shape = unmarshal(m)
	return nil
}

// codecs replace the ones that connect has by default.
func codecs(maxItems int) connect.HandlerOption {
	// connect selects by the whole media type, so the charset needs an entry of its own.
	return connect.WithHandlerOptions(
		connect.WithCodec(binaryCodec{}),
		connect.WithCodec(jsonCodec{"json", maxItems}),
		connect.WithCodec(jsonCodec{"json; charset=utf-8", maxItems}),
	)
}

// jsonCodec decodes as strictly as the JSON API and writes its field names. The lowerCamelCase names
// that generated clients send are accepted as well.
type jsonCodec struct {
	name     string
	maxItems int
}

// Name implements connect.Codec.
func (c jsonCodec) Name() string { return c.name }

// Marshal implements connect.Codec.
func (c jsonCodec) Marshal(v any) ([]byte, error) { return c.MarshalAppend(nil, v) }

// MarshalAppend lets connect reuse its buffers.
func (jsonCodec) MarshalAppend(dst []byte, v any) ([]byte, error) { return appendJSON(dst, v) }

// Unmarshal implements connect.Codec.
func (c jsonCodec) Unmarshal(data []byte, v any) error {
	return decode(v, func(m proto.Message) error {
		return strictjson.Decode(data, m, strictjson.Options{CamelCase: true, MaxItems: c.maxItems})
	})
}

// binaryCodec is protobuf without unknown fields.
type binaryCodec struct{}

// Name implements connect.Codec.
func (binaryCodec) Name() string { return "proto" }

// Marshal implements connect.Codec.
func (c binaryCodec) Marshal(v any) ([]byte, error) { return c.MarshalAppend(nil, v) }

// MarshalAppend lets connect reuse its buffers.
func (binaryCodec) MarshalAppend(dst []byte, v any) ([]byte, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("cannot marshal %T", v)
	}
	return proto.MarshalOptions{}.MarshalAppend(dst, m)
}

// Unmarshal implements connect.Codec.
func (binaryCodec) Unmarshal(data []byte, v any) error { return decode(v, unmarshalBinary(data)) }

func unmarshalBinary(data []byte) func(m proto.Message) error {
	return func(m proto.Message) error {
		if proto.Unmarshal(data, m) != nil {
			const msg = "the message is not valid protobuf, or has text that is not UTF-8"
			return &domain.Error{
				Kind: domain.KindMalformed, Op: "decode", Msg: msg,
				Violations: []domain.Violation{{Code: domain.CodeSyntax, Detail: msg}},
			}
		}
		return domain.Invalid("decode", unknownFields(nil, "", m.ProtoReflect()))
	}
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
