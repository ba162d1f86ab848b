// Package evacuation answers who has to leave a flooded place first, where to and on which roads.
//
// Zones are rings around a centre; each has a priority, the people in it and its area as GeoJSON. That
// much is answered everywhere. Shelters, routes and times come from a region, the roads, shelters and
// people that the operator loaded (RegionPlanner); without one they are absent, never guessed.
//
// Lengths are metres on a sphere of the mean Earth radius, coordinates WGS 84. People are counted in
// whole persons, a count that is not known is not zero. How fast water rises, and how people decide, is
// not modelled.
package evacuation
