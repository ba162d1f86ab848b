// Package cli is what the commands of this module have in common.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Main runs a command with what stands after its name, until it ends, is interrupted or loses its reader
// (`| head`): then, too, it has programs to end. When it fails, the process ends with 1.
func Main(name string, run func(ctx context.Context, args []string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
}

// Word parses flags before and after one word, and returns the word. It is empty where there is none.
func Word(f *flag.FlagSet, args []string) (word string, err error) {
	for {
		if err := f.Parse(args); err != nil {
			return word, err
		}
		if f.NArg() == 0 {
			return word, nil
		}
		if word != "" {
			return word, fmt.Errorf("one at a time, not %q and %q", word, f.Arg(0))
		}
		word, args = f.Arg(0), f.Args()[1:]
	}
}
