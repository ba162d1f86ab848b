// Package transporttest is the conformance suite of the transports: the same requests, the same
// answers, the same kinds of error at the same places, whichever way they came. A transport's test
// starts its server over a Service with the limits of this package, writes a Client, and calls Run.
//
// A case is a txtar archive in testdata: a sentence, headers, then the files
//
//	request.json    the request in the JSON of the HTTP contract (request.ndjson for a stream: one a line);
//	                text between << and >> is a template with repeat, join and hex
//	calls.json      optional: what the use case must have been asked, after all defaults
//	answer.json     the answer (answer.ndjson for a stream), or
//	error.json      the refusal: {code, detail, errors}; a detail that is left out is not compared
//
// Headers: "method:" is a method of the RPC services, "only:" restricts the case to encodings that
// can express it (json: any JSON; http: the HTTP API), "fresh: true" by-passes the cache, "part:
// true" compares only the fields that answer.json names.
package transporttest
