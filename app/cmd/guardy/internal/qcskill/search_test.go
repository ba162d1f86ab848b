package qcskill

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain/anomaly"
)

const (
	walks = 4  // of a search
	steps = 90 // of a walk
)

// TestSearch is how the tunings were found: the middle of a few random walks that keep what is better, since
// the best point of a single one is good by chance too. It runs when GUARDY_TEST_ANOMALY_SEARCH names what to
// tune on: "air" (the weather station in 2015 and 2016) or Logan River sites separated by commas (with two
// Herbert River sites for the false alarms). It starts from the shipped tuning for air, and for water from
// round numbers that were not tuned on anything.
func TestSearch(t *testing.T) {
	what := os.Getenv("GUARDY_TEST_ANOMALY_SEARCH")
	if what == "" {
		t.Skip("GUARDY_TEST_ANOMALY_SEARCH names what to tune on")
	}
	objective := airObjective(t)
	if what != "air" {
		objective = waterObjective(t, strings.Split(what, ","))
	}
	start := anomaly.DefaultTunings()
	start.Other = anomaly.Tuning{
		WarmUp: 48, Jump: 5, JumpRecent: 10, JumpFloor: 10, JumpGrain: 5, Together: 0.2, Record: 1, Forget: 0.001, Believe: 1,
		Bump: 5, BumpRecent: 20, BumpLarge: 1, Accept: 5, Run: 10, MinRun: 6, Noise: 6, NoiseBump: 1, Weary: 0.3, Rest: 0.0003, LargeP: 0.98, BumpP: 0.98,
	}
	part := func(t *anomaly.Tunings) *anomaly.Tuning {
		if what == "air" {
			return &t.Air
		}
		return &t.Other
	}
	t.Logf("start: %.4f", objective(start))
	found := make([]anomaly.Tuning, walks)
	for i := range found {
		best := walk(start, part, objective, rand.New(rand.NewPCG(uint64(i), uint64(len(what)))))
		t.Logf("walk %d: %.4f", i, objective(best))
		found[i] = *part(&best)
	}
	middle := start
	*part(&middle) = centre(found)
	t.Logf("middle: %.4f", objective(middle))
	t.Logf("%+v", middle)
}

// searched are the numbers that a walk changes.
func searched(c *anomaly.Tuning) []*float64 {
	return []*float64{
		&c.Jump, &c.JumpRecent, &c.JumpFloor, &c.JumpGrain, &c.Together, &c.Record, &c.Believe, &c.Forget, &c.Bump, &c.BumpRecent,
		&c.BumpLarge, &c.Run, &c.MinRun, &c.Noise, &c.NoiseBump, &c.Weary,
	}
}

func walk(
	best anomaly.Tunings, part func(*anomaly.Tunings) *anomaly.Tuning, objective func(anomaly.Tunings) float64, rng *rand.Rand,
) anomaly.Tunings {
	most := objective(best)
	for range steps {
		next := best
		c := part(&next)
		for _, p := range searched(c) {
			if rng.IntN(3) == 0 {
				*p *= []float64{.6, .75, .85, 1.15, 1.3, 1.6}[rng.IntN(6)]
			}
		}
		if rng.IntN(4) == 0 {
			c.Accept = 2 + rng.IntN(8)
		}
		if got := objective(next); got > most {
			best, most = next, got
		}
	}
	return best
}

// centre returns the middle of the tunings: the mean of the logarithms of what was searched.
func centre(of []anomaly.Tuning) anomaly.Tuning {
	out, accept := of[0], 0.0
	for i, p := range searched(&out) {
		sum := 0.0
		for k := range of {
			sum += math.Log(max(*searched(&of[k])[i], 1e-9))
		}
		*p = math.Exp(sum / float64(len(of)))
	}
	for k := range of {
		accept += float64(of[k].Accept)
	}
	out.Accept = int(math.Round(accept / float64(len(of))))
	return out
}

func airObjective(t *testing.T) func(anomaly.Tunings) float64 {
	devices := station(t)
	for name, d := range devices {
		n := slices.IndexFunc(d.times, func(at time.Time) bool { return at.Year() > 2016 })
		early := *d
		early.times = d.times[:n]
		devices[name] = &early
	}
	return func(tunings anomaly.Tunings) float64 {
		det, err := anomaly.NewDetector(tunings, nil)
		if err != nil {
			return -1
		}
		var c Counts
		for _, d := range devices {
			detected := d.replay(det, nil)
			for k := range d.names {
				d.count(&c, k, detected[k])
			}
		}
		return 2*c.EventF2() + c.StrictF1() - 0.5*max(0, c.FalsePerThousand()-0.45)
	}
}

func waterObjective(t *testing.T, sites []string) func(anomaly.Tunings) float64 {
	all, floods := logan(t), herbert(t)
	return func(tunings anomaly.Tunings) float64 {
		det, err := anomaly.NewDetector(tunings, nil)
		if err != nil {
			return -1
		}
		score := 0.0
		for _, d := range all {
			if !slices.Contains(sites, d.name) {
				continue
			}
			var four, six Counts
			detected := d.replay(det, nil)
			for k := range d.names {
				if k < 4 {
					d.count(&four, k, detected[k])
				}
				d.count(&six, k, detected[k])
			}
			score += 2*four.EventF2() + four.StrictF1() + 0.5*four.PointF2() + six.EventF2() + six.StrictF1() -
				0.5*max(0, four.FalsePerThousand()-0.15)
		}
		alarms := 0
		for _, site := range []string{"Herbert_1160115", "Herbert_1160117"} {
			d := floods[site]
			detected := d.replay(det, nil)
			for i := range d.times {
				if d.notes[i][0] == "good" && d.notes[i][1] == "Event" && detected[0][i] {
					alarms++
				}
			}
		}
		return score/float64(len(sites)) - 0.02*float64(alarms)
	}
}
