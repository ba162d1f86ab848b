package bundle_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/guardy-ai/guardy/adapters/modelsource/internal/bundle"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/models"
)

const nowcastFolder = "nowcaster/v2/"

func TestTheShippedNowcasterProvesItself(t *testing.T) {
	m, card, err := bundle.LoadNowcast(t.Context(), models.FS)
	if err != nil {
		t.Fatal(err)
	}
	if m.Ref() != card.Ref || m.Ref().Name != domain.Nowcaster || !strings.HasPrefix(m.Ref().Digest, "sha256:") {
		t.Errorf("ref %+v, card %+v", m.Ref(), card.Ref)
	}
	if card.Text == "" || card.SizeBytes < 1000 || len(card.Features) != nowcast.NumFeatures || !json.Valid(card.Training) {
		t.Errorf("the card is incomplete: %d bytes, %d features", card.SizeBytes, len(card.Features))
	}
}

func TestADamagedNowcasterIsRefusedWithTheReason(t *testing.T) {
	manifest := func(change func(map[string]any)) func(testing.TB, fstest.MapFS) {
		return func(t testing.TB, b fstest.MapFS) { resignModel(t, b, nowcastFolder, change) }
	}
	weights := func(name string, edit func(map[string]any)) func(testing.TB, fstest.MapFS) {
		return edited(nowcastFolder, name, edit)
	}
	layer := func(v map[string]any, name string) map[string]any {
		return v["networks"].([]any)[0].(map[string]any)[name].(map[string]any)
	}
	half := func(b []byte) []byte { return b[:len(b)/2] }
	cases := map[string]damage{
		"a member cut short": {func(_ testing.TB, b fstest.MapFS) {
			b[nowcastFolder+"level.json"] = &fstest.MapFile{Data: half(b[nowcastFolder+"level.json"].Data)}
		}, "bytes, the manifest says"},
		"a member cut short and signed": {func(t testing.TB, b fstest.MapFS) {
			b[nowcastFolder+"level.json"] = &fstest.MapFile{Data: half(b[nowcastFolder+"level.json"].Data)}
			resignModel(t, b, nowcastFolder, nothing)
		}, "member level: level.json"},
		"NaN for a weight": {func(t testing.TB, b fstest.MapFS) {
			text := string(b[nowcastFolder+"level.json"].Data)
			at := strings.Index(text, `"weight":[[`) + len(`"weight":[[`)
			end := at + strings.IndexByte(text[at:], ',')
			b[nowcastFolder+"level.json"] = &fstest.MapFile{Data: []byte(text[:at] + "NaN" + text[end:])}
			resignModel(t, b, nowcastFolder, nothing)
		}, "member level: level.json"},
		"a weight beyond all bounds": {weights("level.json", func(v map[string]any) {
			layer(v, "head")["weight"].([]any)[0].([]any)[0] = 1e30
		}), "weight 0 of row 0"},
		"a layer without its last row": {weights("level.json", func(v map[string]any) {
			w := layer(v, "head")["weight"].([]any)
			layer(v, "head")["weight"] = w[:len(w)-1]
		}), "head: 53 rows"},
		"members swapped": {func(t testing.TB, b fstest.MapFS) {
			b[nowcastFolder+"level.json"], b[nowcastFolder+"rain.json"] = b[nowcastFolder+"rain.json"], b[nowcastFolder+"level.json"]
			resignModel(t, b, nowcastFolder, nothing)
		}, `is member "rain"`},
		"a weight of another training": {weights("rain.json", func(v map[string]any) {
			layer(v, "head")["bias"].([]any)[0] = 3.0
		}), "golden row"},
		"an input that is none": {weights("rain.json", func(v map[string]any) {
			v["inputs"].([]any)[0] = "moon"
		}), `input "moon"`},
		"a member missing": {manifest(func(m map[string]any) { m["members"] = m["members"].([]any)[1:] }), "members, want"},
		"a falling calibration": {manifest(func(m map[string]any) {
			member(m, 0)["calibration"].(map[string]any)["slope"].([]any)[2] = -1.0
		}), "slope -1"},
		"another feature schema": {manifest(func(m map[string]any) { m["feature_schema"] = "nowcast-0" }), "feature schema"},
		"another event":          {manifest(func(m map[string]any) { m["event"] = "water in the street" }), "event"},
		"a kind of old":          {manifest(func(m map[string]any) { m["kind"] = "xgboost-binary-logistic" }), "kind"},
		"a typing error":         {manifest(func(m map[string]any) { m["early_waring"] = 0.2 }), `unknown field "early_waring"`},
		"levels out of order": {manifest(func(m map[string]any) {
			m["levels"].(map[string]any)["low"] = 0.9
		}), "levels must increase"},
		"no golden predictions": {weights("golden.json", func(v map[string]any) { v["requests"] = []any{} }), "cannot be proven"},
		"a golden request without predictions": {weights("golden.json", func(v map[string]any) {
			v["requests"].([]any)[0].(map[string]any)["predictions"] = []any{}
		}), "no prediction to compare with"},
		"a golden request of another river": {weights("golden.json", func(v map[string]any) {
			r := v["requests"].([]any)[0].(map[string]any)
			r["readings"].([]any)[100].([]any)[1] = 77.0
		}), "golden request 0"},
		"no card": {func(_ testing.TB, b fstest.MapFS) { delete(b, nowcastFolder+"card.md") }, "without its card"},
		"not in the catalogue": {func(t testing.TB, b fstest.MapFS) {
			b["manifest.json"] = &fstest.MapFile{Data: []byte(`{"format":1,"models":[]}`)}
		}, "names no model"},
	}
	refused(t, bundle.LoadNowcast, cases)
}

func BenchmarkLoadNowcast(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := bundle.LoadNowcast(b.Context(), models.FS); err != nil {
			b.Fatal(err)
		}
	}
}
