package fiberhttp

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

const (
	evacuationPath = "/api/v1/predict/evacuation-zones"
)

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
				if err := c.validate("/components/schemas/EvacuationAnswer", contractjson.AppendEvacuation(nil, &r, &a)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func TestAFloodThatIsTooLargeIsRefusedWhole(t *testing.T) {
	cfg := testConfig()
	cfg.MaxBodyBytes = DefaultConfig().MaxBodyBytes
	d := testDeps(transporttest.NewService())
	d.Limits.Timeout = time.Minute // reading counts, too, and takes a while on a loaded machine
	_, url := start(t, cfg, d)
	post := func(body string) answer {
		return do(t, http.MethodPost, url+evacuationPath, strings.NewReader(body), "Content-Type: application/json")
	}
	if a := post(transporttest.FloodBody(10_000)); a.StatusCode != http.StatusOK {
		t.Errorf("10000 corners: %d %.300s", a.StatusCode, a.body)
	}
	if a := post(transporttest.FloodBody(geo.DefaultLimits().MaxPoints)); a.StatusCode != http.StatusUnprocessableEntity ||
		!bytes.Contains(a.body, []byte(`{"pointer":"/flood_extent/coordinates","code":"size"`)) {
		t.Errorf("one point too many: %d %.300s", a.StatusCode, a.body)
	}
	if a := post(transporttest.FloodBody(500_000)); a.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("10 MB: %d %.300s", a.StatusCode, a.body)
	}
}

func TestWhenTooManyPlansAreMadeTheAnswerSaysWhenToRetry(t *testing.T) {
	_, url := start(t, testConfig(), testDeps(transporttest.NewService()))
	body := transporttest.EvacuationHead + `,"location_name":"fail:unavailable"}`
	a := do(t, http.MethodPost, url+evacuationPath, strings.NewReader(body), "Content-Type: application/json")
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}

func TestAnEvacuationSaysWhereItComesFrom(t *testing.T) {
	_, url := start(t, testConfig(), testDeps(transporttest.NewService()))
	body := transporttest.EvacuationHead + `,"location_name":"cached"}`
	a := do(t, http.MethodPost, url+evacuationPath, strings.NewReader(body), "Content-Type: application/json")
	if h := a.Header; h.Get("Cache-Status") != "guardy; hit; ttl=212" || h.Get("Age") != "88" || len(strings.TrimPrefix(h.Get("ETag"), "W/")) != 34 || h.Get("Cache-Control") != "private, max-age=300" {
		t.Errorf("%v", h)
	}
}

func TestEvacuationLinesAnswerAsTheAPI(t *testing.T) {
	service := transporttest.NewService()
	_, url := start(t, testConfig(), testDeps(service))
	api := do(t, http.MethodPost, url+evacuationPath, strings.NewReader(transporttest.EvacuationBody), "Content-Type: application/json")
	lines := contractjson.NewEvacuationLines(service, 1<<20)
	out, failed := lines.Append(t.Context(), nil, [][]byte{[]byte(transporttest.EvacuationBody), nil, []byte(`{"latitude":1}`), []byte("{")}, 5)
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

func BenchmarkEvacuation(b *testing.B) {
	for name, body := range map[string]string{"circles": transporttest.EvacuationBody, "water of 5000 corners": transporttest.FloodBody(5000)} {
		b.Run(name, func(b *testing.B) {
			s := benchmarkServer(b)
			s.deps.Evacuation = transporttest.ZonesOnly{}
			b.SetBytes(int64(len(body)))
			benchmarkExchange(b, s, evacuationPath, body, 1)
		})
	}
}
