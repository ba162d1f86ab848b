// Package qartod holds the tests of QARTOD, the quality control of real-time oceanographic data of the
// U.S. Integrated Ocean Observing System: each a pure function from samples to flags, in a batch form
// over slices and in a streaming form that takes one sample at a time and allocates nothing.
//
// The test numbers are those of the Manual for Real-Time Quality Control of Water Level Data, version
// 2.1 (2021), chapter 3. Where that text and the public reference implementation (ioos_qc) define a
// test differently there are two types, one for each profile:
//
//	test                     profile ioos_qc         profile manual_realtime
//	1  time gap              -                       TimeGap
//	4  gross range           GrossRange              GrossRange
//	5  climatology           Climatology             Climatology
//	6  spike                 Spike                   Spike (the newest sample waits)
//	7  rate of change        RateOfChange            DeviationRate
//	8  flat line             FlatLine                RepeatCount
//	9  multi-variate         -                       MultiVariate
//	10 attenuated signal     Attenuated              Attenuated
//	11 neighbour             -                       Neighbour
//	   aggregate             Aggregate               Aggregate
//
// Conventions of all tests:
//
//   - NaN is a missing value and gets Missing. An infinite value cannot be a measurement: it fails the
//     gross range and counts as missing elsewhere.
//   - Comparisons are strict: a value that ties with its threshold passes. A threshold of zero (or NaN)
//     is switched off.
//   - Every Result carries the number that was compared, the threshold that decided, and the margin
//     between them; positive is beyond the threshold.
//   - Batch and streaming forms are equal where the definition is causal. Two are not: FlatLine and
//     Attenuated.MinPeriod use the median step of the whole series in batch, so a stream is told its step;
//     and the spike test judges a sample once its successor is there, so a stream answers one sample late.
//   - Times may repeat or run backwards. Nothing panics; a rate over no time is NotEvaluated.
package qartod
