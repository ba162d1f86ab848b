// Package osmregion is a region made of files that an operator keeps: an OpenStreetMap extract (.osm.pbf) with
// the roads, and, each optional, a GeoJSON file with shelters and a CSV file with people.
//
// A shelter is a Point with the properties name, capacity (persons; null or absent when it is not known),
// resources (a list of texts) and contact, and an id (the property id or osm_id, or the feature's own). Other
// properties are left alone.
//
// People are lines of a CSV file with a header: lon and lat in degrees and population, the persons there,
// be it in a building, a place or around the centre of a cell. The names longitude, latitude and persons are
// understood too; other columns are left alone.
//
// A shelter or a line that cannot be used is left out and reported; a file that cannot be understood at all
// is refused.
package osmregion

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/guardy-ai/guardy/adapters/regionsource/internal/osmpbf"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/region"
	"github.com/guardy-ai/guardy/domain/roads"
	"github.com/guardy-ai/guardy/ports"
)

//go:generate go run ../internal/eldermere/gen -o testdata/eldermere

// Config is the `region` section.
type Config struct {
	// OpenStreetMap extract of the region, a .osm.pbf file. Empty, the default, is no region: evacuation answers
	// then have geometric zones only.
	OSM string `koanf:"osm"`
	// Shelters of the region, a GeoJSON file of Points with name, capacity, resources and contact.
	Shelters string `koanf:"shelters"`
	// People of the region, a CSV file with the columns lon, lat and population.
	Population string `koanf:"population"`
}

// DefaultConfig returns the documented defaults.
func DefaultConfig() Config { return Config{} }

// Validate reports shelters or people without the roads to them.
func (c Config) Validate() error {
	if c.OSM != "" {
		return nil
	}
	var errs []error
	if c.Shelters != "" {
		errs = append(errs, errors.New("shelters: roads are needed too; set region.osm"))
	}
	if c.Population != "" {
		errs = append(errs, errors.New("population: roads are needed too; set region.osm"))
	}
	return errors.Join(errs...)
}

// Limits of the files. Memory for roads is bounded by roads.MaxVertices.
const (
	maxSheltersBytes   = 64 << 20
	maxPopulationBytes = 1 << 30
)

// Source implements ports.RegionSource.
type Source struct{ cfg Config }

var _ ports.RegionSource = (*Source)(nil)

// New returns the source of the configured files, which are read by LoadRegion. An error is of KindInvalid.
func New(cfg Config) (*Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, &domain.Error{Kind: domain.KindInvalid, Op: "region", Msg: err.Error()}
	}
	return &Source{cfg}, nil
}

// Describe implements ports.RegionSource.
func (s *Source) Describe() string { return s.cfg.OSM }

// LoadRegion implements ports.RegionSource.
func (s *Source) LoadRegion(ctx context.Context) (*region.Region, error) {
	if s.cfg.OSM == "" {
		return nil, &domain.Error{Kind: domain.KindNotFound, Op: "load region", Msg: "no region is configured (region.osm)"}
	}
	var c *region.Collector
	all := sha256.New() // of the files with their lengths, so that nothing moves from one to the next
	sum := func(size int64, r io.Reader) error {
		fmt.Fprintln(all, size)
		_, err := io.Copy(all, r)
		return err
	}
	if err := use(ctx, "osm", s.cfg.OSM, func(f *os.File, size int64) error {
		if err := sum(size, io.NewSectionReader(f, 0, size)); err != nil {
			return err
		}
		n, report, err := readRoads(ctx, f, size)
		if err == nil {
			c = region.NewCollector(n, report)
		}
		return err
	}); err != nil {
		return nil, err
	}
	if err := useIfSet(ctx, "shelters", s.cfg.Shelters, func(f *os.File, size int64) error {
		if size > maxSheltersBytes {
			return refused("the file is larger than %d MiB", maxSheltersBytes>>20)
		}
		data, err := io.ReadAll(f)
		if err == nil {
			err = sum(int64(len(data)), bytes.NewReader(data))
		}
		if err != nil {
			return err
		}
		return readShelters(data, c)
	}); err != nil {
		return nil, err
	}
	if err := useIfSet(ctx, "population", s.cfg.Population, func(f *os.File, size int64) error {
		if size > maxPopulationBytes {
			return refused("the file is larger than %d MiB", maxPopulationBytes>>20)
		}
		if err := sum(size, io.NewSectionReader(f, 0, size)); err != nil {
			return err
		}
		return readPopulation(ctx, f, c)
	}); err != nil {
		return nil, err
	}
	r := c.Region()
	r.Origin.Digest = "sha256:" + hex.EncodeToString(all.Sum(nil))
	for source, path := range map[region.Source]string{
		region.SourceRoads: s.cfg.OSM, region.SourceShelters: s.cfg.Shelters, region.SourcePopulation: s.cfg.Population,
	} {
		if path != "" {
			r.Origin.Names[source] = filepath.Base(path)
		}
	}
	return r, nil
}

// refused is the error for a file that is not what it should be.
func refused(format string, args ...any) error {
	return &domain.Error{Kind: domain.KindInvalid, Msg: fmt.Sprintf(format, args...)}
}

func useIfSet(ctx context.Context, key, path string, read func(f *os.File, size int64) error) error {
	if path == "" {
		return nil
	}
	return use(ctx, key, path, read)
}

// use opens a file for read and makes a domain.Error of what goes wrong, which names the setting and the file.
func use(ctx context.Context, key, path string, read func(f *os.File, size int64) error) error {
	op := "region." + key + ": load " + path
	fail := func(kind domain.Kind, msg string, err error) error {
		return &domain.Error{Kind: kind, Op: op, Msg: msg, Err: err}
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fail(domain.KindNotFound, "there is no such file", nil)
	}
	if err != nil {
		return fail(domain.KindUnavailable, "the file cannot be opened", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return fail(domain.KindInvalid, "this is not a regular file", err)
	}
	err = read(f, info.Size())
	var known *domain.Error
	var unreadable *fs.PathError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fail(kindOfEnd(ctx), "the loading was ended", ctx.Err())
	case errors.As(err, &known):
		known.Op = op
		return known
	case errors.As(err, &unreadable):
		return fail(domain.KindUnavailable, "the file cannot be read", err)
	}
	return fail(domain.KindInvalid, err.Error(), nil)
}

func kindOfEnd(ctx context.Context) domain.Kind {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return domain.KindDeadline
	}
	return domain.KindCanceled
}

// readRoads reads the roads of an extract. It reads the file twice, for the ways say which of the many nodes are
// needed.
func readRoads(ctx context.Context, f io.ReaderAt, size int64) (*roads.Network, roads.Report, error) {
	file, err := osmpbf.Open(f, size)
	if err != nil {
		return nil, roads.Report{}, err
	}
	b := roads.NewBuilder()
	if err := file.Ways(ctx, b.AddWay); err != nil {
		return nil, roads.Report{}, err
	}
	if err := file.Nodes(ctx, b.AddNode); err != nil {
		return nil, roads.Report{}, err
	}
	return b.Build()
}
