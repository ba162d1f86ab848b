package qartod_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/guardy-ai/guardy/domain/qartod"
)

var (
	nan   = math.NaN()
	epoch = time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
)

// every returns n times a step apart.
func every(step time.Duration, n int) []time.Time {
	out := make([]time.Time, n)
	for i := range out {
		out[i] = epoch.Add(time.Duration(i) * step)
	}
	return out
}

// TestFlags holds self-made fixtures: a few samples for each test whose flags follow from the definition
// by hand.
func TestFlags(t *testing.T) {
	levels := qartod.Levels{Suspect: 2, Fail: 5}
	quarter := 15 * time.Minute
	for _, c := range []struct {
		name string
		got  []qartod.Result
		want []qartod.Flag
	}{
		{
			"gross range: ties pass, an infinite value fails",
			qartod.GrossRange{Fail: qartod.Span{Min: 0, Max: 10}, Suspect: qartod.Span{Min: 2, Max: 8}}.
				Batch(nil, []float64{0, -0.1, 2, 1.9, 8, 10.1, nan, math.Inf(1)}),
			[]qartod.Flag{3, 4, 1, 3, 1, 4, 9, 4},
		},
		{
			"spike, average: the neighbours of a spike stand out too",
			qartod.Spike{Levels: levels}.Batch(nil, []float64{1, 1, 13, 1, 1, nan, 1, 1}),
			[]qartod.Flag{2, 4, 4, 4, 2, 9, 2, 2},
		},
		{
			"spike, differential: a ramp is none",
			qartod.Spike{Levels: levels, Method: qartod.Differential}.Batch(nil, []float64{1, 1, 13, 1, 10, 20, 17, 20}),
			[]qartod.Flag{2, 1, 4, 4, 1, 3, 3, 2},
		},
		{
			"rate of change: repeated and earlier times are not judged",
			qartod.RateOfChange{Levels: levels}.Batch(nil,
				[]time.Time{epoch, epoch.Add(1e9), epoch.Add(1e9), epoch, epoch.Add(2e9), epoch.Add(3e9)},
				[]float64{0, 3, 9, 9, 10, nan}),
			[]qartod.Flag{1, 3, 2, 2, 1, 9},
		},
		{
			"flat line: two steps suspect, four fail",
			qartod.FlatLine{Suspect: 2 * quarter, Fail: 4 * quarter, Tolerance: 0.01}.
				Batch(nil, every(quarter, 8), []float64{1, 1, 1, nan, 1, 1, 2, 2}),
			[]qartod.Flag{1, 1, 3, 9, 4, 4, 1, 1},
		},
		{
			"repeat count: counts include the newest",
			qartod.RepeatCount{Suspect: 2, Fail: 3, Tolerance: 0.1}.Batch(nil, []float64{1, 1, 1, 2, 2, nan, 2}),
			[]qartod.Flag{2, 3, 4, 1, 3, 9, 1},
		},
		{
			"attenuated signal over a window",
			qartod.Attenuated{Levels: qartod.Levels{Suspect: 3, Fail: 1}, Window: 2 * quarter, MinObs: 2}.
				Batch(nil, every(quarter, 6), []float64{1, 1.5, 3, 9, nan, 9}),
			[]qartod.Flag{2, 4, 3, 1, 9, 2},
		},
		{
			"time gap",
			qartod.TimeGap{MaxStep: quarter}.Batch(nil, []time.Time{epoch, epoch.Add(quarter), epoch.Add(2*quarter + 1), epoch}),
			[]qartod.Flag{1, 1, 4, 1},
		},
		{
			"time gap, text of 2021",
			qartod.TimeGap{MaxStep: quarter, Late: qartod.Missing}.Batch(nil, []time.Time{epoch, epoch.Add(time.Hour)}),
			[]qartod.Flag{1, 9},
		},
		{
			"neighbour",
			qartod.Neighbour{Levels: levels}.Batch(nil, []float64{1, 1, 1, nan, 1}, []float64{2, 4, 9, 1, nan}),
			[]qartod.Flag{1, 3, 4, 9, 2},
		},
		{
			"multi-variate: a jump that the rain shares is real",
			qartod.MultiVariate{Jump: 1, OtherJump: 5}.Batch(nil, []float64{1, 3, 5, 5}, []float64{0, 0, 10, nan}),
			[]qartod.Flag{2, 3, 1, 2},
		},
		{
			"rate of change against the deviation",
			qartod.DeviationRate{NDev: 3, Window: time.Hour, MinObs: 3}.
				Batch(nil, every(quarter, 6), []float64{1, 2, 1, 2, 9, nan}),
			[]qartod.Flag{2, 2, 2, 1, 3, 9},
		},
		{
			"climatology: the later member decides",
			qartod.Climatology{
				{Period: qartod.PeriodHour, First: 0, Last: 11, Suspect: qartod.Span{Min: 0, Max: 10}},
				{Period: qartod.PeriodHour, First: 6, Last: 6, Fail: qartod.Span{Min: 0, Max: 1}},
			}.Batch(nil, every(3*time.Hour, 5), []float64{11, 5, 5, nan, 5}, nil),
			[]qartod.Flag{3, 1, 4, 9, 2},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := flags(c.got); !slices.Equal(got, c.want) {
				t.Errorf("flags %v, want %v", got, c.want)
			}
			for i, r := range c.got {
				if bad := r.Flag == qartod.Suspect || r.Flag == qartod.Fail; bad && !(r.Margin > 0 || math.IsInf(r.Value, 0)) &&
					!(r.Margin == 0 && r.Value >= r.Threshold) {
					t.Errorf("sample %d: flag %d with margin %v", i, r.Flag, r.Margin)
				}
			}
		})
	}
}

// TestEvidence checks what stands behind a flag.
func TestEvidence(t *testing.T) {
	r := qartod.GrossRange{Fail: qartod.Span{Min: -1, Max: 10}, Suspect: qartod.Span{Min: 0, Max: 8}}.Step(9.5)
	if want := (qartod.Result{Flag: qartod.Suspect, Value: 9.5, Threshold: 8, Margin: 1.5}); r != want {
		t.Errorf("%+v, want %+v", r, want)
	}
	r = qartod.GrossRange{Fail: qartod.Span{Min: -1, Max: 10}}.Step(2)
	if want := (qartod.Result{Flag: qartod.Pass, Value: 2, Threshold: -1, Margin: -3}); r != want {
		t.Errorf("%+v, want %+v", r, want)
	}
	r = qartod.Neighbour{Levels: qartod.Levels{Fail: 2}}.Step(1, 4)
	if want := (qartod.Result{Flag: qartod.Fail, Value: 3, Threshold: 2, Margin: 1}); r != want {
		t.Errorf("%+v, want %+v", r, want)
	}
	if err := (qartod.GrossRange{Fail: qartod.Span{Max: 1}, Suspect: qartod.Span{Max: 2}}).Validate(); err == nil {
		t.Error("a suspect span outside the fail span was accepted")
	}
}

// TestAggregate checks the precedence.
func TestAggregate(t *testing.T) {
	for _, c := range []struct {
		flags []qartod.Flag
		want  qartod.Flag
	}{
		{nil, 2},
		{[]qartod.Flag{9, 2}, 2},
		{[]qartod.Flag{2, 1, 9}, 1},
		{[]qartod.Flag{1, 3}, 3},
		{[]qartod.Flag{3, 4, 1}, 4},
		{[]qartod.Flag{9}, 9},
		{[]qartod.Flag{0, 7}, 2},
	} {
		if got := qartod.Aggregate(c.flags...); got != c.want {
			t.Errorf("%v: %d, want %d", c.flags, got, c.want)
		}
	}
}

// series is a random series with what a sensor does: ramps, plateaus, spikes, missing and absurd values.
func series(rng *rand.Rand, n int, step time.Duration, irregular, absurd bool) ([]time.Time, []float64) {
	times, values := make([]time.Time, n), make([]float64, n)
	at, v := epoch, 5.0
	for i := range values {
		at = at.Add(step)
		if irregular && rng.IntN(4) == 0 {
			at = at.Add(time.Duration(rng.IntN(5*int(step))) - step)
		}
		if rng.IntN(3) > 0 {
			v += rng.NormFloat64()
		}
		times[i], values[i] = at, math.Round(v*100)/100
		switch rng.IntN(20) {
		case 0:
			values[i] = nan
		case 1:
			values[i] += 20 * rng.NormFloat64()
		case 2:
			if absurd {
				values[i] = []float64{math.Inf(1), math.Inf(-1), 1e308, -1e308, math.MaxFloat64, 5e-324, -9999}[rng.IntN(7)]
			}
		}
	}
	return times, values
}

// same compares two results, NaN equal to NaN.
func same(a, b qartod.Result) bool {
	eq := func(x, y float64) bool { return x == y || x != x && y != y }
	return a.Flag == b.Flag && eq(a.Value, b.Value) && eq(a.Threshold, b.Threshold) && eq(a.Margin, b.Margin)
}

// forms returns, for each test with a memory, its batch and its streamed results on one series.
func forms(times []time.Time, values, others []float64, step time.Duration) map[string][2][]qartod.Result {
	n := len(values)
	levels := qartod.Levels{Suspect: 1.2, Fail: 4}
	out := map[string][2][]qartod.Result{}
	add := func(name string, batch []qartod.Result, stream func(i int) qartod.Result) {
		streamed := make([]qartod.Result, n)
		for i := range streamed {
			streamed[i] = stream(i)
		}
		out[name] = [2][]qartod.Result{batch, streamed}
	}
	for name, method := range map[string]qartod.Method{"average": qartod.Average, "differential": qartod.Differential} {
		test := qartod.Spike{Levels: levels, Method: method}
		s := test.Stream()
		var streamed []qartod.Result
		for _, v := range values {
			if r, ok := s.Step(v); ok {
				streamed = append(streamed, r)
			}
		}
		if n > 0 {
			streamed = append(streamed, s.Newest())
		}
		out["spike "+name] = [2][]qartod.Result{test.Batch(nil, values), streamed}
	}
	rate := qartod.RateOfChange{Levels: qartod.Levels{Suspect: 0.002, Fail: 0.01}}
	rates := rate.Stream()
	add("rate of change", rate.Batch(nil, times, values), func(i int) qartod.Result { return rates.Step(times[i], values[i]) })

	flat := qartod.FlatLine{Suspect: 2 * step, Fail: 5 * step, Tolerance: 0.3}
	flats := flat.Stream(qartod.MedianStep(times))
	add("flat line", flat.Batch(nil, times, values), func(i int) qartod.Result { return flats.Step(values[i]) })

	repeat := qartod.RepeatCount{Suspect: 3, Fail: 5, Tolerance: 0.3}
	repeats := repeat.Stream()
	add("repeat count", repeat.Batch(nil, values), func(i int) qartod.Result { return repeats.Step(values[i]) })

	for name, spread := range map[string]qartod.Spread{"range": qartod.SpreadRange, "deviation": qartod.SpreadDeviation} {
		test := qartod.Attenuated{
			Levels: qartod.Levels{Suspect: 2, Fail: 0.5}, Spread: spread, Window: 7 * step, MinPeriod: 3 * step,
		}
		s := test.Stream(n, qartod.MedianStep(times))
		add("attenuated "+name, test.Batch(nil, times, values), func(i int) qartod.Result { return s.Step(times[i], values[i]) })
	}
	deviation := qartod.DeviationRate{NDev: 2, Window: 9 * step, MinObs: 4}
	deviations := deviation.Stream(n)
	add("deviation rate", deviation.Batch(nil, times, values),
		func(i int) qartod.Result { return deviations.Step(times[i], values[i]) })

	multi := qartod.MultiVariate{Jump: 1, OtherJump: 1}
	multis := multi.Stream()
	add("multi-variate", multi.Batch(nil, values, others), func(i int) qartod.Result { return multis.Step(values[i], others[i]) })

	gap := qartod.TimeGap{MaxStep: 2 * step}
	gaps := gap.Stream()
	add("time gap", gap.Batch(nil, times), func(i int) qartod.Result { return gaps.Step(times[i]) })
	return out
}

// TestStreamEqualsBatch is a property on random series, regular and not, sane and absurd.
func TestStreamEqualsBatch(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		n := 3 + rng.IntN(120)
		step := []time.Duration{time.Second, 15 * time.Minute, 24 * time.Hour}[round%3]
		times, values := series(rng, n, step, round%2 == 0, round%5 == 0)
		_, others := series(rng, n, step, false, round%7 == 0)
		for name, f := range forms(times, values, others, step) {
			if len(f[0]) != n || len(f[1]) != n {
				t.Fatalf("%s: %d and %d results for %d samples", name, len(f[0]), len(f[1]), n)
			}
			for i := range f[0] {
				if !same(f[0][i], f[1][i]) {
					t.Fatalf("%s, round %d, sample %d: batch %+v, stream %+v", name, round, i, f[0][i], f[1][i])
				}
				if !f[0][i].Flag.Valid() {
					t.Fatalf("%s: flag %d", name, f[0][i].Flag)
				}
			}
		}
	}
}

// FuzzTests feeds bytes as values and times: nothing may panic, every flag is one of the five.
func FuzzTests(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 255, 254, 7, 7, 7, 7, 128, 9})
	f.Add([]byte{})
	absurd := []float64{nan, math.Inf(1), math.Inf(-1), 1e308, -1e308, 5e-324, 0, -9999}
	f.Fuzz(func(t *testing.T, data []byte) {
		times, values := make([]time.Time, len(data)), make([]float64, len(data))
		for i, b := range data {
			times[i] = epoch.Add(time.Duration(int8(b)) * time.Minute) // unordered and repeated
			values[i] = float64(b)
			if b >= 240 {
				values[i] = absurd[b%8]
			}
		}
		if len(data) > 0 {
			times[0] = time.Time{}
		}
		for name, f := range forms(times, values, values, time.Minute) {
			for _, results := range f {
				for i, r := range results {
					if !r.Flag.Valid() {
						t.Fatalf("%s, sample %d: flag %d", name, i, r.Flag)
					}
				}
			}
		}
	})
}

// BenchmarkStreams measures one sample through each streaming test.
func BenchmarkStreams(b *testing.B) {
	rng := rand.New(rand.NewPCG(3, 4))
	step := 15 * time.Minute
	times, values := series(rng, 4096, step, false, false)
	levels := qartod.Levels{Suspect: 1, Fail: 4}
	run := func(name string, step func(i int)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				step(i & 4095)
			}
		})
	}
	var sink qartod.Result
	gross := qartod.GrossRange{Fail: qartod.Span{Min: -5, Max: 50}}
	run("gross range", func(i int) { sink = gross.Step(values[i]) })
	climatology := qartod.Climatology{{Period: qartod.PeriodMonth, First: 1, Last: 12, Suspect: qartod.Span{Max: 9}}}
	run("climatology", func(i int) { sink = climatology.Step(times[i], values[i], nan) })
	spike := qartod.Spike{Levels: levels, Method: qartod.Differential}.Stream()
	run("spike", func(i int) { sink, _ = spike.Step(values[i]) })
	rate := qartod.RateOfChange{Levels: levels}.Stream()
	run("rate of change", func(i int) { sink = rate.Step(times[i], values[i]) })
	flat := qartod.FlatLine{Suspect: 12 * step, Fail: 96 * step, Tolerance: 0.01}.Stream(step)
	run("flat line of 96", func(i int) { sink = flat.Step(values[i]) })
	repeat := qartod.RepeatCount{Suspect: 3, Fail: 5, Tolerance: 0.01}.Stream()
	run("repeat count", func(i int) { sink = repeat.Step(values[i]) })
	attenuated := qartod.Attenuated{Levels: levels, Window: 48 * step}.Stream(64, step)
	run("attenuated of 48", func(i int) { sink = attenuated.Step(times[i], values[i]) })
	deviation := qartod.DeviationRate{NDev: 3, Window: 100 * step}.Stream(128)
	run("deviation rate of 100", func(i int) { sink = deviation.Step(times[i], values[i]) })
	multi := qartod.MultiVariate{Jump: 1, OtherJump: 1}.Stream()
	run("multi-variate", func(i int) { sink = multi.Step(values[i], values[4095-i]) })
	gap := qartod.TimeGap{MaxStep: step}.Stream()
	run("time gap", func(i int) { sink = gap.Step(times[i]) })
	_ = sink
}
