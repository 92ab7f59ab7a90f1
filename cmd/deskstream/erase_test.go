package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// The person to be erased, whose name, addresses and words occur nowhere else.
const (
	secretName  = "Zebulon Quagmire"
	secretEmail = "zebulon@quagmire.test"
	secretID    = "ZQ-4711"
)

var secrets = []string{"Zebulon", "zebulon", "Quagmire", "quagmire", "zebracorn", "ZQ-4711", "zq-4711"}

// secretLife lets the person write two tickets, get answers, change a subject, rate, and speak in somebody else's ticket.
func secretLife(t *testing.T, a *zendesktest.Account) (user int64) {
	t.Helper()
	at := time.Now().Add(-72 * time.Hour)
	step := func() time.Time { at = at.Add(time.Hour); return at }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	admin := func() int64 {
		for _, u := range a.Users() {
			if u.Role == "admin" {
				return u.ID
			}
		}
		t.Fatal("no admin")
		return 0
	}()
	u, err := a.CreateUser(step(), zendesktest.NewUser{Name: secretName, Email: secretEmail, ExternalID: secretID, Notes: "likes the zebracorn", Phone: "+4930901820"})
	must(err)
	for i := range 2 {
		ticket, err := a.CreateTicket(step(), zendesktest.NewTicket{Requester: u.ID, Subject: "My zebracorn is broken", Body: "The zebracorn I bought is broken.", Tags: []string{"vip"}})
		must(err)
		must(a.Comment(step(), ticket.ID, admin, "Dear Zebulon, which zebracorn?", true))
		must(a.Comment(step(), ticket.ID, u.ID, "The blue zebracorn, a refund please.", true))
		must(a.Comment(step(), ticket.ID, admin, "A note about the zebracorn.", false))
		must(a.SetSubject(step(), ticket.ID, admin, fmt.Sprintf("zebracorn, the blue one %d", i)))
		must(a.SetStatus(step(), ticket.ID, admin, "solved"))
		must(a.OfferRating(step(), ticket.ID))
		must(a.Rate(step(), ticket.ID, "good", "best zebracorn ever"))
	}
	name := secretName + " II"
	must(a.UpdateUser(step(), u.ID, zendesktest.UserChange{Name: &name}))
	for _, other := range a.Tickets() {
		if other.RequesterID != u.ID && other.Status == "open" || other.Status == "pending" {
			must(a.Comment(step(), other.ID, u.ID, "I have the same zebracorn.", true))
			return u.ID
		}
	}
	t.Fatal("no open ticket")
	return 0
}

// secretsIn lists the secrets that a text holds.
func secretsIn(text []byte) (found []string) {
	for _, s := range secrets {
		if bytes.Contains(text, []byte(s)) {
			found = append(found, s)
		}
	}
	return found
}

// secretTraces lists where secrets are: files of NATS and tables without FINAL.
func secretTraces(t *testing.T, app *App) (found []string) {
	t.Helper()
	note := func(where string, text []byte) {
		if s := secretsIn(text); len(s) > 0 {
			found = append(found, fmt.Sprintf("%s holds %v", where, s))
		}
	}
	localtest.Stored(t, filepath.Join(app.Config.Data, "nats"), func(path string, data []byte) {
		note(filepath.Base(filepath.Dir(filepath.Dir(path)))+"/"+filepath.Base(path), data)
	})
	for _, table := range schemas.Tables {
		note("table "+table, tableText(t, app, table))
	}
	return found
}

// noSecrets asks everything that tells of people.
func noSecrets(t *testing.T, api *client, source string, user int64, account string) {
	t.Helper()
	for _, path := range []string{
		"/v1/people?limit=500", "/v1/sources/" + source + "/activity?limit=500", "/v1/sources/" + source + "/audience?limit=500",
	} {
		var body string
		if err := api.call(t.Context(), "GET", path, nil, &body); err != nil {
			t.Fatal(err)
		}
		if s := secretsIn([]byte(body)); len(s) > 0 {
			t.Errorf("%s holds %v", path, s)
		}
	}
	for _, name := range []string{
		"email:" + secretEmail, "external:" + secretID, fmt.Sprintf("zendesk:%d", user), schemas.OwnPersonID(account, schemas.ZID(user)),
	} {
		for _, method := range []string{"GET", "DELETE"} {
			if err := api.call(t.Context(), method, "/v1/people/"+name, nil, nil); err == nil || !strings.Contains(err.Error(), "no-such-person") {
				t.Errorf("%s %s: %v", method, name, err)
			}
		}
	}
}

func tableText(t *testing.T, app *App, table string) []byte {
	t.Helper()
	db, err := openQueries(app.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(t.Context(), "SELECT toString(tuple(*)) FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []byte
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			t.Fatal(err)
		}
		all = append(append(all, row...), '\n')
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// allReports answers every report as of one moment, by day and by one of its dimensions.
func allReports(t *testing.T, api *client, asOf time.Time) map[string]answer {
	t.Helper()
	var list struct {
		Items []struct {
			Metric     string   `json:"metric"`
			Dimensions []string `json:"dimensions"`
		} `json:"items"`
	}
	if err := api.call(t.Context(), "GET", "/v1/reports", nil, &list); err != nil {
		t.Fatal(err)
	}
	out := map[string]answer{}
	for i, r := range list.Items {
		by := []string{"day"}
		if n := len(r.Dimensions); n > 0 {
			by = append(by, r.Dimensions[i%n]) // all dimensions come to their turn
		}
		for _, by := range by {
			name := r.Metric + " " + by
			out[name] = report(t, api, r.Metric, reportQuery(name, asOf))
		}
	}
	if len(out) < 40 {
		t.Fatalf("only %d reports", len(out))
	}
	return out
}

// reportQuery is the question behind a name of allReports.
func reportQuery(name string, asOf time.Time) url.Values {
	metric, by, _ := strings.Cut(name, " ")
	q := url.Values{"from": {asOf.AddDate(0, 0, -20).Format(time.DateOnly)}, "to": {asOf.Format(time.DateOnly)}, "as_of": {asOf.Format(time.RFC3339)}}
	if metric == "keywords" {
		q.Set("phrase", "parcel")
	}
	if by == "day" {
		q.Set("interval", "day")
	} else {
		q.Set("group_by", by)
	}
	return q
}

// TestErasureEndToEnd erases a person: nothing of them is left in any table, answer or file, every figure is as it was, and neither
// webhooks nor a resync bring them back.
func TestErasureEndToEnd(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	account, err := zendesktest.History(11, 6, 5, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	user := secretLife(t, account)
	app, api := startApp(t, serveAccount(t, account, zendesktest.AdminEmail).URL())
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 60)
	sender := &zendesktest.Sender{Account: account, URL: api.base + "/webhooks/zendesk/" + source, Secret: testSecret, Copies: 2, Parallel: 8}
	flush := func() {
		t.Helper()
		if _, err := sender.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	flush()
	waitSynced(t, api, source)
	letter := schemas.Event{
		ID: "bad", Kind: schemas.KindUser, Source: source, Account: account.Subdomain, Via: "poll", ReceivedAt: time.Now(),
		Data: fmt.Appendf(nil, `{"id":%d,"name":%q}`, user, secretName),
	}
	if err := untilTaken(ctx, func() error { return app.stream.Publish(ctx, letter) }); err != nil {
		t.Fatal(err)
	}
	drained(t, app)
	asOf := time.Now().UTC().Truncate(time.Second)
	before := allReports(t, api, asOf)
	if traces := secretTraces(t, app); len(traces) < 8 {
		t.Fatalf("before: %v", traces)
	}

	var receipt struct {
		ID, State string
		Removed   map[string]int
	}
	start := time.Now()
	if err := api.call(ctx, "DELETE", "/v1/people/email:"+secretEmail, nil, &receipt); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s after %s: %v", receipt.State, time.Since(start), receipt.Removed)
	eventually(t, 60*time.Second, func() error {
		if err := api.call(ctx, "GET", "/v1/erasures/"+receipt.ID, nil, &receipt); err != nil || receipt.State == "done" {
			return err
		}
		return errors.New(receipt.State)
	})
	for _, part := range []string{"people", "person_aliases", "tickets", "messages", "activities", "ratings", "raw_events", "dead_letters"} {
		if receipt.Removed[part] == 0 {
			t.Errorf("the receipt tells of no %s: %v", part, receipt.Removed)
		}
	}
	check := func(when string) {
		t.Helper()
		drained(t, app)
		for _, trace := range secretTraces(t, app) {
			t.Errorf("%s: %s", when, trace)
		}
		noSecrets(t, api, source, user, account.Subdomain)
		eventually(t, 60*time.Second, func() error { return api.call(ctx, "GET", "/readyz", nil, nil) }) // a busy machine may answer late
		for name, want := range before {
			if got := report(t, api, strings.Fields(name)[0], reportQuery(name, asOf)); !reflect.DeepEqual(got.table(), want.table()) || !reflect.DeepEqual(got.Totals, want.Totals) {
				t.Errorf("%s: report %s: %v, want %v", when, name, got.table(), want.table())
			}
		}
	}
	check("erased")
	if t.Failed() {
		return
	}
	maps.DeleteFunc(before, func(name string, _ answer) bool {
		return !strings.HasSuffix(name, " day") || strings.Contains(name, "_time ")
	})

	name := "Zebulon the third"
	if err := account.UpdateUser(time.Now(), user, zendesktest.UserChange{Name: &name}); err != nil {
		t.Fatal(err)
	}
	ticket, err := account.CreateTicket(time.Now(), zendesktest.NewTicket{Requester: user, Subject: "zebracorn again", Body: "Another zebracorn."})
	if err != nil {
		t.Fatal(err)
	}
	if err := account.Comment(time.Now(), ticket.ID, account.Users()[0].ID, "Dear Zebulon, not again.", true); err != nil {
		t.Fatal(err)
	}
	flush()
	if err := api.call(ctx, "POST", "/v1/sources/"+source+"/resync", map[string]any{"mode": "backfill"}, nil); err != nil {
		t.Fatal(err)
	}
	waitSynced(t, api, source)
	drained(t, app)
	if err := app.sweepErased(ctx); err != nil {
		t.Fatal(err)
	}
	check("resynced")
	if err := app.stream.ResetForReplay(ctx, time.Time{}); err != nil {
		t.Fatal(err)
	}
	check("replayed")
}

// erased erases a person and waits until that is done.
func (p *peopleTest) erased(name string) {
	p.t.Helper()
	var receipt struct{ ID, State string }
	p.call("DELETE", "/v1/people/"+name, nil, &receipt)
	eventually(p.t, time.Minute, func() error {
		if err := p.api.call(p.t.Context(), "GET", "/v1/erasures/"+receipt.ID, nil, &receipt); err != nil || receipt.State == "done" {
			return err
		}
		return errors.New(receipt.State)
	})
}

// TestErasureVerifies erases people of Zendesk and of ours, some merged, in audiences, with changes of tracked fields: the tables are what the
// stored events make, and a replay moves no figure.
func TestErasureVerifies(t *testing.T) {
	t.Parallel()
	var user int64
	p := newPeopleTest(t, func(a *zendesktest.Account) { user = secretLife(t, a) })
	p.call("PATCH", "/v1/fields/email", map[string]any{"tracked": true}, nil)
	p.call("POST", "/v1/fields", map[string]any{"key": "last_subject", "activity": "ticket-created", "attribute": "subject"}, nil)
	gold, everybody := p.audience("gold", `{"field":"custom.au","op":"is","value":1}`), p.audience("everybody", `{"field":"created_at","op":"has_value"}`)
	_, ids := p.upsert(map[string]any{"email": "e1@erase.test", "custom": map[string]any{"au": 1}}, map[string]any{"email": "e2@erase.test"},
		map[string]any{"email": "e3@erase.test", "custom": map[string]any{"au": 1}})
	for i, id := range ids {
		p.call("PATCH", "/v1/people/"+id, map[string]any{"email": fmt.Sprintf("other%d@erase.test", i)}, nil)
	}
	p.call("PATCH", "/v1/people/email:"+secretEmail, map[string]any{"email": "again@quagmire.test"}, nil)
	p.call("POST", "/v1/people/merge", map[string]any{"survivor": ids[0], "others": []string{ids[1]}}, nil)
	eventually(t, time.Minute, func() error { // in its first moments everybody enters at several times
		for _, audience := range []string{gold, everybody} {
			if !slices.ContainsFunc(p.entries(audience), func(e audienceEntry) bool { return e.Person.ID == ids[2] }) {
				return errors.New("not everybody has entered")
			}
		}
		return nil
	})
	drained(t, p.app)
	asOf := time.Now().UTC().Truncate(time.Second)
	before, entries := allReports(t, p.api, asOf), p.entries(gold)
	for _, name := range []string{ids[0], ids[2], fmt.Sprintf("zendesk:%d", user)} {
		p.erased(name)
	}
	drained(t, p.app)
	same := func(when string) {
		t.Helper()
		for name, want := range before {
			if got := report(t, p.api, strings.Fields(name)[0], reportQuery(name, asOf)); !reflect.DeepEqual(got.table(), want.table()) || !reflect.DeepEqual(got.Totals, want.Totals) {
				t.Errorf("%s: report %s: %v, want %v", when, name, got.table(), want.table())
			}
		}
		if now := p.entries(gold); !slices.Equal(now, entries) {
			t.Errorf("%s: entries %+v, want %+v", when, now, entries)
		}
		for _, trace := range secretTraces(t, p.app) {
			t.Errorf("%s: %s", when, trace)
		}
	}
	same("erased")
	if status, v := verify(t, p.app); status != 0 || !v.Clean {
		for i := range v.Tables {
			if x := &v.Tables[i]; x.differs() {
				t.Errorf("%+v", *x)
			}
		}
	}
	db, err := openQueries(p.app.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Exec(t.Context(), "INSERT INTO messages SELECT * REPLACE (message_id + 1 AS message_id) FROM messages FINAL ORDER BY message_id LIMIT 1"); err != nil {
		t.Fatal(err)
	}
	if status, v := verify(t, p.app, "--repair"); status != 0 || !v.Repaired {
		t.Errorf("repair: status %d, %+v", status, v)
	}
	same("repaired")
}

// namesOf counts the names by which a person is found in the tables of the program that runs on a data folder, once they are there: the processors, who
// answer for a person, know of it before.
func namesOf(t *testing.T, data, person string) (names uint64) {
	t.Helper()
	c := StoreFlags{BaseFlags: BaseFlags{Data: data}}
	if err := c.attach(); err != nil {
		t.Fatal(err)
	}
	db, err := openQueries(c.ClickHouseDSN)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	eventually(t, time.Minute, func() error {
		q := "SELECT uniqExact(alias) FROM person_aliases WHERE person_id = '" + person + "' AND NOT startsWith(alias, 'p_')"
		if err := db.QueryRow(t.Context(), q).Scan(&names); err != nil || names > 0 {
			return err
		}
		return errors.New("no names are in the table yet")
	})
	return names
}

// TestErasureSurvivesKills kills the program at one step of an erasure after the other; after the last start it ends as if nothing had been, with a receipt that
// counts each row once.
func TestErasureSurvivesKills(t *testing.T) {
	t.Parallel()
	needEngine(t)
	account, err := zendesktest.History(12, 3, 4, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	user := secretLife(t, account)
	data, addr := t.TempDir(), freeAddress(t)
	server := serveAccount(t, account, zendesktest.AdminEmail)
	p := newProgram(t, nil, quickRun(data, addr, server.URL())...)
	p.start()
	api := newClient("http://"+addr, testKey)
	p.ready(api)
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 60)
	waitSynced(t, api, source)
	eventually(t, time.Minute, func() error {
		return api.call(t.Context(), "GET", "/v1/people/email:"+secretEmail, nil, nil)
	})
	names := namesOf(t, data, schemas.OwnPersonID(account.Subdomain, schemas.ZID(user)))
	p.kill()
	points := []string{"erase.recorded:1", "erase.kept:1", "erase.overwritten:3", "scrub.turned:1", "scrub.spread:1", "scrub.restated:1"}
	for i, point := range points {
		p.env = []string{"DESKSTREAM_CRASH=" + point}
		p.start()
		if i == 0 {
			p.ready(api)
			if err := api.call(t.Context(), "DELETE", "/v1/people/email:"+secretEmail, nil, nil); err == nil {
				t.Fatal("the erasure ended before the kill")
			}
		}
		select {
		case <-p.ended:
		case <-time.After(60 * time.Second):
			t.Fatalf("%s is never reached", point)
		}
	}
	p.env = nil
	p.start()
	p.ready(api)
	var receipt struct {
		State   string
		Removed map[string]uint64
	}
	eventually(t, 60*time.Second, func() error {
		path := "/v1/erasures/er_" + schemas.HashID(account.Subdomain, schemas.OwnPersonID(account.Subdomain, schemas.ZID(user)))
		if err := api.call(t.Context(), "GET", path, nil, &receipt); err != nil || receipt.State == "done" {
			return err
		}
		return errors.New(receipt.State)
	})
	if r := receipt.Removed; r["people"] != 1 || r["person_aliases"] != names {
		t.Errorf("removed: %v, want a person and %d names", r, names)
	}
	noSecrets(t, api, source, user, account.Subdomain)
	p.kill()
	app := onData(t, data)
	defer app.Stop()
	drained(t, app)
	for _, trace := range secretTraces(t, app) {
		t.Error(trace)
	}
	if err := app.stream.Health(t.Context()); err != nil {
		t.Error(err)
	}
}
