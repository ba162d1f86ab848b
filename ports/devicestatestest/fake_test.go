package devicestatestest_test

import (
	"testing"

	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/devicestatestest"
)

func TestFakeKeepsTheContract(t *testing.T) {
	devicestatestest.Run(t, func(*testing.T) ports.DeviceStates { return devicestatestest.NewFake() }, devicestatestest.Options{})
}
