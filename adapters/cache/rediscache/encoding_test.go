package rediscache

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports/cachetest"
)

func TestDecodeReturnsWhatWasEncoded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := cachetest.Key(domain.RiskScorer, rapid.Int().Draw(t, "key"))
		payload := rapid.SliceOf(rapid.Byte()).Draw(t, "payload")
		got, err := decode(k, encode(k, payload))
		if err != nil || !bytes.Equal(got, payload) {
			t.Fatalf("%x, %v", got, err)
		}
	})
}

func TestADamagedValueIsNeverAnAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := cachetest.Key(domain.RiskScorer, 1)
		value := encode(k, rapid.SliceOfN(rapid.Byte(), 1, 400).Draw(t, "payload"))
		switch rapid.IntRange(0, 2).Draw(t, "damage") {
		case 0:
			bit := rapid.IntRange(0, len(value)*8-1).Draw(t, "bit")
			value[bit/8] ^= 1 << (bit % 8)
		case 1:
			value = value[:rapid.IntRange(0, len(value)-1).Draw(t, "length")]
		case 2:
			value = append(value, rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, "tail")...)
		}
		if got, err := decode(k, value); err == nil {
			t.Fatalf("%x", got)
		}
	})
}

func TestAValueUnderAnotherKeyIsNoAnswer(t *testing.T) {
	value := encode(cachetest.Key(domain.RiskScorer, 1), []byte("answer"))
	if got, err := decode(cachetest.Key(domain.RiskScorer, 2), value); err == nil {
		t.Errorf("%q", got)
	}
}

// FuzzDecode looks for foreign bytes that pass. There are some, one in 2^40: the corpus would have to
// be built around the checksum.
func FuzzDecode(f *testing.F) {
	k := cachetest.Key(domain.RiskScorer, 1)
	f.Add([]byte{}, []byte("answer"))
	f.Add([]byte("GET / HTTP/1.1"), []byte{})
	f.Fuzz(func(t *testing.T, value, payload []byte) {
		if got, err := decode(k, value); err == nil && !bytes.Equal(encode(k, got), value) {
			t.Errorf("decode accepts %x, which encode does not make", value)
		}
		if got, err := decode(k, encode(k, payload)); err != nil || !bytes.Equal(got, payload) {
			t.Errorf("%x, %v", got, err)
		}
	})
}

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
