package osmpbf

import (
	"context"
	"fmt"
	"runtime"

	"github.com/guardy-ai/guardy/domain/roads"
)

// Contents counts what is in a file.
type Contents struct{ Nodes, Ways, Relations int }

// Ways calls visit with each way that has a highway tag, in the order of the file, and counts everything. What
// visit is given is valid until it returns.
func (f *File) Ways(ctx context.Context, visit func(*roads.Way)) (Contents, error) {
	var c Contents
	err := f.scan(ctx, waysOnly, func(b *block) {
		c.Nodes += b.allNodes
		c.Ways += b.allWays
		c.Relations += b.allRelations
		for i := range b.ways {
			visit(&b.ways[i])
		}
	})
	return c, err
}

// Nodes calls visit with each node, in the order of the file. Tags are given of nodes with a barrier tag only.
func (f *File) Nodes(ctx context.Context, visit func(*roads.Node)) error {
	return f.scan(ctx, nodesOnly, func(b *block) {
		for i := range b.nodes {
			visit(&b.nodes[i])
		}
	})
}

// task is a block on its way through a decoder.
type task struct {
	blob  extent
	block *block
	err   error
	done  chan struct{} // closed when block and err are set
}

// scan decodes blocks side by side and uses them in order. What is under way is bounded.
func (f *File) scan(ctx context.Context, wanted what, use func(*block)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := min(runtime.GOMAXPROCS(0), max(1, len(f.blobs)))
	work, ordered := make(chan *task), make(chan *task, 2*workers)
	for range workers {
		go func() {
			var memory buffer
			for t := range work {
				t.block, t.err = f.decode(&memory, t.blob, wanted)
				close(t.done)
			}
		}()
	}
	go func() {
		defer close(ordered)
		defer close(work)
		for _, blob := range f.blobs {
			t := &task{blob: blob, done: make(chan struct{})}
			select {
			case ordered <- t:
			case <-ctx.Done():
				return
			}
			select {
			case work <- t:
			case <-ctx.Done():
				return
			}
		}
	}()
	for t := range ordered {
		select {
		case <-t.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if t.err != nil {
			return fmt.Errorf("the block at byte %d: %w", t.blob.offset, t.err)
		}
		use(t.block)
	}
	return ctx.Err()
}

func (f *File) decode(memory *buffer, blob extent, wanted what) (*block, error) {
	data, err := memory.read(f.r, blob)
	if err != nil {
		return nil, err
	}
	return decodeBlock(data, wanted)
}
