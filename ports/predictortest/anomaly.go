package predictortest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/ports"
)

// RunAnomalyDetector holds detectors to the contract of ports.AnomalyDetector: one, or several replicas that
// share what they know of devices and answer in turn. open returns them knowing no device.
func RunAnomalyDetector(t *testing.T, open func(t *testing.T) []ports.AnomalyDetector) {
	t.Helper()
	t.Run("a history and a kept state give the same verdict", func(t *testing.T) { replayed(t, open(t)) })
	t.Run("devices do not know of each other", func(t *testing.T) { apart(t, open(t)) })
	t.Run("what cannot be asked is refused, and leaves nothing behind", func(t *testing.T) { refusedReadings(t, open(t)) })
	t.Run("an ended context is an error of its kind", func(t *testing.T) { endedReadings(t, open(t)) })
}

// RandomReadings is a self-made record of n hourly readings of a station at a river, long past, with
// faults, delays and a rain gauge that is not always there.
func RandomReadings(rng *rand.Rand, n int) []anomaly.Reading {
	begin := time.Date(2020, 3, 1, 0, 0, 0, 0, time.UTC)
	out := make([]anomaly.Reading, n)
	level := 1.0
	for i := range out {
		day := math.Sin(2 * math.Pi * float64(i) / 24)
		level += 0.01 * rng.NormFloat64()
		values := []anomaly.Value{
			{Name: anomaly.NameRain, Value: 0},
			{Name: anomaly.NameTemperature, Value: math.Round(10*(12+6*day+0.3*rng.NormFloat64())) / 10},
			{Name: anomaly.NameHumidity, Value: math.Round(75 - 15*day + 1.5*rng.NormFloat64())},
			{Name: anomaly.NameWaterLevel, Value: math.Round(1000*level) / 1000},
			{Name: "turbidity", Value: math.Round(20 + rng.NormFloat64())},
		}
		if rng.IntN(12) == 0 {
			values[rng.IntN(len(values))].Value = []float64{-9999, math.NaN(), 1e308, 400, 0, 55}[rng.IntN(6)]
		}
		out[i] = anomaly.Reading{Time: begin.Add(time.Duration(i) * time.Hour), Values: values[rng.IntN(2):]}
		if i > 0 && rng.IntN(20) == 0 {
			out[i].Time = out[i].Time.Add(20 * time.Minute)
		}
	}
	return out
}

// Asked is a question that shares no memory with the readings.
func Asked(device string, r anomaly.Reading, history ...anomaly.Reading) *anomaly.Request {
	clone := func(r anomaly.Reading) anomaly.Reading {
		r.Values = append([]anomaly.Value(nil), r.Values...)
		return r
	}
	out := anomaly.NewRequest()
	out.DeviceID, out.Reading = device, clone(r)
	for _, h := range history {
		out.History = append(out.History, clone(h))
	}
	return &out
}

// Verdict is everything that an answer says but when and from where it came, to be compared.
func Verdict(a *anomaly.Answer) string {
	b := *a
	b.DetectedAt = time.Time{}
	return b.Model.Digest + string(b.AppendBinary(nil))
}

// Describe is the same for people.
func Describe(a *anomaly.Answer) string {
	return fmt.Sprintf("%.3f %s %s %q %v", a.Score, a.Severity, a.Alarm, a.Explanation(), a.Quality.Names())
}

// Detect asks a question that must be answered.
func Detect(t testing.TB, s ports.AnomalyDetector, r *anomaly.Request) *anomaly.Answer {
	t.Helper()
	a := heldAnomaly() // must not show
	if err := s.DetectAnomaly(t.Context(), r, &a); err != nil {
		t.Fatal(err)
	}
	return &a
}

// heldAnomaly is an answer that an earlier question left behind.
func heldAnomaly() anomaly.Answer {
	a := anomaly.Answer{DetectedAt: time.Unix(1, 0)}
	a.IsAnomaly, a.Score, a.Quality = true, 2, anomaly.QualityFuture
	a.AddFinding(anomaly.Finding{Name: "held", Score: 2})
	return a
}

func replayed(t *testing.T, replicas []ports.AnomalyDetector) {
	rng := rand.New(rand.NewPCG(1, 2))
	anomalies := 0
	for device := range 2 {
		id := fmt.Sprintf("replayed-%d", device)
		record := RandomReadings(rng, 150)
		for i, r := range record {
			kept := Detect(t, replicas[i%len(replicas)], Asked(id, r))
			if cold := kept.Quality&anomaly.QualityNoState != 0; cold != (i == 0) {
				t.Fatalf("reading %d: %v", i, kept.Quality.Names())
			}
			if i%20 == 3 { // sensors send again
				again := Detect(t, replicas[(i+1)%len(replicas)], Asked(id, r))
				if again.Quality&anomaly.QualityOutOfOrder == 0 {
					t.Fatalf("reading %d, sent again: %v", i, again.Quality.Names())
				}
			}
			if i < 60 && i%10 != 1 { // to replay everything each time takes long
				continue
			}
			history := slices.Clone(record[:i])
			rng.Shuffle(len(history), func(i, j int) { history[i], history[j] = history[j], history[i] })
			replayed := Detect(t, replicas[(i+1)%len(replicas)], Asked(id, r, history...))
			if Verdict(kept) != Verdict(replayed) {
				t.Fatalf("reading %d\nkept     %s\nreplayed %s", i, Describe(kept), Describe(replayed))
			}
			if kept.DetectedAt.IsZero() || kept.Model.Name != domain.AnomalyDetector || kept.Model.Digest == "" {
				t.Fatalf("the answer is incomplete: %+v by %+v", kept.DetectedAt, kept.Model)
			}
			if kept.IsAnomaly {
				anomalies++
			}
		}
	}
	if anomalies < 10 {
		t.Errorf("only %d anomalies: the record proves nothing", anomalies)
	}
}

func apart(t *testing.T, replicas []ports.AnomalyDetector) {
	s := replicas[0]
	record := RandomReadings(rand.New(rand.NewPCG(3, 4)), 30)
	for _, r := range record {
		one, other := Detect(t, s, Asked("one", r)), Detect(t, s, Asked("other", r))
		if Verdict(one) != Verdict(other) {
			t.Fatalf("one   %s\nother %s", Describe(one), Describe(other))
		}
	}
}

func refusedReadings(t *testing.T, replicas []ports.AnomalyDetector) {
	s := replicas[0]
	record := RandomReadings(rand.New(rand.NewPCG(5, 6)), 2)
	for name, spoil := range map[string]func(r *anomaly.Request){
		"no device":   func(r *anomaly.Request) { r.DeviceID = "" },
		"no time":     func(r *anomaly.Request) { r.Reading.Time = time.Time{} },
		"no value":    func(r *anomaly.Request) { r.Reading.Values = nil },
		"infinity":    func(r *anomaly.Request) { r.Reading.Values[0].Value = math.Inf(1) },
		"bad history": func(r *anomaly.Request) { r.History = []anomaly.Reading{{}} },
		"one time":    func(r *anomaly.Request) { r.History = []anomaly.Reading{r.Reading} },
	} {
		r := Asked("refused", record[0])
		spoil(r)
		a := heldAnomaly()
		if err := s.DetectAnomaly(t.Context(), r, &a); domain.KindOf(err) != domain.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
		emptied(t, a)
	}
	if a := Detect(t, s, Asked("refused", record[1])); a.Quality&anomaly.QualityNoState == 0 {
		t.Errorf("the device is known: %v", a.Quality.Names())
	}
}

func endedReadings(t *testing.T, replicas []ports.AnomalyDetector) {
	record := RandomReadings(rand.New(rand.NewPCG(7, 8)), 2)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	for _, r := range []*anomaly.Request{Asked("ended", record[0]), Asked("ended", record[1], record[0])} {
		a := heldAnomaly()
		if err := replicas[0].DetectAnomaly(gone, r, &a); domain.KindOf(err) != domain.KindCanceled {
			t.Errorf("a caller who gave up: %v", err)
		}
		emptied(t, a)
		a = heldAnomaly()
		if err := replicas[0].DetectAnomaly(late, r, &a); domain.KindOf(err) != domain.KindDeadline {
			t.Errorf("a deadline in the past: %v", err)
		}
		emptied(t, a)
	}
}
