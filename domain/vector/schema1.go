package vector

import "math"

// Schema1 names the features of risk_scorer 1.0.0, which stays servable as the version to roll back to.
const Schema1 = "risk-1"

// NumFeatures1 is the number of features of Schema1.
const NumFeatures1 = 48

// maxDays1 is the longest rain history that Schema1 reads.
const maxDays1 = 90

// Names1 are the features' names in the order of Assemble1. Units are millimetres, days and °C, as in
// the manifest of the model; "_relative" means relative to the site: to its long-term mean daily rain,
// or (rain_2d, index_60, index_90, wet_storm) to the rain that usually brings a flood to such a site.
var Names1 = [NumFeatures1]string{
	"rain_today", "rain_2d", "rain_4d", "rain_7d_mean", "rain_14d", "rain_30d_mean", "rain_60d", "rain_90d",
	"index_60", "index_80", "index_90",
	"rain_today_relative", "rain_2d_relative", "rain_4d_relative", "rain_7d_relative", "rain_30d_relative", "rain_90d_relative",
	"index_60_relative", "index_80_relative", "index_90_relative", "wet_storm_relative",
	"river_ratio",
	"temperature", "temperature_7d_mean", "temperature_30d_mean", "warming_7d", "warming_30d",
	"humidity", "season_sin", "season_cos",
	"elevation_m", "slope_m_per_km", "area_km2", "soil_depth_m", "soil_porosity", "soil_conductivity_cm_h",
	"soil_water_capacity_m", "sand_percent", "clay_percent", "precipitation_mean_mm_day", "pet_mean_mm_day",
	"precipitation_seasonality", "snow_fraction", "aridity", "high_precipitation_days", "forest_fraction",
	"leaf_area_index_max", "geology_permeability_log10_m2",
}

// Assemble1 writes the features of in to dst, which holds NumFeatures1 values; a feature whose inputs
// are missing is NaN. It does not allocate. The inputs are expected at their canonical resolution
// (risk.Request.Canonicalize); what is derived from them here is rounded the same way.
//
// Every rain feature is non-decreasing in every rain input: the boosters are constrained to rise with
// these features, hence more rain never lowers a probability.
//
// The trainer of 1.0.0 computed the same features with the same operations in the same order. The conversions to float64 around products keep compilers from
// fusing them with a sum, which would round differently.
func Assemble1(dst []float32, in *Inputs) {
	_ = dst[NumFeatures1-1]
	var rain rainfall
	rain.read(in)

	mean7 := rain.mean(7, in.Rainfall7dMean)
	mean30 := rain.mean(30, in.Rainfall30dMean)
	today, days2, days4 := rain.total(1), rain.total(2), rain.total(4)
	days90 := rain.total(90)
	index60, index80, index90 := rain.indices(7*mean7, 30*mean30)

	climate := single(in.Site.PrecipitationMeanMMDay)
	if climate < driest { // false for NaN
		climate = driest
	}
	storm, month := usualFloodRain(&in.Site)
	sin, cos := season(in)

	for i, v := range [...]float64{
		today, days2, days4, mean7, rain.total(14), mean30, rain.total(60), days90,
		index60, index80, index90,
		today / climate, days2 / storm, days4 / climate, mean7 / climate, mean30 / climate, days90 / climate,
		index60 / storm, index80 / climate, index90 / month, index60 / storm * (index90 / month),
		round(in.River.Ratio(), 1e4),
		in.Temperature, in.Temperature7dMean, in.Temperature30dMean,
		in.Temperature - in.Temperature7dMean, in.Temperature - in.Temperature30dMean,
		in.Humidity, sin, cos,
		in.Site.ElevationM, in.Site.SlopeMPerKM, in.Site.AreaKM2, in.Site.SoilDepthM, in.Site.SoilPorosity,
		in.Site.SoilConductivityCMH, in.Site.SoilWaterCapacityM, in.Site.SandPercent, in.Site.ClayPercent,
		in.Site.PrecipitationMeanMMDay, in.Site.PETMeanMMDay, in.Site.PrecipitationSeasonality, in.Site.SnowFraction,
		in.Site.Aridity, in.Site.HighPrecipitationDays, in.Site.ForestFraction, in.Site.LeafAreaIndexMax,
		in.Site.GeologyPermeabilityLog10M2,
	} {
		dst[i] = float32(v)
	}
}

// rainfall is the unbroken run of daily rain that ends today.
type rainfall struct {
	known int                   // days, today included
	daily [indexDays]float64    // newest first, zero where unknown
	sum   [maxDays1 + 1]float64 // sum[i] is the rain of today and the i days before
}

func (r *rainfall) read(in *Inputs) {
	history := in.RainfallHistoryMM[:min(in.HistoryDays(), maxDays1)]
	r.known = 1 + len(history)
	r.daily[0], r.sum[0] = in.RainfallMM, in.RainfallMM
	total := in.RainfallMM
	for i, v := range history {
		total += v
		r.sum[i+1] = total
	}
	copy(r.daily[1:], history)
}

// total returns the rain of the last days, NaN when not all of them are known.
func (r *rainfall) total(days int) float64 {
	if r.known < days {
		return math.NaN()
	}
	return r.sum[days-1]
}

// mean returns given, or the mean that the known days yield when it is missing.
func (r *rainfall) mean(days int, given float64) float64 {
	if given == given {
		return given
	}
	return round(r.total(days)/float64(days), 100)
}

// decay is how an antecedent precipitation index forgets.
type decay struct {
	keep float64
	// tail[n] is the sum of the weights keep^age of ages n to the end of the month.
	tail [indexDays + 1]float64
}

func newDecay(keep float64) (d decay) {
	d.keep = keep
	var weights [indexDays]float64
	weights[0] = 1
	for i := 1; i < indexDays; i++ {
		weights[i] = weights[i-1] * keep
	}
	for i := indexDays - 1; i >= 0; i-- {
		d.tail[i] = d.tail[i+1] + weights[i]
	}
	return d
}

var decays = [3]decay{newDecay(0.6), newDecay(0.8), newDecay(0.9)}

// indices returns the antecedent precipitation indices of 30 days, the sums of keep^age * rain.
//
// Known days enter as they are. The rest of the week and of the month enter with the mean weight of
// their days times what the 7- and 30-day totals leave over, so the indices exist whenever the
// 30-day total does. Newer rain weighs more than older rain, hence raising a day, the week or the
// month never lowers an index.
func (r *rainfall) indices(total7, total30 float64) (i60, i80, i90 float64) {
	if total30 != total30 {
		return total30, total30, total30
	}
	n := min(r.known, indexDays)
	for age := n - 1; age >= 0; age-- {
		v := r.daily[age]
		i60 = float64(i60*decays[0].keep) + v
		i80 = float64(i80*decays[1].keep) + v
		i90 = float64(i90*decays[2].keep) + v
	}
	if n == indexDays {
		return i60, i80, i90
	}
	from, known, weekRest := n, r.sum[n-1], 0.0
	week := n < 7 && total7 == total7
	if week {
		from = 7
		weekRest = max(total7-known, 0)
		known = max(total7, known)
	}
	monthRest := max(total30-known, 0)
	for k, i := range [...]*float64{&i60, &i80, &i90} {
		d := &decays[k]
		if week {
			*i += float64((d.tail[n] - d.tail[7]) / float64(7-n) * weekRest)
		}
		*i += float64(d.tail[from] / float64(indexDays-from) * monthRest)
	}
	return i60, i80, i90
}

// season returns the sine and cosine of the time of year, half a year shifted south of the equator,
// so that summer is summer everywhere.
func season(in *Inputs) (sin, cos float64) {
	day := float64(in.Date.YearDay())
	if in.Latitude < 0 {
		day = math.Mod(day+daysInYear/2, daysInYear)
	}
	return math.Sincos(day * (2 * math.Pi / daysInYear))
}

// single rounds to the precision of a feature.
func single(v float64) float64 { return float64(float32(v)) }

// round rounds half away from zero to 1/scale.
func round(v, scale float64) float64 { return math.Round(v*scale) / scale }
