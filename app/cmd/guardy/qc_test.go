package main

import (
	"bytes"
	"os"
	"path/filepath"
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

// TestQCObeysTheOperatorsLimits, of the device they name and no other.
func TestQCObeysTheOperatorsLimits(t *testing.T) {
	limits := filepath.Join(t.TempDir(), "limits.yaml")
	if err := os.WriteFile(limits, []byte("devices: {greenhouse: {temperature: {fail: [5, 50]}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const in = "device_id,timestamp,temperature\ngreenhouse,2026-03-01T00:00:00Z,2\nyard,2026-03-01T00:00:00Z,2\n"
	var out, failed bytes.Buffer
	if code := run(t.Context(), []string{"--set", "devices.limits=" + limits, "qc"}, stdio{strings.NewReader(in), &out, &failed, nil}); code != exitDone {
		t.Fatalf("exit code %d: %s", code, failed.String())
	}
	for i, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		if want := []string{`"is_anomaly":true`, `"is_anomaly":false`}[i]; !strings.Contains(line, want) || !strings.Contains(line, `"model_version":"1.0.0"`) {
			t.Errorf("line %d lacks %s: %s", i, want, line)
		}
	}
	if err := os.WriteFile(limits, []byte("devices: {greenhouse: {temperature: {fail: [50, 5]}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	failed.Reset()
	if code := run(t.Context(), []string{"--set", "devices.limits=" + limits, "qc"}, stdio{strings.NewReader(in), new(bytes.Buffer), &failed, nil}); code != exitFailed ||
		!strings.Contains(failed.String(), "device greenhouse: temperature: fail: ") {
		t.Errorf("limits upside down: exit code %d, %s", code, failed.String())
	}
}
