package contractjson

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json"

	"github.com/guardy-ai/guardy/adapters/internal/geojson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/geo"
)

// ReadFlood returns the water of a GeoJSON file in all the forms that flood_extent may have: a Polygon, a MultiPolygon,
// a GeometryCollection of these, a Feature of one of these, or a FeatureCollection, whose areas are taken together. The
// error is a *domain.Error of KindInvalid with every violation; pointers begin at the file. A byte order mark is passed
// over.
func ReadFlood(data []byte, limits geo.Limits) (geo.MultiPolygon, error) {
	var document any
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &document); err != nil {
		return nil, refusedFlood(fmt.Sprintf("this is not GeoJSON: %v", err), nil)
	}
	object, ok := document.(map[string]any)
	if !ok {
		return nil, refusedFlood("this is not GeoJSON: an object is required", nil)
	}
	extent, violations := geojson.ReadExtent("", object)
	if extent != nil {
		violations = extent.Validate("", limits)
	}
	if len(violations) > 0 {
		return nil, refusedFlood("this is no area that can be used", violations)
	}
	return extent.Polygons, nil
}

func refusedFlood(msg string, violations []domain.Violation) error {
	return &domain.Error{Kind: domain.KindInvalid, Op: "read flood", Msg: msg, Violations: violations}
}
