package qcreport

import (
	"math"
	"time"

	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/qartod"
)

// maxBuckets bounds what is kept of a series: when all are full, neighbours are merged and each takes
// twice as many readings from then on.
const maxBuckets = 800

// timeline divides the readings of a device into buckets of equal number, not of equal time: a clock that
// is years ahead once costs one bucket, not the resolution of all others.
type timeline struct {
	buckets []bucket
	each    int // readings a bucket takes
}

type bucket struct {
	at       time.Time // of its first reading
	readings int
	alarmed  bool // an episode went on during it
}

// bucket returns the bucket that takes the next reading, made by at.
func (d *device) bucket(at time.Time, alarmed bool) int {
	t := &d.steps
	n := len(t.buckets)
	if n == 0 || t.buckets[n-1].readings == t.each {
		if n == maxBuckets {
			d.merge()
			n = len(t.buckets)
		}
		t.each = max(t.each, 1)
		t.buckets = append(t.buckets, bucket{at: at})
		n++
	}
	b := &t.buckets[n-1]
	b.readings++
	b.alarmed = b.alarmed || alarmed
	return n - 1
}

// merge halves the number of buckets, which is even and whose buckets are full.
func (d *device) merge() {
	t := &d.steps
	for i := range maxBuckets / 2 {
		a, b := t.buckets[2*i], t.buckets[2*i+1]
		t.buckets[i] = bucket{at: a.at, readings: a.readings + b.readings, alarmed: a.alarmed || b.alarmed}
	}
	t.buckets = t.buckets[:maxBuckets/2]
	t.each *= 2
	for _, v := range d.variables {
		for i := 0; 2*i < len(v.cells); i++ {
			c := v.cells[2*i]
			if 2*i+1 < len(v.cells) {
				c.merge(&v.cells[2*i+1])
			}
			v.cells[i] = c
		}
		v.cells = v.cells[:(len(v.cells)+1)/2]
	}
}

// cell is what is kept of one variable in one bucket.
type cell struct {
	low, high float64 // of the values that are no anomaly; NaN when there is none
	anomalous int
	worst     mark
	explained mark        // the value that stood out most of those that the weather explains
	flag      qartod.Flag // the worst of all tests
}

// mark is a value that is drawn by itself; a score of zero is none.
type mark struct {
	value, score float64
	condition    anomaly.Condition
}

// cell returns the cell of a bucket, which is the last or a new one.
func (v *variable) cell(bucket int) *cell {
	for len(v.cells) <= bucket {
		v.cells = append(v.cells, cell{low: math.NaN(), high: math.NaN()})
	}
	return &v.cells[bucket]
}

func (c *cell) add(f *anomaly.Finding) {
	flag := qartod.Aggregate(f.Flags[:]...)
	m := mark{f.Value, f.Score, f.Condition}
	one := cell{low: math.NaN(), high: math.NaN(), flag: flag}
	switch {
	case f.IsAnomaly():
		one.anomalous, one.worst = 1, m
	case f.Guarded:
		one.explained = m
		fallthrough
	default:
		one.low, one.high = f.Value, f.Value
	}
	c.merge(&one)
}

func (c *cell) merge(other *cell) {
	if !(c.low <= other.low) && other.low == other.low {
		c.low = other.low
	}
	if !(c.high >= other.high) && other.high == other.high {
		c.high = other.high
	}
	c.anomalous += other.anomalous
	c.worst = c.worst.over(other.worst)
	c.explained = c.explained.over(other.explained)
	if c.flag == 0 {
		c.flag = other.flag
	} else if other.flag != 0 {
		c.flag = qartod.Aggregate(c.flag, other.flag)
	}
}

// over returns the one that stands out more.
func (m mark) over(other mark) mark {
	if other.score > m.score {
		return other
	}
	return m
}
