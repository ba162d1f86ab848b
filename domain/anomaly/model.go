package anomaly

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/guardy-ai/guardy/domain"
)

// Model is a verified anomaly detector: immutable, safe for concurrent use.
type Model struct {
	spec         Spec
	scope, state []byte
	detector     *Detector
}

// Spec is what a model is made of. NewModel checks it completely.
type Spec struct {
	Ref     domain.ModelRef
	Tunings Tunings
	// Limits replace the defaults of the variables they name, on every device.
	Limits map[string]Limits
	// DeviceLimits replace them on single devices.
	DeviceLimits map[string]map[string]Limits
}

// NewModel checks spec and returns the model.
func NewModel(spec Spec) (*Model, error) {
	detector, err := NewDetector(spec.Tunings, spec.Limits)
	if err != nil {
		return nil, err
	}
	for device, limits := range spec.DeviceLimits {
		for name, l := range limits {
			if err := l.validate(name); err != nil {
				return nil, fmt.Errorf("device %s: %w", device, err)
			}
		}
		detector.setDevice(device, limits)
	}
	// Limits are part of the question, and no part of what was learnt. Maps are printed in the order of
	// their keys.
	limits := sha256.Sum256(fmt.Appendf(nil, "%+v %+v", spec.Limits, spec.DeviceLimits))
	return &Model{
		spec: spec, detector: detector,
		state: fmt.Appendf(nil, "%s\x00anomaly/%d\x00", spec.Ref.Digest, stateVersion),
		scope: fmt.Appendf(nil, "%s\x00anomaly/%d.%d\x00%s", spec.Ref.Digest, stateVersion, answerVersion, limits[:]),
	}, nil
}

// Ref identifies the model.
func (m *Model) Ref() domain.ModelRef { return m.spec.Ref }

// CacheScope returns the bytes that set this model's answers apart from any other model's, and from those
// under other limits. They must not be modified.
func (m *Model) CacheScope() []byte { return m.scope }

// StateScope returns the bytes that set the states of this model apart from any other model's: other
// limits leave what was learnt of a device as it is. They must not be modified.
func (m *Model) StateScope() []byte { return m.state }

// WarmUp lets the model judge a few readings, so that the first client does not pay for cold memory.
func (m *Model) WarmUp() {
	var v Verdict
	var s DeviceState
	for i := range 100 {
		m.detector.StepInto(&v, &s, &Reading{
			Time: time.Unix(int64(3600*i), 0), Values: []Value{{NameRain, 0}, {NameTemperature, float64(i % 7)}, {NameWaterLevel, 1}},
		})
	}
}

// Detector returns the detector for one device, with the limits that are configured for it.
func (m *Model) Detector(deviceID string) *Detector { return m.detector.device(deviceID) }

// Answer is the verdict on a request's reading with its provenance.
type Answer struct {
	Verdict
	DetectedAt time.Time // set by the service; the core has no clock
	Model      domain.ModelRef

	// Provenance describes this serving of the answer.
	Provenance domain.Provenance
}

// Assess answers a request, which must be valid and canonical. A history is replayed into a fresh
// state, which is then s; without one the reading is taken into s as it is, and a zero s is a cold
// start. The same readings give the same answer either way. It sets every field of a but DetectedAt.
func (m *Model) Assess(r *Request, s *DeviceState, a *Answer) {
	d := m.Detector(r.DeviceID)
	if len(r.History) > 0 {
		s.Reset()
		for i := range r.History {
			d.StepInto(&a.Verdict, s, &r.History[i])
		}
	}
	d.StepInto(&a.Verdict, s, &r.Reading)
	a.Model = m.spec.Ref
}
