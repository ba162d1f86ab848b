// Package ports holds the interfaces between Guardy's core and the world, and the contracts behind
// them. Driving ports are what transports and the command line call; driven ports are what the use
// cases need from technology. Ports speak domain types only. The acceptance test of a port lies in
// a subpackage (cachetest, recordertest, transporttest).
package ports
