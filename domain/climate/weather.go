package climate

import (
	"math"
	"time"
)

// Day is one day of weather.
type Day struct {
	Date        time.Time // its calendar date counts
	RainfallMM  float64
	Temperature float64 // mean of the day, °C
}

// Weather holds the climate attributes of a site as flood-risk requests name them.
type Weather struct {
	PrecipitationMeanMMDay float64 // mean daily precipitation, mm/day
	PETMeanMMDay           float64 // mean potential evaporation, mm/day
	// PrecipitationSeasonality is positive where more falls in the warm half of the year, negative where more falls
	// in the cold half, and near 0 where precipitation is uniform (Woods 2009, "Analytical model of seasonal climate
	// impacts on snow hydrology", Advances in Water Resources 32, 1465-1481).
	PrecipitationSeasonality float64
	SnowFraction             float64 // share of the precipitation that falls on days colder than 0 °C
	Aridity                  float64 // evaporation over precipitation
	HighPrecipitationDays    float64 // days a year with at least five times the mean
	TemperatureMean          float64 // °C; no attribute, but it tells how far the evaporation can be trusted

	RainDays, TemperatureDays int // known days
	// RainMonths and TemperatureMonths count the calendar months, of 12, of which enough days are known.
	RainMonths, TemperatureMonths int
}

const (
	daysInYear = 365.2425
	// leastMonth is the number of known days without which a calendar month is not known: a month less a gap of a
	// few days, from one year or from several together.
	leastMonth = 25
	highRain   = 5.0 // times the mean, from which a day is one of high precipitation
	// leastWarmth is the half of the yearly range of temperature, in K, below which a place has no warm season to
	// compare the rain with.
	leastWarmth = 1.0
)

// DeriveWeather returns the attributes of a place at a latitude in degrees, NaN where it is not known. A date must not
// be given twice; the order does not matter.
func DeriveWeather(days []Day, latitude float64) Weather {
	nan := math.NaN()
	w := Weather{nan, nan, nan, nan, nan, nan, nan, 0, 0, 0, 0}
	var wet, warm, both calendar
	for _, d := range days {
		rain, temperature := d.RainfallMM == d.RainfallMM, d.Temperature == d.Temperature
		wet.count(d.Date, rain)
		warm.count(d.Date, temperature)
		both.count(d.Date, rain && temperature)
	}
	w.RainDays, w.RainMonths = wet.total()
	w.TemperatureDays, w.TemperatureMonths = warm.total()
	if w.RainMonths == 12 {
		w.PrecipitationMeanMMDay = wet.mean(days, func(d Day) float64 { return d.RainfallMM })
		if w.PrecipitationMeanMMDay > 0 {
			w.HighPrecipitationDays = daysInYear * wet.mean(days, func(d Day) float64 {
				return share(d.RainfallMM, d.RainfallMM >= highRain*w.PrecipitationMeanMMDay)
			})
		}
	}
	if w.TemperatureMonths == 12 {
		w.TemperatureMean = warm.mean(days, func(d Day) float64 { return d.Temperature })
	}
	if w.TemperatureMonths == 12 && latitude == latitude {
		w.PETMeanMMDay = warm.mean(days, func(d Day) float64 {
			return PotentialEvaporation(d.Temperature, Radiation(latitude, d.Date.YearDay()))
		})
	}
	if w.PrecipitationMeanMMDay > 0 {
		w.Aridity = w.PETMeanMMDay / w.PrecipitationMeanMMDay
	}
	if _, months := both.total(); months == 12 {
		w.SnowFraction = both.snow(days)
		w.PrecipitationSeasonality = both.seasonality(days)
	}
	return w
}

// share is 1 where a condition on the known value v holds, 0 where it does not, NaN where v is not known.
func share(v float64, holds bool) float64 {
	switch {
	case v != v:
		return v
	case holds:
		return 1
	}
	return 0
}

// calendar counts known days by calendar month. Means over it give every month the weight of its length, so that a
// record with more summers than winters does not count summers more.
type calendar [12]int

func (c *calendar) count(date time.Time, known bool) {
	if known {
		c[date.Month()-1]++
	}
}

// total returns the number of known days, and of months with enough of them.
func (c *calendar) total() (days, months int) {
	for _, n := range c {
		days += n
		if n >= leastMonth {
			months++
		}
	}
	return days, months
}

var monthLength = [12]float64{31, 28.2425, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// weight is the share of a year that one known day stands for.
func (c *calendar) weight(date time.Time) float64 {
	m := date.Month() - 1
	return monthLength[m] / daysInYear / float64(c[m])
}

// mean returns the mean of a year of what value returns; NaN is a day that does not count, and must be so on the days
// that the calendar did not count.
func (c *calendar) mean(days []Day, value func(Day) float64) float64 {
	sum := 0.0
	for _, d := range days {
		if v := value(d); v == v {
			sum += c.weight(d.Date) * v
		}
	}
	return sum
}

// snow returns the share of precipitation on days colder than 0 °C, NaN where nothing fell.
func (c *calendar) snow(days []Day) float64 {
	snow, all := 0.0, 0.0
	for _, d := range days {
		if d.RainfallMM != d.RainfallMM || d.Temperature != d.Temperature {
			continue
		}
		fallen := c.weight(d.Date) * d.RainfallMM
		all += fallen
		if d.Temperature < 0 {
			snow += fallen
		}
	}
	return snow / all // 0/0 is NaN
}

// seasonality fits one sine of a year to precipitation and one to temperature. Woods (2009) writes it
// δp · sgn(δt) · cos(2π(sp − st)/τ) with the amplitudes δ and phases s of the two; the same in the coefficients of
// sine and cosine needs no phases.
func (c *calendar) seasonality(days []Day) float64 {
	var rain, warmth harmonic
	for _, d := range days {
		if d.RainfallMM == d.RainfallMM && d.Temperature == d.Temperature {
			w := c.weight(d.Date)
			rain.add(d.Date, w, d.RainfallMM)
			warmth.add(d.Date, w, d.Temperature)
		}
	}
	p, t := rain.fit(), warmth.fit()
	amplitude := math.Hypot(t[1], t[2])
	if !(p[0] > 0) || !(amplitude >= leastWarmth) {
		return math.NaN()
	}
	return (p[1]*t[1] + p[2]*t[2]) / (p[0] * amplitude)
}

// harmonic holds the normal equations of the least-squares fit of a + b·sin + c·cos of the season.
type harmonic struct {
	a [3][3]float64
	b [3]float64
}

func (h *harmonic) add(date time.Time, weight, v float64) {
	sin, cos := math.Sincos(float64(date.YearDay()) * (2 * math.Pi / daysInYear))
	x := [3]float64{1, sin, cos}
	for i := range x {
		for j := range x {
			h.a[i][j] += weight * x[i] * x[j]
		}
		h.b[i] += weight * x[i] * v
	}
}

// fit returns a, b and c. With days of every month the equations are regular and far from singular.
func (h *harmonic) fit() (x [3]float64) {
	a, b := h.a, h.b
	for i := range b { // Gauss; the matrix is positive definite, so that no pivot is needed
		for j := i + 1; j < len(b); j++ {
			f := a[j][i] / a[i][i]
			for k := i; k < len(b); k++ {
				a[j][k] -= f * a[i][k]
			}
			b[j] -= f * b[i]
		}
	}
	for i := len(b) - 1; i >= 0; i-- {
		x[i] = b[i]
		for j := i + 1; j < len(b); j++ {
			x[i] -= a[i][j] * x[j]
		}
		x[i] /= a[i][i]
	}
	return x
}
