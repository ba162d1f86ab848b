package cachetest_test

import (
	"testing"

	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/cachetest"
)

func TestFakeKeepsTheContract(t *testing.T) {
	var clock cachetest.Clock
	cachetest.Run(t, func(*testing.T) ports.AnswerCache { return cachetest.NewFake(clock.Now) },
		cachetest.Options{Advance: clock.Advance})
}
