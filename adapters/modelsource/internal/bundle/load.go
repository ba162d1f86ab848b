package bundle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"sync"

	"github.com/guardy-ai/guardy/adapters/modelsource/internal/xgbjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/vector"
)

// Limits of what is read. They are far above any model that answers in microseconds.
const (
	maxManifest = 1 << 20
	maxFile     = 64 << 20
	maxMembers  = 32
)

// LoadRisk reads, verifies and returns the risk scorer of the bundle.
func LoadRisk(ctx context.Context, fsys fs.FS) (*risk.Model, domain.ModelCard, error) {
	return load(ctx, fsys, domain.RiskScorer, (*loader).risk)
}

// LoadNowcast reads, verifies and returns the nowcaster of the bundle.
func LoadNowcast(ctx context.Context, fsys fs.FS) (*nowcast.Model, domain.ModelCard, error) {
	return load(ctx, fsys, domain.Nowcaster, (*loader).nowcast)
}

// LoadAnomaly reads, verifies and returns the anomaly detector of the bundle.
func LoadAnomaly(ctx context.Context, fsys fs.FS) (*anomaly.Model, domain.ModelCard, error) {
	return load(ctx, fsys, domain.AnomalyDetector, (*loader).anomaly)
}

// loader carries what every step needs.
type loader struct {
	ctx  context.Context
	fsys fs.FS
	size int64 // bytes read so far
}

// proven is a model's manifest whose digest is the catalogue's.
type proven struct {
	entry  catalogEntry
	data   []byte
	digest string // "sha256:" and 64 hex digits
}

// load does what is the same for every model. build makes the model of its manifest, proves it and
// fills the card but for the text and the size.
func load[M any](
	ctx context.Context, fsys fs.FS, name domain.ModelName, build func(*loader, proven, *domain.ModelCard) (*M, error),
) (*M, domain.ModelCard, error) {
	l := loader{ctx: ctx, fsys: fsys}
	card := domain.ModelCard{Ref: domain.ModelRef{Name: name}}
	model, err := func() (*M, error) {
		p, err := l.proven(name)
		if err != nil {
			return nil, err
		}
		model, err := build(&l, p, &card)
		if err != nil {
			return nil, err
		}
		if card.Text, err = l.documents(p); err != nil {
			return nil, err
		}
		card.SizeBytes = l.size
		return model, nil
	}()
	if err == nil {
		return model, card, nil
	}
	kind := domain.KindInvalid
	switch {
	case ctx.Err() != nil:
		kind = domain.KindCanceled
	case errors.Is(err, fs.ErrNotExist):
		kind = domain.KindNotFound
	}
	if errors.Is(err, ErrAbsent) { // which the caller may know how to mend
		return nil, card, &domain.Error{Kind: kind, Op: "models.load", Msg: "the model was refused", Err: err}
	}
	return nil, card, &domain.Error{Kind: kind, Op: "models.load", Msg: "the model was refused: " + err.Error()}
}

// proven reads the manifest of a model and proves it by the catalogue.
func (l *loader) proven(name domain.ModelName) (proven, error) {
	entry, err := l.entry(name)
	if err != nil {
		return proven{}, err
	}
	data, err := l.read(path.Join(entry.Path, "manifest.json"), maxManifest)
	if err != nil {
		return proven{}, err
	}
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	if digest != entry.SHA256 {
		return proven{}, fmt.Errorf("%s/manifest.json has the digest %s, manifest.json says %s", entry.Path, digest, entry.SHA256)
	}
	return proven{entry, data, "sha256:" + digest}, nil
}

// describe fills the card from the part of a manifest that is the same for every model.
func (p proven) describe(card *domain.ModelCard, h *header) {
	card.Ref = domain.ModelRef{Name: h.Name, Version: h.Version, Digest: p.digest}
	card.Kind, card.FeatureSchema, card.Features = h.Kind, h.FeatureSchema, h.features()
	card.CreatedAt, card.Training, card.Skill = h.CreatedAt, h.Training, h.Skill
}

func (l *loader) risk(p proven, card *domain.ModelCard) (*risk.Model, error) {
	var m manifest
	if err := decode(p.data, &m); err != nil {
		return nil, fmt.Errorf("%s/manifest.json: %w", p.entry.Path, err)
	}
	if err := m.check(p.entry); err != nil {
		return nil, fmt.Errorf("%s/manifest.json: %w", p.entry.Path, err)
	}
	p.describe(card, &m.header)
	model, err := l.build(p.entry.Path, card.Ref, &m)
	if err != nil {
		return nil, err
	}
	golden, err := l.verified(p.entry.Path, m.Golden)
	if err != nil {
		return nil, err
	}
	if err := verify(model, golden); err != nil {
		return nil, fmt.Errorf("%s: %w", m.Golden.File, err)
	}
	return model, nil
}

// documents returns the text of the card. Where the manifest names documents, they are proven by it, so that the digest
// of a model stands for what is said of it, too.
func (l *loader) documents(p proven) (text string, err error) {
	var m struct {
		Documents []file `json:"documents"`
	}
	if err := json.Unmarshal(p.data, &m); err != nil {
		return "", err
	}
	card := file{File: "card.md"}
	for _, f := range m.Documents {
		data, err := l.verified(p.entry.Path, f)
		if err != nil {
			return "", err
		}
		if f.File == card.File {
			card, text = f, string(data)
		}
	}
	switch {
	case card.Bytes > 0:
		return text, nil
	case len(m.Documents) > 0:
		return "", errors.New("a model never ships without its card: the manifest's documents do not name card.md")
	}
	data, err := l.read(path.Join(p.entry.Path, card.File), maxManifest)
	if err != nil {
		return "", fmt.Errorf("a model never ships without its card: %w", err)
	}
	return string(data), nil
}

// ErrAbsent is wrapped by the error about a model that the catalogue does not name.
var ErrAbsent = errors.New("names no model")

// entry finds a model in the catalogue.
func (l *loader) entry(name domain.ModelName) (catalogEntry, error) {
	data, err := l.read("manifest.json", maxManifest)
	if err != nil {
		return catalogEntry{}, err
	}
	var c catalog
	if err := decode(data, &c); err != nil {
		return catalogEntry{}, fmt.Errorf("manifest.json: %w", err)
	}
	if c.Format != format {
		return catalogEntry{}, fmt.Errorf("manifest.json has format %d, this build reads format %d", c.Format, format)
	}
	for _, e := range c.Models {
		if e.Name == name {
			return e, nil
		}
	}
	return catalogEntry{}, fmt.Errorf("manifest.json %w %s: %w", ErrAbsent, name, fs.ErrNotExist)
}

// check refuses a header that is not the catalogue's model, of the kind and the features that this build
// serves.
func (h *header) check(e catalogEntry, kind string, members int, schemas ...string) error {
	switch {
	case h.Format != format:
		return fmt.Errorf("format %d, this build reads format %d", h.Format, format)
	case h.Name != e.Name || h.Version != e.Version || h.Version == "":
		return fmt.Errorf("is %s %q, the catalogue says %s %q", h.Name, h.Version, e.Name, e.Version)
	case h.Kind != kind:
		return fmt.Errorf("kind %q is not %s", h.Kind, kind)
	case !slices.Contains(schemas, h.FeatureSchema):
		return fmt.Errorf("feature schema %q, this build computes %q", h.FeatureSchema, schemas)
	case members > maxMembers:
		return fmt.Errorf("%d members are more than %d", members, maxMembers)
	}
	return nil
}

// check refuses a manifest that does not describe what this build can serve.
func (m *manifest) check(e catalogEntry) error {
	if err := m.header.check(e, "xgboost-binary-logistic", len(m.Members), vector.Schema, vector.Schema1); err != nil {
		return err
	}
	if m.FloodDefinition != risk.FloodDefinition {
		return fmt.Errorf("flood_definition %q is another event than %q", m.FloodDefinition, risk.FloodDefinition)
	}
	return nil
}

func (h *header) features() []domain.FeatureInfo {
	out := make([]domain.FeatureInfo, len(h.Features))
	for i, f := range h.Features {
		out[i] = domain.FeatureInfo{Name: f.Name, Unit: f.Unit, Min: f.Min, Max: f.Max, Description: f.Description}
	}
	return out
}

// build parses the boosters, side by side, and assembles the model.
func (l *loader) build(dir string, ref domain.ModelRef, m *manifest) (*risk.Model, error) {
	spec := risk.Spec{
		Ref: ref, Schema: m.FeatureSchema, Features: m.features(), Coverage: m.Coverage,
		Levels: risk.Levels(m.Levels), Widening: risk.Widening(m.Widening),
	}
	var err error
	if spec.Envelope, err = m.Envelope.spec(); err != nil {
		return nil, err
	}
	spec.Members = make([]risk.Member, len(m.Members))
	errs := make([]error, len(m.Members))
	var busy sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range m.Members {
		mm := &m.Members[i]
		content, err := l.contents(dir, mm)
		if err != nil {
			busy.Wait()
			return nil, fmt.Errorf("member %s: %w", mm.Name, err)
		}
		free <- struct{}{}
		busy.Go(func() {
			defer func() { <-free }()
			spec.Members[i], errs[i] = member(mm, content, spec.Features)
		})
	}
	busy.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("member %s: %w", m.Members[i].Name, err)
		}
	}
	return risk.NewModel(spec)
}

// contents reads the files of a member: its booster, and that of the forecast.
func (l *loader) contents(dir string, mm *manifestMember) (out [2][]byte, err error) {
	if out[0], err = l.verified(dir, mm.file); err != nil || mm.Forecast == nil {
		return out, err
	}
	out[1], err = l.verified(dir, mm.Forecast.file)
	return out, err
}

// member makes a member of its files.
func member(mm *manifestMember, content [2][]byte, features []domain.FeatureInfo) (risk.Member, error) {
	out := risk.Member{Name: mm.Name, MinHistoryDays: mm.MinHistoryDays, Calibration: mm.Calibration.spec()}
	var err error
	if out.Part, err = mm.part(content[0], features); err != nil {
		return out, err
	}
	if mm.Forecast != nil {
		p, err := mm.Forecast.part(content[1], features)
		if err != nil {
			return out, err
		}
		out.Forecast, out.ForecastCalibration = &p, mm.Forecast.Calibration.spec()
	}
	for _, need := range mm.Requires {
		switch need {
		case "river":
			out.RequiresRiver = true
		case "site":
			out.RequiresSite = true
		case "year":
			out.RequiresYear = true
		case "history":
			out.MinHistoryDays = max(1, out.MinHistoryDays)
		default:
			return out, fmt.Errorf("requires %q, which is none of river, site, year and history", need)
		}
	}
	return out, nil
}

// part parses a booster and compares it with the manifest.
func (p *manifestPart) part(data []byte, features []domain.FeatureInfo) (out risk.Part, err error) {
	if out.Linear, err = p.Linear.spec(features); err != nil {
		return out, err
	}
	booster, err := xgbjson.Parse(data, xgbjson.DefaultLimits())
	if err != nil {
		return out, fmt.Errorf("%s: %w", p.File, err)
	}
	for i, name := range booster.FeatureNames {
		if i >= len(features) || name != features[i].Name {
			return out, fmt.Errorf("%s: feature %d is %q, not the manifest's", p.File, i, name)
		}
	}
	if n, d := booster.Ensemble.NumTrees(), booster.Ensemble.MaxDepth(); n != p.Trees || d > p.MaxDepth {
		return out, fmt.Errorf("%s has %d trees of depth %d, the manifest says %d of at most %d", p.File, n, d, p.Trees, p.MaxDepth)
	}
	out.Ensemble = booster.Ensemble
	return out, nil
}

// verified reads a file and proves its size and digest.
func (l *loader) verified(dir string, f file) ([]byte, error) {
	if path.Base(f.File) != f.File {
		return nil, fmt.Errorf("%q is not a plain file name", f.File)
	}
	if f.Bytes <= 0 || f.Bytes > maxFile {
		return nil, fmt.Errorf("%s: %d bytes are outside 1 to %d", f.File, f.Bytes, maxFile)
	}
	data, err := l.read(path.Join(dir, f.File), f.Bytes)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != f.Bytes {
		return nil, fmt.Errorf("%s has %d bytes, the manifest says %d", f.File, len(data), f.Bytes)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != f.SHA256 {
		return nil, fmt.Errorf("%s has the digest %x, the manifest says %s", f.File, sum, f.SHA256)
	}
	return data, nil
}

// read reads at most limit bytes of a regular file; a larger one is refused before it is read.
func (l *loader) read(name string, limit int64) ([]byte, error) {
	if err := l.ctx.Err(); err != nil {
		return nil, err
	}
	f, err := l.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing is lost
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, %d are expected at most", name, info.Size(), limit)
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	l.size += int64(len(data))
	return data, nil
}
