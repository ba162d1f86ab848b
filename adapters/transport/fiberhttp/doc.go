// Package fiberhttp serves the JSON API over HTTP/1.1 with fiber: predictions, models, probes, the
// OpenAPI document and its page. It carries the same answers, limits and errors as the RPC service.
// TLS is the business of the proxy in front of it.
//
// fiber and fasthttp give out memory that they use again for the next request. Nothing that comes
// from a request outlives its handler here without having been copied: the decoder copies strings,
// span attributes and log lines are cloned. Bodies are read as streams and bounded by this package,
// because fasthttp bounds only what is on the wire and keeps everything that it inflates.
//
// wire.go and encode.go are the only mapping between JSON and the domain, errors.go the only one
// between kinds of failure and statuses.
package fiberhttp
