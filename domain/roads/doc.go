// Package roads is the road network on which people leave: what a way of OpenStreetMap means for a car
// (the cost model evac-cost-1), the network made of such ways, which of its segments are under water,
// and the fastest way from here to there that keeps out of it.
//
// A vertex is an OpenStreetMap node on an accepted way. A segment joins two nodes that follow each other
// on such a way; it may be driven forward, backward or both. Vertices and segments are numbered from 0,
// neighbours on the ground near each other. Lengths are metres, times seconds, speeds km/h, capacities
// vehicles an hour in one direction.
//
// A Network never changes and is safe for concurrent use. A flood is a Mask beside it, made once a
// request; water excludes a segment, it never merely makes it slower. Nothing that is prepared for faster
// searches depends on a mask.
//
// The cost model leaves out turn restrictions, lane and conditional tags, traffic lights and ferries.
package roads
