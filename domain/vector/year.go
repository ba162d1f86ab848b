package vector

import "math"

// The constants of the walk through a year.
const (
	melting       = 3.0   // mm of melt a day and K above freezing
	shallowSoil   = 80.0  // mm, capacity
	deepSoil      = 300.0 // mm, capacity
	radiationDays = 8     // extraterrestrial radiation is computed anew every so many days
	// PET in mm/day of Oudin et al. (2005) is radiation in MJ/m²/day × (T + 5 °C) / (100 × 2.45 MJ/kg).
	oudin = 245.0
)

// yearFeatures are the features of a year of daily rain and temperature, named as in Names.
type yearFeatures struct {
	waterToday, water3d, water7d, water60, water85, water95              float64
	waterTodayOfYear, water3dOfYear                                      float64
	runoffFast, runoffFastOfYear, runoffOfYear, runoffSlowOfYear         float64
	monthWater, monthSnow, halfYearMean, yearMean, snowStore, meltToday  float64
	soilShallow, soilDeep, runoffYesterdayOfYear                         float64
	yearPET, yearAridity, yearSnowFraction, yearLargestDay, yearHighDays float64
	yearTemperature                                                      float64
}

// soil is a store of water from which a share runs off that grows with the square of its filling.
type soil struct{ water, capacity float64 }

// The walk compares with ifs: the builtin min and max also order zeros and NaN, which costs half of its time.

// take adds the water w, lets the vegetation draw up to pet and returns the runoff.
func (s *soil) take(w, pet float64) float64 {
	f := s.water / s.capacity
	q := float64(float64(w*f) * f)
	level := s.water + w - q
	if drawn := float64(pet * f); drawn < level {
		level -= drawn
	} else {
		level = 0
	}
	if level > s.capacity {
		q += level - s.capacity
		level = s.capacity
	}
	s.water = level
	return q
}

// offer returns the runoff that the water w would bring today; it rises with w.
func (s *soil) offer(w float64) float64 {
	f := s.water / s.capacity
	q := float64(float64(w*f) * f)
	return q + max(s.water+w-q-s.capacity, 0)
}

// route is a decaying sum of runoff and its greatest value so far.
type route struct{ keep, now, most float64 }

func (r *route) take(q float64) {
	r.now = float64(r.now*r.keep) + q
	if r.now > r.most {
		r.most = r.now
	}
}

// yearWalk is the state of the walk.
type yearWalk struct {
	snow, mostWater, mostThree          float64
	shallow, deep                       soil
	fast, middle, slow                  route
	water60, water85, water95, w1, w2   float64
	total, pet, fallen, warmth, largest float64
	half, month, week, monthSnow        float64
}

// walkYear reads the 365 days before today, oldest first: a degree-day snow store, two soil stores, sums that decay.
// Days without rain are dry here (see View). A day without a temperature has that of the day before it.
func walkYear(y *yearFeatures, in *Inputs) {
	rain, warm := in.RainfallHistoryMM, in.TemperatureHistory
	t := math.NaN()
	for age := YearDays; age >= 1 && t != t; age-- {
		t = at(warm, age-1)
	}
	w := yearWalk{
		shallow: soil{shallowSoil / 2, shallowSoil}, deep: soil{deepSoil / 2, deepSoil},
		fast: route{keep: 0.5}, middle: route{keep: 0.8}, slow: route{keep: 0.95},
	}
	sun := newSunlight(in.Latitude)
	today, ra := float64(in.Date.YearDay()), 0.0
	for age := YearDays; age >= 1; age-- {
		if given := at(warm, age-1); given == given {
			t = given
		}
		p := at(rain, age-1)
		if p != p {
			p = 0
		}
		if age%radiationDays == 0 || age == YearDays {
			ra = sun.radiation(today - float64(age))
		}
		w.day(age, p, t, ra)
	}
	if in.Temperature == in.Temperature {
		t = in.Temperature
	}
	w.finish(y, in.RainfallMM, t)
	least := 5 * max(y.yearMean, driest)
	for _, v := range rain[:min(len(rain), YearDays)] {
		if v >= least {
			y.yearHighDays++
		}
	}
}

// liquidShare is the share of precipitation that falls as rain: none at 0 °C and below, all from 2 °C on.
func liquidShare(t float64) float64 {
	switch {
	case t >= 2:
		return 1
	case t <= 0:
		return 0
	}
	return t / 2
}

func (w *yearWalk) day(age int, p, t, ra float64) {
	rain, melt := float64(p*liquidShare(t)), 0.0
	fallen := p - rain
	w.snow += fallen
	if t > 0 {
		if melt = melting * t; melt > w.snow {
			melt = w.snow
		}
		w.snow -= melt
	}
	water, pet := rain+melt, 0.0
	if t > -5 {
		pet = ra * (t + 5) / oudin
	}
	shallow, deep := w.shallow.take(water, pet), w.deep.take(water, pet)
	w.fast.take(shallow)
	w.middle.take(shallow)
	w.slow.take(deep)
	if water > w.mostWater {
		w.mostWater = water
	}
	if three := water + w.w1 + w.w2; three > w.mostThree {
		w.mostThree = three
	}
	w.water60 = float64(w.water60*0.6) + water
	w.water85 = float64(w.water85*0.85) + water
	w.water95 = float64(w.water95*0.95) + water
	w.w2, w.w1 = w.w1, water
	w.total += p
	w.pet += pet
	w.fallen += fallen
	w.warmth += t
	if p > w.largest {
		w.largest = p
	}
	if age <= 180 {
		w.half += p
	}
	if age <= 30 {
		w.month += water
		w.monthSnow += fallen
	}
	if age <= 6 {
		w.week += water
	}
}

// finish adds today, whose rain falls on what the year left behind: no feature falls when it rises.
func (w *yearWalk) finish(y *yearFeatures, p, t float64) {
	warmth := melting * max(t, 0)
	rain := float64(p * liquidShare(t))
	w0 := rain + min(w.snow+(p-rain), warmth)
	shallow, deep := w.shallow.offer(w0), w.deep.offer(w0)
	fast := float64(w.fast.now*w.fast.keep) + shallow
	middle := float64(w.middle.now*w.middle.keep) + shallow
	slow := float64(w.slow.now*w.slow.keep) + deep
	three := w0 + w.w1 + w.w2
	mean, pet := w.total/YearDays, w.pet/YearDays
	*y = yearFeatures{
		waterToday: w0, water3d: three, water7d: w0 + w.week,
		water60: float64(w.water60*0.6) + w0, water85: float64(w.water85*0.85) + w0, water95: float64(w.water95*0.95) + w0,
		waterTodayOfYear: w0 / max(w.mostWater, 1), water3dOfYear: three / max(w.mostThree, 1),
		runoffFast: fast, runoffFastOfYear: fast / max(w.fast.most, 0.5),
		runoffOfYear: middle / max(w.middle.most, 0.5), runoffSlowOfYear: slow / max(w.slow.most, 0.5),
		monthWater: w.month, monthSnow: w.monthSnow, halfYearMean: w.half / 180, yearMean: mean,
		snowStore: w.snow, meltToday: min(w.snow, warmth),
		soilShallow: w.shallow.water / shallowSoil, soilDeep: w.deep.water / deepSoil,
		runoffYesterdayOfYear: w.middle.now / max(w.middle.most, 0.5),
		yearPET:               pet, yearAridity: pet / max(mean, driest), yearSnowFraction: w.fallen / max(w.total, 1),
		yearLargestDay: w.largest, yearTemperature: w.warmth / YearDays,
	}
}

// sunlight computes extraterrestrial radiation at a latitude.
type sunlight struct{ tan, sin, cos float64 }

func newSunlight(latitude float64) sunlight {
	phi := latitude * (math.Pi / 180)
	sin, cos := math.Sincos(phi)
	return sunlight{math.Tan(phi), sin, cos}
}

// radiation returns MJ/m²/day on a day of the year (Allen et al. 1998, FAO paper 56, equations 21 to 25).
func (s sunlight) radiation(day float64) float64 {
	angle := day * (2 * math.Pi / daysInYear)
	tilt := float64(0.409 * math.Sin(angle-1.39))
	sunset := math.Acos(min(max(-s.tan*math.Tan(tilt), -1), 1))
	light := float64(sunset*s.sin*math.Sin(tilt)) + float64(s.cos*math.Cos(tilt)*math.Sin(sunset))
	return 37.586 * (1 + float64(0.033*math.Cos(angle))) * light
}
