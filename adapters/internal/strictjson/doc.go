// Package strictjson decodes JSON requests into wire structs and refuses everything that a client
// cannot have meant: unknown fields, duplicate names, other types than the contract's, trailing data,
// NaN, invalid UTF-8, unreasonable nesting. A warning service must not drop a misspelt optional
// field in silence.
//
// It reports every violation of shape in one answer, each with its RFC 6901 pointer, so that the
// transports can add the violations of meaning that the domain finds and attribute them to the items
// of a batch. It decodes hand-written wire structs and the structs of protoc-gen-go alike: what
// counts is the `json:"name"` tag of an exported field.
//
// The scanner is our own. To read the tokens of a flood-risk request with the jsontext package of
// github.com/go-json-experiment/json costs as much as this package needs to decode it (see
// BenchmarkDecode and BenchmarkTokens); jsontext is the oracle of the fuzz test instead.
package strictjson
