package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deskstream/ingest/zendesktest"
	"deskstream/schemas"
	"deskstream/stream"
)

// expected is the part of the worked account's figures that the reports of today answer.
type expected struct {
	Meta struct {
		AsOf     string   `json:"as_of"`
		Keywords []string `json:"keywords"`
	} `json:"meta"`
	Totals      map[string]*float64                       `json:"totals"`
	PerTicket   map[string]map[string]json.RawMessage     `json:"per_ticket"`
	Daily       map[string]map[string]map[string]any      `json:"daily"`
	ByAgent     map[string]map[string]*float64            `json:"by_agent"`
	ByDimension map[string]map[string]map[string]*float64 `json:"by_dimension"`
	Keywords    map[string]map[string]json.RawMessage     `json:"keywords"`
}

func readExpected(t *testing.T, dir string) expected {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var e expected
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// workedAdmin is the administrator of the worked account.
const workedAdmin = "u1000@example.com"

// workedFolder is where the worked account is.
func workedFolder(t *testing.T) string {
	t.Helper()
	return sharedFolder(t, "metrics", "sample")
}

// serveWorked serves the worked account and gives its subdomain.
func serveWorked(t *testing.T) (server *zendesktest.Server, subdomain string) {
	t.Helper()
	account, err := zendesktest.LoadSample(filepath.Join(workedFolder(t), "api"))
	if err != nil {
		t.Fatal(err)
	}
	return serveAccount(t, account, workedAdmin), account.Subdomain
}

// serveWorkedLive serves the worked account before anything happened in it, and gives what it will deliver.
func serveWorkedLive(t *testing.T) (server *zendesktest.Server, subdomain string, deliveries []zendesktest.Delivery) {
	t.Helper()
	server, subdomain = serveWorked(t)
	hideWorked(server)
	deliveries, err := zendesktest.ReadDeliveries(filepath.Join(workedFolder(t), "deliveries.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return server, subdomain, deliveries
}

// TestWorkedAccountByBackfill connects the worked account, reads it through the API alone and holds every figure against the expected one,
// every view against its report, and every panel of the dashboard.
func TestWorkedAccountByBackfill(t *testing.T) {
	t.Parallel()
	server, subdomain := serveWorked(t)
	app, api := startApp(t, server.URL())
	waitSynced(t, api, connect(t, api, subdomain, workedAdmin, 4000))
	drained(t, app)
	t.Run("figures", func(t *testing.T) { checkExpected(t, api, readExpected(t, workedFolder(t))) })
	t.Run("views", func(t *testing.T) { checkViews(t, app, api) })
	t.Run("dashboard", func(t *testing.T) { checkDashboard(t, app, api) })
}

// TestWorkedAccountLive feeds the account's webhooks through the endpoint and its polled pages into the stream, in the order of their
// delivery, with a kill-free restart in the middle and a prefix delivered again, and then lets the poller read the final state.
func TestWorkedAccountLive(t *testing.T) {
	t.Parallel()
	server, subdomain, deliveries := serveWorkedLive(t)
	app, api := startApp(t, server.URL())
	source := connect(t, api, subdomain, workedAdmin, 4000)
	// The poller reads schedules before tickets; the deliveries below must not come earlier than it would have brought them.
	waitRead(t, api, source, "schedules")
	drained(t, app)
	post := postWorked(t, api, source)
	l := liveFeed{
		source: source, account: subdomain,
		publish: func(ctx context.Context, events ...schemas.Event) error {
			return untilTaken(ctx, func() error { return app.stream.Publish(ctx, events...) })
		},
		post: func(ctx context.Context, body []byte) error {
			return untilTaken(ctx, func() error { return post(ctx, body) })
		},
	}
	if err := l.repeatedly(t.Context(), deliveries); err != nil {
		t.Fatal(err)
	}
	server.ClearFaults()
	waitSynced(t, api, source)
	drained(t, app)
	checkExpected(t, api, readExpected(t, workedFolder(t)))
}

// waitRead waits until a stream of a source was read once.
func waitRead(t *testing.T, api *client, source, name string) {
	t.Helper()
	eventually(t, 60*time.Second, func() error {
		var state struct {
			Streams []struct {
				Stream  string     `json:"stream"`
				Through *time.Time `json:"through"`
			} `json:"streams"`
		}
		if err := api.call(t.Context(), "GET", "/v1/sources/"+source+"/sync", nil, &state); err != nil {
			return err
		}
		for _, st := range state.Streams {
			if st.Stream == name && st.Through != nil {
				return nil
			}
		}
		return fmt.Errorf("%s is not read yet", name)
	})
}

// TestWorkedAccountUnderKills does the same to a process that is killed with SIGKILL at random moments. What was not accepted is
// delivered again, as Zendesk does.
func TestWorkedAccountUnderKills(t *testing.T) {
	t.Parallel()
	needEngine(t)
	server, subdomain, deliveries := serveWorkedLive(t)
	data, addr := t.TempDir(), freeAddress(t)
	stopMerges(t, data)
	p := newProgram(t, nil, quickRun(data, addr, server.URL())...)
	p.start()
	api := newClient("http://"+addr, testKey)
	p.ready(api)
	source := connect(t, api, subdomain, workedAdmin, 4000)
	waitRead(t, api, source, "schedules")

	post := postWorked(t, api, source)
	l := liveFeed{source: source, account: subdomain}
	l.post = func(ctx context.Context, body []byte) error {
		return untilTaken(ctx, func() error { return post(ctx, body) })
	}
	l.publish = func(ctx context.Context, events ...schemas.Event) error {
		if len(events) == 0 {
			return nil
		}
		return untilTaken(ctx, func() error {
			return withRunning(ctx, data, func(s *stream.Stream) error { return s.Publish(ctx, events...) })
		})
	}
	fed := make(chan error, 1)
	go func() { fed <- l.repeatedly(t.Context(), deliveries) }()
	t.Logf("%d kills", killUntil(t, p, fed))
	server.ClearFaults()
	p.ready(api)
	waitSynced(t, api, source)
	if err := withRunning(t.Context(), data, func(s *stream.Stream) error { return s.Drained(t.Context()) }); err != nil {
		t.Fatal(err)
	}
	checkExpected(t, api, readExpected(t, workedFolder(t)))
	p.kill()
	checkExactlyOnce(t, data)
}

// workedKills bounds the kills: on a busy machine the program would else be killed before it gets anywhere.
const workedKills = 8

// killUntil kills and starts the program at random moments while it is fed.
func killUntil(t *testing.T, p *program, fed <-chan error) (kills int) {
	t.Helper()
	for {
		var next <-chan time.Time
		if kills < workedKills {
			next = time.After(time.Duration(500+rand.IntN(4000)) * time.Millisecond) // a random moment is the point
		}
		select {
		case err := <-fed:
			if err != nil {
				t.Fatal(err)
			}
			return kills
		case <-next:
			p.kill()
			p.start()
			kills++
		}
	}
}

// untilTaken tries again while the program is down, or slower than a sender waits.
func untilTaken(ctx context.Context, deliver func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		err := deliver()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// withRunning lends the stream of the program that runs on a data folder.
func withRunning(ctx context.Context, data string, f func(*stream.Stream) error) error {
	nc, done, err := connectRunning(data, os.ErrNotExist)
	if err != nil {
		return err
	}
	defer done()
	s, err := stream.Open(ctx, stream.Options{Conn: nc, Log: zerolog.Nop(), Now: time.Now})
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.Close(ctx))
}

// hideWorked keeps the final state from polls and early fetches; only the check of the credentials passes.
func hideWorked(server *zendesktest.Server) {
	for path, skip := range map[string]int{"/api/v2/incremental": 1, "/api/v2/satisfaction_ratings": 0, "/api/v2/tickets": 0, "/api/v2/users/show_many": 0} {
		server.Inject(zendesktest.Fault{Path: path, Skip: skip, Status: 503, RetryAfter: 1, Times: -1})
	}
}

func postWorked(t *testing.T, api *client, source string) func(context.Context, []byte) error {
	t.Helper()
	hook := api.base + "/webhooks/zendesk/" + source
	return func(_ context.Context, body []byte) error {
		status, err := postSigned(http.DefaultClient, hook, testSecret, body)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("webhook: status %d", status)
		}
		return err
	}
}

// liveFeed delivers what Zendesk delivered.
type liveFeed struct {
	source, account string
	post            func(ctx context.Context, webhook []byte) error
	publish         func(ctx context.Context, page ...schemas.Event) error
}

// repeatedly delivers everything, a prefix of it twice, and a part in the middle twice.
func (l *liveFeed) repeatedly(ctx context.Context, deliveries []zendesktest.Delivery) error {
	for _, part := range [][]zendesktest.Delivery{deliveries[:len(deliveries)*2/3], deliveries[:len(deliveries)/4], deliveries[len(deliveries)*3/5:]} {
		if err := l.feed(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func (l *liveFeed) feed(ctx context.Context, deliveries []zendesktest.Delivery) error {
	var events []schemas.Event
	for _, d := range deliveries {
		if d.Source != "webhook" {
			page, err := l.page(d)
			if err != nil {
				return err
			}
			events = append(events, page...)
			continue
		}
		if err := l.publish(ctx, events...); err != nil {
			return err
		}
		events = events[:0]
		if err := l.post(ctx, d.Body); err != nil {
			return fmt.Errorf("delivery %d: %w", d.N, err)
		}
	}
	return l.publish(ctx, events...)
}

// page turns the rows of a polled page into events, as the poller does.
func (l *liveFeed) page(d zendesktest.Delivery) ([]schemas.Event, error) {
	kinds := map[string]schemas.Kind{
		"tickets": schemas.KindTicket, "audits": schemas.KindAudit, "users": schemas.KindUser, "satisfaction_ratings": schemas.KindRating,
		"ticket_metric_events": schemas.KindMetricEvent,
	}
	var page map[string]json.RawMessage
	if err := json.Unmarshal(d.Body, &page); err != nil {
		return nil, err
	}
	var events []schemas.Event
	for name, kind := range kinds {
		var rows []json.RawMessage
		if page[name] != nil {
			if err := json.Unmarshal(page[name], &rows); err != nil {
				return nil, err
			}
		}
		for i, row := range rows {
			events = append(events, schemas.Event{
				ID: fmt.Sprintf("zd:%s:poll:%d:%s:%d", l.account, d.N, name, i), Kind: kind, Source: l.source, Account: l.account, Via: "poll",
				ReceivedAt: d.At, Data: row,
			})
		}
	}
	return events, nil
}

func checkExpected(t *testing.T, api *client, e expected) {
	t.Helper()
	w := worked{T: t, api: api, expected: e, span: url.Values{"from": {"2024-02-01"}, "to": {"2024-04-18"}, "tz": {"UTC"}, "as_of": {e.Meta.AsOf}}}
	w.totals()
	for zone := range e.Daily {
		w.daily(zone)
	}
	w.agents()
	w.dimensions()
	w.keywords()
	w.tickets()
}

// worked compares one running program with the worked account.
type worked struct {
	*testing.T
	api      *client
	expected expected
	span     url.Values
}

func (w *worked) query(more ...string) url.Values {
	q := url.Values{}
	for k, v := range w.span {
		q[k] = v
	}
	for i := 0; i < len(more); i += 2 {
		q[more[i]] = append([]string(nil), more[i+1])
	}
	return q
}

func (w *worked) same(what string, got, want *float64) {
	w.Helper()
	if want == nil && got == nil {
		return
	}
	if want == nil || got == nil || math.Abs(*got-*want) > 0.001 {
		w.Errorf("%s: got %s, want %s", what, shown(got), shown(want))
	}
}

func shown(f *float64) string {
	if f == nil {
		return "null"
	}
	return fmt.Sprint(*f)
}

// totals compares whole-account figures; each line: report, its value, the expected name.
func (w *worked) totals() {
	for _, c := range []struct{ metric, value, name string }{
		{"tickets_created", "tickets", "tickets"},
		{"closures", "solve_events", "solve_events"},
		{"closures", "closed", "closed"},
		{"reopens", "reopens", "reopens"},
		{"reopens", "reopened_tickets", "reopened_tickets"},
		{"csat", "good", "csat_good"},
		{"csat", "bad", "csat_bad"},
		{"csat", "surveyed", "csat_surveyed"},
		{"csat", "score_pct", "csat_pct"},
		{"csat", "response_pct", "csat_response_pct"},
		{"assignments", "reassigned_tickets", "reassigned_tickets"},
		{"tickets", "unsolved", "unsolved"},
		{"tickets", "solved", "solved_or_closed"},
		{"tickets", "unassigned_unsolved", "unassigned_unsolved"},
		{"tickets", "unreplied", "unreplied"},
		{"tickets", "merged", "merged"},
		{"replies", "unreplied", "unreplied"},
		{"first_reply_time", "mean_s", "first_reply_mean_s"},
		{"first_reply_time", "median_s", "first_reply_median_s"},
		{"full_resolution_time", "mean_s", "full_resolution_mean_s"},
		{"full_resolution_time", "median_s", "full_resolution_median_s"},
	} {
		got := report(w, w.api, c.metric, w.query())
		w.same("totals "+c.metric+"."+c.value, got.Totals[c.value], w.expected.Totals[c.name])
	}
	got := report(w, w.api, "first_reply_time", w.query("hours", "business"))
	w.same("totals first_reply_time business mean", got.Totals["mean_s"], w.expected.Totals["first_reply_business_mean_s"])
}

// daily compares every day of one zone.
func (w *worked) daily(zone string) {
	days := w.expected.Daily[zone]
	first, last := "9999", ""
	for d := range days {
		first, last = min(first, d), max(last, d)
	}
	for _, c := range []struct{ metric, value, name string }{
		{"tickets_created", "tickets", "created"},
		{"closures", "solve_events", "solve_events"},
		{"closures", "tickets_solved", "tickets_solved"},
		{"closures", "closed", "closed"},
		{"reopens", "reopens", "reopened"},
		{"backlog", "unsolved", "backlog_total"},
		{"csat", "good", "csat_good"},
		{"csat", "bad", "csat_bad"},
	} {
		got := report(w, w.api, c.metric, w.query("from", first, "to", last, "tz", zone, "interval", "day"))
		seen := 0
		for _, r := range got.Rows {
			want, ok := days[r.At][c.name].(float64)
			if !ok {
				w.Errorf("%s %s %s: a day that is not expected", zone, c.metric, r.At)
				continue
			}
			seen++
			w.same(strings.Join([]string{zone, c.metric, c.value, r.At}, " "), r.Values[c.value], &want)
		}
		if seen != len(days) {
			w.Errorf("%s %s: %d days answered, want %d", zone, c.metric, seen, len(days))
		}
	}
	w.backlog(zone, first, last)
}

func (w *worked) backlog(zone, first, last string) {
	days := w.expected.Daily[zone]
	got := report(w, w.api, "backlog", w.query("from", first, "to", last, "tz", zone, "interval", "day"))
	for _, r := range got.Rows {
		for status, v := range days[r.At]["backlog"].(map[string]any) {
			want := v.(float64)
			w.same(strings.Join([]string{zone, "backlog", status, r.At}, " "), r.Values[status], &want)
		}
	}
	got = report(w, w.api, "backlog", w.query("from", first, "to", last, "tz", zone, "interval", "day", "include_deleted", "true"))
	for _, r := range got.Rows {
		want := days[r.At]["backlog_total_incl_deleted"].(float64)
		w.same(zone+" backlog with deleted "+r.At, r.Values["unsolved"], &want)
	}
}

// byKey finds the value of one key; a key without a row is zero where a count is meant.
func byKey(a answer, key, value string) *float64 {
	for _, r := range a.Rows {
		if len(r.Key) == 1 && r.Key[0] == key {
			return r.Values[value]
		}
	}
	zero := 0.0
	return &zero
}

func (w *worked) agents() {
	for _, c := range []struct{ metric, by, value, name, parameter, argument string }{
		{"assignments", "assignee", "assignments", "assignments", "", ""},
		{"assignments", "assignee", "assigned_now", "assigned_now", "", ""},
		{"assignments", "assignee", "assigned_unsolved_now", "assigned_unsolved_now", "", ""},
		{"closures", "assignee", "solve_events", "solve_events", "", ""},
		{"closures", "assignee", "tickets_solved", "tickets_solved_current", "", ""},
		{"csat", "assignee", "good", "csat_good", "", ""},
		{"csat", "assignee", "bad", "csat_bad", "", ""},
		{"csat", "assignee", "surveyed", "csat_surveyed", "", ""},
		{"csat", "assignee", "offered_unrated", "csat_offered_unrated", "", ""},
		{"csat", "assignee", "score_pct", "csat_pct", "", ""},
		{"csat", "assignee", "good", "csat_good_current", "attribute", "current_assignee"},
		{"csat", "assignee", "bad", "csat_bad_current", "attribute", "current_assignee"},
		{"replies", "agent", "public_replies", "public_replies", "", ""},
	} {
		q := w.query("group_by", c.by)
		if c.parameter != "" {
			q.Set(c.parameter, c.argument)
		}
		got := report(w, w.api, c.metric, q)
		for agent, want := range w.expected.ByAgent {
			w.same("agent "+agent+" "+c.metric+"."+c.name, byKey(got, agent, c.value), want[c.name])
		}
	}
}

func (w *worked) dimensions() {
	for dimension, keys := range w.expected.ByDimension {
		got := report(w, w.api, "tickets", w.query("group_by", dimension))
		for key, want := range keys {
			for _, name := range []string{"tickets", "unsolved", "solved", "good", "bad"} {
				w.same(dimension+" "+key+" "+name, byKey(got, key, name), want[name])
			}
		}
		for _, r := range got.Rows {
			// A key may be there for its deleted tickets alone, which the account's figures leave out.
			if _, ok := keys[r.Key[0]]; !ok && *r.Values["tickets"] != 0 {
				w.Errorf("dimension %s: key %v is not expected", dimension, r.Key)
			}
		}
	}
}

// keywords: the account's tickets_public counts tickets by their public messages alone and its tickets_any by subject or public message,
// which are the report's tickets_messages and tickets (M29).
func (w *worked) keywords() {
	for phrase, want := range w.expected.Keywords {
		public := report(w, w.api, "keywords", w.query("phrase", phrase))
		all := report(w, w.api, "keywords", w.query("phrase", phrase, "scope", "any"))
		for _, c := range []struct {
			from        answer
			value, name string
		}{
			{public, "tickets_messages", "tickets_public"},
			{public, "tickets", "tickets_any"},
			{public, "tickets_subject", "tickets_subject"},
			{public, "messages", "public_messages"},
			{public, "occurrences", "public_occurrences"},
			{all, "occurrences", "all_occurrences"},
		} {
			var n float64
			if err := json.Unmarshal(want[c.name], &n); err != nil {
				w.Fatal(err)
			}
			w.same("keyword "+phrase+" "+c.name, byKey(c.from, phrase, c.value), &n)
		}
	}
}

// tickets compares the facts of each ticket; names are the same on both sides.
func (w *worked) tickets() {
	ids := make([]string, 0, len(w.expected.PerTicket))
	for id := range w.expected.PerTicket {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	for _, id := range ids {
		var facts map[string]json.RawMessage
		if err := w.api.call(w.Context(), "GET", "/v1/tickets/"+id+"/facts?as_of="+url.QueryEscape(w.expected.Meta.AsOf), nil, &facts); err != nil {
			w.Error(err)
			continue
		}
		for name, want := range w.expected.PerTicket[id] {
			w.fact(id, name, facts[name], want)
		}
	}
}

// fact compares one fact; ids are strings and times RFC 3339 on our side, numbers on the other.
func (w *worked) fact(id, name string, got, want json.RawMessage) {
	switch name {
	case "live":
		w.liveWaits(id, got, want)
		return
	case "created_at", "csat_at", "touch", "merged":
		return // other forms of what is compared elsewhere
	}
	g, e := strings.Trim(string(got), `"`), strings.Trim(string(want), `"`)
	if g != e && jsonWithoutSpace(got) != jsonWithoutSpace(want) {
		w.Errorf("ticket %s %s: got %s, want %s", id, name, got, want)
	}
}

func jsonWithoutSpace(b json.RawMessage) string { return strings.Join(strings.Fields(string(b)), "") }

func (w *worked) liveWaits(id string, got, want json.RawMessage) {
	var g, e map[string]*float64
	if json.Unmarshal(got, &g) != nil || json.Unmarshal(want, &e) != nil {
		w.Errorf("ticket %s live: got %s, want %s", id, got, want)
		return
	}
	for name := range e {
		w.same("ticket "+id+" live "+name, g[name], e[name])
	}
}
