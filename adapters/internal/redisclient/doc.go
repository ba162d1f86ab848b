// Package redisclient is what adapters on Redis share: the connection, and the promise that Redis costs a
// request no more than a budget.
//
// Redis is never trusted to be there, fast, or right. A call has a hard budget; a breaker stops asking a
// server that fails or dawdles and probes by itself whether it is back; every value carries a checksum
// over itself and its key, so that damage is an error and never an answer. One server, one behind Sentinel,
// or a Cluster are asked by the same code.
package redisclient
