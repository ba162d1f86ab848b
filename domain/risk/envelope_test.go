package risk

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestCellsKnowTheSamePlacesAsAllDistances compares the cells with the haversine distance to every
// place (Sinnott 1984).
func TestCellsKnowTheSamePlacesAsAllDistances(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	e := Envelope{RadiusKM: 300}
	for range 200 {
		e.Places = append(e.Places, [2]float64{rng.Float64()*180 - 90, rng.Float64()*360 - 180})
	}
	e.Places = append(e.Places, [2]float64{90, 0}, [2]float64{-90, 0}, [2]float64{10, 180}, [2]float64{-10, -180})
	distance := func(a, b [2]float64) float64 {
		const rad = math.Pi / 180
		hav := func(x float64) float64 { return (1 - math.Cos(x*rad)) / 2 }
		h := hav(a[0]-b[0]) + math.Cos(a[0]*rad)*math.Cos(b[0]*rad)*hav(a[1]-b[1])
		return 2 * earthRadiusKM * math.Asin(math.Min(1, math.Sqrt(h)))
	}
	cells := newEnvelope(e)
	known := 0
	for i := range 20000 {
		place := [2]float64{rng.Float64()*180 - 90, rng.Float64()*360 - 180}
		if i < 8 { // corners of the map
			place = [2]float64{float64(i/4)*180 - 90, float64(i%4)*120 - 180}
		}
		want, edge := false, false
		for _, p := range e.Places {
			d := distance(place, p)
			want = want || d <= e.RadiusKM
			edge = edge || math.Abs(d-e.RadiusKM) < 1e-3
		}
		if got := cells.knowsPlace(place[0], place[1]); got != want && !edge {
			t.Fatalf("%v: known %v, want %v", place, got, want)
		}
		if want {
			known++
		}
	}
	if known < 1000 {
		t.Fatalf("only %d places are known: the test looks at nothing", known)
	}
}
