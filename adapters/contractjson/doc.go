// Package contractjson is the JSON contract, without a transport: it turns the bytes of a request into a
// question of the domain, and an answer of the domain into bytes. HTTP, RPC and the command line call it, so
// all of them take and give the same.
//
// A request is read in two steps. Decode fills the struct of the request and says what is wrong with its
// shape. Question makes the domain's request of it and adds what is wrong with its meaning, so that a client
// learns of all mistakes at once.
//
// An answer has one description here. The binary answers of RPC are made from its bytes by the field names of
// the schema; openapi.yaml, the schema and the load tests are held to it by fields_test.go.
package contractjson
