package main

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
	"deskstream/schemas"
	"deskstream/stream"
)

// doctorOn gives the exit status of the doctor on a data folder, and what it says.
func doctorOn(t *testing.T, data string) (int, string) {
	t.Helper()
	var out, errs bytes.Buffer
	status := Main(t.Context(), []string{"doctor", "--data", data, "--engine", localtest.Library(), "--zendesk-url", "http://127.0.0.1:1", "--log-level", "error"}, &out, &errs)
	return status, out.String() + errs.String()
}

// TestDoctorFindsWhatStopsTheStart: on a folder that is empty, that is in order, whose message store is gone and whose tables are gone, the doctor says
// of streams and tables what the start would, also when it is asked again, because it makes nothing.
func TestDoctorFindsWhatStopsTheStart(t *testing.T) {
	t.Parallel()
	needEngine(t)
	says := func(data string, found, no string) {
		t.Helper()
		for range 2 {
			if _, text := doctorOn(t, data); !strings.Contains(text, found) || (no != "" && strings.Contains(text, no)) {
				t.Errorf("want %q and not %q:\n%s", found, no, text)
			}
		}
	}
	fresh := t.TempDir()
	says(fresh, "ok    streams      there are none yet", "FAIL  clickhouse")
	says(fresh, "ok    clickhouse   there are no tables yet", "FAIL  streams")

	account, err := zendesktest.History(9, 1, 1, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	c := quickConfig(data, serveAccount(t, account, zendesktest.AdminEmail).URL())
	c.APIKey, c.Engine = testKey, localtest.Library()
	derive(t, &c)
	start := func() (*App, error) {
		app := &App{Config: c, Roles: roles{ingest: true, process: true, sink: true, serve: true}, Now: time.Now, Log: zerolog.Nop()}
		return app, app.Start(t.Context())
	}
	app, err := start()
	if err != nil {
		t.Fatal(err)
	}
	api := newClient("http://"+app.Addr(), testKey)
	waitSynced(t, api, connect(t, api, account.Subdomain, zendesktest.AdminEmail, 60))
	drained(t, app)
	app.Stop()
	says(data, "ok    clickhouse   schema version", "FAIL  streams")

	for _, lost := range []struct{ folder, code string }{{"nats", "is missing (epoch "}, {filepath.Join("clickhouse", "data"), "the database holds no record of the streams"}} {
		folder, kept := filepath.Join(data, lost.folder), filepath.Join(t.TempDir(), "kept")
		if err := os.Rename(folder, kept); err != nil {
			t.Fatal(err)
		}
		says(data, "FAIL  streams      ", "ok    streams")
		says(data, lost.code, "")
		app, err := start()
		app.Stop()
		if err == nil || !strings.Contains(err.Error(), lost.code) {
			t.Errorf("without %s the start says %v, want %q", lost.folder, err, lost.code)
		}
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(kept, folder); err != nil {
			t.Fatal(err)
		}
	}
	says(data, "ok    clickhouse   schema version", "FAIL  streams")
}

// TestDoctorReadsTheSecretKey: a file that holds no key fails before any source is connected, as it stops the start, and whether or not there are
// streams yet. A key, and none, are in order.
func TestDoctorReadsTheSecretKey(t *testing.T) {
	t.Parallel()
	for _, data := range []string{t.TempDir(), startedFolder(t)} {
		file := keyFile(data)
		if _, text := doctorOn(t, data); strings.Contains(text, "FAIL  credentials") {
			t.Errorf("without a file:\n%s", text)
		}
		if err := os.WriteFile(file, []byte("garbage\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		want := "FAIL  credentials  secret key " + file + ": invalid: must be base64 of 32 bytes"
		if status, text := doctorOn(t, data); status != 1 || strings.Count(text, want) != 1 || strings.Count(text, "credentials") != 1 {
			t.Errorf("status %d, want %q:\n%s", status, want, text)
		}
		if _, err := (&KeyFlags{}).openSealer(data, nil); err == nil || !strings.Contains(want, err.Error()) {
			t.Errorf("the start says %v", err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if _, err := (&KeyFlags{}).openSealer(data, nil); err != nil { // makes it
			t.Fatal(err)
		}
		if _, text := doctorOn(t, data); strings.Contains(text, "FAIL  credentials") {
			t.Errorf("with a key:\n%s", text)
		}
	}
}

// TestMissingEngineIsOneLine: a library that is not there takes one line of the start, and one for each check of the doctor, which has a line for the clock
// where nothing tells the time too.
func TestMissingEngineIsOneLine(t *testing.T) {
	t.Parallel()
	needEngine(t) // a program built without one says so
	const named = "--engine (DESKSTREAM_ENGINE): /nope.so does not exist; accepted is the path of libchdb.so"
	var out, errs bytes.Buffer
	args := []string{"--data", t.TempDir(), "--engine", "/nope.so", "--zendesk-url", "http://127.0.0.1:1", "--log-level", "error"}
	status := Main(t.Context(), append([]string{"doctor"}, args...), &out, &errs)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	seen := map[string]string{}
	for _, line := range lines {
		words := strings.Fields(line)
		seen[words[1]] = words[0]
	}
	want := map[string]string{"disk": seen["disk"], "engine": "FAIL", "nats": "ok", "streams": "ok", "clickhouse": "FAIL", "zendesk": "FAIL", "clock": "WARN"}
	if status != 1 || !maps.Equal(seen, want) || len(lines) != len(want) || strings.Count(out.String(), "/nope.so") != 1 || !strings.Contains(out.String(), named) {
		t.Errorf("status %d:\n%s%s", status, &out, &errs)
	}
	out.Reset()
	status = Main(t.Context(), append([]string{"run", "--listen", "127.0.0.1:0"}, args...), &out, &errs)
	if text := errs.String(); status == 0 || strings.Count(text, "\n") != 1 || !strings.Contains(text, named) {
		t.Errorf("the start says\n%s", text)
	}
}

// silentPipeline is in health and cannot be looked at.
type silentPipeline struct{}

func (silentPipeline) Health(context.Context) error { return nil }

func (silentPipeline) Stats(context.Context) (stream.Stats, error) {
	return stream.Stats{}, schemas.ErrUnavailable
}

// TestDoctorTellsStreamsItCannotLookAt: they are not in order without a word.
func TestDoctorTellsStreamsItCannotLookAt(t *testing.T) {
	t.Parallel()
	if f := lookAtStreams(t.Context(), silentPipeline{}); !errors.Is(f.err, schemas.ErrUnavailable) {
		t.Errorf("%+v, want the error", f)
	}
}
