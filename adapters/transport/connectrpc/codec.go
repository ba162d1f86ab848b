package connectrpc

import (
	"fmt"
	"sync"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/guardy-ai/guardy/adapters/contractjson"
)

// message is a pointer to the generated struct M.
type message[M any] interface {
	*M
	proto.Message
}

// wire is a pointer to the contract's struct W of a request.
type wire[W any] interface {
	*W
	contractjson.Request
}

// inbound is a received request and what was wrong with its shape. W is the contract's struct of the request,
// M its message in the schema. connect drops the details of an error that a codec returns, and answers it before
// any interceptor runs; so our codecs never fail but leave the error beside what could be read. The handler
// then reports it together with the violations of meaning, and telemetry sees the refused call like any other.
type inbound[W, M any, PW wire[W], PM message[M]] struct {
	wire  W
	shape error // what contractjson.Decode or readBinary said
	read  bool
}

func (in *inbound[W, M, PW, PM]) readJSON(data []byte, o contractjson.Options) {
	in.shape, in.read = contractjson.Decode(data, PW(&in.wire), o), true
}

func (in *inbound[W, M, PW, PM]) readBinary(data []byte) {
	in.shape, in.read = readBinary(data, PM(new(M)), PW(&in.wire)), true
}

// request returns the contract's struct of the request. connect asks no codec about a message of no bytes, which
// is one without a field.
func (in *inbound[W, M, PW, PM]) request() PW {
	if !in.read {
		in.readBinary(nil)
	}
	return &in.wire
}

// received is what our codecs decode into.
type received interface {
	readJSON(data []byte, o contractjson.Options)
	readBinary(data []byte)
}

// outbound is an answer whose message in the schema is M. json appends it as the JSON of the contract. Clients
// of the JSON encoding get these very bytes; the message for the others is made of them by the names of its
// fields, so that an answer has one description.
type outbound[M any, PM message[M]] struct {
	json func(dst []byte) []byte
}

func (out *outbound[M, PM]) appendJSON(dst []byte) []byte { return out.json(dst) }

func (out *outbound[M, PM]) appendBinary(dst []byte) ([]byte, error) {
	scratch := scratches.Get().(*[]byte)
	defer scratches.Put(scratch)
	text := out.json((*scratch)[:0])
	if cap(text) <= maxScratch {
		*scratch = text
	}
	return transcode(dst, text, PM(nil).ProtoReflect().Descriptor())
}

// scratches hold the JSON of answers while messages are made of it.
var scratches = sync.Pool{New: func() any { return new([]byte) }}

// maxScratch is the size above which a scratch is left to the collector.
const maxScratch = 64 << 10

// sent is what our codecs encode.
type sent interface {
	appendJSON(dst []byte) []byte
	appendBinary(dst []byte) ([]byte, error)
}

// codecs replace the ones that connect has by default.
func codecs(maxBatch int) connect.HandlerOption {
	// connect selects by the whole media type, so the charset needs an entry of its own.
	o := contractjson.Options{CamelCase: true, MaxBatch: maxBatch}
	return connect.WithHandlerOptions(
		connect.WithCodec(binaryCodec{}),
		connect.WithCodec(jsonCodec{"json", o}),
		connect.WithCodec(jsonCodec{"json; charset=utf-8", o}),
	)
}

// jsonCodec reads and writes the JSON of the contract. The lowerCamelCase names that generated clients send are
// accepted as well.
type jsonCodec struct {
	name    string
	options contractjson.Options
}

// Name implements connect.Codec.
func (c jsonCodec) Name() string { return c.name }

// Marshal implements connect.Codec.
func (c jsonCodec) Marshal(v any) ([]byte, error) { return c.MarshalAppend(nil, v) }

// MarshalAppend lets connect reuse its buffers.
func (jsonCodec) MarshalAppend(dst []byte, v any) ([]byte, error) {
	out, ok := v.(sent)
	if !ok {
		return nil, fmt.Errorf("cannot marshal %T", v)
	}
	return out.appendJSON(dst), nil
}

// Unmarshal implements connect.Codec.
func (c jsonCodec) Unmarshal(data []byte, v any) error {
	in, ok := v.(received)
	if !ok {
		return fmt.Errorf("cannot receive into %T", v)
	}
	in.readJSON(data, c.options)
	return nil
}

// binaryCodec is protobuf without unknown fields.
type binaryCodec struct{}

// Name implements connect.Codec.
func (binaryCodec) Name() string { return "proto" }

// Marshal implements connect.Codec.
func (c binaryCodec) Marshal(v any) ([]byte, error) { return c.MarshalAppend(nil, v) }

// MarshalAppend lets connect reuse its buffers. The status of a failed gRPC call is a bare message.
func (binaryCodec) MarshalAppend(dst []byte, v any) ([]byte, error) {
	switch out := v.(type) {
	case sent:
		return out.appendBinary(dst)
	case proto.Message:
		return proto.MarshalOptions{}.MarshalAppend(dst, out)
	}
	return nil, fmt.Errorf("cannot marshal %T", v)
}

// Unmarshal implements connect.Codec.
func (binaryCodec) Unmarshal(data []byte, v any) error {
	in, ok := v.(received)
	if !ok {
		return fmt.Errorf("cannot receive into %T", v)
	}
	in.readBinary(data)
	return nil
}
