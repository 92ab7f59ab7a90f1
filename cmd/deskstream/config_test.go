package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"deskstream/local/localtest"
	"deskstream/schemas"
	"deskstream/stream"
)

func TestBadSettingsStopTheStartWithOneLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"listen":           {[]string{"run", "--listen", "nowhere"}, []string{"--listen", `"nowhere"`, "host:port"}},
		"port":             {[]string{"run", "--listen", "127.0.0.1:99999"}, []string{"--listen", "host:port"}},
		"public url":       {[]string{"run", "--public-url", "ftp://x"}, []string{"--public-url", `"ftp://x"`, "http, https"}},
		"nats url":         {[]string{"run", "--nats-url", "http://x:1"}, []string{"--nats-url", "nats, tls"}},
		"zendesk login":    {[]string{"run", "--zendesk-url", "https://u:secret-word@x.test/{account}"}, []string{"--zendesk-url", "…@x.test/{account}", "without user and password"}},
		"dsn":              {[]string{"run", "--clickhouse-dsn", "postgres://u:secret-word@h/db"}, []string{"--clickhouse-dsn", "clickhouse"}},
		"zone":             {[]string{"run", "--time-zone", "Mars/Olympus"}, []string{"--time-zone", "IANA"}},
		"local zone":       {[]string{"run", "--time-zone", "Local"}, []string{"--time-zone", "IANA"}},
		"level":            {[]string{"run", "--log-level", "loud"}, []string{"--log-level", "debug, info, warn or error"}},
		"format":           {[]string{"run", "--log-format", "xml"}, []string{"--log-format", "console or json"}},
		"secret":           {[]string{"run", "--secret-key", "c2hvcnQ="}, []string{"--secret-key", "32 bytes"}},
		"api key":          {[]string{"run", "--api-key", "short"}, []string{"--api-key", "16 characters"}},
		"poll":             {[]string{"run", "--poll-interval", "1ms"}, []string{"--poll-interval", "100ms"}},
		"contact sync":     {[]string{"run", "--contact-sync", "1s"}, []string{"--contact-sync", "--poll-interval"}},
		"budget":           {[]string{"run", "--incremental-per-minute", "0"}, []string{"--incremental-per-minute", "10"}},
		"stage alone":      {[]string{"ingest"}, []string{"--nats-url", "shares it"}},
		"process alone":    {[]string{"process", "--nats-url", "nats://127.0.0.1:1"}, []string{"--clickhouse-dsn", "shares it"}},
		"expired key":      {[]string{"keys", "create", "--name", "x", "--expires=-5h"}, []string{"--expires", "-5h0m0s", "above 0"}},
		"key of no time":   {[]string{"keys", "create", "--name", "x", "--expires=0s"}, []string{"--expires", "0s", "above 0"}},
		"expires at once":  {[]string{"keys", "create", "--name", "x", "--expires=x"}, []string{"--expires", `"x"`, "accepted is a duration, e.g. 60s"}},
		"no scope":         {[]string{"keys", "create", "--name", "x", "--scope="}, []string{"--scope", "admin, people, reports, render"}},
		"a name of lines":  {[]string{"keys", "create", "--name", "a\nb"}, []string{"--name", `"a�b"`, "one line"}},
		"a name that acts": {[]string{"keys", "create", "--name", "a\x1b[2J\tb"}, []string{"--name", `"a�[2J�b"`, "one line"}},
		"no UTF-8":         {[]string{"keys", "create", "--name", "a\xffb"}, []string{"--name", `"a�b"`, "one line"}},
		"a long name":      {[]string{"keys", "create", "--name", strings.Repeat("é", 101)}, []string{"--name", strings.Repeat("é", 99) + "…", "at most 100 characters"}},
		"unknown flag":     {[]string{"run", "--wrong"}, []string{"--wrong"}},
		"unknown scope":    {[]string{"keys", "create", "--name", "x", "--scope", "root"}, []string{"--scope", "admin, people, reports, render"}},
		"a key of no name": {[]string{"keys", "create", "--name", " "}, []string{"--name", "what the key is for"}},
		"unknown command":  {[]string{"bogus"}, []string{"bogus; commands are run, demo, ingest, process, sink, serve, replay, verify, dead, load, keys, doctor, version"}},
		"a tool's command": {[]string{"dead", "bogus"}, []string{"bogus; commands are list, show, retry, drop"}},
		"where flags are":  {[]string{"run", "--wrong"}, []string{"see `deskstream run --help`"}},
		"replay from":      {[]string{"replay", "--from", "yesterday"}, []string{"--from", `"yesterday"`, "RFC 3339, e.g. 20"}},
		"replay target":    {[]string{"replay", "--into", "Bad Name"}, []string{"--into", "database name"}},
		"foreign name":     {[]string{"replay", "--into", "copy"}, []string{"--into", "deskstream_"}},
		"dead limit":       {[]string{"dead", "list", "--limit", "0"}, []string{"--limit", "at least 1"}},
		"dsn database":     {[]string{"run", "--clickhouse-dsn", "clickhouse://u:secret-word@h:1/a-b"}, []string{"--clickhouse-dsn", `"a-b"`, "letters, digits and underscores"}},
		"no database":      {[]string{"run", "--clickhouse-dsn", "clickhouse://u:secret-word@h:1/"}, []string{"--clickhouse-dsn: names no database; accepted is clickhouse://"}},
		"dsn over http":    {[]string{"run", "--clickhouse-dsn", "http://h:8123/d?password=secret-word"}, []string{`--clickhouse-dsn: has the scheme "http"`, "accepted is clickhouse://"}},
		"dsn without host": {[]string{"verify", "--clickhouse-dsn", "clickhouse:///d"}, []string{"--clickhouse-dsn: ", "accepted is clickhouse://"}},
		"empty parameter":  {[]string{"run", "--clickhouse-dsn", "clickhouse://h:1/d?database="}, []string{"--clickhouse-dsn: names no database; accepted is clickhouse://"}},
		"key with ESC":     {[]string{"run", "--api-key", "0123456789abcdef\x1b"}, []string{"--api-key", "16 characters"}},
		"demo NaN":         {[]string{"demo", "--per-minute", "NaN"}, []string{"--per-minute", "above 0"}},
		"demo infinite":    {[]string{"demo", "--per-minute", "Inf"}, []string{"--per-minute", "above 0"}},
		"engine":           {[]string{"run", "--engine", "config.go"}, []string{"--engine", `"config.go"`, "accepted is the path of libchdb.so"}},
		"no number":        {[]string{"run", "--incremental-per-minute", "x"}, []string{"--incremental-per-minute", `"x"`, "accepted is a whole number, e.g. 10"}},
		"no duration":      {[]string{"run", "--poll-interval", "x"}, []string{"--poll-interval", `"x"`, "accepted is a duration, e.g. 60s"}},
		"no rate":          {[]string{"load", "--rate", "x"}, []string{"--rate", `"x"`, "accepted is a number"}},
		"demo of no day":   {[]string{"demo", "--days", "0"}, []string{"--days", "at least 1"}},
		"demo per day":     {[]string{"demo", "--per-day", "0"}, []string{"--per-day", "at least 1"}},
		"demo per min":     {[]string{"demo", "--per-minute", "0"}, []string{"--per-minute", "above 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			if status := Main(t.Context(), append(c.args, dataFlag(t, c.args)...), &out, &errs); status != 2 {
				t.Errorf("status %d", status)
			}
			for _, w := range c.want {
				if !strings.Contains(errs.String()+out.String(), w) {
					t.Errorf("the message does not say %q: %s", w, errs.String())
				}
			}
			if said := errs.String(); strings.Count(said, "accepted") > 1 {
				t.Errorf("the message says it twice: %s", said)
			}
			if strings.Contains(errs.String(), "secret-word") {
				t.Errorf("the message shows a password: %s", errs.String())
			}
		})
	}
}

// dataFlag keeps a start that should have been refused out of the source tree.
func dataFlag(t *testing.T, _ []string) []string {
	t.Helper()
	return []string{"--data", t.TempDir()}
}

func TestFolderThatIsNoneNamesItsSetting(t *testing.T) {
	t.Parallel()
	localtest.TestEngine(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"run", "demo"} {
		var out, errs bytes.Buffer
		status := Main(t.Context(), []string{command, "--data", file, "--engine", localtest.Library()}, &out, &errs)
		if status == 0 || !strings.HasPrefix(errs.String(), "deskstream: --data: data folder "+file) {
			t.Errorf("%s: status %d, %s", command, status, errs.String())
		}
	}
}

// startedFolder gives a data folder in which a start has made a message store.
func startedFolder(t *testing.T) string {
	t.Helper()
	c := BaseFlags{Data: t.TempDir()}
	_, done, err := openStream(t.Context(), &c, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	done()
	return c.Data
}

func TestSettingsComeFromTheEnvironmentAndFlagsWin(t *testing.T) {
	t.Setenv("DESKSTREAM_LOG_LEVEL", "loud")
	t.Setenv("DESKSTREAM_POLL_INTERVAL", "of another command")
	t.Setenv("DESKSTREAM_TIME_ZONE", "Mars/Olympus")
	var out, errs bytes.Buffer
	args := []string{"keys", "create", "--name", "x", "--data", startedFolder(t)}
	if status := Main(t.Context(), args, &out, &errs); status != 2 || !strings.Contains(errs.String(), `"loud"`) {
		t.Errorf("the environment was not read: status %d, %s", status, errs.String())
	}
	errs.Reset()
	if status := Main(t.Context(), append(args, "--log-level", "warn"), &out, &errs); status != 0 {
		t.Errorf("the flag did not win, or what another command reads did harm: status %d, %s", status, errs.String())
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if status := Main(t.Context(), []string{"version"}, &out, &errs); status != 0 || !strings.HasPrefix(out.String(), "deskstream ") {
		t.Errorf("status %d, %q", status, out.String())
	}
}

func TestKeysAreMadeListedAndRevoked(t *testing.T) {
	t.Parallel()
	data := startedFolder(t)
	run := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if status := Main(t.Context(), append(args, "--data", data), &out, &errs); status != 0 {
			t.Fatalf("%v: status %d: %s", args, status, errs.String())
		}
		return out.String()
	}
	secret := strings.TrimSpace(run("keys", "create", "--name", "dashboard", "--scope", "reports,render,reports"))
	if !strings.HasPrefix(secret, "dsk_") || len(secret) < 40 {
		t.Fatalf("key %q", secret)
	}
	list := run("keys", "list")
	if !strings.Contains(list, "dashboard") || !strings.Contains(list, " reports,render ") || !strings.Contains(list, "valid") || strings.Contains(list, secret) {
		t.Fatalf("list: %s", list)
	}
	id := strings.Fields(strings.Split(list, "\n")[1])[0]
	run("keys", "revoke", id)
	if list = run("keys", "list"); !strings.Contains(list, "revoked") {
		t.Errorf("after revoke: %s", list)
	}
	first := storedKey(t, data, id)
	run("keys", "revoke", id)
	if again := storedKey(t, data, id); first.RevokedAt == nil || !again.RevokedAt.Equal(*first.RevokedAt) {
		t.Errorf("revoked at %v, and again at %v", first.RevokedAt, again.RevokedAt)
	}
}

// storedKey gives the record of a key.
func storedKey(t *testing.T, data, id string) schemas.Key {
	t.Helper()
	out := &streams{out: io.Discard, err: io.Discard}
	var found schemas.Key
	err := (&BaseFlags{Data: data}).withStream(t.Context(), out, func(s *stream.Stream) error {
		keys, err := s.APIKeys(t.Context())
		for _, k := range keys {
			if k.ID == id {
				found = k
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(refusing.Close)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--url", "nonsense"}, "--url"},
		{[]string{"--duration=-1s"}, "--duration"},
		{[]string{"--tickets", "0"}, "--tickets"},
		{[]string{"--copies", "0"}, "--copies"},
		{[]string{"--connections", "0"}, "--connections"},
		{[]string{"--rate=-1"}, "--rate"},
		{[]string{"--url", ""}, "--url"},
		{[]string{"--secret", ""}, "--secret"},
		{[]string{"--export"}, "--api-key"},
		{[]string{"--rate", "NaN"}, "--rate"},
		{[]string{"--rate", "Inf"}, "--rate"},
		{[]string{"--export", "--api-key", testKey, "--instance", "nonsense"}, "--instance"},
		{[]string{"--export", "--api-key", testKey, "--instance", ""}, "--instance"},
		{[]string{"--export", "--api-key", "0123456789 abcdef\nc"}, "--api-key"},
		{[]string{"--duration", "50ms"}, "no webhook was stored"},
	} {
		var out, errs bytes.Buffer
		args := append([]string{"load", "--secret", testSecret, "--url", refusing.URL}, c.args...)
		if status := Main(t.Context(), args, &out, &errs); status == 0 || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%v: status %d, %s; want %s named", c.args, status, errs.String(), c.want)
		}
	}
}
