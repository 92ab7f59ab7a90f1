package main

import (
	"bytes"
	"errors"
	"fmt"
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
