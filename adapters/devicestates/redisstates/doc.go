// Package redisstates keeps the states of devices in Redis, where all replicas share them: whichever
// answers a reading goes on from what the others saw.
//
// What Redis may cost and what is done when it fails is package redisclient's affair. A state is replaced
// by one script that compares its revision and sets it, on one key, so that of two writers the second finds
// out, in a Cluster, too. A revision is random, not a counter: a counter that was lost with a restart of
// Redis could come back to the value that somebody holds.
//
// A key is the configured prefix, "s:", the model, a colon and the 16 raw bytes of the digest. A value is
// the revision and the state, sealed (redisclient.Seal). Redis forgets the devices that are silent.
package redisstates
