package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestALineThatIsTooLongIsAnErrorInItsPlace(t *testing.T) {
	header, good := "device_id,timestamp,x\n", "a,2026-03-01T00:00:00Z,1\n"
	long := "a,2026-03-01T01:00:00Z," + strings.Repeat("1", 3*maxSensorLine)
	for name, c := range map[string]struct {
		in   string
		want []string // beginnings of the lines of the answer
	}{
		"between others":       {header + good + long + "\n" + "a,2026-03-01T02:00:00Z,1\n", []string{`{"device_id":"a"`, `{"line":3,`, `{"device_id":"a"`}},
		"last, without an end": {header + good + long, []string{`{"device_id":"a"`, `{"line":3,`}},
		"a byte of nothing":    {header + "\x00\n" + good, []string{`{"line":2,"status":"error","error":{"code":"malformed"`, `{"device_id":"a"`}},
	} {
		var out, failed bytes.Buffer
		if code := run(t.Context(), []string{"qc"}, stdio{strings.NewReader(c.in), &out, &failed, nil}); code != exitFailed {
			t.Errorf("%s: exit code %d", name, code)
		}
		got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(got) != len(c.want) {
			t.Fatalf("%s: %d lines, want %d: %.300s", name, len(got), len(c.want), out.String())
		}
		for i, want := range c.want {
			if !strings.HasPrefix(got[i], want) {
				t.Errorf("%s: line %d is %.120s, want %s…", name, i, got[i], want)
			}
		}
	}
	var failed bytes.Buffer
	if code := run(t.Context(), []string{"qc"}, stdio{strings.NewReader(long), new(bytes.Buffer), &failed, nil}); code != exitFailed ||
		!strings.Contains(failed.String(), "header is longer") {
		t.Errorf("an endless header: exit code %d, %s", code, failed.String())
	}
}
