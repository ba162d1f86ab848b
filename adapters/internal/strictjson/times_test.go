package strictjson

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones of the tests

	"github.com/guardy-ai/guardy/domain"
)

func TestTimesAreRFC3339(t *testing.T) {
	for text, want := range map[string]string{ // what the violation says; empty where there is none
		"2026-04-02t00:00:00z":      "",
		"2026-04-02T00:00:00+23:59": "",
		"2026-04-02T00:00:00+24:00": "RFC 3339",
		"2026-04-02T00:00:00,5Z":    "RFC 3339",
		"2016-12-31T23:59:60Z":      "leap second",
		"0001-01-01T00:00:00Z":      "year 1",
	} {
		for what, parse := range map[string]func(pointer, text string) (time.Time, *domain.Violation){"day": Day, "time": Time} {
			at, v := parse("/date", text)
			switch {
			case want == "" && (v != nil || at.IsZero()):
				t.Errorf("%s %s: %v %v", what, text, at, v)
			case want != "" && (v == nil || v.Pointer != "/date" || !strings.Contains(v.Detail, want)):
				t.Errorf("%s %s: %v %v", what, text, at, v)
			}
		}
	}
	if _, v := Day("/date", "2026-04-02"); v != nil {
		t.Error(v)
	}
	if _, v := Time("/timestamp", "2026-04-02"); v == nil {
		t.Error("a day is taken for an instant")
	}
}

func TestZonesAreThoseOfTheDatabase(t *testing.T) {
	for range 2 { // the second time from memory
		rome, v := Zone("/timezone", "Europe/Rome")
		if v != nil || rome.String() != "Europe/Rome" {
			t.Fatalf("%v, %v", rome, v)
		}
		at, v := LocalTime("/timestamp", "2026-10-04T05:00", rome)
		if v != nil || !at.Equal(time.Date(2026, 10, 4, 3, 0, 0, 0, time.UTC)) {
			t.Errorf("%v, %v", at, v)
		}
		if _, v := LocalTime("/timestamp", "2026-03-29T02:30", rome); v == nil || !strings.Contains(v.Detail, "skip") {
			t.Errorf("a time that no clock shows: %v", v)
		}
	}
	for _, name := range []string{"", "Local", "Europe/Roma", "../etc/passwd", "/etc/localtime", "+02:00", strings.Repeat("x", 1000)} {
		if zone, v := Zone("/timezone", name); v == nil || v.Pointer != "/timezone" || len(v.Detail) > 200 {
			t.Errorf("%.20q: %v, %v", name, zone, v)
		}
	}
}

func TestEpochTimesAreWholeSeconds(t *testing.T) {
	if at, v := EpochTime("/timestamp", 1775088000); v != nil || at.Unix() != 1775088000 {
		t.Errorf("%v, %v", at, v)
	}
	if _, v := EpochTime("/timestamp", 1775088000123); v == nil || v.Pointer != "/timestamp" || !strings.Contains(v.Detail, "milliseconds") {
		t.Errorf("%v", v)
	}
}
