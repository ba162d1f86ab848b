package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
)

func TestASignalDuringTheStartIsAnOrderlyStop(t *testing.T) {
	ctx, signal := context.WithCancel(t.Context())
	signal()
	var log bytes.Buffer
	environ := []string{"PORT=0", "GUARDY_CONNECT_ADDR=127.0.0.1:0", "GUARDY_ADMIN_ADDR=127.0.0.1:0"}
	if code := run(ctx, []string{"serve"}, stdio{nil, io.Discard, &log, environ}); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(log.String(), `"msg":"stopped"`) {
		t.Errorf("the log does not say that it stopped:\n%s", log.String())
	}
}
