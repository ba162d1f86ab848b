package nowcast

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/guardy-ai/guardy/domain"
)

// encodingVersion leads every encoded forecast; a change of the layout changes it.
const encodingVersion = 2

const (
	encodedHead       = 1 + 1 + 8 + 8 + 4 + 1 + 1 + 1 + 1 + 8 + 2*3 + 2 + 2*int(NumSeries)*int(NumFaults)
	encodedPrediction = 1 + 1 + 4*8 + 5*8
)

// EncodedMax is the largest size of an encoded forecast without doubts, in bytes.
const EncodedMax = encodedHead + MaxHorizon*encodedPrediction

// ErrEncoding is returned by Decode for bytes that are not a forecast.
var ErrEncoding = errors.New("not an encoded forecast")

// AppendBinary appends the compact encoding of f, without what the model itself can say again. It is
// meant for caches keyed by the model's digest.
func (f *Forecast) AppendBinary(dst []byte) []byte {
	le := binary.LittleEndian
	f64 := func(v float64) { dst = le.AppendUint64(dst, math.Float64bits(v)) }
	dst = append(dst, encodingVersion, byte(len(f.Predictions)))
	dst = le.AppendUint64(dst, uint64(f.PredictedAt.UnixMilli()))
	dst = le.AppendUint64(dst, uint64(f.IssuedFor.Unix()))
	dst = le.AppendUint32(dst, uint32(f.SequenceLength))
	dst = append(dst, byte(f.Observed), byte(f.MaxRisk), byte(f.Trend), 0)
	if f.EarlyWarning {
		dst[len(dst)-1] = 1
	}
	f64(f.Coverage)
	for _, s := range [...]InputSet{f.Quality.Missing, f.Quality.OutOfDomain, f.Quality.Ignored} {
		dst = le.AppendUint16(dst, uint16(s))
	}
	dst = le.AppendUint16(dst, uint16(f.Quality.Conditions))
	for _, faults := range f.Quality.Faults {
		for _, n := range faults {
			dst = le.AppendUint16(dst, n)
		}
	}
	for i := range f.Predictions {
		p := &f.Predictions[i]
		dst = append(dst, byte(p.HoursAhead), byte(p.Level))
		for _, v := range [...]float64{
			p.Probability, p.Lower, p.Upper, p.Confidence,
			p.Quantiles.P10, p.Quantiles.P25, p.Quantiles.P50, p.Quantiles.P75, p.Quantiles.P90,
		} {
			f64(v)
		}
	}
	if len(f.Quality.Doubtful) > 0 {
		dst = domain.AppendDoubts(dst, f.Quality.Doubtful)
	}
	return dst
}

// Decode reads what AppendBinary wrote for an answer of the model into f. Bytes that no answer can have
// are ErrEncoding: a cache must never turn garbage into a probability.
func Decode(data []byte, model domain.ModelRef, f *Forecast) error {
	if len(data) < encodedHead || data[0] != encodingVersion {
		return ErrEncoding
	}
	n := int(data[1])
	if n < 1 || n > MaxHorizon || len(data) < encodedHead+n*encodedPrediction {
		return ErrEncoding
	}
	le := binary.LittleEndian
	out := Forecast{
		PredictedAt:    time.UnixMilli(int64(le.Uint64(data[2:]))).UTC(),
		IssuedFor:      time.Unix(int64(le.Uint64(data[10:])), 0).UTC(),
		SequenceLength: int(le.Uint32(data[18:])),
		Observed:       Series(data[22]), MaxRisk: int(data[23]), Trend: Trend(data[24]), EarlyWarning: data[25] == 1,
		Coverage: math.Float64frombits(le.Uint64(data[26:])),
		Quality: Quality{
			Quality: domain.Quality[Input]{
				Missing: InputSet(le.Uint16(data[34:])), OutOfDomain: InputSet(le.Uint16(data[36:])), Ignored: InputSet(le.Uint16(data[38:])),
			},
			Conditions: ConditionSet(le.Uint16(data[40:])),
		},
		Predictions: make([]Prediction, n),
		Model:       model,
	}
	if out.Quality.Conditions>>NumConditions != 0 || out.Observed >= NumSeries || out.MaxRisk >= n || out.Trend >= NumTrends || data[25] > 1 || !within(0, out.Coverage, 1) {
		return ErrEncoding
	}
	rest := data[42:]
	for s := range out.Quality.Faults {
		for i := range out.Quality.Faults[s] {
			out.Quality.Faults[s][i] = le.Uint16(rest)
			rest = rest[2:]
		}
	}
	for i := range out.Predictions {
		f64 := func(k int) float64 { return math.Float64frombits(le.Uint64(rest[2+8*k:])) }
		p := Prediction{
			HoursAhead: int(rest[0]), Level: domain.Level(rest[1]),
			Lower: f64(1), Probability: f64(0), Upper: f64(2), Confidence: f64(3),
			Quantiles: Quantiles{f64(4), f64(5), f64(6), f64(7), f64(8)},
		}
		q := p.Quantiles
		if p.HoursAhead < 1 || p.HoursAhead > MaxHorizon || p.Level >= domain.NumLevels ||
			!within(0, p.Lower, 1) || !within(p.Lower, p.Probability, p.Upper) || !within(0, p.Upper, 1) || !within(0, p.Confidence, 1) ||
			!within(q.P10, q.P25, q.P50) || !within(q.P50, q.P75, q.P90) || math.IsInf(q.P10, 0) || math.IsInf(q.P90, 0) {
			return ErrEncoding
		}
		out.Predictions[i] = p
		rest = rest[encodedPrediction:]
	}
	if len(rest) > 0 {
		var ok bool
		if out.Quality.Doubtful, rest, ok = domain.ReadDoubts(rest); !ok || len(rest) > 0 || len(out.Quality.Doubtful) == 0 {
			return ErrEncoding
		}
	}
	*f = out
	return nil
}

// within reports lo <= v <= hi; false for NaN.
func within(lo, v, hi float64) bool { return lo <= v && v <= hi }
