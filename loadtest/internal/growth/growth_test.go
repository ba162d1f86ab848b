package growth

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/loadtest/internal/service"
)

func sample(second int, resident, heap, goal float64) (s Sample) {
	s.Time = time.Date(2026, 3, 1, 12, 0, second, 0, time.UTC)
	s.Process.Resident, s.Go.Heap, s.Go.Goal = resident, heap, goal
	s.Go.Allocated, s.Go.GCCycles = float64(second)*1e6, int64(second)
	return s
}

func TestThePictureShowsEveryFigure(t *testing.T) {
	svg, err := Picture([]Sample{sample(0, 40e6, 8e6, 16e6), sample(10, 60e6, 12e6, 24e6), sample(20, 50e6, 10e6, 20e6)})
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(strings.NewReader(string(svg))); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		"resident 50.0 MB, at most 60.0", "heap 10.0 MB, at most 12.0", "heap goal 20.0 MB, at most 24.0",
		`text-anchor="middle">15</text>`, `text-anchor="end">40</text>`, // a mark of each axis
		"20 s from 2026-03-01 12:00:00 UTC; 20 collections, 20 MB allocated",
	} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("%q is missing in\n%s", want, svg)
		}
	}
	if strings.Contains(string(svg), "NaN") || strings.Contains(string(svg), "Inf") {
		t.Errorf("a coordinate is no number:\n%s", svg)
	}
}

func TestOneSampleIsNoPicture(t *testing.T) {
	if _, err := Picture([]Sample{sample(0, 1, 1, 1)}); err == nil {
		t.Error("no error")
	}
	if svg, err := Picture(make([]Sample, 2)); err != nil || strings.Contains(string(svg), "NaN") {
		t.Errorf("nothing but zeros: %v\n%s", err, svg)
	}
}

func TestMarksAreRoundAndFew(t *testing.T) {
	for most, want := range map[float64]float64{1: 0.2, 8: 1, 9: 2, 63e6: 10e6, 3600: 500} {
		if got := step(most); got < want*0.999 || got > want*1.001 {
			t.Errorf("up to %g in steps of %g, want %g", most, got, want)
		}
	}
}

func TestTheServiceIsSampled(t *testing.T) {
	asked := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(sample(3, 5, 6, 7))
		asked <- struct{}{}
	}))
	defer server.Close()
	w := Watch(t.Context(), &service.Service{Admin: server.URL})
	<-asked
	<-asked // so the first is read
	samples, missed := w.End()
	if len(samples) == 0 || missed != nil || samples[0] != sample(3, 5, 6, 7) {
		t.Errorf("%+v, %v", samples, missed)
	}
}

func TestAServiceWithoutAdminListenerIsSaidSo(t *testing.T) {
	asked := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		asked <- struct{}{}
	}))
	defer server.Close()
	w := Watch(context.Background(), &service.Service{Admin: server.URL})
	<-asked
	<-asked
	if samples, missed := w.End(); len(samples) != 0 || missed == nil {
		t.Errorf("%+v, %v", samples, missed)
	}
}
