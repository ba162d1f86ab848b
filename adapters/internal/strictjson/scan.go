package strictjson

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/guardy-ai/guardy/domain"
)

// peek returns the byte at pos, 0 at the end; a NUL byte in the input is an error wherever it stands.
func (d *decoder) peek() byte {
	if d.pos < len(d.data) {
		return d.data[d.pos]
	}
	return 0
}

func (d *decoder) space() {
	for d.pos < len(d.data) {
		switch d.data[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

func (d *decoder) literal(text string) bool {
	if !bytes.HasPrefix(d.data[d.pos:], []byte(text)) {
		return d.unexpected("a JSON value")
	}
	d.pos += len(text)
	return true
}

func startsNumber(c byte) bool { return c == '-' || isDigit(c) }

func isDigit(c byte) bool { return c-'0' < 10 }

// number returns the text of the number at pos, by the grammar of RFC 8259 section 6.
func (d *decoder) number() ([]byte, bool) {
	start := d.pos
	if d.peek() == '-' {
		d.pos++
	}
	switch c := d.peek(); {
	case c == '0':
		d.pos++
	case isDigit(c):
		d.digits()
	default:
		if start < d.pos {
			d.pos = start
		}
		return nil, d.unexpected("a JSON value")
	}
	if d.peek() == '.' {
		d.pos++
		if !d.digits() {
			return nil, d.unexpected("a digit after the decimal point")
		}
	}
	if c := d.peek(); c == 'e' || c == 'E' {
		d.pos++
		if c := d.peek(); c == '+' || c == '-' {
			d.pos++
		}
		if !d.digits() {
			return nil, d.unexpected("a digit in the exponent")
		}
	}
	return d.data[start:d.pos], true
}

func (d *decoder) digits() bool {
	start := d.pos
	for d.pos < len(d.data) && isDigit(d.data[d.pos]) {
		d.pos++
	}
	return d.pos > start
}

// plainFloat reads the number at pos if it is a plain decimal of at most 15 digits, as sensors write them, in half the
// time of strconv; otherwise it leaves pos. It is exact: the digits and the power of ten are both float64s without
// rounding, so the one division rounds correctly (Clinger 1990).
func (d *decoder) plainFloat() (f float64, plain bool) {
	text := d.data[d.pos:]
	i := 0
	if text[0] == '-' {
		i = 1
	}
	first := i
	var mantissa uint64
	for i < len(text) && isDigit(text[i]) {
		mantissa = mantissa*10 + uint64(text[i]-'0')
		i++
	}
	whole, decimals := i-first, 0
	if whole == 0 || whole > 1 && text[first] == '0' {
		return 0, false
	}
	if i < len(text) && text[i] == '.' {
		point := i
		for i++; i < len(text) && isDigit(text[i]); i++ {
			mantissa = mantissa*10 + uint64(text[i]-'0')
		}
		if decimals = i - point - 1; decimals == 0 {
			return 0, false
		}
	}
	if whole+decimals > 15 || i < len(text) && text[i]|0x20 == 'e' {
		return 0, false
	}
	d.pos += i
	f = float64(mantissa) / powersOfTen[decimals]
	if first == 1 {
		f = -f
	}
	return f, true
}

var powersOfTen = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14}

// str returns the string at pos. It aliases the input, or the scratch buffer when there are escapes,
// and is valid until the next call.
func (d *decoder) str() ([]byte, bool) {
	d.pos++
	start, ascii := d.pos, true
	for d.pos < len(d.data) {
		switch c := d.data[d.pos]; {
		case c == '"':
			text := d.data[start:d.pos]
			if !ascii && !d.utf8(text, start) {
				return nil, false
			}
			d.pos++
			return text, true
		case c == '\\':
			if !ascii && !d.utf8(d.data[start:d.pos], start) {
				return nil, false
			}
			return d.escaped(start)
		case c < ' ':
			return nil, d.syntax("a control character in a string must be escaped")
		case c >= utf8.RuneSelf:
			ascii = false
		}
		d.pos++
	}
	return nil, d.syntax("the string does not end")
}

// escaped returns the string that began at start and has its first escape at pos.
func (d *decoder) escaped(start int) ([]byte, bool) {
	out := append(d.scratch[:0], d.data[start:d.pos]...)
	for d.pos < len(d.data) {
		switch c := d.data[d.pos]; {
		case c == '"':
			d.pos++
			d.scratch = out
			return out, true
		case c == '\\':
			r, ok := d.escape()
			if !ok {
				return nil, false
			}
			out = utf8.AppendRune(out, r)
		case c < ' ':
			return nil, d.syntax("a control character in a string must be escaped")
		case c < utf8.RuneSelf:
			out = append(out, c)
			d.pos++
		default:
			r, n := utf8.DecodeRune(d.data[d.pos:])
			if r == utf8.RuneError && n == 1 {
				return nil, d.syntax("the text is not valid UTF-8")
			}
			out = append(out, d.data[d.pos:d.pos+n]...)
			d.pos += n
		}
	}
	return nil, d.syntax("the string does not end")
}

// escape decodes the escape at pos. A surrogate that is not part of a pair is no character.
func (d *decoder) escape() (rune, bool) {
	if d.pos+1 >= len(d.data) {
		return 0, d.syntax("the string does not end")
	}
	switch c := d.data[d.pos+1]; c {
	case '"', '\\', '/':
		d.pos += 2
		return rune(c), true
	case 'b':
		d.pos += 2
		return '\b', true
	case 'f':
		d.pos += 2
		return '\f', true
	case 'n':
		d.pos += 2
		return '\n', true
	case 'r':
		d.pos += 2
		return '\r', true
	case 't':
		d.pos += 2
		return '\t', true
	case 'u':
		r, ok := hex4(d.data[d.pos:])
		if !ok {
			return 0, d.syntax(`four hexadecimal digits are required after \u`)
		}
		if !utf16.IsSurrogate(r) {
			d.pos += 6
			return r, true
		}
		low, ok := hex4(d.data[d.pos+6:])
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return 0, d.syntax(`the \u escape is half of a surrogate pair`)
		}
		d.pos += 12
		return r, true
	}
	return 0, d.syntax("there is no such escape in JSON")
}

// hex4 decodes the \uXXXX at the start of b.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// utf8 checks text, which starts at the byte start.
func (d *decoder) utf8(text []byte, start int) bool {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			d.pos = start + i
			return d.syntax("the text is not valid UTF-8")
		}
		i += n
	}
	return true
}

// unexpected is the syntax error at pos, where something else was wanted.
func (d *decoder) unexpected(want string) bool {
	if d.pos >= len(d.data) {
		return d.syntax("the text ends where " + want + " is expected")
	}
	rest := d.data[d.pos:]
	for _, name := range []string{"NaN", "Infinity", "-Infinity", "-NaN", "nan", "inf", "-inf"} {
		if bytes.HasPrefix(rest, []byte(name)) {
			return d.syntax(name + " is not a JSON number; send null, or leave the field out, when a value is missing")
		}
	}
	r, n := utf8.DecodeRune(rest)
	if r == utf8.RuneError && n == 1 {
		return d.syntax("the text is not valid UTF-8")
	}
	return d.syntax(fmt.Sprintf("%s is expected, not %s", want, strconv.QuoteRune(r)))
}

// syntax records why the input is not JSON and returns false.
func (d *decoder) syntax(why string) bool {
	d.failure = &domain.Violation{
		Pointer: d.pointer(), Code: domain.CodeSyntax, Detail: why + " (at byte " + strconv.Itoa(d.pos) + ")",
	}
	return false
}
