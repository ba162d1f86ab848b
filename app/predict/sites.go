package predict

import (
	"fmt"
	"math"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/doubt"
	"github.com/guardy-ai/guardy/ports"
)

// unknownSite returns the violation of a location_id that the register does not hold, nil where it does or
// where no sites are registered: then ids are the client's own and are echoed. An answer to a misspelt id would
// do without the site's attributes and thresholds, and only a reader of its input quality would see it.
func unknownSite(sites ports.SiteRegister, id string) []domain.Violation {
	if id == "" || sites.Len() == 0 || len(id) > domain.MaxTextLength { // a long id has a violation of its own
		return nil
	}
	if _, ok := sites.Lookup(id); ok {
		return nil
	}
	detail := fmt.Sprintf("the site register has no site %q", id)
	if near := sites.Nearest(id); near != "" {
		detail += fmt.Sprintf("; did you mean %q?", near)
	}
	return []domain.Violation{{Pointer: "/location_id", Code: domain.CodeNotFound, Detail: detail}}
}

// locate sets coordinates that a request leaves out to those of the site, both or none, and replaces those that
// are the site's own exchanged or mirrored, for the reason that it returns.
func locate(latitude, longitude *float64, site *ports.RegisteredSite) (reason domain.DoubtReason, doubtful bool) {
	reason, doubtful = doubt.CheckPlace(*latitude, *longitude, site.Latitude, site.Longitude)
	if doubtful || math.IsNaN(*latitude) && math.IsNaN(*longitude) {
		*latitude, *longitude = site.Latitude, site.Longitude
	}
	return reason, doubtful
}
