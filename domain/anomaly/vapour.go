package anomaly

import "math"

// Temperature and humidity of the air move against each other while the water in the air stays what it is.
// What one of them explains of the other's step is not held against it: values are compared after
// bringing the earlier ones to the present value of the partner at constant vapour pressure.
const (
	// Of the Magnus formula over water, WMO-No. 8 volume I annex 4.B: the logarithm of the saturation vapour
	// pressure is magnusA·t/(magnusB+t) and a constant.
	magnusA = 17.62
	magnusB = 243.12 // °C
	driest  = 1      // relative humidity under which the sensor says nothing, %
)

func saturation(celsius float64) float64 { return magnusA * celsius / (magnusB + celsius) }

// air is what a sample of temperature or humidity has to do with its partner.
type air struct {
	compared bool    // with the newest accepted value, beside their partners
	before   float64 // that value, brought to the partner of now
	water    float64 // of the sample, NaN without a partner
	scale    float64 // of humidity: one over the saturation vapour pressure
	shift    float64 // of temperature: the logarithm of the humidity
}

// bring returns what the variable would be beside its partner of now with the water of an earlier reading.
func (a *air) bring(water float64) float64 {
	if a.scale != 0 {
		return water * a.scale
	}
	t := water - a.shift
	return magnusB * t / (magnusA - t)
}

// compare takes what the partner explains out of the residual. partner may be NaN.
func (q *variable) compare(s *sample, k Kind, partner float64) {
	if k == KindHumidity {
		pressure := math.Exp(saturation(partner))
		s.water, s.scale = s.x*pressure, 1/pressure
	} else {
		s.shift = math.Log(larger(partner, driest))
		s.water = saturation(s.x) + s.shift
	}
	if partner != partner {
		s.water = nan
	} else if newest := q.water[0]; newest == newest && s.gap < 1.5 {
		s.compared, s.before = true, s.bring(newest)
		s.residual = leastAbs(s.residual, s.x-s.before)
	}
}
