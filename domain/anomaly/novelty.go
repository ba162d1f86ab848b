package anomaly

import (
	"math"
)

const (
	quickReadings = 20
	slowReadings  = 1000
	forgetting    = 0.9999 // of a record, a reading
	margin        = 1.05   // by which a record must be beaten to be one
	refractory    = 20     // readings for which novelty is one and the same
)

// novelty returns how far x goes beyond everything the variable did before: its step, the pace of its
// steps, and its distance from where it was of late and for long, each over the record so far. Above 1
// nothing like it was seen. It needs no scale and no distribution, and the chance of a record
// falls as a record grows longer.
func (q *variable) novelty(x float64) float64 {
	if q.seen == 0 {
		q.quick, q.slow, q.latest = x, x, x
	}
	q.seen++
	step := math.Abs(x - q.latest)
	q.latest = x
	q.quick += (x - q.quick) / quickReadings
	q.slow += (x - q.slow) / min(float64(q.seen), slowReadings)
	q.pace += (step - q.pace) / quickReadings
	most := 0.0
	for i, s := range [4]float64{step, q.pace, math.Abs(q.quick - q.slow), math.Abs(x - q.slow)} {
		weight := [4]float64{0.8, 1, 1, 0.9}[i]
		record := q.records[i]
		if record > 0 && q.seen > quickReadings {
			most = max(most, weight*s/record)
		}
		if s > record {
			q.records[i] = margin * s
		} else {
			q.records[i] = forgetting * record
		}
	}
	return most
}
