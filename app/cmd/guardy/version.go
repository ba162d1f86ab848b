package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/guardy-ai/guardy/app"
)

// version is set by the release build: -ldflags "-X main.version=1.2.3". Without it the module
// version that the Go command recorded is used.
var version string

// buildVersion returns the semantic version of the program, and the commit where it is known.
func buildVersion() (semver, commit string) {
	semver = version
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return or(semver, "devel"), ""
	}
	if semver == "" && info.Main.Version != "(devel)" {
		semver = strings.TrimPrefix(info.Main.Version, "v")
	}
	modified := false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value
		case "vcs.modified":
			modified = s.Value == "true"
		}
	}
	if modified {
		commit += "-dirty"
	}
	return or(semver, "devel"), commit
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

type versionCmd struct {
	JSON bool `help:"Write JSON." name:"json"`
}

// versionInfo is what guardy version shows.
type versionInfo struct {
	Version string         `json:"version"`
	Commit  string         `json:"commit,omitempty"`
	Go      string         `json:"go"`
	Models  []versionModel `json:"models"`
}

type versionModel struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
}

// Run loads and verifies the models of the configuration, so that what it shows is what serve would
// serve.
func (v *versionCmd) Run(ctx context.Context, c *cli, std stdio) error {
	loaded, err := c.load(std)
	if err != nil {
		return err
	}
	info := versionInfo{Go: runtime.Version()}
	info.Version, info.Commit = buildVersion()
	err = app.Offline(ctx, loaded.Config, func(core app.Core) error {
		for _, m := range core.Models.List(ctx) {
			info.Models = append(info.Models, versionModel{string(m.Ref.Name), m.Ref.Version, m.Ref.Digest})
		}
		return nil
	})
	// The program has a version even when its models cannot be loaded.
	if v.JSON {
		return errors.Join(err, json.NewEncoder(std.out).Encode(info))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "guardy %s", info.Version)
	if info.Commit != "" {
		fmt.Fprintf(&b, " (%s)", info.Commit)
	}
	fmt.Fprintf(&b, " %s\n", info.Go)
	for _, m := range info.Models {
		fmt.Fprintf(&b, "%s %s %s\n", m.Name, m.Version, m.Digest)
	}
	_, writeErr := io.WriteString(std.out, b.String())
	return errors.Join(err, writeErr)
}
