// Package access decides who may ask for what: keys with names and scopes from a file that is read again while the
// service runs, quotas by cost, and who counts as a program on the same machine.
//
// A key is presented as "Authorization: Bearer <key>" or "X-API-Key". The file holds only digests (SHA-256) of keys.
// That is enough for keys that are random, as those of "openssl rand -hex 32" are; a password that a person made up
// could be guessed from its digest.
package access
