// Package connectrpc serves guardy.v1 over Connect, gRPC and gRPC-Web on one plain net/http listener:
// HTTP/1.1 and cleartext HTTP/2, with gRPC health and reflection. It carries the same messages, limits
// and errors as the JSON API. TLS is the business of the proxy in front of it.
//
// proto/ is the only hand-written schema, wire.go the only mapping between its messages and the domain.
// gen/ is made by the commands below and committed, so that building needs no tools. They need the Go
// module proxy and nothing else; CI runs them and insists that nothing differs:
//
//	go generate ./adapters/transport/connectrpc
package connectrpc

//go:generate go run github.com/bufbuild/buf/cmd/buf@v1.75.0 lint
//go:generate go run github.com/bufbuild/buf/cmd/buf@v1.75.0 generate
