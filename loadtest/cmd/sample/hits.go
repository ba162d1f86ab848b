package main

import (
	"fmt"
	"strings"
	"time"
)

// What lib/requests.js assumes of the flood-risk questions, and the service's default for how long an
// answer is kept, less the mean of its jitter.
const (
	whatIf = 0.1
	kept   = 285 * time.Second
)

// hitRate is the share of flood-risk questions that find an answer in the long run, when so many a second
// are asked about so many places, the k-th most popular 1/k as often as the first. Of the questions about a
// place that is asked for λ times a second, one in 1+λT finds none: the one that makes the answer.
func hitRate(places int, perSecond float64) float64 {
	var sum, hits float64
	for k := 1; k <= places; k++ {
		sum += 1 / float64(k)
	}
	for k := 1; k <= places; k++ {
		share := 1 / float64(k) / sum
		asked := (1 - whatIf) * perSecond * share * kept.Seconds()
		hits += share * asked / (1 + asked)
	}
	return (1 - whatIf) * hits
}

// hitTable is a table in Markdown.
func hitTable() string {
	var b strings.Builder
	rates := []float64{1, 10, 100, 1000}
	b.WriteString("| places |")
	for _, r := range rates {
		fmt.Fprintf(&b, " %g/s |", r)
	}
	b.WriteString("\n|" + strings.Repeat("---|", len(rates)+1) + "\n")
	for _, n := range []int{500, 5000, 50_000} {
		fmt.Fprintf(&b, "| %d |", n)
		for _, r := range rates {
			fmt.Fprintf(&b, " %.0f %% |", 100*hitRate(n, r))
		}
		b.WriteString("\n")
	}
	return b.String()
}
