package connectrpc

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/vector"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

// draw fills a message with random finite values; optional and repeated fields may stay empty.
func draw(t *rapid.T, m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		name := string(fd.Name())
		if (fd.HasPresence() || fd.IsList() || fd.IsMap()) && !rapid.Bool().Draw(t, "has "+name) {
			continue
		}
		switch {
		case fd.IsMap():
			key := protoreflect.ValueOf("key").MapKey()
			if entries := m.Mutable(fd).Map(); fd.MapValue().Message() != nil {
				draw(t, entries.Mutable(key).Message())
			} else {
				entries.Set(key, scalar(t, fd.MapValue(), name))
			}
		case fd.IsList():
			for range rapid.IntRange(0, 3).Draw(t, name) {
				if list := m.Mutable(fd).List(); fd.Message() != nil {
					draw(t, list.AppendMutable().Message())
				} else {
					list.Append(scalar(t, fd, name))
				}
			}
		case fd.Message() != nil && fd.Message().FullName() == "google.protobuf.Struct":
			s, err := structpb.NewStruct(map[string]any{"a": 1.5, "b": []any{"x", nil}})
			if err != nil {
				t.Fatal(err)
			}
			m.Set(fd, protoreflect.ValueOfMessage(s.ProtoReflect()))
		case fd.Message() != nil:
			draw(t, m.Mutable(fd).Message())
		default:
			m.Set(fd, scalar(t, fd, name))
		}
	}
}

func scalar(t *rapid.T, fd protoreflect.FieldDescriptor, name string) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(rapid.Float64().Draw(t, name))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(rapid.Float32().Draw(t, name))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, name))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(rapid.String().Draw(t, name))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(rapid.Int32().Draw(t, name))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(rapid.Int64().Draw(t, name))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(rapid.Uint64().Draw(t, name))
	}
	t.Fatalf("no values of %v", fd.Kind())
	return protoreflect.Value{}
}

func messageOf(t *rapid.T, name protoreflect.FullName) proto.Message {
	mt, err := protoregistry.GlobalTypes.FindMessageByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return mt.New().Interface()
}

// Any client of the protobuf JSON mapping reads what the encoder writes.
func TestEveryMessageReadsBackThroughProtojson(t *testing.T) {
	for _, file := range []protoreflect.FileDescriptor{
		guardyv1.File_guardy_v1_prediction_proto, guardyv1.File_guardy_v1_model_proto, guardyv1.File_guardy_v1_problem_proto,
	} {
		for i := range file.Messages().Len() {
			name := file.Messages().Get(i).FullName()
			t.Run(string(name.Name()), rapid.MakeCheck(func(t *rapid.T) {
				m := messageOf(t, name)
				draw(t, m.ProtoReflect())
				data, err := appendJSON(nil, m)
				if err != nil {
					t.Fatal(err)
				}
				back := messageOf(t, name)
				if err := protojson.Unmarshal(data, back); err != nil {
					t.Fatalf("%v in %s", err, data)
				}
				if diff := cmp.Diff(m, back, protocmp.Transform(), protocmp.IgnoreEmptyMessages()); diff != "" {
					t.Fatalf("%s\n%s", data, diff)
				}
			}))
		}
	}
}

func TestNumbersThatJSONDoesNotHaveAreNotWritten(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		if data, err := appendJSON(nil, &guardyv1.AssessFloodRiskResponse{FloodProbability: v}); err == nil {
			t.Errorf("%v was written as %s", v, data)
		}
	}
	data, err := appendJSON(nil, &guardyv1.AssessFloodRiskRequest{RainfallHistoryMm: []float64{1, math.NaN(), 1e-9, 1e21, -0.5}})
	if want := `{"rainfall_history_mm":[1,null,1e-09,1e+21,-0.5]}`; err != nil || string(data) != want {
		t.Errorf("%s %v, want %s", data, err, want)
	}
}

func TestSiteFieldsKeepTheOrderOfTheirNames(t *testing.T) {
	var site guardyv1.Site
	for i, field := range siteFields(&site) {
		*field = proto.Float64(float64(i))
	}
	m := site.ProtoReflect()
	for i, name := range vector.SiteNames {
		if fd := m.Descriptor().Fields().ByName(protoreflect.Name(name)); fd == nil || m.Get(fd).Float() != float64(i) {
			t.Errorf("%s is not field %d", name, i)
		}
	}
}

func TestTimesAreInUTCWithMilliseconds(t *testing.T) {
	at := time.Date(2026, 1, 2, 4, 4, 5, 678_900_000, time.FixedZone("", 3600))
	if got := instant(at); got != "2026-01-02T03:04:05.678Z" {
		t.Error(got)
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

// FuzzWire holds for arbitrary bytes: reading and mapping them never panics; what is refused has a
// reason; and a question that is valid reads back as itself from both encodings.
func FuzzWire(f *testing.F) {
	fuzzSeeds(f)
	a := newConstant(f).answer
	f.Fuzz(func(t *testing.T, data []byte) {
		var in assessRequest
		if err := (binaryCodec{}).Unmarshal(data, &in); err != nil {
			t.Fatal(err)
		}
		if in.malformed() != nil {
			return
		}
		r, shape := question(&in.msg, true, false)
		if err := refusal(append(in.violations(), shape...), "", r.Validate); err != nil {
			if e := connectError(domainError(err), ""); len(e.Details()) != 2 {
				t.Fatalf("refused without the reason: %v", e)
			}
			return
		}
		if len(r.Validate()) > 0 {
			return
		}
		for _, c := range []interface {
			MarshalAppend([]byte, any) ([]byte, error)
			Unmarshal([]byte, any) error
		}{binaryCodec{}, jsonCodec{}} {
			encoded, err := c.MarshalAppend(nil, &in.msg)
			if err != nil {
				t.Fatal(err)
			}
			var back assessRequest
			if err := c.Unmarshal(encoded, &back); err != nil || back.shape != nil {
				t.Fatalf("%T: %v %v from %q", c, err, back.shape, encoded)
			}
			again, _ := question(&back.msg, true, false)
			if diff := cmp.Diff(r, again, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%T: %s", c, diff)
			}
		}
		if _, err := appendJSON(nil, answer(&r, &a)); err != nil {
			t.Fatal(err)
		}
		if _, err := proto.Marshal(item(0, &r, &a)); err != nil {
			t.Fatal(err)
		}
	})
}

// accepted decodes data as a message and makes a question of it. ok is false when it is refused, which
// takes a reason.
func accepted[T any, P interface {
	*T
	proto.Message
}, R interface{ Validate() []domain.Violation }](t *testing.T, data []byte, ask func(m *T) (R, []domain.Violation)) (r R, ok bool) {
	t.Helper()
	var in inbound[T, P]
	if err := (binaryCodec{}).Unmarshal(data, &in); err != nil {
		t.Fatal(err)
	}
	if in.malformed() != nil {
		return r, false
	}
	r, shape := ask(&in.msg)
	if err := refusal(append(in.violations(), shape...), "", r.Validate); err != nil {
		if e := connectError(domainError(err), ""); len(e.Details()) != 2 {
			t.Fatalf("refused without the reason: %v", e)
		}
		return r, false
	}
	return r, len(r.Validate()) == 0
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
		r, ok := accepted(t, data, func(m *guardyv1.NowcastRequest) (*nowcast.Request, []domain.Violation) {
			r, shape := nowcastQuestion(m, false)
			return &r, shape
		})
		if !ok {
			return
		}
		r.LocationID = "" // some ask the fake to misbehave
		var answer nowcast.Forecast
		err := service.Nowcast(t.Context(), r, &answer)
		service.Nowcasts()
		if err != nil {
			return
		}
		if math.IsInf(answer.Predictions[0].Quantiles.P10, 0) {
			return // the fake adds to what is near the largest number
		}
		if _, err := appendJSON(nil, nowcastAnswer(r, &answer)); err != nil {
			t.Fatal(err)
		}
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
		r, ok := accepted(t, data, func(m *guardyv1.DetectAnomalyRequest) (*anomaly.Request, []domain.Violation) {
			r, shape := anomalyQuestion(m, false)
			return &r, shape
		})
		if !ok {
			return
		}
		r.DeviceID = "x" // some ask the fake to misbehave
		var a anomaly.Answer
		err := service.DetectAnomaly(t.Context(), r, &a)
		service.Anomalies()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := appendJSON(nil, anomalyAnswer(r, &a)); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzBatchJSON holds for arbitrary bytes as a batch in JSON.
func FuzzBatchJSON(f *testing.F) {
	for _, seed := range []string{`{"locations":[` + validJSON + `,null,{"latitude":"x"}]}`, `{"locations":[{}],"x":[]}`, `{"rainfallHistoryMm":[]}`, `[`} {
		f.Add([]byte(seed))
	}
	s, err := New(testConfig(), testDeps(transporttest.NewService(), f))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var in batchRequest
		if err := (jsonCodec{maxItems: transporttest.MaxBatchSize}).Unmarshal(data, &in); err != nil {
			t.Fatal(err)
		}
		if in.malformed() != nil {
			return
		}
		b, err := s.questions(&in, false)
		if err == nil && len(b.asked) != len(in.msg.Locations) {
			t.Fatalf("%d of %d questions are asked", len(b.asked), len(in.msg.Locations))
		}
	})
}
