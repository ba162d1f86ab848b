package nowcast

import (
	"math"
	"slices"
	"strconv"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/doubt"
)

// Cleaning of a sequence; the trainer's sequence.py mirrors what does not lead to a doubt.
const (
	// spikeZ: a single reading that leaves and returns by more is a spike.
	spikeZ = 0.7
	// spikeSeconds: neighbours farther away confirm nothing.
	spikeSeconds = 3 * 3600
	// mostRain is the rain in mm of so many hours that the greatest falls ever measured lie under, by the envelope
	// 422 hours^0.475 (WMO-No. 168, Guide to Hydrological Practices): 401 mm in one hour (Shangdi, 1975), 1825 mm in
	// a day (Foc-Foc, 1966). What is more counts as so much: it is not impossible for being large.
	mostRain, mostRainGrows = 422, 0.475
	// maxValue bounds a river without thresholds, in m or m3/s; the Amazon's record is below 4e5 m3/s.
	maxValue = 1e7
	// riverHours: a river that was last read longer ago is not observed.
	riverHours = 72
	// rainDoubtHours: rain beyond any record leaves the level unknown until it is older. Then the answer does
	// without it, and is no lower than the answer with it.
	rainDoubtHours = 72
)

// A gauge that repeats one value is stuck once that much rain fell meanwhile (mm), or after a week. Of 718 037
// hours of the sixteen gauges of the training, 64 meet the first rule, 1185 the second and 11 388 the third, most of them
// on Korean rivers read to the centimetre; three of all these were within a day before a flood
// (models/training/nowcast/rises.py).
const (
	stuckSoonHours, stuckSoonRain = 6, 20
	stuckDayHours, stuckDayRain   = 24, 10
	stuckHours                    = 168
)

// trust says what a reading of the sequence believes against the evidence, to see what would follow if a
// doubtful value were true.
type trust struct {
	// before hides the river's readings from this index on; 0 hides none.
	before int
	// stuck, codes, thresholds and rain (older than rainDoubtHours, beyond any record) are taken as they were given.
	stuck, codes, thresholds, rain bool
	// unit divides the thresholds; 0 leaves them, and -1 turns the sign of the river.
	unit float64
}

// sequence is a cleaned request: the grid and what became of the readings.
type sequence struct {
	grid
	coverage
	observed      Series // of the river; SeriesRainfall without one
	origin, scale float64
	scaled        bool // origin and scale are the river's own
	backwards     bool // a reading of the river is negative
	conditions    ConditionSet
	faults        [NumSeries][NumFaults]uint16
	older         bool // readings before the grid
	present       [NumSeries]bool
	rainSince     float64 // mm that fell since the river's newest reading
	suspicion
}

// suspicion is what is doubtful about a sequence.
type suspicion struct {
	rise      bool    // the newest reading of the river is a spike or a flood
	real      float64 // the chance that it is a flood
	maybeCode bool    // the newest reading of the river is a number that is used as a code, and left out
	stuck     bool    // the river stands still, and is left out
	fell      int     // newest readings of the river that are left out because they fell as no river does
	beside    bool    // the level is doubtful, and the discharge answers in its place
	misfit    bool    // the thresholds do not fit the series, and are left out
	downpour  bool    // more rain than ever fell
	deluge    bool    // the same, rainDoubtHours ago and more; left out
	suspect   int     // index of the reading of the river that rise and maybeCode are about
	unit      float64 // by which the river must be multiplied to fit its thresholds, -1 for its sign; 0 if none would do
	high      bool    // a doubtful value is beyond the flood threshold
}

func (s *suspicion) any() bool {
	return s.rise || s.maybeCode || s.stuck || s.misfit || s.downpour || s.deluge || s.high || s.beside || s.fell > 1
}

func saturated(n int) uint16 { return uint16(min(n, math.MaxUint16)) }

// notes collects doubts; nil forgets them. An answer lists a few, so those about values that are merely left
// out wait until the others are told.
type notes struct {
	request *Request
	quality *Quality
	waiting []domain.Doubt
}

func (n *notes) value(i int, x Series, reason domain.DoubtReason, treated domain.Treatment) {
	if n == nil {
		return
	}
	merely := treated == domain.TreatedMissing && reason != domain.DoubtFrozen
	if merely && len(n.waiting) == domain.MaxDoubts {
		return
	}
	pointer := "/weather_sequence/" + strconv.Itoa(n.request.place(i)) + "/" + x.String()
	if merely {
		n.waiting = append(n.waiting, domain.Doubt{Pointer: pointer, Reason: reason, Treated: treated})
		return
	}
	n.quality.Doubt(pointer, reason, treated)
}

// forecastCodes tells the hours of the rain forecast in which a code for no data stood.
func (n *notes) forecastCodes() {
	if n == nil {
		return
	}
	for _, i := range n.request.codes {
		n.waiting = append(n.waiting, domain.Doubt{
			Pointer: "/rainfall_forecast_mm/" + strconv.Itoa(int(i)), Reason: domain.DoubtNoDataCode, Treated: domain.TreatedMissing,
		})
	}
}

func (n *notes) tellWaiting() {
	if n == nil {
		return
	}
	for _, d := range n.waiting {
		n.quality.Doubt(d.Pointer, d.Reason, d.Treated)
	}
}

// read cleans the readings of r into s.
func (s *sequence) read(r *Request, as trust, n *notes) {
	*s = sequence{}
	s.clear()
	readings := r.Readings
	newest := readings[len(readings)-1].Time.Unix()
	first := 0
	for newest-readings[first].Time.Unix() >= Hours*3600 {
		first++
	}
	s.older = first > 0
	for x := range NumSeries {
		for i := 0; i < len(readings) && !s.present[x]; i++ {
			v := readings[i].Value(x)
			s.present[x] = v == v && !doubt.IsCode(quantities[x], v)
		}
	}
	s.observed = SeriesRainfall
	s.readRain(readings, first, newest, as, n)
	s.chooseRiver(r, first, newest, as, n)
	for _, x := range [...]Series{SeriesTemperature, SeriesHumidity} {
		s.countCodes(readings, x, n)
	}
	n.forecastCodes()
	n.tellWaiting()
	s.coverage = s.fill()
	s.describe()
}

// chooseRiver reads the level, or where there is none to rely on, the discharge.
func (s *sequence) chooseRiver(r *Request, first int, newest int64, as trust, n *notes) {
	var ofLevel suspicion
	for _, x := range [...]Series{SeriesWaterLevel, SeriesDischarge} {
		if !s.present[x] {
			continue
		}
		rain := suspicion{downpour: s.downpour}
		if s.readRiver(r, first, newest, x, as, n) {
			s.observed = x
			s.high = s.high || ofLevel.high
			s.beside = ofLevel.any()
			return
		}
		if x == SeriesWaterLevel {
			ofLevel, s.suspicion = s.suspicion, rain
		}
	}
	if ofLevel.any() {
		ofLevel.high = ofLevel.high || s.high
		ofLevel.beside = s.any()
		s.suspicion = ofLevel
	}
}

// quantities of the series, by which codes for no data are told.
var quantities = [NumSeries]doubt.Quantity{doubt.Rain, doubt.Temperature, doubt.Humidity, doubt.Level, doubt.Discharge}

// countCodes lists the codes of a series that is not used.
func (s *sequence) countCodes(readings []Reading, x Series, n *notes) {
	codes := 0
	for i := range readings {
		if v := readings[i].Value(x); doubt.IsCode(quantities[x], v) {
			codes++
			n.value(i, x, domain.DoubtNoDataCode, domain.TreatedMissing)
		}
	}
	s.faults[x][FaultImpossible] = saturated(codes)
}

// describe notes what of the river makes the answer less certain.
func (s *sequence) describe() {
	river := s.observed != SeriesRainfall
	s.rainSince = 0
	if river {
		for k := range s.newest {
			s.rainSince += s.rain[k]
		}
	}
	silent := !river && (s.present[SeriesWaterLevel] || s.present[SeriesDischarge])
	for _, c := range [...]struct {
		condition Condition
		holds     bool
	}{
		{ConditionShort, river && s.oldest-s.newest < 24},
		{ConditionStale, river && s.newest > 3 || silent || s.stuck},
		{ConditionUnscaled, river && !s.scaled && !s.misfit},
		{ConditionRainOnly, !river},
		{ConditionRiseUnconfirmed, s.rise},
		{ConditionThresholdsDoNotFit, s.misfit},
	} {
		if c.holds {
			s.conditions = s.conditions.With(c.condition)
		}
	}
}

// readRain adds rain to the hours in which it fell: since the reading before, within one usual step.
func (s *sequence) readRain(readings []Reading, first int, newest int64, as trust, n *notes) {
	var buffer [maxUsual]float64
	steps := buffer[:0]
	// The usual step is the median over the newest readings; a limit keeps a long record cheap.
	for i := max(first+1, len(readings)-maxUsual); i < len(readings); i++ {
		steps = append(steps, float64(readings[i].Time.Unix()-readings[i-1].Time.Unix()))
	}
	usual := 1.0
	if len(steps) > 0 {
		slices.Sort(steps)
		usual = steps[len(steps)/2] / 3600
	}
	s.describeSteps(steps, usual)
	bad := 0
	for i := first; i < len(readings); i++ {
		amount := readings[i].RainfallMM
		if amount != amount {
			continue
		}
		hours := 1
		if usual > 1.5 {
			hours = min(24, int(math.Floor(usual+0.5)))
			if i > 0 {
				gap := float64(readings[i].Time.Unix()-readings[i-1].Time.Unix()) / 3600
				hours = max(1, min(hours, int(math.Floor(gap+0.5))))
			}
		}
		age := int((newest - readings[i].Time.Unix()) / 3600)
		if amount = s.checkRain(amount, i, hours, age, as, n); amount != amount {
			bad++
			continue
		}
		for k := age; k < min(age+hours, Hours); k++ {
			if s.rain[k] != s.rain[k] {
				s.rain[k] = 0
			}
			s.rain[k] += amount / float64(hours)
		}
	}
	s.faults[SeriesRainfall][FaultImpossible] = saturated(bad)
}

// checkRain returns the amount that is used, NaN for none, and notes what it may be mistaken for.
func (s *sequence) checkRain(amount float64, i, hours, age int, as trust, n *notes) float64 {
	if amount >= 0 && amount <= mostRain { // of one hour; no code is so small and no rain
		return amount
	}
	most := math.Round(mostRain * math.Pow(float64(hours), mostRainGrows))
	switch {
	case doubt.IsCode(doubt.Rain, amount):
		n.value(i, SeriesRainfall, domain.DoubtNoDataCode, domain.TreatedMissing)
	case amount < 0:
		n.value(i, SeriesRainfall, domain.DoubtSign, domain.TreatedMissing)
	case amount <= most:
		return amount
	default:
		n.value(i, SeriesRainfall, domain.DoubtImplausible, domain.TreatedBound)
		if age < rainDoubtHours { // nobody knows how much fell: the level is unknown and the early warning is raised
			s.downpour = true
			return most
		}
		if s.deluge = true; as.rain {
			return most
		}
	}
	return math.NaN()
}

// maxUsual is how many of the newest steps tell the usual one.
const maxUsual = 1024

// describeSteps notes what is unusual about the steps, sorted in seconds.
func (s *sequence) describeSteps(steps []float64, usual float64) {
	switch {
	case usual >= 20:
		s.conditions = s.conditions.With(ConditionDaily)
	case usual > 1.5:
		s.conditions = s.conditions.With(ConditionCoarse)
	}
	unlike, gaps := 0, 0
	for _, step := range steps {
		if math.Abs(step/3600-usual) > 0.2*usual {
			unlike++
		}
		if step/3600 > 1.5*usual && step/3600 > 1.5 {
			gaps++
		}
	}
	if 10*unlike > len(steps) {
		s.conditions = s.conditions.With(ConditionIrregular)
	}
	if gaps > 0 {
		s.conditions = s.conditions.With(ConditionGaps)
	}
}
