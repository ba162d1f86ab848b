package main

import (
	"fmt"
	"io"
	"strings"
)

type configCmd struct {
	Print configPrintCmd `cmd:"" help:"Show every value in effect and where it comes from, secrets masked."`
	Check configCheckCmd `cmd:"" help:"Check the configuration; exit with 1 when something is wrong."`
}

type configPrintCmd struct{}

// Run prints YAML that loads again as the same configuration, but for the secrets.
func (configPrintCmd) Run(c *cli, std stdio) error {
	loaded, err := c.load(std)
	if err != nil {
		return err
	}
	all := loaded.Settings()
	width := 0
	for _, s := range all {
		width = max(width, len(s.Key)+2+len(s.Value))
	}
	var b strings.Builder
	for _, s := range all {
		fmt.Fprintf(&b, "%-*s  # %s\n", min(width, 60), s.Key+": "+s.Value, s.Origin)
	}
	_, err = io.WriteString(std.out, b.String())
	return err
}

type configCheckCmd struct{}

// Run reports every problem, one a line.
func (configCheckCmd) Run(c *cli, std stdio) error {
	if _, err := c.load(std); err != nil {
		return err
	}
	_, err := fmt.Fprintln(std.out, "the configuration is sound")
	return err
}
