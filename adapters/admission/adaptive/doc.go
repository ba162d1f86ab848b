// Package adaptive is the admission of a process whose work is bound by its processors. It implements
// ports.Admission.
//
// Work takes slots by its cost, out of a limit that adapts to latency. Where no slot is free, work waits in the
// queue of its class: classes in the order of their priority, and within a class clients in turn. Work that
// would wait for too long is shed. Nothing here reads requests or knows a transport.
//
// The limit compares what a slot takes now with what it takes when there are no more slots in use than
// processors. While that ratio is small, more work at once helps (the work waits for a network), and the limit
// rises by its square root; when it grows, the work only waits for the processors, and the limit falls. The
// idea is Gradient2 of Netflix's concurrency-limits; the baseline differs, so that a long overload does not
// become the new normal.
package adaptive
