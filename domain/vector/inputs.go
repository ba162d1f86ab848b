package vector

import (
	"math"
	"time"
)

// MaxHistoryDays is the longest history of rain, temperature or river that the contract allows; YearDays of the weather
// and RiverDays of the river are read.
const (
	MaxHistoryDays = 400
	YearDays       = 365
	RiverDays      = 30
)

// Inputs are the raw, unrounded quantities of one flood-risk question. NaN means missing.
type Inputs struct {
	Latitude, Longitude float64 // degrees, WGS 84
	Date                time.Time

	RainfallMM  float64 // accumulation of the last 24 h, mm
	Temperature float64 // mean of the last 24 h, °C
	Humidity    float64 // relative, %

	Rainfall7dMean, Rainfall30dMean       float64 // mm/day up to and including today
	Temperature7dMean, Temperature30dMean float64 // °C

	// RainfallHistoryMM holds daily totals before today in mm, newest first: the element i is the day i+1 days before
	// Date. NaN marks a day that is not known, which is not a dry day.
	RainfallHistoryMM []float64
	// TemperatureHistory holds daily mean temperatures in °C, aligned like RainfallHistoryMM.
	TemperatureHistory []float64
	// RainfallForecastMM holds daily totals that are forecast in mm, tomorrow first; NaN marks an unknown one. Tomorrow
	// is used.
	RainfallForecastMM []float64

	River River
	// RiverHistory holds the river's daily values in the unit of River, aligned like RainfallHistoryMM: the element 0 is
	// yesterday, for which River.Value stands when both are known.
	RiverHistory []float64

	Site Site
}

// River is yesterday's level or discharge with the two numbers that make it comparable between
// rivers, all in one unit. It is usable only when all three are present.
type River struct {
	Value          float64
	Normal         float64 // median
	FloodThreshold float64 // 2-year level
}

// Ratio returns (value − normal)/(flood threshold − normal), which does not depend on the unit or on
// the gauge's zero: 0 is an ordinary day, 1 the flood threshold. NaN when any part is missing.
func (r River) Ratio() float64 {
	return (r.Value - r.Normal) / (r.FloodThreshold - r.Normal)
}

// Site holds what is known about the catchment; NaN means unknown.
type Site struct {
	ElevationM                 float64 // mean elevation of the catchment
	SlopeMPerKM                float64
	AreaKM2                    float64
	SoilDepthM                 float64
	SoilPorosity               float64 // fraction
	SoilConductivityCMH        float64 // saturated hydraulic conductivity, cm/h
	SoilWaterCapacityM         float64 // maximum water content
	SandPercent                float64
	SiltPercent                float64
	ClayPercent                float64
	PrecipitationMeanMMDay     float64
	PETMeanMMDay               float64 // potential evapotranspiration
	PrecipitationSeasonality   float64 // −1 winter … +1 summer (Woods 2009)
	SnowFraction               float64
	Aridity                    float64 // PET / precipitation
	HighPrecipitationDays      float64 // days a year with at least five times the mean
	ForestFraction             float64
	LeafAreaIndexMax           float64
	GeologyPermeabilityLog10M2 float64
}

// SiteFields is the number of fields of Site.
const SiteFields = 19

// Values returns pointers to the fields in the order of SiteNames, so that registers, wires and
// validators walk them by one list.
func (s *Site) Values() [SiteFields]*float64 {
	return [SiteFields]*float64{
		&s.ElevationM, &s.SlopeMPerKM, &s.AreaKM2, &s.SoilDepthM, &s.SoilPorosity, &s.SoilConductivityCMH,
		&s.SoilWaterCapacityM, &s.SandPercent, &s.SiltPercent, &s.ClayPercent, &s.PrecipitationMeanMMDay,
		&s.PETMeanMMDay, &s.PrecipitationSeasonality, &s.SnowFraction, &s.Aridity, &s.HighPrecipitationDays,
		&s.ForestFraction, &s.LeafAreaIndexMax, &s.GeologyPermeabilityLog10M2,
	}
}

// SiteNames are the contract's names of the fields, in the order of Values.
var SiteNames = [SiteFields]string{
	"elevation_m", "slope_m_per_km", "area_km2", "soil_depth_m", "soil_porosity", "soil_conductivity_cm_h",
	"soil_water_capacity_m", "sand_percent", "silt_percent", "clay_percent", "precipitation_mean_mm_day",
	"pet_mean_mm_day", "precipitation_seasonality", "snow_fraction", "aridity", "high_precipitation_days",
	"forest_fraction", "leaf_area_index_max", "geology_permeability_log10_m2",
}

// Missing returns Inputs with every optional quantity missing.
func Missing() Inputs {
	nan := math.NaN()
	in := Inputs{
		Latitude: nan, Longitude: nan, RainfallMM: nan, Temperature: nan, Humidity: nan,
		Rainfall7dMean: nan, Rainfall30dMean: nan, Temperature7dMean: nan, Temperature30dMean: nan,
		River: River{nan, nan, nan},
	}
	for _, v := range in.Site.Values() {
		*v = nan
	}
	return in
}

// Tomorrow returns tomorrow's rain, NaN when it is not known.
func (in *Inputs) Tomorrow() float64 { return at(in.RainfallForecastMM, 0) }

// RiverRatio returns the river of so many days before the date in the scale of River.Ratio; 1 is yesterday.
func (in *Inputs) RiverRatio(daysBefore int) float64 {
	r := in.River
	if daysBefore > 1 || r.Value != r.Value {
		r.Value = at(in.RiverHistory, daysBefore-1)
	}
	return r.Ratio()
}

// at returns v[i], NaN where the slice does not reach.
func at(v []float64, i int) float64 {
	if i < len(v) {
		return v[i]
	}
	return math.NaN()
}

// HistoryDays returns the number of unbroken days of rainfall history before today.
func (in *Inputs) HistoryDays() int {
	for i, v := range in.RainfallHistoryMM {
		if v != v {
			return i
		}
	}
	return len(in.RainfallHistoryMM)
}
