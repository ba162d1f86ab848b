package nowcast

import (
	"math"
	"strconv"
)

// Schema names the layout and meaning of the features. The trainer's features.py computes the same,
// operation for operation; a change on either side is a new schema.
const Schema = "nowcast-2"

// FirstSchema is the schema of models before 2.0.0. Its features are the first of Schema.
const FirstSchema = "nowcast-1"

// Hours is the length of the hourly grid, 14 days: older readings do not matter.
const Hours = 336

// Windows, lags and time constants, in hours.
var (
	lookbacks  = [...]int{1, 2, 3, 6, 12, 24, 48, 72, 168}
	extremes   = [...]int{12, 24, 72, 168}
	volatility = [...]int{6, 24, 72}
	echoes     = [...]int{1, 3, 6, 12, 24}
	sums       = [...]int{1, 2, 3, 6, 12, 24, 48, 72}
	peaks      = [...]int{6, 24, 72}
	stores     = [...]float64{2, 6, 18, 48} // time constants of linear stores that rain fills
	responses  = [...]float64{2, 6, 18}     // stores whose content is compared with observed rises
	pushes     = [...]float64{3, 12}
	grains     = [...]int{24, 72} // windows in which the manner of reading is judged
)

// NumFeatures is the length of a row: features of the level, of the rain, of both, and of the manner in
// which the level is read. numFirstFeatures are those of FirstSchema.
const (
	numFirstFeatures = 2 + 9 + 2 + 4 + 4 + 3 + 3 + 5 + 1 + 8 + 3 + 4 + 2 + 2 + 6
	NumFeatures      = numFirstFeatures + 2 + 2 + 1
)

// SchemaFeatures is the number of features of a schema, which are the first of Names; 0 for an unknown one.
func SchemaFeatures(schema string) int {
	switch schema {
	case Schema:
		return NumFeatures
	case FirstSchema:
		return numFirstFeatures
	}
	return 0
}

// Names are the features in order.
var Names = featureNames()

func featureNames() (names [NumFeatures]string) {
	n := 0
	add := func(name string) { names[n] = name; n++ }
	over := func(prefix string, hours []int) {
		for _, h := range hours {
			add(prefix + strconv.Itoa(h) + "h")
		}
	}
	add("z_now")
	add("z_now_bent")
	over("rise_", lookbacks[:])
	over("bend_", []int{1, 3})
	over("below_max_", extremes[:])
	over("above_min_", extremes[:])
	over("age_max_", []int{72, 168})
	add("age_min_72h")
	over("volatility_", volatility[:])
	over("echo_", echoes[:])
	add("level_age")
	over("rain_", sums[:])
	over("rain_peak_", peaks[:])
	for _, s := range stores {
		add("store_" + strconv.Itoa(int(s)) + "h")
	}
	add("rain_age")
	add("rain_centroid_24h")
	add("rain_since_low")
	add("rise_per_mm_since_low")
	for _, s := range responses {
		for _, h := range pushes {
			add("push_" + strconv.Itoa(int(s)) + "h_" + strconv.Itoa(int(h)) + "h")
		}
	}
	over("still_", grains[:])
	over("rough_", grains[:])
	add("grain_72h")
	if n != NumFeatures {
		panic("nowcast: NumFeatures disagrees with the names")
	}
	return names
}

// grid is a sequence by the hour: index k is k hours before the last reading. NaN is missing.
type grid struct {
	z, rain [Hours]float64
}

// clear makes everything missing.
func (g *grid) clear() {
	for k := range Hours {
		g.z[k], g.rain[k] = math.NaN(), math.NaN()
	}
}

// Bounds of z after cleaning, repeated here because a grid is also made by tests.
const minZ, maxZ = -20, 50

// coverage says what of a grid is there.
type coverage struct {
	newest, oldest int  // hours of the newest and the oldest level; newest < 0 without one
	rainy          bool // some hour has rain, be it zero
}

// fill bridges gaps between levels linearly, continues the newest and the oldest level to the ends of
// the grid, clips, and sets missing rain to zero. Without any level it leaves z at zero, the normal.
func (g *grid) fill() coverage {
	c := coverage{newest: -1}
	last := -1 // the level before, in the order of k
	for k := range Hours {
		v := g.z[k]
		if v != v {
			continue
		}
		switch {
		case last < 0:
			c.newest = k
			for i := range k {
				g.z[i] = v
			}
		case k > last+1:
			a := g.z[last]
			for i := last + 1; i < k; i++ {
				g.z[i] = a + (v-a)*(float64(i-last)/float64(k-last))
			}
		}
		last, c.oldest = k, k
	}
	for i := last + 1; i < Hours; i++ {
		if last < 0 {
			g.z[i] = 0
		} else {
			g.z[i] = g.z[last]
		}
	}
	for k := range Hours {
		g.z[k] = min(max(g.z[k], minZ), maxZ)
		if v := g.rain[k]; v != v {
			g.rain[k] = 0
			continue
		}
		c.rainy = true
	}
	return c
}

// storeWeights[i][k] is what a unit of rain k hours ago has left in stores[i].
var storeWeights = func() (w [len(stores)][Hours]float64) {
	for i, s := range stores {
		for k := range w[i] {
			w[i][k] = math.Exp(-float64(k) / s)
		}
	}
	return w
}()

// assemble writes the features of a filled grid.
func assemble(row *[NumFeatures]float64, g *grid, c *coverage) {
	n := 0
	put := func(v float64) { row[n] = v; n++ }
	z, r := &g.z, &g.rain
	z0 := z[0]
	put(z0)
	put(asinh(3 * z0))
	for _, h := range lookbacks {
		put(bend(z0 - z[min(h, Hours-1)]))
	}
	put(bend(z0 - 2*z[1] + z[2]))
	put(bend(z0 - 2*z[3] + z[6]))

	// One pass over the levels for extremes, their ages and the mean rise and fall.
	var highest, lowest [len(extremes)]float64
	var moved [len(volatility)]float64
	hi, lo, hiAt, lowAt := z0, z0, 0, 0
	var hiAt72, lowAt72, hiAt168 int
	move := 0.0
	e, v := 0, 0
	for k := range Hours {
		x := z[k]
		if x > hi {
			hi, hiAt = x, k
		}
		if x < lo {
			lo, lowAt = x, k
		}
		if k+1 < Hours {
			move += math.Abs(x - z[k+1])
		}
		switch k + 1 {
		case 72:
			hiAt72, lowAt72 = hiAt, lowAt
		case 168:
			hiAt168 = hiAt
		}
		if e < len(extremes) && k+1 == extremes[e] {
			highest[e], lowest[e] = hi, lo
			e++
		}
		if v < len(volatility) && k+1 == volatility[v] {
			moved[v] = move / float64(volatility[v])
			v++
		}
	}
	for _, x := range highest {
		put(bend(x - z0))
	}
	for _, x := range lowest {
		put(bend(z0 - x))
	}
	put(math.Log1p(float64(hiAt72)))
	put(math.Log1p(float64(hiAt168)))
	put(math.Log1p(float64(lowAt72)))
	for _, x := range moved {
		put(asinh(x / 0.01))
	}
	for _, h := range echoes {
		put(bend(z[25-h] - z[25]))
	}
	put(math.Log1p(float64(max(c.newest, 0))))

	var total [Hours]float64 // rain of the last k+1 hours
	fallen, age := 0.0, Hours
	var top [len(peaks)]float64
	peak, p := 0.0, 0
	moment := 0.0
	var held [len(stores)]float64
	for k := range Hours {
		x := r[k]
		if x != 0 {
			for i := range held {
				held[i] += x * storeWeights[i][k]
			}
			if k < 24 {
				moment += x * float64(k)
			}
			if x >= 0.5 && age == Hours {
				age = k
			}
		}
		fallen += x
		total[k] = fallen
		peak = max(peak, x)
		if p < len(peaks) && k+1 == peaks[p] {
			top[p] = peak
			p++
		}
	}
	for _, h := range sums {
		put(math.Log1p(total[h-1]))
	}
	for _, x := range top {
		put(math.Log1p(x))
	}
	for _, x := range held {
		put(math.Log1p(x))
	}
	put(math.Log1p(float64(age)))
	put(moment / (total[23] + 1))

	since := total[min(lowAt72+3, Hours-1)]
	put(math.Log1p(since))
	put(asinh(30 * (z0 - z[lowAt72]) / (since + 5)))
	// Rises are compared with the content of linear stores (Nash 1957, the form of the instantaneous unit
	// hydrograph, IASH publ. 45), which tells how this river has answered rain within this sequence.
	var content, xx, xy [len(responses)]float64
	for k := Hours - 1; k >= 0; k-- {
		x := r[k]
		for i := range content {
			content[i] = content[i]*storeDecay[i] + x
		}
		if k == Hours-1 {
			continue
		}
		y := max(z[k]-z[k+1], 0)
		for i, q := range content {
			xx[i] += q * q
			xy[i] += q * y
		}
	}
	for i, s := range responses {
		slope := xy[i] / (xx[i] + 25)
		for j := range pushes {
			put(bend(slope * content[i] * (1 - pushDecay[i][j]) * s))
		}
	}
	putGrain(row[n:], z)
}

// stillStep is a step of z that is none.
const stillStep = 1e-9

// putGrain writes how the gauge is read: the share of hours without a step, the mean second difference, and
// the smallest step. A gauge that is read to the centimetre moves otherwise in an hour than a smooth one.
func putGrain(row []float64, z *[Hours]float64) {
	const longest = 72
	still, rough, least := 0, 0.0, math.Inf(1)
	step := z[0] - z[1]
	w := 0
	for k := range longest {
		next := z[k+1] - z[k+2]
		if size := math.Abs(step); size < stillStep {
			still++
		} else {
			least = min(least, size)
		}
		rough += math.Abs(step - next)
		step = next
		if h := grains[w]; k+1 == h {
			row[w] = float64(still) / float64(h)
			row[len(grains)+w] = asinh(rough / float64(h) / 0.01)
			w++
		}
	}
	if math.IsInf(least, 1) {
		least = 0
	}
	row[2*len(grains)] = asinh(least / 0.003)
}

// storeDecay is what an hour leaves in responses[i]; pushDecay what pushes[j] hours leave.
var storeDecay, pushDecay = func() (d [len(responses)]float64, p [len(responses)][len(pushes)]float64) {
	for i, s := range responses {
		d[i] = math.Exp(-1 / s)
		for j, h := range pushes {
			p[i][j] = math.Exp(-h / s)
		}
	}
	return d, p
}()
