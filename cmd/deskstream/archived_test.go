package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
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
