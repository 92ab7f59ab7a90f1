package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAnswersAreBounded: an answer that does not end is given up.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	piece := bytes.Repeat([]byte("x"), 1<<16)
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}))
	t.Cleanup(endless.Close)
	var answer string
	err := newClient(endless.URL, "").call(t.Context(), "GET", "/", nil, &answer)
	if err == nil || !strings.Contains(err.Error(), "longer than") || answer != "" {
		t.Errorf("%d bytes were taken: %v", len(answer), err)
	}
}
