package bundle_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/guardy-ai/guardy/adapters/modelsource/internal/bundle"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/models"
)

const folder = "risk_scorer/v3/"

// shipped is a copy of the embedded bundle that a test may damage.
func shipped(t testing.TB) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	err := fs.WalkDir(models.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(models.FS, path)
		out[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTheShippedModelProvesItself(t *testing.T) {
	m, card, err := bundle.LoadRisk(t.Context(), models.FS)
	if err != nil {
		t.Fatal(err)
	}
	if m.Ref() != card.Ref || m.Ref().Name != domain.RiskScorer || !strings.HasPrefix(m.Ref().Digest, "sha256:") {
		t.Errorf("ref %+v, card %+v", m.Ref(), card.Ref)
	}
	if card.Text == "" || card.SizeBytes < 1000 || len(card.Features) == 0 || !json.Valid(card.Training) {
		t.Errorf("the card is incomplete: %d bytes, %d features", card.SizeBytes, len(card.Features))
	}
}

// resign makes the digests of a damaged bundle right again, as somebody who means it would.
func resign(t testing.TB, b fstest.MapFS, change func(manifest map[string]any)) {
	t.Helper()
	resignModel(t, b, folder, change)
}

func resignModel(t testing.TB, b fstest.MapFS, folder string, change func(manifest map[string]any)) {
	t.Helper()
	read := func(name string) (v map[string]any) {
		if err := json.Unmarshal(b[name].Data, &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	write := func(name string, v any) (digest string) {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b[name] = &fstest.MapFile{Data: data}
		sum := sha256.Sum256(data)
		return hex.EncodeToString(sum[:])
	}
	m := read(folder + "manifest.json")
	members, _ := m["members"].([]any)
	files := append([]any{m["golden"]}, members...)
	for _, v := range members {
		if forecast, ok := v.(map[string]any)["forecast"]; ok {
			files = append(files, forecast)
		}
	}
	for _, f := range files {
		f := f.(map[string]any)
		data := b[folder+f["file"].(string)].Data
		sum := sha256.Sum256(data)
		f["bytes"], f["sha256"] = len(data), hex.EncodeToString(sum[:])
	}
	change(m)
	digest := write(folder+"manifest.json", m)
	c := read("manifest.json")
	for _, m := range c["models"].([]any) {
		if entry := m.(map[string]any); entry["path"].(string)+"/" == folder {
			entry["sha256"] = digest
		}
	}
	write("manifest.json", c)
}

// TestTheVersionsBeforeStillServe: an operator may roll back to them.
func TestTheVersionsBeforeStillServe(t *testing.T) {
	for _, c := range []struct{ version, path, schema string }{
		{"1.0.0", "risk_scorer/v1", "risk-1"}, {"2.0.0", "risk_scorer/v2", "risk-2"},
	} {
		b := shipped(t)
		sum := sha256.Sum256(b[c.path+"/manifest.json"].Data)
		catalogue, err := json.Marshal(map[string]any{"format": 1, "models": []any{map[string]any{
			"name": "risk_scorer", "version": c.version, "path": c.path, "sha256": hex.EncodeToString(sum[:]),
		}}})
		if err != nil {
			t.Fatal(err)
		}
		b["manifest.json"] = &fstest.MapFile{Data: catalogue}
		m, card, err := bundle.LoadRisk(t.Context(), b) // replays its golden predictions
		if err != nil {
			t.Fatal(err)
		}
		if m.Schema() != c.schema || card.Ref.Version != c.version {
			t.Errorf("%s of schema %s", card.Ref.Version, m.Schema())
		}
	}
}

func nothing(map[string]any) {}

// edited edits a JSON file of a model and signs it.
func edited(folder, name string, edit func(map[string]any)) func(testing.TB, fstest.MapFS) {
	return func(t testing.TB, b fstest.MapFS) {
		var v map[string]any
		if err := json.Unmarshal(b[folder+name].Data, &v); err != nil {
			t.Fatal(err)
		}
		edit(v)
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b[folder+name] = &fstest.MapFile{Data: data}
		resignModel(t, b, folder, nothing)
	}
}

// damage is something done to a bundle, and what the reason of its refusal says.
type damage struct {
	do   func(testing.TB, fstest.MapFS)
	want string
}

func refused[M any](t *testing.T, load func(context.Context, fs.FS) (*M, domain.ModelCard, error), cases map[string]damage) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := maps.Clone(shipped(t))
			c.do(t, b)
			m, _, err := load(t.Context(), b)
			if m != nil || err == nil {
				t.Fatal("the model was accepted")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("the reason is %q, want it to contain %q", err, c.want)
			}
			var e *domain.Error
			if !errors.As(err, &e) || e.Kind == domain.KindInternal {
				t.Errorf("error %#v is not classified", err)
			}
		})
	}
}

// document has the manifest name documents.
func document(t testing.TB, b fstest.MapFS, names ...string) {
	t.Helper()
	var documents []any
	for _, name := range names {
		data := b[folder+name].Data
		documents = append(documents, map[string]any{"file": name, "bytes": len(data), "sha256": fmt.Sprintf("%x", sha256.Sum256(data))})
	}
	resign(t, b, func(m map[string]any) { m["documents"] = documents })
}

func TestACardIsProvenByTheDigestOfTheModel(t *testing.T) {
	b := maps.Clone(shipped(t))
	document(t, b, "card.md", "skill.json")
	_, card, err := bundle.LoadRisk(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if card.Text != string(b[folder+"card.md"].Data) {
		t.Error("another text is shown")
	}
}

func member(m map[string]any, i int) map[string]any { return m["members"].([]any)[i].(map[string]any) }

func TestADamagedBundleIsRefusedWithTheReason(t *testing.T) {
	edit := func(name string, change func([]byte) []byte) func(testing.TB, fstest.MapFS) {
		return func(_ testing.TB, b fstest.MapFS) { b[name].Data = change(append([]byte(nil), b[name].Data...)) }
	}
	manifest := func(change func(map[string]any)) func(testing.TB, fstest.MapFS) {
		return func(t testing.TB, b fstest.MapFS) { resign(t, b, change) }
	}
	half := func(b []byte) []byte { return b[:len(b)/2] }
	cases := map[string]damage{
		"a booster cut short": {edit(folder+"service.json", half), "bytes, the manifest says"},
		"a booster with one bit flipped": {
			edit(folder+"service.json", func(b []byte) []byte { b[len(b)/2] ^= 1; return b }), "has the digest",
		},
		"boosters swapped": {func(t testing.TB, b fstest.MapFS) {
			var m map[string]any
			if err := json.Unmarshal(b[folder+"manifest.json"].Data, &m); err != nil {
				t.Fatal(err)
			}
			shape := map[string][2]any{}
			for i := range m["members"].([]any) {
				shape[member(m, i)["file"].(string)] = [2]any{member(m, i)["trees"], member(m, i)["max_depth"]}
			}
			shape["service.json"], shape["river.json"] = shape["river.json"], shape["service.json"]
			b[folder+"service.json"], b[folder+"river.json"] = b[folder+"river.json"], b[folder+"service.json"]
			resign(t, b, func(m map[string]any) {
				for i := range m["members"].([]any) {
					of := shape[member(m, i)["file"].(string)]
					member(m, i)["trees"], member(m, i)["max_depth"] = of[0], of[1]
				}
			})
		}, "golden row"},
		"a booster cut short and signed": {func(t testing.TB, b fstest.MapFS) {
			b[folder+"service.json"].Data = half(b[folder+"service.json"].Data)
			resign(t, b, nothing)
		}, "member service: service.json"},
		"a booster with NaN weights": {func(t testing.TB, b fstest.MapFS) {
			text := string(b[folder+"service.json"].Data)
			at := strings.Index(text, `"split_conditions":[`) + len(`"split_conditions":[`)
			end := at + strings.IndexByte(text[at:], ',')
			b[folder+"service.json"].Data = []byte(text[:at] + "NaN" + text[end:])
			resign(t, b, nothing)
		}, "member service: service.json"},
		"a manifest with a typing error": {manifest(func(m map[string]any) { m["coverrage"] = 0.9 }), `unknown field "coverrage"`},
		"a manifest edited behind the catalogue's back": {
			edit(folder+"manifest.json", func(b []byte) []byte { return append(b, ' ') }), "has the digest",
		},
		"another feature schema": {manifest(func(m map[string]any) { m["feature_schema"] = "risk-0" }), "feature schema"},
		"another event": {
			manifest(func(m map[string]any) { m["flood_definition"] = "water in the street" }), "another event",
		},
		"more trees than the manifest says": {
			manifest(func(m map[string]any) { member(m, 0)["trees"] = 3 }), "trees",
		},
		"a path out of the folder": {
			manifest(func(m map[string]any) { member(m, 0)["file"] = "../../secrets.json" }), "not a plain file name",
		},
		"a file of a terabyte": {
			manifest(func(m map[string]any) { member(m, 0)["bytes"] = 1 << 40 }), "outside 1 to",
		},
		"an impossible requirement": {
			manifest(func(m map[string]any) { member(m, 0)["requires"] = []string{"luck"} }), "luck",
		},
		"a calibration that falls": {manifest(func(m map[string]any) {
			p := member(m, 0)["calibration"].(map[string]any)["probability"].([]any)
			p[1] = p[0]
		}), "does not increase"},
		"a linear part of something else": {manifest(func(m map[string]any) {
			term := member(m, 0)["linear"].(map[string]any)["terms"].([]any)[0].(map[string]any)
			term["feature"] = "moon"
		}), "moon"},
		"rain that lowers": {manifest(func(m map[string]any) {
			term := member(m, 0)["linear"].(map[string]any)["terms"].([]any)[0].(map[string]any)
			term["slope"] = -1
		}), "slope"},
		"an envelope of something else": {manifest(func(m map[string]any) {
			m["envelope"].(map[string]any)["inputs"].(map[string]any)["moon"] = map[string]any{"min": 0, "max": 1}
		}), "moon"},
		"no golden predictions": {func(t testing.TB, b fstest.MapFS) {
			b[folder+"golden.json"].Data = []byte(`{"rows":[],"requests":[]}`)
			resign(t, b, nothing)
		}, "cannot be proven"},
		"a golden prediction that is not the model's": {func(t testing.TB, b fstest.MapFS) {
			text := string(b[folder+"golden.json"].Data)
			at := strings.Index(text, `"margin":`) + len(`"margin":`)
			b[folder+"golden.json"].Data = []byte(text[:at] + "9" + strings.TrimPrefix(text[at:], "-"))
			resign(t, b, nothing)
		}, "golden row 0"},
		"no card": {func(t testing.TB, b fstest.MapFS) {
			document(t, b)
			delete(b, folder+"card.md")
		}, "card.md"},
		"a card that was changed": {func(t testing.TB, b fstest.MapFS) {
			document(t, b, "card.md", "skill.json")
			b[folder+"card.md"] = &fstest.MapFile{Data: append(bytes.Clone(b[folder+"card.md"].Data), "\nIt is certain."...)}
		}, "card.md has"},
		"skill that was changed": {func(t testing.TB, b fstest.MapFS) {
			document(t, b, "card.md", "skill.json")
			b[folder+"skill.json"] = &fstest.MapFile{Data: bytes.ReplaceAll(b[folder+"skill.json"].Data, []byte("0.1"), []byte("0.9"))}
		}, "skill.json has the digest"},
		"documents without a card": {func(t testing.TB, b fstest.MapFS) { document(t, b, "skill.json") }, "do not name card.md"},
		"no catalogue":             {func(_ testing.TB, b fstest.MapFS) { delete(b, "manifest.json") }, "manifest.json"},
	}
	refused(t, bundle.LoadRisk, cases)
}

// FuzzManifest feeds the loader manifests that are signed, so that they are read to the end.
func FuzzManifest(f *testing.F) { fuzzManifest(f, domain.RiskScorer, folder, bundle.LoadRisk) }

func fuzzManifest[M any](
	f *testing.F, name domain.ModelName, folder string, load func(context.Context, fs.FS) (*M, domain.ModelCard, error),
) {
	b := shipped(f)
	f.Add(b[folder+"manifest.json"].Data)
	version := "1.0.0"
	if folder == "risk_scorer/v3/" {
		version = "2.1.0"
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := maps.Clone(b)
		b[folder+"manifest.json"] = &fstest.MapFile{Data: data}
		sum := sha256.Sum256(data)
		catalogue, err := json.Marshal(map[string]any{"format": 1, "models": []any{map[string]any{
			"name": name, "version": version, "path": strings.TrimSuffix(folder, "/"), "sha256": hex.EncodeToString(sum[:]),
		}}})
		if err != nil {
			t.Fatal(err)
		}
		b["manifest.json"] = &fstest.MapFile{Data: catalogue}
		m, _, err := load(t.Context(), b)
		if (m == nil) == (err == nil) {
			t.Fatalf("model %v with error %v", m, err)
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := bundle.LoadRisk(b.Context(), models.FS); err != nil {
			b.Fatal(err)
		}
	}
}
