// Package osmpbf reads OpenStreetMap's protocol buffer format (.osm.pbf): the ways and nodes that a road
// network is made of, in the order of the file, decoded on all processors. docs/adr says why it is not
// a library. The format is documented at https://wiki.openstreetmap.org/wiki/PBF_Format.
//
// Whatever the bytes are, it answers them or an error; memory is bounded by the format's own limits.
package osmpbf

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Limits of the format.
const (
	maxHeader = 64 << 10
	maxBlob   = 32 << 20
)

// features are the required features that this package understands.
var features = []string{"OsmSchema-V0.6", "DenseNodes"}

// ErrNotPBF says that a file does not begin as an .osm.pbf file does.
var ErrNotPBF = errors.New("this is not an .osm.pbf file")

// File is an .osm.pbf file.
type File struct {
	r     io.ReaderAt
	blobs []extent // of data, in order
}

type extent struct {
	offset int64
	size   int
}

// Open reads the outline of a file of the given size, and refuses one that is cut off.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r}
	for offset := int64(0); offset < size; {
		kind, blob, err := readBlobHeader(r, offset, size)
		switch {
		case err != nil && offset == 0:
			return nil, fmt.Errorf("%w: %w", ErrNotPBF, err)
		case err != nil:
			return nil, fmt.Errorf("at byte %d of %d: %w", offset, size, err)
		case offset == 0 && kind != "OSMHeader":
			return nil, ErrNotPBF
		case offset == 0:
			if err := checkHeader(r, blob); err != nil {
				return nil, err
			}
		case kind == "OSMData":
			f.blobs = append(f.blobs, blob)
		}
		offset = blob.offset + int64(blob.size)
	}
	if size == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrNotPBF)
	}
	return f, nil
}

// readBlobHeader reads what stands before a blob.
func readBlobHeader(r io.ReaderAt, offset, size int64) (kind string, blob extent, err error) {
	in := bufio.NewReaderSize(io.NewSectionReader(r, offset, size-offset), 128)
	var length [4]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return "", extent{}, cutOff(err)
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > maxHeader {
		return "", extent{}, fmt.Errorf("a block header of %d bytes is longer than the format allows", n)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(in, header); err != nil {
		return "", extent{}, cutOff(err)
	}
	blobSize := int64(-1)
	err = fields(header, func(number int, f field) error {
		switch number {
		case 1:
			kind = string(f.bytes)
		case 3:
			blobSize = int64(f.varint)
		}
		return nil
	})
	blob.offset = offset + 4 + int64(n)
	switch {
	case err != nil:
		return "", extent{}, err
	case blobSize < 0 || blobSize > maxBlob:
		return "", extent{}, fmt.Errorf("a block of %d bytes is not what the format allows", blobSize)
	case blob.offset+blobSize > size:
		return "", extent{}, cutOff(io.ErrUnexpectedEOF)
	}
	blob.size = int(blobSize)
	return kind, blob, nil
}

func cutOff(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file is cut off")
	}
	return err
}

func checkHeader(r io.ReaderAt, blob extent) error {
	var b buffer
	data, err := b.read(r, blob)
	if err != nil {
		return err
	}
	return fields(data, func(number int, f field) error {
		const required = 4
		if number == required && !slices.Contains(features, string(f.bytes)) {
			return fmt.Errorf("the file needs the feature %.40q, which is not known here", f.bytes)
		}
		return nil
	})
}

// buffer is memory for one blob at a time.
type buffer struct {
	packed, data []byte
	zlib         io.ReadCloser
}

// read returns the content of a blob, valid until the next read.
func (b *buffer) read(r io.ReaderAt, blob extent) ([]byte, error) {
	b.packed = slices.Grow(b.packed[:0], blob.size)[:blob.size]
	if _, err := r.ReadAt(b.packed, blob.offset); err != nil {
		return nil, cutOff(err)
	}
	var raw, deflated []byte
	size, other := uint64(0), 0
	err := fields(b.packed, func(number int, f field) error {
		switch number {
		case 1:
			raw = f.bytes
		case 2:
			size = f.varint
		case 3:
			deflated = f.bytes
		default:
			other = number
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case raw != nil:
		return raw, nil
	case deflated == nil && other != 0:
		return nil, errors.New("a block is compressed by another method than zlib; write the file again with zlib")
	case deflated == nil:
		return nil, nil
	case size > maxBlob:
		return nil, fmt.Errorf("a block of %d bytes is larger than the format allows", size)
	}
	return b.inflate(deflated, int(size))
}

func (b *buffer) inflate(deflated []byte, size int) (data []byte, err error) {
	if b.zlib == nil {
		b.zlib, err = zlib.NewReader(bytes.NewReader(deflated))
	} else {
		err = b.zlib.(zlib.Resetter).Reset(bytes.NewReader(deflated), nil)
	}
	if err != nil {
		return nil, fmt.Errorf("a block is damaged: %w", err)
	}
	b.data = slices.Grow(b.data[:0], size)[:size]
	if _, err := io.ReadFull(b.zlib, b.data); err != nil {
		return nil, fmt.Errorf("a block is damaged: %w", err)
	}
	var more [1]byte
	switch n, err := b.zlib.Read(more[:]); { // the checksum is compared at the end only
	case n > 0:
		return nil, errors.New("a block is longer than it says")
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("a block is damaged: %w", err)
	}
	return b.data, nil
}
