package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/adapters/siteregister/fileregister"
)

// writeDays writes a self-made record of two places from October 2000 on, of so many years, in one file, and returns
// its path. Each December has a flood, in the first place of 10, 11, 12 … and in the second a hundred times more.
func writeDays(t *testing.T, years int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("location_id,latitude,longitude,date,rainfall_mm,temperature,value\n")
	for i, id := range []string{"mill", "ford"} {
		unit := math.Pow(100, float64(i))
		for date := time.Date(2000, 10, 1, 0, 0, 0, 0, time.UTC); date.Before(time.Date(2000+years, 10, 1, 0, 0, 0, 0, time.UTC)); date = date.AddDate(0, 0, 1) {
			flow := 2.0
			if date.Month() == time.December && date.Day() == 24 {
				flow = float64(10 + date.Year() - 2000)
			}
			season := -math.Cos(2 * math.Pi * float64(date.YearDay()) / 365.2425)
			fmt.Fprintf(&b, "%s,45.5,-70.25,%s,%.2f,%.2f,%g\n", id, date.Format(time.DateOnly), 3*(1+0.5*season), 10+10*season, flow*unit)
		}
	}
	path := filepath.Join(t.TempDir(), "days.csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestADerivedRowIsARowOfTheRegister derives two places, loads the rows as a service would, and looks them up.
func TestADerivedRowIsARowOfTheRegister(t *testing.T) {
	days := writeDays(t, 7)
	var out, said bytes.Buffer
	if code := run(t.Context(), []string{"sites", "derive", "--weather", days, "--river", days}, stdio{out: &out, err: &said}); code != exitDone {
		t.Fatalf("exit code %d: %s", code, said.String())
	}
	path := filepath.Join(t.TempDir(), "sites.csv")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	register, err := fileregister.New(fileregister.Config{Path: path})
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if register.Len() != 2 {
		t.Fatalf("%d sites", register.Len())
	}
	for id, unit := range map[string]float64{"mill": 1, "ford": 100} {
		s, ok := register.Lookup(id)
		if !ok || s.Latitude != 45.5 || s.Longitude != -70.25 || s.Normal != 2*unit || s.FloodThreshold != 13*unit {
			t.Errorf("%s: %+v", id, s)
		}
		if a := s.Site; math.Abs(a.PrecipitationMeanMMDay-3) > 0.02 || math.Abs(a.PrecipitationSeasonality-0.5) > 0.01 ||
			!(a.SnowFraction == 0) || !(a.PETMeanMMDay > 1 && a.PETMeanMMDay < 4) || !(a.AreaKM2 != a.AreaKM2) {
			t.Errorf("%s: %+v", id, a)
		}
	}
	for _, want := range []string{
		"the median of the maxima of 7 complete water years (from October); with a confidence of 98 % between 10 and 16",
		"unknown    elevation_m, slope_m_per_km, area_km2, ",
	} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("standard error does not say %q:\n%s", want, said.String())
		}
	}
}

// TestTooFewYearsGiveNoTwoYearLevelUnlessAskedFor: three maxima cannot hold the level with a confidence of 90 %.
func TestTooFewYearsGiveNoTwoYearLevelUnlessAskedFor(t *testing.T) {
	days := writeDays(t, 3)
	threshold := func(flags ...string) (string, string) {
		var out, said bytes.Buffer
		args := append([]string{"sites", "derive", "--weather", days, "--river", days}, flags...)
		if code := run(t.Context(), args, stdio{out: &out, err: &said}); code != exitDone {
			t.Fatalf("exit code %d: %s", code, said.String())
		}
		rows, err := csv.NewReader(&out).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return rows[1][slices.Index(rows[0], "flood_threshold")], said.String()
	}
	got, said := threshold()
	if got != "" || !strings.Contains(said, "3 complete water years are too few for a 2-year level, which needs 5") ||
		!strings.Contains(said, "with a confidence of 75 % between 10 and 12") {
		t.Errorf("threshold %q\n%s", got, said)
	}
	got, _ = threshold("--min-years", "3")
	if v, err := strconv.ParseFloat(got, 64); err != nil || v != 11 {
		t.Errorf("threshold %q", got)
	}
}
