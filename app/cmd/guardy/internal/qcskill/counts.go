// Package qcskill counts how well flags on sensor series meet labels: the event counts of pyhydroqc,
// the strict F1 of events and episodes, false episodes per thousand readings, and the score of the
// Numenta Anomaly Benchmark.
package qcskill

import "math"

// Counts are sums over series.
type Counts struct {
	// Readings are those that were evaluated.
	Readings int
	// Events and points by the counts of pyhydroqc: labels and detections are widened by one sample on both
	// sides, and every run of either is one event.
	TP, FP, FN                      int
	TruePoints, FalsePoints, Missed int
	// LabelEvents and Hit count labelled events and those met within one sample; Episodes and FalseEpisodes
	// count runs of detections and those that meet no label within one sample.
	LabelEvents, Hit, Episodes, FalseEpisodes int
}

// Add counts one series. The slices are equally long.
func (c *Counts) Add(label, detected []bool) {
	n := len(label)
	c.Readings += n
	l, d := widen(label), widen(detected)
	// A run is split only where one of the two stops exactly when the other starts.
	for i := 0; i < n; {
		if !l[i] && !d[i] {
			i++
			continue
		}
		begin, hasL, hasD := i, l[i], d[i]
		for i++; i < n && (l[i] || d[i]); i++ {
			if l[i-1] && !l[i] && d[i] && !d[i-1] || d[i-1] && !d[i] && l[i] && !l[i-1] {
				break
			}
			hasL, hasD = hasL || l[i], hasD || d[i]
		}
		points := max(1, i-begin-2)
		switch {
		case hasL && hasD:
			c.TP++
			c.TruePoints += points
		case hasD:
			c.FP++
			c.FalsePoints += points
		default:
			c.FN++
			c.Missed += points
		}
	}
	events, hit := runsMeeting(label, d)
	episodes, right := runsMeeting(detected, l)
	c.LabelEvents += events
	c.Hit += hit
	c.Episodes += episodes
	c.FalseEpisodes += episodes - right
}

// Merge adds the counts of other.
func (c *Counts) Merge(other *Counts) {
	c.Readings += other.Readings
	c.TP += other.TP
	c.FP += other.FP
	c.FN += other.FN
	c.TruePoints += other.TruePoints
	c.FalsePoints += other.FalsePoints
	c.Missed += other.Missed
	c.LabelEvents += other.LabelEvents
	c.Hit += other.Hit
	c.Episodes += other.Episodes
	c.FalseEpisodes += other.FalseEpisodes
}

// widen returns b with every true spread to both neighbours.
func widen(b []bool) []bool {
	out := make([]bool, len(b))
	for i, v := range b {
		if v {
			for j := max(0, i-1); j <= min(len(b)-1, i+1); j++ {
				out[j] = true
			}
		}
	}
	return out
}

// runsMeeting counts the runs of b and those in which other is true somewhere.
func runsMeeting(b, other []bool) (runs, meeting int) {
	for i := 0; i < len(b); {
		if !b[i] {
			i++
			continue
		}
		met := false
		for ; i < len(b) && b[i]; i++ {
			met = met || other[i]
		}
		runs++
		if met {
			meeting++
		}
	}
	return runs, meeting
}

func f2(tp, fp, fn int) float64 { return 5 * float64(tp) / float64(max(1, 5*tp+4*fn+fp)) }

// EventF2 weighs every event the same.
func (c *Counts) EventF2() float64 { return f2(c.TP, c.FP, c.FN) }

// PointF2 weighs an event by its length.
func (c *Counts) PointF2() float64 { return f2(c.TruePoints, c.FalsePoints, c.Missed) }

// FalsePerThousand is the number of false episodes per thousand readings.
func (c *Counts) FalsePerThousand() float64 {
	return 1000 * float64(c.FalseEpisodes) / float64(max(1, c.Readings))
}

// StrictF1 is the harmonic mean of event recall and episode precision.
func (c *Counts) StrictF1() float64 {
	recall := float64(c.Hit) / float64(max(1, c.LabelEvents))
	precision := float64(c.Episodes-c.FalseEpisodes) / float64(max(1, c.Episodes))
	if recall+precision == 0 {
		return 0
	}
	return 2 * recall * precision / (recall + precision)
}

// Profile are the weights of the Numenta benchmark.
type Profile struct{ TP, FN, FP float64 }

// Standard is the benchmark's standard profile.
var Standard = Profile{TP: 1, FN: 1, FP: 0.11}

// Probation returns how many of a series' first rows are not scored.
func Probation(rows int) int { return min(rows*15/100, 750) }

// NAB returns the raw score of one series and that of a perfect and a null detector. Windows are runs
// of inWindow.
func NAB(detected, inWindow []bool, p Profile) (score, perfect, null float64) {
	weight := func(y float64) float64 {
		if y > 3 {
			return -1
		}
		return 2/(1+math.Exp(5*y)) - 1
	}
	lastEnd, lastLength := -1, 0
	top := weight(-1)
	for i := 0; i < len(detected); {
		if !inWindow[i] {
			if detected[i] && i >= Probation(len(detected)) {
				if lastEnd < 0 {
					score -= p.FP
				} else {
					score += p.FP * weight(float64(i-lastEnd)/float64(max(1, lastLength-1)))
				}
			}
			i++
			continue
		}
		begin := i
		for i < len(inWindow) && inWindow[i] {
			i++
		}
		lastEnd, lastLength = i-1, i-begin
		perfect += p.TP
		null -= p.FN
		first := begin
		for first < i && !detected[first] {
			first++
		}
		if first == i {
			score -= p.FN
		} else {
			y := -1 + float64(first-begin)/float64(max(1, lastLength))
			score += p.TP * weight(y) / top
		}
	}
	return score, perfect, null
}
