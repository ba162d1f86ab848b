// Package geo is the geometry of places on the ground: distances on the sphere, and exact tests of
// straight lines against polygons.
//
// Coordinates are degrees, WGS 84. A line between two points is straight in longitude and latitude, as
// RFC 7946 has it; lengths are metres on a sphere of EarthRadius. Tests of position (on which side, do
// they meet, is it inside) are exact: rounding never decides whether a road is under water. Nothing here
// goes across the antimeridian or over a pole; Validate refuses polygons that would.
package geo
