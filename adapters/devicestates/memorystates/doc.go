// Package memorystates keeps the states of devices in the process, bounded by bytes. It is the default:
// nothing to install, and a state costs a fraction of a microsecond. Replicas do not share what they
// know: a device that is not always answered by the same one wants redisstates.
package memorystates
