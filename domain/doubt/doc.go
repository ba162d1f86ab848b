// Package doubt answers what a value may be mistaken for: a code for "no data" or what a unit conversion
// made of one, a value in another unit, a level above another zero, an exchanged sign.
//
// It judges single values and never changes them. What an answer does with a doubtful value is decided by
// the capability that asks, under one rule: doubt never lowers an answer. A value that is surely a code is
// refused where it stands in a field of its own, and counts as missing in a sequence. A value that may be
// either a code or a measurement bounds the answer: the more cautious of the answers with it and without it
// is given.
//
// The same number is a code for one quantity and a measurement of another: -99 is an ordinary signal in dBm
// and no rainfall, 999 is an ordinary discharge in m3/s and no temperature. Every question therefore names
// its Quantity.
//
// Sources of the codes stand beside the tables in codes.go, those of the limits for rivers in river.go.
package doubt
