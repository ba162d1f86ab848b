package redisclient

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/guardy-ai/guardy/domain"
)

// A value is format, CRC-32C (little endian) over key and payload, payload. The key is covered so
// that a value copied to another key is no answer there.
const (
	format = 0xf1 // never the first byte of text
	// Header is what Seal puts before the payload, in bytes.
	Header = 1 + crc32.Size
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	// ErrForeign and ErrDamaged are returned by Unseal.
	ErrForeign = errors.New("the value in Redis is not one of ours")
	ErrDamaged = errors.New("the value in Redis is damaged")
)

func checksum(k domain.Key, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(k.Sum[:], castagnoli), castagnoli, payload)
}

// Seal returns the value that keeps payload under k.
func Seal(k domain.Key, payload []byte) []byte {
	b := make([]byte, Header, Header+len(payload))
	b[0] = format
	binary.LittleEndian.PutUint32(b[1:], checksum(k, payload))
	return append(b, payload...)
}

// Unseal returns the payload within a value, which it aliases.
func Unseal(k domain.Key, value []byte) ([]byte, error) {
	if len(value) < Header || value[0] != format {
		return nil, ErrForeign
	}
	if binary.LittleEndian.Uint32(value[1:]) != checksum(k, value[Header:]) {
		return nil, ErrDamaged
	}
	return value[Header:], nil
}
