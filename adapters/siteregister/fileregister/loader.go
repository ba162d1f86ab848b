package fileregister

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/vector"
	"github.com/guardy-ai/guardy/ports"
)

// columns are the names that a file may use. The first two hold text, the others numbers.
var columns = append([]string{"location_id", "name", "latitude", "longitude", "normal", "flood_threshold"}, vector.SiteNames[:]...)

// Indices into columns.
const (
	colID = iota
	colName
	colLatitude
	colLongitude
	colNormal
	colFloodThreshold
	colSite
)

// columnOf finds a name; the request's own word for the name is understood too.
func columnOf(name string) (int, bool) {
	if name == "location_name" {
		return colName, true
	}
	i := slices.Index(columns, name)
	return i, i >= 0
}

// number returns where a numeric column's value is kept.
func number(s *ports.RegisteredSite, column int) *float64 {
	switch column {
	case colLatitude:
		return &s.Latitude
	case colLongitude:
		return &s.Longitude
	case colNormal:
		return &s.Normal
	case colFloodThreshold:
		return &s.FloodThreshold
	}
	return s.Site.Values()[column-colSite]
}

// unknownSite returns a site of which nothing is known.
func unknownSite() ports.RegisteredSite {
	none := vector.Missing()
	return ports.RegisteredSite{
		Latitude: none.Latitude, Longitude: none.Longitude, Site: none.Site,
		Normal: none.River.Normal, FloodThreshold: none.River.FloodThreshold,
	}
}

// loader collects sites and everything that is wrong with them.
type loader struct {
	register Register
	seenAt   []int32 // the line or feature of each site
	listed   []domain.Violation
	problems int
}

// place is where in the file something stands: the nth "line" or "feature", or, without a unit, the
// whole file; sub is the JSON pointer further down.
type place struct {
	unit string
	n    int
	sub  string
}

func (p place) String() string {
	if p.unit == "" {
		return "the file"
	}
	return p.unit + " " + strconv.Itoa(p.n)
}

func (p place) pointer() string {
	if p.unit == "" {
		return p.sub
	}
	return "/" + p.unit + "s/" + strconv.Itoa(p.n) + p.sub
}

func (p place) in(sub string) place {
	p.sub += sub
	return p
}

// set is a set of columns, a bit for each.
type set uint64

func (s set) has(column int) bool { return s&(1<<column) != 0 }
func (s *set) put(column int)     { *s |= 1 << column }

func newLoader() *loader { return &loader{register: Register{byID: make(map[string]int32)}} }

// refuse reports what is wrong with a column at a place; an empty column means the whole of it.
func (l *loader) refuse(at place, column, code, format string, args ...any) {
	l.problems++
	if len(l.listed) == maxListed {
		return
	}
	pointer, words := at.pointer(), at.String()
	if column = shorten(column); column != "" {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(column)
		words += ", " + column
	}
	l.listed = append(l.listed, domain.Violation{Pointer: pointer, Code: code, Detail: words + ": " + fmt.Sprintf(format, args...)})
}

// refuseUnknown reports a name that the register does not have.
func (l *loader) refuseUnknown(at place, name string) {
	if near := domain.NearestName(name, slices.Values(columns)); near != "" {
		l.refuse(at, name, domain.CodeUnknownField, "there is no such column; did you mean %s?", near)
		return
	}
	l.refuse(at, name, domain.CodeUnknownField, "there is no such column; the register knows %s", strings.Join(columns, ", "))
}

// add checks a site as far as its values could be read, and keeps it. Columns in refused are
// reported already. Physical ranges and the codes for no data are those of the flood-risk request, which the
// site will complete.
func (l *loader) add(at place, s ports.RegisteredSite, refused set) {
	q := risk.NewRequest()
	q.LocationID, q.LocationName = s.ID, s.Name
	q.Latitude, q.Longitude = s.Latitude, s.Longitude
	q.Site = s.Site
	q.River.Normal, q.River.FloodThreshold = s.Normal, s.FloodThreshold
	q.RainfallMM = 0 // required of a request, not of a site
	half := math.IsNaN(s.Latitude) != math.IsNaN(s.Longitude) && !refused.has(colLatitude) && !refused.has(colLongitude)
	for _, v := range q.Validate() {
		column := v.Pointer[strings.LastIndexByte(v.Pointer, '/')+1:]
		switch {
		case v.Code != domain.CodeRequired:
			if column == "location_name" {
				column = columns[colName]
			}
			l.refuse(at, column, v.Code, "%s", v.Detail)
		case half:
			l.refuse(at, column, v.Code, "latitude and longitude are known together or not at all")
		}
	}
	if !utf8.ValidString(s.ID) {
		l.refuse(at, columns[colID], domain.CodeFormat, "the text is not valid UTF-8")
	}
	if !utf8.ValidString(s.Name) {
		l.refuse(at, columns[colName], domain.CodeFormat, "the text is not valid UTF-8")
	}
	if s.ID == "" {
		if !refused.has(colID) {
			l.refuse(at, columns[colID], domain.CodeRequired, "every site needs an id")
		}
		return
	}
	if i, ok := l.register.byID[s.ID]; ok {
		l.refuse(at, columns[colID], domain.CodeDuplicate, "%q stands at %v already", shorten(s.ID), place{unit: at.unit, n: int(l.seenAt[i])})
		return
	}
	l.register.byID[s.ID] = int32(len(l.register.sites))
	l.register.sites = append(l.register.sites, s)
	l.seenAt = append(l.seenAt, int32(at.n))
}

// full reports, once, a file with too many sites.
func (l *loader) full(at place) bool {
	if len(l.register.sites) < maxSites {
		return false
	}
	l.refuse(at, "", domain.CodeSize, "a register holds at most %d sites", maxSites)
	return true
}

func (l *loader) err() error {
	if l.problems == 0 {
		return nil
	}
	msg := fmt.Sprintf("problems in the file: %d; nothing was loaded", l.problems)
	if l.problems > len(l.listed) {
		msg += fmt.Sprintf("; the first %d are listed", len(l.listed))
	}
	return &domain.Error{Kind: domain.KindInvalid, Op: "load sites", Msg: msg, Violations: l.listed}
}
