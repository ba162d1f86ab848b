package anomaly

import (
	"fmt"
	"time"

	"github.com/guardy-ai/guardy/domain"
)

// Model is a verified anomaly detector: immutable, safe for concurrent use.
type Model struct {
	ref      domain.ModelRef
	scope    []byte
	detector *Detector
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
	return &Model{
		ref: spec.Ref, detector: detector,
		scope: fmt.Appendf(nil, "%s\x00anomaly/%d\x00", spec.Ref.Digest, stateVersion),
	}, nil
}

// Ref identifies the model.
func (m *Model) Ref() domain.ModelRef { return m.ref }

// CacheScope returns the bytes that set this model's answers and states apart from any other model's.
// They must not be modified.
func (m *Model) CacheScope() []byte { return m.scope }

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
		*s = DeviceState{variables: s.variables[:0]}
		for i := range r.History {
			d.step(&a.Verdict, s, &r.History[i], true)
		}
	}
	d.StepInto(&a.Verdict, s, &r.Reading)
	a.Model = m.ref
}
