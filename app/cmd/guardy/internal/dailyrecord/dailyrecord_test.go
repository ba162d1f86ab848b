package dailyrecord

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain/doubt"
)

var columns = []Column{{"rainfall_mm", doubt.Rain}, {"temperature", doubt.Temperature}}

func TestPlacesKeepTheirOwnDays(t *testing.T) {
	f, err := Read(strings.NewReader("\ufeffdate,location_id,latitude,rainfall_mm,note\n"+
		"2001-02-01,mill,45.5,3,x\n2001-02-01,ford,,NA,\n2001-01-31T23:00:00+02:00,mill,,0,\n"), columns)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Series) != 2 || f.Series[0].Place != "mill" || f.Series[1].Place != "ford" {
		t.Fatalf("%+v", f.Series)
	}
	mill := f.Series[0]
	if mill.Latitude != 45.5 || mill.Longitude == mill.Longitude || len(mill.Dates) != 2 ||
		!mill.Dates[1].Equal(time.Date(2001, 1, 31, 0, 0, 0, 0, time.UTC)) || mill.Values[0][0] != 3 {
		t.Errorf("%+v", mill)
	}
	if v := f.Series[1].Values[0][0]; !math.IsNaN(v) {
		t.Errorf("NA is %v", v)
	}
	if !f.Has[0] || f.Has[1] || len(f.Ignored) != 1 || f.Ignored[0] != "note" {
		t.Errorf("has %v, ignored %v", f.Has, f.Ignored)
	}
}

func TestCodesAndImpossibleValuesCountAsMissingAndAreSaid(t *testing.T) {
	f, err := Read(strings.NewReader("date,rainfall_mm,temperature\n"+
		"2001-02-01,-9999,3\n2001-02-02,-9999,4\n2001-02-03,-2,280\n2001-02-04,1,5\n"), columns)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, true, true, false} {
		if v := f.Series[0].Values[0][i]; math.IsNaN(v) != want {
			t.Errorf("day %d is %v", i+1, v)
		}
	}
	var said []string
	for _, n := range f.Notes {
		said = append(said, n.String())
	}
	want := []string{
		"line 2: rainfall_mm: -9999 counts as missing: it is the code -9999 for no data (2 times)",
		"line 4: rainfall_mm: -2 counts as missing: nothing measures such a value (1 times)",
		"line 4: temperature: 280 counts as missing: nothing measures such a value (1 times)",
	}
	if strings.Join(said, "\n") != strings.Join(want, "\n") {
		t.Errorf("said\n%s\nwant\n%s", strings.Join(said, "\n"), strings.Join(want, "\n"))
	}
}

func TestAFileWithABadLineIsRefusedWithEveryLine(t *testing.T) {
	_, err := Read(strings.NewReader("date,latitude,rainfall_mm\n2001-02-01,1,3\n2001-02-01,1,4\n1.2.2001,1,4\n"+
		"2001-02-02,1,much\n2001-02-03,1\n2001-02-04,2,1\n0001-02-04,1,1\n"), columns)
	want := `line 3: 2001-02-01 stands on line 2 already; a daily record has one line a day
line 4: date: "1.2.2001" is not a date like 2006-01-02
line 5: rainfall_mm: "much" is not a number
line 6: wrong number of fields
line 7: latitude is 2 here and 1 above; a place has one
line 8: date: the year 1 is outside 1700 to 2200`
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant\n%s", err, want)
	}
	for name, text := range map[string]string{
		"empty": "", "no day": "date,rainfall_mm\n", "no date": "day,rainfall_mm\n1,1\n", "twice": "date,date\n",
	} {
		if _, err := Read(strings.NewReader(text), columns); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("date,rainfall_mm\n2001-02-01,3\n")
	f.Add("date,location_id,rainfall_mm\n2001-02-01,a,-9999\n2001-02-01,b,\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Read(strings.NewReader(text), columns)
		if err != nil {
			return
		}
		for _, s := range file.Series {
			for _, v := range s.Values {
				if len(v) != len(s.Dates) {
					t.Fatalf("%d values on %d days", len(v), len(s.Dates))
				}
			}
		}
	})
}
