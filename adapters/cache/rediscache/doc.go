// Package rediscache keeps answers in Redis, where all replicas share them: a single server, one
// behind Sentinel, or a Cluster, by the same code.
//
// Redis is never trusted to be there, fast, or right. A lookup has a hard budget; a breaker stops
// asking a server that fails or dawdles and probes by itself whether it is back; every value
// carries a checksum over itself and its key, so that damage is an error and never an answer.
//
// A key is the configured prefix, a letter for the model, a colon and the 16 raw bytes of the
// digest. A value is a format byte, a CRC-32C and the answer's own encoding. How long an entry may
// still be served is asked of Redis together with the value (PTTL in the same round trip), so the
// clocks of replicas need not agree.
package rediscache
