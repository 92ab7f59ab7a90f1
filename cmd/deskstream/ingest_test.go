package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deskstream/ingest"
	"deskstream/schemas"
)

func TestResourcesAreTheSameOnBothSides(t *testing.T) {
	t.Parallel()
	got := slices.Sorted(maps.Keys(ingest.Intervals()))
	want := slices.Sorted(slices.Values(append(slices.Clone(schemas.Resources), schemas.ResourceTicketCounts)))
	if !slices.Equal(got, want) {
		t.Errorf("ingest polls %v, schemas knows %v: a source would never or too early be called synced", got, want)
	}
}

// TestStartNeedsTheKeyOfTheCredentials starts on a folder with a sealed source: with another key, or with none, the start is refused and no
// key is made. With --replace-secret-key it runs and says what has to be entered again.
func TestStartNeedsTheKeyOfTheCredentials(t *testing.T) {
	t.Parallel()
	c := quickConfig(t.TempDir(), noZendesk)
	file := filepath.Join(c.Data, "secret.key")
	var logged bytes.Buffer
	start := func(c Config) (*App, error) {
		app := &App{Config: c, Roles: roles{ingest: true}, Now: time.Now, Log: zerolog.New(zerolog.SyncWriter(&logged))}
		derive(t, &app.Config)
		return app, app.Start(t.Context())
	}
	doctor := func() finding {
		findings := (&doctorCmd{StoreFlags: c.StoreFlags, SecretFlags: c.SecretFlags}).nats(t.Context(), &streams{out: new(bytes.Buffer), err: new(bytes.Buffer)}, nil)
		return findings[len(findings)-1]
	}
	app, err := start(c)
	if err != nil {
		t.Fatal(err)
	}
	src := schemas.Source{Settings: schemas.Settings{ID: "src_1", Type: "zendesk", Account: "acme", Status: schemas.SourceConnected}}
	src.Webhook.Secret = app.sealer.Seal(src.ID, "webhook.secret", testSecret)
	err = app.stream.PutSource(t.Context(), &src)
	app.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if f := doctor(); f.err != nil {
		t.Error(f.err)
	}
	refused := func(name string, c Config) {
		t.Helper()
		app, err := start(c)
		app.Stop()
		var setting *settingError
		if !errors.As(err, &setting) || setting.name != "secret-key" || !strings.Contains(err.Error(), "secret.key") {
			t.Errorf("%s: %v; want --secret-key and the file named", name, err)
		}
	}
	given := c
	given.SecretKey = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
	refused("another key", given)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	refused("no key", c)
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key was made: %v", err)
	}
	if f := doctor(); f.err == nil {
		t.Errorf("doctor: %s", f.text)
	}
	c.ReplaceKey = true
	if app, err = start(c); err != nil {
		t.Fatal(err)
	}
	defer app.Stop()
	base := "http://" + app.Addr()
	if err := newClient(base, "").call(t.Context(), "GET", "/readyz", nil, nil); err == nil || !strings.Contains(err.Error(), "enter them again") {
		t.Errorf("ready: %v; want what to do", err)
	}
	hook := func() int {
		status, err := postSigned(http.DefaultClient, base+"/webhooks/zendesk/src_1", testSecret, loadBody(1, 1, 10, time.Now()))
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	if status := hook(); status != http.StatusServiceUnavailable {
		t.Errorf("webhook: status %d, want 503", status)
	}
	if err := app.connections.SetWebhookSecret(t.Context(), src.ID, testSecret); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, func() error { return newClient(base, "").call(t.Context(), "GET", "/readyz", nil, nil) })
	if status := hook(); status != http.StatusOK {
		t.Errorf("webhook: status %d once the secret was entered again", status)
	}
	if app.Stop(); !strings.Contains(logged.String(), `"source":"src_1"`) {
		t.Errorf("the log does not name the source: %s", &logged)
	}
}

// TestStartNeedsTheKeyOfTargets: the signing secret of an audience's target is a credential too.
func TestStartNeedsTheKeyOfTargets(t *testing.T) {
	t.Parallel()
	c := quickConfig(t.TempDir(), noZendesk)
	start := func() (*App, error) {
		app := &App{Config: c, Roles: roles{ingest: true}, Now: time.Now, Log: zerolog.Nop()}
		derive(t, &app.Config)
		return app, app.Start(t.Context())
	}
	app, err := start()
	if err != nil {
		t.Fatal(err)
	}
	a := schemas.Audience{ID: "aud_1", Deliver: &schemas.Deliver{URL: "https://target.test/", Secret: app.sealer.Seal("aud_1", schemas.FieldDeliverSecret, testSecret)}}
	value, err := json.Marshal(a)
	if err == nil {
		err = app.stream.PutSetting(t.Context(), &schemas.Setting{Name: schemas.SettingAudience + a.ID, Value: value})
	}
	app.Stop()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(c.Data, "secret.key")
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	app, err = start()
	app.Stop()
	if _, refused := errors.AsType[*settingError](err); !refused || !strings.Contains(err.Error(), "1 sources and audiences") {
		t.Errorf("without the key: %v", err)
	}
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	if app, err = start(); err != nil {
		t.Errorf("with the key: %v", err)
	}
	app.Stop()
}
