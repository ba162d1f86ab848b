package weather

import (
	"math"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"
)

func committedFit(t *testing.T) Fit {
	t.Helper()
	f, err := Committed()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTheCommittedFitIsThatOfTheData(t *testing.T) {
	const dir = "../../../../shared/data/hydro"
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no hydro data:", err)
	}
	f, err := Measure(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(f, committedFit(t)) {
		t.Error("fit.json is out of date: go run ./cmd/sample fit DIR")
	}
}

func TestPlacesRainAsTheFitDoes(t *testing.T) {
	f := committedFit(t)
	m := NewMaker(f, 7)
	const n = 60_000
	var wet, seen [12]float64
	var rain []float64
	for i := range n {
		p := m.Place(i)
		day, err := time.Parse(time.DateOnly, p.Date)
		if err != nil {
			t.Fatal(err)
		}
		month := day.Month() - 1
		seen[month]++
		if p.RainfallMM >= WetDay {
			wet[month]++
			rain = append(rain, p.RainfallMM)
		}
	}
	for month := range wet {
		// Five standard errors of a share near a half.
		if got, want := wet[month]/seen[month], f.Months[month].Wet; math.Abs(got-want) > 5*0.5/math.Sqrt(seen[month]) {
			t.Errorf("month %d has rain on %.3f of its days, the fit on %.3f", month+1, got, want)
		}
	}
	slices.Sort(rain)
	for i, p := range Levels[1 : len(Levels)-2] {
		got, want := rain[int(p*float64(len(rain)))], f.Rain[i+1]
		if math.Abs(got-want) > 0.06+0.1*want { // 0.05 mm is lost to the rounding
			t.Errorf("the %g quantile of a wet day is %.2f mm, in the fit %.2f mm", p, got, want)
		}
	}
}

func TestWetDaysFollowWetDays(t *testing.T) {
	f := committedFit(t)
	m := NewMaker(f, 8)
	days := m.days(0, 100_000)
	var after, stay float64
	for i := 1; i < len(days); i++ {
		if days[i-1] > 0 {
			after++
			if days[i] > 0 {
				stay++
			}
		}
	}
	// The memory of the chain is that of the year, the share of wet days that of the month.
	memory := f.StayWet - f.TurnWet
	want := f.Months[0].Wet*(1-memory) + memory
	if got := stay / after; math.Abs(got-want) > 0.01 {
		t.Errorf("after a wet day %.3f are wet, want %.3f", got, want)
	}
}

func TestGaugesHaveARiverThatRisesWithRainAndFallsWithout(t *testing.T) {
	m := NewMaker(committedFit(t), 9)
	for i := range 200 {
		g := m.Gauge(i, 48)
		for h := 1; h < 48; h++ {
			before, now := g.WaterLevelM[h-1]-g.Normal, g.WaterLevelM[h]-g.Normal
			if dry := g.RainfallMM[h] == 0; dry && math.Abs(now) > math.Abs(before)+0.001 {
				t.Fatalf("gauge %d, hour %d: without rain the river went from %.3f to %.3f m above its median", i, h, before, now)
			}
			if g.RainfallMM[h] > 20 && now <= before {
				t.Fatalf("gauge %d, hour %d: %.1f mm did not raise the river", i, h, g.RainfallMM[h])
			}
		}
	}
}

func TestEqualSeedsMakeEqualSamples(t *testing.T) {
	f := committedFit(t)
	a, b := NewMaker(f, 1), NewMaker(f, 1)
	for i := range 50 {
		if !reflect.DeepEqual(a.Place(i), b.Place(i)) {
			t.Fatal("place", i)
		}
	}
	if reflect.DeepEqual(NewMaker(f, 2).Place(0), NewMaker(f, 1).Place(0)) {
		t.Fatal("another seed made the same place")
	}
}
