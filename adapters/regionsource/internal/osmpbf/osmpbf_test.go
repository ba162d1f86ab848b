package osmpbf

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/guardy-ai/guardy/adapters/regionsource/internal/osmpbftest"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/roads"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	gate  = roads.Tags{{Key: "barrier", Value: "gate"}, {Key: "access", Value: "private"}}
	nodes = []roads.Node{
		{ID: 7, Point: geo.Point{Lon: 15.6, Lat: 48.4}},
		{ID: 9_000_000_000, Point: geo.Point{Lon: -71.1234567, Lat: -33.7654321}, Tags: gate},
		{ID: -3, Point: geo.Point{Lon: 179.9999999, Lat: -89.9999999}, Tags: roads.Tags{{Key: "name", Value: "a lamp"}}},
	}
	ways = []roads.Way{
		{ID: 12, Tags: roads.Tags{{Key: "highway", Value: "primary"}, {Key: "name", Value: "Straße"}}, Nodes: []int64{7, 9_000_000_000, -3, 7}},
		{ID: 13, Tags: roads.Tags{{Key: "building", Value: "yes"}}, Nodes: []int64{7, -3}},
		{ID: 14, Tags: roads.Tags{{Key: "highway", Value: "path"}}},
	}
)

// read returns what a file holds.
func read(ctx context.Context, data []byte) (ns []roads.Node, ws []roads.Way, err error) {
	f, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, nil, err
	}
	err = f.Ways(ctx, func(w *roads.Way) {
		ws = append(ws, roads.Way{ID: w.ID, Tags: slices.Clone(w.Tags), Nodes: slices.Clone(w.Nodes)})
	})
	if err != nil {
		return nil, nil, err
	}
	err = f.Nodes(ctx, func(n *roads.Node) {
		ns = append(ns, roads.Node{ID: n.ID, Point: n.Point, Tags: slices.Clone(n.Tags)})
	})
	return ns, ws, err
}

func TestAFileIsReadAsItWasWritten(t *testing.T) {
	wantNodes := slices.Clone(nodes)
	wantNodes[2].Tags = nil // not a barrier
	wantWays := []roads.Way{ways[0], ways[2]}
	for _, o := range []osmpbftest.Options{{}, {Zlib: true}, {PlainNodes: true}, {PerBlock: 1}, {PerBlock: 1, Zlib: true, PlainNodes: true}} {
		gotNodes, gotWays, err := read(t.Context(), osmpbftest.Write(nodes, ways, o))
		if err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		if diff := cmp.Diff(wantNodes, gotNodes); diff != "" {
			t.Errorf("%+v: nodes (-want +got):\n%s", o, diff)
		}
		if diff := cmp.Diff(wantWays, gotWays, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%+v: ways (-want +got):\n%s", o, diff)
		}
	}
}

func TestTheOrderOfTheFileIsKept(t *testing.T) {
	var many []roads.Node
	for i := range int64(5000) {
		many = append(many, roads.Node{ID: 5000 - i})
	}
	got, _, err := read(t.Context(), osmpbftest.Write(many, nil, osmpbftest.Options{PerBlock: 7, Zlib: true}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(many, got); diff != "" {
		t.Error(diff)
	}
}

// TestAFileThatIsCutOffIsRefused cuts at every byte. A cut between blocks leaves a file that is whole.
func TestAFileThatIsCutOffIsRefused(t *testing.T) {
	whole := osmpbftest.Write(nodes, ways, osmpbftest.Options{Zlib: true})
	var complete int
	for size := range whole {
		if _, _, err := read(t.Context(), whole[:size]); err == nil {
			complete++
		}
	}
	if complete != 2 { // behind the header, and behind the nodes
		t.Errorf("%d shorter files are read, want 2", complete)
	}
}

func TestWhatIsNoPBFIsRefusedWithTheReason(t *testing.T) {
	blob := func(kind string, content []byte) []byte { return osmpbftest.Options{}.AppendBlob(nil, kind, content) }
	header := osmpbftest.Write(nil, nil, osmpbftest.Options{})
	field := func(number protowire.Number, v string) []byte {
		return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), v)
	}
	damaged := osmpbftest.Write(nodes, nil, osmpbftest.Options{Zlib: true})
	damaged[len(damaged)-5] ^= 0x55
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "it is empty"},
		{"text", []byte(`<?xml version="1.0"?><osm version="0.6"></osm>`), "not an .osm.pbf"},
		{"zeros", make([]byte, 100), "not an .osm.pbf"},
		{"no header", blob("OSMData", nil), "not an .osm.pbf"},
		{"an unknown feature", blob("OSMHeader", field(4, "HistoricalInformation")), "HistoricalInformation"},
		{"a huge block", append(slices.Clone(header), 0x7f, 0xff, 0xff, 0xff), "longer than the format allows"},
		{"no protocol buffer", append(slices.Clone(header), blob("OSMData", []byte("\xff\xff\xff"))...), "not a protocol buffer"},
		{"another compression", append(slices.Clone(header), rawBlob(field(7, "zstd"))...), "zlib"},
		{"a damaged block", damaged, "damaged"},
	} {
		_, _, err := read(t.Context(), c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// rawBlob is a data blob of any fields.
func rawBlob(blob []byte) []byte {
	header := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "OSMData")
	header = protowire.AppendVarint(protowire.AppendTag(header, 3, protowire.VarintType), uint64(len(blob)))
	return append(append([]byte{0, 0, 0, byte(len(header))}, header...), blob...)
}

func TestReadingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := read(ctx, osmpbftest.Write(nodes, ways, osmpbftest.Options{})); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// FuzzRead looks for bytes that panic or that are read differently twice.
func FuzzRead(f *testing.F) {
	for _, o := range []osmpbftest.Options{{}, {Zlib: true}, {PlainNodes: true}, {PerBlock: 1}} {
		f.Add(osmpbftest.Write(nodes, ways, o))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ns, ws, err := read(t.Context(), data)
		again, ways, errAgain := read(t.Context(), data)
		if (err == nil) != (errAgain == nil) || !cmp.Equal(ns, again) || !cmp.Equal(ws, ways) {
			t.Errorf("read twice: %v and %v", err, errAgain)
		}
	})
}
