package rfc3339

import (
	"math"
	"testing"
	"time"
)

func check(t *testing.T, at time.Time) {
	t.Helper()
	const before = "at "
	want := before + at.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	if got := string(AppendMillis([]byte(before), at)); got != want {
		t.Errorf("%v: %q, not %q", at, got, want)
	}
}

func TestInstantsAreWrittenAsTimeFormatDoes(t *testing.T) {
	for _, year := range []int{-1, 0, 1, 9, 10, 99, 100, 999, 1000, 1900, 1969, 1970, 2000, 2023, 2024, 9999, 10000} {
		for _, at := range []time.Time{
			time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC),
			time.Date(year, 2, 28, 23, 59, 59, 999_999_999, time.UTC),
			time.Date(year, 3, 1, 0, 0, 0, 0, time.UTC).Add(-time.Nanosecond), // the last of February
			time.Date(year, 9, 10, 12, 34, 56, 7_999_999, time.UTC),
			time.Date(year, 12, 31, 23, 59, 59, 80_000_000, time.FixedZone("", -7*3600)),
			time.Date(year, 1, 1, 0, 0, 0, 999_999, time.FixedZone("", 14*3600)),
		} {
			check(t, at)
		}
	}
	check(t, time.Time{})
	check(t, time.Unix(math.MaxInt64, 0))
	check(t, time.Unix(math.MinInt64, 0))
}

func FuzzAppendMillis(f *testing.F) {
	for _, at := range []time.Time{
		time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2024, 2, 29, 7, 8, 9, 123_456_789, time.UTC),
	} {
		f.Add(at.Unix(), int64(at.Nanosecond()), 0)
	}
	f.Add(int64(1_700_000_000), int64(-1), 5*3600+1800)
	f.Fuzz(func(t *testing.T, seconds, nanos int64, offset int) {
		check(t, time.Unix(seconds, nanos).In(time.FixedZone("", offset%(24*3600))))
	})
}

// TestInstantsAllOverTheYears goes through all that RFC 3339 can say.
func TestInstantsAllOverTheYears(t *testing.T) {
	first, last := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
	const step = 3_456_789 // 40 days and some: any time of the day
	for s := first; s <= last; s += step {
		check(t, time.Unix(s, s*999_983%1_000_000_000))
	}
}

func BenchmarkAppendMillis(b *testing.B) {
	at := time.Date(2024, 2, 29, 7, 8, 9, 123_456_789, time.UTC)
	var buf []byte
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf = AppendMillis(buf[:0], at)
		}
	})
	b.Run("time", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf = at.AppendFormat(buf[:0], millis)
		}
	})
}
