package connectrpc

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
)

const (
	grpcWeb     = "application/grpc-web"
	grpcWebText = "application/grpc-web-text"
)

// webText lets browsers in that speak gRPC-Web in base64, the default of Google's own client, which
// connect does not know. It translates the request, and the answer until end is called.
func webText(c *call, r *http.Request) (w http.ResponseWriter, end func()) {
	contentType := r.Header.Get("Content-Type")
	codec, ok := strings.CutPrefix(contentType, grpcWebText)
	if !ok {
		return c, func() {}
	}
	r.Header.Set("Content-Type", grpcWeb+codec)
	in := r.Body
	r.Body = struct {
		io.Reader
		io.Closer
	}{base64.NewDecoder(base64.StdEncoding, in), in}
	out := &textWriter{call: c, contentType: contentType, body: base64.NewEncoder(base64.StdEncoding, c)}
	return out, func() { _ = out.body.Close() } // fails when the client has gone
}

// textWriter puts the content type right before the headers go out, with whatever comes first.
type textWriter struct {
	*call
	contentType string
	body        io.WriteCloser
}

func (w *textWriter) restore() {
	if strings.HasPrefix(w.Header().Get("Content-Type"), grpcWeb) {
		w.Header().Set("Content-Type", w.contentType)
	}
}

func (w *textWriter) WriteHeader(status int) {
	w.restore()
	w.call.WriteHeader(status)
}

func (w *textWriter) Write(p []byte) (int, error) {
	w.restore()
	return w.body.Write(p)
}

func (w *textWriter) Flush() {
	w.restore()
	w.call.Flush()
}
