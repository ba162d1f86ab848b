package bundle_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/guardy-ai/guardy/adapters/modelsource/internal/bundle"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/models"
)

const anomalyFolder = "anomaly_detector/v1/"

func TestTheShippedAnomalyDetectorProvesItself(t *testing.T) {
	m, card, err := bundle.LoadAnomaly(t.Context(), models.FS)
	if err != nil {
		t.Fatal(err)
	}
	if m.Ref() != card.Ref || m.Ref().Name != domain.AnomalyDetector || !strings.HasPrefix(m.Ref().Digest, "sha256:") {
		t.Errorf("ref %+v, card %+v", m.Ref(), card.Ref)
	}
	if card.Text == "" || card.SizeBytes < 1000 || len(card.Features) != 6 || !json.Valid(card.Training) {
		t.Errorf("the card is incomplete: %d bytes, %d features", card.SizeBytes, len(card.Features))
	}
}

func TestADamagedAnomalyDetectorIsRefusedWithTheReason(t *testing.T) {
	manifest := func(change func(map[string]any)) func(testing.TB, fstest.MapFS) {
		return func(t testing.TB, b fstest.MapFS) { resignModel(t, b, anomalyFolder, change) }
	}
	golden := func(edit func(record map[string]any)) func(testing.TB, fstest.MapFS) {
		return edited(anomalyFolder, "golden.json", func(v map[string]any) { edit(v["records"].([]any)[0].(map[string]any)) })
	}
	tuning := func(name string, value any) func(testing.TB, fstest.MapFS) {
		return manifest(func(m map[string]any) { m["tunings"].(map[string]any)["other"].(map[string]any)[name] = value })
	}
	limit := func(variable, name string, value any) func(testing.TB, fstest.MapFS) {
		return manifest(func(m map[string]any) { m["limits"].(map[string]any)[variable].(map[string]any)[name] = value })
	}
	refused(t, bundle.LoadAnomaly, map[string]damage{
		"a manifest changed and not signed": {func(_ testing.TB, b fstest.MapFS) {
			b[anomalyFolder+"manifest.json"] = &fstest.MapFile{Data: []byte("{}")}
		}, "has the digest"},
		"a golden record cut short": {func(_ testing.TB, b fstest.MapFS) {
			b[anomalyFolder+"golden.json"] = &fstest.MapFile{Data: b[anomalyFolder+"golden.json"].Data[:100]}
		}, "bytes, the manifest says"},
		"another feature schema":          {manifest(func(m map[string]any) { m["feature_schema"] = "anomaly-0" }), "feature schema"},
		"another kind":                    {manifest(func(m map[string]any) { m["kind"] = "isolation-forest" }), "kind"},
		"another threshold":               {manifest(func(m map[string]any) { m["threshold"] = 0.6 }), "threshold"},
		"a typing error":                  {manifest(func(m map[string]any) { m["limitz"] = 1 }), `unknown field "limitz"`},
		"a tuning that is not known":      {tuning("jumps", 1), `unknown field "jumps"`},
		"a tuning of zero":                {tuning("jump", 0), "tuning"},
		"a negative tuning":               {tuning("weary", -1), "tuning"},
		"a quantile above one":            {tuning("large_p", 1.5), "tuning"},
		"another tuning":                  {tuning("jump", 4), "golden record"},
		"a variable without limits":       {manifest(func(m map[string]any) { delete(m["limits"].(map[string]any), "humidity") }), "no limits of humidity"},
		"limits of a variable of its own": {manifest(func(m map[string]any) { m["limits"].(map[string]any)["moon"] = map[string]any{} }), "none of the contract's"},
		"a span upside down":              {limit("temperature", "fail", []any{60, -80}), "limits of temperature: fail"},
		"a suspect span outside":          {limit("humidity", "suspect", []any{-2, 103}), "the suspect span"},
		"a limit of another kind of text": {limit("humidity", "fail", "wide"), "cannot unmarshal"},
		"other limits":                    {limit("temperature", "fail", []any{-80, 15}), "golden record"},
		"no golden records":               {edited(anomalyFolder, "golden.json", func(v map[string]any) { v["records"] = []any{} }), "cannot be proven"},
		"a golden record of another device": {golden(func(r map[string]any) {
			r["readings"].([]any)[100].([]any)[2] = 77.0
		}), "golden record 0"},
		"a golden score too few": {golden(func(r map[string]any) { r["scores"] = r["scores"].([]any)[1:] }), "299 scores of 300"},
		"a golden value too few": {golden(func(r map[string]any) { r["readings"].([]any)[7] = []any{1} }), "reading 7 has 1 numbers"},
		"a golden anomaly too few": {golden(func(r map[string]any) {
			r["anomalies"] = r["anomalies"].([]any)[1:]
		}), "does not"},
		"a golden anomaly too many": {golden(func(r map[string]any) {
			r["anomalies"] = append(r["anomalies"].([]any), map[string]any{"reading": 299})
		}), "was not found"},
		"no card": {func(_ testing.TB, b fstest.MapFS) { delete(b, anomalyFolder+"card.md") }, "without its card"},
		"not in the catalogue": {func(_ testing.TB, b fstest.MapFS) {
			b["manifest.json"] = &fstest.MapFile{Data: []byte(`{"format":1,"models":[]}`)}
		}, "names no model"},
	})
}

// FuzzAnomalyManifest feeds the loader manifests that are signed, so that they are read to the end.
func FuzzAnomalyManifest(f *testing.F) {
	fuzzManifest(f, domain.AnomalyDetector, anomalyFolder, bundle.LoadAnomaly)
}

func BenchmarkLoadAnomaly(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := bundle.LoadAnomaly(b.Context(), models.FS); err != nil {
			b.Fatal(err)
		}
	}
}
