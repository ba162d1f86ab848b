package risk

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/guardy-ai/guardy/domain"
)

// encodingVersion leads every encoded assessment; a change of the layout changes it. Bits beside it
// say whether doubts and factors follow, so that a truncated answer never passes for one without them.
const (
	encodingVersion = 3
	encodingDoubts  = 1 << 6
	encodingFactors = 1 << 7
)

const (
	encodedHead   = 1 + 4*8 + 4*8 + 8 // version, probability, bounds, confidence, four sets, time
	encodedFactor = 1 + 4 + 4
	// encodedFactorsHead is their number, base, others, intercept and slope.
	encodedFactorsHead = 1 + 4*4
)

// EncodedMax is the largest size of an encoded assessment without doubts, in bytes.
const EncodedMax = encodedHead + encodedFactorsHead + MaxFactors*encodedFactor

// ErrEncoding is returned by Decode for bytes that are not an assessment of this model.
var ErrEncoding = errors.New("not an encoded assessment")

// AppendBinary appends the compact encoding of a: what the model computed, without what the model
// itself can say again (levels, score, names). It is meant for caches keyed by the model's digest.
func (a *Assessment) AppendBinary(dst []byte) []byte {
	le := binary.LittleEndian
	lead := byte(encodingVersion)
	if a.Explained {
		lead |= encodingFactors
	}
	if len(a.Quality.Doubtful) > 0 {
		lead |= encodingDoubts
	}
	dst = append(dst, lead)
	for _, v := range [...]float64{a.Probability, a.Lower, a.Upper, a.Confidence} {
		dst = le.AppendUint64(dst, math.Float64bits(v))
	}
	for _, s := range [...]InputSet{a.Quality.Missing, a.Quality.OutOfDomain, a.Quality.Ignored, a.Derived} {
		dst = le.AppendUint64(dst, uint64(s))
	}
	dst = le.AppendUint64(dst, uint64(a.AssessedAt.UnixMilli()))
	if len(a.Quality.Doubtful) > 0 {
		dst = domain.AppendDoubts(dst, a.Quality.Doubtful)
	}
	if !a.Explained {
		return dst
	}
	dst = append(dst, a.Factors.N)
	for _, v := range [...]float32{a.Factors.Base, a.Factors.Others, a.Factors.Intercept, a.Factors.Slope} {
		dst = le.AppendUint32(dst, math.Float32bits(v))
	}
	for _, f := range a.Factors.List() {
		dst = append(dst, f.Index)
		dst = le.AppendUint32(dst, math.Float32bits(f.Value))
		dst = le.AppendUint32(dst, math.Float32bits(f.Contribution))
	}
	return dst
}

// Decode reads what AppendBinary wrote for an answer of m into a. Bytes that no answer of m can have
// are ErrEncoding: a cache must never turn garbage into a probability.
func (m *Model) Decode(data []byte, a *Assessment) error {
	if len(data) < encodedHead || data[0]&^(encodingDoubts|encodingFactors) != encodingVersion {
		return ErrEncoding
	}
	explained := data[0]&encodingFactors != 0
	le := binary.LittleEndian
	f64 := func(i int) float64 { return math.Float64frombits(le.Uint64(data[1+8*i:])) }
	set := func(i int) InputSet { return InputSet(le.Uint64(data[1+4*8+8*i:])) }
	p, lo, hi, conf := f64(0), f64(1), f64(2), f64(3)
	if !(0 <= lo && lo <= p && p <= hi && hi <= 1 && 0 <= conf && conf <= 1) { // false for NaN, too
		return ErrEncoding
	}
	quality := Quality{Missing: set(0), OutOfDomain: set(1), Ignored: set(2)}
	derived := set(3)
	if (quality.Missing|quality.OutOfDomain|quality.Ignored|derived)>>NumInputs != 0 {
		return ErrEncoding
	}
	at := time.UnixMilli(int64(le.Uint64(data[encodedHead-8:]))).UTC()
	rest := data[encodedHead:]
	if data[0]&encodingDoubts != 0 {
		var ok bool
		if quality.Doubtful, rest, ok = domain.ReadDoubts(rest); !ok || len(quality.Doubtful) == 0 {
			return ErrEncoding
		}
	}
	var factors Factors
	if explained && !m.decodeFactors(rest, &factors) || !explained && len(rest) > 0 {
		return ErrEncoding
	}
	*a = Assessment{
		Probability: p, Lower: lo, Upper: hi, Confidence: conf,
		Quality: quality, Derived: derived, AssessedAt: at, Explained: explained, Factors: factors,
	}
	m.decide(a)
	return nil
}

func (m *Model) decodeFactors(data []byte, f *Factors) bool {
	if len(data) < encodedFactorsHead || int(data[0]) > MaxFactors || len(data) != encodedFactorsHead+int(data[0])*encodedFactor {
		return false
	}
	le := binary.LittleEndian
	f32 := func(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) }
	f.N, f.Base, f.Others, f.Intercept, f.Slope = data[0], f32(data[1:]), f32(data[5:]), f32(data[9:]), f32(data[13:])
	if !finite(f.Base) || !finite(f.Others) || !finite(f.Intercept) || !finite(f.Slope) {
		return false
	}
	for i := range f.List() {
		b := data[encodedFactorsHead+i*encodedFactor:]
		if int(b[0]) >= len(m.features) {
			return false
		}
		f.Top[i] = Factor{Feature: m.features[b[0]].Name, Index: b[0], Value: f32(b[1:]), Contribution: f32(b[5:])}
		if !finite(f.Top[i].Contribution) {
			return false
		}
	}
	return true
}

func finite(v float32) bool { return v-v == 0 }
