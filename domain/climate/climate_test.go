package climate

import (
	"math"
	"testing"
	"time"
)

// TestRadiationIsThatOfTheFAO compares with example 8 of FAO paper 56: 3 September at 20° S.
func TestRadiationIsThatOfTheFAO(t *testing.T) {
	if got := Radiation(-20, 246); math.Abs(got-32.2) > 0.05 {
		t.Errorf("%v MJ/m²/day, the paper has 32.2", got)
	}
	if got := Radiation(80, 355); got != 0 {
		t.Errorf("%v MJ/m²/day in the polar night", got)
	}
	if got := Radiation(80, 172); !(got > 40) {
		t.Errorf("%v MJ/m²/day where the sun does not set", got)
	}
}

func TestEvaporationStopsInTheCold(t *testing.T) {
	if got := PotentialEvaporation(-5, 30); got != 0 {
		t.Errorf("%v mm at -5 °C", got)
	}
	// 24.5 MJ/m² evaporate 10 mm, of which a day of 15 °C takes (15 + 5)/100.
	if got := PotentialEvaporation(15, 24.5); math.Abs(got-2) > 1e-12 {
		t.Errorf("%v mm, want 2", got)
	}
}

// record makes days from 1 October 2000 on.
func record(n int, day func(date time.Time) (rain, temperature float64)) []Day {
	var days []Day
	date := time.Date(2000, 10, 1, 0, 0, 0, 0, time.UTC)
	for range n {
		rain, temperature := day(date)
		days = append(days, Day{date, rain, temperature})
		date = date.AddDate(0, 0, 1)
	}
	return days
}

const fourYears = 4*365 + 1

// wave is 1 on 1 July or so and −1 half a year later.
func wave(date time.Time) float64 { return -math.Cos(2 * math.Pi * float64(date.YearDay()) / 365.2425) }

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(want) && math.IsNaN(got) {
		return
	}
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestSeasonalityIsTheAmplitudeOfRainWithTheSignOfTheWarmth(t *testing.T) {
	for _, c := range []struct {
		name     string
		rain     float64 // amplitude, of a mean of 3 mm
		warmth   float64 // amplitude
		want     float64
		latitude float64
	}{
		{"summer rain in the north", 0.6, 10, 0.6, 45},
		{"winter rain in the north", -0.6, 10, -0.6, 45},
		{"summer rain in the south", -0.6, -10, 0.6, -45},
		{"uniform rain", 0, 10, 0, 45},
		{"no warm season", 0.6, 0.5, math.NaN(), 0},
	} {
		w := DeriveWeather(record(fourYears, func(d time.Time) (float64, float64) {
			return 3 * (1 + c.rain*wave(d)), 12 + c.warmth*wave(d)
		}), c.latitude)
		near(t, c.name, w.PrecipitationSeasonality, c.want, 0.01)
		near(t, c.name+": mean", w.PrecipitationMeanMMDay, 3, 0.02)
	}
}

func TestSnowFractionCountsDaysBelowFreezing(t *testing.T) {
	w := DeriveWeather(record(fourYears, func(d time.Time) (float64, float64) {
		if d.Month() == time.January {
			return 2, -1
		}
		return 2, 8
	}), 45)
	near(t, "snow fraction", w.SnowFraction, 31/365.2425, 1e-9)
}

func TestHighPrecipitationDaysAreThoseOfFiveTimesTheMean(t *testing.T) {
	w := DeriveWeather(record(fourYears, func(d time.Time) (float64, float64) {
		if d.Day() == 10 || d.Day() == 20 { // 24 days a year; the mean is 20 × 24/365
			return 20, 8
		}
		return 0, 8
	}), 45)
	near(t, "high precipitation days", w.HighPrecipitationDays, 24, 0.1)
	near(t, "mean", w.PrecipitationMeanMMDay, 20*24/365.2425, 0.01)
}

// TestMissingSummersDoNotMakeAPlaceDrier leaves out three summers of four: the mean of the known days falls, that of
// the place does not.
func TestMissingSummersDoNotMakeAPlaceDrier(t *testing.T) {
	days := record(fourYears, func(d time.Time) (float64, float64) {
		rain := 1.0
		if m := d.Month(); m >= time.June && m <= time.August {
			if rain = 10; d.Year() > 2001 {
				rain = math.NaN()
			}
		}
		return rain, 10 + 10*wave(d)
	})
	w := DeriveWeather(days, 45)
	near(t, "mean", w.PrecipitationMeanMMDay, 1+9*92/365.2425, 1e-9)
	if w.RainDays != fourYears-3*92 {
		t.Errorf("%d days of rain are known", w.RainDays)
	}
}

func TestAPartOfAYearSaysNothingOfTheClimate(t *testing.T) {
	w := DeriveWeather(record(300, func(d time.Time) (float64, float64) { return 1, 10 }), 45)
	for _, v := range []float64{
		w.PrecipitationMeanMMDay, w.PETMeanMMDay, w.PrecipitationSeasonality, w.SnowFraction, w.Aridity,
		w.HighPrecipitationDays,
	} {
		if v == v {
			t.Errorf("%+v", w)
		}
	}
	if w.RainMonths != 10-1 && w.RainMonths != 10 {
		t.Errorf("%d months are known", w.RainMonths)
	}
}

func TestWithoutTemperatureOnlyRainIsDerived(t *testing.T) {
	w := DeriveWeather(record(fourYears, func(d time.Time) (float64, float64) { return 2, math.NaN() }), 45)
	near(t, "mean", w.PrecipitationMeanMMDay, 2, 1e-9)
	for name, v := range map[string]float64{"pet": w.PETMeanMMDay, "aridity": w.Aridity, "snow": w.SnowFraction, "seasonality": w.PrecipitationSeasonality} {
		if v == v {
			t.Errorf("%s is %v", name, v)
		}
	}
}

func TestWithoutALatitudeThereIsNoEvaporation(t *testing.T) {
	w := DeriveWeather(record(fourYears, func(d time.Time) (float64, float64) { return 2, 10 + 5*wave(d) }), math.NaN())
	if w.PETMeanMMDay == w.PETMeanMMDay || w.Aridity == w.Aridity || w.SnowFraction != 0 {
		t.Errorf("%+v", w)
	}
}

func TestAPlaceWithoutRainHasNoRatiosOfIt(t *testing.T) {
	w := DeriveWeather(record(fourYears, func(d time.Time) (float64, float64) { return 0, 10 + 5*wave(d) }), 20)
	if w.PrecipitationMeanMMDay != 0 || w.Aridity == w.Aridity || w.SnowFraction == w.SnowFraction ||
		w.PrecipitationSeasonality == w.PrecipitationSeasonality || w.HighPrecipitationDays == w.HighPrecipitationDays {
		t.Errorf("%+v", w)
	}
}

// TestTheIntervalOfAMedianIsTheBinomialOne: ranks for 90 % and what they reach. The exact values are sums of binomial
// coefficients, for 10 years and rank 2 one less 2·(1 + 10)/2¹⁰.
func TestTheIntervalOfAMedianIsTheBinomialOne(t *testing.T) {
	for _, c := range []struct {
		n, rank  int
		coverage float64
	}{
		{1, 1, 0},
		{2, 1, 0.5},
		{4, 1, 0.875},
		{5, 1, 0.9375},
		{7, 1, 0.984375},
		{8, 2, 0.9296875},
		{10, 2, 0.978515625},
		{20, 6, 0.9586105346679688},
		{25, 8, 0.9567147493362427},
	} {
		rank, coverage := medianInterval(c.n, 0.9)
		if rank != c.rank || math.Abs(coverage-c.coverage) > 1e-9 {
			t.Errorf("n %d: rank %d with %v, want %d with %v", c.n, rank, coverage, c.rank, c.coverage)
		}
	}
}

func riverOf(years int, value func(date time.Time) float64) []RiverDay {
	var days []RiverDay
	for date := time.Date(2000, 10, 1, 0, 0, 0, 0, time.UTC); date.Before(time.Date(2000+years, 10, 1, 0, 0, 0, 0, time.UTC)); date = date.AddDate(0, 0, 1) {
		days = append(days, RiverDay{date, value(date)})
	}
	return days
}

// TestTheTwoYearLevelIsTheMedianOfTheMaximaOfWaterYears: a flood each 20 December, in the water year of the next
// calendar year.
func TestTheTwoYearLevelIsTheMedianOfTheMaximaOfWaterYears(t *testing.T) {
	peaks := []float64{9, 3, 7, 5, 8, 4} // 2001 to 2006
	days := riverOf(6, func(d time.Time) float64 {
		if d.Month() == time.December && d.Day() == 20 {
			return peaks[d.Year()-2000]
		}
		return 1
	})
	r := DeriveRiver(days, time.October)
	near(t, "the level", r.Flood.Value, 6, 0)
	near(t, "lower", r.Flood.Lower, 3, 0)
	near(t, "upper", r.Flood.Upper, 9, 0)
	near(t, "coverage", r.Flood.Coverage, 1-2*math.Exp2(-6), 1e-12)
	near(t, "normal", r.Normal, 1, 0)
	if first := r.Flood.Maxima[0]; len(r.Flood.Maxima) != 6 || first != (AnnualMaximum{2001, 9, 365}) {
		t.Errorf("%+v", r.Flood.Maxima)
	}
	calendar := DeriveRiver(days, time.January)
	if n := len(calendar.Flood.LeftOut); n != 2 || calendar.Flood.Maxima[0] != (AnnualMaximum{2001, 3, 365}) {
		t.Errorf("%+v", calendar.Flood)
	}
}

// TestAYearWithAGapIsLeftOut: the flood of that year may be what the gauge did not live to tell.
func TestAYearWithAGapIsLeftOut(t *testing.T) {
	r := DeriveRiver(riverOf(3, func(d time.Time) float64 {
		if d.Year() == 2002 && d.Month() == time.March && d.Day() <= 16 {
			return math.NaN()
		}
		return float64(d.Year())
	}), time.October)
	if len(r.Flood.Maxima) != 2 || len(r.Flood.LeftOut) != 1 || r.Flood.LeftOut[0] != (AnnualMaximum{2002, 2002, 349}) {
		t.Errorf("%+v", r.Flood)
	}
}

func TestARiverWithoutACompleteYearHasNoLevel(t *testing.T) {
	for _, days := range [][]RiverDay{nil, riverOf(1, func(time.Time) float64 { return math.NaN() }), riverOf(1, func(time.Time) float64 { return 1 })[:200]} {
		r := DeriveRiver(days, time.October)
		if r.Normal == r.Normal || r.Flood.Value == r.Flood.Value || r.Flood.Coverage != 0 {
			t.Errorf("%d days: %+v", len(days), r)
		}
	}
}
