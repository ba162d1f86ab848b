package nowcast

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// Shape of the networks. The trainer and this file agree on it; Validate refuses anything else.
const (
	// components of the mixture that one network answers.
	components = 3
	// maxNetworks bounds the networks whose mixtures a member pools.
	maxNetworks = 5
	// maxHidden and maxInputs bound the layers.
	maxHidden, maxInputs = 128, 128
	// minScale is added to the components' scales, in units of v.
	minScale = 0.02
	// inputLimit clips standardized inputs: beyond it nothing was learnt.
	inputLimit = 4
)

// knots are the horizons in hours for which a network has outputs. Between them the outputs are
// interpolated linearly in the logarithm of the horizon, so that horizons are coherent and none depends
// on which others are asked.
var knots = [...]float64{1, 2, 3, 6, 12, 24, 48, 72}

const (
	numKnots = 8
	// nearKnots are those of a network that answers up to NearHorizon, the first of knots.
	nearKnots = 6
)

// rainSums are the hours over which a rainfall forecast is accumulated. A network has as many as knots.
var rainSums = [...]int{1, 2, 3, 6, 12, 24, 48, 72}

// Outputs of a network at a knot and for the sums of rain.
const (
	numRainSums = numKnots
	knotWidth   = 3 * components // location, scale and weight
)

// Layer is a dense layer, one row of Weight for each output.
type Layer struct {
	Weight [][]float32
	Bias   []float32

	flat []float32
}

// Network is a perceptron of two hidden layers (SiLU, Elfwing et al. 2018, doi:10.1016/j.neunet.2017.12.012)
// with a mixture density output (Bishop 1994, Mixture density networks, NCRG/94/004).
type Network struct {
	Hidden1, Hidden2, Head Layer
	// Rain makes the gains by which forecast rain raises the components' locations; empty in members
	// without a forecast. Gains are positive by construction, so that more forecast rain never lowers
	// the probability of exceeding any threshold.
	Rain Layer

	knots int // nearKnots or numKnots
}

func (l *Layer) validate(in, out int) error {
	if len(l.Weight) != out || len(l.Bias) != out {
		return fmt.Errorf("%d rows and %d biases, want %d", len(l.Weight), len(l.Bias), out)
	}
	l.flat = make([]float32, 0, in*out)
	for i, row := range l.Weight {
		if len(row) != in {
			return fmt.Errorf("row %d has %d weights, want %d", i, len(row), in)
		}
		for j, w := range row {
			if !(math.Abs(float64(w)) <= maxWeight) {
				return fmt.Errorf("weight %d of row %d, %v, is not finite or beyond %v", j, i, w, maxWeight)
			}
		}
		if b := l.Bias[i]; !(math.Abs(float64(b)) <= maxWeight) {
			return fmt.Errorf("bias %d, %v, is not finite or beyond %v", i, b, maxWeight)
		}
		l.flat = append(l.flat, row...)
	}
	l.Weight = nil
	return nil
}

// maxWeight bounds weights, so that no input reaches an infinite output: 4 · 1e3³ · 128³ is far below
// the largest float32.
const maxWeight = 1e3

func (n *Network) validate(inputs int, forecast bool) error {
	hidden1, hidden2 := len(n.Hidden1.Bias), len(n.Hidden2.Bias)
	if hidden1 < 1 || hidden1 > maxHidden || hidden2 < 1 || hidden2 > maxHidden {
		return fmt.Errorf("hidden layers of %d and %d units are not in [1, %d]", hidden1, hidden2, maxHidden)
	}
	var err error
	check := func(name string, l *Layer, in, out int) {
		if e := l.validate(in, out); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", name, e))
		}
	}
	check("hidden1", &n.Hidden1, inputs, hidden1)
	check("hidden2", &n.Hidden2, hidden1, hidden2)
	n.knots = nearKnots
	if len(n.Head.Bias) > nearKnots*knotWidth {
		n.knots = numKnots
	}
	check("head", &n.Head, hidden2, n.knots*knotWidth)
	if forecast {
		check("rain", &n.Rain, hidden2, n.knots*components*n.knots)
	} else if len(n.Rain.Weight)+len(n.Rain.Bias) > 0 {
		err = errors.Join(err, errors.New("a rain layer in a member without a forecast"))
	}
	return err
}

// apply computes dst = W x + b. Gonum's product of a matrix and a vector multiplies four numbers at once on amd64 and
// is a plain loop elsewhere, so that answers of two machines may differ by 1e-7. It lets its slices go to the heap.
func (l *Layer) apply(dst, x []float32) {
	copy(dst, l.Bias)
	gonum.Implementation{}.Sgemv(blas.NoTrans, len(dst), len(x), 1, l.flat, len(x), x, 1, 1, dst, 1)
}

// silu replaces each x by x / (1 + exp(-x)). Single precision is asked for, so the exponential is a short series:
// exp(y) = 2^k exp(r) with r = y - k ln 2, to within 1e-8.
func silu(x []float32) {
	const whole = 0x1.8p52 // what is added to it loses its fraction
	for i, v := range x {
		y := -float64(v)
		if !(y < 80 && y > -80) { // no float32 tells the difference
			y = min(max(y, -80), 80)
		}
		shifted := y*(1/math.Ln2) + whole
		r := y - (shifted-whole)*math.Ln2
		r2 := r * r
		p := 1 + r + r2*(1./2+r*(1./6)) + r2*r2*(1./24+r*(1./120)+r2*(1./720+r*(1./5040)))
		e := p * math.Float64frombits(uint64(int64(int32(math.Float64bits(shifted)))+1023)<<52)
		x[i] = float32(float64(v) / (1 + e))
	}
}

func softplus(x float64) float64 {
	if x > 30 {
		return x
	}
	return math.Log1p(math.Exp(x))
}

// outputs are what one network says about one sequence, for all horizons.
type outputs struct {
	knots int
	head  [numKnots * knotWidth]float32
	rain  [numKnots * components * numRainSums]float32
}

// run evaluates the network on standardized inputs; hidden is its working memory.
func (n *Network) run(x []float32, hidden *[2][maxHidden]float32, o *outputs) {
	h1, h2 := hidden[0][:len(n.Hidden1.Bias)], hidden[1][:len(n.Hidden2.Bias)]
	n.Hidden1.apply(h1, x)
	silu(h1)
	n.Hidden2.apply(h2, h1)
	silu(h2)
	o.knots = n.knots
	n.Head.apply(o.head[:len(n.Head.Bias)], h2)
	if len(n.Rain.Bias) > 0 {
		n.Rain.apply(o.rain[:len(n.Rain.Bias)], h2)
	}
}

// place lies between a knot and the next one, by the share of the later one.
type place struct {
	knot  int
	share float64
}

// places are those of the horizons, by the hour. Those of a horizon up to NearHorizon are within nearKnots.
var places = func() (out [MaxHorizon + 1]place) {
	for horizon := 1; horizon <= MaxHorizon; horizon++ {
		h, knot := float64(horizon), nearKnots-2
		if horizon > NearHorizon {
			knot = numKnots - 2
		}
		for knot > 0 && h < knots[knot] {
			knot--
		}
		out[horizon] = place{knot, math.Log(h/knots[knot]) / math.Log(knots[knot+1]/knots[knot])}
	}
	return out
}()

// between finds the knots around a horizon and the share of the later one.
func between(horizon int) (knot int, share float64) {
	p := &places[horizon]
	return p.knot, p.share
}

// add appends the components of the network's mixture at a horizon to d, with the given total weight.
// rain is log1p of the forecast rain within each of rainSums and the horizon.
func (o *outputs) add(d *Distribution, horizon int, total float64, forecast bool, rain *[numRainSums]float64) {
	k, share := between(horizon)
	const width = knotWidth
	at := func(part, c int) float64 {
		a, b := float64(o.head[k*width+part*components+c]), float64(o.head[(k+1)*width+part*components+c])
		return a + share*(b-a)
	}
	highest := math.Inf(-1)
	for c := range components {
		highest = max(highest, at(2, c))
	}
	sum := 0.0
	for c := range components {
		sum += math.Exp(at(2, c) - highest)
	}
	for c := range components {
		location := at(0, c)
		if forecast {
			gains := components * o.knots
			for j, r := range rain[:o.knots] {
				i := k*gains + c*o.knots + j
				a, b := float64(o.rain[i]), float64(o.rain[i+gains])
				location += softplus(a+share*(b-a)) * r
			}
		}
		d.location[d.n] = location
		d.inverseScale[d.n] = 1 / (softplus(at(1, c)) + minScale)
		d.weight[d.n] = total * math.Exp(at(2, c)-highest) / sum
		d.n++
	}
}

// KnotHours are the horizons for which networks have outputs and calibrations have values. A member that
// answers up to NearHorizon has those.
func KnotHours() []int {
	hours := make([]int, numKnots)
	for i, h := range knots {
		hours[i] = int(h)
	}
	return hours
}
