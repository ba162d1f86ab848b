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
// node stands for all its copies, and sets of full and used steps answer for an edge (see search, grid).
//
// Sources may have ranks. Who can be served is settled by rank first, then every rank in turn leaves as early as the
// ranks before it let it. When time runs out, slack is granted, so that there is a plan; the bounds prove how good it is.
package quickest
