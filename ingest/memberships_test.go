package ingest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"deskstream/schemas"
)

// TestRoster: only a list that was read from its beginning to its end in cursor pages tells who is no member any more.
func TestRoster(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	source := schemas.Source{Settings: schemas.Settings{ID: "src", Account: "acme"}}
	row := func(user int) json.RawMessage {
		return json.RawMessage(fmt.Sprintf(`{"id":%d,"user_id":%d,"organization_id":7,"created_at":"2026-01-01T00:00:00Z"}`, user, user))
	}
	type step struct {
		cur, next string
		user      int
	}
	for name, c := range map[string]struct {
		steps []step
		users []int // nil = nothing is told
	}{
		"whole":                    {[]step{{"", "a", 1}, {"a", "b", 2}, {"b", "", 3}}, []int{1, 2, 3}},
		"one page":                 {[]step{{"", "", 1}}, []int{1}},
		"a page read twice":        {[]step{{"", "a", 1}, {"a", "b", 2}, {"a", "b", 2}, {"b", "", 3}}, []int{1, 2, 3}},
		"begun by another process": {[]step{{"a", "b", 2}, {"b", "", 3}}, nil},
		"a page left out":          {[]step{{"", "a", 1}, {"b", "", 3}}, nil},
		"numbered pages":           {[]step{{"", "page=2", 1}, {"page=2", "", 2}}, nil},
		"a row without a user":     {[]step{{"", "a", 0}, {"a", "", 2}}, nil},
		"begun again":              {[]step{{"", "a", 1}, {"", "a", 4}, {"a", "", 2}}, []int{2, 4}},
	} {
		var o roster
		var events []schemas.Event
		for i, s := range c.steps {
			events = o.page(source, schemas.Cursor{Cursor: s.cur}, schemas.Cursor{Cursor: s.next}, []json.RawMessage{row(s.user)}, began.Add(time.Duration(i)*time.Hour))
			if i < len(c.steps)-1 && events != nil {
				t.Errorf("%s: told before the end", name)
			}
		}
		var users []int
		for _, e := range events {
			var roll schemas.MemberRoll
			if err := json.Unmarshal(e.Data, &roll); err != nil {
				t.Fatal(err)
			}
			if want := began.Add(-rollLag); name == "whole" && !roll.At.Equal(want) {
				t.Errorf("of %s, want %s", roll.At, want)
			}
			for _, m := range roll.Members {
				users = append(users, int(m[0]))
			}
		}
		slices.Sort(users)
		if !slices.Equal(users, c.users) || c.users != nil && len(events) != schemas.MemberParts {
			t.Errorf("%s: %v in %d events, want %v", name, users, len(events), c.users)
		}
	}
}

// TestRosterTellsChanges: what is stored and did not change is told twice a day only, once a roll was told that decides about all that was
// new when it was read first.
func TestRosterTellsChanges(t *testing.T) {
	t.Parallel()
	var o roster
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	read := func(after time.Duration, store bool, users ...int) int {
		now = now.Add(after)
		var rows []json.RawMessage
		for _, u := range users {
			rows = append(rows, json.RawMessage(`{"user_id":`+strconv.Itoa(u)+`,"organization_id":7}`))
		}
		events := o.page(schemas.Source{}, schemas.Cursor{}, schemas.Cursor{}, rows, now)
		for _, e := range events {
			if store {
				o.stored(e.ID, now)
			}
		}
		return len(events)
	}
	const soon, late = time.Minute, rollLag + time.Minute
	for i, want := range []struct {
		after time.Duration
		store bool
		users []int
		told  int
	}{
		{soon, false, []int{1, 2}, schemas.MemberParts},
		{soon, true, []int{1, 2}, schemas.MemberParts},
		{soon, true, []int{2, 1}, 0},
		{soon, false, []int{1}, 1},
		{soon, true, []int{1}, 1},
		{soon, true, []int{1}, 0},
		{soon, true, []int{1, 2}, 1},
		{late, false, []int{1, 2}, schemas.MemberParts}, // What was too new is not any more.
		{soon, true, []int{1, 2}, schemas.MemberParts},
		{soon, true, []int{2, 1}, 0},
		{late, true, []int{1, 2}, 1}, // the one that changed last
		{late, true, []int{1, 2}, 0},
		{soon, true, []int{1}, 1},
		{late, true, []int{1}, 1},
		{late, true, []int{1}, 1},
		{late, true, []int{1}, 0},
	} {
		if got := read(want.after, want.store, want.users...); got != want.told {
			t.Errorf("step %d: %d parts told, want %d", i, got, want.told)
		}
	}
	if read(rollAgain, true, 1, 2) != schemas.MemberParts {
		t.Error("not all parts are told after half a day")
	}
}
