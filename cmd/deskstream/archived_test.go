package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
	"deskstream/schemas"
)

// TestArchivedPeopleAreErased: whom Zendesk deleted a month ago is gone for good, whom it deleted last week is archived.
func TestArchivedPeopleAreErased(t *testing.T) {
	t.Parallel()
	now := time.Now()
	account := zendesktest.NewAccount("acme")
	user := func(name, role string, deleted int) int64 {
		u, err := account.CreateUser(now.AddDate(0, 0, -60), zendesktest.NewUser{Name: name, Email: name + "@x.test", Role: role})
		if err == nil && deleted > 0 {
			err = account.DeleteUser(now.AddDate(0, 0, -deleted), u.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
		return u.ID
	}
	user("ada", "admin", 0)
	long, late, here := user("long", "", 31), user("late", "", 7), user("here", "", 0)
	_, api := startApp(t, serveAccount(t, account, "ada@x.test").URL(), func(a *App) { a.Tuning.erase = time.Second })
	source := connectWith(t, api, map[string]any{"type": "zendesk", "account": "acme", "archive_on_delete": true}, "ada@x.test")
	waitSynced(t, api, source)
	get := func(id int64) (archived bool, err error) {
		var p struct {
			Archived bool `json:"archived"`
		}
		err = api.call(t.Context(), "GET", fmt.Sprintf("/v1/people/zendesk:%d", id), nil, &p)
		return p.Archived, err
	}
	eventually(t, 2*time.Minute, func() error {
		if _, err := get(long); err == nil || !strings.Contains(err.Error(), "404 Not Found") {
			return errors.Join(errors.New("whom Zendesk deleted a month ago is not gone"), err)
		}
		for id, want := range map[int64]bool{late: true, here: false} {
			archived, err := get(id)
			if err != nil {
				return err
			}
			if archived != want {
				return fmt.Errorf("user %d: archived %v, want %v", id, archived, want)
			}
		}
		return nil
	})
}

// TestDeletedForGoodAreErased: of whom Zendesk deletes permanently nothing is left here either, neither words nor a name, also when the user is first
// seen when that was done.
func TestDeletedForGoodAreErased(t *testing.T) {
	t.Parallel()
	now := time.Now()
	account := zendesktest.NewAccount("acme")
	if _, err := account.CreateUser(now.AddDate(0, 0, -60), zendesktest.NewUser{Name: "ada", Email: "ada@x.test", Role: "admin"}); err != nil {
		t.Fatal(err)
	}
	gone, err := account.CreateUser(now.AddDate(0, 0, -60), zendesktest.NewUser{Name: "Gone Forever", Email: "gone@x.test"})
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := account.CreateTicket(now.AddDate(0, 0, -2), zendesktest.NewTicket{Requester: gone.ID, Subject: "lost luggage", Body: "my yellow suitcase"})
	if err != nil {
		t.Fatal(err)
	}
	unseen, err := account.CreateUser(now.AddDate(0, 0, -60), zendesktest.NewUser{Name: "Never Seen", Email: "unseen@x.test"})
	if err != nil {
		t.Fatal(err)
	}
	other, err := account.CreateTicket(now.AddDate(0, 0, -3), zendesktest.NewTicket{Requester: unseen.ID, Subject: "found umbrella", Body: "my green parasol"})
	if err != nil {
		t.Fatal(err)
	}
	if err := account.DeleteUserPermanently(now.AddDate(0, 0, -1), unseen.ID); err != nil {
		t.Fatal(err)
	}
	app, api := startApp(t, serveAccount(t, account, "ada@x.test").URL(), func(a *App) { a.Tuning.erase = time.Second })
	waitSynced(t, api, connect(t, api, "acme", "ada@x.test", 90))
	drained(t, app)
	erased := func(want int) error {
		all, err := app.stream.Erasures(t.Context())
		if err != nil || len(all) != want || slices.ContainsFunc(all, func(e schemas.Erasure) bool { return e.State != schemas.ErasureDone }) {
			return fmt.Errorf("erasures %+v: %w", all, err)
		}
		return nil
	}
	eventually(t, 2*time.Minute, func() error {
		var facts string
		err := api.call(t.Context(), "GET", fmt.Sprintf("/v1/tickets/%d/facts", other.ID), nil, &facts)
		if strings.Contains(facts, "umbrella") {
			err = errors.New(facts)
		}
		return errors.Join(err, erased(1))
	})
	told := func() string {
		var facts, found string
		if err := errors.Join(
			api.call(t.Context(), "GET", fmt.Sprintf("/v1/tickets/%d/facts", ticket.ID), nil, &facts),
			api.call(t.Context(), "GET", "/v1/reports/keywords?phrase=suitcase&from="+now.AddDate(0, 0, -9).Format(time.DateOnly), nil, &found),
		); err != nil {
			t.Fatal(err)
		}
		return facts + found
	}
	if before := told(); !strings.Contains(before, "lost luggage") || !strings.Contains(before, `"messages":1`) {
		t.Fatal(before)
	}
	if err := account.DeleteUserPermanently(time.Now(), gone.ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Minute, func() error {
		if after := told(); strings.Contains(after, "luggage") || strings.Contains(after, `"messages":1`) {
			return errors.New(after)
		}
		return erased(2)
	})
}
