package dir_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/guardy-ai/guardy/adapters/modelsource/dir"
	"github.com/guardy-ai/guardy/adapters/modelsource/embedded"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/models"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/modelsourcetest"
)

func source(t *testing.T, path string) dir.Source {
	t.Helper()
	s, err := dir.New(dir.Config{Path: path}, embedded.New())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestADirectoryKeepsTheContractOfASource(t *testing.T) {
	modelsourcetest.Run(t, func(t *testing.T) ports.ModelSource {
		path := t.TempDir()
		if err := os.CopyFS(path, models.FS); err != nil {
			t.Fatal(err)
		}
		return source(t, path)
	})
}

func TestADirectoryServesTheSameModelAsTheBinary(t *testing.T) {
	path := t.TempDir()
	if err := os.CopyFS(path, models.FS); err != nil {
		t.Fatal(err)
	}
	want, _, err := embedded.New().LoadRisk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := source(t, path).LoadRisk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Ref() != want.Ref() {
		t.Errorf("%+v, want %+v", got.Ref(), want.Ref())
	}
}

func TestTheDirectoryIsReadAnewAtEachLoad(t *testing.T) {
	path := t.TempDir()
	s := source(t, path)
	if _, _, err := s.LoadRisk(t.Context()); domain.KindOf(err) != domain.KindNotFound {
		t.Fatalf("an empty directory: %v", err)
	}
	if err := os.CopyFS(path, models.FS); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.LoadRisk(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// An operator's directory need not repeat what is not the operator's own.
func TestWhatTheCatalogueDoesNotNameComesWithTheBinary(t *testing.T) {
	path := t.TempDir()
	if err := os.CopyFS(path, models.FS); err != nil {
		t.Fatal(err)
	}
	catalogue := filepath.Join(path, "manifest.json")
	data, err := os.ReadFile(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Format int              `json:"format"`
		Models []map[string]any `json:"models"`
	}
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	c.Models = slices.DeleteFunc(c.Models, func(m map[string]any) bool { return m["name"] == string(domain.AnomalyDetector) })
	if data, err = json.Marshal(c); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(catalogue, data, 0o600); err != nil {
		t.Fatal(err)
	}
	want, _, err := embedded.New().LoadAnomaly(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := source(t, path).LoadAnomaly(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Ref() != want.Ref() {
		t.Errorf("%+v, want %+v", got.Ref(), want.Ref())
	}
	// A model that is named and broken is not replaced by another in silence.
	if err := os.RemoveAll(filepath.Join(path, "nowcaster")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := source(t, path).LoadNowcast(t.Context()); err == nil {
		t.Error("a named model that is not there was replaced")
	}
}

func TestALinkOutOfTheDirectoryIsNotFollowed(t *testing.T) {
	path, elsewhere := t.TempDir(), t.TempDir()
	if err := os.CopyFS(path, models.FS); err != nil {
		t.Fatal(err)
	}
	card := filepath.Join(path, "risk_scorer", "v3", "card.md")
	outside := filepath.Join(elsewhere, "card.md")
	if err := os.Rename(card, outside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, card); err != nil {
		t.Skip("no symbolic links here")
	}
	if _, _, err := source(t, path).LoadRisk(t.Context()); err == nil {
		t.Fatal("a link out of the model directory was followed")
	}
}

func TestADirectoryIsRequired(t *testing.T) {
	if err := (dir.Config{}).Validate(); err == nil {
		t.Fatal("an empty path was accepted")
	}
	if _, _, err := source(t, filepath.Join(t.TempDir(), "nowhere")).LoadRisk(t.Context()); domain.KindOf(err) != domain.KindNotFound {
		t.Fatalf("%v", err)
	}
}
