package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"deskstream/local/localtest"
)

// TestDemoSaysWhereItsDataIs: the folder that it names is the one that other commands take.
func TestDemoSaysWhereItsDataIs(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	data := t.TempDir()
	status := Main(t.Context(), []string{
		"demo", "--quit", "--days", "2", "--per-day", "3", "--data", data, "--listen", anyPort, "--clickhouse-dsn", localtest.TestDatabase(t), "--log-level", "error",
	}, &out, &errs)
	demo := filepath.Join(data, "demo")
	if status != 0 || !strings.Contains(out.String(), "\nOther commands work on it with --data "+demo+"\n") {
		t.Fatalf("status %d: %s%s", status, &errs, &out)
	}
	out.Reset()
	if status := Main(t.Context(), []string{"keys", "list", "--data", demo}, &out, &errs); status != 0 || !strings.Contains(out.String(), "bootstrap") {
		t.Errorf("keys list there: status %d: %s%s", status, &errs, &out)
	}
}
