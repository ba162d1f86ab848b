// Package fileregister is a register of sites that an operator keeps as a CSV or GeoJSON file.
//
// A CSV file has a header and one site a line. location_id is required; name, latitude, longitude
// (degrees, WGS 84), normal and flood_threshold (in the unit that clients post for the river), and
// the site attributes of the flood-risk request may follow in any order. An empty field is a value
// that is not known. A GeoJSON file is a FeatureCollection of Points with properties of the same
// names; the id is the property location_id or else the feature's own id.
//
// The file is checked completely when it is loaded and every bad line is reported. When anything is
// wrong nothing is loaded: half a register would answer some places from attributes and others, in
// silence, without.
package fileregister

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Config is the `sites` section.
type Config struct {
	// Path of the site register, a .csv, .geojson or .json file. Empty, the default, is a register
	// without sites. The file is read once, at start.
	Path string `koanf:"path"`
}

// DefaultConfig returns the documented defaults.
func DefaultConfig() Config { return Config{} }

// Validate reports a path of which the format cannot be told.
func (c Config) Validate() error {
	if c.Path == "" || parserOf(c.Path) != nil {
		return nil
	}
	return fmt.Errorf("path %q must end in .csv, .geojson or .json", c.Path)
}

// Limits of a register. A million sites take some 250 MB.
const (
	maxBytes = 64 << 20
	maxSites = 1_000_000
	// maxListed bounds the violations of one error; the number of all is in its message.
	maxListed = 1000
)

// Register implements ports.SiteRegister. It never changes.
type Register struct {
	sites  []ports.RegisteredSite
	byID   map[string]int32
	sorted []int32 // of the sites, by id
}

var _ ports.SiteRegister = (*Register)(nil)

// New loads the register. Errors are *domain.Error: KindInvalid with the violations of the file,
// KindNotFound or KindUnavailable when it cannot be read.
func New(cfg Config) (*Register, error) {
	if err := cfg.Validate(); err != nil {
		return nil, &domain.Error{Kind: domain.KindInvalid, Op: "load sites", Msg: err.Error()}
	}
	if cfg.Path == "" {
		return new(Register), nil
	}
	data, err := read(cfg.Path)
	if err != nil {
		return nil, err
	}
	r, err := parse(parserOf(cfg.Path), data)
	var invalid *domain.Error
	if errors.As(err, &invalid) {
		invalid.Op = "sites.path: load " + cfg.Path
	}
	return r, err
}

// Lookup implements ports.SiteRegister.
func (r *Register) Lookup(id string) (ports.RegisteredSite, bool) {
	i, ok := r.byID[id]
	if !ok {
		return ports.RegisteredSite{}, false
	}
	return r.sites[i], true
}

// fewSites are all looked through for the nearest id, and of a larger register the nearNeighbours before and
// after the place of an id in their order, which begin as it does.
const (
	fewSites       = 500
	nearNeighbours = 100
)

// Nearest implements ports.SiteRegister.
func (r *Register) Nearest(id string) string {
	from, to := 0, len(r.sorted)
	if to > fewSites {
		at, _ := slices.BinarySearchFunc(r.sorted, id, func(i int32, id string) int { return strings.Compare(r.sites[i].ID, id) })
		from, to = max(0, at-nearNeighbours), min(to, at+nearNeighbours)
	}
	return domain.NearestName(id, func(yield func(string) bool) {
		for _, i := range r.sorted[from:to] {
			if !yield(r.sites[i].ID) {
				return
			}
		}
	})
}

// Len implements ports.SiteRegister.
func (r *Register) Len() int { return len(r.sites) }

// parser reads sites from data into the loader.
type parser func(l *loader, data []byte)

func parserOf(path string) parser {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		return parseCSV
	case ".geojson", ".json":
		return parseGeoJSON
	}
	return nil
}

func parse(p parser, data []byte) (*Register, error) {
	l := newLoader()
	p(l, data)
	if err := l.err(); err != nil {
		return nil, err
	}
	r := &l.register
	r.sorted = make([]int32, len(r.sites))
	for i := range r.sorted {
		r.sorted[i] = int32(i)
	}
	slices.SortFunc(r.sorted, func(a, b int32) int { return strings.Compare(r.sites[a].ID, r.sites[b].ID) })
	return r, nil
}

func read(path string) ([]byte, error) {
	refuse := func(kind domain.Kind, msg string, err error) error {
		return &domain.Error{Kind: kind, Op: "sites.path: load " + path, Msg: msg, Err: err}
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, refuse(domain.KindNotFound, "there is no such file", nil)
	}
	if err != nil {
		return nil, refuse(domain.KindUnavailable, "the file cannot be opened", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, refuse(domain.KindInvalid, "this is not a regular file", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, refuse(domain.KindUnavailable, "the file cannot be read", err)
	}
	if len(data) > maxBytes {
		return nil, refuse(domain.KindInvalid, fmt.Sprintf("the file is larger than %d MiB", maxBytes>>20), nil)
	}
	return data, nil
}
