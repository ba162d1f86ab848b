package nowcast

import (
	"math"
	"slices"
)

// Cleaning of a sequence, mirrored by the trainer's sequence.py.
const (
	// Values beyond the plausible z are not of this river; a sentinel's value within the calm z is believed.
	minCalmZ, maxCalmZ = -3, 5
	// spikeZ: a single reading that leaves and returns by more is a spike.
	spikeZ = 0.7
	// leapZ: the newest reading may not leap further, because nothing follows that could confirm it.
	leapZ = 5
	// spikeSeconds: neighbours farther away confirm nothing.
	spikeSeconds = 3 * 3600
	// maxRain is beyond the record of 305 mm in 42 minutes (Holt, Missouri, 1947).
	maxRain = 400
	// maxValue bounds a river without thresholds, in m or m3/s; the Amazon's record is below 4e5 m3/s.
	maxValue = 1e7
	// riverHours: a river that was last read longer ago is not observed.
	riverHours = 72
)

// sentinels are fill values of common loggers.
var sentinels = [...]float64{-99999, -9999, -999.9, -999, -990, -99.9, -99, 999, 9999, 99999, -32768, 32767}

func isSentinel(v float64) bool {
	for _, s := range sentinels {
		if v == s {
			return true
		}
	}
	return false
}

// sequence is a cleaned request: the grid and what became of the readings.
type sequence struct {
	grid
	coverage
	observed      Series // of the river; SeriesRainfall without one
	origin, scale float64
	scaled        bool // origin and scale are the river's own
	conditions    ConditionSet
	faults        [NumSeries][NumFaults]uint16
	older         bool // readings before the grid
	present       [NumSeries]bool
}

func saturated(n int) uint16 { return uint16(min(n, math.MaxUint16)) }

// read cleans the readings of r into s.
func (s *sequence) read(r *Request) {
	s.clear()
	readings := r.Readings
	newest := readings[len(readings)-1].Time.Unix()
	first := 0
	for newest-readings[first].Time.Unix() >= Hours*3600 {
		first++
	}
	s.older = first > 0
	for i := range readings {
		for x := range NumSeries {
			s.present[x] = s.present[x] || !math.IsNaN(readings[i].Value(x))
		}
	}
	s.readRain(readings, first, newest)
	s.observed = SeriesRainfall
	for _, x := range [...]Series{SeriesWaterLevel, SeriesDischarge} {
		if s.present[x] && s.readRiver(readings, first, newest, x, r.Normal, r.FloodThreshold) {
			s.observed = x
			break
		}
	}
	s.coverage = s.fill()
	s.findStuck(readings, first)
	river := s.observed != SeriesRainfall
	for _, c := range [...]struct {
		condition Condition
		holds     bool
	}{
		{ConditionShort, river && s.oldest-s.newest < 24},
		{ConditionStale, river && s.newest > 3},
		{ConditionUnscaled, river && !s.scaled},
		{ConditionRainOnly, !river},
	} {
		if c.holds {
			s.conditions = s.conditions.With(c.condition)
		}
	}
}

// readRain adds rain to the hours in which it fell: since the reading before, within one usual step.
func (s *sequence) readRain(readings []Reading, first int, newest int64) {
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
		if amount < 0 || amount > maxRain*float64(hours) {
			bad++
			continue
		}
		age := int((newest - readings[i].Time.Unix()) / 3600)
		for k := age; k < min(age+hours, Hours); k++ {
			if s.rain[k] != s.rain[k] {
				s.rain[k] = 0
			}
			s.rain[k] += amount / float64(hours)
		}
	}
	s.faults[SeriesRainfall][FaultImpossible] = saturated(bad)
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

// readRiver reads one series of the river into the grid and reports whether it is there.
func (s *sequence) readRiver(readings []Reading, first int, newest int64, x Series, normal, threshold float64) bool {
	scaled := threshold > normal // false when either is missing
	impossible := 0
	plausible := func(v float64) bool {
		if x == SeriesDischarge && v < 0 && !scaled {
			return false
		}
		if !scaled {
			return math.Abs(v) < maxValue && !isSentinel(v)
		}
		z := (v - normal) / (threshold - normal)
		if isSentinel(v) && !(minCalmZ <= z && z <= maxCalmZ) {
			return false
		}
		return minZ <= z && z <= maxZ
	}
	last, count := -1, 0
	for i := first; i < len(readings); i++ {
		switch v := readings[i].Value(x); {
		case v != v:
		case plausible(v):
			last = i
			count++
		default:
			impossible++
		}
	}
	s.faults[x][FaultImpossible] = saturated(impossible)
	if last < 0 || (newest-readings[last].Time.Unix())/3600 >= riverHours {
		return false
	}
	s.scaled = scaled
	s.origin, s.scale = normal, threshold-normal
	if !scaled {
		var buffer [maxUsual]float64
		seen := buffer[:0]
		for i := first; i <= last; i++ {
			if v := readings[i].Value(x); v == v && plausible(v) {
				seen = append(seen, v)
			}
		}
		s.origin, s.scale = ownScale(seen, x)
	}
	// Three plausible readings in a row: a spike is judged by its raw neighbours, so that the order of the
	// decisions does not matter.
	spikes := 0
	var before, here point
	settle := func(after point) {
		if !here.set {
			return
		}
		if here.isSpike(before, after) {
			spikes++
			return
		}
		s.z[(newest-here.at)/3600] = here.z
	}
	for i := first; i <= last; i++ {
		v := readings[i].Value(x)
		if v != v || !plausible(v) {
			continue
		}
		p := point{z: (v - s.origin) / s.scale, at: readings[i].Time.Unix(), set: true}
		settle(p)
		before, here = here, p
	}
	settle(point{})
	s.faults[x][FaultSpike] = saturated(spikes)
	return true
}

// ownScale makes origin and scale for a river whose thresholds are not known: from its median to at
// least a metre, or ten times the median flow, above it. The rivers of the training lie between 0.3 m and
// 3 m, and between 13 and 18 times the median flow.
func ownScale(seen []float64, x Series) (origin, scale float64) {
	slices.Sort(seen)
	n := len(seen)
	origin = (seen[(n-1)/2] + seen[n/2]) / 2
	least := 1.0
	if x == SeriesDischarge {
		least = 10 * max(math.Abs(origin), 0.01)
	}
	return origin, max(least, 1.2*(seen[n-1]-origin))
}

// point is one plausible reading of the river.
type point struct {
	z   float64
	at  int64
	set bool
}

func (p point) isSpike(before, after point) bool {
	if !before.set || p.at-before.at > spikeSeconds {
		return false
	}
	left := p.z - before.z
	if !after.set {
		return math.Abs(left) > leapZ
	}
	right := p.z - after.z
	least := min(math.Abs(left), math.Abs(right))
	return after.at-p.at <= spikeSeconds && left*right > 0 && least > spikeZ && math.Abs(after.z-before.z) < 0.3*least
}

// findStuck flags a river that ends in a run of one value, for a day in which rain fell or for a week.
// The values are used all the same: a quiet river read to the centimetre looks alike.
func (s *sequence) findStuck(readings []Reading, first int) {
	if s.observed == SeriesRainfall {
		return
	}
	var value float64
	var until, since int64
	n := 0
	for i := len(readings) - 1; i >= first; i-- {
		v := readings[i].Value(s.observed)
		if v != v {
			continue
		}
		at := readings[i].Time.Unix()
		if n == 0 {
			value, until = v, at
		} else if v != value {
			break
		}
		since = at
		n++
	}
	hours := int((until - since) / 3600)
	rain := 0.0
	for k := s.newest; k <= min(s.newest+hours, Hours-1); k++ {
		rain += s.rain[k]
	}
	if n >= MinReadings && (hours >= 168 || hours >= 24 && rain >= 10) {
		s.faults[s.observed][FaultStuck] = saturated(n)
	}
}
