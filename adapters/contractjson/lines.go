package contractjson

import (
	"context"
	"fmt"
	"sync"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/nowcast"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/ports"
)

// FloodRiskLines answers flood-risk requests, one a line, as the API answers the lines of an NDJSON body. The
// command line uses it without a server. It is safe for concurrent use.
type FloodRiskLines struct {
	to       ports.RiskBatch
	maxBytes int
	how      Asking
	scratch  sync.Pool // *lineScratch
}

// lineScratch is the memory of one run of lines.
type lineScratch struct {
	wire  FloodRisk
	items Items
}

// NewFloodRiskLines returns FloodRiskLines that asks to; a line may have maxBytes.
func NewFloodRiskLines(to ports.RiskBatch, maxBytes int, how Asking) *FloodRiskLines {
	return &FloodRiskLines{to: to, maxBytes: maxBytes, how: how, scratch: sync.Pool{New: func() any { return new(lineScratch) }}}
}

// Append answers lines with one item each, in their order, appended to out with a newline each. first is
// the index of the first; a nil line stands for one that was longer than the limit. It returns out and
// how many could not be answered.
func (l *FloodRiskLines) Append(ctx context.Context, out []byte, lines [][]byte, first int) (_ []byte, failed int) {
	s := l.scratch.Get().(*lineScratch)
	defer l.scratch.Put(s)
	s.items = s.items.Recycled()
	var r risk.Request
	for _, line := range lines {
		var err error
		if line == nil {
			err = lineTooLong(l.maxBytes)
		} else {
			err = s.wire.Question(Decode(line, &s.wire, Options{}), &r, l.how)
		}
		s.items.Add(&r, err)
	}
	s.items.MakeOutcomes()
	l.to.Assess(ctx, s.items.Requests, s.items.Outcomes)
	for i := range lines {
		r, a, err := s.items.result(i)
		if err != nil {
			failed++
		}
		out = append(appendItem(out, first+i, r, a, err, ""), '\n')
	}
	return out, failed
}

// NowcastLines answers nowcast requests, one a line, as the API answers them. The command line uses it
// without a server. It is safe for concurrent use.
type NowcastLines struct {
	to       ports.Nowcaster
	maxBytes int
	// Answered, if set, is told every question with its answer, and must not change them.
	Answered func(r *nowcast.Request, f *nowcast.Forecast)
}

// NewNowcastLines returns NowcastLines that asks to; a line may have maxBytes.
func NewNowcastLines(to ports.Nowcaster, maxBytes int) *NowcastLines {
	return &NowcastLines{to: to, maxBytes: maxBytes}
}

// Append answers lines with one answer each, in their order, appended to out with a newline each. first is
// the index of the first; a nil line stands for one that was longer than the limit. A line that cannot be
// answered has, in its place, an item {"index", "status": "error", "error"} as in a batch. It returns out
// and how many could not be answered.
func (l *NowcastLines) Append(ctx context.Context, out []byte, lines [][]byte, first int) (_ []byte, failed int) {
	return appendLines(ctx, out, lines, first, l.maxBytes, l.append)
}

func (l *NowcastLines) append(ctx context.Context, out, line []byte) ([]byte, error) {
	var w Nowcast
	r, err := w.Question(Decode(line, &w, Options{}), false)
	if err != nil {
		return out, err
	}
	var f nowcast.Forecast
	if err := l.to.Nowcast(ctx, &r, &f); err != nil {
		return out, err
	}
	if l.Answered != nil {
		l.Answered(&r, &f)
	}
	return AppendForecast(out, &r, &f), nil
}

// AnomalyLines answers questions about readings of devices, one a line, as the API answers them. The
// command line uses it without a server. Lines about one device must be given in their order, by one caller
// at a time.
type AnomalyLines struct {
	to       ports.AnomalyDetector
	maxBytes int
}

// NewAnomalyLines returns AnomalyLines that asks to; a line may have maxBytes.
func NewAnomalyLines(to ports.AnomalyDetector, maxBytes int) *AnomalyLines {
	return &AnomalyLines{to, maxBytes}
}

// Append answers lines as NowcastLines.Append does, one after the other.
func (l *AnomalyLines) Append(ctx context.Context, out []byte, lines [][]byte, first int) (_ []byte, failed int) {
	return appendLines(ctx, out, lines, first, l.maxBytes, l.append)
}

func (l *AnomalyLines) append(ctx context.Context, out, line []byte) ([]byte, error) {
	var w Anomaly
	r, err := w.Question(Decode(line, &w, Options{}), false)
	if err != nil {
		return out, err
	}
	var a anomaly.Answer
	if err := l.to.DetectAnomaly(ctx, &r, &a); err != nil {
		return out, err
	}
	return AppendVerdict(out, &r, &a), nil
}

// EvacuationLines answers evacuation requests, one a line, as the API answers them. The command line uses it
// without a server. It is safe for concurrent use.
type EvacuationLines struct {
	to       ports.EvacuationPlanner
	maxBytes int
}

// NewEvacuationLines returns EvacuationLines that asks to; a line may have maxBytes.
func NewEvacuationLines(to ports.EvacuationPlanner, maxBytes int) *EvacuationLines {
	return &EvacuationLines{to: to, maxBytes: maxBytes}
}

// Append answers lines as NowcastLines.Append does.
func (l *EvacuationLines) Append(ctx context.Context, out []byte, lines [][]byte, first int) (_ []byte, failed int) {
	return appendLines(ctx, out, lines, first, l.maxBytes, l.append)
}

func (l *EvacuationLines) append(ctx context.Context, out, line []byte) ([]byte, error) {
	r, err := ReadEvacuation(line)
	if err != nil {
		return out, err
	}
	var a evacuation.Answer
	if err := l.to.PlanEvacuation(ctx, &r, &a); err != nil {
		return out, err
	}
	return AppendEvacuation(out, &r, &a), nil
}

// appendLines is Append of what answers each line by itself.
func appendLines(
	ctx context.Context, out []byte, lines [][]byte, first, maxBytes int, answer func(ctx context.Context, out, line []byte) ([]byte, error),
) (_ []byte, failed int) {
	for i, line := range lines {
		err := lineTooLong(maxBytes)
		if line != nil {
			out, err = answer(ctx, out, line)
		}
		if err != nil {
			failed++
			out = appendItem(out, first+i, nil, nil, err, "")
		}
		out = append(out, '\n')
	}
	return out, failed
}

func lineTooLong(maxBytes int) error {
	return &domain.Error{
		Kind: domain.KindTooLarge, Op: "lines",
		Msg: fmt.Sprintf("the line is larger than the %d bytes that are allowed", maxBytes),
	}
}
