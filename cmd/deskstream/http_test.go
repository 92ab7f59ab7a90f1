package main

import (
	"strings"
	"testing"
)

// TestQuestionsTakeTheDSNAsSinksDo: a DSN without a port names the one that the sinks write to, for questions too.
func TestQuestionsTakeTheDSNAsSinksDo(t *testing.T) {
	t.Parallel()
	db, err := openQueries("clickhouse://127.0.0.1/deskstream")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Ping(t.Context()); err != nil && strings.Contains(err.Error(), "missing port") {
		t.Error(err)
	}
	if _, err := openQueries("http://user:hunter2@h:8123/d"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v, want a refusal without the password", err)
	}
}
