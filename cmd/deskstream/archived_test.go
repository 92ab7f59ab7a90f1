package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
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

// TestMergedPersonOutlivesItsUsers: users that Zendesk merged count as one in reports for good, also on past days, when one of them is deleted for good or
// becomes an agent; who was merged into somebody who is gone is no person again, and is erased with them.
func TestMergedPersonOutlivesItsUsers(t *testing.T) {
	t.Parallel()
	base := time.Now().UTC().Truncate(time.Second).AddDate(0, 0, -5)
	for name, c := range map[string]struct {
		happens func(a *zendesktest.Account, loser, winner int64) error
		erased  int // users
		people  int
	}{
		"the survivor is deleted":     {func(a *zendesktest.Account, _, w int64) error { return a.DeleteUserPermanently(time.Now(), w) }, 2, 0},
		"the absorbed one is deleted": {func(a *zendesktest.Account, l, _ int64) error { return a.DeleteUserPermanently(time.Now(), l) }, 1, 1},
		"the survivor is an agent": {func(a *zendesktest.Account, _, w int64) error {
			return a.UpdateUser(time.Now(), w, zendesktest.UserChange{Role: new("agent")})
		}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			account := zendesktest.NewAccount("acme")
			account.SetWebhooks(false)
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			user := func(name, role string) int64 {
				u, err := account.CreateUser(base, zendesktest.NewUser{Name: name, Email: name + "@x.test", Role: role})
				must(err)
				return u.ID
			}
			user("ada", "admin")
			loser, winner := user("lou", ""), user("win", "")
			for i, id := range []int64{loser, winner} {
				_, err := account.CreateTicket(base.AddDate(0, 0, i), zendesktest.NewTicket{Requester: id, Subject: "s", Body: "b"})
				must(err)
			}
			account.SetWebhooks(true)
			must(account.MergeUsers(base.AddDate(0, 0, 2), loser, winner))
			account.SetWebhooks(false)
			app, api := startApp(t, serveAccount(t, account, "ada@x.test").URL(), func(a *App) { a.Tuning.erase = time.Second })
			source := connect(t, api, "acme", "ada@x.test", 90)
			for _, h := range account.TakeWebhooks() {
				if status, err := postSigned(http.DefaultClient, api.base+"/webhooks/zendesk/"+source, testSecret, h.Body); err != nil || status != http.StatusOK {
					t.Fatal(status, err)
				}
			}
			waitSynced(t, api, source)
			drained(t, app)
			figures := func() string {
				q := url.Values{"from": {base.AddDate(0, 0, -1).Format(time.DateOnly)}, "interval": {"day"}}
				requesters := report(t, api, "requesters", q)
				q.Set("group_by", "activity")
				activities := report(t, api, "activities", q)
				return fmt.Sprintf("requesters %v %v, activities of people %v", *requesters.Totals["requesters"], requesters.table(), *activities.Totals["people"])
			}
			people := func(want int) error {
				var list struct {
					Items []struct {
						Name string `json:"first_name"`
					} `json:"items"`
				}
				err := api.call(t.Context(), "GET", "/v1/people", nil, &list)
				if err != nil || len(list.Items) != want {
					return fmt.Errorf("people %v, want %d: %w", list.Items, want, err)
				}
				return nil
			}
			eventually(t, time.Minute, func() error { return people(1) })
			before := figures()
			if !strings.HasPrefix(before, "requesters 1 ") || !strings.HasSuffix(before, "people 1") {
				t.Fatal(before)
			}
			must(c.happens(account, loser, winner))
			eventually(t, 2*time.Minute, func() error {
				all, err := app.stream.Erasures(t.Context())
				users := 0
				for i := range all {
					if users += len(all[i].UserIDs); all[i].State != schemas.ErasureDone {
						err = errors.New("an erasure goes on")
					}
				}
				if users != c.erased {
					err = fmt.Errorf("%d users are erased, want %d: %+v", users, c.erased, all)
				}
				return errors.Join(err, people(c.people))
			})
			time.Sleep(2 * time.Second) // nothing is due again
			if after := figures(); after != before {
				t.Errorf("figures moved:\n%s\n%s", before, after)
			}
			all, err := app.stream.Erasures(t.Context())
			if err != nil || len(all) > 1 {
				t.Errorf("erasures %+v: %v", all, err)
			}
		})
	}
}
