package evacinstance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/quickest"
)

// Scenario is a scenario with its name.
type Scenario struct {
	Name string
	quickest.Scenario
	// UnknownBlocked counts the blocked edges that the network does not have.
	UnknownBlocked int
}

// maxScenarioBytes bounds a file of scenarios.
const maxScenarioBytes = 256 << 20

// file is the wire form. Fields that are not named here (notes, reference answers) are allowed and not read.
type file struct {
	Scenarios []struct {
		Scenario string  `json:"scenario"`
		Blocked  []int64 `json:"blocked_edges"`
		Sources  *byNode `json:"sources"`
		Sinks    *byNode `json:"sinks"`
	} `json:"scenarios"`
}

// byNode is an object of node ids and numbers, in its order.
type byNode []nodeUnits

type nodeUnits struct {
	node  string
	units *int64 // nil for null
}

// UnmarshalJSON keeps the order, and the names that come twice.
func (b *byNode) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	open, err := d.Token()
	if err != nil {
		return err
	}
	if open != json.Delim('{') {
		return errors.New("sources and sinks are objects of node ids and units")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		entry := nodeUnits{node: key.(string)} // the decoder lets nothing else be a key
		if err := d.Decode(&entry.units); err != nil {
			return fmt.Errorf("node %q: %w", entry.node, err)
		}
		*b = append(*b, entry)
	}
	return nil
}

// ReadScenarios reads the scenarios on a network. Sources and sinks at nodes without an edge become nodes of
// the network.
func ReadScenarios(in io.Reader, n *Network) ([]Scenario, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxScenarioBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxScenarioBytes {
		return nil, &domain.Error{Kind: domain.KindTooLarge, Op: "read scenarios", Msg: fmt.Sprintf("the file is larger than %d bytes", maxScenarioBytes)}
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, &domain.Error{Kind: domain.KindMalformed, Op: "read scenarios", Msg: err.Error()}
	}
	var bad violations
	if len(f.Scenarios) == 0 {
		bad.add("/scenarios", domain.CodeRequired, "the file holds no scenario")
	}
	scenarios := make([]Scenario, len(f.Scenarios))
	for i := range f.Scenarios {
		from, s := &f.Scenarios[i], &scenarios[i]
		s.Name = from.Scenario
		at := fmt.Sprintf("/scenarios/%d", i)
		n.read(from.Sources, at+"/sources", &bad, func(node int32, units *int64, pointer string) {
			switch {
			case units == nil:
				bad.add(pointer, domain.CodeRequired, "a source needs a number of units")
				return
			case *units > quickest.MaxSupply:
				bad.add(pointer, domain.CodeRange, fmt.Sprintf("%d units; at most %d can be planned", *units, quickest.MaxSupply))
				return
			}
			s.Sources = append(s.Sources, quickest.Source{Node: node, Supply: int32(*units)})
		})
		n.read(from.Sinks, at+"/sinks", &bad, func(node int32, units *int64, _ string) {
			capacity := int32(quickest.Unlimited)
			if units != nil {
				capacity = int32(min(*units, quickest.Unlimited)) // more than that never come
			}
			s.Sinks = append(s.Sinks, quickest.Sink{Node: node, Capacity: capacity})
		})
		for _, id := range from.Blocked {
			if e, ok := n.edges[id]; ok {
				s.Blocked = append(s.Blocked, e)
			} else {
				s.UnknownBlocked++
			}
		}
	}
	return scenarios, domain.Invalid("read scenarios", bad)
}

// read hands on the entries that can be used. Nobody and nowhere must be said: an empty object does it.
func (n *Network) read(entries *byNode, at string, bad *violations, take func(node int32, units *int64, pointer string)) {
	if entries == nil {
		bad.add(at, domain.CodeRequired, "an object of node ids and units is needed")
		return
	}
	seen := map[int64]bool{}
	for _, e := range *entries {
		pointer := at + "/" + e.node
		id, err := strconv.ParseInt(e.node, 10, 64)
		switch {
		case len(*bad) >= maxViolations:
			return
		case err != nil:
			bad.add(pointer, domain.CodeType, fmt.Sprintf("%q is not a node id", e.node))
		case seen[id]:
			bad.add(pointer, domain.CodeDuplicate, fmt.Sprintf("node %d was there before", id))
		case e.units != nil && *e.units < 0:
			bad.add(pointer, domain.CodeRange, "a number of units is never negative")
		default:
			take(n.node(id), e.units, pointer)
		}
		seen[id] = true
	}
}
