package main

import (
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
)

// TestUnsubscribeOutlivesEverything: a person who unsubscribed stays so through a full resync, and is archived and restored by hand.
func TestUnsubscribeOutlivesEverything(t *testing.T) {
	t.Parallel()
	account, err := zendesktest.History(5, 3, 4, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	app, api := startApp(t, serveAccount(t, account, zendesktest.AdminEmail).URL())
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 30)
	waitSynced(t, api, source)
	drained(t, app)
	type shown struct {
		ID          string `json:"id"`
		Archived    bool   `json:"archived"`
		Permissions struct {
			Email, SMS bool
		} `json:"permissions"`
	}
	var list struct {
		Items []shown `json:"items"`
	}
	call := func(method, path string, body, into any) {
		t.Helper()
		if err := api.call(t.Context(), method, path, body, into); err != nil {
			t.Fatal(err)
		}
	}
	call("GET", "/v1/people?limit=1", nil, &list)
	path := "/v1/people/" + list.Items[0].ID
	allow := func(mail, sms bool) map[string]any {
		return map[string]any{"permissions": map[string]any{"email": mail, "sms": sms}}
	}
	var p shown
	check := func(when string, mail, sms, archived bool) {
		t.Helper()
		for _, how := range []string{"answered", "read"} {
			if p.Permissions.Email != mail || p.Permissions.SMS != sms || p.Archived != archived {
				t.Errorf("%s, %s: %+v", when, how, p)
			}
			call("GET", path, nil, &p)
		}
	}
	call("PATCH", path, allow(true, true), &p)
	check("subscribed", true, true, false)
	call("PATCH", path, map[string]any{"permissions": map[string]any{"email": false}}, &p)
	check("unsubscribed", false, true, false)
	call("POST", path+"/archive", nil, &p)
	check("archived", false, true, true)
	call("POST", "/v1/sources/"+source+"/resync", map[string]any{"mode": "backfill"}, nil)
	waitSynced(t, api, source)
	drained(t, app)
	call("GET", path, nil, &p)
	check("resynced", false, true, true)
	call("POST", path+"/restore", nil, &p)
	check("restored", false, true, false)
}
