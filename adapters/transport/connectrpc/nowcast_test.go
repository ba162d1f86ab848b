package connectrpc

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	guardyv1 "github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1"
	"github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1/guardyv1connect"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

// validNowcast has the fewest readings that are answered, without a river.
func validNowcast() *guardyv1.NowcastRequest {
	m := &guardyv1.NowcastRequest{Latitude: proto.Float64(45), Longitude: proto.Float64(9)}
	for hour := range 7 {
		m.WeatherSequence = append(m.WeatherSequence, &guardyv1.Reading{
			Timestamp: proto.String(fmt.Sprintf("2026-10-04T%02d:00:00Z", hour)), RainfallMm: proto.Float64(1),
		})
	}
	return m
}

func TestANowcastIsCacheable(t *testing.T) {
	s := serve(t, transporttest.NewService())
	m := validNowcast()
	m.LocationId = proto.String("cached")
	target := s.url + guardyv1connect.PredictionServiceNowcastProcedure + "?" + url.Values{
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

func TestReadingsInBinaryAreReadStrictly(t *testing.T) {
	c := newMessageClient(t, serve(t, transporttest.NewService()).url).prediction
	m := validNowcast()
	m.WeatherSequence[2].Humidity = proto.Float64(math.NaN())
	m.WeatherSequence[3].WaterLevelM = proto.Float64(math.Inf(-1))
	m.WeatherSequence[4].Timestamp = proto.String("2026-10-04T04:00:00")
	_, err := c.Nowcast(t.Context(), m)
	_, problem := problemOf(t, err)
	var got []string
	for _, v := range problem.Violations {
		got = append(got, v.Pointer+" "+v.Code)
	}
	want := []string{
		"/weather_sequence/2/humidity " + domain.CodeNotFinite,
		"/weather_sequence/4/timestamp " + domain.CodeFormat,
		"/weather_sequence/3/water_level_m " + domain.CodeNotFinite, // the domain's, after those of form
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}
