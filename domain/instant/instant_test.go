package instant_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones of the tests

	"github.com/guardy-ai/guardy/domain/instant"
)

func TestParseTakesWhatRFC3339Has(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2026-04-02T00:00:00Z":              time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC),
		"2026-04-02t00:00:00z":              time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC),
		"2026-04-02T00:00:00.5Z":            time.Date(2026, 4, 2, 0, 0, 0, 500_000_000, time.UTC),
		"2026-04-02T00:00:00.123456789012Z": time.Date(2026, 4, 2, 0, 0, 0, 123_456_789, time.UTC),
		"2026-04-02T23:59:59+23:59":         time.Date(2026, 4, 2, 0, 0, 59, 0, time.UTC),
		"2026-04-02T00:00:00-23:59":         time.Date(2026, 4, 2, 23, 59, 0, 0, time.UTC),
		"2026-04-02T00:00:00-00:00":         time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC),
		"2024-02-29T12:00:00+05:30":         time.Date(2024, 2, 29, 6, 30, 0, 0, time.UTC),
		"1900-01-01T00:00:00Z":              time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		got, err := instant.Parse(text)
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

func TestParseRefusesEverythingElse(t *testing.T) {
	for _, text := range []string{
		"", "now", "2026-04-02", "2026-04-02T00:00:00", "2026-04-02T00:00Z", "2026-04-02 00:00:00Z",
		"2026-04-02T00:00:00+24:00", "2026-04-02T00:00:00+23:60", "2026-04-02T00:00:00+2359", "2026-04-02T00:00:00+01",
		"2026-04-02T00:00:00,5Z", "2026-04-02T00:00:00.Z", "2026-04-02T0:00:00Z", "2026-4-02T00:00:00Z", "26-04-02T00:00:00Z",
		"2026-04-02T24:00:00Z", "2026-04-02T00:60:00Z", "2026-04-02T00:00:61Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-04-02T00:00:00Z ", " 2026-04-02T00:00:00Z", "2026-04-02T00:00:00ZZ",
		"+002026-04-02T00:00:00Z", "20260402T000000Z", "2026-04-02T00:00:00\u2212" + "01:00", "२०२६-04-02T00:00:00Z", "1775088000",
	} {
		if got, err := instant.Parse(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func TestALeapSecondAndTheYearOneAreRefusedByName(t *testing.T) {
	if _, err := instant.Parse("2016-12-31T23:59:60Z"); !errors.Is(err, instant.ErrLeapSecond) {
		t.Errorf("a leap second: %v", err)
	}
	for _, text := range []string{"0001-01-01T00:00:00Z", "0001-06-01T00:00:00+01:00", "0000-01-01T00:00:00Z"} {
		if _, err := instant.Parse(text); !errors.Is(err, instant.ErrUnset) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := instant.Day("0001-01-01"); !errors.Is(err, instant.ErrUnset) {
		t.Errorf("the day of year 1: %v", err)
	}
}

func TestDayTakesOneForm(t *testing.T) {
	if got, err := instant.Day("2026-04-02"); err != nil || !got.Equal(time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"", "2026-4-2", "2026-02-30", "2026-04-02T", "2026/04/02", "20260402", "2026-04-02 "} {
		if got, err := instant.Day(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestLocalTimesAreThoseOnTheWall(t *testing.T) {
	for _, c := range []struct{ zone, text, want string }{
		{"UTC", "2026-10-04T05:00", "2026-10-04T05:00:00Z"},
		{"Europe/Rome", "2026-10-04T05:00", "2026-10-04T03:00:00Z"},
		{"Europe/Rome", "2026-12-04T05:00:30.25", "2026-12-04T04:00:30.25Z"},
		{"Europe/Rome", "2026-10-04 05:00:00", "2026-10-04T03:00:00Z"},
		{"Asia/Kolkata", "2026-10-04t05:00:00", "2026-10-03T23:30:00Z"},
		// An offset counts, the zone does not.
		{"Europe/Rome", "2026-10-04T05:00:00Z", "2026-10-04T05:00:00Z"},
		{"Europe/Rome", "2026-10-04T05:00:00-05:00", "2026-10-04T10:00:00Z"},
		{"Europe/Rome", "1775088000", "2026-04-02T00:00:00Z"},
		// The hour that comes twice is the first one.
		{"Europe/Rome", "2026-10-25T02:30", "2026-10-25T00:30:00Z"},
		{"America/New_York", "2026-11-01T01:00", "2026-11-01T05:00:00Z"},
		{"Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45:00Z"}, // by half an hour
		// The edges of the hour that is skipped.
		{"Europe/Rome", "2026-03-29T01:59:59", "2026-03-29T00:59:59Z"},
		{"Europe/Rome", "2026-03-29T03:00", "2026-03-29T01:00:00Z"},
		{"Pacific/Kiritimati", "2026-04-02T00:00", "2026-04-01T10:00:00Z"}, // UTC+14
	} {
		got, err := instant.Local(c.text, zone(t, c.zone))
		want, _ := time.Parse(time.RFC3339, c.want)
		if err != nil || !got.Equal(want) {
			t.Errorf("%s in %s: %v, %v", c.text, c.zone, got, err)
		}
	}
}

func TestATimeThatTheClocksSkipIsRefused(t *testing.T) {
	for _, c := range []struct{ zone, text string }{
		{"Europe/Rome", "2026-03-29T02:00"},
		{"Europe/Rome", "2026-03-29T02:59:59.999"},
		{"America/New_York", "2026-03-08T02:30"},
		{"Australia/Lord_Howe", "2026-10-04T02:15"},
		{"Pacific/Apia", "2011-12-30T12:00"}, // the day that Samoa left out
	} {
		if got, err := instant.Local(c.text, zone(t, c.zone)); !errors.Is(err, instant.ErrGap) {
			t.Errorf("%s in %s: %v, %v", c.text, c.zone, got, err)
		}
	}
}

func TestLocalRefusesEverythingElse(t *testing.T) {
	for _, text := range []string{
		"", "2026-10-04", "2026-10-04T05", "2026-10-04T5:00", "2026-10-04T05:00Z", "2026-10-04T05:00:00,5", "20261004", "202610040500",
		"-1775088000", "17750880", "1775088000000", "0123456789", "1775088000.0", "2026-10-04T05:00:60", "0001-01-01T00:00", "2026-10-04\n05:00",
	} {
		if got, err := instant.Local(text, time.UTC); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func TestEpochTakesWholeSeconds(t *testing.T) {
	for _, seconds := range []float64{0, 1775088000, -2208988800, 86400} {
		if got, err := instant.Epoch(seconds); err != nil || float64(got.Unix()) != seconds {
			t.Errorf("%g: %v, %v", seconds, got, err)
		}
	}
	for _, seconds := range []float64{1775088000.5, 1775088000000, 20260402, 1e18, -1e18, math.NaN(), math.Inf(1), -62135596800} {
		if got, err := instant.Epoch(seconds); err == nil {
			t.Errorf("%g is taken for %v", seconds, got)
		}
	}
}

// The standard library takes everything that RFC 3339 has but lower case, and reads it alike.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"2026-04-02T00:00:00.5+05:30", "2026-04-02t00:00:00z", "2016-12-31T23:59:60Z", "2026-04-02T00:00:00,5Z"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := instant.Parse(text)
		want, wantErr := time.Parse(time.RFC3339, strings.ToUpper(text))
		if err == nil && (wantErr != nil || !got.Equal(want)) {
			t.Errorf("%q is %v, the standard library says %v, %v", text, got, want, wantErr)
		}
		if err == nil {
			if local, err := instant.Local(text, time.UTC); err != nil || !local.Equal(got) {
				t.Errorf("%q is %v, and locally %v, %v", text, got, local, err)
			}
		}
	})
}

// Whatever the wall shows is read as what it shows.
func FuzzLocal(f *testing.F) {
	zones := []*time.Location{time.UTC}
	for _, name := range []string{"Europe/Rome", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Lagos", "Asia/Kathmandu"} {
		zones = append(zones, zone(f, name))
	}
	f.Add(uint8(1), int64(1775088000))
	f.Fuzz(func(t *testing.T, z uint8, seconds int64) {
		at := time.Unix(seconds%4e9, 0).In(zones[int(z)%len(zones)])
		if at.Year() < 1900 {
			return
		}
		text := at.Format("2006-01-02T15:04:05")
		got, err := instant.Local(text, at.Location())
		if err != nil || got.After(at) || got.Format("2006-01-02T15:04:05") != text {
			t.Errorf("%v: %v, %v", at, got, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = instant.Parse("2026-04-02T00:00:00Z")
	}
}

func ExampleLocal() {
	rome, _ := time.LoadLocation("Europe/Rome")
	for _, text := range []string{"2026-10-04T05:00", "2026-10-25T02:30", "2026-03-29T02:30", "1775088000"} {
		at, err := instant.Local(text, rome)
		if err != nil {
			fmt.Println(text, err)
			continue
		}
		fmt.Println(text, at.UTC().Format(time.RFC3339))
	}
	// Output:
	// 2026-10-04T05:00 2026-10-04T03:00:00Z
	// 2026-10-25T02:30 2026-10-25T00:30:00Z
	// 2026-03-29T02:30 the clocks of the time zone skip this time; write it with an offset
	// 1775088000 2026-04-02T00:00:00Z
}
