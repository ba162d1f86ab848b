// Package nowcast answers whether a river will be over its flood threshold in the next hours: from
// recent readings of a gauge or weather station to one predictive distribution a horizon, of which
// probability and quantiles are two readings.
//
// Lead times are whole hours from the issue time, the time of the last reading. Inside, the river is
// z = (x − normal) / (flood threshold − normal), so that 0 is its normal state and 1 the threshold;
// answers are in the unit of the readings. Hydraulics, dams and tides are not modelled.
package nowcast
