package xgbjson

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// isUBJ reports whether data is an object of Universal Binary JSON rather than of JSON: the name of its first member
// begins with the type of its length, where JSON has a quote.
func isUBJ(data []byte) bool {
	return len(data) > 1 && data[0] == '{' && sizeOf(data[1]) > 0 && integral(data[1])
}

// maxUBJDepth is how deep arrays and objects may nest. A model takes eight levels.
const maxUBJDepth = 32

// jsonOfUBJ writes a document of Universal Binary JSON, draft 12 (ubjson.org), as JSON. It takes what XGBoost writes:
// objects without a count, arrays with a count and with or without a type, numbers, texts, true, false and null. A
// float32 is written in the shortest form that reads back as the same float32, one that is not finite as null.
//
// No length that the document states is believed: the bytes have to be there. The JSON is at most six times as long.
func jsonOfUBJ(data []byte) ([]byte, error) {
	u := ubj{data: data, out: make([]byte, 0, len(data))}
	marker, err := u.byte()
	if err != nil {
		return nil, err
	}
	if err := u.value(marker, 0); err != nil {
		return nil, fmt.Errorf("at byte %d: %w", u.at, err)
	}
	if u.at < len(data) {
		return nil, fmt.Errorf("at byte %d: there is data after the end of the model", u.at)
	}
	return u.out, nil
}

// ubj is the state of one transcription.
type ubj struct {
	data []byte
	at   int
	out  []byte
}

var errUBJEnds = errors.New("the file ends inside a value")

func (u *ubj) byte() (byte, error) {
	if u.at == len(u.data) {
		return 0, errUBJEnds
	}
	u.at++
	return u.data[u.at-1], nil
}

func (u *ubj) bytes(n int) ([]byte, error) {
	if n > len(u.data)-u.at {
		return nil, errUBJEnds
	}
	u.at += n
	return u.data[u.at-n : u.at], nil
}

// sizeOf returns how many bytes a number of a type has, 0 for every other type.
func sizeOf(marker byte) int {
	switch marker {
	case 'i', 'U':
		return 1
	case 'I':
		return 2
	case 'l', 'd':
		return 4
	case 'L', 'D':
		return 8
	}
	return 0
}

// integral reports whether a type of numbers is one of integers.
func integral(marker byte) bool { return marker != 'd' && marker != 'D' }

// length reads a length with its type.
func (u *ubj) length() (int, error) {
	marker, err := u.byte()
	if err != nil {
		return 0, err
	}
	size := sizeOf(marker)
	if size == 0 || !integral(marker) {
		return 0, fmt.Errorf("a length of the type %q", marker)
	}
	raw, err := u.bytes(size)
	if err != nil {
		return 0, err
	}
	n := integer(marker, raw)
	if n < 0 || n > int64(len(u.data)-u.at) { // everything that is counted takes a byte at least
		return 0, fmt.Errorf("a length of %d, with %d bytes left", n, len(u.data)-u.at)
	}
	return int(n), nil
}

// integer returns the value of an integer of a type; all are big-endian.
func integer(marker byte, raw []byte) int64 {
	switch marker {
	case 'U':
		return int64(raw[0])
	case 'i':
		return int64(int8(raw[0]))
	case 'I':
		return int64(int16(binary.BigEndian.Uint16(raw)))
	case 'l':
		return int64(int32(binary.BigEndian.Uint32(raw)))
	}
	return int64(binary.BigEndian.Uint64(raw))
}

// number writes the number of a type that raw holds.
func (u *ubj) number(marker byte, raw []byte) {
	var f float64
	bits := 32
	switch marker {
	case 'd':
		f = float64(math.Float32frombits(binary.BigEndian.Uint32(raw)))
	case 'D':
		f, bits = math.Float64frombits(binary.BigEndian.Uint64(raw)), 64
	default:
		u.out = strconv.AppendInt(u.out, integer(marker, raw), 10)
		return
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		u.out = append(u.out, "null"...)
		return
	}
	u.out = strconv.AppendFloat(u.out, f, 'g', -1, bits)
}

// value writes the value of a type.
func (u *ubj) value(marker byte, depth int) error {
	if depth > maxUBJDepth {
		return fmt.Errorf("arrays and objects are nested deeper than %d levels", maxUBJDepth)
	}
	if size := sizeOf(marker); size > 0 {
		raw, err := u.bytes(size)
		if err == nil {
			u.number(marker, raw)
		}
		return err
	}
	switch marker {
	case 'S':
		return u.text()
	case '{':
		return u.object(depth)
	case '[':
		return u.array(depth)
	case 'T':
		u.out = append(u.out, "true"...)
	case 'F':
		u.out = append(u.out, "false"...)
	case 'Z':
		u.out = append(u.out, "null"...)
	default:
		return fmt.Errorf("a value of the type %q, which XGBoost does not write", marker)
	}
	return nil
}

func (u *ubj) text() error {
	n, err := u.length()
	if err != nil {
		return err
	}
	raw, err := u.bytes(n)
	if err != nil {
		return err
	}
	if !utf8.Valid(raw) {
		return errors.New("a text is not UTF-8")
	}
	u.out, err = jsontext.AppendQuote(u.out, raw)
	return err
}

func (u *ubj) object(depth int) error {
	u.out = append(u.out, '{')
	for first := true; ; first = false {
		next, err := u.byte()
		if err != nil {
			return err
		}
		if next == '}' {
			u.out = append(u.out, '}')
			return nil
		}
		u.at-- // it is the type of the length of a name
		if !first {
			u.out = append(u.out, ',')
		}
		if err := u.text(); err != nil {
			return err
		}
		u.out = append(u.out, ':')
		if err := u.next(depth); err != nil {
			return err
		}
	}
}

// array writes an array: [ values ], [ # count values, or [ $ type # count numbers.
func (u *ubj) array(depth int) error {
	u.out = append(u.out, '[')
	marker, err := u.byte()
	if err != nil {
		return err
	}
	switch marker {
	case '$':
		err = u.numbers()
	case '#':
		err = u.counted(depth)
	default:
		err = u.closed(marker, depth)
	}
	u.out = append(u.out, ']')
	return err
}

// numbers writes the rest of an array whose numbers have one type.
func (u *ubj) numbers() error {
	head, err := u.bytes(2)
	if err != nil {
		return err
	}
	marker := head[0]
	size := sizeOf(marker)
	if size == 0 || head[1] != '#' {
		return fmt.Errorf("an array of the type %q, followed by %q: want a type of numbers and a count", marker, head[1])
	}
	return u.elements(func() error {
		raw, err := u.bytes(size)
		if err == nil {
			u.number(marker, raw)
		}
		return err
	})
}

// counted writes the rest of an array that says how many values it has.
func (u *ubj) counted(depth int) error {
	return u.elements(func() error { return u.next(depth) })
}

// elements reads a count and has element write as many.
func (u *ubj) elements(element func() error) error {
	n, err := u.length()
	if err != nil {
		return err
	}
	for i := range n {
		if i > 0 {
			u.out = append(u.out, ',')
		}
		if err := element(); err != nil {
			return err
		}
	}
	return nil
}

// next writes the next value, which begins with its type, of an array or object at a depth.
func (u *ubj) next(depth int) error {
	marker, err := u.byte()
	if err != nil {
		return err
	}
	return u.value(marker, depth+1)
}

// closed writes the rest of an array that ends with a bracket; marker is the type of its first value, or the bracket.
func (u *ubj) closed(marker byte, depth int) error {
	for first := true; marker != ']'; first = false {
		if !first {
			u.out = append(u.out, ',')
		}
		err := u.value(marker, depth+1)
		if err != nil {
			return err
		}
		if marker, err = u.byte(); err != nil {
			return err
		}
	}
	return nil
}
