package rediscache

import (
	"testing"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports/cachetest"
)

func TestKeysOfModelsDoNotOverlap(t *testing.T) {
	s := keyspace{"guardy:"}
	seen := map[string]domain.ModelName{s.generations(): "the generations"}
	for _, m := range []domain.ModelName{
		domain.RiskScorer, domain.Nowcaster, domain.AnomalyDetector, domain.EvacuationPlanner, "", "r", "=r", "leared", "cleared", "a", "a:b",
	} {
		k := cachetest.Key(m, 1)
		key := s.key(k)
		if other, taken := seen[key]; taken {
			t.Errorf("%q and %q share the key %q", m, other, key)
		}
		seen[key] = m
		if !s.holds(s.model(m), key) {
			t.Errorf("the key %q is not found to be of %q", key, m)
		}
	}
}
