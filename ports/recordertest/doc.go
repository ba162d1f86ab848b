// Package recordertest holds the acceptance test of ports.Recorder and a recorder that remembers,
// for the tests of whoever reports facts. Only tests import it.
package recordertest
