package redisclient

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"sync"

	"github.com/guardy-ai/guardy/domain"
)

// A value is a header and the payload. Without a secret the header is a format byte and CRC-32C (little endian) over
// key and payload; with one it is another format byte and the first half of HMAC-SHA256 over the same. The key is
// covered so that a value copied to another key is no answer there.
const (
	format     = 0xf1 // never the first byte of text
	formatHMAC = 0xf2

	headerCRC  = 1 + crc32.Size
	macSize    = sha256.Size / 2 // RFC 2104, section 5: half of the hash at least
	headerHMAC = 1 + macSize
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	// ErrForeign, ErrDamaged and ErrForged are returned by Unseal.
	ErrForeign = errors.New("the value in Redis is not one of ours")
	ErrDamaged = errors.New("the value in Redis is damaged")
	ErrForged  = errors.New("the value in Redis does not carry the mark of the configured secret")
)

// Sealer seals the values of one use. With a secret, only who knows the secret can make a value that it takes.
type Sealer struct {
	macs *sync.Pool // of hash.Hash; nil without a secret
	size int
}

// NewSealer returns the sealer of a use ("cache", "states"), whose values are no values of another use. Without a
// secret a value is protected from damage alone.
func NewSealer(secret, use string) Sealer {
	if secret == "" {
		return Sealer{size: headerCRC}
	}
	derive := hmac.New(sha256.New, []byte(secret))
	derive.Write([]byte("guardy " + use))
	key := derive.Sum(nil)
	return Sealer{macs: &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}, size: headerHMAC}
}

// Header is what Seal puts before the payload, in bytes.
func (s Sealer) Header() int { return s.size }

func checksum(k domain.Key, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(k.Sum[:], castagnoli), castagnoli, payload)
}

// mac appends the mark of payload under k to dst.
func (s Sealer) mac(dst []byte, k domain.Key, payload []byte) []byte {
	h := s.macs.Get().(hash.Hash)
	defer s.macs.Put(h)
	h.Reset()
	h.Write([]byte{byte(len(k.Model))})
	h.Write([]byte(k.Model))
	h.Write(k.Sum[:])
	h.Write(payload)
	var sum [sha256.Size]byte
	return append(dst, h.Sum(sum[:0])[:macSize]...)
}

// Seal returns the value that keeps payload under k.
func (s Sealer) Seal(k domain.Key, payload []byte) []byte {
	b := make([]byte, 1, s.size+len(payload))
	if s.macs == nil {
		b[0] = format
		b = binary.LittleEndian.AppendUint32(b, checksum(k, payload))
	} else {
		b[0] = formatHMAC
		b = s.mac(b, k, payload)
	}
	return append(b, payload...)
}

// Unseal returns the payload within a value, which it aliases.
func (s Sealer) Unseal(k domain.Key, value []byte) ([]byte, error) {
	switch {
	case s.macs == nil && len(value) > 0 && value[0] == formatHMAC:
		return nil, ErrForged // made by a replica that has a secret
	case s.macs == nil && (len(value) < s.size || value[0] != format):
		return nil, ErrForeign
	case s.macs == nil:
		if binary.LittleEndian.Uint32(value[1:]) != checksum(k, value[s.size:]) {
			return nil, ErrDamaged
		}
		return value[s.size:], nil
	case len(value) < s.size || value[0] != formatHMAC:
		return nil, ErrForged
	}
	var want [sha256.Size]byte
	if !hmac.Equal(value[1:s.size], s.mac(want[:0], k, value[s.size:])) {
		return nil, ErrForged
	}
	return value[s.size:], nil
}
