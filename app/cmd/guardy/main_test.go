package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary the program when it is called by the program's name, so that the
// scripts and the README run this build.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"guardy": main, "http": httpMain})
}

// TestScripts runs testdata/script. Beside the commands of testscript there are:
//
//	freeport NAME…          sets each variable to a port that nobody listens on
//	exits CODE COMMAND…     runs a command that must exit with CODE
//	http GET URL            prints the status and the body; -wait repeats until the status is 200
//	http POST URL FILE      posts JSON
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			// What the developer's shell sets for a service of their own must not reach the tests.
			env.Setenv("HOME", env.WorkDir)
			town, err := filepath.Abs("../../../adapters/regionsource/osmregion/testdata/eldermere")
			env.Setenv("TOWN", town) // fictional
			artifacts, artifactsErr := filepath.Abs("../../../models")
			env.Setenv("MODELS", artifacts)
			return errors.Join(err, artifactsErr)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"freeport": func(ts *testscript.TestScript, _ bool, args []string) {
				for i, port := range mustFreePorts(ts, len(args)) {
					ts.Setenv(args[i], port)
				}
			},
			"exits": func(ts *testscript.TestScript, _ bool, args []string) {
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				got := 0
				err = ts.Exec(args[1], args[2:]...)
				var exit *exec.ExitError
				if errors.As(err, &exit) {
					got = exit.ExitCode()
				} else {
					ts.Check(err)
				}
				if got != want {
					ts.Fatalf("exit code %d, want %d", got, want)
				}
			},
		},
		RequireExplicitExec: true,
	})
}

func mustFreePorts(ts *testscript.TestScript, n int) []string {
	ports, err := freePorts(n)
	ts.Check(err)
	return ports
}

// httpMain is the client of the scripts.
func httpMain() {
	args := os.Args[1:]
	wait := args[0] == "-wait"
	if wait {
		args = args[1:]
	}
	if err := httpCall(wait, args); err != nil {
		fmt.Fprintln(os.Stderr, "http:", err)
		os.Exit(1)
	}
}

func httpCall(wait bool, args []string) error {
	method, url := args[0], args[1]
	if wait {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := awaitReady(ctx, url, nil); err != nil {
			return err
		}
	}
	var body []byte
	if len(args) > 2 {
		var err error
		if body, err = os.ReadFile(args[2]); err != nil {
			return err
		}
	}
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	fmt.Println(answer.StatusCode)
	_, err = io.Copy(os.Stdout, answer.Body)
	return err
}
