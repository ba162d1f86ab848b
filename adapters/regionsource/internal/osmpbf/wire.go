package osmpbf

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is the value of a field: bytes, or a number.
type field struct {
	bytes  []byte
	varint uint64
}

var errWire = errors.New("a block is damaged: it is not a protocol buffer")

// fields calls visit with each field of a message.
func fields(message []byte, visit func(number int, f field) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return errWire
		}
		message = message[n:]
		var f field
		switch kind {
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			f.varint, n = protowire.ConsumeVarint(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return errWire
		}
		message = message[n:]
		if err := visit(int(number), f); err != nil {
			return err
		}
	}
	return nil
}

// varints takes numbers off a packed field.
type varints []byte

// next returns the next number; ok is false at the end and where the bytes are none.
func (v *varints) next() (n uint64, ok bool) {
	b := *v
	if len(b) > 0 && b[0] < 0x80 { // most are short
		*v = b[1:]
		return uint64(b[0]), true
	}
	n, size := protowire.ConsumeVarint(b)
	if size < 0 {
		return 0, false
	}
	*v = b[size:]
	return n, true
}

// count returns how many numbers there are: each ends with a byte below 0x80.
func (v varints) count() int {
	n := 0
	for _, c := range v {
		if c < 0x80 {
			n++
		}
	}
	return n
}

// delta adds the next number, of zigzag encoding, to sum.
func (v *varints) delta(sum *int64) bool {
	n, ok := v.next()
	*sum += protowire.DecodeZigZag(n)
	return ok
}
