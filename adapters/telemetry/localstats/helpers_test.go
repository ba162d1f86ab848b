package localstats

import "unsafe"

// unsafeString views b as a string, as fasthttp does with what it reuses.
func unsafeString(b []byte) string { return unsafe.String(&b[0], len(b)) }
