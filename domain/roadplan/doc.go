// Package roadplan plans an evacuation on a region: it closes the roads under water, finds who lives where and
// which shelters are open, has package quickest plan who leaves when, replays the plan with code that shares
// nothing with the planner, and tells it in the words of package evacuation. Nothing is made up: what a
// region does not know is either not answered or stands among the assumptions.
//
// The unit of a plan is a person, so that counts are exact; a road takes its vehicles times the persons in
// each. Time goes in steps (stepSeconds), distances in metres.
package roadplan
