package connectrpc

import (
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"connectrpc.com/connect"

	"github.com/guardy-ai/guardy/domain"
)

// body is the body of a request. Its errors are connect errors with our details: connect passes those
// on as they are, while its own would say only a code, and name sockets in the text.
type body struct {
	io.ReadCloser
	call *call
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF):
		b.call.received()
		return n, io.EOF
	}
	return n, b.call.refuse(unreadable(err))
}

// unreadable says why the body could not be read.
func unreadable(err error) *domain.Error {
	var tooLarge *http.MaxBytesError
	var notBase64 base64.CorruptInputError
	switch {
	case errors.As(err, &tooLarge):
		return oversize(tooLarge.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &domain.Error{Kind: domain.KindDeadline, Msg: "the request did not arrive in time"}
	case errors.As(err, &notBase64), errors.Is(err, io.ErrUnexpectedEOF):
		return &domain.Error{Kind: domain.KindMalformed, Msg: "the body is cut off or not valid base64"}
	}
	return &domain.Error{Kind: domain.KindCanceled, Err: err}
}

func oversize(limit int64) *domain.Error {
	return &domain.Error{
		Kind: domain.KindTooLarge, Msg: fmt.Sprintf("the message is larger than the %d bytes that are allowed", limit),
	}
}

// boundedGzip stops inflating at a limit. connect's own limit would go on to the end of the input to
// report the true size, and a few kilobytes can inflate for seconds.
func boundedGzip(limit int64) connect.HandlerOption {
	return connect.WithCompression("gzip",
		func() connect.Decompressor { return &inflater{limit: limit} },
		func() connect.Compressor { return gzip.NewWriter(io.Discard) },
	)
}

// inflater is a connect.Decompressor. The reader of package gzip parses the header when it is made, so
// it is made at the first Read, where connect keeps our errors.
type inflater struct {
	limit, left int64
	src         io.Reader
	gzip        gzip.Reader
	open        bool
}

// Reset implements connect.Decompressor.
func (r *inflater) Reset(src io.Reader) error {
	r.src, r.left, r.open = src, r.limit, false
	return nil
}

// Close implements connect.Decompressor.
func (r *inflater) Close() error { return nil }

// Read implements io.Reader.
func (r *inflater) Read(p []byte) (int, error) {
	if !r.open {
		if r.gzip.Reset(r.src) != nil {
			return 0, notGzip()
		}
		r.open = true
	}
	n, err := r.gzip.Read(p)
	r.left -= int64(n)
	switch {
	case r.left < 0:
		return 0, connectError(oversize(r.limit), "")
	case err == nil || errors.Is(err, io.EOF):
		return n, err
	}
	return n, notGzip()
}

func notGzip() error {
	return connectError(&domain.Error{Kind: domain.KindMalformed, Msg: "the body is not valid gzip"}, "")
}
