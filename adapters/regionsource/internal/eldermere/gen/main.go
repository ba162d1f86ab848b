// Gen writes the files of Eldermere into a folder.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/guardy-ai/guardy/adapters/regionsource/internal/eldermere"
)

func main() {
	out := flag.String("o", ".", "folder for the files")
	flag.Parse()
	for name, data := range eldermere.Files() {
		if err := os.WriteFile(filepath.Join(*out, name), data, 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
