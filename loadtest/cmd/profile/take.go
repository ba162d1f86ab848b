package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/google/pprof/profile"

	"github.com/guardy-ai/guardy/loadtest/internal/flame"
	"github.com/guardy-ai/guardy/loadtest/internal/growth"
	"github.com/guardy-ai/guardy/loadtest/internal/service"
)

// set is what is taken together.
type set struct {
	seconds int // by default
	parts   []part
	memory  bool // with memory over time
}

// part is one profile of the admin listener.
type part struct {
	name, path string
	values     string // that are drawn; none of a trace
	at         bool   // what there is at the end, not what came over time
}

var profiles = map[string]set{
	"cpu": {20, []part{{name: "cpu", path: "profile", values: "cpu"}}, false},
	"memory": {30, []part{
		{name: "allocated", path: "allocs", values: "alloc_space"},
		{name: "in-use", path: "heap?gc=1", values: "inuse_space", at: true},
	}, true},
	"block": {10, []part{{name: "block", path: "block", values: "delay"}, {name: "mutex", path: "mutex", values: "delay"}}, false},
	"trace": {2, []part{{name: "trace", path: "trace"}}, false},
}

// take fetches the parts at the same time, those of the end afterwards, and writes them in the order of the set.
func (p set) take(ctx context.Context, s *service.Service, o options) error {
	var memory *growth.Watcher
	if p.memory {
		memory = growth.Watch(ctx, s)
	}
	fmt.Printf("%s of %s for %d s\n", o.what, s.Admin, o.seconds)
	contents := make([][]byte, len(p.parts))
	if err := p.fetch(ctx, s.Admin+"/debug/pprof/", o.seconds, contents); err != nil {
		return err
	}
	for i, part := range p.parts {
		if err := part.write(o.load.Out, contents[i]); err != nil {
			return err
		}
	}
	if memory == nil {
		return nil
	}
	samples, missed := memory.End()
	picture, err := growth.Picture(samples)
	if err != nil {
		return errors.Join(err, missed)
	}
	return save(filepath.Join(o.load.Out, "memory.svg"), picture)
}

func (p set) fetch(ctx context.Context, base string, seconds int, contents [][]byte) error {
	errs := make([]error, len(p.parts))
	var over sync.WaitGroup
	for i, part := range p.parts {
		if !part.at {
			over.Go(func() {
				contents[i], errs[i] = get(ctx, fmt.Sprintf("%s%s?seconds=%d", base, part.path, seconds), seconds)
			})
		}
	}
	over.Wait()
	for i, part := range p.parts {
		if part.at {
			contents[i], errs[i] = get(ctx, base+part.path, 0)
		}
	}
	return errors.Join(errs...)
}

func get(ctx context.Context, url string, seconds int) (body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second+time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	body, err = io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %s", url, answer.Status, body)
	}
	return body, err
}

// itself waits for a profile to end, which is no wait of the service.
var itself = regexp.MustCompile(`^net/http/pprof\.`)

// write saves a profile with its flame graph, and prints its top.
func (p part) write(folder string, content []byte) error {
	if p.values == "" {
		raw := filepath.Join(folder, p.name+".out")
		absolute, err := filepath.Abs(raw)
		if err != nil {
			return err
		}
		defer fmt.Printf("look at it with: go tool trace %s\n", absolute)
		return save(raw, content)
	}
	parsed, err := profile.Parse(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("read the profile %s: %w", p.name, err)
	}
	parsed.FilterSamplesByName(nil, itself, nil, nil)
	graph, err := flame.New(parsed, p.values)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s: %s", p.name, graph.Top(20))
	return errors.Join(save(filepath.Join(folder, p.name+".pb.gz"), content), save(filepath.Join(folder, p.name+".svg"), graph.SVG(p.title(parsed))))
}

func (p part) title(of *profile.Profile) string {
	title := "Guardy: " + p.name
	if of.DurationNanos > 0 && !p.at {
		title += fmt.Sprintf(", %.1f s", time.Duration(of.DurationNanos).Seconds())
	}
	return title
}

func save(path string, content []byte) error {
	fmt.Println(path)
	return os.WriteFile(path, content, 0o644)
}
