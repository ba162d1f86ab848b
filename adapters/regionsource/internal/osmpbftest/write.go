// Package osmpbftest writes small .osm.pbf files: for tests, and for the fictional town.
package osmpbftest

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/guardy-ai/guardy/domain/roads"
)

// Options say how a file is laid out.
type Options struct {
	PlainNodes bool // nodes one by one instead of column by column
	Zlib       bool // compressed blocks
	PerBlock   int  // nodes or ways a block; 8000 when it is 0
}

// Write returns a file with nodes and then ways.
func Write(nodes []roads.Node, ways []roads.Way, o Options) []byte {
	if o.PerBlock == 0 {
		o.PerBlock = 8000
	}
	var header []byte
	for _, feature := range []string{"OsmSchema-V0.6", "DenseNodes"} {
		header = appendBytes(header, 4, []byte(feature))
	}
	header = appendBytes(header, 16, []byte("guardy, self-made"))
	file := o.AppendBlob(nil, "OSMHeader", header)
	for chunk := range slices.Chunk(nodes, o.PerBlock) {
		file = o.AppendBlob(file, "OSMData", o.nodeBlock(chunk))
	}
	for chunk := range slices.Chunk(ways, o.PerBlock) {
		file = o.AppendBlob(file, "OSMData", wayBlock(chunk))
	}
	return file
}

// AppendBlob appends a blob of any content.
func (o Options) AppendBlob(file []byte, kind string, content []byte) []byte {
	var blob []byte
	if o.Zlib {
		var packed bytes.Buffer
		w := zlib.NewWriter(&packed)
		_, _ = w.Write(content) // a bytes.Buffer takes everything
		_ = w.Close()
		blob = appendVarint(blob, 2, uint64(len(content)))
		blob = appendBytes(blob, 3, packed.Bytes())
	} else {
		blob = appendBytes(blob, 1, content)
	}
	header := appendBytes(nil, 1, []byte(kind))
	header = appendVarint(header, 3, uint64(len(blob)))
	file = binary.BigEndian.AppendUint32(file, uint32(len(header)))
	return append(append(file, header...), blob...)
}

func appendBytes(b []byte, number protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), v)
}

func appendVarint(b []byte, number protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), v)
}

func appendSigned(b []byte, v int64) []byte {
	return protowire.AppendVarint(b, protowire.EncodeZigZag(v))
}

// texts is a string table. Its first entry is empty, for zero ends the tags of a node.
type texts struct {
	index map[string]uint64
	table []byte
}

func newTexts() *texts {
	t := &texts{index: map[string]uint64{}}
	t.of("")
	return t
}

func (t *texts) of(text string) uint64 {
	i, ok := t.index[text]
	if !ok {
		i = uint64(len(t.index))
		t.index[text] = i
		t.table = appendBytes(t.table, 1, []byte(text))
	}
	return i
}

// block puts a table and a group together.
func (t *texts) block(group []byte) []byte {
	return appendBytes(appendBytes(nil, 1, t.table), 2, group)
}

// units returns a coordinate in the format's units of a ten-millionth of a degree.
func units(degrees float64) int64 { return int64(math.Round(degrees * 1e7)) }

func (o Options) nodeBlock(nodes []roads.Node) []byte {
	t := newTexts()
	if o.PlainNodes {
		var group []byte
		for i := range nodes {
			group = appendBytes(group, 1, plainNode(t, &nodes[i]))
		}
		return t.block(group)
	}
	return t.block(appendBytes(nil, 2, denseNodes(t, nodes)))
}

func plainNode(t *texts, n *roads.Node) []byte {
	keys, values := packTags(t, n.Tags)
	b := appendVarint(nil, 1, protowire.EncodeZigZag(n.ID))
	b = appendBytes(b, 2, keys)
	b = appendBytes(b, 3, values)
	b = appendVarint(b, 8, protowire.EncodeZigZag(units(n.Point.Lat)))
	return appendVarint(b, 9, protowire.EncodeZigZag(units(n.Point.Lon)))
}

func packTags(t *texts, tags roads.Tags) (keys, values []byte) {
	for _, tag := range tags {
		keys = protowire.AppendVarint(keys, t.of(tag.Key))
		values = protowire.AppendVarint(values, t.of(tag.Value))
	}
	return keys, values
}

func denseNodes(t *texts, nodes []roads.Node) []byte {
	var ids, lats, lons, tags []byte
	var id, lat, lon int64
	for _, n := range nodes {
		ids = appendSigned(ids, n.ID-id)
		lats = appendSigned(lats, units(n.Point.Lat)-lat)
		lons = appendSigned(lons, units(n.Point.Lon)-lon)
		id, lat, lon = n.ID, units(n.Point.Lat), units(n.Point.Lon)
		for _, tag := range n.Tags {
			tags = protowire.AppendVarint(protowire.AppendVarint(tags, t.of(tag.Key)), t.of(tag.Value))
		}
		tags = append(tags, 0)
	}
	b := appendBytes(nil, 1, ids)
	b = appendBytes(b, 8, lats)
	b = appendBytes(b, 9, lons)
	return appendBytes(b, 10, tags)
}

func wayBlock(ways []roads.Way) []byte {
	t := newTexts()
	var group []byte
	for _, w := range ways {
		keys, values := packTags(t, w.Tags)
		var refs []byte
		ref := int64(0)
		for _, node := range w.Nodes {
			refs = appendSigned(refs, node-ref)
			ref = node
		}
		b := appendVarint(nil, 1, uint64(w.ID))
		b = appendBytes(b, 2, keys)
		b = appendBytes(b, 3, values)
		group = appendBytes(group, 3, appendBytes(b, 8, refs))
	}
	return t.block(group)
}
