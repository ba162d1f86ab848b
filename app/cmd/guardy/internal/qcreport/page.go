package qcreport

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/qartod"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// Totals are what only the reader of the record knows.
type Totals struct {
	Devices   int // that were seen
	Forgotten int // of them, for want of room
	Unread    int // lines
}

// page is what the template shows.
type page struct {
	counts
	Period  string
	Model   string
	Totals  Totals
	Hidden  int // devices
	Devices []deviceView
	Others  *counts // nil when every device is shown
}

// counts are those of a device, or of several.
type counts struct {
	From, To                      string
	Readings, Anomalous, Episodes int
	Share, Found                  string
}

type deviceView struct {
	counts
	Name, Anchor             string
	Each, Unordered, Outside int      // 0 is not said
	Tests                    []string // that any value did not pass
	Variables                []variableView
}

type variableView struct {
	Name, Unit                   string
	Values, Anomalous, Explained int
	Share, Found                 string
	Flags                        []int
	Tests                        []string // of the device's Tests: how many are suspect, and how many failed
	Plot                         template.HTML
}

// flagOrder is the order of the columns.
var flagOrder = [...]qartod.Flag{qartod.Pass, qartod.NotEvaluated, qartod.Suspect, qartod.Fail, qartod.Missing}

// WriteHTML writes the page. It loads nothing and runs no script.
func (r *Report) WriteHTML(w io.Writer, t Totals) error {
	all := device{first: r.others.first, last: r.others.last}
	p := page{Model: r.model, Totals: t, Hidden: max(t.Devices-len(r.shown), 0)}
	for _, d := range append(slices.Clone(r.shown), &r.others) {
		all.take(d)
	}
	p.counts = all.view()
	p.Period = "no reading"
	if all.readings > 0 {
		p.Period = p.From + " to " + p.To + " UTC"
	}
	for i, d := range r.shown {
		p.Devices = append(p.Devices, d.section(i))
	}
	if r.others.readings > 0 {
		others := r.others.view()
		p.Others = &others
	}
	return pageTemplate.Execute(w, &p)
}

// take adds the counts of another device.
func (d *device) take(other *device) {
	if other.readings == 0 {
		return
	}
	if d.readings == 0 || other.first.Before(d.first) {
		d.first = other.first
	}
	if other.last.After(d.last) {
		d.last = other.last
	}
	d.readings += other.readings
	d.anomalous += other.anomalous
	d.episodes += other.episodes
}

func (d *device) view() counts {
	return counts{
		From: minute(d.first), To: minute(d.last), Readings: d.readings, Anomalous: d.anomalous, Episodes: d.episodes,
		Share: share(d.anomalous, d.readings), Found: found(&d.conditions),
	}
}

func share(part, all int) string {
	return fmt.Sprintf("%.2f %%", 100*float64(part)/float64(max(all, 1)))
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// section returns the view of the device with its plots.
func (d *device) section(i int) deviceView {
	w, _ := d.window()
	v := deviceView{counts: d.view(), Name: d.name, Anchor: fmt.Sprintf("device-%d", i+1), Unordered: d.unordered, Outside: w.left}
	if d.steps.each > 1 {
		v.Each = d.steps.each
	}
	tests := d.notPassed()
	for _, t := range tests {
		v.Tests = append(v.Tests, strings.ReplaceAll(t.String(), "_", " "))
	}
	for _, x := range d.variables {
		view := variableView{
			Name: x.name, Unit: units[x.name], Values: x.values, Anomalous: x.anomalous, Explained: x.explained,
			Share: share(x.anomalous, x.values), Found: found(&x.conditions), Plot: template.HTML(d.draw(x)),
		}
		for _, flag := range flagOrder {
			view.Flags = append(view.Flags, x.flags[flag])
		}
		for _, t := range tests {
			view.Tests = append(view.Tests, fmt.Sprintf("%d, %d", x.tests[t][qartod.Suspect], x.tests[t][qartod.Fail]))
		}
		v.Variables = append(v.Variables, view)
	}
	return v
}

// notPassed returns the tests that any value of the device did not pass.
func (d *device) notPassed() (tests []anomaly.Test) {
	for t := range anomaly.NumTests {
		if slices.ContainsFunc(d.variables, func(v *variable) bool { return v.tests[t][qartod.Suspect]+v.tests[t][qartod.Fail] > 0 }) {
			tests = append(tests, t)
		}
	}
	return tests
}

var units = map[string]string{
	anomaly.NameRain: "mm in the step", anomaly.NameTemperature: "°C", anomaly.NameHumidity: "%", anomaly.NameWaterLevel: "m",
	anomaly.NameBattery: "V", anomaly.NameSignal: "dBm",
}

// found says how often each condition was, in words.
func found(conditions *[anomaly.NumConditions]int) string {
	var parts []string
	for c, n := range conditions {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", anomaly.Condition(c), n))
		}
	}
	return strings.Join(parts, ", ")
}
