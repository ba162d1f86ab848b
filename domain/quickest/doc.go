// Package quickest plans an evacuation as an integer quickest transshipment: units (people, vehicles) wait at
// sources, edges take a number of steps and let a number of units in at each step, sinks keep a number of
// them, and the last unit that can be served at all shall be at a sink as early as possible.
//
// Time is counted in steps t = 0, 1, …; what a step and a unit are is the caller's business. A unit that
// enters an edge at t is at its other end at t + transit. Waiting is free and unlimited at every node, and a
// unit may pass a sink without stopping. The clearance is the smallest T such that everybody who is served
// is at a sink by step T.
//
// The method is a maximum flow in the time-expanded network (Ford and Fulkerson 1958), whose horizon grows
// until the flow is large enough; by the minimum cut of each horizon the search jumps to the next one that
// is not yet proven too short (Newton's method on the parametric flow, as Lin and Jaillet 2015 use it for a
// single source). The time-expanded network is never built: because waiting is free, the steps at which a
// node can still reach a sink in the residual network are all those up to a last one, so that one number a
// node stands for all its copies, and sets of full and used steps answer for an edge (see labels, row).
//
// Where an instance is large and its time is bounded, the ways come from the cheapest flow of the relaxation
// without time that the first bound is from, the longest ways have the roads first, and units that are late
// look for other ways (see paced). The bound proves how good that is.
//
// Capacity-constrained route planning (CCRP; Lu, George and Shekhar 2005) is here too: the floor that a
// smaller instance never falls below, however short its time, and the baseline to compare with.
package quickest
