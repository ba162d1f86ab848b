package anomaly

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/qartod"
)

// answerVersion leads every encoded answer; a change of the layout changes it.
const answerVersion = 1

const (
	answerHead = 1 + 4 + 8 + 2*8 + 1
	// encodedFinding is the size of a finding without its name.
	encodedFinding = 1 + int(NumTests) + 2 + findingFloats*8
	findingFloats  = 6
)

// AnswerMax is the largest size of an encoded answer in bytes.
const AnswerMax = answerHead + MaxVariables*(encodedFinding+MaxNameLength)

// packed holds truths, the first lowest.
func packed(truths ...bool) (b byte) {
	for i, v := range truths {
		if v {
			b |= 1 << i
		}
	}
	return b
}

// AppendBinary appends the compact encoding of a, without what the model itself can say again. It is
// meant for caches keyed by the model's digest.
func (a *Answer) AppendBinary(dst []byte) []byte {
	le := binary.LittleEndian
	dst = append(dst, answerVersion, packed(a.IsAnomaly, a.RequiresMaintenance, a.HighInterest), byte(a.Alarm), byte(a.Severity), byte(a.Quality))
	dst = le.AppendUint64(dst, uint64(a.DetectedAt.UnixMilli()))
	for _, v := range [...]float64{a.Score, a.Confidence} {
		dst = le.AppendUint64(dst, math.Float64bits(v))
	}
	dst = append(dst, byte(a.count))
	for i := range a.Findings() {
		f := &a.findings[i]
		dst = append(dst, byte(len(f.Name)))
		dst = append(dst, f.Name...)
		for _, flag := range f.Flags {
			dst = append(dst, byte(flag))
		}
		dst = append(dst, byte(f.Condition), packed(f.Guarded, f.Novel))
		for _, v := range f.floats() {
			dst = le.AppendUint64(dst, math.Float64bits(*v))
		}
	}
	return dst
}

// floats lists the numbers of a finding in the order of the encoding.
func (f *Finding) floats() [findingFloats]*float64 {
	return [...]*float64{&f.Score, &f.Novelty, &f.Value, &f.Expected, &f.Limit, &f.DurationS}
}

// DecodeAnswer reads what AppendBinary wrote for an answer of the model into a. Bytes that no answer can
// have are ErrEncoding: a cache must never turn garbage into a verdict.
func DecodeAnswer(data []byte, model domain.ModelRef, a *Answer) error {
	if len(data) < answerHead || data[0] != answerVersion {
		return ErrEncoding
	}
	le := binary.LittleEndian
	f64 := func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) }
	out := Answer{DetectedAt: time.UnixMilli(int64(le.Uint64(data[5:]))).UTC(), Model: model}
	v := &out.Verdict
	v.IsAnomaly, v.RequiresMaintenance, v.HighInterest = data[1]&1 != 0, data[1]&2 != 0, data[1]&4 != 0
	v.Alarm, v.Severity, v.Quality = Alarm(data[2]), Severity(data[3]), Quality(data[4])
	v.Score, v.Confidence, v.count = f64(data[13:]), f64(data[21:]), int(data[29])
	if data[1] >= 1<<3 || v.Alarm >= NumAlarms || v.Severity >= NumSeverities || v.Quality >= 1<<numQualities ||
		!share(v.Score) || !share(v.Confidence) || v.IsAnomaly != (v.Score >= Threshold) || v.count > MaxVariables {
		return ErrEncoding
	}
	rest := data[answerHead:]
	for i := range v.Findings() {
		n := 0
		if len(rest) > 0 {
			n = int(rest[0])
		}
		if n < 1 || n > MaxNameLength || len(rest) < n+encodedFinding {
			return ErrEncoding
		}
		f := &v.findings[i]
		f.Name, rest = nameOf("", rest[1:1+n]), rest[1+n:]
		for t := range f.Flags {
			if f.Flags[t] = qartod.Flag(rest[t]); !f.Flags[t].Valid() {
				return ErrEncoding
			}
		}
		rest = rest[NumTests:]
		f.Condition, f.Guarded, f.Novel = Condition(rest[0]), rest[1]&1 != 0, rest[1]&2 != 0
		if f.Condition >= NumConditions || rest[1] >= 1<<2 {
			return ErrEncoding
		}
		rest = rest[2:]
		for _, to := range f.floats() {
			*to, rest = f64(rest), rest[8:]
		}
		if !share(f.Score) || !finite(f.DurationS) || f.Score > v.Score {
			return ErrEncoding
		}
	}
	if len(rest) != 0 {
		return ErrEncoding
	}
	*a = out
	return nil
}

// share reports 0 <= v <= 1; false for NaN.
func share(v float64) bool { return 0 <= v && v <= 1 }
