// Package weather makes the places and gauges that the load tests ask about. Nothing in them was measured:
// they are drawn from distributions that were fitted to measured data, so that a load test meets as much
// rain, as many dry days and as many floods as the service does. Rain is in mm, temperature in °C, humidity
// in %, levels in m.
package weather
