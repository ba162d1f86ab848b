package connectrpc_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/guardy-ai/guardy/adapters/transport/connectrpc"
	"github.com/guardy-ai/guardy/adapters/transport/connectrpc/gen/guardy/v1/guardyv1connect"
	"github.com/guardy-ai/guardy/adapters/transport/internal/throughput"
	"github.com/guardy-ai/guardy/app"
	"github.com/guardy-ai/guardy/app/config"
)

// serveAll runs the whole service with its defaults over Connect, and returns its address.
func serveAll(b *testing.B, change func(*config.Config)) string {
	b.Helper()
	c := config.Default()
	c.Transports, c.Connect.Addr, c.Admin.Addr = []string{"connect"}, throughput.FreeAddr(b), ""
	change(&c)
	a := app.New(c, app.Build{}, slog.New(slog.DiscardHandler))
	if err := a.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := a.Stop(context.WithoutCancel(b.Context())); err != nil {
			b.Error(err)
		}
	})
	return c.Connect.Addr
}

// BenchmarkLimits compares a unary call of the service as it is shipped, all of it, with the least that any
// service on net/http has to do. Run it with -benchtime 1x: a run is all rounds.
func BenchmarkLimits(b *testing.B) {
	constant := httptest.NewServer(connectrpc.NewConstant(b))
	b.Cleanup(constant.Close)
	bare := serveAll(b, func(c *config.Config) { c.Cache.Kind = "none" })
	cached := serveAll(b, func(*config.Config) {})
	const path = guardyv1connect.PredictionServiceAssessFloodRiskProcedure
	plain := throughput.Request(path, "", throughput.FloodRisk(false))
	targets := []throughput.Target{
		{Name: "constant", Addr: constant.Listener.Addr().String(), Requests: [][]byte{plain}},
		{Name: "uncached", Addr: bare, Requests: [][]byte{plain}},
		{Name: "factors", Addr: bare, Requests: [][]byte{throughput.Request(path, "", throughput.FloodRisk(true))}},
		{Name: "bypass", Addr: cached, Requests: [][]byte{throughput.Request(path, "Cache-Control: no-cache\r\n", throughput.FloodRisk(false))}},
		{Name: "cached", Addr: cached, Requests: [][]byte{plain}},
	}
	for b.Loop() {
		throughput.Report(b, throughput.Standard, targets...)
	}
}
