package xgbjson

import (
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// refuse is an error about the place that the decoder has reached.
func (p *parser) refuse(format string, args ...any) error {
	return fmt.Errorf("at %s: "+format, append([]any{p.dec.StackPointer()}, args...)...)
}

// open reads the token that begins an object or array.
func (p *parser) open(kind jsontext.Kind) error {
	if got := p.dec.PeekKind(); got != kind && got != jsontext.KindInvalid {
		return p.refuse("found %v instead of %v", got, kind)
	}
	_, err := p.dec.ReadToken()
	return err
}

// object calls member with the name of each member. The callback reads or skips the value.
func (p *parser) object(member func(name string) error) error {
	if err := p.open('{'); err != nil {
		return err
	}
	for p.dec.PeekKind() == '"' {
		raw, err := p.dec.ReadValue()
		if err != nil {
			return err
		}
		if p.name, err = jsontext.AppendUnquote(p.name[:0], raw); err != nil {
			return err
		}
		if err := member(string(p.name)); err != nil {
			return err
		}
	}
	_, err := p.dec.ReadToken()
	return err
}

// array calls element with the index of each element. The callback reads or skips the element.
func (p *parser) array(element func(i int) error) error {
	if err := p.open('['); err != nil {
		return err
	}
	for i := 0; ; i++ {
		if next := p.dec.PeekKind(); next == ']' || next == jsontext.KindInvalid {
			_, err := p.dec.ReadToken()
			return err
		}
		if err := element(i); err != nil {
			return err
		}
	}
}

// literal reads a string, number, true or false as it is written. The bytes are valid until the next read.
func (p *parser) literal() (jsontext.Value, error) {
	if next := p.dec.PeekKind(); next == '{' || next == '[' || next == 'n' {
		return nil, p.refuse("found %v instead of a string, number or bool", next)
	}
	return p.dec.ReadValue()
}

// text reads a string.
func (p *parser) text() (string, error) {
	v, err := p.literal()
	if err != nil {
		return "", err
	}
	if v.Kind() != '"' {
		return "", p.refuse("found %v instead of a string", v.Kind())
	}
	s, err := jsontext.AppendUnquote(nil, v)
	return string(s), err
}

// scalar reads a parameter: XGBoost writes numbers as strings, other writers may not.
func (p *parser) scalar() (string, error) {
	if p.dec.PeekKind() == '"' {
		return p.text()
	}
	v, err := p.literal()
	return string(v), err
}

func (p *parser) integer() (int, error) {
	v, err := p.literal()
	if err != nil {
		return 0, err
	}
	i, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return 0, p.refuse("%.40s is not an integer", v)
	}
	return int(i), nil
}

func (p *parser) integers(to *[]int) error {
	return p.array(func(int) error {
		i, err := p.integer()
		return appendWithin(p, to, i, err)
	})
}

// floats reads numbers straight to float32: rounding to float64 first could round twice.
func (p *parser) floats(to *[]float32) error {
	return p.array(func(int) error {
		v, err := p.literal()
		if err != nil {
			return err
		}
		f, err := strconv.ParseFloat(string(v), 32)
		if err != nil || v.Kind() != '0' {
			return p.refuse("%.40s is not a number within float32", v)
		}
		return appendWithin(p, to, float32(f), nil)
	})
}

// flags reads 0 and 1, or false and true as XGBoost wrote before 1.3.
func (p *parser) flags(to *[]bool) error {
	return p.array(func(int) error {
		v, err := p.literal()
		if err != nil {
			return err
		}
		switch string(v) {
		case "0", "false":
			return appendWithin(p, to, false, nil)
		case "1", "true":
			return appendWithin(p, to, true, nil)
		}
		return p.refuse("%.40s is neither 0 nor 1", v)
	})
}

// appendWithin appends unless the array would exceed the limit of nodes.
func appendWithin[T any](p *parser, to *[]T, v T, err error) error {
	if err != nil {
		return err
	}
	if len(*to) >= p.limits.Nodes {
		return p.refuse("more than %d nodes", p.limits.Nodes)
	}
	*to = append(*to, v)
	return nil
}

// sameCount reports whether a parameter, if the file has it, states n.
func sameCount(stated string, n int) bool {
	return stated == "" || stated == strconv.Itoa(n)
}
