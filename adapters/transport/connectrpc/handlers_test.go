package connectrpc

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/guardy-ai/guardy/adapters/access"
	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1/guardyv1connect"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/recordertest"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

func valid() *guardyv1.AssessFloodRiskRequest {
	return &guardyv1.AssessFloodRiskRequest{
		Latitude: proto.Float64(40), Longitude: proto.Float64(-105), RainfallMm: proto.Float64(50),
	}
}

func mustMarshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// problemOf returns the typed detail of an error.
func problemOf(t testing.TB, err error) (*connect.Error, *guardyv1.Problem) {
	t.Helper()
	var e *connect.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no error of connect", err)
	}
	for _, d := range e.Details() {
		if m, err := d.Value(); err == nil {
			if p, ok := m.(*guardyv1.Problem); ok {
				return e, p
			}
		}
	}
	t.Fatalf("%v has no Problem", err)
	return nil, nil
}

func TestEveryMethodOfTheSchemaIsServed(t *testing.T) {
	s, err := New(testConfig(), testDeps(transporttest.NewService(), t))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []protoreflect.FileDescriptor{guardyv1.File_guardy_v1_prediction_proto, guardyv1.File_guardy_v1_model_proto} {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				procedure := "/" + string(service.FullName()) + "/" + string(service.Methods().Get(j).Name())
				if s.endpoints[procedure].Handler == nil {
					t.Errorf("%s is not served", procedure)
				}
			}
		}
	}
}

func TestAGetIsCacheable(t *testing.T) {
	s := serve(t, transporttest.NewService())
	c := httpClient(t, false)
	for name, query := range map[string]url.Values{
		"json":   {"connect": {"v1"}, "encoding": {"json"}, "message": {validJSON}},
		"binary": {"connect": {"v1"}, "encoding": {"proto"}, "base64": {"1"}, "message": {base64.RawURLEncoding.EncodeToString(mustMarshal(t, valid()))}},
	} {
		target := s.url + assessPath + "?" + query.Encode()
		res, body := do(t, c, http.MethodGet, target, "")
		etag := res.Header.Get("Etag")
		if res.StatusCode != http.StatusOK || etag == "" || res.Header.Get("Cache-Control") != "private, max-age=300" {
			t.Fatalf("%s: %s %v %s", name, res.Status, res.Header, body)
		}
		res, body = do(t, c, http.MethodGet, target, "", "If-None-Match", etag)
		if res.StatusCode != http.StatusNotModified || body != "" || res.Header.Get("Etag") != etag {
			t.Errorf("%s: %s %v %s, want 304", name, res.Status, res.Header, body)
		}
	}
	target := s.url + assessPath + "?" + url.Values{"encoding": {"json"}, "message": {`{"latitud": 1}`}}.Encode()
	if res, body := do(t, c, http.MethodGet, target, ""); res.StatusCode != http.StatusBadRequest || !strings.Contains(body, "did you mean") {
		t.Errorf("%s %s, want the violations", res.Status, body)
	}
	admin := s.url + guardyv1connect.ModelServiceReloadModelsProcedure + "?" + url.Values{"encoding": {"json"}, "message": {`{}`}}.Encode()
	if res, _ := do(t, c, http.MethodGet, admin, ""); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a GET that changes state: %s", res.Status)
	}
}

func TestAnswersSayWhereTheyComeFrom(t *testing.T) {
	s := serve(t, transporttest.NewService())
	for _, test := range []struct {
		name, body string
		headers    []string
		want       map[string]string
	}{
		{"miss", validJSON, nil, map[string]string{"Cache-Status": "guardy; fwd=miss; stored", "Cache-Control": "private, max-age=300", "Age": ""}},
		{
			"hit", strings.Replace(validJSON, "{", `{"location_id": "cached", `, 1), nil,
			map[string]string{"Cache-Status": "guardy; hit; ttl=212", "Cache-Control": "private, max-age=300", "Age": "88"},
		},
		{"fresh", validJSON, []string{"Cache-Control", "max-age=0, no-cache"}, map[string]string{"Cache-Status": "guardy; fwd=request; stored"}},
	} {
		res, _ := post(t, httpClient(t, false), s.url+assessPath, "application/json", test.body, test.headers...)
		for name, want := range test.want {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", test.name, name, got, want)
			}
		}
	}
	for name, options := range protocols {
		ctx, info := connect.NewClientContext(t.Context())
		if _, err := newMessageClient(t, s.url, options...).prediction.AssessFloodRisk(ctx, valid()); err != nil {
			t.Fatal(err)
		}
		if got := info.ResponseHeader().Get("Cache-Status"); got != "guardy; fwd=miss; stored" {
			t.Errorf("%s: Cache-Status is %q", name, got)
		}
	}
}

func TestRequestsHaveAnID(t *testing.T) {
	s := serve(t, transporttest.NewService())
	c := httpClient(t, false)
	for given, echoed := range map[string]bool{"abc-123": true, "": false, "two words": false, strings.Repeat("x", 129): false} {
		res, _ := post(t, c, s.url+assessPath, "application/json", validJSON, "X-Request-Id", given)
		got := res.Header.Get("X-Request-Id")
		if (got == given) != echoed || got == "" {
			t.Errorf("%q was answered with %q", given, got)
		}
	}
}

func TestBinaryMessagesAreReadStrictly(t *testing.T) {
	s := serve(t, transporttest.NewService())
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1)
	retyped := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "40") // latitude as text
	for _, test := range []struct {
		name   string
		change func(m *guardyv1.AssessFloodRiskRequest)
		want   []*guardyv1.Violation
	}{
		{
			"unknown field", func(m *guardyv1.AssessFloodRiskRequest) { m.ProtoReflect().SetUnknown(unknown) },
			[]*guardyv1.Violation{{Pointer: "/99", Code: "unknown_field", Detail: "there is no field number 99"}},
		},
		{
			"unknown field below", func(m *guardyv1.AssessFloodRiskRequest) {
				m.River = &guardyv1.River{}
				m.River.ProtoReflect().SetUnknown(unknown)
			},
			[]*guardyv1.Violation{{Pointer: "/river/99", Code: "unknown_field", Detail: "there is no field number 99"}},
		},
		{
			"other type", func(m *guardyv1.AssessFloodRiskRequest) { m.Latitude = nil; m.ProtoReflect().SetUnknown(retyped) },
			[]*guardyv1.Violation{{Pointer: "/latitude", Code: "type", Detail: "field number 1 is not of type double"}},
		},
		{
			"NaN and infinity", func(m *guardyv1.AssessFloodRiskRequest) {
				m.RainfallMm, m.Temperature = proto.Float64(math.NaN()), proto.Float64(math.Inf(1))
			},
			[]*guardyv1.Violation{
				{Pointer: "/rainfall_mm", Code: "not_finite", Detail: "the number must be finite"},
				{Pointer: "/temperature", Code: "not_finite", Detail: "the number must be finite"},
			},
		},
	} {
		m := valid()
		test.change(m)
		_, err := newMessageClient(t, s.url).prediction.AssessFloodRisk(t.Context(), m)
		e, problem := problemOf(t, err)
		want := &guardyv1.Problem{Code: "invalid", RequestId: problem.RequestId, Violations: test.want}
		if e.Code() != connect.CodeInvalidArgument || !proto.Equal(problem, want) {
			t.Errorf("%s: %v %v", test.name, e, problem)
		}
		batch := &guardyv1.AssessFloodRiskBatchRequest{Locations: []*guardyv1.AssessFloodRiskRequest{valid(), m}}
		answers, err := newMessageClient(t, s.url).prediction.AssessFloodRiskBatch(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		item := answers.Predictions[1]
		if item.FloodProbability != nil || item.GetStatus() != "error" || answers.Failed != 1 || answers.Successful != 1 ||
			item.Error.Errors[0].Pointer != "/locations/1"+test.want[0].Pointer {
			t.Errorf("%s in a batch: %v", test.name, answers)
		}
	}
	for _, body := range []string{"\x0f", "\x09\x00", "\x32\x02\xff\xfe"} {
		res, answer := post(t, httpClient(t, false), s.url+assessPath, "application/proto", body)
		reply, err := rawRefusal([]byte(answer))
		if err != nil || res.StatusCode != http.StatusBadRequest || !strings.Contains(string(reply.Refusal), `"code":"malformed"`) {
			t.Errorf("%x: %s %s %v", body, res.Status, answer, err)
		}
	}
}

func TestAMissingDayIsNaNInBinary(t *testing.T) {
	s := serve(t, transporttest.NewService())
	m := valid()
	m.RainfallHistoryMm = []float64{1, math.NaN(), 3}
	if _, err := newMessageClient(t, s.url, connect.WithGRPC()).prediction.AssessFloodRisk(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if h := s.service.Calls()[0].RainfallHistoryMM; len(h) != 3 || !math.IsNaN(h[1]) {
		t.Errorf("the history is %v", h)
	}
}

func TestAnHourWithoutForecastIsNaNInBinary(t *testing.T) {
	s := serve(t, transporttest.NewService())
	m := &guardyv1.NowcastRequest{Latitude: proto.Float64(45), Longitude: proto.Float64(9), RainfallForecastMm: []float64{1, math.NaN(), 3}}
	for i := range nowcast.MinReadings {
		at := time.Date(2026, 1, 1, i, 0, 0, 0, time.UTC).Format(time.RFC3339)
		m.WeatherSequence = append(m.WeatherSequence, &guardyv1.Reading{Timestamp: &at})
	}
	client := newMessageClient(t, s.url, connect.WithGRPC()).prediction
	if _, err := client.Nowcast(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if rain := s.service.Nowcasts()[0].RainfallForecastMM; len(rain) != 3 || !math.IsNaN(rain[1]) {
		t.Errorf("the forecast is %v", rain)
	}
	// Anywhere else a NaN is a mistake of the sender.
	m.WeatherSequence[2].WaterLevelM = proto.Float64(math.NaN())
	_, err := client.Nowcast(t.Context(), m)
	if connect.CodeOf(err) != connect.CodeInvalidArgument || !strings.Contains(err.Error(), "cannot be used") {
		t.Errorf("a NaN was answered with %v", err)
	}
}

func TestStateIsChangedByAdministratorsOnly(t *testing.T) {
	type call struct {
		headers []string
		status  int
		code    string
	}
	guarded := []string{guardyv1connect.ModelServiceReloadModelsProcedure, guardyv1connect.ModelServiceClearModelCacheProcedure}
	check := func(t *testing.T, s *testServer, calls []call) {
		for _, c := range calls {
			for _, path := range guarded {
				res, body := post(t, httpClient(t, false), s.url+path, "application/json", `{"name": "risk_scorer"}`, c.headers...)
				if res.StatusCode != c.status || !strings.Contains(body, c.code) {
					t.Errorf("%s %v: %s %s, want %d %s", path, c.headers, res.Status, body, c.status, c.code)
				}
			}
		}
	}
	t.Run("with keys", func(t *testing.T) {
		s := serve(t, transporttest.NewService(), func(_ *Config, d *Deps) {
			d.Access = guard(access.Config{AdminKeys: []string{"first-key", "second-key"}})
		})
		check(t, s, []call{
			{nil, 401, "unauthenticated"},
			{[]string{"Authorization", "Bearer wrong"}, 403, "permission_denied"},
			{[]string{"X-API-Key", "first-ke"}, 403, "permission_denied"},
			{[]string{"Authorization", "Basic first-key"}, 401, "unauthenticated"},
			{[]string{"Authorization", "Bearer first-key"}, 200, "risk_scorer"},
			{[]string{"X-API-Key", "second-key"}, 200, "risk_scorer"},
		})
		read := s.url + guardyv1connect.ModelServiceGetModelProcedure
		if res, _ := post(t, httpClient(t, false), read, "application/json", `{"name": "risk_scorer"}`); res.StatusCode != 200 {
			t.Errorf("reading without a key: %s", res.Status)
		}
		if _, err := newMessageClient(t, s.url, connect.WithGRPC()).models.ReloadModels(t.Context(), &guardyv1.ReloadModelsRequest{}); connect.CodeOf(err) != connect.CodeUnauthenticated {
			t.Errorf("gRPC without a key: %v", err)
		}
	})
	t.Run("without keys", func(t *testing.T) {
		check(t, serve(t, transporttest.NewService()), []call{
			{nil, 200, "risk_scorer"},
			{[]string{"X-Forwarded-For", "203.0.113.7"}, 403, "permission_denied"},
			{[]string{"Origin", "https://evil.example"}, 403, "permission_denied"},
		})
	})
}

func TestQuotasAreSpentByWhatIsAsked(t *testing.T) {
	s := serve(t, transporttest.NewService(), func(_ *Config, d *Deps) {
		d.Access = guard(access.Config{Anonymous: ports.Allowance{Cost: 103, Window: time.Hour}})
	})
	prediction := s.url + "/guardy.v1.PredictionService/"
	for _, tt := range []struct {
		procedure, body string
		status          int
		left            string
	}{
		{"AssessFloodRisk", validJSON, 200, "r=102"},
		{"PlanEvacuation", `{"latitude":40.5,"longitude":-80,"flood_probability":0.8,"risk_level":"high"}`, 200, "r=2"},
		{"PlanEvacuation", `{"latitude":40.5,"longitude":-80,"flood_probability":0.8,"risk_level":"high"}`, 429, "r=2"},
		{"AssessFloodRiskBatch", `{"locations":[` + validJSON + "," + validJSON + `]}`, 200, "r=0"},
		{"AssessFloodRisk", validJSON, 429, "r=0"},
	} {
		res, body := post(t, httpClient(t, false), prediction+tt.procedure, "application/json", tt.body)
		if res.StatusCode != tt.status || !strings.Contains(res.Header.Get("RateLimit"), tt.left) || (res.Header.Get("Retry-After") != "") != (tt.status == 429) {
			t.Errorf("%s: %s %v %s", tt.procedure, res.Status, res.Header, body)
		}
	}
}

func TestEveryChangeOfStateIsAudited(t *testing.T) {
	var log strings.Builder
	g, err := access.New(access.Config{AdminKeys: []string{"ops-key"}}, nil, slog.New(slog.NewJSONHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, transporttest.NewService(), func(_ *Config, d *Deps) { d.Access = g })
	for _, tt := range []struct{ path, body, key, want string }{
		{guardyv1connect.ModelServiceReloadModelsProcedure, `{"name":"risk_scorer"}`, "ops-key", `"action":"reload","target":"risk_scorer","before":"risk_scorer `},
		{guardyv1connect.ModelServiceReloadModelsProcedure, `{}`, "ops-key", `"action":"reload","target":"all models","reason":`},
		{guardyv1connect.ModelServiceClearModelCacheProcedure, `{"name":"risk_scorer"}`, "ops-key", `"action":"clear_cache","target":"risk_scorer"`},
		{guardyv1connect.ModelServiceClearModelCacheProcedure, `{"name":"risk_scorer"}`, "wrong", `"outcome":"refused"`},
	} {
		log.Reset()
		post(t, httpClient(t, false), s.url+tt.path, "application/json", tt.body, "X-API-Key", tt.key)
		if strings.Count(log.String(), `"msg":"audit"`) != 1 || !strings.Contains(log.String(), tt.want) {
			t.Errorf("%s with %q: %s", tt.path, tt.key, log.String())
		}
	}
}

func TestHealthFollowsTheService(t *testing.T) {
	service := transporttest.NewService()
	s := serve(t, service)
	c := grpchealth.NewClient(httpClient(t, true), s.url, connect.WithGRPC())
	for _, name := range []string{"", guardyv1connect.PredictionServiceName, guardyv1connect.ModelServiceName} {
		res, err := c.Check(t.Context(), &grpchealth.CheckRequest{Service: name})
		if err != nil || res.Status != grpchealth.StatusServing {
			t.Errorf("%q: %v %v, want serving", name, res, err)
		}
	}
	if _, err := c.Check(t.Context(), &grpchealth.CheckRequest{Service: "acme"}); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("an unknown service: %v", err)
	}
	service.NotReady = true
	if res, err := c.Check(t.Context(), &grpchealth.CheckRequest{}); err != nil || res.Status != grpchealth.StatusNotServing {
		t.Errorf("%v %v, want not serving", res, err)
	}
	if _, err := newMessageClient(t, s.url).prediction.AssessFloodRiskBatch(t.Context(), &guardyv1.AssessFloodRiskBatchRequest{
		Locations: []*guardyv1.AssessFloodRiskRequest{valid()},
	}); connect.CodeOf(err) != connect.CodeUnavailable {
		t.Errorf("a batch before the models are loaded: %v", err)
	}
}

func TestWatchersAreToldAndLetGo(t *testing.T) {
	service := transporttest.NewService()
	s := serve(t, service)
	c := grpchealth.NewClient(httpClient(t, true), s.url, connect.WithGRPC())
	if event := <-c.Watch(t.Context(), &grpchealth.CheckRequest{Service: "acme"}); connect.CodeOf(event.Err) != connect.CodeNotFound {
		t.Errorf("an unknown service: %+v", event)
	}
	events := c.Watch(t.Context(), &grpchealth.CheckRequest{})
	if event := <-events; event.Err != nil || event.Response.Status != grpchealth.StatusServing {
		t.Errorf("at first: %+v, want serving", event)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error("a watcher holds up the stop:", err)
	}
	for event := range events {
		if event.Err != nil && connect.CodeOf(event.Err) != connect.CodeUnavailable && connect.CodeOf(event.Err) != connect.CodeCanceled {
			t.Errorf("at the end: %+v", event)
		}
	}
}

func TestReflectionDescribesTheServices(t *testing.T) {
	s := serve(t, transporttest.NewService())
	stream := grpcreflect.NewClient(httpClient(t, true), s.url, connect.WithGRPC()).NewStream(t.Context())
	defer stream.Close()
	names, err := stream.ListServices()
	slices.Sort(names)
	want := []protoreflect.FullName{"grpc.health.v1.Health", "guardy.v1.ModelService", "guardy.v1.PredictionService"}
	if diff := cmp.Diff(want, names); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	files, err := stream.FileContainingSymbol("guardy.v1.PredictionService")
	if err != nil || len(files) == 0 || files[0].GetPackage() != "guardy.v1" {
		t.Errorf("%v %v", files, err)
	}
}

func TestBrowsersOfConfiguredOriginsAreLetIn(t *testing.T) {
	s := serve(t, transporttest.NewService(), func(c *Config, _ *Deps) { c.CORSOrigins = []string{"https://map.example.org"} })
	preflight := func(origin string) *http.Response {
		res, _ := do(t, httpClient(t, false), http.MethodOptions, s.url+assessPath, "", "Origin", origin,
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "connect-protocol-version,content-type,x-request-id")
		return res
	}
	res := preflight("https://map.example.org")
	if res.StatusCode != http.StatusNoContent || res.Header.Get("Access-Control-Allow-Origin") != "https://map.example.org" ||
		res.Header.Get("Access-Control-Allow-Headers") == "" || res.Header.Get("Access-Control-Allow-Methods") != "POST" {
		t.Errorf("%s %v", res.Status, res.Header)
	}
	if res := preflight("https://evil.example"); res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%s %v", res.Status, res.Header)
	}
	res, _ = post(t, httpClient(t, false), s.url+assessPath, "application/json", validJSON, "Origin", "https://map.example.org")
	if exposed := res.Header.Get("Access-Control-Expose-Headers"); !strings.Contains(exposed, "Cache-Status") || !strings.Contains(exposed, "Grpc-Status") {
		t.Errorf("exposed: %q", exposed)
	}
}

// The bytes are those of a browser's gRPC-Web client: a POST over HTTP/1.1, trailers in the body.
func TestGRPCWebOverPlainHTTP(t *testing.T) {
	s := serve(t, transporttest.NewService())
	for _, contentType := range []string{
		"application/grpc-web+proto", "application/grpc-web", "application/grpc-web-text", "application/grpc-web-text+proto",
	} {
		encode, decode := func(s string) string { return s }, func(s string) ([]byte, error) { return []byte(s), nil }
		if strings.Contains(contentType, "text") {
			encode = func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
			decode = base64.StdEncoding.DecodeString
		}
		call := func(m proto.Message) []frame {
			request := encode(string(envelope(0, mustMarshal(t, m))))
			res, text := post(t, httpClient(t, false), s.url+assessPath, contentType, request, "X-Grpc-Web", "1")
			body, err := decode(text)
			if err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != contentType {
				t.Fatalf("%s %v %q %v", res.Status, res.Header, text, err)
			}
			if status := res.Header.Get("Grpc-Status"); status != "" { // an error may have no body
				return []frame{{0x80, []byte("grpc-status: " + status + "\r\n")}}
			}
			return envelopes(body)
		}
		frames := call(valid())
		var answer guardyv1.AssessFloodRiskResponse
		if err := proto.Unmarshal(frames[0].data, &answer); err != nil || answer.RiskLevel != "low" {
			t.Errorf("%s: %v %v", contentType, &answer, err)
		}
		if frames[1].flags != 0x80 || !strings.Contains(string(frames[1].data), "grpc-status: 0\r\n") {
			t.Errorf("%s: the trailers are %x %q", contentType, frames[1].flags, frames[1].data)
		}
		if frames = call(&guardyv1.AssessFloodRiskRequest{}); !strings.Contains(string(frames[0].data), "grpc-status: 3\r\n") {
			t.Errorf("%s: the trailers are %q", contentType, frames[0].data)
		}
	}
}

func TestBase64ThatIsNoneIsMalformed(t *testing.T) {
	s := serve(t, transporttest.NewService())
	for _, body := range []string{"AAAA*AAA", "AAAAAAk"} {
		res, _ := post(t, httpClient(t, false), s.url+assessPath, "application/grpc-web-text", body)
		if res.Header.Get("Grpc-Status") != "3" || !strings.Contains(res.Header.Get("Grpc-Message"), "base64") {
			t.Errorf("%q: %v", body, res.Header)
		}
	}
}

func TestWhatIsNoCallIsRefused(t *testing.T) {
	s := serve(t, transporttest.NewService())
	for _, test := range []struct {
		name, method, path, contentType string
		status                          int
	}{
		{"path", "POST", "/guardy.v1.PredictionService/Predict", "application/json", 404},
		{"root", "GET", "/", "", 404},
		{"method", "DELETE", assessPath, "application/json", 405},
		{"media type", "POST", assessPath, "text/plain", 415},
		{"codec", "POST", assessPath, "application/yaml", 415},
		{"stream over HTTP/1.1", "POST", guardyv1connect.PredictionServiceStreamFloodRiskProcedure, "application/connect+json", 505},
	} {
		if res, body := do(t, httpClient(t, false), test.method, s.url+test.path, "{}", "Content-Type", test.contentType); res.StatusCode != test.status {
			t.Errorf("%s: %s %s, want %d", test.name, res.Status, body, test.status)
		}
	}
	c := connect.NewClient[guardyv1.ListModelsRequest, guardyv1.ListModelsResponse](
		httpClient(t, true), s.url+"/guardy.v1.ModelService/DeleteModels", connect.WithGRPC())
	if _, err := c.CallUnary(t.Context(), connect.NewRequest(&guardyv1.ListModelsRequest{})); connect.CodeOf(err) != connect.CodeUnimplemented {
		t.Errorf("an unknown procedure over gRPC: %v", err)
	}
	if res, _ := post(t, httpClient(t, false), s.url+assessPath, "application/json; charset=UTF-8", validJSON); res.StatusCode != 200 {
		t.Errorf("with a charset: %s", res.Status)
	}
}

func TestEveryCallIsRecordedOnce(t *testing.T) {
	s := serve(t, transporttest.NewService())
	c := httpClient(t, false)
	post(t, c, s.url+assessPath, "application/json", validJSON)
	post(t, c, s.url+assessPath, "application/json", `{"latitude": 400}`)
	post(t, c, s.url+assessPath, "application/json", `{`)
	post(t, c, s.url+assessPath, "text/plain", validJSON)
	post(t, c, s.url+"/"+strings.Repeat("x", 100), "application/json", validJSON)
	post(t, c, s.url+assessPath, "application/grpc-web", "\x00\x00\x00\x00\x09short")
	post(t, c, s.url+guardyv1connect.ModelServiceReloadModelsProcedure, "application/json", `{}`, "Origin", "x")
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	const assess = "guardy.v1.PredictionService/AssessFloodRisk"
	want := []recordertest.Requested{
		{Transport: "connect", Route: assess, Code: "ok"},
		{Transport: "connect", Route: assess, Code: "invalid_argument"},
		{Transport: "connect", Route: assess, Code: "invalid_argument"},
		{Transport: "connect", Route: assess, Code: "415"},
		{Transport: "connect", Route: "unmatched", Code: "404"},
		{Transport: "connect", Route: assess, Code: "invalid_argument"},
		{Transport: "connect", Route: "guardy.v1.ModelService/ReloadModels", Code: "permission_denied"},
	}
	got := recordertest.Only[recordertest.Requested](s.recorder.Facts())
	for i := range got {
		got[i].Took = 0
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEveryKindHasACode(t *testing.T) {
	want := map[domain.Kind]connect.Code{
		domain.KindInternal: connect.CodeInternal, domain.KindInvalid: connect.CodeInvalidArgument,
		domain.KindMalformed: connect.CodeInvalidArgument, domain.KindNotFound: connect.CodeNotFound,
		domain.KindUnauthenticated: connect.CodeUnauthenticated, domain.KindForbidden: connect.CodePermissionDenied,
		domain.KindTooLarge: connect.CodeResourceExhausted, domain.KindExhausted: connect.CodeResourceExhausted,
		domain.KindUnavailable: connect.CodeUnavailable, domain.KindDeadline: connect.CodeDeadlineExceeded,
		domain.KindCanceled: connect.CodeCanceled,
	}
	for k := range domain.NumKinds {
		if code, ok := want[k]; !ok || codeOf(k) != code {
			t.Errorf("%v is %v, want %v", k, codeOf(k), code)
		}
	}
}

func TestForeignErrorsKeepTheirTextToThemselves(t *testing.T) {
	for _, test := range []struct {
		err  error
		kind domain.Kind
	}{
		{errors.New("open /etc/secret: permission denied"), domain.KindInternal},
		{&domain.Error{Kind: domain.KindInternal, Msg: "secret"}, domain.KindInternal},
		{context.DeadlineExceeded, domain.KindDeadline},
		{context.Canceled, domain.KindCanceled},
		{connect.NewError(connect.CodeCanceled, errors.New("read tcp 10.0.0.1:80: secret")), domain.KindCanceled},
		{&domain.Error{Kind: domain.KindUnavailable, Err: errors.New("secret")}, domain.KindUnavailable},
	} {
		e := domainError(test.err)
		if out := connectError(e, "id"); e.Kind != test.kind || strings.Contains(out.Message(), "secret") || out.Message() == "" {
			t.Errorf("%v became %v: %v", test.err, e.Kind, out)
		}
	}
}

func TestHugeViolationListsAreCut(t *testing.T) {
	e := &domain.Error{Kind: domain.KindInvalid, Violations: make([]domain.Violation, 250)}
	_, problem := problemOf(t, connectError(e, ""))
	if n := len(problem.Violations); n != maxListed+1 || problem.Violations[maxListed].Detail != "150 more violations are not listed" {
		t.Errorf("%d violations, the last %v", n, problem.Violations[n-1])
	}
}

func TestAbsentExplainMeansWhatThePathSays(t *testing.T) {
	service := transporttest.NewService()
	c := newMessageClient(t, serve(t, service).url).prediction
	ask := func(m *guardyv1.AssessFloodRiskRequest) bool {
		t.Helper()
		if _, err := c.AssessFloodRisk(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		return service.Calls()[0].Explain
	}
	if !ask(valid()) {
		t.Error("a single question is not explained")
	}
	if _, err := c.AssessFloodRiskBatch(t.Context(), &guardyv1.AssessFloodRiskBatchRequest{Locations: []*guardyv1.AssessFloodRiskRequest{valid()}}); err != nil {
		t.Fatal(err)
	}
	if service.Calls()[0].Explain {
		t.Error("an item is explained")
	}
	m := valid()
	if m.Explain = proto.Bool(false); ask(m) {
		t.Error("explain: false is ignored")
	}
}

func TestModelsWithoutACardAreDescribed(t *testing.T) {
	s := serve(t, transporttest.NewService())
	out, err := newMessageClient(t, s.url).models.GetModel(t.Context(), &guardyv1.GetModelRequest{Name: proto.String("nowcaster")})
	if err != nil || out.Card != nil || out.Model.Loaded {
		t.Errorf("%v %v", out, err)
	}
	_, err = newMessageClient(t, s.url).models.GetModel(t.Context(), &guardyv1.GetModelRequest{})
	if _, problem := problemOf(t, err); problem.Violations[0].Pointer != "/name" || problem.Violations[0].Code != "required" {
		t.Errorf("%v", problem)
	}
}
