// Package skill scores probabilities and warning levels against what happened, in the words of
// forecast verification (WWRP/WGNE Joint Working Group on Forecast Verification Research). It is
// pure: numbers in, figures out. A figure that is not defined for the data (the POD of a record
// without a flood) is NaN, and null in JSON.
package skill

import (
	"encoding/json"
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain"
)

// Figure is a number that may be undefined.
type Figure float64

// MarshalJSON writes NaN as null: JSON has no NaN.
func (f Figure) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(f)) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(f))
}

// Case is one scored question and what happened.
type Case struct {
	Probability float64
	Level       domain.Level
	Event       bool
}

// Report holds the figures of one set of cases.
type Report struct {
	Cases  int `json:"cases"`
	Events int `json:"events"`
	// BaseRate is the frequency of the event; MeanProbability should come close to it.
	BaseRate        Figure `json:"base_rate"`
	MeanProbability Figure `json:"mean_probability"`
	// ROCAUC is the chance that an event got a higher probability than a non-event; 0.5 is no skill.
	ROCAUC Figure `json:"roc_auc"`
	// AveragePrecision sums precision over the steps of recall; the base rate is no skill.
	AveragePrecision Figure `json:"average_precision"`
	// Brier is the mean squared error of the probability; BrierSkill compares it with always
	// answering the base rate of these cases: 1 is perfect, 0 no better.
	Brier      Figure `json:"brier"`
	BrierSkill Figure `json:"brier_skill"`
	// CalibrationError is the mean distance between probability and frequency over ten bins of equal
	// width, weighted by their cases.
	CalibrationError Figure `json:"expected_calibration_error"`
	// Warnings has a row for each level that could be the one to warn at.
	Warnings []Warning `json:"warnings"`
	// Reliability has a row for each bin of probability that holds a case.
	Reliability []Bin `json:"reliability"`
}

// Warning is the contingency table of "warn when the level is at least Level".
type Warning struct {
	Level            string `json:"level"`
	Hits             int    `json:"hits"`
	Misses           int    `json:"misses"`
	FalseAlarms      int    `json:"false_alarms"`
	CorrectNegatives int    `json:"correct_negatives"`
	// POD is hits/(hits+misses), FAR false alarms/(hits+false alarms), CSI hits/(hits+misses+false
	// alarms).
	POD Figure `json:"pod"`
	FAR Figure `json:"far"`
	CSI Figure `json:"csi"`
}

// Bin is one row of the reliability table.
type Bin struct {
	// From is inside the bin, To outside, except for the last.
	From            float64 `json:"from"`
	To              float64 `json:"to"`
	Cases           int     `json:"cases"`
	Events          int     `json:"events"`
	MeanProbability Figure  `json:"mean_probability"`
	Frequency       Figure  `json:"frequency"`
	// Lower and Upper are the 95 % Wilson interval of the frequency: what chance alone explains.
	Lower Figure `json:"lower"`
	Upper Figure `json:"upper"`
}

// Edges bound the bins of the reliability table. Floods are rare, so the first tenth is divided: most
// answers lie there, and 0.3 % against 3 % is a difference that matters.
var Edges = []float64{0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1}

// Score computes the report. It sorts cases by falling probability.
func Score(cases []Case) Report {
	slices.SortStableFunc(cases, func(a, b Case) int {
		switch {
		case a.Probability > b.Probability:
			return -1
		case a.Probability < b.Probability:
			return 1
		}
		return 0
	})
	r := Report{Cases: len(cases), Warnings: warnings(cases), Reliability: bins(cases, Edges)}
	n := float64(len(cases))
	var sum, squares float64
	for _, c := range cases {
		y := 0.0
		if c.Event {
			r.Events++
			y = 1
		}
		sum += c.Probability
		squares += (c.Probability - y) * (c.Probability - y)
	}
	base := float64(r.Events) / n
	r.BaseRate, r.MeanProbability, r.Brier = Figure(base), Figure(sum/n), Figure(squares/n)
	// The reference has variance base·(1−base): zero, hence undefined skill, when all cases are alike.
	r.BrierSkill = ratio(base*(1-base)-squares/n, base*(1-base))
	r.ROCAUC, r.AveragePrecision = ranking(cases, r.Events)
	r.CalibrationError = calibrationError(cases)
	return r
}

// ranking returns the area under the ROC curve and the average precision. Cases of equal probability
// form one step of both curves, so ties count half in the first and cannot help the second.
func ranking(cases []Case, events int) (auc, precision Figure) {
	var hits, alarms, area, ap float64
	for i := 0; i < len(cases); {
		p, h, a := cases[i].Probability, 0.0, 0.0
		for ; i < len(cases) && cases[i].Probability == p; i++ {
			if cases[i].Event {
				h++
			} else {
				a++
			}
		}
		area += a * (hits + h/2)
		hits, alarms = hits+h, alarms+a
		ap += h * hits / (hits + alarms)
	}
	return ratio(area, float64(events)*float64(len(cases)-events)), ratio(ap, float64(events))
}

func calibrationError(cases []Case) Figure {
	var sum float64
	for _, b := range bins(cases, []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1}) {
		sum += float64(b.Cases) * math.Abs(float64(b.MeanProbability-b.Frequency))
	}
	return ratio(sum, float64(len(cases)))
}

func warnings(cases []Case) []Warning {
	var events, others [domain.NumLevels]int
	for _, c := range cases {
		if c.Event {
			events[c.Level]++
		} else {
			others[c.Level]++
		}
	}
	var out []Warning
	for cut := domain.LevelLow; cut < domain.NumLevels; cut++ {
		w := Warning{Level: cut.String()}
		for l := range domain.NumLevels {
			if l >= cut {
				w.Hits += events[l]
				w.FalseAlarms += others[l]
			} else {
				w.Misses += events[l]
				w.CorrectNegatives += others[l]
			}
		}
		hits, misses, alarms := float64(w.Hits), float64(w.Misses), float64(w.FalseAlarms)
		w.POD, w.FAR, w.CSI = ratio(hits, hits+misses), ratio(alarms, hits+alarms), ratio(hits, hits+misses+alarms)
		out = append(out, w)
	}
	return out
}

// bins sorts cases into the bins between edges and returns those that hold one.
func bins(cases []Case, edges []float64) []Bin {
	all := make([]Bin, len(edges)-1)
	sums := make([]float64, len(all))
	for _, c := range cases {
		i, found := slices.BinarySearch(edges, c.Probability)
		if !found {
			i--
		}
		i = min(max(i, 0), len(all)-1)
		all[i].Cases++
		sums[i] += c.Probability
		if c.Event {
			all[i].Events++
		}
	}
	var out []Bin
	for i, b := range all {
		if b.Cases == 0 {
			continue
		}
		n := float64(b.Cases)
		b.From, b.To = edges[i], edges[i+1]
		b.MeanProbability, b.Frequency = Figure(sums[i]/n), Figure(float64(b.Events)/n)
		b.Lower, b.Upper = wilson(float64(b.Events), n)
		out = append(out, b)
	}
	return out
}

// wilson returns the 95 % score interval of a frequency (Wilson 1927), which behaves when none or all
// of the cases are events.
func wilson(events, n float64) (lower, upper Figure) {
	const z = 1.959963984540054
	p := events / n
	centre := p + z*z/(2*n)
	half := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	scale := 1 + z*z/n
	return Figure(max(0, (centre-half)/scale)), Figure(min(1, (centre+half)/scale))
}

func ratio(a, b float64) Figure {
	if b == 0 {
		return Figure(math.NaN())
	}
	return Figure(a / b)
}
