package access

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v3"

	"github.com/guardy-ai/guardy/ports"
)

// Limits of a file of keys.
const (
	maxFile   = 1 << 20
	maxKeys   = 10_000
	maxName   = 64
	maxCost   = 1_000_000_000
	minWindow = time.Second
	maxWindow = 31 * 24 * time.Hour
)

// digest is the SHA-256 of a key.
type digest [sha256.Size]byte

// key is one line of the file.
type key struct {
	name      string
	predict   bool
	admin     bool
	allowance ports.Allowance
}

func (k *key) has(s ports.Scope) bool {
	return s == ports.ScopeAdmin && k.admin || s == ports.ScopePredict && k.predict
}

// fileYAML is the file as it is written.
type fileYAML struct {
	Keys []struct {
		Name   string   `yaml:"name"`
		Digest string   `yaml:"digest"`
		Scopes []string `yaml:"scopes"`
		Quota  *struct {
			Cost   int    `yaml:"cost"`
			Window string `yaml:"window"`
		} `yaml:"quota"`
	} `yaml:"keys"`
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, cause(err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("it is larger than %d bytes", maxFile)
	}
	return text, nil
}

// cause drops the operation and path that *os.PathError repeats.
func cause(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}

// parse reads the keys of a file and reports everything that is wrong with it. A file without keys is refused: it
// would open the service to everybody, which is what a file that is cut off looks like.
func parse(text []byte) (map[digest]*key, error) {
	var file fileYAML
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.New(strings.ReplaceAll(err.Error(), "\n", " "))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one document; one list of keys is read")
	}
	if len(file.Keys) == 0 || len(file.Keys) > maxKeys {
		return nil, fmt.Errorf("it holds %d keys, and 1 to %d are taken; leave security.keys_file empty to serve without keys", len(file.Keys), maxKeys)
	}
	out := make(map[digest]*key, len(file.Keys))
	names := make(map[string]bool, len(file.Keys))
	var errs []error
	for i, k := range file.Keys {
		refuse := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("key %d (%.64q): %s", i+1, k.Name, fmt.Sprintf(format, args...)))
		}
		made := &key{name: k.Name}
		if !nameable(k.Name) || names[k.Name] {
			refuse("the name must be 1 to %d printable characters without blanks, and unlike the others", maxName)
		}
		names[k.Name] = true
		var d digest
		hexed, ok := strings.CutPrefix(k.Digest, "sha256:")
		raw, err := hex.DecodeString(hexed)
		if !ok || err != nil || len(raw) != len(d) {
			refuse(`the digest must be "sha256:" and 64 hex digits: printf %%s "$KEY" | sha256sum`)
		}
		copy(d[:], raw)
		if other, taken := out[d]; taken {
			refuse("it has the digest of %q; every key is one line", other.name)
		}
		if len(k.Scopes) == 0 {
			refuse("it has no scopes; there are predict and admin")
		}
		for _, s := range k.Scopes {
			switch s {
			case "predict":
				made.predict = true
			case "admin":
				made.admin = true
			default:
				refuse("there is no scope %.32q; there are predict and admin", s)
			}
		}
		if k.Quota != nil {
			window, err := time.ParseDuration(k.Quota.Window)
			if err != nil || window < minWindow || window > maxWindow {
				refuse("the window of the quota must be a duration such as 1m, from %v to %v", minWindow, maxWindow)
			}
			if k.Quota.Cost < 1 || k.Quota.Cost > maxCost {
				refuse("the cost of the quota must be 1 to %d; a place costs 1, a plan 100", maxCost)
			}
			made.allowance = ports.Allowance{Cost: k.Quota.Cost, Window: window}
		}
		out[d] = made
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return out, nil
}

// nameable reports whether a name can stand in a log line and in a header.
func nameable(name string) bool {
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' || name[i] == '"' || name[i] == '\\' {
			return false
		}
	}
	return name != "" && len(name) <= maxName
}
