package connectrpc

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1/guardyv1connect"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

// protocols are the clients that every test of messages runs over.
var protocols = map[string][]connect.ClientOption{
	"connect":      nil,
	"connect json": {connect.WithProtoJSON()},
	"connect gzip": {connect.WithSendGzip()},
	"grpc":         {connect.WithGRPC()},
	"grpc gzip":    {connect.WithGRPC(), connect.WithSendGzip()},
	"grpc-web":     {connect.WithGRPCWeb()},
}

func TestConformance(t *testing.T) {
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			transporttest.Run(t, func(t *testing.T, service *transporttest.Service) transporttest.Client {
				return newMessageClient(t, serve(t, service).url, options...)
			})
		})
	}
	t.Run("raw json", func(t *testing.T) {
		transporttest.Run(t, func(t *testing.T, service *transporttest.Service) transporttest.Client {
			return rawClient{httpClient(t, true), serve(t, service).url}
		})
	})
}

// messageClient sends messages made from the JSON of the case.
type messageClient struct {
	prediction guardyv1connect.PredictionServiceClient
	models     guardyv1connect.ModelServiceClient
}

func newMessageClient(t testing.TB, url string, options ...connect.ClientOption) messageClient {
	c := httpClient(t, true)
	return messageClient{
		guardyv1connect.NewPredictionServiceClient(c, url, options...),
		guardyv1connect.NewModelServiceClient(c, url, options...),
	}
}

func (messageClient) Encoding() transporttest.Encoding { return transporttest.Binary }

func (c messageClient) Call(ctx context.Context, call transporttest.Call) (transporttest.Reply, error) {
	ctx, info := connect.NewClientContext(ctx)
	if call.Fresh {
		info.RequestHeader().Set("Cache-Control", "no-cache")
	}
	switch call.Method {
	case "AssessFloodRisk":
		return invoke(ctx, call.Body, c.prediction.AssessFloodRisk)
	case "AssessFloodRiskBatch":
		return invoke(ctx, call.Body, c.prediction.AssessFloodRiskBatch)
	case "Nowcast":
		return invoke(ctx, call.Body, c.prediction.Nowcast)
	case "DetectAnomaly":
		return invoke(ctx, call.Body, c.prediction.DetectAnomaly)
	case "PlanEvacuation":
		return invoke(ctx, call.Body, c.prediction.PlanEvacuation)
	case "StreamFloodRisk":
		return c.stream(ctx, call.Lines)
	case "ListModels":
		return invoke(ctx, call.Body, c.models.ListModels)
	case "GetModel":
		return invoke(ctx, call.Body, c.models.GetModel)
	case "GetModelStats":
		return invoke(ctx, call.Body, c.models.GetModelStats)
	case "ReloadModels":
		return invoke(ctx, call.Body, c.models.ReloadModels)
	case "ClearModelCache":
		return invoke(ctx, call.Body, c.models.ClearModelCache)
	}
	return transporttest.Reply{}, fmt.Errorf("no method %s", call.Method)
}

// jsonOf writes a message in the names of the contract. The library writes it, so that the test does not trust the
// code that it tests; NaN, which it writes as a text, stands for what is missing.
func jsonOf(m proto.Message) ([]byte, error) {
	out, err := protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true}.Marshal(m)
	return bytes.ReplaceAll(out, []byte(`"NaN"`), []byte("null")), err
}

func protojsonOf(t testing.TB, m proto.Message) []byte {
	t.Helper()
	out, err := jsonOf(m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func invoke[Req, Res any](ctx context.Context, body []byte, method func(context.Context, *Req) (*Res, error)) (transporttest.Reply, error) {
	in := new(Req)
	if err := strictjson.Decode(body, in, strictjson.Options{}); err != nil {
		return transporttest.Reply{}, err
	}
	out, err := method(ctx, in)
	if err != nil {
		return refusalOf(err)
	}
	m, ok := any(out).(proto.Message)
	if !ok {
		return transporttest.Reply{}, fmt.Errorf("%T is no message", out)
	}
	answer, err := jsonOf(m)
	return transporttest.Reply{Body: answer}, err
}

func (c messageClient) stream(ctx context.Context, lines [][]byte) (transporttest.Reply, error) {
	s, err := c.prediction.StreamFloodRisk(ctx)
	if err != nil {
		return transporttest.Reply{}, err
	}
	defer s.CloseResponse()
	for _, line := range lines {
		in := new(guardyv1.AssessFloodRiskRequest)
		if err := strictjson.Decode(line, in, strictjson.Options{}); err != nil {
			return transporttest.Reply{}, err
		}
		if err := s.Send(in); err != nil {
			return refusalOf(err)
		}
	}
	if err := s.CloseRequest(); err != nil {
		return refusalOf(err)
	}
	var reply transporttest.Reply
	for {
		out, err := s.Receive()
		if errors.Is(err, io.EOF) {
			return reply, nil
		}
		if err != nil {
			return refusalOf(err)
		}
		line, err := jsonOf(out)
		if err != nil {
			return reply, err
		}
		reply.Lines = append(reply.Lines, line)
	}
}

// refusalOf reads an error as the JSON API would write it, and checks that its two details agree.
func refusalOf(err error) (transporttest.Reply, error) {
	var e *connect.Error
	if !errors.As(err, &e) {
		return transporttest.Reply{}, err
	}
	var problem *guardyv1.Problem
	var fields []*errdetails.BadRequest_FieldViolation
	for _, d := range e.Details() {
		m, err := d.Value()
		if err != nil {
			return transporttest.Reply{}, err
		}
		switch m := m.(type) {
		case *guardyv1.Problem:
			problem = m
		case *errdetails.BadRequest:
			fields = m.FieldViolations
		}
	}
	if problem == nil {
		return transporttest.Reply{}, fmt.Errorf("an error without a Problem: %w", err)
	}
	if id := e.Meta().Get("X-Request-Id"); problem.RequestId != "" && problem.RequestId != id {
		return transporttest.Reply{}, fmt.Errorf("the Problem names request %s, the header %s", problem.RequestId, id)
	}
	var same []*errdetails.BadRequest_FieldViolation
	for _, v := range problem.Violations {
		same = append(same, &errdetails.BadRequest_FieldViolation{Field: v.Pointer, Description: v.Detail, Reason: v.Code})
	}
	if !proto.Equal(&errdetails.BadRequest{FieldViolations: same}, &errdetails.BadRequest{FieldViolations: fields}) {
		return transporttest.Reply{}, fmt.Errorf("the details differ: %v and %v", problem, fields)
	}
	refusal, err := jsonOf(&guardyv1.ItemError{Code: problem.Code, Detail: e.Message(), Errors: problem.Violations})
	return transporttest.Reply{Refusal: refusal}, err
}

// rawClient sends the bytes of the case as Connect JSON, without a library.
type rawClient struct {
	http *http.Client
	url  string
}

func (rawClient) Encoding() transporttest.Encoding { return transporttest.JSON }

func (c rawClient) Call(ctx context.Context, call transporttest.Call) (transporttest.Reply, error) {
	service, contentType, body := guardyv1connect.PredictionServiceName, "application/json", call.Body
	if strings.Contains(call.Method, "Model") {
		service = guardyv1connect.ModelServiceName
	}
	streaming := call.Method == "StreamFloodRisk"
	if streaming {
		contentType = "application/connect+json"
		for _, line := range call.Lines {
			body = append(body, envelope(0, line)...)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/"+service+"/"+call.Method, bytes.NewReader(body))
	if err != nil {
		return transporttest.Reply{}, err
	}
	req.Header.Set("Content-Type", contentType)
	if call.Fresh {
		req.Header.Set("Cache-Control", "no-cache")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return transporttest.Reply{}, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return transporttest.Reply{}, err
	case res.StatusCode != http.StatusOK:
		return rawRefusal(answer)
	case !streaming:
		return transporttest.Reply{Body: answer}, nil
	}
	var reply transporttest.Reply
	for _, e := range envelopes(answer) {
		if e.flags == 0 {
			reply.Lines = append(reply.Lines, e.data)
		} else if diff := cmp.Diff("{}", string(e.data)); diff != "" {
			return reply, fmt.Errorf("the stream ended with %s", e.data)
		}
	}
	return reply, nil
}

// rawRefusal reads the JSON that Connect writes for an error.
func rawRefusal(answer []byte) (transporttest.Reply, error) {
	var wire struct {
		Message string
		Details []struct{ Type, Value string }
	}
	if err := json.Unmarshal(answer, &wire); err != nil {
		return transporttest.Reply{}, fmt.Errorf("%w: %s", err, answer)
	}
	for _, d := range wire.Details {
		if d.Type != "guardy.v1.Problem" {
			continue
		}
		var problem guardyv1.Problem
		data, err := base64.RawStdEncoding.DecodeString(d.Value)
		if err == nil {
			err = proto.Unmarshal(data, &problem)
		}
		if err != nil {
			return transporttest.Reply{}, err
		}
		refusal, err := jsonOf(&guardyv1.ItemError{Code: problem.Code, Detail: wire.Message, Errors: problem.Violations})
		return transporttest.Reply{Refusal: refusal}, err
	}
	return transporttest.Reply{}, fmt.Errorf("an error without a Problem: %s", answer)
}

type frame struct {
	flags byte
	data  []byte
}

func envelope(flags byte, data []byte) []byte {
	out := binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(data)))
	return append(out, data...)
}

func envelopes(data []byte) (out []frame) {
	for len(data) >= 5 {
		n := 5 + int(binary.BigEndian.Uint32(data[1:5]))
		if n > len(data) {
			return append(out, frame{0xff, data})
		}
		out = append(out, frame{data[0], data[5:n]})
		data = data[n:]
	}
	return out
}
