// Package dir serves models from a directory of the operator's, in the layout of the models folder
// of the repository. It is read anew at each load, so replacing files and reloading deploys a model.
package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/guardy-ai/guardy/adapters/modelsource/internal/bundle"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// Config of the source.
type Config struct {
	// Path of the directory that holds manifest.json. Required when models.source is dir.
	Path string
}

// Validate reports what makes the configuration unusable.
func (c Config) Validate() error {
	if c.Path == "" {
		return errors.New("models.path: a directory is required when models.source is dir")
	}
	return nil
}

// Source implements ports.ModelSource.
type Source struct {
	path   string
	others ports.ModelSource
}

var _ ports.ModelSource = Source{}

// New returns the source; the directory is looked at when a model is loaded. Models that the directory's catalogue does
// not name come from others: an operator's directory need not repeat what is not the operator's own. A model that the
// catalogue names is never replaced by another, whatever is wrong with it.
func New(cfg Config, others ports.ModelSource) (Source, error) {
	return Source{cfg.Path, others}, cfg.Validate()
}

// LoadRisk implements ports.ModelSource.
func (s Source) LoadRisk(ctx context.Context) (*risk.Model, domain.ModelCard, error) {
	return load(ctx, s.path, bundle.LoadRisk, s.others.LoadRisk)
}

// LoadNowcast implements ports.ModelSource.
func (s Source) LoadNowcast(ctx context.Context) (*nowcast.Model, domain.ModelCard, error) {
	return load(ctx, s.path, bundle.LoadNowcast, s.others.LoadNowcast)
}

// LoadAnomaly implements ports.ModelSource.
func (s Source) LoadAnomaly(ctx context.Context) (*anomaly.Model, domain.ModelCard, error) {
	return load(ctx, s.path, bundle.LoadAnomaly, s.others.LoadAnomaly)
}

// load opens the directory through os.Root, which keeps a manifest from naming files outside it.
func load[M any](
	ctx context.Context, path string, from func(context.Context, fs.FS) (*M, domain.ModelCard, error),
	otherwise func(context.Context) (*M, domain.ModelCard, error),
) (*M, domain.ModelCard, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, domain.ModelCard{}, &domain.Error{
			Kind: domain.KindNotFound, Op: "models.path: load " + path,
			Msg: fmt.Sprintf("the model directory %s cannot be opened", path), Err: err,
		}
	}
	defer func() { _ = root.Close() }() // read only: nothing is lost
	model, card, err := from(ctx, root.FS())
	if errors.Is(err, bundle.ErrAbsent) {
		return otherwise(ctx)
	}
	if e, ok := errors.AsType[*domain.Error](err); ok {
		e.Op = "models.path: load " + path
	}
	return model, card, err
}

// Describe implements ports.ModelSource.
func (s Source) Describe() string {
	return "dir " + s.path + "; what its catalogue does not name: " + s.others.Describe()
}
