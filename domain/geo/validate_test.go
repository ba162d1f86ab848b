package geo

import (
	"math"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/domain"
)

func TestValidateNamesWhatIsWrong(t *testing.T) {
	open := square(0, 0, 1)
	open = open[:len(open)-1]
	for _, c := range []struct {
		name    string
		m       MultiPolygon
		pointer string
		code    string
		detail  string
	}{
		{"nothing", MultiPolygon{}, "/f", domain.CodeSize, "empty"},
		{"no ring", MultiPolygon{{}}, "/f/0", domain.CodeSize, "empty"},
		{"empty ring", MultiPolygon{{{}}}, "/f/0/0", domain.CodeSize, "at least 4"},
		{"unclosed", MultiPolygon{{open}}, "/f/0/0", domain.CodeInconsistent, "not closed"},
		{"a bow tie", MultiPolygon{{ring(0, 0, 1, 1, 1, 0, 0, 1)}}, "/f/0", domain.CodeInconsistent, "crosses itself"},
		{"there and back", MultiPolygon{{ring(0, 0, 2, 0, 2, 2, 2, -1)}}, "/f/0", domain.CodeInconsistent, "crosses itself"},
		{"a line", MultiPolygon{{ring(0, 0, 1, 1, 2, 2)}}, "/f/0/0", domain.CodeInconsistent, "one line"},
		{"a point", MultiPolygon{{ring(1, 1, 1, 1, 1, 1)}}, "/f/0/0", domain.CodeInconsistent, "one line"},
		{"the planet", MultiPolygon{{ring(-180, -80, 180, -80, 180, 80, -180, 80)}}, "/f/0", domain.CodeRange, "360 degrees wide"},
		{"a continent", MultiPolygon{{square(10, 50, 20)}}, "/f/0", domain.CodeRange, "at most 10"},
		{"the antimeridian", MultiPolygon{{ring(179, 0, -179, 0, -179, 1, 179, 1)}}, "/f/0", domain.CodeRange, "split it"},
		{"beyond the antimeridian", MultiPolygon{{square(180, 0, 1)}}, "/f/0/0/1", domain.CodeRange, "no longitude"},
		{"a pole", MultiPolygon{{square(0, 89, 1)}}, "/f/0/0/2", domain.CodeRange, "pole"},
		{"not a number", MultiPolygon{{ring(0, 0, 1, 0, math.NaN(), 1)}}, "/f/0/0/2", domain.CodeNotFinite, "finite"},
		{"infinite", MultiPolygon{{ring(0, 0, 1, 0, 1, math.Inf(1))}}, "/f/0/0/2", domain.CodeNotFinite, "finite"},
		{"a hole outside", MultiPolygon{{square(0, 0, 1), square(4, 0, 1)}}, "/f/0/1", domain.CodeInconsistent, "not inside"},
		{"a hole across", MultiPolygon{{square(0, 0, 1), square(1, 0, 0.5)}}, "/f/0", domain.CodeInconsistent, "crosses itself"},
		{"the second polygon", MultiPolygon{{square(0, 0, 1)}, {{}}}, "/f/1/0", domain.CodeSize, "at least 4"},
		{"too many points", MultiPolygon{{make(Ring, 100_001)}}, "/f", domain.CodeSize, "simplify"},
	} {
		vs := c.m.Validate("/f", false, DefaultLimits())
		if len(vs) == 0 || vs[0].Pointer != c.pointer || vs[0].Code != c.code || !strings.Contains(vs[0].Detail, c.detail) {
			t.Errorf("%s: %+v, want %s at %s with %q", c.name, vs, c.code, c.pointer, c.detail)
		}
	}
}

func TestValidateAcceptsWhatIsAnArea(t *testing.T) {
	for name, m := range map[string]MultiPolygon{
		"holes, islands":             lake,
		"clockwise":                  {{ring(0, 0, 0, 1, 1, 1, 1, 0)}},
		"a repeated position":        {{ring(0, 0, 0, 0, 1, 0, 1, 1)}},
		"a hole touches the border":  {{square(0, 0, 2), ring(2, 0, 1, 1, 1, -1)}},
		"touches itself at a corner": {{ring(0, 0, 2, 0, 1, 1, 2, 2, 0, 2, 1, 1)}},
		"split at the antimeridian":  {{ring(179, 0, 180, 0, 180, 1, 179, 1)}, {ring(-180, 0, -179, 0, -179, 1, -180, 1)}},
		"overlapping polygons":       {{square(0, 0, 1)}, {square(1, 0, 1)}},
	} {
		if vs := m.Validate("", false, DefaultLimits()); len(vs) > 0 {
			t.Errorf("%s: %+v", name, vs)
		}
	}
}

func TestPointersOfAPolygonHaveNoIndexOfPolygons(t *testing.T) {
	vs := MultiPolygon{{{}}}.Validate("/coordinates", true, DefaultLimits())
	if len(vs) != 1 || vs[0].Pointer != "/coordinates/0" {
		t.Errorf("%+v", vs)
	}
}

// TestATangleIsRefusedSoon draws a comb whose edges all lie over each other.
func TestATangleIsRefusedSoon(t *testing.T) {
	var tangle Ring
	for i := range 90_000 {
		tangle = append(tangle, Point{float64(i % 2), 1 + float64(i)*1e-9})
	}
	tangle = append(tangle, Point{0.5, 0}, tangle[0])
	vs := MultiPolygon{{tangle}}.Validate("", false, DefaultLimits())
	if len(vs) != 1 {
		t.Errorf("%d violations, want 1: %.200v", len(vs), vs)
	}
}

func TestViolationsAreBounded(t *testing.T) {
	bad := make(Ring, 50_000)
	for i := range bad {
		bad[i].Lon = math.NaN()
	}
	if vs := (MultiPolygon{{bad}}).Validate("", false, DefaultLimits()); len(vs) != maxListed {
		t.Errorf("%d violations, want %d", len(vs), maxListed)
	}
}
