package fiberhttp

import (
	"context"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"pgregory.net/rapid"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/adapters/transport/internal/lazyctx"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

// constant answers the same to everything: what is left is the transport's own work.
type constant struct{ answer risk.Assessment }

func (c *constant) Assess(_ context.Context, _ *risk.Request, a *risk.Assessment) error {
	*a = c.answer
	return nil
}

func (c *constant) Begin(context.Context) (ports.RiskBatch, error) { return constantBatch{c}, nil }

type constantBatch struct{ *constant }

func (constantBatch) Model() domain.ModelRef { return transporttest.Ref }

func (c constantBatch) Assess(_ context.Context, _ []risk.Request, out []risk.Outcome) {
	for i := range out {
		out[i].Assessment = c.answer
	}
}

func benchmarkServer(b testing.TB) *Server {
	r := risk.NewRequest()
	r.Latitude, r.Longitude, r.RainfallMM, r.Explain = 38.42, -82.45, 62.5, true
	var a risk.Assessment
	if err := transporttest.NewService().Assess(b.Context(), &r, &a); err != nil {
		b.Fatal(err)
	}
	a.Probability, a.Score, a.Lower, a.Upper, a.Confidence = 0.0731284192, 41.38219, 0.04182736, 0.1220193, 0.919808
	a.Factors.N = risk.MaxFactors
	for i := range a.Factors.Top {
		a.Factors.Top[i] = risk.Factor{Feature: "rainfall_history_index", Value: 12.37 * float32(i+1), Contribution: 0.7312 / float32(i+1)}
	}
	service := &constant{a}
	d := testDeps(transporttest.NewService())
	d.Risk, d.Batch, d.Recorder = service, service, ports.NopRecorder{}
	s, err := New(DefaultConfig(), d)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

const benchmarkBody = `{"latitude":38.4192,"longitude":-82.4452,"rainfall_mm":41.2,"temperature":17.4,"humidity":88,"location_id":"03206600",` +
	`"location_name":"East Fork Twelvepole Creek","date":"2014-04-29","rainfall_7d_mean":9.8,"rainfall_30d_mean":4.1,` +
	`"rainfall_history_mm":[12.4,0,3.1,0.2,22.8,0,0],"temperature_7d_mean":15.2,"temperature_30d_mean":12.9,` +
	`"river":{"value":1.82,"normal":0.64,"flood_threshold":3.4},"site":{"elevation_m":291.5,"slope_m_per_km":38.4,"area_km2":98.7}}`

func benchmarkHandler(b *testing.B, path, body string, rows int) {
	benchmarkExchange(b, benchmarkServer(b), path, body, rows)
}

// benchmarkExchange calls the handler as fasthttp does, without sockets. rows is reported as rows/s.
func benchmarkExchange(b *testing.B, s *Server, path, body string, rows int) {
	h := s.app.Server().Handler
	var c fasthttp.RequestCtx
	c.Request.Header.SetMethod("POST")
	c.Request.SetRequestURI(path)
	c.Request.Header.SetContentType("application/json")
	c.Request.SetBodyString(body)
	b.ReportAllocs()
	for b.Loop() {
		c.Response.Reset()
		h(&c)
		c.ResetUserValues() // as fasthttp does when the answer has been written
	}
	if c.Response.StatusCode() != 200 {
		b.Fatalf("%d %s", c.Response.StatusCode(), c.Response.Body())
	}
	b.ReportMetric(float64(b.N*rows)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkFloodRisk(b *testing.B) { benchmarkHandler(b, riskPath, benchmarkBody, 1) }

func BenchmarkBatchOf100(b *testing.B) { benchmarkBatch(b, 100) }

// BenchmarkBatchOf500 should cost as much a row as a batch of 100.
func BenchmarkBatchOf500(b *testing.B) { benchmarkBatch(b, 500) }

func benchmarkBatch(b *testing.B, rows int) {
	s := benchmarkServer(b)
	s.deps.Limits.MaxBatchSize = rows
	benchmarkExchange(b, s, batchPath, `{"locations":[`+strings.Repeat(benchmarkBody+",", rows-1)+benchmarkBody+`]}`, rows)
}

// BenchmarkProbe is what fiber, the request id, the context and the recorder cost by themselves.
func BenchmarkProbe(b *testing.B) {
	h := benchmarkServer(b).app.Server().Handler
	var c fasthttp.RequestCtx
	c.Request.SetRequestURI("/livez")
	b.ReportAllocs()
	for b.Loop() {
		c.Response.Reset()
		h(&c)
		c.ResetUserValues() // as fasthttp does when the answer has been written
	}
}

func BenchmarkStream(b *testing.B) {
	s := benchmarkServer(b)
	const lines = 20_000
	body := strings.Repeat(benchmarkBody+"\n", lines)
	b.ReportAllocs()
	for b.Loop() {
		if n := len(answerStream(b, s, strings.NewReader(body), 64<<10)); n != lines {
			b.Fatalf("%d lines", n)
		}
	}
	b.ReportMetric(float64(b.N*lines)/b.Elapsed().Seconds(), "rows/s")
}

// deadlines is a connection of which only the deadlines are used.
type deadlines struct{ net.Conn }

func (deadlines) SetReadDeadline(time.Time) error  { return nil }
func (deadlines) SetWriteDeadline(time.Time) error { return nil }

func TestOneRequestAllocatesLittle(t *testing.T) {
	h := benchmarkServer(t).app.Server().Handler
	var c fasthttp.RequestCtx
	c.Request.Header.SetMethod("POST")
	c.Request.SetRequestURI(riskPath)
	c.Request.Header.SetContentType("application/json")
	c.Request.SetBodyString(good)
	allocs := testing.AllocsPerRun(100, func() {
		c.Response.Reset()
		h(&c)
		c.ResetUserValues() // as fasthttp does when the answer has been written
	})
	if allocs > 8 && !raceEnabled { // the context with its deadline takes four
		t.Errorf("%v allocations", allocs)
	}
}

// pieces gives out a text in pieces of the given sizes, over and over.
type pieces struct {
	text  string
	sizes []int
	n     int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.text == "" {
		return 0, io.EOF
	}
	n := min(len(b), p.sizes[p.n%len(p.sizes)], len(p.text))
	p.n++
	copy(b, p.text[:n])
	p.text = p.text[n:]
	return n, nil
}

// answerStream runs a stream by itself and returns its lines.
func answerStream(t testing.TB, s *Server, from io.Reader, limit int) []string {
	x := exchanges.Get().(*exchange)
	x.RequestCtx, x.server, x.route, x.traced = new(fasthttp.RequestCtx), s, &unmatched, s.base
	x.ctx = lazyctx.WithDeadline(s.base, time.Now().Add(time.Minute))
	if err := x.stream.Open(t.Context(), s.flights, x, netip.Prefix{}); err != nil {
		t.Fatal(err)
	}
	to, err := s.deps.Batch.Begin(s.base)
	if err != nil {
		t.Fatal(err)
	}
	st := &stream{x: x, from: from, conn: deadlines{}, limit: limit, answers: contractjson.NewFloodRiskLines(to, limit, contractjson.Asking{Now: time.Now}), shares: make([][]byte, 2)}
	out, err := io.ReadAll(struct{ io.Reader }{st})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	return slices.Collect(strings.Lines(string(out)))
}

func TestStreamDoesNotDependOnHowItsBytesArrive(t *testing.T) {
	d := testDeps(transporttest.NewService())
	d.Recorder = ports.NopRecorder{}
	s, err := New(testConfig(), d)
	if err != nil {
		t.Fatal(err)
	}
	const limit = 120
	rapid.Check(t, func(rt *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{
			good, good, "", " ", "{", `{"latitude":1}`, strings.Repeat("x", limit), strings.Repeat("x", limit+1), strings.Repeat("y", 3*limit), good + "\r",
		}), 0, 700).Draw(rt, "lines")
		sizes := rapid.SliceOfN(rapid.IntRange(1, 5000), 1, 5).Draw(rt, "sizes")
		text := strings.Join(lines, "\n")
		got := answerStream(t, s, &pieces{text: text, sizes: sizes}, limit)
		i := 0
		for _, line := range lines {
			if strings.TrimSpace(line) == "" {
				continue
			}
			if i == len(got) {
				rt.Fatalf("%d answers, more are due", len(got))
			}
			want := `"code":"malformed"`
			switch {
			case strings.HasPrefix(line, good):
				want = `"status":"ok"`
			case len(line) > limit:
				want = `"code":"too_large"`
			case strings.HasPrefix(line, `{"l`):
				want = `"code":"invalid"`
			}
			if !strings.HasPrefix(got[i], `{"index":`+strconv.Itoa(i)+",") || !strings.Contains(got[i], want) {
				rt.Fatalf("line %d, %.60s: %s", i, line, got[i])
			}
			i++
		}
		if i != len(got) {
			rt.Fatalf("%d answers, want %d", len(got), i)
		}
	})
}
