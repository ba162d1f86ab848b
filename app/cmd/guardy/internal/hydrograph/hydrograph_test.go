package hydrograph_test

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/hydrograph"
	"github.com/guardy-ai/guardy/domain/nowcast"
)

// asked is a nowcast issued at an hour, of a river that rises by itself.
func asked(hour int, threshold float64) hydrograph.Nowcast {
	n := hydrograph.Nowcast{Request: nowcast.NewRequest()}
	n.Request.FloodThreshold = threshold
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range hour + 1 {
		v := nowcast.MissingReading()
		v.Time, v.RainfallMM, v.WaterLevelM = start.Add(time.Duration(i)*time.Hour), float64(i%3), float64(i)/10
		n.Request.Readings = append(n.Request.Readings, v)
	}
	now := float64(hour) / 10
	n.Forecast = nowcast.Forecast{IssuedFor: start.Add(time.Duration(hour) * time.Hour), Observed: nowcast.SeriesWaterLevel}
	for _, h := range []int{6, 1} {
		n.Forecast.Predictions = append(n.Forecast.Predictions, nowcast.Prediction{
			HoursAhead: h, Probability: 0.5, Quantiles: nowcast.Quantiles{P10: now, P25: now + .1, P50: now + .2, P75: now + .3, P90: now + .4},
		})
	}
	return n
}

func draw(t *testing.T, ns ...hydrograph.Nowcast) string {
	t.Helper()
	var b strings.Builder
	if err := hydrograph.WriteSVG(&b, `a <river> & "gauge"`, ns); err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(strings.NewReader(b.String()))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("not XML: %v", err)
		}
	}
	if strings.Contains(b.String(), "NaN") || strings.Contains(b.String(), "Inf") {
		t.Fatalf("a number that is none: %s", b.String())
	}
	return b.String()
}

func TestAFanBeginsWhereTheOneBeforeItEnded(t *testing.T) {
	var ns []hydrograph.Nowcast
	for hour := 30; hour >= 12; hour-- { // in any order
		ns = append(ns, asked(hour, 2))
	}
	if dots := strings.Count(draw(t, ns...), "<circle"); dots != 4 { // at 12, 18, 24 and 30 h
		t.Errorf("%d fans, want 4", dots)
	}
}

func TestWhatIsNotKnownIsNotDrawn(t *testing.T) {
	if svg := draw(t, asked(12, math.NaN())); strings.Contains(svg, "flood threshold") {
		t.Error("a threshold was drawn that nobody gave")
	}
	if svg := draw(t, asked(12, 1)); !strings.Contains(svg, "flood threshold 1 m") {
		t.Error("the threshold is missing")
	}
	flat := asked(8, math.NaN())
	for i := range flat.Request.Readings {
		flat.Request.Readings[i].WaterLevelM = 0
	}
	for i := range flat.Forecast.Predictions {
		flat.Forecast.Predictions[i].Quantiles = nowcast.Quantiles{}
	}
	draw(t, flat)
}

func TestRainAloneIsNoPicture(t *testing.T) {
	n := asked(12, 1)
	n.Forecast.Observed = nowcast.SeriesRainfall
	if err := hydrograph.WriteSVG(io.Discard, "", []hydrograph.Nowcast{n}); err == nil {
		t.Error("drawn without a river")
	}
}
