package contractjson

import (
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/guardy-ai/guardy/domain"
)

// Answers are appended to a buffer field by field: this is most of what a transport does for a request, and
// reflection would double it.

// appendLocation appends what is given of a place, each followed by a comma.
func appendLocation(b []byte, id, name string) []byte {
	if id != "" {
		b = append(b, `"location_id":`...)
		b = append(appendString(b, id), ',')
	}
	if name != "" {
		b = append(b, `"location_name":`...)
		b = append(appendString(b, name), ',')
	}
	return b
}

// appendInterval appends the interval as a further member.
func appendInterval(b []byte, lower, upper, coverage float64) []byte {
	b = append(b, `,"probability_interval":{"lower":`...)
	b = appendFloat(b, lower, 64)
	b = append(b, `,"upper":`...)
	b = appendFloat(b, upper, 64)
	b = append(b, `,"coverage":`...)
	b = appendFloat(b, coverage, 64)
	return append(b, '}')
}

// appendQuality appends the members that every input_quality has.
func appendQuality[I domain.Enum](b []byte, q *domain.Quality[I]) []byte {
	b = append(b, `"missing":`...)
	b = appendSet(b, q.Missing)
	b = append(b, `,"out_of_domain":`...)
	b = appendSet(b, q.OutOfDomain)
	b = append(b, `,"ignored":`...)
	b = appendSet(b, q.Ignored)
	b = append(b, `,"doubtful":`...)
	return appendList(b, q.Doubtful, func(b []byte, i int) []byte {
		d := &q.Doubtful[i]
		b = append(b, `{"pointer":`...)
		b = appendString(b, d.Pointer)
		b = append(b, `,"reason":"`...)
		b = append(b, d.Reason.String()...)
		b = append(b, `","treated_as":"`...)
		b = append(b, d.Treated.String()...)
		return append(b, `"}`...)
	})
}

// memberList puts commas between the members of a list.
type memberList int

func listOf(b []byte) memberList { return memberList(len(b)) }

// next makes room for a member.
func (l memberList) next(b []byte) []byte {
	if len(b) > int(l) {
		return append(b, ',')
	}
	return b
}

// appendSet appends the names of what is in s, which are the code's own and need no escapes.
func appendSet[E domain.Enum](b []byte, s domain.Set[E]) []byte {
	b = append(b, '[')
	list := listOf(b)
	for e := range s.All {
		b = append(list.next(b), '"')
		b = append(b, e.String()...)
		b = append(b, '"')
	}
	return append(b, ']')
}

// appendFloat writes f in the shortest form that reads back as the same number of that size. NaN,
// which stands for a value that is missing, is null; so is infinity, which cannot be said in JSON.
func appendFloat(b []byte, f float64, bits int) []byte {
	abs := math.Abs(f)
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(b, "null"...)
	case abs != 0 && (abs < 1e-6 || abs >= 1e21):
		return strconv.AppendFloat(b, f, 'e', -1, bits)
	}
	return strconv.AppendFloat(b, f, 'f', -1, bits)
}

const hexDigits = "0123456789abcdef"

// appendString writes s with as few escapes as JSON allows; what is not UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, s[start:i]...)
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, s[start:i]...)
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			i++
			continue
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || n != 1 {
				i += n
				continue
			}
			b = append(b, s[start:i]...)
			b = append(b, "\ufffd"...)
		}
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

func appendNames(b []byte, names []string) []byte {
	b = append(b, '[')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, name)
	}
	return append(b, ']')
}

func appendList[T any](b []byte, list []T, element func(b []byte, i int) []byte) []byte {
	b = append(b, '[')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = element(b, i)
	}
	return append(b, ']')
}
