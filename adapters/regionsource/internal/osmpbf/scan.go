package osmpbf

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/guardy-ai/guardy/domain/roads"
)

// Ways calls visit with each way that has a highway tag, in the order of the file. What visit is given is valid
// until it returns.
func (f *File) Ways(ctx context.Context, visit func(*roads.Way)) error {
	return f.scan(ctx, waysOnly, func(b *block) {
		for i := range b.ways {
			visit(&b.ways[i])
		}
	})
}

// Nodes calls visit with each node, in the order of the file. Tags are given of nodes with a
// barrier tag only.
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
	var used sync.Pool // of *block
	for range workers {
		go func() {
			var memory buffer
			for t := range work {
				var ok bool
				if t.block, ok = used.Get().(*block); !ok {
					t.block = new(block)
				}
				t.err = f.decode(t.block, &memory, t.blob, wanted)
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
		used.Put(t.block)
	}
	return ctx.Err()
}

func (f *File) decode(b *block, memory *buffer, blob extent, wanted what) error {
	data, err := memory.read(f.r, blob)
	if err != nil {
		return err
	}
	return b.decode(data, wanted)
}
