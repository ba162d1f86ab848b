package dir_test

import (
	"os"
	"path/filepath"
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
	s, err := dir.New(dir.Config{Path: path})
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
