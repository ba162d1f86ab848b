package qcskill

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain/anomaly"
)

// TestSearch is how the tunings were found: a random walk that keeps what is better. It runs when
// GUARDY_TEST_ANOMALY_SEARCH names what to tune on: "air" (the weather station in 2015 and 2016) or Logan
// River sites separated by commas (with two Herbert River sites for the false alarms). It starts from the
// shipped tuning for air, and for water from round numbers that were not tuned on anything.
func TestSearch(t *testing.T) {
	what := os.Getenv("GUARDY_TEST_ANOMALY_SEARCH")
	if what == "" {
		t.Skip("GUARDY_TEST_ANOMALY_SEARCH names what to tune on")
	}
	objective := airObjective(t)
	if what != "air" {
		objective = waterObjective(t, strings.Split(what, ","))
	}
	best := anomaly.DefaultTunings()
	best.Other = anomaly.Tuning{
		WarmUp: 48, Jump: 5, JumpRecent: 10, JumpFloor: 10, JumpGrain: 5, Together: 0.2, Record: 1, Forget: 0.001, Believe: 1,
		Bump: 5, BumpRecent: 20, Accept: 5, Run: 10, MinRun: 6, Noise: 6, NoiseBump: 1, Weary: 0.2, Rest: 0.0003, LargeP: 0.98, BumpP: 0.99,
	}
	most := objective(best)
	t.Logf("start: %.4f", most)
	rng := rand.New(rand.NewPCG(1, uint64(len(what))))
	for range 170 {
		next := best
		c := &next.Other
		if what == "air" {
			c = &next.Air
		}
		for _, p := range []*float64{
			&c.Jump, &c.JumpRecent, &c.JumpFloor, &c.JumpGrain, &c.Together, &c.Record, &c.Believe, &c.Forget, &c.Bump, &c.BumpRecent,
			&c.Run, &c.MinRun, &c.Noise, &c.NoiseBump,
		} {
			if rng.IntN(3) == 0 {
				*p *= []float64{.6, .75, .85, 1.15, 1.3, 1.6}[rng.IntN(6)]
			}
		}
		quantiles := []float64{.97, .98, .99, .995, .998}
		if rng.IntN(3) == 0 {
			c.LargeP = quantiles[rng.IntN(5)]
		}
		if rng.IntN(3) == 0 {
			c.BumpP = quantiles[rng.IntN(5)]
		}
		if rng.IntN(4) == 0 {
			c.Accept = 2 + rng.IntN(10)
		}
		if got := objective(next); got > most {
			best, most = next, got
			t.Logf("%.4f", most)
		}
	}
	t.Logf("%+v", best)
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
		return c.EventF2() + c.StrictF1() - 0.3*max(0, c.FalsePerThousand()-0.5)
	}
}

func waterObjective(t *testing.T, sites []string) func(anomaly.Tunings) float64 {
	all, floods := logan(t), herbert(t)
	return func(tunings anomaly.Tunings) float64 {
		det, err := anomaly.NewDetector(tunings, nil)
		if err != nil {
			return -1
		}
		var four, six Counts
		for _, d := range all {
			if !slices.Contains(sites, d.name) {
				continue
			}
			detected := d.replay(det, nil)
			for k := range d.names {
				if k < 4 {
					d.count(&four, k, detected[k])
				}
				d.count(&six, k, detected[k])
			}
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
		return 2*four.EventF2() + 0.5*four.StrictF1() + 1.5*six.EventF2() + 0.5*six.StrictF1() -
			0.3*max(0, four.FalsePerThousand()-0.25) - 0.02*float64(alarms)
	}
}
