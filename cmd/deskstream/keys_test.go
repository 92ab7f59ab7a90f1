package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deskstream/schemas"
	"deskstream/stream"
)

// TestRevokedKeysEndAtOnce revokes the bootstrap key of a running stage that asks for keys: it ends with the change and not when the stage looks
// next, and stays ended when the program starts with it again.
func TestRevokedKeysEndAtOnce(t *testing.T) {
	t.Parallel()
	now := time.Now() // stands still, so that no key gets too old to be believed
	app := &App{
		Config: quickConfig(t.TempDir(), noZendesk),
		Roles:  roles{ingest: true}, Now: func() time.Time { return now }, Log: zerolog.Nop(),
	}
	app.Config.NATSURL, app.Config.MetricsKey = startNATS(t), true
	begin(t, app)
	bootstrap := func() {
		t.Helper()
		if made, err := bootstrapKey(t.Context(), app.stream, testKey, now, app.Log); err != nil || made != "" {
			t.Fatal(made, err)
		}
	}
	bootstrap()
	metrics := func(key string) error {
		return newClient("http://"+app.Addr(), key).call(t.Context(), "GET", "/metrics", nil, nil)
	}
	if err := metrics(""); err == nil || !strings.Contains(err.Error(), "an API key is needed") {
		t.Errorf("metrics without a key: %v", err)
	}
	eventually(t, time.Minute, func() error { return metrics(testKey) })
	keys, err := app.stream.APIKeys(t.Context())
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	keys[0].RevokedAt = &now
	if err := app.stream.PutAPIKey(t.Context(), keys[0]); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, func() error {
		if metrics(testKey) == nil {
			return schemas.ErrConflict
		}
		return nil
	})
	bootstrap()
	if keys, err = app.stream.APIKeys(t.Context()); err != nil || len(keys) != 1 || keys[0].RevokedAt == nil {
		t.Errorf("after another start: %+v, %v; want the key revoked", keys, err)
	}
}

// TestKeysOfOddNamesAreListedInALine: earlier builds stored any name.
func TestKeysOfOddNamesAreListedInALine(t *testing.T) {
	t.Parallel()
	server, _ := startStreams(t)
	c := BaseFlags{Data: t.TempDir(), NATSURL: server, LogLevel: "error"}
	out := &streams{out: io.Discard, err: io.Discard}
	for name, shown := range map[string]string{"Überblick für Jörg 🙂": "Überblick für Jörg 🙂", "a\nb\x1b[2J": "a�b�[2J", strings.Repeat("x", 5000): strings.Repeat("x", 99) + "…"} {
		err := c.withStream(t.Context(), out, func(s *stream.Stream) error {
			_, key := newKey(name, []string{"reports"}, time.Now())
			return s.PutAPIKey(t.Context(), key)
		})
		if err != nil {
			t.Fatal(err)
		}
		var list bytes.Buffer
		if status := Main(t.Context(), []string{"keys", "list", "--nats-url", server, "--log-level", "error"}, &list, &list); status != 0 || !strings.Contains(list.String(), "  "+shown+"  ") {
			t.Errorf("status %d, want %q: %q", status, shown, &list)
		}
	}
}
