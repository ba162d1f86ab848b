package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestREADMECommandsWork runs what README.md tells a stranger to type. The convention:
//
//   - Blocks fenced as ```console are run, in order; other blocks are not.
//   - A line that begins with "$ " is a command for sh, run in the root of the repository; a trailing
//     backslash or an open quote continues it. The lines up to the next command are its output,
//     standard error included.
//   - A command with "serve" is started and left running once it is ready; it is stopped at the end
//     and must then exit with 0. Its shown output is not compared.
//   - "…" stands for any text inside a line (times, ids, digests), alone on a line for any lines. No
//     output shown means that only the exit code is checked: it must be 0, unless a line of the shown
//     output is an error of ours ("guardy: …"). Where both outputs are JSON they are compared as JSON,
//     so that a long answer may be wrapped for reading.
//   - "go run ./app/cmd/guardy" and "guardy" run this build. The default ports are replaced by free ones.
//   - A command whose program is not installed (curl, buf, …) is skipped.
func TestREADMECommandsWork(t *testing.T) {
	const root = "../../.."
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("there is no README.md")
	} else if err != nil {
		t.Fatal(err)
	}
	steps := readmeSteps(string(text))
	if len(steps) == 0 {
		t.Fatal("README.md shows no command")
	}
	shell := newShell(t, root)
	for _, s := range steps {
		t.Run(fmt.Sprintf("line %d", s.line), func(t *testing.T) {
			if strings.Contains(s.command, "guardy serve") {
				shell.serve(t, s.command)
				return
			}
			if name := program(s.command); !shell.knows(name) {
				t.Skipf("%s is not installed", name)
			}
			got, err := shell.run(t, s.command)
			if failure := slices.ContainsFunc(s.output, isFailure); failure != (err != nil) {
				t.Errorf("$ %s\n%s%v; README.md shows a failure: %v", s.command, got, err, failure)
			}
			if shown := strings.Join(s.output, "\n"); strings.TrimSpace(shown) != "" && !sameOutput(shown, got) {
				t.Errorf("$ %s\n%s\nREADME.md shows\n%s", s.command, got, strings.Join(s.output, "\n"))
			}
		})
	}
}

// step is one command of the README with the output shown for it.
type step struct {
	line    int
	command string
	output  []string
}

// readmeSteps extracts the commands of the console blocks.
func readmeSteps(text string) []step {
	var steps []step
	inside, continued := false, false
	for i, line := range strings.Split(text, "\n") {
		switch {
		case !inside:
			inside = strings.TrimSpace(line) == "```console"
		case strings.TrimSpace(line) == "```":
			inside, continued = false, false
		case continued:
			s := &steps[len(steps)-1]
			s.command += "\n" + line
			continued = unfinished(s.command)
		case strings.HasPrefix(line, "$ "):
			steps = append(steps, step{line: i + 1, command: line[2:]})
			continued = unfinished(line[2:])
		case len(steps) > 0:
			s := &steps[len(steps)-1]
			s.output = append(s.output, line)
		}
	}
	return steps
}

// unfinished reports whether sh would ask for another line.
func unfinished(command string) bool {
	if strings.HasSuffix(command, `\`) {
		return true
	}
	var open rune
	for _, r := range command {
		switch {
		case open == 0 && (r == '\'' || r == '"'):
			open = r
		case r == open:
			open = 0
		}
	}
	return open != 0
}

func isFailure(line string) bool { return strings.HasPrefix(line, "guardy: ") }

// program returns the name of the first program of a command, after assignments.
func program(command string) string {
	for word := range strings.FieldsSeq(command) {
		if !strings.Contains(word, "=") {
			return word
		}
	}
	return ""
}

// sameOutput compares the shown output with the real one.
func sameOutput(want, got string) bool {
	var w, g any
	if json.Unmarshal([]byte(want), &w) == nil && json.Unmarshal([]byte(got), &g) == nil {
		return sameJSON(w, g)
	}
	return wildcard(strings.TrimSpace(want)).MatchString(strings.TrimSpace(got))
}

// wildcard turns shown text into an expression: … matches within a line, a line of … any lines.
func wildcard(shown string) *regexp.Regexp {
	lines := strings.Split(shown, "\n")
	for i, line := range lines {
		if strings.TrimSpace(line) == "…" {
			lines[i] = `(?s:.*)`
		} else {
			lines[i] = strings.ReplaceAll(regexp.QuoteMeta(strings.TrimRight(line, " ")), "…", ".*")
		}
	}
	return regexp.MustCompile(`^` + strings.Join(lines, `\n`) + `$`)
}

func sameJSON(want, got any) bool {
	switch w := want.(type) {
	case string:
		g, ok := got.(string)
		return w == "…" || ok && wildcard(w).MatchString(g)
	case []any:
		g, ok := got.([]any)
		if !ok || len(w) != len(g) {
			return false
		}
		for i := range w {
			if !sameJSON(w[i], g[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(w) != len(g) {
			return false
		}
		for k := range w {
			if v, ok := g[k]; !ok || !sameJSON(w[k], v) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(want, got)
}

// shell runs commands with the default ports replaced by free ones.
type shell struct {
	dir     string
	environ []string
	ports   *strings.Replacer // in commands
	shown   *strings.Replacer // in outputs
	ready   string
	onEnd   func(func(*testing.T)) // registers work for the end of the whole test
}

func newShell(t *testing.T, dir string) *shell {
	t.Helper()
	s := &shell{dir: dir, onEnd: func(f func(*testing.T)) { t.Cleanup(func() { f(t) }) }}
	bin := t.TempDir()
	// The test binary is the program when it is called by the program's name: see TestMain.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "guardy")); err != nil {
		t.Fatal(err)
	}
	ports, err := freePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	commands, outputs := []string{"go run ./app/cmd/guardy", "guardy"}, []string{}
	for i, standard := range []string{"8000", "8081", "9464"} {
		for _, host := range []string{"localhost:", "127.0.0.1:"} {
			commands = append(commands, host+standard, host+ports[i])
			outputs = append(outputs, host+ports[i], host+standard)
		}
	}
	s.ports, s.shown = strings.NewReplacer(commands...), strings.NewReplacer(outputs...)
	s.ready = "http://127.0.0.1:" + ports[0] + "/readyz"
	s.environ = append(os.Environ(),
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		"PORT="+ports[0], "GUARDY_CONNECT_ADDR=127.0.0.1:"+ports[1], "GUARDY_ADMIN_ADDR=127.0.0.1:"+ports[2])
	return s
}

// freePorts returns ports that nobody listened on a moment ago.
func freePorts(n int) ([]string, error) {
	ports := make([]string, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }() // held until all are found, so that they differ
		if _, ports[i], err = net.SplitHostPort(l.Addr().String()); err != nil {
			return nil, err
		}
	}
	return ports, nil
}

func (s *shell) knows(name string) bool {
	if name == "go" || name == "guardy" {
		return true
	}
	_, err := exec.LookPath(name)
	return err == nil
}

func (s *shell) command(ctx context.Context, text string) *exec.Cmd {
	c := exec.CommandContext(ctx, "sh", "-c", s.ports.Replace(text))
	c.Dir, c.Env = s.dir, s.environ
	return c
}

func (s *shell) run(t *testing.T, text string) (string, error) {
	t.Helper()
	out, err := s.command(t.Context(), text).CombinedOutput()
	return s.shown.Replace(string(out)), err
}

// serve starts the service, waits until it is ready, and stops it when the parent test ends.
func (s *shell) serve(t *testing.T, text string) {
	t.Helper()
	// The subtest's context ends with the subtest; the server outlives it. "exec" makes the signal
	// reach the program and not the shell.
	text = "exec " + strings.TrimSuffix(strings.TrimSpace(text), "&")
	c := s.command(context.Background(), text)
	var log bytes.Buffer
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	deadline, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := awaitReady(deadline, s.ready, ended); err != nil {
		_ = c.Process.Kill()
		t.Fatalf("$ %s\n%v\n%s", text, err, log.String())
	}
	s.onEnd(func(t *testing.T) {
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("serve ended with %v\n%s", err, log.String())
		}
	})
}

// awaitReady asks url until it answers 200, the process ends or ctx does.
func awaitReady(ctx context.Context, url string, ended <-chan error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if answer, err := http.Get(url); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-ended:
			return fmt.Errorf("the process ended: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func TestREADMEConvention(t *testing.T) {
	steps := readmeSteps("text\n```sh\n$ no\n```\n```console\n$ one \\\n    two\nout\n\n$ curl -d '{\n  \"a\": 1}'\n```\n")
	want := []step{{6, "one \\\n    two", []string{"out", ""}}, {10, "curl -d '{\n  \"a\": 1}'", nil}}
	if !reflect.DeepEqual(steps, want) {
		t.Errorf("got %#v", steps)
	}
	for _, tt := range []struct {
		shown, got string
		same       bool
	}{
		{"ready", "ready\n", true},
		{"ready", "ready\nmore\n", false},
		{"at …, done", "at 12:30, done\n", true},
		{"…\nlast", "first\nsecond\nlast\n", true},
		{`{"p": 0.25, "at": "…", "list": [1]}`, `{"at":"2026-01-01","list":[1],"p":0.25}`, true},
		{`{"p": 0.25}`, `{"p":0.26}`, false},
		{`{"p": 0.25}`, `{"p":0.25,"q":1}`, false},
		{`{"digest": "sha256:…"}`, `{"digest":"sha256:12"}`, true},
	} {
		if got := sameOutput(tt.shown, tt.got); got != tt.same {
			t.Errorf("%q and %q: same %v", tt.shown, tt.got, got)
		}
	}
}
