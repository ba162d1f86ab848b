package risk

import (
	"fmt"
	"math"

	"github.com/guardy-ai/guardy/domain/vector"

	"github.com/guardy-ai/guardy/domain"
)

// Envelope is what the training data covered.
type Envelope struct {
	// Ranges of raw inputs, by Input; inputs without a range are not checked.
	Ranges map[Input]Range
	// Places are the training catchments as {latitude, longitude} in degrees; a request within
	// RadiusKM of one of them is in domain.
	Places   [][2]float64
	RadiusKM float64
}

// Range is a closed interval.
type Range struct{ Min, Max float64 }

func (e Envelope) validate() error {
	for i, r := range e.Ranges {
		if !(r.Min <= r.Max) || math.IsInf(r.Min, 0) || math.IsInf(r.Max, 0) {
			return fmt.Errorf("the envelope of %s is not a range: %v", i, r)
		}
	}
	for i, p := range e.Places {
		if !domain.RangeLatitude.Holds(p[0]) || !domain.RangeLongitude.Holds(p[1]) {
			return fmt.Errorf("place %d of the envelope is not on Earth: %v", i, p)
		}
	}
	if len(e.Places) > maxPlaces {
		return fmt.Errorf("the envelope has %d places, at most %d are allowed", len(e.Places), maxPlaces)
	}
	if len(e.Places) > 0 && !(0 < e.RadiusKM && e.RadiusKM < 20000) {
		return fmt.Errorf("the envelope's radius of %v km is not usable", e.RadiusKM)
	}
	return nil
}

// envelope is Envelope in the form that answers fast: places as unit vectors, by the cell of the globe
// in which they can matter; the radius as the cosine of its central angle; ranges in arrays with open
// ends where nothing is checked.
type envelope struct {
	places    [][3]float64
	cells     [cellRows * cellColumns][]uint16 // places
	cosRadius float64
	ranges    [NumInputs]Range
}

const (
	maxPlaces     = 1 << 16
	earthRadiusKM = 6371.0088 // mean radius, IUGG
	cellDegrees   = 5
	cellRows      = 180 / cellDegrees
	cellColumns   = 360 / cellDegrees
	// cellReach is no less than the distance from the centre of a cell to any point of it: half its
	// diagonal at the equator, where it is largest.
	cellReach = cellDegrees * math.Sqrt2 / 2 * math.Pi / 180
)

func newEnvelope(e Envelope) envelope {
	radius := e.RadiusKM / earthRadiusKM
	out := envelope{cosRadius: math.Cos(radius)}
	for i := range out.ranges {
		out.ranges[i] = Range{math.Inf(-1), math.Inf(1)}
	}
	for i, r := range e.Ranges {
		out.ranges[i] = r
	}
	out.places = make([][3]float64, len(e.Places))
	for i, p := range e.Places {
		out.places[i] = unitVector(p[0], p[1])
	}
	near := math.Cos(min(radius+cellReach, math.Pi))
	for i := range out.cells {
		latitude := float64(i/cellColumns)*cellDegrees - 90 + cellDegrees/2.
		longitude := float64(i%cellColumns)*cellDegrees - 180 + cellDegrees/2.
		centre := unitVector(latitude, longitude)
		for k, p := range out.places {
			if dot(centre, p) >= near {
				out.cells[i] = append(out.cells[i], uint16(k))
			}
		}
	}
	return out
}

// cellOf returns the cell of a place; the poles and the antimeridian belong to the last row and column.
func cellOf(latitude, longitude float64) int {
	row := min(int((latitude+90)/cellDegrees), cellRows-1)
	column := min(int((longitude+180)/cellDegrees), cellColumns-1)
	return row*cellColumns + column
}

func dot(a, b [3]float64) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

func unitVector(latitude, longitude float64) [3]float64 {
	sinLat, cosLat := math.Sincos(latitude * math.Pi / 180)
	sinLon, cosLon := math.Sincos(longitude * math.Pi / 180)
	return [3]float64{cosLat * cosLon, cosLat * sinLon, sinLat}
}

// knowsPlace reports whether a training catchment lies within the radius. Without places, every place
// is unknown: a model that does not say where it was trained has no home.
func (e *envelope) knowsPlace(latitude, longitude float64) bool {
	places := e.cells[cellOf(latitude, longitude)]
	if len(places) == 0 {
		return false
	}
	v := unitVector(latitude, longitude)
	for _, k := range places {
		if dot(e.places[k], v) >= e.cosRadius {
			return true
		}
	}
	return false
}

// quality compares a canonical request with what the member uses and what the training covered; above says that an
// input that brings floods lies above that.
func (m *Model) quality(c *candidate, r *Request) (q Quality, above bool) {
	member := c.member
	if !m.envelope.knowsPlace(r.Latitude, r.Longitude) {
		q.OutOfDomain = q.OutOfDomain.With(InputPlace)
	}
	look := func(i Input, v float64) {
		switch {
		case v != v:
			q.Missing = q.Missing.With(i)
		case !member.uses.Has(i):
			q.Ignored = q.Ignored.With(i)
		case v < m.envelope.ranges[i].Min || v > m.envelope.ranges[i].Max:
			q.OutOfDomain = q.OutOfDomain.With(i)
			above = above || dangerous.Has(i) && v > m.envelope.ranges[i].Max
		}
	}
	look(InputRainfall, r.RainfallMM)
	look(InputTemperature, r.Temperature)
	look(InputHumidity, r.Humidity)
	look(InputRainfall7dMean, r.Rainfall7dMean)
	look(InputRainfall30dMean, r.Rainfall30dMean)
	look(InputTemperature7dMean, r.Temperature7dMean)
	look(InputTemperature30dMean, r.Temperature30dMean)
	look(InputRiver, r.RiverRatio(1))
	if math.IsNaN(r.RiverRatio(1)) && !math.IsNaN(r.River.Value) {
		q.Ignored = q.Ignored.With(InputRiver) // a river is usable only as a whole
	}
	if m.schema.first {
		m.historyQuality1(&q, member, &r.Inputs)
	} else {
		look(InputRainfallForecast, r.Tomorrow())
		above = m.historyQuality(&q, c, &r.Inputs) || above
	}

	missing := q.Missing
	for i, v := range r.Site.Values() {
		look(InputSiteFirst+Input(i), *v)
	}
	if (q.Missing &^ missing).Len() == vector.SiteFields {
		q.Missing = missing.With(InputSite)
	}
	return q, above
}

// dangerous are the inputs that bring floods when they are large.
const dangerous InputSet = 1<<InputRainfall | 1<<InputRainfall7dMean | 1<<InputRainfall30dMean |
	1<<InputRainfallHistory | 1<<InputRainfallForecast | 1<<InputRiver | 1<<InputRiverHistory

// missingSite returns the site attributes that a request does not give.
func (m *Model) missingSite(s *vector.Site) (out InputSet) {
	for i, v := range s.Values() {
		if *v != *v {
			out = out.With(InputSiteFirst + Input(i))
		}
	}
	return out
}

// historyQuality looks at the days before today and says whether rain or the river of one of them lies above what the
// training covered. It also withdraws the complaint about means that the days supply, and says that posted means of rain
// are ignored where the days are used.
func (m *Model) historyQuality(q *Quality, c *candidate, in *vector.Inputs) (above bool) {
	known := vector.Look(in)
	above = m.seriesQuality(q, c.member, InputRainfallHistory, in.RainfallHistoryMM)
	if !known.Rain {
		q.Missing = q.Missing.With(InputRainfallHistory)
	}
	m.seriesQuality(q, c.member, InputWeatherHistory, in.TemperatureHistory)
	if !known.Warm {
		q.Missing = q.Missing.With(InputWeatherHistory)
	}
	above = m.riverHistoryQuality(q, c.member, in) || above
	for _, mean := range [...]struct {
		days  int
		input Input
	}{{7, InputRainfall7dMean}, {30, InputRainfall30dMean}} {
		if c.view.Level < mean.days {
			continue
		}
		if !q.Missing.Has(mean.input) {
			q.Ignored = q.Ignored.With(mean.input)
		}
		q.Missing &^= 1 << mean.input
		q.OutOfDomain &^= 1 << mean.input
	}
	if known.Warm {
		q.Missing &^= 1<<InputTemperature7dMean | 1<<InputTemperature30dMean
	}
	return above
}

// seriesQuality looks at a sequence of daily values.
func (m *Model) seriesQuality(q *Quality, member *Member, input Input, values []float64) (above bool) {
	known, outside, r := false, false, m.envelope.ranges[input]
	for _, v := range values[:min(len(values), vector.YearDays)] {
		known = known || v == v
		outside = outside || v < r.Min || v > r.Max
		above = above || v > r.Max
	}
	switch {
	case known && !member.uses.Has(input):
		q.Ignored = q.Ignored.With(input)
		return false
	case outside:
		q.OutOfDomain = q.OutOfDomain.With(input)
	}
	return above && dangerous.Has(input)
}

// riverHistoryQuality looks at the river of the days before yesterday.
func (m *Model) riverHistoryQuality(q *Quality, member *Member, in *vector.Inputs) (above bool) {
	some := false
	for i := 2; i <= min(len(in.RiverHistory), vector.RiverDays); i++ {
		v := in.RiverRatio(i)
		some = some || v == v
		above = above || v > m.envelope.ranges[InputRiver].Max
	}
	switch {
	case !some:
		q.Missing = q.Missing.With(InputRiverHistory)
	case !member.uses.Has(InputRiverHistory):
		q.Ignored = q.Ignored.With(InputRiverHistory)
		return false
	case above:
		q.OutOfDomain = q.OutOfDomain.With(InputRiverHistory)
	}
	return above
}

// historyQuality1 is historyQuality for models of vector.Schema1, which read the unbroken days alone.
func (m *Model) historyQuality1(q *Quality, member *Member, in *vector.Inputs) {
	days := in.HistoryDays()
	for _, v := range in.RainfallHistoryMM {
		if v > m.envelope.ranges[InputRainfallHistory].Max {
			q.OutOfDomain = q.OutOfDomain.With(InputRainfallHistory)
		}
	}
	switch {
	case days < len(in.RainfallHistoryMM):
		// A gap: days beyond it are not used, and the history is shorter than it looks.
		q.Ignored = q.Ignored.With(InputRainfallHistory)
		if days == 0 {
			q.Missing = q.Missing.With(InputRainfallHistory)
		}
	case days == 0:
		q.Missing = q.Missing.With(InputRainfallHistory)
	case !member.uses.Has(InputRainfallHistory):
		q.Ignored = q.Ignored.With(InputRainfallHistory)
	}
	if days >= 6 {
		q.Missing &^= 1 << InputRainfall7dMean
	}
	if days >= 29 {
		q.Missing &^= 1 << InputRainfall30dMean
	}
}
