package skill

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/svg"
)

// The picture's geometry in SVG units. Both axes are logarithmic, from one in a thousand to
// certainty: on linear axes the bins that hold nearly all cases would share one dot in the corner.
const (
	width, left, right = 640.0, 74.0, 24.0
	top, plot          = 74.0, width - left - right // the diagram is square
	gap, strip         = 46.0, 84.0                 // of the histogram below it
	height             = top + plot + gap + strip + 58
	floor              = 0.001 // the least probability on the axes
)

var ticks = []float64{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1}

// place maps a probability to 0…1 along an axis; what lies below the floor stands on it.
func place(p float64) float64 { return math.Log(max(p, floor)/floor) / math.Log(1/floor) }

// WriteSVG draws the reliability diagram: for each bin the frequency of the event against the mean
// probability, with its 95 % interval, and below it how many cases there were. Dots on the diagonal
// are calibrated.
func (r Report) WriteSVG(w io.Writer, title string) error {
	var b svg.Canvas
	b.Open(width, height, "Reliability of "+title)
	b.Text(left, 28, "start", `font-size="17" font-weight="bold"`, title)
	b.Text(left, 50, "start", `fill="#555"`, fmt.Sprintf("%d cases, %d events · Brier skill %s · ROC-AUC %s · calibration error %s",
		r.Cases, r.Events, r.BrierSkill.text(3), r.ROCAUC.text(3), r.CalibrationError.text(4)))

	bottom := top + plot
	histogram := bottom + gap
	for _, t := range ticks {
		x, y := left+plot*place(t), bottom-plot*place(t)
		b.Printf(`<path d="M%.1f %.1fV%.1fM%.1f %.1fH%.1f" stroke="#e4e4e4" fill="none"/>`, x, top, bottom, left, y, left+plot)
		label := strconv.FormatFloat(100*t, 'g', -1, 64) + " %"
		b.Text(x, bottom+19, "middle", "", label)
		b.Text(left-8, y+4, "end", "", label)
	}
	b.Printf(`<path d="M%.1f %.1fL%.1f %.1f" stroke="#777" stroke-dasharray="6 4"/>`, left, bottom, left+plot, top)
	b.Text(left+plot-8, top+plot-10, "end", `fill="#777"`, "below the diagonal: too much warning")
	b.Text(left+10, top+20, "start", `fill="#777"`, "above the diagonal: too little warning")
	b.Printf(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="none" stroke="#555"/>`, left, top, plot, plot)
	b.Printf(`<text transform="translate(20 %.1f) rotate(-90)" text-anchor="middle">observed frequency of the event</text>`, top+plot/2)

	most := 1.0
	for _, bin := range r.Reliability {
		most = max(most, float64(bin.Cases))
	}
	for _, bin := range r.Reliability {
		x := left + plot*place(float64(bin.MeanProbability))
		y := bottom - plot*place(float64(bin.Frequency))
		b.Printf(`<path d="M%.1f %.1fV%.1f" stroke="#0b5394" stroke-width="2"/>`, x,
			bottom-plot*place(float64(bin.Lower)), bottom-plot*place(float64(bin.Upper)))
		fill := "#0b5394"
		if bin.Events == 0 { // the true place is below the axis
			fill = "#fff"
		}
		b.Printf(`<circle cx="%.1f" cy="%.1f" r="5" fill="%s" stroke="#0b5394" stroke-width="2"/>`, x, y, fill)

		from, to := left+plot*place(bin.From), left+plot*place(bin.To)
		if bin.To <= floor { // the first bin would have no width
			from, to = left-6, left
		}
		h := strip * math.Log10(1+float64(bin.Cases)) / math.Log10(1+most)
		b.Printf(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="#9fc5e8" stroke="#fff"/>`, from, histogram+strip-h, to-from, h)
		count := strconv.Itoa(bin.Cases)
		if room := to - from; room > 9*float64(len(count)) {
			b.Text((from+to)/2, histogram+strip-h-4, "middle", `font-size="11"`, count)
		} else if bin.To <= floor {
			b.Text(left-8, histogram+strip-h+10, "end", `font-size="11"`, count)
		}
	}
	b.Printf(`<path d="M%.1f %.1fH%.1f" stroke="#555"/>`, left-8, histogram+strip, left+plot)
	b.Text(left+plot/2, histogram+strip+22, "middle", "", "forecast probability (bars: cases a bin, logarithmic)")
	b.Text(left+plot/2, histogram+strip+42, "middle", `font-size="11" fill="#777"`,
		"bars on the dots: 95 % interval of the frequency; hollow: no event in the bin; below 0.1 % drawn at 0.1 %")
	b.Close()
	_, err := io.WriteString(w, b.String())
	return err
}

// text renders the figure for people.
func (f Figure) text(decimals int) string {
	if math.IsNaN(float64(f)) {
		return "n/a"
	}
	return strconv.FormatFloat(float64(f), 'f', decimals, 64)
}

// WriteText writes the report as tables.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "cases %d, events %d (base rate %s), mean probability %s\n\n", r.Cases, r.Events, r.BaseRate.text(5), r.MeanProbability.text(5))
	for _, row := range []struct {
		name  string
		value Figure
	}{
		{"ROC-AUC", r.ROCAUC},
		{"average precision", r.AveragePrecision},
		{"Brier score", r.Brier},
		{"Brier skill", r.BrierSkill},
		{"expected calibration error", r.CalibrationError},
	} {
		fmt.Fprintf(&b, "%-28s%9s\n", row.name, row.value.text(5))
	}
	fmt.Fprintf(&b, "\n%-12s%10s%10s%14s%20s%9s%9s%9s\n", "warn from", "hits", "misses", "false alarms", "correct negatives", "POD", "FAR", "CSI")
	for _, v := range r.Warnings {
		fmt.Fprintf(&b, "%-12s%10d%10d%14d%20d%9s%9s%9s\n", v.Level, v.Hits, v.Misses, v.FalseAlarms, v.CorrectNegatives,
			v.POD.text(3), v.FAR.text(3), v.CSI.text(3))
	}
	fmt.Fprintf(&b, "\n%-16s%10s%10s%12s%12s   %s\n", "probability", "cases", "events", "mean", "frequency", "95 % interval")
	for _, v := range r.Reliability {
		fmt.Fprintf(&b, "%-16s%10d%10d%12s%12s   %s–%s\n", fmt.Sprintf("%g–%g", v.From, v.To), v.Cases, v.Events,
			v.MeanProbability.text(5), v.Frequency.text(5), v.Lower.text(5), v.Upper.text(5))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteGroups writes one line for each group, in the order of the names.
func WriteGroups(w io.Writer, groups map[string]Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-24s%10s%10s%10s%10s%10s%12s\n", "group", "cases", "events", "ROC-AUC", "AP", "Brier sk.", "calib. err.")
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		r := groups[name]
		fmt.Fprintf(&b, "%-24s%10d%10d%10s%10s%10s%12s\n", name, r.Cases, r.Events, r.ROCAUC.text(3), r.AveragePrecision.text(3),
			r.BrierSkill.text(3), r.CalibrationError.text(4))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
