package vector

import "math"

// floodRain says how much rain usually brings a flood to a catchment, from its site: twenty
// millimetres are a drizzle to one river and a disaster to another. The logarithm of the antecedent
// index on the first day of a flood is linear in the attributes, in a ridge regression over the
// training catchments. The coefficients belong to Schema and to Schema1: models/training/features.py holds the same
// ones, and the training run checks that the data still say so.
type floodRain struct {
	intercept float64
	slope     [floodAttributes]float64
	low, high float64 // range over the training catchments
}

const (
	floodAttributes = 18
	leastLogged     = 1e-3 // a logarithm is taken of nothing smaller
)

// attributeMeans are the training means, which stand in for a missing attribute; logarithms where
// logged says so.
var attributeMeans = [floodAttributes]float64{
	654.78, 3.07527, 6.00148, 1.30196, 0.444976, 0.308164, 0.54502, 36.2024, 20.6925,
	1.14751, 2.73588, -0.036158, 0.160394, -0.158043, 20.721, 0.67528, 3.43794, -13.9743,
}

var (
	// shortFloodRain is the usual index_60, longFloodRain the usual index_90, in mm.
	shortFloodRain = floodRain{
		intercept: 3.40176,
		slope: [floodAttributes]float64{
			-0.00031702, 0.178216, -0.0735117, -0.20843, -0.662442, 0.18813, -0.139469, -0.0059119, 0.012323,
			0.691336, 0.0456314, -0.162824, -2.15032, -0.494381, 0.0216479, 0.111084, -0.061144, -0.0253022,
		},
		low: 1.03055, high: 5.07019,
	}
	longFloodRain = floodRain{
		intercept: 4.24829,
		slope: [floodAttributes]float64{
			-0.00013357, 0.0838169, -0.002163, -0.114619, -0.193673, 0.138222, -0.124146, -0.00246912, 0.0103511,
			0.572145, 0.0427536, -0.176034, -1.40714, -0.409766, 0.0114827, 0.0598051, -0.0653152, -0.00882258,
		},
		low: 2.72941, high: 5.47195,
	}
)

// usualFloodRain returns the usual indices at the first day of a flood at a site in mm; NaN where the
// mean precipitation is not known.
func usualFloodRain(s *Site) (short, long float64) {
	if s.PrecipitationMeanMMDay != s.PrecipitationMeanMMDay {
		return s.PrecipitationMeanMMDay, s.PrecipitationMeanMMDay
	}
	short, long = shortFloodRain.intercept, longFloodRain.intercept
	for i, v := range [floodAttributes]float64{
		single(s.ElevationM), logOf(s.SlopeMPerKM), logOf(s.AreaKM2), single(s.SoilDepthM), single(s.SoilPorosity),
		logOf(s.SoilConductivityCMH), single(s.SoilWaterCapacityM), single(s.SandPercent), single(s.ClayPercent),
		logOf(s.PrecipitationMeanMMDay), single(s.PETMeanMMDay), single(s.PrecipitationSeasonality), single(s.SnowFraction),
		logOf(s.Aridity), single(s.HighPrecipitationDays), single(s.ForestFraction), single(s.LeafAreaIndexMax),
		single(s.GeologyPermeabilityLog10M2),
	} {
		if v == v {
			v -= attributeMeans[i]
			short += float64(shortFloodRain.slope[i] * v)
			long += float64(longFloodRain.slope[i] * v)
		}
	}
	return shortFloodRain.index(short), longFloodRain.index(long)
}

func (f *floodRain) index(log float64) float64 {
	return math.Exp(min(max(log, f.low), f.high))
}

// logOf returns the logarithm of an attribute, NaN when it is missing.
func logOf(v float64) float64 { return math.Log(max(single(v), leastLogged)) }
