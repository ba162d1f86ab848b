package fiberhttp

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed openapi.yaml
var openapiYAML []byte

//go:embed docs.html
var docsHTML []byte

// openapiJSON converts the document when it is first asked for: most processes never are.
var openapiJSON = sync.OnceValues(func() ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(openapiYAML, &doc); err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	return appendYAML(nil, &doc)
})

// appendYAML appends n as JSON and keeps the order of its members, which is meant for readers.
func appendYAML(b []byte, n *yaml.Node) ([]byte, error) {
	var err error
	switch n.Kind {
	case yaml.DocumentNode:
		return appendYAML(b, n.Content[0])
	case yaml.MappingNode:
		b = append(b, '{')
		for i := 0; i < len(n.Content) && err == nil; i += 2 {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendYAML(b, n.Content[i]); err == nil {
				b, err = appendYAML(append(b, ':'), n.Content[i+1])
			}
		}
		return append(b, '}'), err
	case yaml.SequenceNode:
		b = append(b, '[')
		for i := 0; i < len(n.Content) && err == nil; i++ {
			if i > 0 {
				b = append(b, ',')
			}
			b, err = appendYAML(b, n.Content[i])
		}
		return append(b, ']'), err
	case yaml.ScalarNode:
		var v any
		if err := n.Decode(&v); err != nil {
			return nil, fmt.Errorf("read openapi.yaml, line %d: %w", n.Line, err)
		}
		scalar, err := json.Marshal(v)
		return append(b, scalar...), err
	default: // aliases are not used
		return nil, fmt.Errorf("read openapi.yaml, line %d: unexpected %s", n.Line, n.ShortTag())
	}
}

func (s *Server) openapi(x *exchange) error {
	doc, err := openapiJSON()
	if err != nil {
		return err
	}
	x.Response.Header.Set("Cache-Control", "public, max-age=300")
	x.answer(http.StatusOK, typeJSON, doc)
	return nil
}

// docsPolicy lets the page run its own script and call this service, and nothing else.
var docsPolicy = func() string {
	_, rest, _ := bytes.Cut(docsHTML, []byte("<script>"))
	script, _, _ := bytes.Cut(rest, []byte("</script>"))
	sum := sha256.Sum256(script)
	return "default-src 'none'; connect-src 'self'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; " +
		"frame-ancestors 'none'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

func (s *Server) docs(x *exchange) error {
	h := &x.Response.Header
	h.Set("Content-Security-Policy", docsPolicy)
	h.Set("Cache-Control", "public, max-age=300")
	x.answer(http.StatusOK, "text/html; charset=utf-8", docsHTML)
	return nil
}
