package fileregister

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/guardy-ai/guardy/ports"
	"github.com/guardy-ai/guardy/ports/siteregistertest"
)

func TestBothFormatsKeepTheContract(t *testing.T) {
	for name, text := range map[string]string{
		"sites.csv": "location_id,name,latitude,longitude,normal,flood_threshold,area_km2,snow_fraction\n" +
			"old-bridge,Old bridge,45.17,-69.31,1.2,3.4,812.5,0.25\nmill,,-12.5,130.25,,,,\n",
		"sites.geojson": `{"type": "FeatureCollection", "features": [
			{"type": "Feature", "id": "old-bridge", "geometry": {"type": "Point", "coordinates": [-69.31, 45.17]},
			 "properties": {"name": "Old bridge", "normal": 1.2, "flood_threshold": 3.4, "area_km2": 812.5, "snow_fraction": 0.25}},
			{"type": "Feature", "geometry": {"type": "Point", "coordinates": [130.25, -12.5]},
			 "properties": {"location_id": "mill", "area_km2": null}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			siteregistertest.Run(t, func(t *testing.T) ports.SiteRegister {
				path := filepath.Join(t.TempDir(), name)
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				r, err := New(Config{Path: path})
				if err != nil {
					t.Fatal(err)
				}
				return r
			})
		})
	}
}
