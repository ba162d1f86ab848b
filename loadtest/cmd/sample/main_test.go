package main

import (
	"bytes"
	"os"
	"testing"
)

func TestTheCommittedSampleIsWhatTheGeneratorMakes(t *testing.T) {
	places, gauges, err := sample()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"places": places, "gauges": gauges} {
		got, err := os.ReadFile("../../data/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s.json is out of date: go run ./cmd/sample", name)
		}
	}
	if n := len(places) + len(gauges); n > 500_000 {
		t.Errorf("the sample takes %d bytes", n)
	}
}

func TestUnknownArgumentsAreRefused(t *testing.T) {
	if run([]string{"fir", "x"}) == nil {
		t.Error("no error")
	}
}

func TestTheHitRateGrowsWithTrafficUpToTheShareThatRepeats(t *testing.T) {
	last := 0.0
	for _, perSecond := range []float64{0.01, 1, 100, 1e9} {
		h := hitRate(500, perSecond)
		if h <= last || h > 1-whatIf {
			t.Errorf("%g/s: %v after %v", perSecond, h, last)
		}
		last = h
	}
	if last < 1-whatIf-1e-6 {
		t.Errorf("endless traffic hits %v, want %v", last, 1-whatIf)
	}
}

func TestTheReadmeHasTheTable(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, []byte(hitTable())) {
		t.Errorf("README.md lacks\n%s", hitTable())
	}
}
