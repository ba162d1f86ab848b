// Package qcreport draws what quality control found in a sensor record: one page that needs nothing but a
// browser, with the counts of every device and its series with the flags on them. It keeps a fixed amount of
// memory for each of a bounded number of devices, however long the record.
package qcreport

import (
	"time"

	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/qartod"
)

// MaxDevices is how many devices are shown: those that come first. The others are counted together.
const MaxDevices = 40

// Report collects verdicts in the order of the record.
type Report struct {
	devices map[string]*device
	shown   []*device // in the order of their coming
	others  device    // all that are not shown
	model   string    // version of the model of the newest verdict
}

// New returns an empty report.
func New() *Report { return &Report{devices: map[string]*device{}} }

// device is what is known of one device.
type device struct {
	name                          string
	readings, anomalous, episodes int
	unordered                     int // readings that are not drawn
	first, last                   time.Time
	variables                     []*variable
	steps                         timeline
	conditions                    [anomaly.NumConditions]int // anomalous values by what is wrong with them
}

// variable is what is known of one variable of a device.
type variable struct {
	name                         string
	values, anomalous, explained int
	conditions                   [anomaly.NumConditions]int
	flags                        [qartod.Missing + 1]int                   // values by the worst flag of their tests
	tests                        [anomaly.NumTests][qartod.Missing + 1]int // and by each test
	cells                        []cell                                    // by bucket of the device's timeline
}

// Add takes the verdict on one reading.
func (r *Report) Add(q *anomaly.Request, a *anomaly.Answer) {
	r.model = a.Model.Version
	d := r.devices[q.DeviceID]
	if d == nil {
		d = &r.others
		if len(r.shown) < MaxDevices {
			d = &device{name: q.DeviceID}
			r.devices[d.name] = d
			r.shown = append(r.shown, d)
		}
	}
	d.count(q.Reading.Time, a)
	if d == &r.others {
		return
	}
	bucket := -1
	if a.Quality&anomaly.QualityOutOfOrder != 0 {
		d.unordered++
	} else {
		bucket = d.bucket(q.Reading.Time, a.IsAnomaly || a.Alarm == anomaly.AlarmOngoing)
	}
	for i := range a.Findings() {
		f := &a.Findings()[i]
		v := d.variable(f.Name, i)
		if v == nil {
			continue
		}
		v.count(f)
		if bucket >= 0 {
			v.cell(bucket).add(f)
		}
	}
}

func (d *device) count(at time.Time, a *anomaly.Answer) {
	d.readings++
	if d.first.IsZero() || at.Before(d.first) {
		d.first = at
	}
	if at.After(d.last) {
		d.last = at
	}
	if a.IsAnomaly {
		d.anomalous++
	}
	if a.Alarm == anomaly.AlarmNew {
		d.episodes++
	}
	for i := range a.Findings() {
		if f := &a.Findings()[i]; f.IsAnomaly() {
			d.conditions[f.Condition]++
		}
	}
}

// variable returns the variable with that name, hint first, making it while there is room; nil otherwise.
func (d *device) variable(name string, hint int) *variable {
	if hint < len(d.variables) && d.variables[hint].name == name {
		return d.variables[hint]
	}
	for _, v := range d.variables {
		if v.name == name {
			return v
		}
	}
	if len(d.variables) == anomaly.MaxVariables {
		return nil
	}
	v := &variable{name: name}
	d.variables = append(d.variables, v)
	return v
}

func (v *variable) count(f *anomaly.Finding) {
	if f.Value == f.Value {
		v.values++
	}
	switch {
	case f.IsAnomaly():
		v.anomalous++
		v.conditions[f.Condition]++
	case f.Guarded:
		v.explained++
	}
	v.flags[qartod.Aggregate(f.Flags[:]...)]++
	for t, flag := range f.Flags {
		v.tests[t][flag]++
	}
}
