package connectrpc

import (
	"encoding/base64"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1/guardyv1connect"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

// validAnomaly is a reading without history.
func validAnomaly() *guardyv1.DetectAnomalyRequest {
	return &guardyv1.DetectAnomalyRequest{
		DeviceId: proto.String("gauge-7"), Timestamp: proto.String("2026-10-04T00:00:00Z"), Temperature: proto.Float64(11.5),
	}
}

// A reading changes what is kept of its device, so no proxy may repeat the call, and nothing may keep an
// answer to it that does not rest on the request alone.
func TestAReadingIsNoQuery(t *testing.T) {
	s := serve(t, transporttest.NewService())
	const path = guardyv1connect.PredictionServiceDetectAnomalyProcedure
	query := "?" + url.Values{
		"connect": {"v1"}, "encoding": {"proto"}, "base64": {"1"}, "message": {base64.RawURLEncoding.EncodeToString(mustMarshal(t, validAnomaly()))},
	}.Encode()
	if res, body := do(t, httpClient(t, false), http.MethodGet, s.url+path+query, ""); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a GET is answered %s %q", res.Status, body)
	}
	const reading = `"timestamp":"2026-10-04T00:00:00Z","temperature":11.5`
	const earlier = `"timestamp":"2026-10-03T23:00:00Z","temperature":11.5`
	for _, c := range []struct{ body, status, control string }{
		{`{"device_id":"gauge-7",` + reading + `}`, "", "no-store"},
		{`{"device_id":"gauge-7",` + reading + `,"history":[{` + earlier + `}]}`, "guardy; fwd=miss; stored", "private, max-age=300"},
		{`{"device_id":"cached",` + reading + `,"history":[{` + earlier + `}]}`, "guardy; hit; ttl=212", "private, max-age=300"},
	} {
		res, body := do(t, httpClient(t, false), http.MethodPost, s.url+path, c.body, "Content-Type", "application/json")
		h := res.Header
		if res.StatusCode != http.StatusOK || h.Get("Cache-Status") != c.status || h.Get("Cache-Control") != c.control || (h.Get("Etag") == "") != (c.status == "") {
			t.Errorf("%s is answered %s %v %s", c.body, res.Status, h, body)
		}
	}
}

func TestReadingsOfDevicesInBinaryAreReadStrictly(t *testing.T) {
	s := serve(t, transporttest.NewService())
	c := newMessageClient(t, s.url).prediction
	m := validAnomaly()
	m.Measurements = map[string]float64{"missing": math.NaN(), "conductivity": 310}
	if _, err := c.DetectAnomaly(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if values := s.service.Anomalies()[0].Reading.Values; len(values) != 2 || values[1].Name != "conductivity" {
		t.Errorf("the values are %+v", values)
	}
	m.Humidity = proto.Float64(math.NaN())
	m.Measurements["a/b"] = math.Inf(1)
	m.History = []*guardyv1.SensorReading{{Timestamp: proto.String("2026-01-01T00:00:00Z")}, {Timestamp: proto.String("today"), WaterLevelM: proto.Float64(math.NaN())}}
	_, err := c.DetectAnomaly(t.Context(), m)
	_, problem := problemOf(t, err)
	var got []string
	for _, v := range problem.Violations {
		got = append(got, v.Pointer+" "+v.Code)
	}
	want := []string{
		"/humidity " + domain.CodeNotFinite,
		"/history/1/water_level_m " + domain.CodeNotFinite,
		"/history/1/timestamp " + domain.CodeFormat,
		"/measurements/a~1b " + domain.CodeNotFinite, // the domain's, after those of form
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUnknownFieldsBesideAMapAreFound(t *testing.T) {
	m := validAnomaly()
	m.Measurements = map[string]float64{"conductivity": 310}
	var in anomalyRequest
	if err := (binaryCodec{}).Unmarshal(append(mustMarshal(t, m), 0x98, 0x06, 0x01), &in); err != nil {
		t.Fatal(err)
	}
	if vs := strictjson.Violations(in.shape); len(vs) != 1 || vs[0].Code != domain.CodeUnknownField {
		t.Error(vs)
	}
}

// The JSON mapping of protobuf has no null in an array of numbers, so generated clients write a missing day as "NaN".
func TestAMissingDayIsWrittenAsNaN(t *testing.T) {
	s := serve(t, transporttest.NewService())
	res, body := do(t, httpClient(t, false), http.MethodPost, s.url+guardyv1connect.PredictionServiceAssessFloodRiskProcedure,
		`{"latitude":45,"longitude":-69,"rainfallMm":3,"rainfallHistoryMm":[1,"NaN",2]}`, "Content-Type", "application/json")
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", res.Status, body)
	}
	history := s.service.Calls()[0].RainfallHistoryMM
	if len(history) != 3 || history[0] != 1 || !math.IsNaN(history[1]) || history[2] != 2 {
		t.Errorf("the history is %v", history)
	}
}
