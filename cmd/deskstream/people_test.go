package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"deskstream/ingest/zendesktest"
)

// shownPerson is what the tests here read of a person.
type shownPerson struct {
	ID         string         `json:"id"`
	FirstName  string         `json:"first_name"`
	Email      string         `json:"email"`
	Zendesk    map[string]any `json:"zendesk"`
	Custom     map[string]any `json:"custom"`
	MergedFrom []string       `json:"merged_from"`
	FirstLast  map[string]struct {
		Count int64 `json:"count"`
	} `json:"first_last"`
}

func (p shownPerson) activities() (n int64) {
	for r := range maps.Values(p.FirstLast) {
		n += r.Count
	}
	return n
}

// peopleTest is the whole program with a small account that is synced.
type peopleTest struct {
	t      *testing.T
	app    *App
	api    *client
	source string
}

func newPeopleTest(t *testing.T, prepare ...func(*zendesktest.Account)) *peopleTest {
	t.Helper()
	account, err := zendesktest.History(7, 3, 4, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range prepare {
		p(account)
	}
	app, api := startApp(t, serveAccount(t, account, zendesktest.AdminEmail).URL())
	source := connect(t, api, account.Subdomain, zendesktest.AdminEmail, 30)
	waitSynced(t, api, source)
	drained(t, app)
	return &peopleTest{t, app, api, source}
}

func (p *peopleTest) call(method, path string, body, into any) {
	p.t.Helper()
	if err := p.api.call(p.t.Context(), method, path, body, into); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peopleTest) person(name string) (who shownPerson) {
	p.t.Helper()
	p.call("GET", "/v1/people/"+name, nil, &who)
	return who
}

// upsert tells of people and gives what became of each, with their ids.
func (p *peopleTest) upsert(rows ...map[string]any) (status, ids []string) {
	p.t.Helper()
	var a struct {
		Rows []struct{ Status, ID, Reason string } `json:"rows"`
	}
	p.call("POST", "/v1/people", rows, &a)
	for _, r := range a.Rows {
		status, ids = append(status, r.Status+r.Reason), append(ids, r.ID)
	}
	return status, ids
}

func (p *peopleTest) total() int {
	p.t.Helper()
	var list struct {
		Items []shownPerson `json:"items"`
	}
	p.call("GET", "/v1/people?limit=500", nil, &list)
	return len(list.Items)
}

// TestUpsertEndToEnd: people that Zendesk does not know come to stay, those it knows get what is told of them, and rows that share an
// identifier with two people make them one.
func TestUpsertEndToEnd(t *testing.T) {
	t.Parallel()
	p := newPeopleTest(t)
	before := p.total()
	status, ids := p.upsert(
		map[string]any{"email": "New.Person@x.test", "first_name": "New", "custom": map[string]any{"plan": "gold"}},
		map[string]any{"external_id": "crm-1", "first_name": "Crm"}, map[string]any{"email": "broken"},
	)
	if !slices.Equal(status[:2], []string{"created", "created"}) || p.total() != before+2 {
		t.Fatalf("%v: %d people, %d before", status, p.total(), before)
	}
	if who := p.person("email:new.person@x.test"); who.ID != ids[0] || who.FirstName != "New" || who.Custom["plan"] != "gold" || who.Zendesk["user_id"] != nil {
		t.Errorf("%+v", who)
	}
	if status, again := p.upsert(map[string]any{"email": "new.person@x.test", "first_name": "Newer"}); status[0] != "updated" || again[0] != ids[0] {
		t.Errorf("%v %v", status, again)
	}
	if status, _ := p.upsert(map[string]any{"external_id": "CRM-1", "email": "new.person@x.test"}); status[0] != "merged" {
		t.Errorf("%v", status)
	}
	if who := p.person("external:crm-1"); who.Email != "new.person@x.test" || len(who.MergedFrom) != 1 || p.total() != before+1 {
		t.Errorf("%+v", who)
	}

	var receipt struct{ ID, State string }
	p.call("DELETE", "/v1/people/external:crm-1", nil, &receipt)
	eventually(t, 2*time.Minute, func() error {
		if receipt.State != "done" {
			p.call("GET", "/v1/erasures/"+receipt.ID, nil, &receipt)
			return fmt.Errorf("the erasure is %s", receipt.State)
		}
		return nil
	})
	if p.total() != before {
		t.Errorf("%d people once one is erased, %d before", p.total(), before)
	}

	var known struct {
		Items []shownPerson `json:"items"`
	}
	p.call("GET", "/v1/sources/"+p.source+"/audience?limit=1", nil, &known)
	who := known.Items[0]
	status, ids = p.upsert(map[string]any{"email": who.Email, "custom": map[string]any{"tier": "A"}})
	after := p.person(who.ID)
	if status[0] != "updated" || ids[0] != who.ID || after.Custom["tier"] != "A" || after.Zendesk["user_id"] != who.Zendesk["user_id"] || after.activities() == 0 {
		t.Errorf("%v %v: %+v", status, ids, after)
	}

	status, ids = p.upsert(
		map[string]any{"external_id": "crm-2"}, map[string]any{"email": "two@x.test"}, map[string]any{"external_id": "crm-2", "email": "two@x.test"},
		map[string]any{"email": "two@x.test", "first_name": "Two", "custom": map[string]any{"n": json.Number("360001234567890123")}},
	)
	if !slices.Equal(status, []string{"created", "created", "merged", "updated"}) || len(slices.Compact(ids)) != 1 || p.total() != before+1 {
		t.Errorf("%v %v: %d people, %d before", status, ids, p.total(), before)
	}
	var exact struct {
		Custom map[string]json.Number `json:"custom"`
	}
	if p.call("GET", "/v1/people/external:crm-2", nil, &exact); exact.Custom["n"] != "360001234567890123" {
		t.Errorf("%v", exact.Custom)
	}
}

// TestMergesAtOnce merges people into one another at the same time, two and a ring of three: exactly the merges that are answered as done hold.
func TestMergesAtOnce(t *testing.T) {
	t.Parallel()
	p := newPeopleTest(t)
	for round := range 6 {
		var rows []map[string]any
		for i := range 2 + round%2 {
			rows = append(rows, map[string]any{"email": fmt.Sprintf("r%d.%d@merge.test", round, i)})
		}
		_, ids := p.upsert(rows...)
		type outcome struct {
			Absorbed []string    `json:"absorbed"`
			Person   shownPerson `json:"person"`
			err      error
		}
		outcomes := make([]outcome, len(ids))
		var at sync.WaitGroup
		for i, id := range ids {
			at.Go(func() {
				o := &outcomes[i]
				o.err = p.api.call(t.Context(), "POST", "/v1/people/merge", map[string]any{"survivor": id, "others": []string{ids[(i+1)%len(ids)]}}, o)
			})
		}
		at.Wait()
		done := 0
		for i, o := range outcomes {
			other := ids[(i+1)%len(ids)]
			if o.err != nil {
				if text := o.err.Error(); !strings.Contains(text, "merge-under-way") && !strings.Contains(text, "invalid-input") {
					t.Error(text)
				}
				continue
			}
			done++
			who, survivor := p.person(other), p.person(o.Person.ID) // of a ring, the next merge may have absorbed the survivor
			if who.ID != survivor.ID || len(ids) == 2 && who.ID != ids[i] || !slices.Equal(o.Absorbed, []string{other}) {
				t.Errorf("round %d: %s was to have absorbed %s: %+v, which is part of %s", round, ids[i], other, o, who.ID)
			}
		}
		if done != 1 && len(ids) == 2 {
			t.Errorf("round %d: %d merges were done", round, done)
		}
	}
}

// TestR29_MergeOutlivesResync: people merged by hand are one with the activities of both, by every name, through a resync; undone they
// are two again, and a resync leaves them so. What was told by the address of the one leaves each their own.
func TestR29_MergeOutlivesResync(t *testing.T) {
	t.Parallel()
	p := newPeopleTest(t)
	var list struct {
		Items []shownPerson `json:"items"`
	}
	p.call("GET", "/v1/people?sort=created_at&limit=2", nil, &list)
	older, younger := list.Items[0], list.Items[1]
	sum, people := older.activities()+younger.activities(), p.total()
	resync := func() {
		t.Helper()
		p.call("POST", "/v1/sources/"+p.source+"/resync", map[string]any{"mode": "backfill"}, nil)
		waitSynced(t, p.api, p.source)
		drained(t, p.app)
	}
	var merge struct {
		Absorbed   []string    `json:"absorbed"`
		Activities int64       `json:"activities"`
		Person     shownPerson `json:"person"`
	}
	p.call("POST", "/v1/people/merge", map[string]any{"survivor": younger.ID, "others": []string{older.ID}}, &merge)
	check := func(when string) {
		t.Helper()
		for _, name := range []string{younger.ID, older.ID, "zendesk:" + older.Zendesk["user_id"].(string)} {
			if who := p.person(name); who.ID != younger.ID || who.activities() != sum || !slices.Equal(who.MergedFrom, []string{older.ID}) {
				t.Errorf("%s, %s: %+v", when, name, who)
			}
		}
		if p.total() != people-1 {
			t.Errorf("%s: %d people, %d before", when, p.total(), people)
		}
	}
	check("merged")
	if merge.Activities != sum || merge.Person.ID != younger.ID || !slices.Equal(merge.Absorbed, []string{older.ID}) {
		t.Errorf("%+v", merge)
	}
	resync()
	check("after a resync")
	p.upsert(map[string]any{"email": older.Email, "custom": map[string]any{"tier": "A"}})
	if who := p.person(younger.ID); older.Email == "" || who.Email != younger.Email || who.Custom["tier"] != "A" {
		t.Errorf("told by %q: %+v", older.Email, who)
	}

	var log struct {
		Items []struct {
			ID, Absorbed, Survivor, Reason string
			Undone                         bool
		} `json:"items"`
	}
	p.call("GET", "/v1/people/"+older.ID+"/merges", nil, &log)
	if len(log.Items) != 1 || log.Items[0].Absorbed != older.ID || log.Items[0].Survivor != younger.ID || log.Items[0].Reason != "manual" {
		t.Fatalf("%+v", log)
	}
	p.call("POST", "/v1/merges/"+log.Items[0].ID+"/undo", nil, nil)
	resync()
	for _, want := range []shownPerson{older, younger} {
		if who := p.person(want.ID); who.ID != want.ID || who.activities() != want.activities() || who.Email != want.Email || len(who.MergedFrom) > 0 {
			t.Errorf("undone: %+v", who)
		}
	}
	if p.total() != people {
		t.Errorf("undone: %d people, %d before", p.total(), people)
	}
}

// TestR16_IdentifierChange: a change of the identifiers tells beforehand whom it merges, and then does just that.
func TestR16_IdentifierChange(t *testing.T) {
	t.Parallel()
	p := newPeopleTest(t)
	_, ids := p.upsert(
		map[string]any{"email": "one@x.test", "phone_number": "+4930123456"}, map[string]any{"phone_number": "+49 30 123456", "first_name": "Two"},
		map[string]any{"email": "three@x.test", "phone_number": "+49 30 123456"}, // has another address than the first: never one person by phone
	)
	people := p.total()
	var preview struct {
		Merge int `json:"would_merge"`
		Split int `json:"would_split"`
	}
	change := map[string]any{"identifiers": []string{"external-id", "email", "phone-number"}}
	p.call("POST", "/v1/sources/"+p.source+"/identifiers/preview", change, &preview)
	if preview.Merge != 1 || preview.Split != 0 {
		t.Fatalf("%+v", preview)
	}
	p.call("PATCH", "/v1/sources/"+p.source, change, nil)
	wait := func(want int) {
		t.Helper()
		eventually(t, time.Minute, func() error {
			if n := p.total(); n != want {
				return fmt.Errorf("%d people, want %d", n, want)
			}
			return nil
		})
	}
	wait(people - preview.Merge)
	if one, two, three := p.person("email:one@x.test"), p.person(ids[1]), p.person("email:three@x.test"); one.ID != two.ID || one.ID == three.ID {
		t.Errorf("%+v %+v %+v", one, two, three)
	}
	change["identifiers"] = []string{"email"}
	p.call("POST", "/v1/sources/"+p.source+"/identifiers/preview", change, &preview)
	p.call("PATCH", "/v1/sources/"+p.source, change, nil)
	if preview.Split != 1 {
		t.Errorf("%+v", preview)
	}
	wait(people)
}

// TestIdentifierChangeAfterUndo: who came into a merge by hand with somebody, and left with them when it was undone, is the same person as they are and
// another one than all who stayed: so a preview of other identifiers has it, and so it comes about.
func TestIdentifierChangeAfterUndo(t *testing.T) {
	t.Parallel()
	p := newPeopleTest(t)
	_, ids := p.upsert(
		map[string]any{"external_id": "stays", "email": "stays@x.test"}, map[string]any{"phone_number": "+4930111111"}, // comes to the first by its address
		map[string]any{"email": "leaves@x.test", "phone_number": "+4930111111"}, map[string]any{"phone_number": "+4930222222"}, // comes to the third by its address
	)
	p.call("PATCH", "/v1/people/"+ids[1], map[string]any{"email": "stays@x.test"}, nil)
	p.call("PATCH", "/v1/people/"+ids[3], map[string]any{"email": "leaves@x.test"}, nil)
	stays, leaves := p.person(ids[0]).ID, p.person(ids[2]).ID
	p.call("POST", "/v1/people/merge", map[string]any{"survivor": stays, "others": []string{leaves}}, nil)
	var log struct {
		Items []struct{ ID, Reason string } `json:"items"`
	}
	p.call("GET", "/v1/people/"+stays+"/merges", nil, &log)
	for _, m := range log.Items {
		if m.Reason == "manual" {
			p.call("POST", "/v1/merges/"+m.ID+"/undo", nil, nil)
		}
	}
	wait := func(when string, want ...int) {
		t.Helper()
		eventually(t, time.Minute, func() error {
			got, known := []int{}, []string{}
			for _, id := range ids {
				who := p.person(id).ID
				if !slices.Contains(known, who) {
					known = append(known, who)
				}
				got = append(got, slices.Index(known, who))
			}
			if !slices.Equal(got, want) {
				return fmt.Errorf("%s: %v, want %v", when, got, want)
			}
			return nil
		})
	}
	wait("undone", 0, 0, 1, 1)
	for _, c := range []struct {
		identifiers  []string
		merge, split int
		then         []int
	}{
		{[]string{"external-id"}, 0, 2, []int{0, 1, 2, 3}},
		{[]string{"external-id", "phone-number"}, 0, 0, []int{0, 1, 2, 3}}, // the second and the third share a number and were taken apart
		{[]string{"external-id", "email"}, 2, 0, []int{0, 0, 1, 1}},
	} {
		var preview struct {
			Merge int `json:"would_merge"`
			Split int `json:"would_split"`
		}
		change := map[string]any{"identifiers": c.identifiers}
		p.call("POST", "/v1/sources/"+p.source+"/identifiers/preview", change, &preview)
		if preview.Merge != c.merge || preview.Split != c.split {
			t.Errorf("%v: %+v, want %d and %d", c.identifiers, preview, c.merge, c.split)
		}
		p.call("PATCH", "/v1/sources/"+p.source, change, nil)
		wait(fmt.Sprint(c.identifiers), c.then...)
	}
}

// TestSnapshotsKeepEachOthersTags tags the same people several times, one after the other and at once.
func TestSnapshotsKeepEachOthersTags(t *testing.T) {
	t.Parallel()
	p := newPeopleTest(t)
	p.upsert(map[string]any{"email": "tag1@snap.test"}, map[string]any{"email": "tag2@snap.test"})
	tag := func(name string) error {
		var out struct{ Tagged int }
		body := map[string]any{"tag": name, "filter": json.RawMessage(`{"field":"email","op":"contains","value":"@snap.test"}`)}
		if err := p.api.call(t.Context(), "POST", "/v1/people/snapshot", body, &out); err != nil || out.Tagged != 2 {
			return fmt.Errorf("%s: %d were tagged: %w", name, out.Tagged, err)
		}
		return nil
	}
	for _, name := range []string{"one", "two"} {
		if err := tag(name); err != nil {
			t.Error(err)
		}
	}
	var all errgroup.Group
	for _, name := range []string{"three", "four", "five"} {
		all.Go(func() error { return tag(name) })
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"tag1", "tag2"} {
		var who struct{ Custom map[string][]string }
		p.call("GET", "/v1/people/email:"+name+"@snap.test", nil, &who)
		tags := slices.Sorted(slices.Values(who.Custom["tags"]))
		if !slices.Equal(tags, []string{"five", "four", "one", "three", "two"}) {
			t.Errorf("%s has the tags %q", name, tags)
		}
	}
}
