package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestLoadExport: a running instance reads a synthetic account at the asked rate, and the tool ends when its tickets are in the reports.
func TestLoadExport(t *testing.T) {
	t.Parallel()
	c := loadCmd{Export: true, Serve: freeAddress(t), APIKey: testKey, Rate: 500, Connections: 1, Duration: time.Second, Tickets: 60, Copies: 1}
	_, api := startApp(t, "http://"+c.Serve)
	c.Instance = api.base
	var out bytes.Buffer
	start := time.Now()
	if err := c.Run(t.Context(), &streams{out: &out, err: &out}); err != nil {
		t.Fatal(err, out.String())
	}
	var tickets, rows int
	line, rest, _ := strings.Cut(out.String(), "\n")
	if _, err := fmt.Sscanf(line, "a synthetic account with %d tickets", &tickets); err != nil || tickets < 30 {
		t.Fatal(err, out.String())
	}
	if _, err := fmt.Sscanf(rest, "%d rows read in", &rows); err != nil || rows < 4*tickets {
		t.Errorf("%d tickets: %v %s", tickets, err, rest)
	}
	if least := time.Duration(rows-2*exportBurst) * time.Second / 500; time.Since(start) < least {
		t.Errorf("%d rows took %s, at 500 a second they must take %s", rows, time.Since(start), least)
	}
	totals := report(t, api, "tickets", nil).Totals
	if got := int(*totals["tickets"] + *totals["deleted"]); got != tickets {
		t.Errorf("%d tickets in the report, want %d", got, tickets)
	}
	if err := c.Run(t.Context(), &streams{out: &out, err: &out}); err == nil || !strings.Contains(err.Error(), "source-already-connected") {
		t.Errorf("a second time: %v", err)
	}
	c.Serve = strings.TrimPrefix(api.base, "http://")
	var bad *settingError
	if err := c.Run(t.Context(), &streams{out: &out, err: &out}); !errors.As(err, &bad) || bad.name != "serve" {
		t.Errorf("an address in use: %v", err)
	}
}

// TestLoadExportInterrupted: while it connects the account and while it waits for the tickets it ends with status 1 and says what stays.
func TestLoadExportInterrupted(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v1/sources": "the source of " + demoAccount + " may be connected already", "/v1/sources/src_1/authorize": "the source src_1 stays",
		"/v1/sources/src_1/sync": "the source src_1 stays",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		instance := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // the server sees that the client has gone once it has read all
			if r.URL.Path == path {
				cancel()
				<-r.Context().Done()
			}
			fmt.Fprint(w, `{"id":"src_1"}`)
		}))
		var out bytes.Buffer
		args := []string{"load", "--export", "--tickets", "5", "--serve", freeAddress(t), "--instance", instance.URL, "--api-key", testKey}
		if status := Main(ctx, args, &out, &out); status != 1 || !strings.Contains(out.String(), "interrupted before it was finished: "+want) {
			t.Errorf("%s: status %d: %s", path, status, &out)
		}
		cancel()
		instance.Close()
	}
}
