package strictjson

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/instant"
)

// Moment is a time as it was written: a text, or a number of seconds since 1970.
type Moment struct {
	Text     string // the number's, too
	IsNumber bool
	IsGiven  bool // false where it is absent or null
}

func decodeMoment(d *decoder, v reflect.Value) bool {
	m := v.Addr().Interface().(*Moment)
	switch c := d.peek(); {
	case c == '"':
		text, ok := d.str()
		*m = Moment{Text: string(text), IsGiven: true}
		return ok
	case startsNumber(c):
		start := d.pos
		_, ok := d.number()
		*m = Moment{Text: string(d.data[start:d.pos]), IsNumber: true, IsGiven: true}
		return ok
	}
	return d.mismatch("a string")
}

// Clock reads the times of one request, which may have a time zone.
type Clock struct {
	zone *time.Location // nil: every time has an offset
}

// NewClock returns the clock of a request with that time zone, which may be empty.
func NewClock(pointer, timezone string) (c Clock, v *domain.Violation) {
	if timezone != "" {
		c.zone, v = Zone(pointer, timezone)
	}
	return c, v
}

// Time returns the instant that m names. The violation is nil when it names one.
func (c Clock) Time(pointer string, m Moment) (time.Time, *domain.Violation) {
	switch {
	case c.zone == nil && m.IsNumber:
		return time.Time{}, &domain.Violation{
			Pointer: pointer, Code: domain.CodeType, Detail: "a string is required, not a number; seconds since 1970 are taken beside a timezone",
		}
	case c.zone == nil:
		return Time(pointer, m.Text)
	case m.IsNumber:
		seconds, err := strconv.ParseFloat(m.Text, 64)
		if err != nil {
			seconds = math.NaN()
		}
		t, v := EpochTime(pointer, seconds)
		return t.In(c.zone), v
	}
	return LocalTime(pointer, m.Text, c.zone)
}

// Day returns the time that m names, which may be a day. The violation is nil when it names one.
func (c Clock) Day(pointer string, m Moment) (time.Time, *domain.Violation) {
	if c.zone == nil && !m.IsNumber {
		return Day(pointer, m.Text)
	}
	if t, err := instant.Day(m.Text); err == nil && !m.IsNumber {
		return t, nil
	}
	return c.Time(pointer, m)
}

// Day returns the time that a `date` names: RFC 3339 with an offset, or a day. The violation is nil
// when it does.
func Day(pointer, text string) (time.Time, *domain.Violation) {
	t, err := instant.Day(text)
	if err != nil && len(text) > len(time.DateOnly) {
		t, err = instant.Parse(text)
	}
	return t, badTime(pointer, text, err, "is neither an RFC 3339 time with an offset nor a day like 2006-01-02")
}

// Time returns the instant that an RFC 3339 text with an offset names. The violation is nil when it does.
func Time(pointer, text string) (time.Time, *domain.Violation) {
	t, err := instant.Parse(text)
	return t, badTime(pointer, text, err, "is not an RFC 3339 time with an offset, like 2006-01-02T15:04:05Z")
}

// badTime returns the violation of a text that is no time, nil without an error. what says so where the
// error has no better reason.
func badTime(pointer, text string, err error, what string) *domain.Violation {
	if err == nil {
		return nil
	}
	v := &domain.Violation{Pointer: pointer, Code: domain.CodeFormat, Detail: fmt.Sprintf("%q %s", clip([]byte(text)), what)}
	if errors.Is(err, instant.ErrLeapSecond) || errors.Is(err, instant.ErrUnset) || errors.Is(err, instant.ErrGap) {
		v.Detail = fmt.Sprintf("%q: %v", clip([]byte(text)), err)
	}
	return v
}

// LocalTime returns the instant that text names in a time zone, as instant.Local does: also a time without an
// offset or whole seconds since 1970. The violation is nil when it names one.
func LocalTime(pointer, text string, zone *time.Location) (time.Time, *domain.Violation) {
	t, err := instant.Local(text, zone)
	return t, badTime(pointer, text, err, "is neither an RFC 3339 time, nor a local time like 2006-01-02T15:04, nor whole seconds since 1970")
}

// EpochTime returns the instant that lies whole seconds after 1970-01-01T00:00:00Z. The violation is nil where
// such a number can be meant.
func EpochTime(pointer string, seconds float64) (time.Time, *domain.Violation) {
	t, err := instant.Epoch(seconds)
	if err == nil {
		return t, nil
	}
	return t, &domain.Violation{Pointer: pointer, Code: domain.CodeFormat, Detail: err.Error()}
}

// Zone returns the time zone of an IANA name ("Europe/Rome"). The violation is nil where there is one.
func Zone(pointer, name string) (*time.Location, *domain.Violation) {
	if z, ok := zones.Load(name); ok {
		return z.(*time.Location), nil
	}
	if name != "" && name != "Local" { // which are no names but the machine's own zone
		if z, err := time.LoadLocation(name); err == nil {
			zones.Store(name, z) // of the few names that the database has
			return z, nil
		}
	}
	return nil, &domain.Violation{
		Pointer: pointer, Code: domain.CodeNotFound,
		Detail: fmt.Sprintf("%q is no time zone of the IANA database, like Europe/Rome or UTC", clip([]byte(name))),
	}
}

// zones are those that were asked for, by name: to read one from the database takes some 20 µs.
var zones sync.Map
