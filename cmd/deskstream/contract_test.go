package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
)

// object is the shape of a JSON object: names with the types of their values, which are text, time, int, number, bool, texts or any, also an
// object, a list of a shape, or with ? behind it null. Other names may be there too.
type object map[string]any

// listOf is the shape of a list that has at least one element.
type listOf struct{ of any }

// pageOf is the shape of a page of a list.
func pageOf(shape any) object { return object{"items": listOf{shape}, "next_cursor": "text?"} }

// misshapen says what of an answer is not as it should be, by path.
func misshapen(path string, got, shape any) []string {
	switch shape := shape.(type) {
	case object:
		m, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is no object: %v", path, got)}
		}
		var out []string
		for name, of := range shape {
			v, there := m[name]
			if !there {
				out = append(out, path+"."+name+" is missing")
				continue
			}
			out = append(out, misshapen(path+"."+name, v, of)...)
		}
		return out
	case listOf:
		l, ok := got.([]any)
		if !ok || len(l) == 0 {
			return []string{fmt.Sprintf("%s has no element: %v", path, got)}
		}
		var out []string
		for i, v := range l {
			out = append(out, misshapen(fmt.Sprintf("%s[%d]", path, i), v, shape.of)...)
		}
		return out
	}
	kind, null := strings.CutSuffix(shape.(string), "?")
	if !isOf(kind, got) && (!null || got != nil) {
		return []string{fmt.Sprintf("%s is no %s: %v", path, shape, got)}
	}
	return nil
}

func isOf(kind string, v any) bool {
	switch kind {
	case "any":
		return true
	case "bool":
		_, ok := v.(bool)
		return ok
	case "number":
		_, ok := v.(float64)
		return ok
	case "int":
		f, ok := v.(float64)
		return ok && f == float64(int64(f))
	case "texts":
		l, ok := v.([]any)
		return ok && !slices.ContainsFunc(l, func(e any) bool { return !isOf("text", e) })
	}
	s, ok := v.(string)
	if kind == "time" {
		t, err := time.Parse(time.RFC3339, s)
		return err == nil && t.Location() == time.UTC
	}
	return ok
}

// asker asks a running program and holds its answers against what is promised.
type asker struct {
	*peopleTest
}

// ask gives the answer to a call that has to have a status and a shape; nil: no body.
func (a *asker) ask(status int, method, path string, body any, shape any) any {
	a.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		a.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.api.base+path, bytes.NewReader(b))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		a.t.Fatalf("%s %s: status %d, want %d: %s %v", method, path, resp.StatusCode, status, text, err)
	}
	var got any
	if len(text) > 0 {
		if err := json.Unmarshal(text, &got); err != nil {
			a.t.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
	}
	if shape == nil {
		if got != nil && status == http.StatusNoContent {
			a.t.Errorf("%s %s has a body: %s", method, path, text)
		}
		return got
	}
	for _, fault := range misshapen("answer", got, shape) {
		a.t.Errorf("%s %s: %s", method, path, fault)
	}
	return got
}

// at gives what is at a dotted path of an answer; numbers are places in lists.
func at(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			v = x[int(name[0]-'0')]
		}
	}
	return v
}

var (
	sourceShape = object{
		"id": "text", "type": "text", "account": "text", "name": "text", "status": "text", "opt_in": object{"email": "bool", "sms": "bool", "confirmed_by": "text"},
		"retention": object{"days": "int", "activities": object{"ticket-created": "int"}}, "fields": object{"writable": "texts", "only_if_empty": "bool"},
		"archive_on_delete": "bool", "identifiers": "texts",
	}
	feedShape = object{"activity": "text", "occurred_at": "time", "person": object{"id": "text", "name": "text"}, "text": "text", "attributes": object{}}
	jobShape  = object{"job": object{"source_id": "text", "kind": "text", "mode": "text"}}

	zendeskShape = object{
		"user_id": "text", "name": "text", "email": "text", "phone": "text", "alias": "text", "details": "text", "notes": "text", "role": "text", "locale": "text",
		"time_zone": "text", "verified": "bool", "active": "bool", "suspended": "bool", "shared_phone_number": "bool", "tags": "texts", "organization_id": "text",
		"last_login_at": "time?", "created_at": "time", "updated_at": "time", "url": "text", "fields": object{},
		"tickets_total": "int", "tickets_open": "int", "tickets_closed": "int", "first_ticket_at": "time?", "last_ticket_at": "time?", "last_ticket_subject": "text?",
		"last_ticket_status": "text?", "last_satisfaction_score": "text?", "last_satisfaction_at": "time?", "good_ratings": "int", "bad_ratings": "int",
	}
	personShape = object{
		"id": "text", "first_name": "text", "last_name": "text", "email": "text", "phone_number": "text", "external_id": "text", "language": "text", "timezone": "text",
		"permissions": object{"email": "bool", "sms": "bool"}, "archived": "bool", "organization": object{"id": "text", "name": "text"}, "zendesk": zendeskShape,
		"custom": object{}, "first_last": object{"ticket-created": object{"first_at": "time", "last_at": "time", "count": "int"}}, "created_at": "time",
		"updated_at": "time", "sources": "texts",
	}
	organizationShape = object{
		"id": "text", "name": "text", "external_id": "text", "archived": "bool", "created_at": "time", "updated_at": "time", "zendesk": object{
			"organization_id": "text", "name": "text", "details": "text", "notes": "text", "domain_names": "texts", "group_id": "text", "shared_tickets": "bool",
			"shared_comments": "bool", "tags": "texts", "created_at": "time", "updated_at": "time", "url": "text", "fields": object{},
			"people_total": "int", "tickets_total": "int", "tickets_open": "int", "satisfaction_percent": "number?",
		},
	}
)

// in gives a shape with names of its own.
func (o object) in(more object) object {
	out := object{}
	for _, m := range []object{o, more} {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

// wholeContact gives a customer who has a ticket and an organization, with both set anew now.
func wholeContact(t *testing.T, account *zendesktest.Account) zendesktest.User {
	t.Helper()
	for _, ticket := range account.Tickets() {
		u, err := account.User(ticket.RequesterID)
		if err != nil || u.Staff() || !u.Active {
			continue
		}
		organization := account.CreateOrganization(time.Now(), "Contract Ltd", "c-1", "contract.test")
		external := "Contract-1"
		if err := account.UpdateUser(time.Now(), u.ID, zendesktest.UserChange{Organization: &organization.ID, ExternalID: &external}); err != nil {
			t.Fatal(err)
		}
		if _, err := account.CreateTicket(time.Now(), zendesktest.NewTicket{Subject: "Shape", Body: "of answers", Requester: u.ID}); err != nil {
			t.Fatal(err)
		}
		if u, err = account.User(u.ID); err != nil {
			t.Fatal(err)
		}
		return u
	}
	t.Fatal("no customer has a ticket")
	return zendesktest.User{}
}

// TestContract asks every endpoint of sources, people, organizations and fields, and holds the names and types of the answers against what the
// interface promises.
func TestContract(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(31, 3, 4, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	who := wholeContact(t, account)
	app, api := startApp(t, serveAccount(t, account, zendesktest.AdminEmail).URL())
	a := &asker{&peopleTest{t: t, app: app, api: api}}
	a.connects(account)
	a.views()
	a.people(who)
	a.fields()
	a.ends()
}

func (a *asker) connects(account *zendesktest.Account) {
	a.t.Helper()
	a.ask(200, "GET", "/v1/source-types?category=customer-support", nil, pageOf(object{"type": "text", "category": "text", "name": "text"}))
	a.source = at(a.ask(201, "POST", "/v1/sources", map[string]any{
		"type": "zendesk", "account": account.Subdomain, "name": "Contract", "opt_in": map[string]any{"email": true, "sms": false, "confirmed_by": "owner@acme.test"},
		"retention":         map[string]any{"days": 90, "activities": map[string]int{"ticket-created": 365}},
		"fields":            map[string]any{"writable": []string{"first-name", "last-name", "email", "phone-number", "language", "timezone"}, "only_if_empty": false},
		"archive_on_delete": false, "identifiers": []string{"external-id", "email"},
	}, sourceShape), "id").(string)
	path := "/v1/sources/" + a.source
	a.ask(409, "POST", "/v1/sources", map[string]any{"type": "zendesk", "account": account.Subdomain}, object{"type": "text", "title": "text", "status": "int", "detail": "text"})
	a.ask(422, "POST", "/v1/sources", map[string]any{"type": "zendesk", "account": "a/b"}, object{"errors": listOf{object{"location": "text", "message": "text"}}})
	a.ask(200, "PUT", path+"/webhook", map[string]any{"signing_secret": testSecret}, sourceShape)
	a.ask(422, "POST", path+"/authorize", map[string]any{"method": "oauth", "client_id": "c"}, object{"errors": listOf{object{"location": "text", "message": "text"}}})
	a.ask(200, "POST", path+"/authorize", map[string]any{"method": "oauth", "client_id": "c", "client_secret": "s"}, object{"authorize_url": "text"})
	a.ask(200, "POST", path+"/authorize", map[string]any{"method": "api_token", "email": zendesktest.AdminEmail, "token": testToken}, object{"status": "text"})
	waitSynced(a.t, a.api, a.source)
	drained(a.t, a.app)
}

func (a *asker) views() {
	a.t.Helper()
	path := "/v1/sources/" + a.source
	a.ask(200, "GET", "/v1/sources", nil, pageOf(sourceShape))
	a.ask(200, "GET", path, nil, sourceShape)
	a.ask(200, "PATCH", path, map[string]any{"name": "Named", "archive_on_delete": true}, sourceShape)
	a.ask(200, "GET", path+"/sync", nil, object{"initial_sync_done": "bool", "streams": listOf{object{
		"stream": "text", "state": "text", "last_run_at": "time?", "next_run_at": "time?", "through": "time?", "rows": "int", "progress": "number?", "last_error": "text?",
	}}})
	overview := a.ask(200, "GET", path+"/overview", nil, object{
		"records": object{"people": "int", "organizations": "int"}, "total_activities": "int", "last_30_days": "int", "activities_per_day": listOf{object{"date": "text", "count": "int"}},
	})
	if days := at(overview, "activities_per_day").([]any); len(days) != 14 {
		a.t.Errorf("%d days", len(days))
	}
	a.ask(200, "GET", path+"/activity?limit=5&activity=ticket-created", nil, pageOf(feedShape))
	a.ask(200, "GET", path+"/audience?q=contract&sort=name", nil, pageOf(object{"id": "text", "email": "text"}))
	retention := map[string]any{"days": 100, "activities": map[string]int{"ticket-created": 365}}
	a.ask(200, "POST", path+"/retention/preview", retention, object{"lost": "int", "reread": "bool"})
	a.ask(200, "PUT", path+"/retention", retention, object{"retention": object{"days": "int", "activities": object{"ticket-created": "int"}}})
	a.ask(202, "POST", path+"/resync", map[string]any{"mode": "delta"}, jobShape)
	waitSynced(a.t, a.api, a.source)
}

func (a *asker) people(who zendesktest.User) {
	a.t.Helper()
	zendesk := fmt.Sprintf("/v1/people/zendesk:%d", who.ID)
	id := at(a.ask(200, "GET", zendesk, nil, personShape), "id").(string)
	for _, name := range []string{id, "email:" + *who.Email, "external:contract-1"} {
		if got := at(a.ask(200, "GET", "/v1/people/"+name, nil, personShape), "id"); got != id {
			a.t.Errorf("%s is %v", name, got)
		}
	}
	filter := `{"field":"external_id","op":"is","value":"Contract-1"}`
	listed := personShape.in(object{"zendesk": object{"tags": "texts", "last_login_at": "time?", "tickets_total": "int"}})
	a.ask(200, "GET", "/v1/people?sort=name&filter="+strings.ReplaceAll(filter, `"`, "%22"), nil, pageOf(listed))
	a.ask(200, "GET", "/v1/people?q=contract&columns=email,zendesk.tags", nil, pageOf(object{"id": "text", "email": "text", "zendesk.tags": "texts"}))
	a.ask(200, "GET", "/v1/people/"+id+"/activities", nil, pageOf(feedShape))
	upserted := a.ask(200, "POST", "/v1/people", []any{map[string]any{"email": "shape@x.test", "custom": map[string]any{"plan": "gold"}}, map[string]any{"email": "broken"}},
		object{"created": "int", "updated": "int", "merged": "int", "rejected": "int", "rows": listOf{object{"row": "int", "status": "text"}}})
	other := at(upserted, "rows.0.id").(string)
	if at(upserted, "rows.1.reason") == nil {
		a.t.Errorf("a rejected row has no reason: %v", upserted)
	}
	bare := personShape.in(object{"organization": "any", "zendesk": object{}, "first_last": object{}, "custom": object{"plan": "text"}})
	a.ask(200, "PATCH", "/v1/people/"+other, map[string]any{"first_name": "Shape", "permissions": map[string]any{"email": false}}, bare)
	a.ask(200, "POST", "/v1/people/"+other+"/archive", nil, bare)
	a.ask(200, "POST", "/v1/people/"+other+"/restore", nil, bare)
	a.ask(200, "POST", "/v1/people/merge", map[string]any{"survivor": id, "others": []string{other}, "dry_run": true}, object{"person": object{"id": "text"}})
	a.ask(200, "POST", "/v1/people/merge", map[string]any{"survivor": id, "others": []string{other}}, object{"person": object{"id": "text"}})
	a.ask(200, "GET", "/v1/people/"+other, nil, personShape.in(object{"merged_from": "texts"}))
	merges := a.ask(200, "GET", "/v1/people/"+id+"/merges", nil, pageOf(object{"id": "text"}))
	a.ask(200, "POST", "/v1/merges/"+at(merges, "items.0.id").(string)+"/undo", nil, nil)
	organizations := a.ask(200, "GET", "/v1/organizations?q=contract", nil, pageOf(object{"id": "text", "name": "text", "zendesk": object{"people_total": "int"}}))
	a.ask(200, "GET", "/v1/organizations/"+at(organizations, "items.0.id").(string), nil, organizationShape)
	var receipt any
	a.call("DELETE", "/v1/people/"+other, nil, &receipt) // 200, or 202 while it goes on
	for _, fault := range misshapen("answer", receipt, object{"id": "text", "state": "text", "person_id": "text"}) {
		a.t.Errorf("erasure: %s", fault)
	}
}

func (a *asker) fields() {
	a.t.Helper()
	field := object{"id": "text", "label": "text", "type": "text", "source": "text", "visible": "bool"}
	list := a.ask(200, "GET", "/v1/fields", nil, pageOf(field))
	for _, f := range at(list, "items").([]any) {
		if source := at(f, "source"); source != "system" && source != "zendesk" {
			a.t.Errorf("%v", f)
		}
	}
	a.ask(200, "PATCH", "/v1/fields/zendesk.alias", map[string]any{"visible": false}, field)
}

func (a *asker) ends() {
	a.t.Helper()
	path := "/v1/sources/" + a.source
	conflict := object{"type": "text", "title": "text", "status": "int", "detail": "text"}
	a.ask(409, "POST", path+"/archive", nil, conflict)
	a.ask(200, "POST", path+"/disconnect", nil, sourceShape)
	a.ask(200, "POST", path+"/reconnect", nil, sourceShape)
	a.ask(200, "POST", path+"/disconnect", nil, sourceShape)
	a.ask(200, "POST", path+"/archive", nil, sourceShape)
	a.ask(200, "POST", path+"/restore", nil, sourceShape)
	a.ask(409, "DELETE", path, nil, conflict)
	a.ask(200, "POST", path+"/archive", nil, sourceShape)
	a.ask(204, "DELETE", path, nil, nil)
	a.ask(404, "GET", path, nil, conflict)
}
