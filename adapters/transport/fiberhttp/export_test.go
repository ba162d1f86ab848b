package fiberhttp

import (
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/guardy-ai/guardy/adapters/contractjson"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports/transporttest"
)

// NewConstant returns a fiber application that does for a flood-risk request what any has to: it decodes the
// request into the same fields and encodes an answer, always the same. It does not validate, score,
// time, shed, trace, count or name the request.
func NewConstant(tb testing.TB) *fiber.App {
	tb.Helper()
	r := risk.NewRequest()
	r.Latitude, r.Longitude, r.RainfallMM = 38.42, -82.45, 62.5
	var a risk.Assessment
	if err := transporttest.NewService().Assess(tb.Context(), &r, &a); err != nil {
		tb.Fatal(err)
	}
	type scratch struct {
		wire contractjson.FloodRisk
		out  []byte
	}
	pool := sync.Pool{New: func() any { return new(scratch) }}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Post(riskPath, func(c *fiber.Ctx) error {
		s := pool.Get().(*scratch)
		defer pool.Put(s)
		s.wire = contractjson.FloodRisk{}
		if err := contractjson.Decode(c.BodyRaw(), &s.wire, contractjson.Options{}); err != nil {
			return err
		}
		s.out = contractjson.AppendAssessment(s.out[:0], &r, &a)
		c.Response().Header.SetContentType(typeJSON)
		c.Response().SetBody(s.out)
		return nil
	})
	return app
}
