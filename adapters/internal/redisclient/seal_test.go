package redisclient

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports/cachetest"
)

func TestUnsealReturnsWhatWasSealed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := cachetest.Key(domain.RiskScorer, rapid.Int().Draw(t, "key"))
		payload := rapid.SliceOf(rapid.Byte()).Draw(t, "payload")
		got, err := Unseal(k, Seal(k, payload))
		if err != nil || !bytes.Equal(got, payload) {
			t.Fatalf("%x, %v", got, err)
		}
	})
}

func TestADamagedValueIsNeverAnAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := cachetest.Key(domain.RiskScorer, 1)
		value := Seal(k, rapid.SliceOfN(rapid.Byte(), 1, 400).Draw(t, "payload"))
		switch rapid.IntRange(0, 2).Draw(t, "damage") {
		case 0:
			bit := rapid.IntRange(0, len(value)*8-1).Draw(t, "bit")
			value[bit/8] ^= 1 << (bit % 8)
		case 1:
			value = value[:rapid.IntRange(0, len(value)-1).Draw(t, "length")]
		case 2:
			value = append(value, rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, "tail")...)
		}
		if got, err := Unseal(k, value); err == nil {
			t.Fatalf("%x", got)
		}
	})
}

func TestAValueUnderAnotherKeyIsNoAnswer(t *testing.T) {
	value := Seal(cachetest.Key(domain.RiskScorer, 1), []byte("answer"))
	if got, err := Unseal(cachetest.Key(domain.RiskScorer, 2), value); err == nil {
		t.Errorf("%q", got)
	}
}

// FuzzUnseal looks for foreign bytes that pass. There are some, one in 2^40: the corpus would have to
// be built around the checksum.
func FuzzUnseal(f *testing.F) {
	k := cachetest.Key(domain.RiskScorer, 1)
	f.Add([]byte{}, []byte("answer"))
	f.Add([]byte("GET / HTTP/1.1"), []byte{})
	f.Fuzz(func(t *testing.T, value, payload []byte) {
		if got, err := Unseal(k, value); err == nil && !bytes.Equal(Seal(k, got), value) {
			t.Errorf("Unseal accepts %x, which Seal does not make", value)
		}
		if got, err := Unseal(k, Seal(k, payload)); err != nil || !bytes.Equal(got, payload) {
			t.Errorf("%x, %v", got, err)
		}
	})
}
