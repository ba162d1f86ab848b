package rediscache

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"

	"github.com/guardy-ai/guardy/domain"
)

// letters shorten the names of the models in keys.
var letters = map[domain.ModelName]string{
	domain.RiskScorer:        "r",
	domain.Nowcaster:         "n",
	domain.AnomalyDetector:   "a",
	domain.EvacuationPlanner: "e",
}

// keyspace knows the keys of one installation.
type keyspace struct{ prefix string }

// model is what the keys of a model begin with. A model without a letter stands by its name after
// "=", which no letter equals.
func (s keyspace) model(m domain.ModelName) string {
	if letter, ok := letters[m]; ok {
		return s.prefix + letter + ":"
	}
	return s.prefix + "=" + string(m) + ":"
}

func (s keyspace) key(k domain.Key) string {
	var buf [128]byte
	b := append(buf[:0], s.prefix...)
	if letter, ok := letters[k.Model]; ok {
		b = append(b, letter...)
	} else {
		b = append(append(b, '='), k.Model...)
	}
	b = append(b, ':')
	return string(append(b, k.Sum[:]...))
}

// holds reports whether key belongs to the model with that beginning. The length decides between a
// model "a" and a model "a:b".
func (s keyspace) holds(beginning, key string) bool {
	return len(key) == len(beginning)+len(domain.Key{}.Sum) && strings.HasPrefix(key, beginning)
}

// pattern matches at least the keys with that beginning.
func pattern(beginning string) string { return globEscaper.Replace(beginning) + "*" }

var globEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)

// generations is the key of the hash model -> token that every Clear changes; the channel on which
// it is announced has the same name. No entry's key can equal it: "c" is no letter of a model.
func (s keyspace) generations() string { return s.prefix + "cleared" }

// A value is format, CRC-32C (little endian) over key and payload, payload. The key is covered so
// that a value copied to another key is no answer there.
const (
	format = 0xf1 // never the first byte of text
	header = 1 + crc32.Size
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errForeign = errors.New("the value in Redis is not one of ours")
	errDamaged = errors.New("the value in Redis is damaged")
)

func checksum(k domain.Key, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(k.Sum[:], castagnoli), castagnoli, payload)
}

func encode(k domain.Key, payload []byte) []byte {
	b := make([]byte, header, header+len(payload))
	b[0] = format
	binary.LittleEndian.PutUint32(b[1:], checksum(k, payload))
	return append(b, payload...)
}

// decode returns the payload within value.
func decode(k domain.Key, value []byte) ([]byte, error) {
	if len(value) < header || value[0] != format {
		return nil, errForeign
	}
	if binary.LittleEndian.Uint32(value[1:]) != checksum(k, value[header:]) {
		return nil, errDamaged
	}
	return value[header:], nil
}
