package connectrpc

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

// TestRequestsHaveTheFieldsOfTheirMessages compiles what reads each request, which panics where a name differs.
func TestRequestsHaveTheFieldsOfTheirMessages(t *testing.T) {
	for _, in := range []received{
		new(assessRequest), new(batchRequest), new(nowcastRequest), new(anomalyRequest), new(planRequest),
		new(listRequest), new(getRequest), new(statsRequest), new(reloadRequest), new(clearRequest),
	} {
		in.readBinary(nil)
	}
}

func TestARequestOfOtherFieldsThanItsMessagesDoesNotStart(t *testing.T) {
	type other struct {
		Latitude float64 `json:"latitude" missing:"nan"`
	}
	type more struct {
		Name  *string `json:"name"`
		Names *string `json:"names"`
	}
	for _, to := range []reflect.Type{reflect.TypeFor[other](), reflect.TypeFor[more]()} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v is read from a message of other fields", to)
				}
			}()
			compileCopier(to, reflect.TypeFor[guardyv1.GetModelRequest]())
		}()
	}
}

// fuzzSeeds are messages of every sort.
func fuzzSeeds(f *testing.F) {
	m := valid()
	f.Add(mustMarshal(f, m))
	m.RainfallHistoryMm = []float64{1, math.NaN(), 0}
	m.River = &guardyv1.River{Value: proto.Float64(1), Normal: proto.Float64(2), FloodThreshold: proto.Float64(3)}
	m.Site = &guardyv1.Site{AreaKm2: proto.Float64(100)}
	m.Date, m.Explain = proto.String("2024-02-29"), proto.Bool(false)
	m.LocationId, m.LocationName = proto.String("é"), proto.String("\u2028\"\\\n")
	f.Add(mustMarshal(f, m))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Add([]byte("\x09\x00\x00\x00\x00\x00\x00\xf8\x7f\x98\x06\x01"))
}

// refusedWithReason says whether the request is refused, and fails where no reason is given.
func refusedWithReason(t *testing.T, err error) bool {
	t.Helper()
	if err == nil {
		return false
	}
	if e := connectError(domainError(err), ""); domain.KindOf(err) == domain.KindInvalid && len(e.Details()) != 2 {
		t.Fatalf("refused without the reason: %v", e)
	}
	return true
}

// fits says whether every message that a sender makes can be made of the answer.
func fits(t *testing.T, out sent) {
	t.Helper()
	if _, err := out.appendBinary(nil); err != nil {
		t.Fatalf("%v: %s", err, out.appendJSON(nil))
	}
}

// FuzzWire holds for arbitrary bytes: reading them as a message never panics; what is refused has a reason; and
// the same question in JSON is the same question.
func FuzzWire(f *testing.F) {
	fuzzSeeds(f)
	a := newConstant(f).answer
	f.Fuzz(func(t *testing.T, data []byte) {
		var in assessRequest
		if err := (binaryCodec{}).Unmarshal(data, &in); err != nil {
			t.Fatal(err)
		}
		r := risk.NewRequest()
		if refusedWithReason(t, in.wire.Question(in.shape, &r, contractjson.Asking{Explain: true, Now: time.Now})) || len(r.Validate()) > 0 {
			return
		}
		var m guardyv1.AssessFloodRiskRequest
		if err := proto.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		var back assessRequest
		if err := (jsonCodec{}).Unmarshal(protojsonOf(t, &m), &back); err != nil || back.shape != nil {
			t.Fatalf("%v %v from %q", err, back.shape, protojsonOf(t, &m))
		}
		again := risk.NewRequest()
		if err := back.wire.Question(nil, &again, contractjson.Asking{Explain: true, Now: time.Now}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, again, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		fits(t, &assessAnswer{func(b []byte) []byte { return contractjson.AppendAssessment(b, &r, &a) }})
	})
}

// FuzzNowcastWire is FuzzWire for nowcasts.
func FuzzNowcastWire(f *testing.F) {
	seed := &guardyv1.NowcastRequest{Latitude: proto.Float64(45), Longitude: proto.Float64(9), ForecastHorizons: []int32{1, 24}, RainfallForecastMm: []float64{1, math.NaN()}}
	for i := range 8 {
		at := time.Date(2026, 1, 1, i, 0, 0, 0, time.UTC).Format(time.RFC3339)
		seed.WeatherSequence = append(seed.WeatherSequence, &guardyv1.Reading{Timestamp: &at, RainfallMm: proto.Float64(-999), WaterLevelM: proto.Float64(0.5)})
	}
	f.Add(mustMarshal(f, seed))
	seed.River = &guardyv1.RiverThresholds{Normal: proto.Float64(math.NaN()), FloodThreshold: proto.Float64(math.Inf(1))}
	seed.WeatherSequence[3] = &guardyv1.Reading{}
	f.Add(mustMarshal(f, seed))
	f.Add([]byte("\xff\xff\xff\xff"))
	service := transporttest.NewService()
	f.Fuzz(func(t *testing.T, data []byte) {
		var in nowcastRequest
		if err := (binaryCodec{}).Unmarshal(data, &in); err != nil {
			t.Fatal(err)
		}
		r, err := in.wire.Question(in.shape, false)
		if refusedWithReason(t, err) || len(r.Validate()) > 0 {
			return
		}
		r.LocationID = "" // some ask the fake to misbehave
		var answer nowcast.Forecast
		err = service.Nowcast(t.Context(), &r, &answer)
		service.Nowcasts()
		if err != nil {
			return
		}
		if math.IsInf(answer.Predictions[0].Quantiles.P10, 0) {
			return // the fake adds to what is near the largest number
		}
		fits(t, &nowcastAnswer{func(b []byte) []byte { return contractjson.AppendForecast(b, &r, &answer) }})
	})
}

// FuzzAnomalyWire is FuzzWire for readings of devices.
func FuzzAnomalyWire(f *testing.F) {
	seed := validAnomaly()
	f.Add(mustMarshal(f, seed))
	seed.Measurements = map[string]float64{"turbidity": -9999, "temperature": 1e308, "x/y": math.NaN()}
	seed.History = []*guardyv1.SensorReading{{Timestamp: seed.Timestamp, Humidity: proto.Float64(math.Inf(1))}, {}}
	f.Add(mustMarshal(f, seed))
	f.Add([]byte("\xff\xff\xff\xff"))
	service := transporttest.NewService()
	f.Fuzz(func(t *testing.T, data []byte) {
		var in anomalyRequest
		if err := (binaryCodec{}).Unmarshal(data, &in); err != nil {
			t.Fatal(err)
		}
		r, err := in.wire.Question(in.shape, false)
		if refusedWithReason(t, err) || len(r.Validate()) > 0 {
			return
		}
		r.DeviceID = "x" // some ask the fake to misbehave
		var a anomaly.Answer
		err = service.DetectAnomaly(t.Context(), &r, &a)
		service.Anomalies()
		if err != nil {
			t.Fatal(err)
		}
		fits(t, &anomalyAnswer{func(b []byte) []byte { return contractjson.AppendVerdict(b, &r, &a) }})
	})
}

// FuzzBatchJSON holds for arbitrary bytes as a batch in JSON: every location is asked or has its error.
func FuzzBatchJSON(f *testing.F) {
	for _, seed := range []string{`{"locations":[` + validJSON + `,null,{"latitude":"x"}]}`, `{"locations":[{}],"x":[]}`, `{"rainfallHistoryMm":[]}`, `[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var in batchRequest
		codec := jsonCodec{options: contractjson.Options{CamelCase: true, MaxBatch: transporttest.MaxBatchSize}}
		if err := codec.Unmarshal(data, &in); err != nil {
			t.Fatal(err)
		}
		var items contractjson.Items
		err := in.wire.Questions(in.shape, transporttest.MaxBatchSize, contractjson.Asking{Now: time.Now}, &items)
		if refusedWithReason(t, err) {
			return
		}
		if items.Len() != len(in.wire.Locations) {
			t.Fatalf("%d of %d questions are asked", items.Len(), len(in.wire.Locations))
		}
		fits(t, &batchAnswer{func(b []byte) []byte { return contractjson.AppendBatch(b, &items, "1.2.3", time.Second) }})
	})
}
