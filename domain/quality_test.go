package domain_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/domain"
)

func TestADoubtIsListedOnceAndAtMostSixteenAre(t *testing.T) {
	var q domain.Quality[domain.Level]
	for range 2 {
		q.Doubt("/river/value", domain.DoubtUnit, domain.TreatedMissing)
	}
	if len(q.Doubtful) != 1 {
		t.Fatalf("%v", q.Doubtful)
	}
	for range 20 {
		q.Doubt("/river/value"+strings.Repeat("x", len(q.Doubtful)), domain.DoubtUnit, domain.TreatedMissing)
	}
	if len(q.Doubtful) != domain.MaxDoubts {
		t.Fatalf("%d doubts", len(q.Doubtful))
	}
}

func TestDoubtsReadBackAsWritten(t *testing.T) {
	var all []domain.Doubt
	for r := range domain.NumDoubtReasons {
		all = append(all, domain.Doubt{Pointer: "/weather_sequence/12/water_level_m", Reason: r, Treated: domain.Treatment(r) % domain.NumTreatments})
	}
	for n := range len(all) + 1 {
		data := append(domain.AppendDoubts(nil, all[:n]), "behind"...)
		got, rest, ok := domain.ReadDoubts(data)
		if !ok || string(rest) != "behind" || !slices.Equal(got, all[:n]) {
			t.Fatalf("%d doubts: %v %q %v", n, got, rest, ok)
		}
		for cut := range len(data) - len("behind") {
			if _, _, ok := domain.ReadDoubts(data[:cut]); ok {
				t.Fatalf("%d of %d bytes were read as %d doubts", cut, len(data)-len("behind"), n)
			}
		}
	}
}

func TestOtherBytesAreNoDoubts(t *testing.T) {
	for _, data := range [][]byte{
		{domain.MaxDoubts + 1},
		{1, byte(domain.NumDoubtReasons), 0, 0},
		{1, 0, byte(domain.NumTreatments), 0},
		append([]byte{1, 0, 0, domain.MaxDoubtPointer + 1}, make([]byte, 2*domain.MaxDoubtPointer)...),
	} {
		if _, _, ok := domain.ReadDoubts(data); ok {
			t.Errorf("%v was read", data)
		}
	}
}
