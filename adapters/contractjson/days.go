package contractjson

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/vector"
)

// place puts the days of the histories, which come in any order, where the domain expects them: newest first, a
// place for each day, NaN where a day is not known. It appends what is wrong with their dates to shape.
func (w *FloodRisk) place(r *risk.Request, clock strictjson.Clock, shape []domain.Violation) []domain.Violation {
	p := placing{today: dayNumber(r.Date), clock: clock, shape: shape}
	if len(w.WeatherHistory) > 0 {
		if w.RainfallHistoryMM != nil {
			p.shape = append(p.shape, domain.Violation{
				Pointer: "/weather_history", Code: domain.CodeInconsistent,
				Detail: "rainfall_history_mm gives the rain of the same days; send one of the two",
			})
		}
		r.WeatherAt = p.days("/weather_history", len(w.WeatherHistory), func(i int) strictjson.Moment { return w.WeatherHistory[i].Date })
		r.RainfallHistoryMM = p.values(r.WeatherAt, func(i int) float64 { return w.WeatherHistory[i].RainfallMM })
		r.TemperatureHistory = p.values(r.WeatherAt, func(i int) float64 { return w.WeatherHistory[i].Temperature })
	}
	if len(w.River.History) > 0 {
		r.RiverAt = p.days("/river/history", len(w.River.History), func(i int) strictjson.Moment { return w.River.History[i].Date })
		r.RiverHistory = p.values(r.RiverAt, func(i int) float64 { return w.River.History[i].Value })
	}
	return p.shape
}

// placing places days before today.
type placing struct {
	today int // as dayNumber counts
	clock strictjson.Clock
	shape []domain.Violation
}

// dayNumber counts calendar days, in the offset in which t was given.
func dayNumber(t time.Time) int {
	year, month, day := t.Date()
	return int(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// days returns at the place k which of the n elements is of the day k+1 days before today, -1 where none is. Too
// many elements are one violation, and none of them is placed.
func (p *placing) days(pointer string, n int, date func(i int) strictjson.Moment) []int16 {
	if n > vector.MaxHistoryDays {
		p.shape = append(p.shape, domain.Violation{
			Pointer: pointer, Code: domain.CodeSize, Detail: fmt.Sprintf("%d days are more than the %d that are allowed", n, vector.MaxHistoryDays),
		})
		return nil
	}
	at := make([]int16, 0, n)
	for i := range n {
		k := p.day(pointer+"/"+strconv.Itoa(i)+"/date", date(i))
		if k < 0 {
			continue
		}
		for len(at) <= k {
			at = append(at, -1)
		}
		if first := at[k]; first >= 0 {
			p.refuse(pointer+"/"+strconv.Itoa(i)+"/date", domain.CodeDuplicate, "this is the day of "+pointer+"/"+strconv.Itoa(int(first)))
			continue
		}
		at[k] = int16(i)
	}
	return at
}

// day returns the place of the day that m names, -1 where it has none.
func (p *placing) day(pointer string, m strictjson.Moment) int {
	if !m.IsGiven {
		p.refuse(pointer, domain.CodeRequired, "the day is required")
		return -1
	}
	t, v := p.clock.Day(pointer, m)
	if v != nil {
		p.shape = append(p.shape, *v)
		return -1
	}
	switch ago := p.today - dayNumber(t); {
	case ago <= 0:
		p.refuse(pointer, domain.CodeRange, "a history holds days before the date of the request")
	case ago > vector.MaxHistoryDays:
		p.refuse(pointer, domain.CodeRange, fmt.Sprintf("this is %d days before the date of the request, more than %d", ago, vector.MaxHistoryDays))
	default:
		return ago - 1
	}
	return -1
}

func (p *placing) refuse(pointer, code, detail string) {
	p.shape = append(p.shape, domain.Violation{Pointer: pointer, Code: code, Detail: detail})
}

// values returns the value of each day.
func (p *placing) values(at []int16, value func(i int) float64) []float64 {
	out := make([]float64, len(at))
	for k, i := range at {
		if out[k] = math.NaN(); i >= 0 {
			out[k] = value(int(i))
		}
	}
	return out
}
