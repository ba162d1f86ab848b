package climate

import "math"

// Radiation returns the extraterrestrial radiation in MJ/m²/day at a latitude in degrees, on a day of the year
// counted from 1 (Allen, Pereira, Raes and Smith 1998, FAO Irrigation and Drainage Paper 56, equations 21 to 25).
func Radiation(latitude float64, yearDay int) float64 {
	const (
		solarConstant = 0.0820 // MJ/m²/min
		minutes       = 24 * 60
	)
	phi, angle := latitude*(math.Pi/180), float64(yearDay)*(2*math.Pi/365)
	tilt := 0.409 * math.Sin(angle-1.39)
	// Beyond the polar circles the sun does not set, or does not rise: the cosine leaves [-1, 1].
	sunset := math.Acos(min(max(-math.Tan(phi)*math.Tan(tilt), -1), 1))
	light := sunset*math.Sin(phi)*math.Sin(tilt) + math.Cos(phi)*math.Cos(tilt)*math.Sin(sunset)
	return minutes / math.Pi * solarConstant * (1 + 0.033*math.Cos(angle)) * light
}

// PotentialEvaporation returns mm/day from the day's mean temperature in °C and the extraterrestrial radiation in
// MJ/m²/day (Oudin et al. 2005, "Which potential evapotranspiration input for a lumped rainfall-runoff model? Part
// 2", Journal of Hydrology 303, 290-306). It is zero at −5 °C and below.
func PotentialEvaporation(temperature, radiation float64) float64 {
	const latentHeat = 2.45 // MJ/kg, and 1 kg/m² of water is 1 mm
	if temperature <= -5 {
		return 0
	}
	return radiation / latentHeat * (temperature + 5) / 100
}
