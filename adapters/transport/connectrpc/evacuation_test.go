package connectrpc

import (
	"encoding/base64"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1/guardyv1connect"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

func validEvacuation() *guardyv1.PlanEvacuationRequest {
	return &guardyv1.PlanEvacuationRequest{
		Latitude: proto.Float64(47.16), Longitude: proto.Float64(9.51), FloodProbability: proto.Float64(0.8), RiskLevel: proto.String("high"),
	}
}

func TestAnEvacuationIsCacheable(t *testing.T) {
	s := serve(t, transporttest.NewService())
	m := validEvacuation()
	m.LocationName = proto.String("cached")
	target := s.url + guardyv1connect.PredictionServicePlanEvacuationProcedure + "?" + url.Values{
		"connect": {"v1"}, "encoding": {"proto"}, "base64": {"1"}, "message": {base64.RawURLEncoding.EncodeToString(mustMarshal(t, m))},
	}.Encode()
	res, body := do(t, httpClient(t, false), http.MethodGet, target, "")
	etag := res.Header.Get("Etag")
	if res.StatusCode != http.StatusOK || etag == "" || res.Header.Get("Cache-Status") != "guardy; hit; ttl=212" || res.Header.Get("Age") != "88" {
		t.Fatalf("%s %v %q", res.Status, res.Header, body)
	}
	if res, body = do(t, httpClient(t, false), http.MethodGet, target, "", "If-None-Match", etag); res.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("%s %q, want 304", res.Status, body)
	}
}

func TestWhenTooManyPlansAreMadeTheAnswerSaysWhenToRetry(t *testing.T) {
	s := serve(t, transporttest.NewService())
	path := s.url + guardyv1connect.PredictionServicePlanEvacuationProcedure
	body := `{"latitude": 47, "longitude": 9, "flood_probability": 0.5, "risk_level": "low", "location_name": "fail:unavailable"}`
	res, answer := post(t, httpClient(t, false), path, "application/json", body)
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") != "1" {
		t.Errorf("%s %v %s", res.Status, res.Header, answer)
	}
}

func position(lon, lat float64) *structpb.Value {
	return structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{structpb.NewNumberValue(lon), structpb.NewNumberValue(lat)}})
}

func list(values ...*structpb.Value) *structpb.Value {
	return structpb.NewListValue(&structpb.ListValue{Values: values})
}

func TestAGeometryInBinaryIsReadStrictly(t *testing.T) {
	c := newMessageClient(t, serve(t, transporttest.NewService()).url).prediction
	m := validEvacuation()
	m.PersonsPerVehicle = proto.Float64(math.NaN())
	m.FloodExtent = &structpb.Struct{Fields: map[string]*structpb.Value{
		"type": structpb.NewStringValue("Polygon"),
		"coordinates": list(list(
			position(9, 47), position(math.NaN(), 47), position(10, math.Inf(1)), position(9, 47),
		)),
	}}
	if got, want := violationsOf(t, c, m), []string{
		"/persons_per_vehicle " + domain.CodeNotFinite,
		"/flood_extent/coordinates/0/1 " + domain.CodeNotFinite, // the domain's, after those of form
		"/flood_extent/coordinates/0/2 " + domain.CodeNotFinite,
	}; strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
	m = validEvacuation()
	m.FloodExtent = &structpb.Struct{Fields: map[string]*structpb.Value{
		"type": structpb.NewBoolValue(true), "coordinates": list(list(position(9, 47), new(structpb.Value), structpb.NewStructValue(new(structpb.Struct)))),
	}}
	if got, want := violationsOf(t, c, m), []string{"/flood_extent/type " + domain.CodeType}; strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
	m.FloodExtent.Fields["type"] = structpb.NewStringValue("Polygon")
	if got, want := violationsOf(t, c, m), []string{
		"/flood_extent/coordinates/0/1 " + domain.CodeType, "/flood_extent/coordinates/0/2 " + domain.CodeType,
	}; strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}

func violationsOf(t *testing.T, c guardyv1connect.PredictionServiceClient, m *guardyv1.PlanEvacuationRequest) (got []string) {
	t.Helper()
	_, err := c.PlanEvacuation(t.Context(), m)
	_, problem := problemOf(t, err)
	for _, v := range problem.Violations {
		got = append(got, v.Pointer+" "+v.Code)
	}
	return got
}

// FuzzEvacuationJSON holds for arbitrary bytes as an evacuation request in JSON: they are refused with a reason or
// answered in full.
func FuzzEvacuationJSON(f *testing.F) {
	for _, seed := range []string{
		`{"latitude":47,"longitude":9,"flood_probability":0.5,"risk_level":"low","zoneRadii":[50,900.5]}`,
		`{"latitude":90,"longitude":-180,"flood_probability":1,"risk_level":"unknown","location_name":"town"}`,
		`{"flood_extent":{"type":"Polygon","coordinates":[[[9,47],[10,47,3],[10,48],[9,47]]]},"assumeCapacity":1e6}`,
		`{"flood_extent":{"type":"MultiPolygon","bbox":null,"coordinates":[[[["x"]]],7]},"bridges":""}`, `{"flood_extent":{}}`,
	} {
		f.Add([]byte(seed))
	}
	service := transporttest.NewService()
	f.Fuzz(func(t *testing.T, data []byte) {
		var in planRequest
		if err := (jsonCodec{options: contractjson.Options{CamelCase: true}}).Unmarshal(data, &in); err != nil {
			t.Fatal(err)
		}
		r, err := in.wire.Question(in.shape, false)
		if refusedWithReason(t, err) || len(r.Validate()) > 0 {
			return
		}
		if r.LocationName != "town" {
			r.LocationName = "" // some ask the fake to misbehave
		}
		var answer evacuation.Answer
		err = service.PlanEvacuation(t.Context(), &r, &answer)
		service.Evacuations()
		if err != nil {
			return
		}
		fits(t, &planAnswer{func(b []byte) []byte { return contractjson.AppendEvacuation(b, &r, &answer) }})
	})
}
