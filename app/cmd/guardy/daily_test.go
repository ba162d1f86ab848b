package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/adapters/siteregister/fileregister"
)

// dailyLines reads the days of a self-made file to their end.
func dailyLines(t *testing.T, text string, sites fileregister.Config, spinUp int) ([]line, *dailyTable, error) {
	t.Helper()
	table, err := newTable(strings.NewReader(text), "flood", "", true)
	if err != nil {
		return nil, nil, err
	}
	days, err := newDailyTable(table, sites, spinUp, true)
	if err != nil {
		return nil, nil, err
	}
	var lines []line
	for {
		l, err := days.next()
		if errors.Is(err, io.EOF) {
			return lines, days, nil
		} else if err != nil {
			return lines, days, err
		}
		lines = append(lines, l)
	}
}

const dailyHead = "location_id,latitude,longitude,date,rainfall_mm,temperature,river.value,river.normal,river.flood_threshold\n"

// TestADayKnowsTheDaysBeforeItAndNotItsOwnRiver: two places whose days alternate, one with a gap.
func TestADayKnowsTheDaysBeforeItAndNotItsOwnRiver(t *testing.T) {
	lines, _, err := dailyLines(t, dailyHead+
		"a,45,7,2020-03-01,1,5,10,8,20\nb,46,8,2020-03-01,7,5,1,1,2\n"+
		"a,45,7,2020-03-02,2,6,11,8,20\nb,46,8,2020-03-02,8,5,3,1,2\n"+
		"a,45,7,2020-03-04,3,7,12,8,20\n", fileregister.Config{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 5 {
		t.Fatalf("%d lines", len(lines))
	}
	want := map[string]string{ // rain, temperature and river before, the river of yesterday, the rain of tomorrow
		"a 2020-03-01": "[] [] [] NaN [2]", "a 2020-03-02": "[1] [5] [10] 10 []",
		"a 2020-03-04": "[NaN 2 1] [NaN 6 5] [NaN 11 10] NaN []",
		"b 2020-03-01": "[] [] [] NaN [8]", "b 2020-03-02": "[7] [5] [1] 1 []",
	}
	for _, l := range lines {
		r := &l.request
		name := r.LocationID + " " + r.Date.Format(time.DateOnly)
		if got := fmt.Sprint(r.RainfallHistoryMM, " ", r.TemperatureHistory, " ", r.RiverHistory, " ", r.River.Value, " ", r.RainfallForecastMM); got != want[name] {
			t.Errorf("%s has %s, want %s", name, got, want[name])
		}
	}
}

// TestTheRiverTellsTheFloodsOfTodayAndTomorrow: the last day and the days around an unknown one have no label, unless
// the day that is known had a flood.
func TestTheRiverTellsTheFloodsOfTodayAndTomorrow(t *testing.T) {
	var b strings.Builder
	b.WriteString(dailyHead)
	for i, river := range []string{"1", "1", "20", "NA", "1", "-9999", "25"} {
		fmt.Fprintf(&b, "a,45,7,2020-03-%02d,1,5,%s,8,20\n", i+1, river)
	}
	lines, days, err := dailyLines(t, b.String(), fileregister.Config{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, l := range lines {
		switch {
		case l.label == "":
			got.WriteByte('?')
		case l.event:
			got.WriteByte('1')
		default:
			got.WriteByte('0')
		}
	}
	if got.String() != "011??11" {
		t.Errorf("labels %s", got.String())
	}
	if days.counts != (dailyCounts{Places: 1, Discarded: 1}) {
		t.Errorf("%+v", days.counts)
	}
}

func TestAThresholdOfTheRegisterTellsTheFloods(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sites.csv")
	if err := os.WriteFile(path, []byte("location_id,latitude,longitude,flood_threshold\na,45,7,20\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const days = "location_id,latitude,longitude,date,rainfall_mm,river.value\na,45,7,2020-03-01,1,21\na,45,7,2020-03-02,1,2\n"
	lines, _, err := dailyLines(t, days, fileregister.Config{Path: path}, 0)
	if err != nil || len(lines) != 2 || !lines[0].event || lines[0].label == "" || lines[1].label != "" {
		t.Errorf("%v %+v", err, lines)
	}
}

func TestDaysWithoutRainAreHistoryOnlyAndALabelOfTheFileStands(t *testing.T) {
	lines, days, err := dailyLines(t, "latitude,longitude,date,rainfall_mm,temperature,flood\n"+
		"45,7,2020-03-01,1,5,0\n45,7,2020-03-02,-9999,5,0\n45,7,2020-03-03,3,5,1\n45,7,2020-03-04,4,5,\n", fileregister.Config{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 2 || !lines[0].event || lines[1].label != "" || fmt.Sprint(lines[0].request.RainfallHistoryMM) != "[NaN 1]" {
		t.Errorf("%+v", lines)
	}
	if days.counts != (dailyCounts{Places: 1, SpinUp: 1, NoRain: 1, Discarded: 1}) {
		t.Errorf("%+v", days.counts)
	}
}

func TestAMeanOfTemperatureNeedsEveryDay(t *testing.T) {
	var b strings.Builder
	b.WriteString(dailyHead)
	for i := range 31 {
		warmth := fmt.Sprint(i)
		if i == 20 {
			warmth = ""
		}
		fmt.Fprintf(&b, "a,45,7,%s,1,%s,1,8,20\n", time.Date(2020, 3, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), warmth)
	}
	lines, _, err := dailyLines(t, b.String(), fileregister.Config{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		day  int
		want float64
	}{{5, math.NaN()}, {6, 3}, {19, 16}, {20, math.NaN()}, {26, math.NaN()}, {27, 24}} {
		if got := lines[c.day].request.Temperature7dMean; got != c.want && !(got != got && c.want != c.want) {
			t.Errorf("day %d: %v, want %v", c.day, got, c.want)
		}
	}
	if v := lines[30].request.Temperature30dMean; v == v {
		t.Errorf("30 days with one unknown have the mean %v", v)
	}
}

func TestDaysThatAreNoSeriesAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"the wrong order": dailyHead + "a,45,7,2020-03-02,1,5,1,1,2\na,45,7,2020-03-01,1,5,1,1,2\n",
		"a day twice":     dailyHead + "a,45,7,2020-03-02,1,5,1,1,2\na,45,7,2020-03-02,1,5,1,1,2\n",
		"no date":         dailyHead + "a,45,7,,1,5,1,1,2\n",
		"no date column":  "latitude,longitude,rainfall_mm,flood\n",
		"a river's":       "latitude,longitude,date,rainfall_mm,river.history.0,flood\n",
		"a history":       "latitude,longitude,date,rainfall_mm,rainfall_history_mm,flood\n",
		"nothing to tell": "latitude,longitude,date,rainfall_mm\n",
	} {
		if _, _, err := dailyLines(t, text, fileregister.Config{}, 0); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
