// Sample makes the data of the load tests.
//
//	go run ./cmd/sample          writes data/places.json and data/gauges.json
//	go run ./cmd/sample fit DIR  fits the hydro tables in DIR again: internal/weather/fit.json
//	go run ./cmd/sample hits     prints the hit rate to expect for other numbers of places and requests
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/guardy-ai/guardy/loadtest/internal/weather"
)

// The size of the sample, and the seed that makes it the same every time.
const (
	seed   = 20261125
	places = 500
	gauges = 60
	hours  = 48
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sample:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 2 && args[0] == "fit" {
		f, err := weather.Measure(args[1])
		if err != nil {
			return err
		}
		out, err := json.MarshalIndent(f, "", "  ")
		if err != nil {
			return err
		}
		return os.WriteFile("internal/weather/fit.json", append(out, '\n'), 0o644)
	}
	if len(args) == 1 && args[0] == "hits" {
		fmt.Print(hitTable())
		return nil
	}
	if len(args) > 0 {
		return fmt.Errorf("unknown arguments %q", args)
	}
	p, g, err := sample()
	if err != nil {
		return err
	}
	if err := os.WriteFile("data/places.json", p, 0o644); err != nil {
		return err
	}
	return os.WriteFile("data/gauges.json", g, 0o644)
}

// sample returns the two files.
func sample() (placeLines, gaugeLines []byte, err error) {
	f, err := weather.Committed()
	if err != nil {
		return nil, nil, err
	}
	m := weather.NewMaker(f, seed)
	if placeLines, err = list(places, m.Place); err != nil {
		return nil, nil, err
	}
	gaugeLines, err = list(gauges, func(i int) weather.Gauge { return m.Gauge(i, hours) })
	return placeLines, gaugeLines, err
}

// list writes a JSON list with an item a line.
func list[T any](n int, item func(int) T) ([]byte, error) {
	var b bytes.Buffer
	for i := range n {
		line, err := json.Marshal(item(i))
		if err != nil {
			return nil, err
		}
		b.WriteString(map[bool]string{true: "[\n", false: ",\n"}[i == 0])
		b.Write(line)
	}
	b.WriteString("\n]\n")
	return b.Bytes(), nil
}
