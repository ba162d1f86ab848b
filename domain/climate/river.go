package climate

import (
	"math"
	"slices"
	"time"
)

// RiverDay is the river's level or discharge of one day.
type RiverDay struct {
	Date  time.Time
	Value float64
}

// River is what a record of a river says of its ordinary days and of its floods, in the unit of the record.
type River struct {
	Normal float64 // median of the known days; NaN when a calendar month has too few
	Days   int     // known days
	Months int     // calendar months, of 12, of which enough days are known
	Flood  TwoYearLevel
}

// TwoYearLevel is the level that half of the years reach: the median of the annual maxima, as the flood of the risk
// model is defined.
type TwoYearLevel struct {
	Value float64 // NaN without a complete year
	// Lower and Upper hold the level with the probability Coverage, whatever the distribution of the maxima, when the
	// years are independent and alike. They are two of the maxima themselves, the narrowest pair that reaches
	// WantedCoverage; fewer than five years reach less, and have the least and the greatest maximum here.
	Lower, Upper, Coverage float64
	Maxima                 []AnnualMaximum // of the complete years, in order
	LeftOut                []AnnualMaximum // years with too many unknown days, of which the maximum may be missing
}

// AnnualMaximum is the greatest daily value of a water year, which has the number of the calendar year it ends in.
type AnnualMaximum struct {
	Year  int
	Value float64
	Known int // days
}

const (
	// WantedCoverage is the probability that the interval of the 2-year level is to have.
	WantedCoverage = 0.9
	// LeastYearDays is the number of known days from which a year counts as complete, as for the annual indices of the
	// Global Streamflow Indices and Metadata archive (Gudmundsson et al. 2018, Earth System Science Data 10, 787-804).
	LeastYearDays = 350
)

// DeriveRiver reads a record of daily values; NaN is not known. A date must not be given twice; the order does not
// matter. The water year begins on the first day of a month: October in the definition of the flood, or the month in
// which the river is lowest, so that one flood is not counted in two years.
func DeriveRiver(days []RiverDay, firstMonth time.Month) River {
	r := River{Normal: math.NaN()}
	var known calendar
	var values []float64
	years := map[int]AnnualMaximum{}
	for _, d := range days {
		if d.Value != d.Value {
			continue
		}
		known.count(d.Date, true)
		values = append(values, d.Value)
		year := d.Date.Year()
		if firstMonth > time.January && d.Date.Month() >= firstMonth {
			year++
		}
		y, ok := years[year]
		if !ok || d.Value > y.Value {
			y.Year, y.Value = year, d.Value
		}
		y.Known++
		years[year] = y
	}
	if r.Days, r.Months = known.total(); r.Months == 12 {
		slices.Sort(values)
		r.Normal = median(values)
	}
	r.Flood = twoYearLevel(years)
	return r
}

func twoYearLevel(years map[int]AnnualMaximum) TwoYearLevel {
	nan := math.NaN()
	l := TwoYearLevel{Value: nan, Lower: nan, Upper: nan, Coverage: 0}
	for _, y := range years {
		if y.Known >= LeastYearDays {
			l.Maxima = append(l.Maxima, y)
		} else {
			l.LeftOut = append(l.LeftOut, y)
		}
	}
	byYear := func(a, b AnnualMaximum) int { return a.Year - b.Year }
	slices.SortFunc(l.Maxima, byYear)
	slices.SortFunc(l.LeftOut, byYear)
	if len(l.Maxima) == 0 {
		return l
	}
	sorted := make([]float64, len(l.Maxima))
	for i, y := range l.Maxima {
		sorted[i] = y.Value
	}
	slices.Sort(sorted)
	l.Value = median(sorted)
	rank, coverage := medianInterval(len(sorted), WantedCoverage)
	l.Lower, l.Upper, l.Coverage = sorted[rank-1], sorted[len(sorted)-rank], coverage
	return l
}

// median returns the median of sorted values, of which there is at least one.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// medianInterval returns the greatest rank k for which the k-th least and the k-th greatest of n independent values
// hold the median of their distribution with at least the wanted probability, and that probability. Where no rank
// does, k is 1. The median lies outside when fewer than k values fall on one side of it, and each side has half of the
// values by its definition: the probability is 1 − 2·P(Binomial(n, 1/2) < k) (David and Nagaraja 2003, "Order
// Statistics", section 7.1).
func medianInterval(n int, wanted float64) (rank int, coverage float64) {
	term := math.Exp2(-float64(n)) // P(Binomial = 0)
	rank, below := 1, term
	for k := 2; k <= (n+1)/2; k++ {
		term *= float64(n-k+2) / float64(k-1)
		if 1-2*(below+term) < wanted {
			break
		}
		rank, below = k, below+term
	}
	return rank, max(1-2*below, 0)
}
