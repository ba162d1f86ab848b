package qcreport_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/app/cmd/guardy/internal/qcreport"
	"github.com/guardy-ai/guardy/domain/anomaly"
	"github.com/guardy-ai/guardy/domain/qartod"
)

var epoch = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// verdict is one on a single variable x.
func verdict(device string, at time.Time, value float64, c anomaly.Condition) (*anomaly.Request, *anomaly.Answer) {
	f := anomaly.Finding{Name: "x", Value: value, Condition: c}
	for t := range f.Flags {
		f.Flags[t] = qartod.Pass
	}
	a := new(anomaly.Answer)
	a.Model.Version = "7.8.9"
	if c != anomaly.ConditionNone {
		f.Score, f.Flags[anomaly.TestSpike] = 0.9, qartod.Fail
		a.IsAnomaly, a.Alarm = true, anomaly.AlarmNew
	}
	a.AddFinding(f)
	r := &anomaly.Request{DeviceID: device, Reading: anomaly.Reading{Time: at, Values: []anomaly.Value{{Name: "x", Value: value}}}}
	return r, a
}

// page writes the report and checks what holds of every page: it needs nothing from elsewhere, and its
// pictures are XML without numbers that are none.
func page(t *testing.T, r *qcreport.Report, totals qcreport.Totals) string {
	t.Helper()
	var b strings.Builder
	if err := r.WriteHTML(&b, totals); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "http:", "https:", "src=", "@import", "url(", "ZgotmplZ"} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, picture := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(b.String(), -1) {
		d := xml.NewDecoder(strings.NewReader(picture))
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("not XML: %v in %s", err, picture)
			}
			element, _ := token.(xml.StartElement)
			for _, a := range element.Attr {
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Fatalf("a number that is none: %s", picture)
				}
			}
		}
	}
	return b.String()
}

func TestThePageSaysWhatWasFound(t *testing.T) {
	r := qcreport.New()
	for i := range 100 {
		c := anomaly.ConditionNone
		value := math.Sin(float64(i) / 5)
		if i == 60 {
			c, value = anomaly.ConditionSentinel, -9999
		}
		r.Add(verdict(`<i>a&b"`, epoch.Add(time.Duration(i)*time.Hour), value, c))
	}
	r.Add(verdict("b", epoch, 1e308, anomaly.ConditionImpossible))
	r.Add(verdict("b", epoch.Add(time.Hour), -1e308, anomaly.ConditionImpossible))
	r.Add(verdict("c", epoch, math.NaN(), anomaly.ConditionNone))
	got := page(t, r, qcreport.Totals{Devices: 3, Unread: 17, Forgotten: 1})
	for _, want := range []string{
		"2026-03-01 00:00 to 2026-03-05 03:00 UTC", "anomaly detector 7.8.9", "<b>103</b>", "<b>17</b>", "&lt;i&gt;a&amp;b", "sentinel 1",
		"2026-03-03 12:00 UTC: -9999, sentinel", "impossible 2", `class="no-value"`, `class="episode"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(got, "<i>") {
		t.Error("a device's name is taken for HTML")
	}
}

func TestAnEmptyRecordHasAPage(t *testing.T) {
	if got := page(t, qcreport.New(), qcreport.Totals{}); !strings.Contains(got, "no reading") {
		t.Error("the page does not say that there was nothing")
	}
}

// The page of a long record of many devices is bounded, and nothing is lost from its counts.
func TestThePageIsBounded(t *testing.T) {
	r := qcreport.New()
	const devices, readings = qcreport.MaxDevices + 5, 5000
	anomalies := 0
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range readings {
		for d := range devices {
			c := anomaly.ConditionNone
			if rng.IntN(20) == 0 {
				c = anomaly.ConditionJump
				anomalies++
			}
			r.Add(verdict(fmt.Sprintf("device %d", d), epoch.Add(time.Duration(i)*time.Minute), rng.NormFloat64(), c))
		}
	}
	got := page(t, r, qcreport.Totals{Devices: devices})
	if size := len(got); size > qcreport.MaxDevices*200<<10 {
		t.Errorf("the page has %d bytes", size)
	}
	for _, want := range []string{
		fmt.Sprintf("<b>%d</b>", devices*readings), fmt.Sprintf("<b>%d</b>", anomalies),
		fmt.Sprintf("the other %d are counted in one line", devices-qcreport.MaxDevices),
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// A peak of one reading among very many is still there, at its height.
func TestMergingKeepsExtremes(t *testing.T) {
	for _, peak := range []int{0, 3, 799, 800, 801, 12345, 99_999} {
		r := qcreport.New()
		for i := range 100_000 {
			value := 0.25
			if i == peak {
				value = 1
			}
			r.Add(verdict("a", epoch.Add(time.Duration(i)*time.Minute), value, anomaly.ConditionNone))
		}
		got := page(t, r, qcreport.Totals{Devices: 1})
		if !strings.Contains(got, ">1<") || strings.Count(got, `class="series"`) != 2 {
			t.Errorf("the peak at %d is lost", peak)
		}
	}
}

func TestAWrongClockDoesNotHideTheRecord(t *testing.T) {
	for name, wrong := range map[string]time.Time{"before it was set": time.Unix(0, 0), "far ahead": epoch.AddDate(60, 0, 0)} {
		r := qcreport.New()
		r.Add(verdict("a", wrong, 1, anomaly.ConditionNone))
		for i := range 3000 {
			r.Add(verdict("a", epoch.Add(time.Duration(i)*time.Minute), float64(i%7), anomaly.ConditionNone))
		}
		got := page(t, r, qcreport.Totals{Devices: 1})
		if !strings.Contains(got, "far from the others") || !strings.Contains(got, ">2 Mar<") {
			t.Errorf("%s: the axis is not that of the record", name)
		}
	}
}

func TestReadingsOutOfOrderAreCountedAndNotDrawn(t *testing.T) {
	r := qcreport.New()
	r.Add(verdict("a", epoch, 1, anomaly.ConditionNone))
	q, a := verdict("a", epoch.Add(-time.Hour), 77, anomaly.ConditionNone)
	a.Quality = anomaly.QualityOutOfOrder
	r.Add(q, a)
	got := page(t, r, qcreport.Totals{Devices: 1})
	if !strings.Contains(got, "1 out of order") || strings.Contains(got, ">77<") {
		t.Error("the reading is drawn, or not counted")
	}
}

func BenchmarkAdd(b *testing.B) {
	r := qcreport.New()
	q, a := verdict("a", epoch, 1, anomaly.ConditionNone)
	b.ReportAllocs()
	for b.Loop() {
		q.Reading.Time = q.Reading.Time.Add(time.Minute)
		r.Add(q, a)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "readings/s")
}
