package fiberhttp

import "github.com/valyala/fasthttp"

// Headers of every answer, spelled as fasthttp does: to respell them costs as much as to write them.
var (
	headerRequestID          = []byte("X-Request-Id")
	headerContentTypeOptions = []byte("X-Content-Type-Options")
	nosniff                  = []byte("nosniff")
	headerCacheControl       = []byte(fasthttp.HeaderCacheControl)
	headerCacheStatus        = []byte("Cache-Status")
	headerAge                = []byte(fasthttp.HeaderAge)
	headerETag               = []byte("Etag")
)
