package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Only the limit can collect garbage here: without it GOGC=off would let the heap grow to all that is ever
// allocated. Batches of more than a thousand are used, since the memory of smaller ones is kept for the next.
func TestTheMemoryLimitOfTheEnvironmentIsKept(t *testing.T) {
	const (
		limit   = 80 << 20
		batches = 24
		size    = 1500
	)
	service := newShell(t, t.TempDir())
	service.environ = append(service.environ, "GOGC=off", "GOMEMLIMIT=80MiB", fmt.Sprintf("MAX_BATCH_SIZE=%d", size))
	service.serve(t, "guardy serve")

	var first [batches][sha256.Size]byte
	for _, cacheControl := range []string{"", "no-cache"} { // the first fills the cache
		for i := range batches {
			answers := sha256.Sum256(askBatch(t, service, cacheControl, i*size, size))
			if cacheControl == "" {
				first[i] = answers
			} else if answers != first[i] {
				t.Errorf("batch %d has other answers when it is computed again", i)
			}
			if held := memoryOf(t, service).Memory; held > limit+limit/10 { // the runtime calls its limit soft
				t.Fatalf("after batch %d Go holds %d bytes, %d more than the limit", i, held, held-limit)
			}
		}
	}
	if v := memoryOf(t, service); v.Limit != limit || v.Allocated < 3*limit {
		t.Errorf("%+v: the limit was not what kept the memory down", v)
	}
}

// askBatch asks for size places with rain and temperatures of their own and returns the predictions without
// their times.
func askBatch(t *testing.T, service *shell, cacheControl string, from, size int) []byte {
	t.Helper()
	places := make([]string, size)
	for i := range places {
		n := from + i
		places[i] = fmt.Sprintf(`{"latitude":45.17,"longitude":-69.31,"date":"2026-04-02","rainfall_mm":%.1f,"temperature":%.1f}`,
			float64(n%2000)/10, float64(n/2000)/10-10)
	}
	body := strings.NewReader(`{"locations":[` + strings.Join(places, ",") + `]}`)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		service.ports.Replace("http://127.0.0.1:8000/api/v1/predict/batch"), body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Cache-Control", cacheControl)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || !bytes.Contains(got, fmt.Appendf(nil, `"successful":%d,`, size)) {
		t.Fatalf("status %d, %v: %.300s", answer.StatusCode, err, got)
	}
	predictions, _, _ := bytes.Cut(got, []byte(`"total_locations"`))
	return predictedAt.ReplaceAll(predictions, nil)
}

type memoryView struct {
	Memory    uint64 `json:"memory_bytes"`
	Limit     uint64 `json:"memory_limit_bytes"`
	Allocated uint64 `json:"allocated_bytes"`
}

func memoryOf(t *testing.T, service *shell) memoryView {
	t.Helper()
	answer, err := http.Get(service.ports.Replace("http://127.0.0.1:9464/runtime"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var v struct {
		Go memoryView `json:"go"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v.Go
}
