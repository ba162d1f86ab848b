package nowcast

import (
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/doubt"
)

// river is one series of a request as it is read: which values count, and where it ends.
type river struct {
	readings          []Reading
	first, end        int // the readings [first, end) are looked at
	now               int64
	x                 Series
	origin, scale     float64
	scaled, asWritten bool // codes that may be measurements are taken as such
}

// at is the value of a reading that counts, NaN for any other.
func (v *river) at(i int) float64 {
	value := v.readings[i].Value(v.x)
	if !v.plausible(value) {
		return math.NaN()
	}
	return value
}

// plausible reports whether a value may be of this river; it is false for NaN. Nothing is impossible for
// being large only.
func (v *river) plausible(value float64) bool {
	if q := quantities[v.x]; doubt.MayBeCode(q, value) && (!v.asWritten || doubt.IsCode(q, value)) {
		return false
	}
	if !v.scaled {
		return math.Abs(value) < maxValue
	}
	return v.z(value) >= minZ
}

// z is a value on the river's scale, finite for every finite value.
func (v *river) z(value float64) float64 {
	return min(max((value-v.origin)/v.scale, -1e9), 1e9)
}

// before is the index of the newest value that counts before i, -1 without one.
func (v *river) before(i int) int {
	for i--; i >= v.first; i-- {
		if value := v.at(i); value == value {
			return i
		}
	}
	return -1
}

func (v *river) point(i int) point {
	if i < 0 {
		return point{}
	}
	return point{z: v.z(v.at(i)), at: v.readings[i].Time.Unix(), set: true}
}

// readRiver reads one series of the river into the grid and reports whether it is there.
func (s *sequence) readRiver(r *Request, first int, now int64, x Series, as trust, n *notes) bool {
	v := river{readings: r.Readings, first: first, end: len(r.Readings), now: now, x: x, asWritten: as.codes}
	if as.before > 0 {
		v.end = as.before
	}
	if r.FloodThreshold > r.Normal { // false when either is missing
		v.origin, v.scale, v.scaled = r.Normal, r.FloodThreshold-r.Normal, true
		if as.unit != 0 {
			v.origin, v.scale = v.origin/as.unit, v.scale/as.unit
		}
		s.checkThresholds(&v, as, n)
	}
	s.countImpossible(&v, n)
	last := v.before(v.end)
	if last < 0 {
		return false
	}
	if !v.scaled {
		v.origin, v.scale = v.ownScale(math.MaxInt)
	}
	last = s.checkFalls(&v, last, n)
	s.checkRise(&v, last, n)
	s.backwards = v.isBackwards(last)
	if last = s.checkStuck(&v, last, as, n); last < 0 || (now-r.Readings[last].Time.Unix())/3600 >= riverHours {
		return false
	}
	s.origin, s.scale, s.scaled = v.origin, v.scale, v.scaled
	s.settle(&v, last)
	return true
}

func (v *river) isBackwards(last int) bool {
	for i := v.first; i <= last; i++ {
		if v.at(i) < 0 {
			return true
		}
	}
	return false
}

// countImpossible counts and lists the values that are left out. A number that may be a code and stands last
// may be the flood itself: it is left out, and it bounds the answer.
func (s *sequence) countImpossible(v *river, n *notes) {
	last := v.end - 1
	for ; last >= v.first; last-- {
		// A code says as much as nothing, so the value before it is the newest.
		if value := v.readings[last].Value(v.x); value == value && !doubt.IsCode(quantities[v.x], value) {
			break
		}
	}
	if last >= v.first && !v.plausible(v.readings[last].Value(v.x)) {
		if value := v.readings[last].Value(v.x); value > 0 {
			s.maybeCode, s.suspect = true, last
			s.high = s.high || !v.scaled || v.z(value) >= 1
		}
	}
	impossible := 0
	for i := v.first; i < v.end; i++ {
		value := v.readings[i].Value(v.x)
		if value != value || v.plausible(value) {
			continue
		}
		impossible++
		reason, treated := domain.DoubtImplausible, domain.TreatedMissing
		if doubt.MayBeCode(quantities[v.x], value) {
			reason = domain.DoubtNoDataCode
		}
		if s.maybeCode && i == last {
			treated = domain.TreatedBound
		}
		n.value(i, v.x, reason, treated)
	}
	s.faults[v.x][FaultImpossible] = saturated(impossible)
}

// settle writes the values up to last into the grid, without spikes. A spike is judged by its raw neighbours,
// so that the order of the decisions does not matter.
func (s *sequence) settle(v *river, last int) {
	spikes := 0
	var before, here point
	put := func(after point) {
		if !here.set {
			return
		}
		if here.isSpike(before, after) {
			spikes++
			return
		}
		s.z[(v.now-here.at)/3600] = min(max(here.z, minZ), maxZ)
	}
	for i := v.first; i <= last; i++ {
		if value := v.at(i); value == value {
			p := point{z: v.z(value), at: v.readings[i].Time.Unix(), set: true}
			put(p)
			before, here = here, p
		}
	}
	put(point{})
	s.faults[v.x][FaultSpike] = saturated(spikes)
}

// ownScale makes origin and scale for a river whose thresholds are not known, from its values before an
// index: from its median to at least a metre, or ten times the median flow, above it. The rivers of the training lie
// between 0.3 m and 3 m, and between 13 and 18 times the median flow.
func (v *river) ownScale(end int) (origin, scale float64) {
	var buffer [maxUsual]float64
	seen := buffer[:0]
	for i := v.first; i < min(end, v.end); i++ {
		if value := v.at(i); value == value {
			seen = append(seen, value)
		}
	}
	slices.Sort(seen)
	n := len(seen)
	origin = (seen[(n-1)/2] + seen[n/2]) / 2
	least := 1.0
	if v.x == SeriesDischarge {
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

// near reports whether both points are there and close enough in time to confirm each other.
func (p point) near(later point) bool { return p.set && later.set && later.at-p.at <= spikeSeconds }

// isSpike reports whether a reading left and returned at once. The newest reading, which nothing follows, is
// no spike; see checkRise.
func (p point) isSpike(before, after point) bool {
	if !before.near(p) || !p.near(after) {
		return false
	}
	left, right := p.z-before.z, p.z-after.z
	least := min(math.Abs(left), math.Abs(right))
	return left*right > 0 && least > spikeZ && math.Abs(after.z-before.z) < 0.3*least
}

// A newest reading that leaps while the one before it did not move.
const (
	leastRise    = 0.7  // z
	leastDanger  = 0.5  // z; a river that leapt to less is believed
	leastFall    = 1.0  // z; the gauges of the training fell faster than that in 6 of 718 037 hours
	restZ        = 0.02 // z; what a gauge that does not see the river varies by
	alone        = 0.2  // share of the leap that the reading before may have moved for the leap to stand alone
	confirmed    = 0.93 // from this chance on a rise is believed: a lone one in rain, up to the largest on record
	calmReadings = 24   // before the leap, by which the usual step is judged
)

// The chance that a lone leap of the newest reading is real, in log-odds: fitted by
// models/training/nowcast/rises.py to the 98 lone rises of the hourly gauges, of Hub'Eau and of Jakarta's gates, of
// which the next reading confirmed 81. How the odds fall beyond the largest real rise is a judgement.
const (
	riseOdds     = 2.42
	riseBySize   = -0.18 // by ln(rise / leastRise)
	riseByRain   = 0.82  // once rainExplains mm fell within six hours
	riseByNoise  = -0.45 // by ln(usual step / usualStep), above it
	riseBeyond   = -2.0  // by ln(rise / largestRise), above it
	largestRise  = 3.44  // z
	usualStep    = 0.1   // z
	rainExplains = 10    // mm
	leastReal    = 0.3
)

// checkFalls steps back over newest readings that fell as no river does, and stayed there: they are left out, because a
// gauge that fails in a flood often reads its zero from then on. It returns the newest reading that counts.
func (s *sequence) checkFalls(v *river, last int, n *notes) int {
	if !v.scaled {
		return last
	}
	for {
		first := v.restsSince(last)
		b := v.before(first)
		here, before := v.point(first), v.point(b)
		if !before.near(here) {
			return last
		}
		earlier := v.point(v.before(b))
		fall := before.z - here.z
		moved := 0.0
		if earlier.near(before) {
			moved = earlier.z - before.z
		}
		if fall <= leastFall || moved > alone*fall || before.isSpike(earlier, here) {
			return last
		}
		for i := first; i <= last; i++ {
			if value := v.at(i); value == value {
				n.value(i, v.x, domain.DoubtImplausible, domain.TreatedMissing)
				s.fell++
			}
		}
		last = b
	}
}

// restsSince is the first of the readings up to last that stay within restZ of it.
func (v *river) restsSince(last int) int {
	first, z := last, v.z(v.at(last))
	for i := v.before(last); i >= 0 && math.Abs(v.z(v.at(i))-z) <= restZ; i = v.before(i) {
		first = i
	}
	return first
}

// checkRise notes whether the newest reading leapt alone.
func (s *sequence) checkRise(v *river, last int, n *notes) {
	b := v.before(last)
	here, before := v.point(last), v.point(b)
	if !before.near(here) {
		return
	}
	rise := here.z - before.z
	if !v.scaled {
		_, scale := v.ownScale(last) // without the leap itself
		rise = (v.at(last) - v.at(b)) / scale
	}
	if rise < leastRise || v.scaled && here.z < leastDanger {
		return
	}
	earlier := v.point(v.before(b))
	moved := 0.0
	if earlier.near(before) {
		moved = (before.z - earlier.z) / (here.z - before.z) // share of the leap
	}
	if moved > alone || before.isSpike(earlier, here) {
		return
	}
	if chance := v.chanceOfRise(rise, b, here.z-before.z, s); chance < confirmed {
		s.rise, s.real, s.suspect = true, chance, last
		s.high = s.high || !v.scaled || here.z >= 1
		n.value(last, v.x, domain.DoubtUnconfirmedRise, domain.TreatedBound)
	}
}

// chanceOfRise is the chance that a lone leap is real. b is the reading before it.
func (v *river) chanceOfRise(rise float64, b int, leap float64, s *sequence) float64 {
	fallen := 0.0
	for k := range 6 {
		if s.rain[k] == s.rain[k] {
			fallen += s.rain[k]
		}
	}
	usual := 0.0
	for i, k := b, 0; k < calmReadings; k++ {
		before := v.before(i)
		if before < 0 {
			break
		}
		usual = max(usual, math.Abs(v.z(v.at(i))-v.z(v.at(before))))
		i = before
	}
	usual *= rise / leap // on the scale of the rise
	odds := riseOdds + riseBySize*math.Log(rise/leastRise) + riseBeyond*math.Log(max(rise, largestRise)/largestRise) +
		riseByNoise*math.Log(max(usual, usualStep)/usualStep)
	if fallen >= rainExplains {
		odds += riseByRain
	}
	return max(expit(odds), leastReal)
}

// checkStuck looks for a river that ends in a run of one value while it rains, or for a week. A stuck gauge
// does not vouch for the river: its run is left out. It returns the newest reading that counts, -1 for none.
func (s *sequence) checkStuck(v *river, last int, as trust, n *notes) int {
	value := v.at(last)
	since, before, count := last, -1, 1
	for i := v.before(last); i >= 0; i = v.before(i) {
		if v.at(i) != value {
			before = i
			break
		}
		since = i
		count++
	}
	from, until := v.readings[since].Time.Unix(), v.readings[last].Time.Unix()
	hours := int((until - from) / 3600)
	rain := 0.0
	for k := range min(int((v.now-from)/3600), Hours) {
		if s.rain[k] == s.rain[k] {
			rain += s.rain[k]
		}
	}
	stuck := hours >= stuckSoonHours && rain >= stuckSoonRain || hours >= stuckDayHours && rain >= stuckDayRain || hours >= stuckHours
	if count < MinReadings || !stuck {
		return last
	}
	s.faults[v.x][FaultStuck] = saturated(count)
	if as.stuck {
		return last
	}
	s.stuck = true
	s.high = s.high || v.scaled && v.z(value) >= 1
	n.value(last, v.x, domain.DoubtFrozen, domain.TreatedMissing)
	return before
}

// Thresholds that do not fit.
const (
	// On the gauges of the training z is never below -1.4; the Amazon at Manaus was at -2.4 in 2010.
	farBelowZ = -3.0
	// A river that all the time lies far above its flood threshold is more often one in another unit.
	farAboveZ = 4.0
	// A river in a greater unit than its thresholds lies below a share of the normal, and in all below it.
	belowNormal = 5.0  // of levels
	belowFlow   = 12.0 // of discharges, which vary more; a cubic metre has 35 cubic feet
	leastDepth  = 4.0  // m below the normal
	widestReach = 30.0 // m from the normal to the flood threshold; the Yangtze at Chongqing has less
	ofReach     = 15.0 // the river reaches less than this part of it
	leastFlow   = 10.0 // m3/s of the normal; smaller rivers may run dry
	// A river that lies lower than this and is ordinary in another unit is in that unit.
	unitZ = -1.5
	// A river that lies lower than this, below zero all the time, and is ordinary without its sign, has another sign:
	// a sensor above the water measures downwards.
	signZ                       = -0.5
	leastOrdinary, mostOrdinary = -0.35, 3.0 // z
)

// checkThresholds leaves out thresholds that are in another unit than the series or count from another zero.
func (s *sequence) checkThresholds(v *river, as trust, n *notes) {
	lowest, highest, newest := v.extremes()
	if lowest > highest {
		return
	}
	reason, misfit := misfits(v.x, lowest, highest, v.origin, v.origin+v.scale)
	if !misfit {
		return
	}
	if as.thresholds {
		return
	}
	if unit, ok := doubt.UnitFactor((lowest+highest)/2, v.origin, v.origin+v.scale); ok {
		s.unit = unit
	}
	if reason == domain.DoubtSign {
		s.unit, newest = -1, -newest
	}
	s.high = s.high || v.z(newest) >= 1
	s.misfit, v.scaled = true, false
	if n != nil {
		n.quality.Doubt("/river/flood_threshold", reason, domain.TreatedMissing)
		n.quality.Doubt("/river/normal", reason, domain.TreatedMissing)
	}
}

// extremes are the lowest and the highest value that is no code, each but one where there are ten, and the
// newest; lowest is above highest when there are too few to judge.
func (v *river) extremes() (lowest, highest, newest float64) {
	lowest, highest = math.Inf(1), math.Inf(-1)
	low2, high2 := lowest, highest
	count := 0
	for i := v.first; i < v.end; i++ {
		value := v.readings[i].Value(v.x)
		if value != value || doubt.MayBeCode(quantities[v.x], value) {
			continue
		}
		count++
		newest = value
		if value < lowest {
			lowest, low2 = value, lowest
		} else {
			low2 = min(low2, value)
		}
		if value > highest {
			highest, high2 = value, highest
		} else {
			high2 = max(high2, value)
		}
	}
	switch {
	case count < 3:
		return math.Inf(1), math.Inf(-1), newest
	case count >= 10:
		return low2, high2, newest
	}
	return lowest, highest, newest
}

// misfits reports whether a series between lowest and highest cannot be that of the thresholds, and why.
func misfits(x Series, lowest, highest, normal, threshold float64) (domain.DoubtReason, bool) {
	z := func(v float64) float64 { return (v - normal) / (threshold - normal) }
	reason := func() domain.DoubtReason {
		if d, ok := doubt.CheckRiver((lowest+highest)/2, normal, threshold); ok && d.Reason == domain.DoubtUnit {
			return domain.DoubtUnit
		}
		return domain.DoubtDatum
	}
	ordinary := func(v float64) bool { return z(v) > leastOrdinary && z(v) < mostOrdinary }
	if highest < 0 && normal > 0 && z(highest) < signZ && ordinary(-lowest) && ordinary(-highest) {
		return domain.DoubtSign, true
	}
	if z(lowest) > farAboveZ || z(highest) < farBelowZ {
		return reason(), true
	}
	size := max(math.Abs(lowest), math.Abs(highest))
	small := x == SeriesWaterLevel && belowNormal*size < normal && normal-highest > leastDepth ||
		x == SeriesWaterLevel && threshold-normal > widestReach && ofReach*size < threshold-normal ||
		x == SeriesDischarge && belowFlow*size < normal && normal >= leastFlow
	if small {
		return domain.DoubtUnit, true
	}
	if z(highest) < unitZ {
		for _, f := range doubt.UnitFactors {
			if a, b := z(lowest*f), z(highest*f); a > leastOrdinary && b < 1.5 {
				return domain.DoubtUnit, true
			}
		}
	}
	return 0, false
}
