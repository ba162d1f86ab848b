// Package region is the ground on which an evacuation is planned: roads, shelters and people, as an
// operator's files give them. A Region never changes; a newer one replaces it as a whole. Nothing in it
// is made up: a capacity that no file gives is not known, and what a file gives and cannot be true is left
// out and reported.
package region

import (
	"fmt"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/roads"
)

// Attribution must go with every answer that is made from OpenStreetMap data.
const Attribution = "© OpenStreetMap contributors"

// Region is one snapshot.
type Region struct {
	Roads       *roads.Network
	RoadsReport roads.Report
	Shelters    []Shelter // in the order of their file
	People      *People
	Defects     Defects

	Origin Origin
}

// Origin says which files a region was made of.
type Origin struct {
	// Names by source, for people; empty where there is none.
	Names [NumSources]string
	// Digest is that of all files: "sha256:" and 64 hex digits.
	Digest string
}

// Shelter is a place to which people can be led.
type Shelter struct {
	ID        string // unique in the region
	Name      string
	Point     geo.Point
	Capacity  int // persons, or CapacityUnknown
	Resources []string
	Contact   string

	// Vertex is the nearest one of the roads' largest component, RoadMetres away.
	Vertex     roads.Vertex
	RoadMetres float64
}

// CapacityUnknown is the capacity of a shelter whose file does not give one. It is never taken for zero nor for
// enough.
const CapacityUnknown = -1

// Source is the kind of file that something comes from.
type Source uint8

// The sources.
const (
	SourceRoads Source = iota
	SourceShelters
	SourcePopulation

	// NumSources counts the sources.
	NumSources
)

var sourceNames = [NumSources]string{"roads", "shelters", "population"}

// String returns the name of s, as it appears in a check.
func (s Source) String() string { return sourceNames[s] }

// Defect is something in a file that cannot be used. It was left out.
type Defect struct {
	Source Source
	// The pointer begins with what the file is made of: /features/3/properties/capacity, /lines/7/lat.
	domain.Violation
}

// Defects is what was left out of a region.
type Defects struct {
	Listed []Defect // at most MaxListed of each source, in the order of the files
	Counts [NumSources]int
}

// MaxListed bounds the defects of a source that are told one by one.
const MaxListed = 1000

// Total returns how many defects were found.
func (d *Defects) Total() int {
	total := 0
	for _, n := range d.Counts {
		total += n
	}
	return total
}

// Add notes a defect.
func (d *Defects) Add(s Source, pointer, code, format string, args ...any) {
	d.Counts[s]++
	if d.Counts[s] <= MaxListed {
		d.Listed = append(d.Listed, Defect{s, domain.Violation{Pointer: pointer, Code: code, Detail: fmt.Sprintf(format, args...)}})
	}
}
