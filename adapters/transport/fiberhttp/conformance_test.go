package fiberhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/guardy-ai/guardy/ports/transporttest"
)

func TestConformance(t *testing.T) {
	transporttest.Run(t, func(t *testing.T, s *transporttest.Service) transporttest.Client {
		_, url := start(t, testConfig(), testDeps(s))
		return client{t, url}
	})
}

// client is a transporttest.Client. Every answer is held against the OpenAPI document.
type client struct {
	t   *testing.T
	url string
}

func (client) Encoding() transporttest.Encoding { return transporttest.HTTP }

func (c client) Call(ctx context.Context, call transporttest.Call) (transporttest.Reply, error) {
	method, path, body := http.MethodPost, "/api/v1/predict/flood-risk", call.Body
	header := []string{"Content-Type: application/json"}
	switch call.Method {
	case "AssessFloodRisk":
	case "AssessFloodRiskBatch":
		path = "/api/v1/predict/batch"
	case "Nowcast":
		path = "/api/v1/predict/nowcast"
	case "DetectAnomaly":
		path = "/api/v1/predict/anomaly"
	case "PlanEvacuation":
		path = "/api/v1/predict/evacuation-zones"
	case "StreamFloodRisk":
		path, body, header[0] = "/api/v1/predict/batch", bytes.Join(call.Lines, []byte("\n")), "Content-Type: application/x-ndjson"
	default:
		body = nil
		var of struct{ Name string }
		if err := json.Unmarshal(call.Body, &of); err != nil {
			return transporttest.Reply{}, err
		}
		switch call.Method {
		case "ListModels":
			method, path = http.MethodGet, "/api/v1/models/status"
		case "GetModel":
			method, path = http.MethodGet, "/api/v1/models/"+of.Name+"/metadata"
		case "GetModelStats":
			method, path = http.MethodGet, "/api/v1/models/"+of.Name+"/stats"
		case "ReloadModels":
			path = "/api/v1/models/reload"
			if of.Name != "" {
				path = "/api/v1/models/" + of.Name + "/reload"
			}
		case "ClearModelCache":
			method, path = http.MethodDelete, "/api/v1/models/"+of.Name+"/cache"
		default:
			return transporttest.Reply{}, fmt.Errorf("there is no path for %s", call.Method)
		}
	}
	if call.Fresh {
		header = append(header, "Cache-Control: max-age=0, No-Cache")
	}
	a, err := send(ctx, c.t, method, c.url+path, bytes.NewReader(body), header...)
	if err != nil {
		return transporttest.Reply{}, err
	}
	if a.StatusCode != http.StatusOK {
		a.problem(c.t)
		return transporttest.Reply{Refusal: a.body}, nil
	}
	if call.Lines == nil {
		return transporttest.Reply{Body: a.body}, nil
	}
	var lines [][]byte
	for line := range bytes.Lines(a.body) {
		lines = append(lines, bytes.TrimSuffix(line, []byte("\n")))
	}
	return transporttest.Reply{Lines: lines}, nil
}
