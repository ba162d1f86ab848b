package vector

import "math"

// Schema versions the features: their names, order, units and formulas. A model trained on a schema that this
// package does not know is refused.
const Schema = "risk-2"

// NumFeatures is the number of features of Schema.
const NumFeatures = 100

// Names are the features' names in the order of Assemble; the manifest of the model holds units and descriptions.
// "_climate" means over the long-term mean daily rain, "_usual" over the rain that usually brings a flood to such a
// site, "_of_year" over the greatest value in the year before.
var Names = [NumFeatures]string{
	"rain_today", "rain_2d", "rain_4d", "index_60", "index_80", "index_90", "rain_today_climate", "rain_4d_climate",
	"index_80_climate", "rain_today_usual", "rain_2d_usual", "index_60_usual", "index_90_usual", "wet_storm_usual",
	"log_rain_today", "log_rain_today_usual", "log_rain_today_of_year", "extreme_today",
	"rain_tomorrow", "rain_two_days", "rain_tomorrow_climate", "rain_tomorrow_usual", "rain_tomorrow_of_year",
	"log_rain_tomorrow", "log_rain_tomorrow_usual", "log_rain_tomorrow_of_year", "extreme_tomorrow",
	"rain_yesterday", "past_3d", "week_mean", "past_14d", "month_mean", "past_60d", "past_90d",
	"week_climate", "month_climate", "past_90d_climate",
	"unknown_days", "water_today", "water_3d", "water_7d", "water_60", "water_85", "water_95", "water_today_of_year",
	"water_3d_of_year", "runoff_fast", "runoff_fast_of_year", "runoff_of_year", "runoff_slow_of_year",
	"log_runoff_of_year", "rain_today_of_year", "month_water", "month_snow", "half_year_mean", "year_mean",
	"snow_store", "melt_today", "soil_shallow", "soil_deep", "runoff_yesterday_of_year", "year_pet", "year_aridity",
	"year_snow_fraction", "year_largest_day", "year_high_days", "year_temperature",
	"river_ratio", "river_2", "river_3", "river_7", "river_rise", "river_month_mean", "river_month_most",
	"temperature", "temperature_7d_mean", "temperature_30d_mean", "warming_7d", "warming_30d", "humidity",
	"season_sin", "season_cos",
	"elevation_m", "slope_m_per_km", "area_km2", "soil_depth_m", "soil_porosity", "soil_conductivity_cm_h",
	"soil_water_capacity_m", "sand_percent", "clay_percent", "precipitation_mean_mm_day", "pet_mean_mm_day",
	"precipitation_seasonality", "snow_fraction", "aridity", "high_precipitation_days", "forest_fraction",
	"leaf_area_index_max", "geology_permeability_log10_m2",
}

const (
	indexDays  = 30 // an antecedent index forgets rain older than this
	daysInYear = 365.25
	driest     = 0.1 // mm/day, least climate rain that rain is divided by
	shortDays  = 90  // days of rain before today that are read one by one without the year
	riverDays  = RiverDays
	logRain    = 10  // mm, below which the logarithm of rain is nearly rain itself
	beyond     = 300 // mm a day, beyond which no training basin speaks
)

// Levels are the lengths of a rain history that are told apart, in days.
var Levels = [...]int{0, 3, 7, 14, 30, 60, 90}

const (
	yearKnown = 292 // days of rain, and of temperature, without which the year is not read
	weekOfGap = 7
	// LongestLevel is the last of Levels.
	LongestLevel = 90
	// MostGaps is the largest class of View.Gaps.
	MostGaps = 2
)

// View says how much of the weather before today counts as known. Inside a view, unknown days enter as zero; the
// caller asks for the worst of the views that an incomplete history allows, so that an unknown day never counts as a
// dry one.
type View struct {
	Level int  // one of Levels: days of rain that are read
	Year  bool // whether the year of weather is read
	Gaps  int  // days of the year without rain: 0 none, 1 up to a week, 2 more
}

// Known is what a request knows of the weather before today.
type Known struct {
	View      // the longest level without a gap; the year when enough of it is known
	Rain bool // some day of rain is known
	Wet  bool // some known day had rain
	Warm bool // enough temperatures are known for the year
}

// Look counts what is known.
func Look(in *Inputs) (k Known) {
	if len(in.RainfallHistoryMM) == 0 && len(in.TemperatureHistory) < yearKnown {
		return k
	}
	prefix, days := -1, 0
	rain := in.RainfallHistoryMM[:min(len(in.RainfallHistoryMM), YearDays)]
	for i, v := range rain {
		switch {
		case v == v:
			days++
			k.Wet = k.Wet || v > 0
		case prefix < 0:
			prefix = i
		}
	}
	if prefix < 0 {
		prefix = len(rain)
	}
	for _, l := range Levels {
		if prefix >= l {
			k.Level = l
		}
	}
	warm := 0
	for _, v := range in.TemperatureHistory[:min(len(in.TemperatureHistory), YearDays)] {
		if v == v {
			warm++
		}
	}
	k.Rain, k.Warm = days > 0, warm >= yearKnown
	k.Year = k.Warm && k.Level >= 3 && days >= yearKnown
	if k.Year {
		k.Level = LongestLevel // inside the year all days enter, unknown ones as zero
	}
	switch gaps := YearDays - days; {
	case gaps > weekOfGap:
		k.Gaps = 2
	case gaps > 0:
		k.Gaps = 1
	}
	return k
}

// Assemble writes the features of in under a view to dst, which holds NumFeatures values; a feature whose inputs are
// missing is NaN. It does not allocate. The inputs are expected at their canonical resolution
// (risk.Request.Canonicalize); what is derived from them here is rounded the same way.
//
// A feature that holds rain of today or of tomorrow never falls when that rain rises: the boosters are constrained to
// rise with these features, hence more rain never lowers a probability.
//
// The trainer computes the same features with the same operations in the same order
// (models/training/features.py). The conversions to float64 around products keep compilers from
// fusing them with a sum, which would round differently.
func Assemble(dst []float32, in *Inputs, view View) {
	_ = dst[NumFeatures-1]
	a := assembly{dst: dst, in: in, view: view}
	climate := single(in.Site.PrecipitationMeanMMDay)
	var y *yearFeatures
	if view.Year {
		var walked yearFeatures
		walkYear(&walked, in)
		y = &walked
		if climate != climate {
			climate = single(y.yearMean)
		}
	}
	if climate < driest { // false for NaN
		climate = driest
	}
	largest := math.NaN()
	if y != nil {
		largest = max(y.yearLargestDay, 1)
	}
	a.rain(climate, largest)
	a.year(y)
	a.river()
	a.weather()
	a.site()
}

// assembly carries what every group of features needs.
type assembly struct {
	dst  []float32
	in   *Inputs
	view View
	at   int
}

func (a *assembly) put(values ...float64) {
	dst := a.dst[a.at : a.at+len(values)]
	for i, v := range values {
		dst[i] = float32(v)
	}
	a.at += len(values)
}

// past is the rain before today under a view.
type past struct {
	level int
	daily [shortDays]float64 // newest first, zero where not known
	sum   [shortDays]float64 // sum[i] is the rain of the i+1 newest days
}

func (p *past) read(in *Inputs, level int) {
	p.level = level
	total := 0.0
	for i := range level {
		v := at(in.RainfallHistoryMM, i)
		if v != v {
			v = 0
		}
		total += v
		p.daily[i], p.sum[i] = v, total
	}
}

// total returns the rain of the newest days, NaN when the view does not reach so far.
func (p *past) total(days int) float64 {
	if p.level < days {
		return math.NaN()
	}
	return p.sum[days-1]
}

// mean returns the mean of the newest days, or given when the view does not reach so far.
func (p *past) mean(days int, given float64) float64 {
	if p.level < days {
		return given
	}
	return round(p.sum[days-1]/float64(days), 100)
}

// rain fills the features of rain alone.
func (a *assembly) rain(climate, largest float64) {
	in := a.in
	var p past
	p.read(in, a.view.Level)
	today, tomorrow := in.RainfallMM, in.Tomorrow()
	days2, days4 := math.NaN(), math.NaN()
	yesterday := math.NaN()
	if p.level >= 3 {
		days2, days4, yesterday = today+p.sum[0], today+p.sum[2], p.daily[0]
	}
	mean7, mean30 := in.Rainfall7dMean, in.Rainfall30dMean
	if p.level >= 7 {
		mean7 = math.NaN()
	}
	if p.level >= 30 {
		mean30 = math.NaN()
	}
	i60, i80, i90 := p.indices(today, mean7, mean30, climate)
	storm, month := usualFloodRain(&in.Site)
	week30, week7 := p.mean(30, in.Rainfall30dMean), p.mean(7, in.Rainfall7dMean)
	days90 := p.total(90)
	// Features are divided in single precision where the trainer divides columns that it has stored.
	a.put(
		today, days2, days4, i60, i80, i90, today/climate, days4/climate, i80/climate,
		today/storm, days2/storm, i60/storm, i90/month, i60/storm*(i90/month),
		logOnePlus(today/logRain), logOnePlus(2*today/storm), logOnePlus(today/largest), extreme(today),
		tomorrow, today+tomorrow, tomorrow/climate, tomorrow/storm, tomorrow/largest,
		logOnePlus(tomorrow/logRain), logOnePlus(2*tomorrow/storm), logOnePlus(tomorrow/largest), extreme(tomorrow),
		yesterday, p.total(3), week7, p.total(14), week30, p.total(60), days90,
		week7/climate, week30/climate, days90/climate,
	)
}

func logOnePlus(v float64) float64 {
	if v != v {
		return v
	}
	return math.Log1p(v)
}

// extreme goes on rising where no training basin speaks any more.
func extreme(rain float64) float64 {
	if rain != rain {
		return rain
	}
	return math.Log1p((rain / beyond) * (rain / beyond))
}

// indices returns the antecedent precipitation indices of 30 days, the sums of keep^age * rain, today having age 0.
//
// Known days enter as they are. The rest of the week and of the month enter with the mean weight of
// their days times what the 7- and 30-day means leave over; without a 30-day mean, the site's mean rain stands in for
// the rest. Newer rain weighs more than older rain, hence raising today never lowers an index.
func (p *past) indices(today, mean7, mean30, climate float64) (i60, i80, i90 float64) {
	n := min(p.level+1, indexDays)
	known := today
	for age := n - 1; age >= 0; age-- {
		v := today
		if age > 0 {
			v = p.daily[age-1]
		}
		i60 = float64(i60*decays[0].keep) + v
		i80 = float64(i80*decays[1].keep) + v
		i90 = float64(i90*decays[2].keep) + v
	}
	if n == indexDays {
		return i60, i80, i90
	}
	for age := 1; age < n; age++ {
		known += p.daily[age-1]
	}
	from, weekRest := n, 0.0
	week := n < 7 && mean7 == mean7
	beforeMonth := known
	if week {
		from = 7
		weekRest = max(7*mean7-known, 0)
		beforeMonth = max(7*mean7, known)
	}
	monthRest := float64(indexDays-from) * climate
	if mean30 == mean30 {
		monthRest = max(30*mean30-beforeMonth, 0)
	}
	for k, i := range [...]*float64{&i60, &i80, &i90} {
		d := &decays[k]
		if week {
			*i += float64((d.tail[n] - d.tail[7]) / float64(7-n) * weekRest)
		}
		*i += float64(d.tail[from] / float64(indexDays-from) * monthRest)
	}
	return i60, i80, i90
}

// year fills the features of the year of weather.
func (a *assembly) year(y *yearFeatures) {
	if y == nil {
		nan := math.NaN()
		for range yearFeatureCount {
			a.put(nan)
		}
		return
	}
	a.put(
		float64(a.view.Gaps), y.waterToday, y.water3d, y.water7d, y.water60, y.water85, y.water95, y.waterTodayOfYear,
		y.water3dOfYear, y.runoffFast, y.runoffFastOfYear, y.runoffOfYear, y.runoffSlowOfYear,
		math.Log1p(10*y.runoffFastOfYear), a.in.RainfallMM/max(y.yearLargestDay, 1), y.monthWater, y.monthSnow,
		y.halfYearMean, y.yearMean, y.snowStore, y.meltToday, y.soilShallow, y.soilDeep, y.runoffYesterdayOfYear,
		y.yearPET, y.yearAridity, y.yearSnowFraction, y.yearLargestDay, y.yearHighDays, y.yearTemperature,
	)
}

const yearFeatureCount = 30

// river fills the features of the river of a month; its mean and most exist from half of the days on.
func (a *assembly) river() {
	r := func(days int) float64 { return round(a.in.RiverRatio(days), 1e4) }
	first, second := r(1), r(2)
	mean, most := math.NaN(), math.NaN()
	total, count, top := 0.0, 0, math.Inf(-1)
	if len(a.in.RiverHistory) > 0 {
		for days := 1; days <= riverDays; days++ {
			if v := r(days); v == v {
				total += v
				count++
				top = max(top, v)
			}
		}
	}
	if count >= riverDays/2 {
		mean, most = total/float64(count), top
	}
	a.put(first, second, r(3), r(7), first-second, mean, most)
}

// weather fills temperature, humidity and season.
func (a *assembly) weather() {
	in := a.in
	t7, t30 := warmMeans(in)
	sin, cos := season(in)
	a.put(in.Temperature, t7, t30, in.Temperature-t7, in.Temperature-t30, in.Humidity, sin, cos)
}

// warmMeans returns the means of temperature: the posted ones, or those of the known days when most of them are known.
func warmMeans(in *Inputs) (t7, t30 float64) {
	t7, t30 = in.Temperature7dMean, in.Temperature30dMean
	if len(in.TemperatureHistory) == 0 || t7 == t7 && t30 == t30 {
		return t7, t30
	}
	total, count := 0.0, 0
	for age := range 30 {
		t := in.Temperature
		if age > 0 {
			t = at(in.TemperatureHistory, age-1)
		}
		if t == t {
			total += t
			count++
		}
		if age == 6 && count >= 5 && t7 != t7 {
			t7 = round(total/float64(count), 10)
		}
	}
	if count >= 22 && t30 != t30 {
		t30 = round(total/float64(count), 10)
	}
	return t7, t30
}

// site fills the attributes of the site.
func (a *assembly) site() {
	s := &a.in.Site
	a.put(
		s.ElevationM, s.SlopeMPerKM, s.AreaKM2, s.SoilDepthM, s.SoilPorosity, s.SoilConductivityCMH, s.SoilWaterCapacityM,
		s.SandPercent, s.ClayPercent, s.PrecipitationMeanMMDay, s.PETMeanMMDay, s.PrecipitationSeasonality,
		s.SnowFraction, s.Aridity, s.HighPrecipitationDays, s.ForestFraction, s.LeafAreaIndexMax,
		s.GeologyPermeabilityLog10M2,
	)
}
