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
	leastRecord   = 1e-200
)

// The distances of which a variable keeps a record.
const (
	stepped = iota // from the value before
	paced          // the pace of the steps
	moved          // of where it was of late from where it was for long
	away           // from where it was for long

	numRecords
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
	q.quick += (x - q.quick) * (1. / quickReadings)
	if q.seen < slowReadings {
		q.slow += (x - q.slow) / float64(q.seen)
	} else {
		q.slow += (x - q.slow) * (1. / slowReadings)
	}
	q.pace += (step - q.pace) * (1. / quickReadings)
	most := larger(
		larger(0.8*beat(&q.records[stepped], step), beat(&q.records[paced], q.pace)),
		larger(beat(&q.records[moved], math.Abs(q.quick-q.slow)), 0.9*beat(&q.records[away], math.Abs(x-q.slow))),
	)
	if q.seen <= quickReadings {
		return 0
	}
	return most
}

// beat returns distance over the record so far, 0 without one, and keeps the record. What is kept is one
// over it: a multiplication is much faster than a division.
func beat(perRecord *float64, distance float64) float64 {
	share := distance * *perRecord
	switch {
	case share > 1 || *perRecord == 0 && distance > leastRecord:
		*perRecord = 1 / (margin * distance)
	case *perRecord < 1/leastRecord:
		*perRecord *= 1 / forgetting
	}
	return share
}
