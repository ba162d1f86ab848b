// Package rediscache keeps answers in Redis, where all replicas share them: a single server, one
// behind Sentinel, or a Cluster, by the same code.
//
// What Redis may cost and what is done when it fails is package redisclient's affair.
//
// A key is the configured prefix, a letter for the model, a colon and the 16 raw bytes of the digest. A
// value is the answer's own encoding, sealed (redisclient.Seal). How long an entry may still be served is
// asked of Redis together with the value (PTTL in the same round trip), so the clocks of replicas need
// not agree.
package rediscache
