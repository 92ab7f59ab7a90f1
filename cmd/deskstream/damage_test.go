package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deskstream/ingest/zendesktest"
)

// TestDamagedTableIsToldAndRepaired changes bytes in the files of a table: questions, the log, /readyz and verify name the table and what to do, and a
// repair makes it again, after which all say that it is well.
func TestDamagedTableIsToldAndRepaired(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(12, 5, 4, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	app, api := startApp(t, serveAccount(t, account, zendesktest.AdminEmail).URL(), func(a *App) { a.Log = zerolog.New(zerolog.SyncWriter(&said)) })
	waitSynced(t, api, connect(t, api, account.Subdomain, zendesktest.AdminEmail, 60))
	drained(t, app)
	part := damageTickets(t, app)

	advice := "the stored data of table tickets is damaged (part " + part + "): `deskstream verify --repair` makes it again, also while the program runs"
	for range 3 {
		if err := api.call(t.Context(), "GET", "/v1/reports/tickets_created?group_by=tag", nil, nil); err == nil || !strings.Contains(err.Error(), advice) {
			t.Errorf("a report: %v", err)
		}
	}
	eventually(t, time.Minute, func() error { // what it said before is told again for a second
		if err := api.call(t.Context(), "GET", "/readyz", nil, nil); err == nil || !strings.Contains(err.Error(), "not ready: "+advice) {
			return fmt.Errorf("/readyz: %w", err)
		}
		return nil
	})

	if status, v := verify(t, app); status != 1 || v.Clean || !strings.HasPrefix(tableOf(t, v, "tickets").Damaged, "the stored data of table tickets is damaged (part ") {
		t.Fatalf("verify: status %d, %+v", status, v)
	}
	if status, v := verify(t, app, "--repair"); status != 0 || !v.Repaired {
		t.Fatalf("repair: status %d, %+v", status, v)
	}
	if status, v := verify(t, app); status != 0 || !v.Clean {
		t.Fatalf("after the repair: status %d, %+v", status, v)
	}
	eventually(t, time.Minute, func() error { return api.call(t.Context(), "GET", "/readyz", nil, nil) })
	if err := api.call(t.Context(), "GET", "/v1/reports/tickets_created?group_by=tag", nil, nil); err != nil {
		t.Errorf("a report after the repair: %v", err)
	}
	app.Stop()
	if n := strings.Count(said.String(), `"query":"tickets_created"`); n != 1 || !strings.Contains(said.String(), advice) {
		t.Errorf("the log has it %d times:\n%s", n, said.String())
	}
}

// damageTickets changes eight bytes in each of the stored blocks of the only part of tickets and gives its name.
func damageTickets(t *testing.T, app *App) (part string) {
	t.Helper()
	db, err := openQueries(app.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Exec(t.Context(), "OPTIMIZE TABLE tickets FINAL"); err != nil {
		t.Fatal(err)
	}
	var path string
	const largest = "SELECT name, path FROM system.parts WHERE active AND database = currentDatabase() AND table = 'tickets' ORDER BY bytes_on_disk DESC LIMIT 1"
	if err := db.QueryRow(t.Context(), largest).Scan(&part, &path); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(path, "data.bin"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(64); at < info.Size(); at += 64 {
		b := make([]byte, 8)
		n, _ := f.ReadAt(b, at)
		for i := range b {
			b[i] ^= 0xff
		}
		if _, err := f.WriteAt(b[:n], at); err != nil {
			t.Fatal(err)
		}
	}
	return part
}
