package main

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
	"deskstream/schemas"
)

// TestPersonByAnyIdentifier: under each of its names a person is the same, whether the processors tell of it or, when they do not run, the
// tables. An address and a number that Zendesk has beside the first ones are names too, and so is the address of who was merged into somebody.
func TestPersonByAnyIdentifier(t *testing.T) {
	t.Parallel()
	p := newPeopleTest(t, func(account *zendesktest.Account) {
		at := time.Now().Add(-time.Hour)
		winner, err1 := account.CreateUser(at, zendesktest.NewUser{Name: "Win", Email: "winner@x.test", Phone: "+493012345670"})
		loser, err2 := account.CreateUser(at, zendesktest.NewUser{Name: "Lose", Email: "loser@x.test"})
		err3 := account.MergeUsers(at, loser.ID, winner.ID)
		_, err4 := account.AddIdentity(at, winner.ID, "phone_number", "+493012345671")
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			t.Fatal(err)
		}
	})
	beside := map[string][]string{"winner@x.test": {"email:Loser@x.test", "phone:+493012345671"}}
	p.upsert(
		map[string]any{"email": "extra@x.test", "first_name": "Extra", "custom": map[string]any{"plan": "gold"}},
		map[string]any{"external_id": "Ab/ü 1", "phone_number": "+14155550123"},
	)
	var list struct {
		Items []struct {
			ID          string `json:"id"`
			Email       string `json:"email"`
			ExternalID  string `json:"external_id"`
			PhoneNumber string `json:"phone_number"`
			Zendesk     struct {
				UserID string `json:"user_id"`
			} `json:"zendesk"`
		} `json:"items"`
	}
	p.call("GET", "/v1/people?limit=500", nil, &list)
	p.call("POST", "/v1/people/merge", map[string]any{"survivor": list.Items[0].ID, "others": []string{list.Items[1].ID}}, nil)
	drained(p.t, p.app)
	told := map[string]string{}
	ask := func(name string) string {
		t.Helper()
		var answer json.RawMessage
		p.call("GET", "/v1/people/"+url.PathEscape(name), nil, &answer)
		return string(answer)
	}
	phones := map[string]int{}
	for _, who := range list.Items {
		phones[who.PhoneNumber]++
	}
	for _, who := range list.Items {
		names := append([]string{who.ID}, beside[who.Email]...)
		if phones[who.PhoneNumber] > 1 {
			who.PhoneNumber = "" // it leads to the oldest of them
		}
		for prefix, value := range map[string]string{"email:": who.Email, "external:": who.ExternalID, "phone:": who.PhoneNumber, "zendesk:": who.Zendesk.UserID} {
			if value != "" {
				names = append(names, prefix+value)
			}
		}
		first := ask(names[0])
		for _, name := range names {
			if told[name] = ask(name); told[name] != first {
				t.Errorf("%s: told %s\n%s: told %s", name, told[name], names[0], first)
			}
		}
	}
	if len(told) < 2*len(list.Items) {
		t.Fatalf("only %d names of %d people", len(told), len(list.Items))
	}
	accounts, err := p.app.stream.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name := range told {
		if facts, err := p.app.stream.Person(t.Context(), accounts[0], strings.ToLower(name)); facts == nil || err != nil {
			t.Errorf("%s: the processors told %v, %v", name, facts, err)
		}
	}
	p.app.working.stop()
	for name, before := range told {
		if answer := ask(name); answer != before {
			t.Errorf("%s: the processors told %s\nthe tables have %s", name, before, answer)
		}
	}
	for _, name := range []string{"zendesk:1", "email:nobody@x.test", "external:none", schemas.OwnPersonID("other", 5), "p_x"} {
		if err := p.api.call(t.Context(), "GET", "/v1/people/"+name, nil, nil); err == nil {
			t.Errorf("%s: somebody answers", name)
		}
	}
}
