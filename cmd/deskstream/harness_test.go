package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(programDir)
	os.Exit(code)
}

const (
	testKey    = "test-bootstrap-key-0123456789"
	testSecret = "test-signing-secret"
	testToken  = "test-api-token"
)

// A quick program polls more than once a second, as often as leaves most of the processor to the test, and does not wait for what Zendesk hides.
const (
	quickPoll, quickContacts = 700 * time.Millisecond, 2 * time.Second
	quickIncremental         = 60000
)

// quickConfig are the settings of a program of the test's own process that polls so.
func quickConfig(data, zendesk string) (c Config) {
	c.Data, c.Listen, c.ZendeskURL, c.TimeZone, c.LogLevel = data, anyPort, zendesk, "UTC", "warn"
	c.PollInterval, c.ContactSync, c.Incremental = quickPoll, quickContacts, quickIncremental
	return c
}

const (
	// anyPort is where programs of tests listen.
	anyPort = "127.0.0.1:0"
	// noZendesk is for programs that have nobody to ask.
	noZendesk = "http://127.0.0.1:1"
)

// derive fills in the settings that are derived from others, as the command line does.
func derive(t testing.TB, c *Config) {
	t.Helper()
	for _, part := range []interface{ Validate() error }{&c.BaseFlags, &c.APIFlags, &c.SecretFlags} {
		if err := part.Validate(); err != nil {
			t.Fatal(err)
		}
	}
}

// quickRun is the command line of a program as a process that polls so.
func quickRun(data, addr, zendesk string) []string {
	return []string{
		"run", "--data", data, "--listen", addr, "--zendesk-url", zendesk, "--api-key", testKey, "--engine", localtest.Library(),
		"--poll-interval", quickPoll.String(), "--contact-sync", quickContacts.String(), "--incremental-per-minute", strconv.Itoa(quickIncremental), "--log-format", "json",
	}
}

// serveAccount serves a simulated account without limits until the test ends.
func serveAccount(t testing.TB, a *zendesktest.Account, admin string) *zendesktest.Server {
	t.Helper()
	s := zendesktest.NewServer(a, zendesktest.Options{
		APITokens: map[string]string{testToken: admin}, IncrementalPerMinute: -1, PerMinute: -1, HideTickets: -1, HideOthers: -1,
	})
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.WithoutCancel(t.Context())) })
	return s
}

// startApp runs the whole program in this process: NATS of its own, a database of its own on the engine that the tests share. The changes
// are made before it starts.
func startApp(t testing.TB, zendesk string, changes ...func(*App)) (*App, *client) {
	t.Helper()
	app := &App{
		Config: quickConfig(t.TempDir(), zendesk),
		Roles:  roles{ingest: true, process: true, sink: true, serve: true}, Now: time.Now,
		Tuning: tuning{sinkLinger: 20 * time.Millisecond, ttlSeconds: 1, question: 30 * time.Second}, // machines that run tests stand still at times
		Log:    zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel),
	}
	app.Config.ClickHouseDSN, app.Config.APIKey = localtest.TestDatabase(t), testKey
	for _, change := range changes {
		change(app)
	}
	begin(t, app)
	return app, newClient("http://"+app.Addr(), testKey)
}

// begin starts a program, which stops at the end of the test.
func begin(t testing.TB, app *App) {
	t.Helper()
	derive(t, &app.Config)
	if err := app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Stop)
}

// connect creates a source of the account, gives it the webhook secret and authorizes it.
func connect(t testing.TB, api *client, account, email string, days int) string {
	t.Helper()
	return connectWith(t, api, map[string]any{"type": "zendesk", "account": account, "retention": map[string]any{"days": days}}, email)
}

func connectWith(t testing.TB, api *client, body map[string]any, email string) string {
	t.Helper()
	ctx := t.Context()
	var src struct {
		ID string `json:"id"`
	}
	steps := []func() error{
		func() error { return api.call(ctx, "POST", "/v1/sources", body, &src) },
		func() error {
			return api.call(ctx, "PUT", "/v1/sources/"+src.ID+"/webhook", map[string]string{"signing_secret": testSecret}, nil)
		},
		func() error {
			return api.call(ctx, "POST", "/v1/sources/"+src.ID+"/authorize",
				map[string]string{"method": "api_token", "email": email, "token": testToken}, nil)
		},
	}
	for _, step := range steps {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	return src.ID
}

// waitSynced waits for the initial sync of a source.
func waitSynced(t testing.TB, api *client, source string) {
	t.Helper()
	var last string
	eventually(t, 90*time.Second, func() error {
		var state struct {
			Done bool `json:"initial_sync_done"`
		}
		if err := api.call(t.Context(), "GET", "/v1/sources/"+source+"/sync", nil, &last); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(last), &state); err != nil {
			return err
		}
		if !state.Done {
			return fmt.Errorf("initial sync goes on: %s", last)
		}
		return nil
	})
}

func drained(t testing.TB, app *App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := app.stream.Drained(ctx); err != nil {
		t.Fatal(err)
	}
}

// eventually repeats a check until it succeeds; the last error is told when time runs out.
func eventually(t testing.TB, limit time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for wait := 25 * time.Millisecond; ; wait = min(2*wait, 400*time.Millisecond) { // a check takes the processor from what it waits for
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s: %v", limit, err)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(wait):
		}
	}
}

// answer is a report.
type answer struct {
	AsOf time.Time `json:"as_of"`
	Rows []struct {
		At     string              `json:"at"`
		Key    []string            `json:"key"`
		Label  []string            `json:"label"`
		Values map[string]*float64 `json:"values"`
	} `json:"rows"`
	Totals map[string]*float64 `json:"totals"`
}

func report(t testing.TB, api *client, metric string, query url.Values) answer {
	t.Helper()
	var a answer
	if err := api.call(t.Context(), "GET", "/v1/reports/"+metric+"?"+query.Encode(), nil, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// table gives the rows that are not of zeros alone, by bucket and keys: which empty rows there are follows from what is elsewhere.
func (a answer) table() map[string]values {
	out := map[string]values{}
	for _, r := range a.Rows {
		v := values{}
		for name, x := range r.Values {
			if x != nil && *x != 0 {
				v[name] = *x
			}
		}
		if len(v) > 0 {
			out[strings.TrimSpace(r.At+" "+strings.Join(r.Key, " "))] = v
		}
	}
	return out
}

// sharedFolder is where the reference data lies, or "" and a skip.
func sharedFolder(t testing.TB, parts ...string) string {
	t.Helper()
	base := os.Getenv("DESKSTREAM_SHARED")
	if base == "" {
		base = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(append([]string{base}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the reference data is not here (%v); set DESKSTREAM_SHARED to the folder that holds it", err)
	}
	return path
}
