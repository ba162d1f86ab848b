package risk

import (
	"fmt"
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/doubt"
	"github.com/guardy-ai/guardy/domain/vector"
)

// Doubts are what a request holds that may be an error. The zero value is none.
type Doubts struct {
	list  []domain.Doubt
	bound bounds
	// places are the values of each group: numbers that tell what may be a code are gone once they are rounded.
	places []boundPlace
}

// Equal reports whether the doubts are the same.
func (d Doubts) Equal(other Doubts) bool {
	return d.bound == other.bound && slices.Equal(d.list, other.list) && slices.Equal(d.places, other.places)
}

// boundPlace is a value that bounds the answer: a day of a sequence, or a field of its own.
type boundPlace struct {
	group bounds
	// series is the place of the sequence in Request.series, aField for a field of its own.
	series int8
	index  int16 // in the sequence, or in boundFields
}

const (
	aField = -1
	// wholeRiver stands in boundPlace.index for the river with its history: a normal or a threshold makes all of its
	// values comparable, and without it none of them is.
	wholeRiver = -1
)

// bounds is a set of groups of values that bound the answer: it is the more cautious of the answers with
// them and without them.
type bounds uint8

const (
	boundRiver bounds = 1 << iota
	boundRain         // the history and the means
	boundTemperature
	endOfBounds
)

// riverField is a value of a river and its place.
type riverField struct {
	pointer string
	v       float64
}

func riverFields(r *vector.River) [3]riverField {
	return [...]riverField{{"/river/value", r.Value}, {"/river/normal", r.Normal}, {"/river/flood_threshold", r.FloodThreshold}}
}

// checkRiver appends what is wrong with a river. A code for no data is refused: where a value stands in
// a field of its own, somebody took the code for a measurement.
func checkRiver(vs []domain.Violation, r *vector.River) []domain.Violation {
	n := len(vs)
	if mayBeCode(r) {
		for _, field := range riverFields(r) {
			if code, ok := doubt.CodeFor(doubt.River, field.v); ok && code.Certainty == doubt.Exact {
				vs = append(vs, domain.Violation{
					Pointer: field.pointer, Code: domain.CodeRange,
					Detail: fmt.Sprintf("%g is %v; leave the value out where it is not known", field.v, code),
				})
			}
		}
	}
	if len(vs) > n {
		return vs
	}
	vs = domain.RangeRiver.Check(vs, "/river/value", r.Value, false)
	return domain.CheckThresholds(vs, r.Normal, r.FloodThreshold)
}

// mayBeCode reports whether anything of a river may be a code.
func mayBeCode(r *vector.River) bool {
	return doubt.MayBeCode(doubt.River, r.Value) || doubt.MayBeCode(doubt.River, r.Normal) ||
		doubt.MayBeCode(doubt.River, r.FloodThreshold)
}

// boundFields are the fields of their own in which a value may bound the answer; fields returns their values.
var boundFields = [...]struct {
	pointer  string
	quantity doubt.Quantity
	group    bounds
}{
	{"/river/value", doubt.River, boundRiver},
	{"/rainfall_7d_mean", doubt.Rain, boundRain},
	{"/rainfall_30d_mean", doubt.Rain, boundRain},
	{"/temperature", doubt.Temperature, boundTemperature},
	{"/temperature_7d_mean", doubt.Temperature, boundTemperature},
	{"/temperature_30d_mean", doubt.Temperature, boundTemperature},
}

func (r *Request) fields() [len(boundFields)]*float64 {
	return [...]*float64{
		&r.River.Value, &r.Rainfall7dMean, &r.Rainfall30dMean, &r.Temperature, &r.Temperature7dMean, &r.Temperature30dMean,
	}
}

// heed keeps what is doubtful in a valid request, and makes missing what the answer does without.
func (r *Request) heed() {
	doubtfulRiver := r.heedRiver()
	if doubt.MayBeCode(doubt.Rain, r.RainfallMM) { // required, so there is no answer without it
		r.Doubt("/rainfall_mm", domain.DoubtNoDataCode, domain.TreatedAsGiven)
	}
	r.heedFields()
	for k, s := range r.series() {
		for i, v := range s.values {
			code, ok := doubt.CodeFor(s.quantity, v)
			switch {
			case ok && code.Certainty == doubt.Exact:
				s.values[i] = math.NaN()
				r.Doubt(s.pointer(i), domain.DoubtNoDataCode, domain.TreatedMissing)
			case ok:
				r.bound(s.pointer(i), domain.DoubtNoDataCode, boundPlace{s.group, int8(k), int16(i)})
			case s.group == boundRiver && doubtfulRiver:
				r.heedRiverDay(&s, int8(k), i)
			}
		}
	}
}

// heedRiverDay compares an earlier day of the river with its thresholds.
func (r *Request) heedRiverDay(s *series, k int8, i int) {
	d, doubtful := doubt.CheckRiver(s.values[i], r.River.Normal, r.River.FloodThreshold)
	switch {
	case !doubtful:
	case d.Treated == domain.TreatedMissing:
		s.values[i] = math.NaN()
		r.Doubt(s.pointer(i), d.Reason, domain.TreatedMissing)
	default:
		r.bound(s.pointer(i), d.Reason, boundPlace{boundRiver, k, int16(i)})
	}
}

// heedFields keeps what may be a code in a field of its own beside the river.
func (r *Request) heedFields() {
	rain := doubt.MayBeCode(doubt.Rain, r.Rainfall7dMean) || doubt.MayBeCode(doubt.Rain, r.Rainfall30dMean)
	temperature := doubt.MayBeCode(doubt.Temperature, r.Temperature) ||
		doubt.MayBeCode(doubt.Temperature, r.Temperature7dMean) || doubt.MayBeCode(doubt.Temperature, r.Temperature30dMean)
	if !rain && !temperature {
		return
	}
	for i, v := range r.fields() {
		if f := &boundFields[i]; f.group != boundRiver && doubt.MayBeCode(f.quantity, *v) {
			r.bound(f.pointer, domain.DoubtNoDataCode, boundPlace{f.group, aField, int16(i)})
		}
	}
}

// heedRiver compares the newest value of the river with its thresholds and reports whether it is doubtful. The days
// before it are compared only then: single days of a real river look odd now and then, and the model knows such days.
func (r *Request) heedRiver() (doubtful bool) {
	odd := math.IsNaN(r.River.Value) && r.oddHistory()
	river := boundPlace{boundRiver, aField, 0}
	if d, doubtful := doubt.CheckRiver(r.River.Value, r.River.Normal, r.River.FloodThreshold); doubtful {
		if d.Treated == domain.TreatedMissing {
			r.River.Value = math.NaN()
			r.Doubt("/river/value", d.Reason, domain.TreatedMissing)
			return true
		}
		r.bound("/river/value", d.Reason, river)
		return true
	}
	if !mayBeCode(&r.River) {
		return odd
	}
	for i, field := range riverFields(&r.River) {
		if doubt.MayBeCode(doubt.River, field.v) {
			if i > 0 {
				river.index = wholeRiver
			}
			r.bound(field.pointer, domain.DoubtNoDataCode, river)
		}
	}
	return odd
}

// oddHistory reports whether the newest known day of the river's history does not fit its thresholds.
func (r *Request) oddHistory() bool {
	for _, v := range r.RiverHistory {
		if v == v && !doubt.MayBeCode(doubt.River, v) {
			_, doubtful := doubt.CheckRiver(v, r.River.Normal, r.River.FloodThreshold)
			return doubtful
		}
	}
	return false
}

// Doubt keeps one doubt for the answer to tell, unless the list is full.
func (r *Request) Doubt(pointer string, reason domain.DoubtReason, treated domain.Treatment) {
	q := Quality{Doubtful: r.Doubts.list}
	q.Doubt(pointer, reason, treated)
	r.Doubts.list = q.Doubtful
}

// bound keeps the doubt about a value that bounds the answer.
func (r *Request) bound(pointer string, reason domain.DoubtReason, place boundPlace) {
	r.Doubt(pointer, reason, domain.TreatedBound)
	r.Doubts.bound |= place.group
	r.Doubts.places = append(r.Doubts.places, place)
}

// without returns the request without the values of the groups.
func (r *Request) without(groups bounds) Request {
	q := *r
	q.Doubts = Doubts{}
	q.RainfallHistoryMM, q.TemperatureHistory = slices.Clone(r.RainfallHistoryMM), slices.Clone(r.TemperatureHistory)
	q.RainfallForecastMM, q.RiverHistory = slices.Clone(r.RainfallForecastMM), slices.Clone(r.RiverHistory)
	fields, sequences := q.fields(), q.series()
	for _, place := range r.Doubts.places {
		switch {
		case groups&place.group == 0:
		case place.series == aField && place.index == wholeRiver:
			q.River = vector.River{Value: math.NaN(), Normal: math.NaN(), FloodThreshold: math.NaN()}
			q.RiverHistory = nil
		case place.series == aField:
			*fields[place.index] = math.NaN()
		default:
			sequences[place.series].values[place.index] = math.NaN()
		}
	}
	return q
}

// heed makes a, the answer to r as it stands, at least as cautious as the answers without the values that
// bound it, and says what is doubtful.
func (m *Model) heed(r *Request, a *Assessment) {
	if len(r.Doubts.list) == 0 {
		return
	}
	for groups := bounds(1); groups < endOfBounds; groups++ {
		if groups&^r.Doubts.bound != 0 {
			continue
		}
		q := r.without(groups)
		var other Assessment
		m.assess(&q, &other)
		a.caution(&other)
		if math.IsNaN(q.River.Value) && !math.IsNaN(r.River.Value) && len(q.RiverHistory) > 0 {
			// Without the value, the history of the river alone may be in another unit: see the river as unknown, too.
			q.River, q.RiverHistory = vector.River{Value: math.NaN(), Normal: math.NaN(), FloodThreshold: math.NaN()}, nil
			var third Assessment
			m.assess(&q, &third)
			a.caution(&third)
		}
	}
	a.Quality.Doubtful = r.Doubts.list
}

// caution makes a the more dangerous of two answers. Its interval holds both: nobody knows which is right.
func (a *Assessment) caution(other *Assessment) {
	lower, upper := min(a.Lower, other.Lower), max(a.Upper, other.Upper)
	if other.Probability > a.Probability {
		at, provenance := a.AssessedAt, a.Provenance
		*a = *other
		a.AssessedAt, a.Provenance = at, provenance
	}
	a.Lower, a.Upper = lower, upper
	a.Confidence = min(a.Confidence, other.Confidence)
}
