package strictjson

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/instant"
)

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
