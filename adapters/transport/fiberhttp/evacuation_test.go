package fiberhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

const (
	evacuationPath = "/api/v1/predict/evacuation-zones"
	evacuationHead = `{"latitude":47.16,"longitude":9.51,"flood_probability":0.8,"risk_level":"high","population_density":1200`
	evacuationBody = evacuationHead + `}`
)

// floodBody has a flood with n corners.
func floodBody(n int) string {
	var b strings.Builder
	b.WriteString(evacuationHead + `,"flood_extent":{"type":"Polygon","coordinates":[[`)
	for i := range n + 1 {
		sin, cos := math.Sincos(2 * math.Pi * float64(i%n) / float64(n))
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "[%.6f,%.6f]", 9.5+cos, 47+sin)
	}
	b.WriteString("]]}}")
	return b.String()
}

// zonesOnly is the use case without a region, a cache and a record.
type zonesOnly struct{}

func (zonesOnly) PlanEvacuation(_ context.Context, r *evacuation.Request, a *evacuation.Answer) error {
	if err := domain.Invalid("evacuation", r.Validate()); err != nil {
		return err
	}
	r.Canonicalize()
	err := evacuation.NewPlanner(nil, transporttest.Ref.Digest).Plan(r, func() bool { return false }, a)
	a.GeneratedAt = transporttest.AssessedAt
	return err
}

// TestEveryPartOfAnEvacuationIsOfTheContract holds answers with every name that the domain has, and with
// everything that may be missing, against the OpenAPI document.
func TestEveryPartOfAnEvacuationIsOfTheContract(t *testing.T) {
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	service := transporttest.NewService()
	for _, name := range []string{"town", "", "Co\"a"} {
		r := evacuation.NewRequest()
		r.Latitude, r.Longitude, r.FloodProbability, r.RiskLevel, r.LocationName = 47, 9, 0.5, "moderate", name
		r.Radii = []float64{50, 100, 200, 400, 50_000}
		var a evacuation.Answer
		if err := service.PlanEvacuation(t.Context(), &r, &a); err != nil {
			t.Fatal(err)
		}
		for status := range evacuation.NumStatuses {
			for shelter := range evacuation.NumShelterStatuses {
				a.Plan.Status = status
				if len(a.Shelters) > 0 {
					s := &a.Shelters[0]
					s.Status, s.DistanceM, s.TravelSeconds, s.DrySeconds = shelter, math.NaN(), math.NaN(), math.NaN()
					s.Capacity, s.Contact, s.Resources = evacuation.Count{}, "", nil
				}
				if len(a.Routes) > 0 {
					a.Routes[0].Bottleneck = nil
				}
				if err := c.validate("/components/schemas/EvacuationAnswer", appendEvacuation(nil, &r, &a)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func TestAFloodThatIsTooLargeIsRefusedWhole(t *testing.T) {
	cfg := testConfig()
	cfg.MaxBodyBytes = DefaultConfig().MaxBodyBytes
	_, url := start(t, cfg, testDeps(transporttest.NewService()))
	post := func(body string) answer {
		return do(t, http.MethodPost, url+evacuationPath, strings.NewReader(body), "Content-Type: application/json")
	}
	if a := post(floodBody(10_000)); a.StatusCode != http.StatusOK {
		t.Errorf("10000 corners: %d %.300s", a.StatusCode, a.body)
	}
	if a := post(floodBody(geo.DefaultLimits().MaxPoints)); a.StatusCode != http.StatusUnprocessableEntity ||
		!bytes.Contains(a.body, []byte(`{"pointer":"/flood_extent/coordinates","code":"size"`)) {
		t.Errorf("one point too many: %d %.300s", a.StatusCode, a.body)
	}
	if a := post(floodBody(500_000)); a.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("10 MB: %d %.300s", a.StatusCode, a.body)
	}
}

func TestWhenTooManyPlansAreMadeTheAnswerSaysWhenToRetry(t *testing.T) {
	_, url := start(t, testConfig(), testDeps(transporttest.NewService()))
	body := evacuationHead + `,"location_name":"fail:unavailable"}`
	a := do(t, http.MethodPost, url+evacuationPath, strings.NewReader(body), "Content-Type: application/json")
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}

func TestAnEvacuationSaysWhereItComesFrom(t *testing.T) {
	_, url := start(t, testConfig(), testDeps(transporttest.NewService()))
	body := evacuationHead + `,"location_name":"cached"}`
	a := do(t, http.MethodPost, url+evacuationPath, strings.NewReader(body), "Content-Type: application/json")
	if h := a.Header; h.Get("Cache-Status") != "guardy; hit; ttl=212" || h.Get("Age") != "88" || len(h.Get("ETag")) != 34 || h.Get("Cache-Control") != "private, max-age=300" {
		t.Errorf("%v", h)
	}
}

func TestEvacuationLinesAnswerAsTheAPI(t *testing.T) {
	service := transporttest.NewService()
	_, url := start(t, testConfig(), testDeps(service))
	api := do(t, http.MethodPost, url+evacuationPath, strings.NewReader(evacuationBody), "Content-Type: application/json")
	lines := NewEvacuationLines(service, 1<<20)
	out, failed := lines.Append(t.Context(), nil, [][]byte{[]byte(evacuationBody), nil, []byte(`{"latitude":1}`), []byte("{")}, 5)
	got := bytes.Split(out, []byte("\n"))
	if failed != 3 || len(got) != 5 || !bytes.Equal(got[0], api.body) {
		t.Fatalf("%d failed:\n%s\nthe API says\n%s", failed, out, api.body)
	}
	for i, code := range []string{"too_large", "invalid", "malformed"} {
		if want := fmt.Sprintf(`{"index":%d,"status":"error","error":{"code":"%s"`, 6+i, code); !bytes.HasPrefix(got[1+i], []byte(want)) {
			t.Errorf("line %d: %s, want %s…", 1+i, got[1+i], want)
		}
	}
}

// FuzzEvacuationLine looks for a line that is answered with anything but one JSON object, and for an answer of zones
// that has a shelter, a route or a time.
func FuzzEvacuationLine(f *testing.F) {
	f.Add([]byte(evacuationBody))
	f.Add([]byte(floodBody(5)))
	f.Add([]byte(`{"latitude":-90,"longitude":180,"flood_probability":1,"risk_level":"unknown","zone_radii":[50000,50.00001,null],"bridges":"open"}`))
	f.Add([]byte(evacuationHead + `,"zone_radii":[50,51,49999.99],"assume_capacity":0,"persons_per_vehicle":1e2}`))
	f.Add([]byte(evacuationHead + `,"flood_extent":{"type":"MultiPolygon","bbox":[],"coordinates":[[[[9,47],[10,47,3],[10,48],[9,47]],[]],[]]}}`))
	f.Add([]byte(evacuationHead + `,"flood_extent":{"type":{},"coordinates":{"a":[1e308,-0,null]}}}`))
	lines := NewEvacuationLines(zonesOnly{}, math.MaxInt)
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.IndexByte(line, '\n') >= 0 {
			t.Skip("more than a line")
		}
		out, failed := lines.Append(t.Context(), nil, [][]byte{line}, 0)
		if !json.Valid(out) || bytes.Count(out, []byte("\n")) != 1 {
			t.Fatalf("%q is answered with %q", line, out)
		}
		if failed == 0 && !bytes.Contains(out, []byte(`"shelters":null,"routes":null,"plan":{"status":"no_region_data","clearance_time_minutes":null,`)) {
			t.Fatalf("%q is answered with %q", line, out)
		}
	})
}

func BenchmarkEvacuation(b *testing.B) {
	for name, body := range map[string]string{"circles": evacuationBody, "water of 5000 corners": floodBody(5000)} {
		b.Run(name, func(b *testing.B) {
			s := benchmarkServer(b)
			s.deps.Evacuation = zonesOnly{}
			b.SetBytes(int64(len(body)))
			benchmarkExchange(b, s, evacuationPath, body, 1)
		})
	}
}
