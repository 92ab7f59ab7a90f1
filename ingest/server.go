package ingest

import (
	"net/http"
	"time"
)

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
		MaxHeaderBytes:    16 << 10,
	}
}
