package rediscache

import (
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
