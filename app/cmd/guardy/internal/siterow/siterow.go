// Package siterow turns the daily record of a place into a row of the site register, and says how far the row can be
// trusted. It is pure: records in, rows and words out.
package siterow

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/guardy-ai/guardy/domain/climate"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/vector"
)

// Record is what is known of a place. NaN is missing.
type Record struct {
	ID, Name            string
	Latitude, Longitude float64

	Dates             []time.Time // of the weather
	Rain, Temperature []float64   // mm and °C, one a date

	RiverDates []time.Time
	River      []float64 // in one unit, one a date
}

// Options are what an operator may choose.
type Options struct {
	FirstMonth time.Month // of the water year
	MinYears   int        // complete years below which the row has no 2-year level
}

// Site is a derived row with the figures behind it. NaN is a field that stays unknown.
type Site struct {
	ID, Name               string
	Latitude, Longitude    float64
	Normal, FloodThreshold float64
	Attributes             vector.Site

	Options          Options
	Weather          climate.Weather
	River            climate.River
	WeatherSpan      Span
	RiverSpan        Span
	Remarks, Unknown []string // sentences, and the names of the fields that stay unknown
}

// Span is from the first to the last known day.
type Span struct{ First, Last time.Time }

func (s *Span) include(date time.Time) {
	if s.First.IsZero() || date.Before(s.First) {
		s.First = date
	}
	if date.After(s.Last) {
		s.Last = date
	}
}

// Limits of what a record may say before its unit is doubted. The wettest place has 33 mm a day in the mean
// (Mawsynram, 11 872 mm a year), the warmest 34.6 °C (Dallol).
const (
	wettest = 40.0 // mm/day
	warmest = 36.0 // °C
	// coldPlace is the yearly mean of temperature in °C below which Oudin's evaporation tells little: see docs/sites.md.
	coldPlace = 8.0
)

// Derive returns the row of a record.
func Derive(r Record, o Options) Site {
	s := Site{
		ID: r.ID, Name: r.Name, Latitude: r.Latitude, Longitude: r.Longitude, Normal: math.NaN(), FloodThreshold: math.NaN(),
		Attributes: vector.Missing().Site, Options: o,
	}
	s.weather(r)
	s.river(r)
	s.holdToBounds()
	for _, f := range s.fields() {
		if *f.value != *f.value {
			s.Unknown = append(s.Unknown, f.name)
		}
	}
	return s
}

func (s *Site) remark(format string, args ...any) {
	s.Remarks = append(s.Remarks, fmt.Sprintf(format, args...))
}

func (s *Site) weather(r Record) {
	days := make([]climate.Day, len(r.Dates))
	for i, date := range r.Dates {
		days[i] = climate.Day{Date: date, RainfallMM: r.Rain[i], Temperature: r.Temperature[i]}
		if r.Rain[i] == r.Rain[i] || r.Temperature[i] == r.Temperature[i] {
			s.WeatherSpan.include(date)
		}
	}
	w := climate.DeriveWeather(days, s.Latitude)
	s.Weather = w
	if w.TemperatureMean > warmest {
		s.remark("a yearly mean temperature of %.1f is above any place's in °C: is it in °F? What needs temperature stays unknown", w.TemperatureMean)
		for i := range days {
			days[i].Temperature = math.NaN()
		}
		w = climate.DeriveWeather(days, s.Latitude)
	}
	if w.PrecipitationMeanMMDay > wettest {
		s.remark("%.1f mm a day is above the mean of any place: is the rain in tenths of mm? What needs rain stays unknown", w.PrecipitationMeanMMDay)
		s.Attributes.PETMeanMMDay = significant(w.PETMeanMMDay)
		return
	}
	a := &s.Attributes
	a.PrecipitationMeanMMDay, a.PETMeanMMDay = significant(w.PrecipitationMeanMMDay), significant(w.PETMeanMMDay)
	a.PrecipitationSeasonality, a.SnowFraction = thousandths(w.PrecipitationSeasonality), thousandths(w.SnowFraction)
	a.Aridity, a.HighPrecipitationDays = significant(w.Aridity), math.Round(10*w.HighPrecipitationDays)/10
	s.explainWeather(w)
}

// explainWeather says why attributes of the climate stay unknown, or are weak.
func (s *Site) explainWeather(w climate.Weather) {
	if len(s.WeatherSpan.whole()) > 0 && w.RainMonths < 12 {
		s.remark("rain is known in %d of 12 calendar months (a month needs 25 days, from any years): the climate stays unknown", w.RainMonths)
	}
	switch {
	case w.TemperatureDays > 0 && w.TemperatureMonths < 12:
		s.remark("temperature is known in %d of 12 calendar months: evaporation, snow and seasonality stay unknown", w.TemperatureMonths)
	case w.TemperatureMonths == 12 && s.Latitude != s.Latitude:
		s.remark("evaporation and aridity need the latitude")
	case w.TemperatureMean < coldPlace:
		s.remark("the yearly mean temperature is %.1f °C: evaporation from temperature is much too small in cold, sunny places, and aridity with it", w.TemperatureMean)
	}
	if w.RainMonths == 12 && w.TemperatureMonths == 12 && math.IsNaN(w.PrecipitationSeasonality) && w.PrecipitationMeanMMDay > 0 {
		s.remark("temperature hardly changes within the year: there is no warm season to compare the rain with")
	}
}

func (s *Site) river(r Record) {
	days := make([]climate.RiverDay, len(r.RiverDates))
	for i, date := range r.RiverDates {
		days[i] = climate.RiverDay{Date: date, Value: r.River[i]}
		if r.River[i] == r.River[i] {
			s.RiverSpan.include(date)
		}
	}
	s.River = climate.DeriveRiver(days, s.Options.FirstMonth)
	if s.River.Days == 0 {
		return
	}
	s.Normal = significant(s.River.Normal)
	if s.River.Months < 12 {
		s.remark("the river is known in %d of 12 calendar months (a month needs 25 days, from any years): its normal stays unknown", s.River.Months)
	}
	f := &s.River.Flood
	switch years := len(f.Maxima); {
	case years < s.Options.MinYears:
		s.remark("%d complete water years are too few for a 2-year level, which needs %d", years, s.Options.MinYears)
	case f.Value <= s.River.Normal:
		s.remark("the 2-year level %g is not above the normal %g: the river hardly moves, or its unit or zero changed", f.Value, s.River.Normal)
	default:
		s.FloodThreshold = significant(f.Value)
	}
}

// holdToBounds leaves unknown what a flood-risk request would refuse.
func (s *Site) holdToBounds() {
	q := risk.NewRequest()
	q.Site = s.Attributes
	for _, v := range q.Validate() {
		for i, name := range vector.SiteNames {
			if v.Pointer == "/site/"+name {
				s.remark("%s: %s; it stays unknown", name, v.Detail)
				*s.Attributes.Values()[i] = math.NaN()
			}
		}
	}
}

// field is a number of the row.
type field struct {
	name  string
	value *float64
}

// fields returns the numbers of the row in the register's order.
func (s *Site) fields() []field {
	out := []field{
		{"latitude", &s.Latitude},
		{"longitude", &s.Longitude},
		{"normal", &s.Normal},
		{"flood_threshold", &s.FloodThreshold},
	}
	for i, v := range s.Attributes.Values() {
		out = append(out, field{vector.SiteNames[i], v})
	}
	return slices.Clip(out)
}

// significant rounds to five digits: the record is not better than that.
func significant(v float64) float64 {
	if v == 0 || v != v {
		return v
	}
	scale := math.Pow(10, 4-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

func thousandths(v float64) float64 { return math.Round(1000*v) / 1000 }
