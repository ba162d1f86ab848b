package osmpbf

import (
	"errors"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/roads"
)

// block is one decoded block: what was asked for of it.
type block struct {
	strings []string

	granularity, latOffset, lonOffset int64

	ways  []roads.Way
	nodes []roads.Node
	tags  roads.Tags // of all ways or nodes
	refs  []int64    // of all ways
}

var (
	errString = errors.New("a block is damaged: it names a text that it does not have")
	errLists  = errors.New("a block is damaged: its lists are of different lengths")
)

// what says what a pass is interested in.
type what uint8

const (
	waysOnly what = iota
	nodesOnly
)

// decode fills b, whose memory is used again.
func (b *block) decode(data []byte, wanted what) error {
	*b = block{
		strings: b.strings[:0], granularity: 100,
		ways: b.ways[:0], nodes: b.nodes[:0], tags: b.tags[:0], refs: b.refs[:0],
	}
	var groups [][]byte
	err := fields(data, func(number int, f field) error {
		switch number {
		case 1:
			return b.readStrings(f.bytes)
		case 2:
			groups = append(groups, f.bytes)
		case 17:
			b.granularity = int64(int32(f.varint))
		case 19:
			b.latOffset = int64(f.varint)
		case 20:
			b.lonOffset = int64(f.varint)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, g := range groups {
		if err := b.readGroup(g, wanted); err != nil {
			return err
		}
	}
	return nil
}

// readStrings copies the texts in one piece, for the data's memory is used again.
func (b *block) readStrings(table []byte) error {
	var text []byte
	var ends []int
	err := fields(table, func(number int, f field) error {
		if number == 1 {
			text = append(text, f.bytes...)
			ends = append(ends, len(text))
		}
		return nil
	})
	all, first := string(text), 0
	for _, end := range ends {
		b.strings = append(b.strings, all[first:end])
		first = end
	}
	return err
}

func (b *block) readGroup(group []byte, wanted what) error {
	return fields(group, func(number int, f field) error {
		switch number {
		case 1:
			if wanted == nodesOnly {
				return b.readNode(f.bytes)
			}
		case 2:
			if wanted == nodesOnly {
				return b.readDense(f.bytes)
			}
		case 3:
			if wanted == waysOnly {
				return b.readWay(f.bytes)
			}
		}
		return nil
	})
}

func (b *block) readWay(message []byte) error {
	var id int64
	var keys, values, refs varints
	err := fields(message, func(number int, f field) error {
		switch number {
		case 1:
			id = int64(f.varint)
		case 2:
			keys = f.bytes
		case 3:
			values = f.bytes
		case 8:
			refs = f.bytes
		}
		return nil
	})
	if err != nil {
		return err
	}
	tags, err := b.readTags(keys, values, "highway")
	if err != nil || tags == nil {
		return err
	}
	first, ref := len(b.refs), int64(0)
	b.refs = slices.Grow(b.refs, refs.count())
	for len(refs) > 0 {
		if !refs.delta(&ref) {
			return errWire
		}
		b.refs = append(b.refs, ref)
	}
	b.ways = append(b.ways, roads.Way{ID: id, Tags: tags, Nodes: b.refs[first:len(b.refs):len(b.refs)]})
	return nil
}

// readTags returns tags that have the key needed, else nil.
func (b *block) readTags(keys, values varints, needed string) (roads.Tags, error) {
	first, found := len(b.tags), false
	for len(keys) > 0 {
		k, okKey := keys.next()
		v, okValue := values.next()
		if !okKey || !okValue {
			return nil, errLists
		}
		if err := b.addTag(k, v, needed, &found); err != nil {
			return nil, err
		}
	}
	return b.endTags(first, found), nil
}

func (b *block) addTag(key, value uint64, needed string, found *bool) error {
	if max(key, value) >= uint64(len(b.strings)) {
		return errString
	}
	*found = *found || b.strings[key] == needed
	b.tags = append(b.tags, roads.Tag{Key: b.strings[key], Value: b.strings[value]})
	return nil
}

func (b *block) endTags(first int, found bool) roads.Tags {
	if !found {
		b.tags = b.tags[:first]
		return nil
	}
	return b.tags[first:len(b.tags):len(b.tags)]
}

func (b *block) point(lat, lon int64) geo.Point {
	const perDegree = 1e9 // the unit is a nanodegree
	return geo.Point{
		Lon: float64(b.lonOffset+b.granularity*lon) / perDegree,
		Lat: float64(b.latOffset+b.granularity*lat) / perDegree,
	}
}

func (b *block) readNode(message []byte) error {
	var id, lat, lon int64
	var keys, values varints
	err := fields(message, func(number int, f field) error {
		switch number {
		case 1:
			id = protowire.DecodeZigZag(f.varint)
		case 2:
			keys = f.bytes
		case 3:
			values = f.bytes
		case 8:
			lat = protowire.DecodeZigZag(f.varint)
		case 9:
			lon = protowire.DecodeZigZag(f.varint)
		}
		return nil
	})
	if err != nil {
		return err
	}
	tags, err := b.readTags(keys, values, "barrier")
	b.nodes = append(b.nodes, roads.Node{ID: id, Point: b.point(lat, lon), Tags: tags})
	return err
}

// readDense reads nodes that are stored column by column.
func (b *block) readDense(message []byte) error {
	var ids, lats, lons, texts varints
	err := fields(message, func(number int, f field) error {
		switch number {
		case 1:
			ids = f.bytes
		case 8:
			lats = f.bytes
		case 9:
			lons = f.bytes
		case 10:
			texts = f.bytes
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.nodes = slices.Grow(b.nodes, ids.count())
	var id, lat, lon int64
	for len(ids) > 0 {
		if !ids.delta(&id) || !lats.delta(&lat) || !lons.delta(&lon) {
			return errLists
		}
		n := roads.Node{ID: id, Point: b.point(lat, lon)}
		if len(texts) > 0 {
			if n.Tags, err = b.readDenseTags(&texts, "barrier"); err != nil {
				return err
			}
		}
		b.nodes = append(b.nodes, n)
	}
	return nil
}

// readDenseTags takes the tags of one node, that end with a zero, and returns them if they have the key needed.
func (b *block) readDenseTags(texts *varints, needed string) (roads.Tags, error) {
	first, found := len(b.tags), false
	for {
		k, ok := texts.next()
		if !ok {
			return nil, errLists
		}
		if k == 0 {
			return b.endTags(first, found), nil
		}
		v, ok := texts.next()
		if !ok {
			return nil, errLists
		}
		if err := b.addTag(k, v, needed, &found); err != nil {
			return nil, err
		}
	}
}
