package ingest

import (
	"net/http"
	"time"
)

// maxHeader is how many bytes of a request may come before its body.
const maxHeader = 16 << 10

// NewServer returns a server with limits against slow and oversized clients; the standard library has none. A client gets 5 s for its
// header and 15 s for the whole request.
func NewServer(addr string, handler http.Handler) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    maxHeader,
	}
}

// headerSize gives about how many bytes of a request came before its body.
func headerSize(r *http.Request) int {
	n := len(r.RequestURI)
	for name, values := range r.Header {
		for _, value := range values {
			n += len(name) + len(value) + len(": \r\n")
		}
	}
	return n
}
