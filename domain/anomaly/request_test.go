package anomaly_test

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/qartod"
)

func validRequest() anomaly.Request {
	r := anomaly.NewRequest()
	r.DeviceID = "gauge-7"
	r.Reading = anomaly.Reading{Time: epoch, Values: []anomaly.Value{{Name: anomaly.NameTemperature, Value: -9999}}}
	return r
}

// TestValidate: what a sensor says is never refused, what nobody can mean is.
func TestValidate(t *testing.T) {
	r := validRequest()
	if vs := r.Validate(); vs != nil {
		t.Fatal(vs)
	}
	for _, c := range []struct {
		pointer, code string
		spoil         func(r *anomaly.Request)
	}{
		{"/device_id", domain.CodeRequired, func(r *anomaly.Request) { r.DeviceID = "" }},
		{"/timestamp", domain.CodeRequired, func(r *anomaly.Request) { r.Reading.Time = time.Time{} }},
		{"/timestamp", domain.CodeRange, func(r *anomaly.Request) { r.Reading.Time = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"", domain.CodeRequired, func(r *anomaly.Request) { r.Reading.Values[0].Value = nan }},
		{"/temperature", domain.CodeNotFinite, func(r *anomaly.Request) { r.Reading.Values[0].Value = math.Inf(1) }},
		{"/measurements", domain.CodeSize, func(r *anomaly.Request) {
			r.Reading.Values = append(r.Reading.Values, make([]anomaly.Value, anomaly.MaxVariables)...)
		}},
		{"/measurements/turbidity", domain.CodeDuplicate, func(r *anomaly.Request) {
			r.Reading.Values = append(r.Reading.Values, anomaly.Value{Name: "turbidity"}, anomaly.Value{Name: "turbidity"})
		}},
		{"/measurements/temperature", domain.CodeDuplicate, func(r *anomaly.Request) {
			r.Reading.Values = append(r.Reading.Values, r.Reading.Values[0])
		}},
		{"/measurements/a~1b~0", domain.CodeNotFinite, func(r *anomaly.Request) {
			r.Reading.Values = append(r.Reading.Values, anomaly.Value{Name: "a/b~", Value: math.Inf(-1)})
		}},
		{"/history", domain.CodeSize, func(r *anomaly.Request) { r.History = make([]anomaly.Reading, anomaly.MaxHistory+1) }},
		{"/history/1/timestamp", domain.CodeRequired, func(r *anomaly.Request) {
			r.History = []anomaly.Reading{r.Reading, {}}
		}},
		{"/history", domain.CodeInconsistent, func(r *anomaly.Request) { r.History = make([]anomaly.Reading, 500) }},
	} {
		r := validRequest()
		c.spoil(&r)
		found := false
		for _, v := range r.Validate() {
			found = found || v.Pointer == c.pointer && v.Code == c.code
		}
		if !found {
			t.Errorf("%q %s was not reported: %v", c.pointer, c.code, r.Validate())
		}
	}
}

// TestCanonical: equal questions have equal bytes, and everything that changes the answer changes them.
func TestCanonical(t *testing.T) {
	canonical := func(change func(r *anomaly.Request)) []byte {
		r := validRequest()
		r.History = []anomaly.Reading{{Time: epoch.Add(-time.Hour), Values: []anomaly.Value{{Name: "turbidity", Value: 1}}}}
		change(&r)
		r.Canonicalize()
		return r.AppendCanonical(nil)
	}
	base := canonical(func(*anomaly.Request) {})
	same := canonical(func(r *anomaly.Request) {
		r.Reading.Time = r.Reading.Time.In(time.FixedZone("x", 3600)).Add(time.Microsecond)
		r.LocationName = "elsewhere"
	})
	if !bytes.Equal(base, same) {
		t.Error("the zone or the name of the place changed the key")
	}
	for name, change := range map[string]func(r *anomaly.Request){
		"device": func(r *anomaly.Request) { r.DeviceID = "gauge-8" },
		"time":   func(r *anomaly.Request) { r.Reading.Time = r.Reading.Time.Add(time.Second) },
		"value":  func(r *anomaly.Request) { r.Reading.Values[0].Value = 3 },
		"name":   func(r *anomaly.Request) { r.Reading.Values[0].Name = "temperaturf" },
		"past":   func(r *anomaly.Request) { r.History[0].Values[0].Value = 2 },
	} {
		if bytes.Equal(base, canonical(change)) {
			t.Errorf("%s does not change the key", name)
		}
	}
}

// TestModelAnswersAlike: a history in the request and a kept state give the same answer, and the limits of
// a device are its own.
func TestModelAnswersAlike(t *testing.T) {
	m, err := anomaly.NewModel(anomaly.Spec{
		Ref: domain.ModelRef{Name: domain.AnomalyDetector, Version: "1.0.0", Digest: "sha256:0"}, Tunings: anomaly.DefaultTunings(),
		DeviceLimits: map[string]map[string]anomaly.Limits{
			"greenhouse": {anomaly.NameTemperature: {
				Kind: anomaly.KindTemperature, Range: qartod.GrossRange{Fail: qartod.Span{Min: 5, Max: 45}},
			}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	rs := station(300)
	*at(&rs[299], anomaly.NameTemperature) = 40
	var kept, used anomaly.DeviceState
	var a, b anomaly.Answer
	for _, reading := range rs {
		r := anomaly.Request{DeviceID: "gauge-7", Reading: reading}
		m.Assess(&r, &kept, &a)
	}
	for range 2 { // a used state must not show
		r := anomaly.Request{DeviceID: "gauge-7", Reading: rs[299], History: rs[:299]}
		m.Assess(&r, &used, &b)
	}
	if a.Score != b.Score || a.Explanation() != b.Explanation() || !a.IsAnomaly || b.Model != m.Ref() {
		t.Errorf("kept %v %q, replayed %v %q", a.Score, a.Explanation(), b.Score, b.Explanation())
	}
	if !bytes.Equal(kept.AppendBinary(nil), used.AppendBinary(nil)) {
		t.Error("the states differ")
	}
	for device, want := range map[string]bool{"gauge-7": false, "greenhouse": true} {
		r := anomaly.Request{DeviceID: device, Reading: anomaly.Reading{
			Time: epoch, Values: []anomaly.Value{{Name: anomaly.NameTemperature, Value: 2}},
		}}
		m.Assess(&r, new(anomaly.DeviceState), &a)
		if a.IsAnomaly != want {
			t.Errorf("%s: anomaly %v at 2 °C", device, a.IsAnomaly)
		}
	}
}

func TestFindingsBeyondTheBoundAreDropped(t *testing.T) {
	var v anomaly.Verdict
	for range anomaly.MaxVariables + 1 {
		v.AddFinding(anomaly.Finding{Name: "x"})
	}
	if n := len(v.Findings()); n != anomaly.MaxVariables {
		t.Errorf("%d findings", n)
	}
}
