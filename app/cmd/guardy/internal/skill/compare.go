package skill

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/guardy-ai/guardy/domain"
)

// Pair is one question that two models answered, and what happened.
type Pair struct {
	Place         string
	Line          int // of the question in its file
	Before, After Answer
	Event         bool
}

// Answer is what one model said.
type Answer struct {
	Probability float64
	Level       domain.Level
}

// Comparison says who moved between two models, and whether it was better. Differences are after less before.
type Comparison struct {
	Cases  int `json:"cases"`
	Events int `json:"events"`
	Places int `json:"places"`

	Before Summary `json:"before"`
	After  Summary `json:"after"`
	// BrierChange is negative where the probabilities became better.
	BrierChange Change `json:"brier_change"`
	// Moves has a row for each pair of levels that cases moved between.
	Moves []Move `json:"moves"`
	// Warnings has a row for each level that could be the one to warn at.
	Warnings []WarningChange `json:"warnings"`
	// Movers are the places whose Brier score changed most, the greatest change first.
	Movers []Mover `json:"movers"`
}

// Summary holds the figures of one of the models on the cases of both.
type Summary struct {
	Brier            Figure `json:"brier"`
	BrierSkill       Figure `json:"brier_skill"`
	AveragePrecision Figure `json:"average_precision"`
	ROCAUC           Figure `json:"roc_auc"`
}

// Change is a difference with its 90 % interval over places: places are drawn anew with replacement, because the days
// of one place are not independent. The interval is undefined with fewer than five places.
type Change struct {
	Change Figure `json:"change"`
	Lower  Figure `json:"lower"`
	Upper  Figure `json:"upper"`
}

// told reports the sign of a change whose interval lies on one side of zero, else 0.
func (c Change) told() int {
	switch {
	case c.Lower > 0:
		return 1
	case c.Upper < 0:
		return -1
	}
	return 0
}

// Move counts the cases that went from one level to another.
type Move struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Cases  int    `json:"cases"`
	Events int    `json:"events"`
}

// WarningChange compares "warn when the level is at least Level" under both models.
type WarningChange struct {
	Level string `json:"level"`
	// Raised are cases that only the second model warns of, Lowered those that only the first did.
	Raised        int    `json:"raised"`
	RaisedEvents  int    `json:"raised_events"`
	Lowered       int    `json:"lowered"`
	LoweredEvents int    `json:"lowered_events"`
	PODBefore     Figure `json:"pod_before"`
	PODAfter      Figure `json:"pod_after"`
	POD           Change `json:"pod_change"`
	FARBefore     Figure `json:"far_before"`
	FARAfter      Figure `json:"far_after"`
	FAR           Change `json:"far_change"`
}

// Mover is a place with what changed there.
type Mover struct {
	Place       string `json:"place"`
	Cases       int    `json:"cases"`
	Events      int    `json:"events"`
	Up          int    `json:"up"` // cases with a higher level
	UpEvents    int    `json:"up_events"`
	Down        int    `json:"down"`
	DownEvents  int    `json:"down_events"`
	BrierBefore Figure `json:"brier_before"`
	BrierAfter  Figure `json:"brier_after"`
	// Line is where the probability changed most, From what to What.
	Line int     `json:"largest_move_line"`
	From float64 `json:"largest_move_from"`
	To   float64 `json:"largest_move_to"`
}

const (
	resamples   = 1000
	leastPlaces = 5
	maxMovers   = 10
	tail        = 0.05 // on each side of an interval
)

// sums are what figures are made of; those of places add up to those of a resample.
type sums struct {
	cases, events float64
	brier         [2]float64 // before and after
	hits, alarms  [2][domain.NumLevels]float64
}

func (s *sums) add(o *sums) {
	s.cases += o.cases
	s.events += o.events
	for m := range s.brier {
		s.brier[m] += o.brier[m]
		for l := range s.hits[m] {
			s.hits[m][l] += o.hits[m][l]
			s.alarms[m][l] += o.alarms[m][l]
		}
	}
}

func (s *sums) take(p *Pair) {
	s.cases++
	y := 0.0
	if p.Event {
		y = 1
		s.events++
	}
	for m, a := range [2]Answer{p.Before, p.After} {
		s.brier[m] += (a.Probability - y) * (a.Probability - y)
		for l := domain.LevelLow; l <= a.Level; l++ {
			s.hits[m][l] += y
			s.alarms[m][l] += 1 - y
		}
	}
}

func (s *sums) brierChange() float64 { return (s.brier[1] - s.brier[0]) / s.cases }

func (s *sums) pod(model int, l domain.Level) float64 {
	return float64(ratio(s.hits[model][l], s.events))
}

func (s *sums) far(model int, l domain.Level) float64 {
	return float64(ratio(s.alarms[model][l], s.hits[model][l]+s.alarms[model][l]))
}

// Compare compares the answers of two models to the same questions. The same pairs in the same order give the same
// comparison. There must be at least one.
func Compare(pairs []Pair) Comparison {
	places, movers := byPlace(pairs)
	var all sums
	for i := range places {
		all.add(&places[i])
	}
	before, after := make([]Case, len(pairs)), make([]Case, len(pairs))
	var moves, moved [domain.NumLevels][domain.NumLevels]int
	for i, p := range pairs {
		before[i], after[i] = Case{p.Before.Probability, p.Before.Level, p.Event}, Case{p.After.Probability, p.After.Level, p.Event}
		moves[p.Before.Level][p.After.Level]++
		if p.Event {
			moved[p.Before.Level][p.After.Level]++
		}
	}
	c := Comparison{
		Cases: len(pairs), Events: int(all.events), Places: len(places),
		Before: summary(Score(before)), After: summary(Score(after)), Movers: largest(movers), Moves: []Move{},
	}
	for from := range domain.NumLevels {
		for to := range domain.NumLevels {
			if n := moves[from][to]; n > 0 && from != to {
				c.Moves = append(c.Moves, Move{from.String(), to.String(), n, moved[from][to]})
			}
		}
	}
	draws := resample(places)
	c.BrierChange = change(&all, draws, (*sums).brierChange)
	for l := domain.LevelLow; l < domain.NumLevels; l++ {
		c.Warnings = append(c.Warnings, warningChange(pairs, &all, draws, l))
	}
	return c
}

func summary(r Report) Summary { return Summary{r.Brier, r.BrierSkill, r.AveragePrecision, r.ROCAUC} }

func warningChange(pairs []Pair, all *sums, draws []sums, l domain.Level) WarningChange {
	w := WarningChange{
		Level:     l.String(),
		PODBefore: Figure(all.pod(0, l)), PODAfter: Figure(all.pod(1, l)),
		FARBefore: Figure(all.far(0, l)), FARAfter: Figure(all.far(1, l)),
		POD: change(all, draws, func(s *sums) float64 { return s.pod(1, l) - s.pod(0, l) }),
		FAR: change(all, draws, func(s *sums) float64 { return s.far(1, l) - s.far(0, l) }),
	}
	for i := range pairs {
		p, event := &pairs[i], 0
		if p.Event {
			event = 1
		}
		switch was, is := p.Before.Level >= l, p.After.Level >= l; {
		case is && !was:
			w.Raised++
			w.RaisedEvents += event
		case was && !is:
			w.Lowered++
			w.LoweredEvents += event
		}
	}
	return w
}

// byPlace sums the pairs of each place, in the order of the places' names.
func byPlace(pairs []Pair) ([]sums, []Mover) {
	index := map[string]int{}
	var places []sums
	var movers []Mover
	for i := range pairs {
		p := &pairs[i]
		at, ok := index[p.Place]
		if !ok {
			at = len(places)
			index[p.Place] = at
			places, movers = append(places, sums{}), append(movers, Mover{Place: p.Place, Line: p.Line, From: p.Before.Probability, To: p.After.Probability})
		}
		places[at].take(p)
		movers[at].take(p)
	}
	for i := range movers {
		s := &places[i]
		movers[i].BrierBefore, movers[i].BrierAfter = Figure(s.brier[0]/s.cases), Figure(s.brier[1]/s.cases)
	}
	return places, movers
}

func (m *Mover) take(p *Pair) {
	event := 0
	if p.Event {
		event = 1
	}
	m.Cases++
	m.Events += event
	switch {
	case p.After.Level > p.Before.Level:
		m.Up++
		m.UpEvents += event
	case p.After.Level < p.Before.Level:
		m.Down++
		m.DownEvents += event
	}
	if math.Abs(p.After.Probability-p.Before.Probability) > math.Abs(m.To-m.From) {
		m.Line, m.From, m.To = p.Line, p.Before.Probability, p.After.Probability
	}
}

// largest returns the places whose squared errors changed most in sum: what a place adds to the change of all.
func largest(movers []Mover) []Mover {
	size := func(m Mover) float64 { return float64(m.Cases) * math.Abs(float64(m.BrierAfter-m.BrierBefore)) }
	out := slices.Clone(movers)
	slices.SortStableFunc(out, func(a, b Mover) int {
		return cmp.Or(cmp.Compare(size(b), size(a)), cmp.Compare(a.Place, b.Place))
	})
	return out[:min(len(out), maxMovers)]
}

// resample draws as many places as there are, with replacement; nil with too few.
func resample(places []sums) []sums {
	if len(places) < leastPlaces {
		return nil
	}
	rng := rand.New(rand.NewPCG(1, uint64(len(places)))) // the same file gives the same interval
	draws := make([]sums, resamples)
	for i := range draws {
		for range places {
			draws[i].add(&places[rng.IntN(len(places))])
		}
	}
	return draws
}

// change returns a figure with its interval; a resample in which it is undefined is left out.
func change(all *sums, draws []sums, figure func(*sums) float64) Change {
	nan := Figure(math.NaN())
	c := Change{Figure(figure(all)), nan, nan}
	var values []float64
	for i := range draws {
		if v := figure(&draws[i]); v == v {
			values = append(values, v)
		}
	}
	// A figure that most resamples do not have is one of a few places.
	if len(values) > resamples/2 {
		slices.Sort(values)
		n := float64(len(values) - 1)
		c.Lower, c.Upper = Figure(values[int(math.Round(tail*n))]), Figure(values[int(math.Round((1-tail)*n))])
	}
	return c
}

// WriteText prints the comparison as tables; names are those of the two models.
func (c *Comparison) WriteText(w io.Writer, before, after string) error {
	fmt.Fprintf(w, "\ncomparison: %s after %s, on the %d cases that both answered (%d events, %d places)\n", after, before, c.Cases, c.Events, c.Places)
	fmt.Fprintf(w, "%-20s %9s %9s\n", "", "before", "after")
	for _, f := range []struct {
		name          string
		before, after Figure
	}{
		{"Brier score", c.Before.Brier, c.After.Brier},
		{"Brier skill", c.Before.BrierSkill, c.After.BrierSkill},
		{"average precision", c.Before.AveragePrecision, c.After.AveragePrecision},
		{"ROC-AUC", c.Before.ROCAUC, c.After.ROCAUC},
	} {
		fmt.Fprintf(w, "%-20s %9s %9s\n", f.name, f.before.text(5), f.after.text(5))
	}
	fmt.Fprintf(w, "Brier score changed by %s: %s\n", c.BrierChange.text(6), verdict(-c.BrierChange.told()))
	if c.Places < leastPlaces {
		fmt.Fprintf(w, "there are no intervals: they need %d places\n", leastPlaces)
	}
	c.writeMoves(w)
	fmt.Fprintf(w, "\n%-14s %8s %8s %8s %8s  %-30s %-30s\n", "warn from", "raised", "(floods)", "lowered", "(floods)", "POD (90 % interval of change)", "FAR (90 % interval of change)")
	for _, l := range c.Warnings {
		fmt.Fprintf(w, "%-14s %8d %8d %8d %8d  %-30s %-30s %s\n", l.Level, l.Raised, l.RaisedEvents, l.Lowered, l.LoweredEvents,
			fromTo(l.PODBefore, l.PODAfter, l.POD), fromTo(l.FARBefore, l.FARAfter, l.FAR), l.verdict())
	}
	return c.writeMovers(w)
}

func (c *Comparison) writeMoves(w io.Writer) {
	if len(c.Moves) == 0 {
		fmt.Fprintln(w, "\nno case changed its level")
		return
	}
	fmt.Fprintf(w, "\n%-12s %-12s %9s %9s %9s\n", "from level", "to level", "cases", "floods", "share")
	for _, m := range c.Moves {
		fmt.Fprintf(w, "%-12s %-12s %9d %9d %9s\n", m.From, m.To, m.Cases, m.Events, Figure(float64(m.Events)/float64(m.Cases)).text(4))
	}
}

func (c *Comparison) writeMovers(w io.Writer) error {
	fmt.Fprintf(w, "\nplaces that moved most   cases  floods      up (floods)    down (floods)  Brier before  after      largest move\n")
	for _, m := range c.Movers {
		_, err := fmt.Fprintf(w, "%-22s %7d %7d %7d %8d %7d %8d  %11s %8s   line %d: %.3f to %.3f\n", m.Place, m.Cases, m.Events, m.Up, m.UpEvents,
			m.Down, m.DownEvents, m.BrierBefore.text(5), m.BrierAfter.text(5), m.Line, m.From, m.To)
		if err != nil {
			return err
		}
	}
	return nil
}

// verdict says whether a change in the good direction is told from chance.
func verdict(good int) string {
	switch {
	case good > 0:
		return "better"
	case good < 0:
		return "worse"
	}
	return "not told from chance by these places"
}

// verdict of a warning: more floods found and fewer false alarms are better.
func (l *WarningChange) verdict() string {
	pod, far := l.POD.told(), -l.FAR.told()
	switch {
	case pod*far < 0:
		return "one better, one worse"
	case pod == 0:
		return verdict(far)
	}
	return verdict(pod)
}

func (c Change) text(digits int) string {
	if c.Lower != c.Lower {
		return c.Change.text(digits)
	}
	return fmt.Sprintf("%s (90 %% interval %s to %s)", c.Change.text(digits), c.Lower.text(digits), c.Upper.text(digits))
}

func fromTo(before, after Figure, c Change) string {
	s := before.text(3) + " to " + after.text(3)
	if c.Lower == c.Lower {
		s += fmt.Sprintf(" (%s to %s)", c.Lower.text(3), c.Upper.text(3))
	}
	return s
}
