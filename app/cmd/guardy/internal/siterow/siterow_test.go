package siterow

import (
	"math"
	"strings"
	"testing"
	"time"
)

// years makes a self-made record of weather from 2001 on.
func years(n int, day func(date time.Time) (rain, temperature float64)) (r Record) {
	r = Record{ID: "mill", Latitude: 40, Longitude: 10}
	for date := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC); date.Year() < 2001+n; date = date.AddDate(0, 0, 1) {
		rain, temperature := day(date)
		r.Dates, r.Rain, r.Temperature = append(r.Dates, date), append(r.Rain, rain), append(r.Temperature, temperature)
	}
	return r
}

func said(s Site) string { return strings.Join(s.Remarks, "\n") }

func TestUnitsThatNoPlaceHasAreNotBelieved(t *testing.T) {
	season := func(d time.Time) float64 { return -math.Cos(2 * math.Pi * float64(d.YearDay()) / 365.2425) }
	s := Derive(years(2, func(d time.Time) (float64, float64) { return 2, 60 + 20*season(d) }), Options{time.October, 5})
	if a := s.Attributes; a.PETMeanMMDay == a.PETMeanMMDay || a.SnowFraction == a.SnowFraction || a.Aridity == a.Aridity ||
		a.PrecipitationMeanMMDay != 2 || !strings.Contains(said(s), "is it in °F?") {
		t.Errorf("%+v\n%s", a, said(s))
	}
	s = Derive(years(2, func(d time.Time) (float64, float64) { return 45, 10 + 10*season(d) }), Options{time.October, 5})
	if a := s.Attributes; a.PrecipitationMeanMMDay == a.PrecipitationMeanMMDay || a.Aridity == a.Aridity ||
		a.PETMeanMMDay != a.PETMeanMMDay || !strings.Contains(said(s), "tenths of mm") {
		t.Errorf("%+v\n%s", a, said(s))
	}
}

func TestAnAttributeThatARequestWouldRefuseStaysUnknown(t *testing.T) {
	s := Derive(years(2, func(d time.Time) (float64, float64) { return 0.001, 25 }), Options{time.October, 5})
	if s.Attributes.Aridity == s.Attributes.Aridity || !strings.Contains(said(s), "aridity: ") {
		t.Errorf("aridity %v\n%s", s.Attributes.Aridity, said(s))
	}
}

// TestALevelBelowTheNormalIsNoThreshold: a river that stands at its greatest value on most days.
func TestALevelBelowTheNormalIsNoThreshold(t *testing.T) {
	r := Record{ID: "mill"}
	for date := time.Date(2000, 10, 1, 0, 0, 0, 0, time.UTC); date.Year() < 2007; date = date.AddDate(0, 0, 1) {
		r.RiverDates, r.River = append(r.RiverDates, date), append(r.River, 3)
	}
	s := Derive(r, Options{time.October, 5})
	if s.Normal != 3 || s.FloodThreshold == s.FloodThreshold || !strings.Contains(said(s), "not above the normal") {
		t.Errorf("normal %v, threshold %v\n%s", s.Normal, s.FloodThreshold, said(s))
	}
}
