// Package evacinstance reads the two files of the evac-instance-1 format: a network as CSV, and scenarios
// on it as JSON. What cannot be used is refused with everything that is wrong, and nothing is guessed.
package evacinstance

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/quickest"
)

// Network is a network with the names of its file.
type Network struct {
	quickest.Network
	EdgeIDs []int64 // by index in Edges
	NodeIDs []int64 // by node

	nodes map[int64]int32
	edges map[int64]int
}

// columns are those that a network file must have, in any order and among others.
var columns = [...]string{"edge_id", "from", "to", "transit_steps", "capacity_per_step"}

// maxViolations bounds what is reported of one file.
const maxViolations = 100

// ReadNetwork reads a network.
func ReadNetwork(in io.Reader) (*Network, error) {
	r := csv.NewReader(in)
	r.ReuseRecord = true
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil, malformed("the file is empty; a header is needed")
	} else if err != nil {
		return nil, malformed(err.Error())
	}
	place, err := places(header)
	if err != nil {
		return nil, err
	}
	n := &Network{nodes: map[int64]int32{}, edges: map[int64]int{}}
	var bad violations
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, malformed(err.Error())
		}
		line, _ := r.FieldPos(0)
		n.add(record, &place, line, &bad)
		if len(bad) >= maxViolations {
			break
		}
	}
	return n, domain.Invalid("read network", bad)
}

func malformed(msg string) error {
	return &domain.Error{Kind: domain.KindMalformed, Op: "read network", Msg: msg}
}

// places finds the columns in the header.
func places(header []string) (place [len(columns)]int, err error) {
	at := map[string]int{}
	for i, name := range header {
		name = strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))
		if _, twice := at[name]; twice {
			return place, malformed(fmt.Sprintf("column %q stands twice in the header", name))
		}
		at[name] = i
	}
	var missing []string
	for k, name := range columns {
		i, ok := at[name]
		if !ok {
			missing = append(missing, name)
		}
		place[k] = i
	}
	if len(missing) > 0 {
		return place, malformed("the header lacks " + strings.Join(missing, ", "))
	}
	return place, nil
}

// add takes one line.
func (n *Network) add(record []string, place *[len(columns)]int, line int, bad *violations) {
	var values [len(columns)]int64
	before := len(*bad)
	for k, name := range columns {
		text := strings.TrimSpace(record[place[k]])
		v, err := strconv.ParseInt(text, 10, 64)
		pointer := fmt.Sprintf("line %d, %s", line, name)
		switch {
		case err != nil:
			bad.add(pointer, domain.CodeType, fmt.Sprintf("%q is not an integer", text))
		case name == "transit_steps" && (v < 0 || v > quickest.MaxTransit):
			bad.add(pointer, domain.CodeRange, fmt.Sprintf("%d steps; 0 to %d are possible", v, quickest.MaxTransit))
		case name == "capacity_per_step" && v < 0:
			bad.add(pointer, domain.CodeRange, "a capacity is never negative")
		}
		values[k] = v
	}
	id := values[0]
	if _, twice := n.edges[id]; twice {
		bad.add(fmt.Sprintf("line %d, edge_id", line), domain.CodeDuplicate, fmt.Sprintf("edge %d was there before", id))
	}
	if len(*bad) > before {
		return
	}
	n.edges[id] = len(n.Edges)
	n.EdgeIDs = append(n.EdgeIDs, id)
	n.Edges = append(n.Edges, quickest.Edge{
		From: n.node(values[1]), To: n.node(values[2]), Transit: int32(values[3]),
		Capacity: int32(min(values[4], quickest.MaxSupply)), // more than that never come
	})
}

// node returns the node of that name, and makes one where there is none.
func (n *Network) node(id int64) int32 {
	v, ok := n.nodes[id]
	if !ok {
		v = int32(n.Nodes)
		n.nodes[id] = v
		n.NodeIDs = append(n.NodeIDs, id)
		n.Nodes++
	}
	return v
}

type violations []domain.Violation

func (v *violations) add(pointer, code, detail string) {
	*v = append(*v, domain.Violation{Pointer: pointer, Code: code, Detail: detail})
}
