// Package instant reads the times that clients write. It is pure: it knows no clock, and a time zone is
// given to it.
//
// Parse takes RFC 3339 exactly as its section 5.6 says: two digits in every part, a full stop before the
// fraction, "T" and "Z" in either case, an offset of at most 23:59. The standard library takes more: a comma,
// one digit for the hour, an offset of 24:00. A reader that takes more than the rule reads some errors as
// times.
//
// Local also takes what a request with a time zone may hold: times without an offset, which are those on
// the wall in that zone, and whole seconds since 1970.
package instant

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Errors of what is a time by its form and still cannot be taken.
var (
	// ErrLeapSecond is returned for a second of 60, which RFC 3339 has and the service's clock has not.
	ErrLeapSecond = errors.New("a leap second (:60) cannot be taken; write the second before or after it")
	// ErrUnset is returned for the year 1 and before: the unset time of Go and .NET.
	ErrUnset = errors.New("the year 1 is an unset time and no date that is meant")
	// ErrGap is returned for a time on the wall that a zone skips when its clocks go forward.
	ErrGap = errors.New("the clocks of the time zone skip this time; write it with an offset")
)

var (
	errForm  = errors.New("not an RFC 3339 time with an offset, like 2006-01-02T15:04:05Z")
	errLocal = errors.New("neither an RFC 3339 time, nor a local time like 2006-01-02T15:04, nor whole seconds since 1970")
	errDay   = errors.New("not a day like 2006-01-02")
)

// Parse returns the instant that an RFC 3339 text names. Of a fraction of a second it keeps nanoseconds. The
// offset -00:00, of which RFC 3339 says that the local one is not known, counts as UTC.
func Parse(text string) (time.Time, error) {
	p := parser{text: text}
	c, ok := p.clock(false)
	if !ok {
		return time.Time{}, errForm
	}
	offset, ok := p.offset()
	if !ok || !p.done() || !c.seconds {
		return time.Time{}, errForm
	}
	if err := c.check(errForm); err != nil {
		return time.Time{}, err
	}
	return c.in(fixed(offset)), nil
}

// Day returns midnight UTC of the day that text names as YYYY-MM-DD.
func Day(text string) (time.Time, error) {
	p := parser{text: text}
	var c clock
	if !p.date(&c) || !p.done() {
		return time.Time{}, errDay
	}
	if err := c.check(errDay); err != nil {
		return time.Time{}, err
	}
	return c.in(time.UTC), nil
}

// Local returns the instant that text names where zone is the local time zone. It takes
//
//   - RFC 3339, whose offset counts and not the zone;
//   - a time without an offset, with or without seconds, as it stands on the wall in the zone; a time that
//     the wall shows twice, when clocks go back, is the first of the two;
//   - whole seconds since 1970-01-01T00:00:00Z, in 9 or 10 digits: fewer could be a date.
//
// A space may stand for the "T", which RFC 3339 allows for the sake of readers and loggers write.
func Local(text string, zone *time.Location) (time.Time, error) {
	if seconds, ok := epoch(text); ok {
		return time.Unix(seconds, 0).UTC(), nil
	}
	p := parser{text: text}
	c, ok := p.clock(true)
	if !ok {
		return time.Time{}, errLocal
	}
	if !p.done() {
		offset, ok := p.offset()
		if !ok || !p.done() || !c.seconds {
			return time.Time{}, errLocal
		}
		if err := c.check(errLocal); err != nil {
			return time.Time{}, err
		}
		return c.in(fixed(offset)), nil
	}
	if err := c.check(errLocal); err != nil {
		return time.Time{}, err
	}
	return onTheWall(c, zone)
}

// Epoch returns the instant that lies seconds after 1970-01-01T00:00:00Z. Only whole seconds between the
// years 1900 and 2200 are taken, and no number that reads as a date, as 20260402 does.
func Epoch(seconds float64) (time.Time, error) {
	const least, most = -2208988800, 7258118400 // 1900-01-01, 2200-01-01
	switch {
	case seconds != math.Trunc(seconds): // NaN, too
		return time.Time{}, errors.New("whole seconds since 1970 are required")
	case seconds >= 1000*1e8 && seconds < 1000*most:
		return time.Time{}, fmt.Errorf("%.0f reads like milliseconds; whole seconds since 1970 are required", seconds)
	case seconds < least || seconds >= most:
		return time.Time{}, fmt.Errorf("%g seconds since 1970 are outside the years 1900 to 2199", seconds)
	case isDate(int64(seconds)):
		return time.Time{}, fmt.Errorf("%.0f reads like a date; whole seconds since 1970 are required", seconds)
	}
	return time.Unix(int64(seconds), 0).UTC(), nil
}

// isDate reports whether n reads as YYYYMMDD.
func isDate(n int64) bool {
	year, month, day := n/10000, n/100%100, n%100
	return year >= 1900 && year < 2200 && month >= 1 && month <= 12 && day >= 1 && day <= 31
}

// epoch reads 9 or 10 digits.
func epoch(text string) (seconds int64, ok bool) {
	if len(text) < 9 || len(text) > 10 {
		return 0, false
	}
	for i := range len(text) {
		d := text[i] - '0'
		if d > 9 {
			return 0, false
		}
		seconds = seconds*10 + int64(d)
	}
	return seconds, text[0] != '0'
}

// onTheWall returns the first instant at which the clocks of the zone show c.
func onTheWall(c clock, zone *time.Location) (time.Time, error) {
	// The clocks of every zone are less than 26 hours from UTC. Each period of one offset that is that near is tried.
	const reach = 26 * time.Hour
	wall := c.in(time.UTC)
	for at := wall.Add(-reach); ; {
		at = at.In(zone)
		_, offset := at.Zone()
		start, end := at.ZoneBounds()
		t := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		if (start.IsZero() || !t.Before(start)) && (end.IsZero() || t.Before(end)) {
			return t, nil
		}
		if end.IsZero() || end.After(wall.Add(reach)) {
			return time.Time{}, ErrGap
		}
		at = end
	}
}

// clock is a date and a time of day as they are written.
type clock struct {
	year, month, day, hour, minute, second, nanosecond int
	seconds                                            bool // they are written
}

// check reports what is wrong with the parts; form is the error of a part that no clock shows.
func (c *clock) check(form error) error {
	leap := c.second == 60
	switch {
	case c.month < 1 || c.month > 12 || c.day < 1 || c.day > daysIn(c.year, c.month) ||
		c.hour > 23 || c.minute > 59 || c.second > 60:
		return form
	case leap:
		return ErrLeapSecond
	case c.year <= 1:
		return ErrUnset
	}
	return nil
}

func daysIn(year, month int) int {
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 29
	}
	return daysOf[month-1]
}

var daysOf = [12]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

func (c *clock) in(zone *time.Location) time.Time {
	return time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, c.nanosecond, zone)
}

// fixed returns the zone of an offset in seconds east of UTC.
func fixed(offset int) *time.Location {
	if offset == 0 {
		return time.UTC
	}
	return time.FixedZone("", offset)
}

// parser reads a text from its beginning.
type parser struct {
	text string
	at   int
}

func (p *parser) done() bool { return p.at == len(p.text) }

// one takes a byte if it is b.
func (p *parser) one(b byte) bool {
	if p.at < len(p.text) && p.text[p.at] == b {
		p.at++
		return true
	}
	return false
}

// number takes exactly n digits.
func (p *parser) number(n int) (v int, ok bool) {
	if len(p.text)-p.at < n {
		return 0, false
	}
	for _, b := range []byte(p.text[p.at : p.at+n]) {
		d := b - '0'
		if d > 9 {
			return 0, false
		}
		v = v*10 + int(d)
	}
	p.at += n
	return v, true
}

// date takes YYYY-MM-DD.
func (p *parser) date(c *clock) bool {
	var year, month, day bool
	c.year, year = p.number(4)
	year = year && p.one('-')
	c.month, month = p.number(2)
	month = month && p.one('-')
	c.day, day = p.number(2)
	return year && month && day
}

// clock takes a date, a T or, where spaced, a space, and a time of day, of which the seconds may be missing.
func (p *parser) clock(spaced bool) (c clock, ok bool) {
	separated := p.date(&c) && (p.one('T') || p.one('t') || spaced && p.one(' '))
	if !separated {
		return c, false
	}
	var hour, minute bool
	c.hour, hour = p.number(2)
	hour = hour && p.one(':')
	c.minute, minute = p.number(2)
	if !hour || !minute {
		return c, false
	}
	if !p.one(':') {
		return c, true
	}
	c.seconds = true
	if c.second, ok = p.number(2); !ok {
		return c, false
	}
	return c, !p.one('.') || p.fraction(&c)
}

// fraction takes one digit or more.
func (p *parser) fraction(c *clock) bool {
	digits := 0
	for unit := 100_000_000; ; unit /= 10 {
		d, ok := p.number(1)
		if !ok {
			return digits > 0
		}
		digits++
		c.nanosecond += d * unit
	}
}

// offset takes Z or the offset from UTC in hours and minutes, in seconds.
func (p *parser) offset() (seconds int, ok bool) {
	if p.one('Z') || p.one('z') {
		return 0, true
	}
	sign := 1
	if p.one('-') {
		sign = -1
	} else if !p.one('+') {
		return 0, false
	}
	hour, hours := p.number(2)
	colon := p.one(':')
	minute, minutes := p.number(2)
	if !hours || !colon || !minutes || hour > 23 || minute > 59 {
		return 0, false
	}
	return sign * 60 * (60*hour + minute), true
}
