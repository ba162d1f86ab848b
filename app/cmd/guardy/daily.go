package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/guardy-ai/guardy/adapters/siteregister/fileregister"
	"github.com/guardy-ai/guardy/domain/doubt"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/vector"
	"github.com/guardy-ai/guardy/ports"
)

// dailyTable turns the days of places into requests: what a request needs of other days is taken from the lines of
// those days. A day is kept until the next one of its place has come, which may hold the flood of tomorrow.
type dailyTable struct {
	table  *table
	sites  ports.SiteRegister
	spinUp int
	// perfect makes tomorrow's rain of the record the forecast of today.
	perfect bool
	places  map[string]*placeDays
	ready   []line
	ended   bool
	counts  dailyCounts
}

// dailyCounts say what became of the days.
type dailyCounts struct {
	Places    int `json:"places"`
	SpinUp    int `json:"history_only"`
	NoRain    int `json:"without_rain"`
	Discarded int `json:"values_counted_as_missing"` // codes for no data, and what nothing measures
	// PerfectForecast says that the forecast is the rain that came.
	PerfectForecast bool `json:"perfect_forecast"`
}

// placeDays holds what is known of a place up to its newest day.
type placeDays struct {
	days              int       // lines so far
	newest            time.Time // zero before the first
	newestLine        int
	rain, warmth      []float64 // by day, the newest last; NaN where not known
	river             []float64
	pending           line // the newest day, which waits for tomorrow
	pendingIsScored   bool
	floodKnown, flood bool // of the newest day by the river
}

// dailyHeader checks the columns of a table of days.
func dailyHeader(seen map[string]bool, labelled bool) error {
	if !seen["date"] {
		return errors.New(`no column "date", which --daily needs`)
	}
	if !labelled && !seen["river.value"] {
		return errors.New(`neither a column of labels (--label) nor "river.value", which would tell the floods`)
	}
	for name := range seen {
		if sequence, _, _, ok := sequenceOf(name); ok && sequence != forecastColumn {
			return fmt.Errorf("column %q: with --daily the history is made of the lines of the days before", name)
		}
	}
	return nil
}

func newDailyTable(t *table, sites fileregister.Config, spinUp int, perfect bool) (*dailyTable, error) {
	if spinUp < 0 {
		return nil, errors.New("--spin-up must not be negative")
	}
	register, err := fileregister.New(sites)
	if err != nil {
		return nil, err
	}
	return &dailyTable{table: t, sites: register, spinUp: spinUp, perfect: perfect, places: map[string]*placeDays{}}, nil
}

// next implements source.
func (d *dailyTable) next() (line, error) {
	for len(d.ready) == 0 {
		if d.ended {
			return line{}, io.EOF
		}
		l, err := d.table.next()
		switch {
		case errors.Is(err, io.EOF):
			d.end()
		case err != nil:
			return l, err
		default:
			if err := d.take(l); err != nil {
				return l, &lineError{l.number, err}
			}
		}
	}
	l := d.ready[0]
	d.ready = d.ready[1:]
	return l, nil
}

// end lets go of the newest day of each place, for which there is no tomorrow.
func (d *dailyTable) end() {
	d.ended = true
	for _, p := range d.places {
		d.release(p, nil)
	}
	slices.SortFunc(d.ready, func(a, b line) int { return cmp.Compare(a.number, b.number) })
}

// take reads one day of a place.
func (d *dailyTable) take(l line) error {
	r := &l.request
	if r.Date.IsZero() {
		return errors.New("date: --daily needs the day of every line")
	}
	y, m, day := r.Date.Date()
	date := time.Date(y, m, day, 0, 0, 0, 0, time.UTC)
	p := d.places[l.series()]
	if p == nil {
		p = &placeDays{}
		d.places[l.series()] = p
		d.counts.Places++
	}
	if !date.After(p.newest) {
		return fmt.Errorf("date: %s comes after %s of line %d; the days of a place must be in the order of their dates",
			date.Format(time.DateOnly), p.newest.Format(time.DateOnly), p.newestLine)
	}
	d.discard(doubt.Rain, &r.RainfallMM)
	d.discard(doubt.Temperature, &r.Temperature)
	d.discard(doubt.River, &r.River.Value)

	today := *r // as it stands on the line
	flood, known := d.flood(r)
	if !p.newest.IsZero() && date.Equal(p.newest.AddDate(0, 0, 1)) {
		d.release(p, &tomorrow{flood: flood, floodKnown: known, rain: today.RainfallMM})
	} else {
		d.release(p, nil)
	}
	p.skipTo(date)
	p.complete(r)
	p.add(date, &today)
	p.newestLine, p.floodKnown, p.flood = l.number, known, flood
	p.pending = l
	switch {
	case p.days <= d.spinUp:
		d.counts.SpinUp++
		p.pendingIsScored = false
	case math.IsNaN(today.RainfallMM):
		d.counts.NoRain++
		p.pendingIsScored = false
	default:
		p.pendingIsScored = true
	}
	return nil
}

// discard takes out a value that is a code for no data, or that nothing measures.
func (d *dailyTable) discard(q doubt.Quantity, v *float64) {
	if *v == *v && (doubt.IsCode(q, *v) || !doubt.IsPossible(q, *v)) {
		*v = math.NaN()
		d.counts.Discarded++
	}
}

// flood reports whether the river stands at or above its threshold on the day of a line.
func (d *dailyTable) flood(r *risk.Request) (flood, known bool) {
	threshold := r.River.FloodThreshold
	if s, ok := d.sites.Lookup(r.LocationID); ok && math.IsNaN(threshold) {
		threshold = s.FloodThreshold
	}
	known = r.River.Value == r.River.Value && threshold == threshold
	return known && r.River.Value >= threshold, known
}

// tomorrow is what the day after the pending one says.
type tomorrow struct {
	flood, floodKnown bool
	rain              float64 // mm
}

// release hands out the pending day of a place. Without a label of its own its label is flood today or tomorrow; one
// unknown day leaves it without a label unless the other had a flood.
func (d *dailyTable) release(p *placeDays, next *tomorrow) {
	if p.newest.IsZero() || !p.pendingIsScored {
		return
	}
	if d.table.label < 0 {
		l := &p.pending
		known := p.floodKnown && next != nil && next.floodKnown
		l.event = p.flood || next != nil && next.flood
		if known || l.event {
			l.label = "river"
		}
	}
	if d.perfect && next != nil {
		p.pending.request.RainfallForecastMM = []float64{next.rain}
	}
	d.ready = append(d.ready, p.pending)
}

// skipTo fills the days between the newest and date, of which nothing is known.
func (p *placeDays) skipTo(date time.Time) {
	if p.newest.IsZero() {
		return
	}
	gap := int(math.Round(date.Sub(p.newest).Hours()/24)) - 1
	if gap > vector.MaxHistoryDays {
		p.rain, p.warmth, p.river = nil, nil, nil
		return
	}
	for range gap {
		nan := math.NaN()
		p.rain, p.warmth, p.river = append(p.rain, nan), append(p.warmth, nan), append(p.river, nan)
	}
}

// complete fills what the days before say, where the line does not say it.
func (p *placeDays) complete(r *risk.Request) {
	r.RainfallHistoryMM, r.TemperatureHistory, r.RiverHistory = newestFirst(p.rain), newestFirst(p.warmth), newestFirst(p.river)
	r.River.Value = math.NaN()
	if n := len(p.river); n > 0 {
		r.River.Value = p.river[n-1]
	}
	for _, m := range []struct {
		to   *float64
		days int
	}{{&r.Temperature7dMean, 7}, {&r.Temperature30dMean, 30}} {
		if math.IsNaN(*m.to) {
			*m.to = mean(p.warmth, r.Temperature, m.days)
		}
	}
}

// newestFirst returns the history that a request may hold.
func newestFirst(days []float64) []float64 {
	out := slices.Clone(days[max(0, len(days)-vector.MaxHistoryDays):])
	slices.Reverse(out)
	return out
}

// mean returns the mean of so many days up to today, NaN unless all are known.
func mean(before []float64, today float64, days int) float64 {
	if len(before) < days-1 {
		return math.NaN()
	}
	sum := today
	for _, v := range before[len(before)-(days-1):] {
		sum += v
	}
	return sum / float64(days)
}

// add makes today the newest day.
func (p *placeDays) add(date time.Time, r *risk.Request) {
	p.days++
	p.newest = date
	for _, s := range []struct {
		to *[]float64
		v  float64
	}{{&p.rain, r.RainfallMM}, {&p.warmth, r.Temperature}, {&p.river, r.River.Value}} {
		*s.to = append(*s.to, s.v)
		if n := len(*s.to); n > 4*vector.MaxHistoryDays { // rarely, so that a day costs little
			*s.to = slices.Clone((*s.to)[n-vector.MaxHistoryDays:])
		}
	}
}
