package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/models"
)

// modelName is what a manifest says of its model.
type modelName struct {
	Name    domain.ModelName `json:"name"`
	Version string           `json:"version"`
}

// modelFolder returns a folder in the form of MODEL_PATH for a name that --against takes: such a folder itself, the
// folder of one risk model, or a version in the binary. remove cleans up what was made for it.
func modelFolder(name string) (folder string, remove func(), err error) {
	nothing := func() {}
	info, err := os.Stat(name)
	if err != nil || !info.IsDir() {
		version, versions, found := embeddedRisk(name)
		if !found {
			return "", nothing, fmt.Errorf("this is no folder, and the binary holds only %s", strings.Join(versions, ", "))
		}
		files, err := fs.Sub(models.FS, version)
		if err != nil {
			return "", nothing, err
		}
		return around(files)
	}
	var catalog struct {
		Models []json.RawMessage `json:"models"`
	}
	manifest, err := os.ReadFile(filepath.Join(name, manifestFile))
	if err != nil {
		return "", nothing, fmt.Errorf("the folder has no %s", manifestFile)
	}
	if err := json.Unmarshal(manifest, &catalog); err != nil {
		return "", nothing, fmt.Errorf("%s: %w", manifestFile, err)
	}
	if len(catalog.Models) > 0 {
		return name, nothing, nil
	}
	return around(os.DirFS(name))
}

const manifestFile = "manifest.json"

// embeddedRisk finds the folder of a version of the risk model in the binary, and lists the versions.
func embeddedRisk(version string) (folder string, versions []string, found bool) {
	manifests, err := fs.Glob(models.FS, string(domain.RiskScorer)+"/*/"+manifestFile)
	if err != nil {
		panic(err) // the pattern above is wrong
	}
	for _, m := range manifests {
		name, err := readName(models.FS, m)
		if err != nil {
			continue
		}
		versions = append(versions, name.Version)
		if name.Version == version {
			folder, found = path.Dir(m), true
		}
	}
	return folder, versions, found
}

func readName(files fs.FS, manifest string) (n modelName, err error) {
	text, err := fs.ReadFile(files, manifest)
	if err != nil {
		return n, err
	}
	return n, json.Unmarshal(text, &n)
}

// around makes a folder of models that holds the risk model in files, and the binary's other models beside it.
func around(files fs.FS) (folder string, remove func(), err error) {
	nothing := func() {}
	name, err := readName(files, manifestFile)
	if err != nil {
		return "", nothing, err
	}
	if name.Name != domain.RiskScorer {
		return "", nothing, fmt.Errorf("the folder holds the model %q, not %q", name.Name, domain.RiskScorer)
	}
	folder, err = os.MkdirTemp("", "guardy-against-")
	if err != nil {
		return "", nothing, err
	}
	remove = func() { _ = os.RemoveAll(folder) } // best effort: it is in the folder for temporary files
	if err := fill(folder, files, name.Version); err != nil {
		remove()
		return "", nothing, err
	}
	return folder, remove, nil
}

func fill(folder string, files fs.FS, version string) error {
	text, err := fs.ReadFile(models.FS, manifestFile)
	if err != nil {
		return err
	}
	var catalog struct {
		Format int              `json:"format"`
		Models []map[string]any `json:"models"`
	}
	if err := json.Unmarshal(text, &catalog); err != nil {
		return err
	}
	i := slices.IndexFunc(catalog.Models, func(m map[string]any) bool { return m["name"] == string(domain.RiskScorer) })
	if i < 0 {
		return errors.New("the binary holds no risk model")
	}
	if err := os.CopyFS(folder, models.FS); err != nil {
		return err
	}
	const second = "against"
	if err := os.CopyFS(filepath.Join(folder, second), files); err != nil {
		return err
	}
	manifest, err := fs.ReadFile(files, manifestFile)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(manifest)
	catalog.Models[i]["path"], catalog.Models[i]["version"] = second, version
	catalog.Models[i]["sha256"] = hex.EncodeToString(digest[:])
	if text, err = json.Marshal(catalog); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, manifestFile), text, 0o600)
}
