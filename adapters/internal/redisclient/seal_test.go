package redisclient

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports/cachetest"
)

// sealers are the two kinds.
var sealers = []Sealer{NewSealer("", "cache"), NewSealer("a secret of some length", "cache")}

func TestUnsealReturnsWhatWasSealed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(sealers).Draw(t, "sealer")
		k := cachetest.Key(domain.RiskScorer, rapid.Int().Draw(t, "key"))
		payload := rapid.SliceOf(rapid.Byte()).Draw(t, "payload")
		got, err := s.Unseal(k, s.Seal(k, payload))
		if err != nil || !bytes.Equal(got, payload) {
			t.Fatalf("%x, %v", got, err)
		}
	})
}

func TestADamagedValueIsNeverAnAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(sealers).Draw(t, "sealer")
		k := cachetest.Key(domain.RiskScorer, 1)
		value := s.Seal(k, rapid.SliceOfN(rapid.Byte(), 1, 400).Draw(t, "payload"))
		switch rapid.IntRange(0, 2).Draw(t, "damage") {
		case 0:
			bit := rapid.IntRange(0, len(value)*8-1).Draw(t, "bit")
			value[bit/8] ^= 1 << (bit % 8)
		case 1:
			value = value[:rapid.IntRange(0, len(value)-1).Draw(t, "length")]
		case 2:
			value = append(value, rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, "tail")...)
		}
		if got, err := s.Unseal(k, value); err == nil {
			t.Fatalf("%x", got)
		}
	})
}

func TestAValueUnderAnotherKeyIsNoAnswer(t *testing.T) {
	for _, s := range sealers {
		value := s.Seal(cachetest.Key(domain.RiskScorer, 1), []byte("answer"))
		if got, err := s.Unseal(cachetest.Key(domain.RiskScorer, 2), value); err == nil {
			t.Errorf("%q", got)
		}
		if got, err := s.Unseal(cachetest.Key(domain.Nowcaster, 1), value); err == nil && s.macs != nil {
			t.Errorf("of another model: %q", got)
		}
	}
}

func TestAValueOfSomebodyWithoutTheSecretIsNoAnswer(t *testing.T) {
	k := cachetest.Key(domain.RiskScorer, 1)
	ours := NewSealer("a secret of some length", "cache")
	for name, other := range map[string]Sealer{
		"no secret": NewSealer("", "cache"), "another secret": NewSealer("another secret of length", "cache"),
		"another use": NewSealer("a secret of some length", "states"),
	} {
		if got, err := ours.Unseal(k, other.Seal(k, []byte("very_low"))); !errors.Is(err, ErrForged) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// FuzzUnseal looks for foreign bytes that pass. Without a secret there are some, one in 2^40: the corpus would have to
// be built around the checksum.
func FuzzUnseal(f *testing.F) {
	k := cachetest.Key(domain.RiskScorer, 1)
	f.Add([]byte{}, []byte("answer"))
	f.Add([]byte("GET / HTTP/1.1"), []byte{})
	f.Fuzz(func(t *testing.T, value, payload []byte) {
		for _, s := range sealers {
			if got, err := s.Unseal(k, value); err == nil && !bytes.Equal(s.Seal(k, got), value) {
				t.Errorf("Unseal accepts %x, which Seal does not make", value)
			}
			if got, err := s.Unseal(k, s.Seal(k, payload)); err != nil || !bytes.Equal(got, payload) {
				t.Errorf("%x, %v", got, err)
			}
		}
	})
}
