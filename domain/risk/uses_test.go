package risk

import (
	"testing"

	"github.com/guardy-ai/guardy/domain/vector"
)

func TestEveryFeatureComesFromKnownInputs(t *testing.T) {
	for _, name := range vector.Names {
		if s, ok := inputsOf(name); !ok || s == 0 || s>>NumInputs != 0 {
			t.Errorf("%s comes from %v, %v", name, s.Names(), ok)
		}
	}
	silt, _ := InputByName("site.silt_percent")
	area, _ := InputByName("site.area_km2")
	if s, _ := inputsOf("index_90_relative"); !s.Has(InputRainfallHistory) || !s.Has(area) || s.Has(silt) {
		t.Errorf("index_90_relative comes from %v", s.Names())
	}
	if s, _ := inputsOf("index_80_relative"); s.Names()[s.Len()-1] != "site.precipitation_mean_mm_day" || s.Has(area) {
		t.Errorf("index_80_relative comes from %v", s.Names())
	}
	if _, ok := inputsOf("moon"); ok {
		t.Error("a feature that does not exist has inputs")
	}
}
