package reports

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"deskstream/schemas"
)

// foreteller knows of nobody what they are, and what one person would be with another one merged into it.
type foreteller struct{ Teller }

func (foreteller) Person(_ context.Context, account, name string, others ...string) (*schemas.PersonFacts, error) {
	one, four := schemas.OwnPersonID(testAccount, 1), schemas.OwnPersonID(testAccount, 4)
	switch {
	case len(others) == 0:
		return nil, nil
	case name != one || len(others) > 1 || others[0] != four:
		return nil, schemas.ErrUnavailable
	}
	return &schemas.PersonFacts{
		Person: schemas.PersonRow{Account: account, PersonID: one, OwnIDs: []string{one, four}, LastName: "Filled", Zendesk: "{}", Custom: `{"plan":"gold","seats":5}`},
		Stats:  []schemas.PersonStats{{UserID: 1, TicketsTotal: 2}, {UserID: 4, TicketsTotal: 3}},
	}, nil
}

// mergedPeople has p_1, which absorbed users 2 and 3 (3 came with 2), and p_4.
func mergedPeople(t *testing.T) *testServer {
	t.Helper()
	s := newTestServer(t, openDatabase(t), func(o *Options) { o.Teller = foreteller{} })
	row := func(id string, email string, users ...int64) schemas.PersonRow {
		r := schemas.PersonRow{
			Account: testAccount, PersonID: id, SourceIDs: []string{testSource}, Email: email, FirstName: "F" + id, UserIDs: users, OrganizationID: 70 + users[0],
			Custom:  fmt.Sprintf(`{"plan":"p%d","same":1,"list":[%d]}`, users[0], users[0]),
			Zendesk: fmt.Sprintf(`{"user_id":"%d","name":"same","tags":["t%d"],"notes":null,"fields":{"level":%d,"city":"Rome"}}`, users[0], users[0], users[0]),
		}
		for _, u := range users {
			r.OwnIDs = append(r.OwnIDs, schemas.OwnPersonID(testAccount, schemas.ZID(u)))
		}
		return r
	}
	one, four := schemas.OwnPersonID(testAccount, 1), schemas.OwnPersonID(testAccount, 4)
	insertInto(t, s.db, schemas.TablePeople, row(one, "a@x.test", 1, 2, 3), row(four, "d@x.test", 4))
	for alias, to := range map[string]string{"zendesk:1": one, "zendesk:2": one, "zendesk:4": four, schemas.OwnPersonID(testAccount, 2): one} {
		insertInto(t, s.db, schemas.TablePersonAliases, schemas.PersonAlias{Account: testAccount, Alias: alias, PersonID: to})
	}
	merge := func(user, via int64, reason string, day string) schemas.PersonMerge {
		return schemas.PersonMerge{
			Account: testAccount, MergeID: schemas.MergeID(testAccount, user, 1), UserID: user, AbsorbedID: schemas.OwnPersonID(testAccount, schemas.ZID(user)),
			SurvivorID: one, ViaUserID: via, Reason: reason, At: at(day),
		}
	}
	over := merge(4, 1, "email", "03 00:00")
	over.EndedAt = atP("04 00:00")
	insertInto(t, s.db, schemas.TablePersonMerges, merge(2, 1, "manual", "05 00:00"), merge(3, 2, "email", "06 00:00"), over)
	insertInto(t, s.db, schemas.TablePersonActivities, schemas.PersonActivity{Account: testAccount, UserID: 2, Activity: "ticket-created", Count: 3},
		schemas.PersonActivity{Account: testAccount, UserID: 4, Activity: "ticket-created", Count: 4})
	return s
}

func TestMergeLog(t *testing.T) {
	t.Parallel()
	s := mergedPeople(t)
	var list page[mergeView]
	s.get("/v1/people/zendesk:1/merges", &list)
	var got []string
	for _, m := range list.Items {
		got = append(got, m.At.Format("02")+" "+m.Reason+" "+map[bool]string{true: "ended", false: "holds"}[m.EndedAt != nil])
	}
	if want := []string{"06 email holds", "05 manual holds", "03 email ended"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	s.wantPages("/v1/people/zendesk:1/merges", 3)
}

func TestMergeDryRunAndRefusals(t *testing.T) {
	t.Parallel()
	s := mergedPeople(t)
	var a mergeAnswer
	s.want(200, s.call("POST", "/v1/people/merge", "people-key", `{"survivor":"zendesk:1","others":["zendesk:4"],"dry_run":true}`), &a)
	if !a.DryRun || a.Activities != 7 || len(a.Absorbed) != 1 {
		t.Errorf("%+v", a)
	}
	one, four := schemas.OwnPersonID(testAccount, 1), schemas.OwnPersonID(testAccount, 4)
	differ := map[string]map[string]string{}
	for _, c := range a.Conflicts {
		differ[c.Field] = c.Values
	}
	want := map[string]map[string]string{
		"first_name": {one: "F" + one, four: "F" + four}, "email": {one: "a@x.test", four: "d@x.test"}, "organization.id": {one: "71", four: "74"},
		"zendesk.tags": {one: `["t1"]`, four: `["t4"]`}, "zendesk.fields.level": {one: "1", four: "4"}, "custom.list": {one: "[1]", four: "[4]"}, "custom.plan": {one: "p1", four: "p4"},
	}
	if !reflect.DeepEqual(differ, want) {
		t.Errorf("differ in %v, want %v", differ, want)
	}
	if p := a.Person; p.LastName != "Filled" || len(p.Custom) != 2 || len(p.MergedFrom) != 1 || p.Zendesk["tickets_total"] != 5.0 {
		t.Errorf("would be %+v", p)
	}
	s.wantProblem(s.call("POST", "/v1/people/merge", "people-key", `{"survivor":"zendesk:4","others":["zendesk:1"],"dry_run":true}`), 503, "processors-unavailable")
	for body, where := range map[string]string{
		`{"survivor":"zendesk:1","others":["zendesk:2"]}`:             "body.others[0]",
		`{"survivor":"zendesk:1","others":["zendesk:4","zendesk:4"]}`: "body.others[1]",
		`{"survivor":"zendesk:1","others":[]}`:                        "body.others",
		`{"others":["zendesk:4"]}`:                                    "survivor",
		`{"survivor":5,"others":["zendesk:4"]}`:                       "body.survivor",
	} {
		s.wantProblem(s.call("POST", "/v1/people/merge", "people-key", body), 422, "invalid-input", where)
	}
	s.wantProblem(s.call("POST", "/v1/people/merge", "people-key", `{"survivor":"zendesk:1","others":["zendesk:4","zendesk:9"]}`), 404, "no-such-person", "body.others[1]")
	s.wantProblem(s.call("POST", "/v1/people/merge", "people-key", `{"survivor":"zendesk:9","others":["zendesk:1"]}`), 404, "no-such-person", "body.survivor")
	s.wantProblem(s.call("POST", "/v1/merges/m_none/undo", "people-key", nil), 404, "no-such-merge")
	s.wantProblem(s.call("POST", "/v1/merges/"+schemas.MergeID(testAccount, 4, 1)+"/undo", "people-key", nil), 409, "merge-ended")
	if len(s.store.published) != 0 {
		t.Errorf("%d events", len(s.store.published))
	}
}

// TestMergeAnswersWhatIsTrue: of merges of the same people at once one is stored, the others are refused; a merge after which the people are not
// as it was asked is no success.
func TestMergeAnswersWhatIsTrue(t *testing.T) {
	t.Parallel()
	s := mergedPeople(t)
	one, four := schemas.OwnPersonID(testAccount, 1), schemas.OwnPersonID(testAccount, 4)
	merge := func(survivor, other string) response {
		return s.call("POST", "/v1/people/merge", "people-key", fmt.Sprintf(`{"survivor":%q,"others":[%q]}`, survivor, other))
	}
	s.wantProblem(merge(one, four), 409, "merge-overtaken") // as it was undone at once
	asked := len(s.store.published)
	s.store.reflects = func() {
		s.store.reflects = nil
		s.wantProblem(merge(four, one), 409, "merge-under-way")
		s.wantProblem(merge("zendesk:2", "zendesk:4"), 409, "merge-under-way")
		insertInto(t, s.db, schemas.TablePeople,
			schemas.PersonRow{Account: testAccount, PersonID: one, SourceIDs: []string{testSource}, UserIDs: []int64{1, 4}, OwnIDs: []string{one, four}, Custom: "{}", Zendesk: "{}"},
			schemas.PersonRow{Account: testAccount, PersonID: four, Custom: "{}", Zendesk: "{}", IsDeleted: 1})
		insertInto(t, s.db, schemas.TablePersonAliases, schemas.PersonAlias{Account: testAccount, Alias: four, PersonID: one})
	}
	var a mergeAnswer
	s.want(200, merge(one, four), &a)
	if a.Person.ID != one || !slices.Equal(a.Absorbed, []string{four}) || !slices.Equal(a.Person.MergedFrom, []string{four}) || len(s.store.published) != asked+1 {
		t.Errorf("%+v, %d events", a, len(s.store.published))
	}
	s.wantProblem(merge(four, one), 422, "invalid-input", "body.others[0]")
}

// TestMergedOnMeanwhile: a merge is in force when the people are one, also where another process has merged them into somebody else at once.
func TestMergedOnMeanwhile(t *testing.T) {
	t.Parallel()
	s := mergedPeople(t)
	ids := map[int64]string{}
	for _, user := range []int64{7, 8, 9} {
		ids[user] = schemas.OwnPersonID(testAccount, schemas.ZID(user))
		insertInto(t, s.db, schemas.TablePeople, schemas.PersonRow{
			Account: testAccount, PersonID: ids[user], SourceIDs: []string{testSource}, UserIDs: []int64{user}, OwnIDs: []string{ids[user]}, Custom: "{}", Zendesk: "{}",
		})
	}
	s.store.reflects = func() {
		s.store.reflects = nil
		all := schemas.PersonRow{Account: testAccount, PersonID: ids[9], SourceIDs: []string{testSource}, UserIDs: []int64{9, 7, 8}, OwnIDs: []string{ids[9], ids[7], ids[8]}, Custom: "{}", Zendesk: "{}"}
		insertInto(t, s.db, schemas.TablePeople, all)
		for _, user := range []int64{7, 8} {
			insertInto(t, s.db, schemas.TablePeople, schemas.PersonRow{Account: testAccount, PersonID: ids[user], Custom: "{}", Zendesk: "{}", IsDeleted: 1})
			insertInto(t, s.db, schemas.TablePersonAliases, schemas.PersonAlias{Account: testAccount, Alias: ids[user], PersonID: ids[9]})
		}
	}
	var a mergeAnswer
	s.want(200, s.call("POST", "/v1/people/merge", "people-key", fmt.Sprintf(`{"survivor":%q,"others":[%q]}`, ids[7], ids[8])), &a)
	if a.Person.ID != ids[9] || !slices.Equal(a.Absorbed, []string{ids[8]}) {
		t.Errorf("%+v", a)
	}
}

// TestUndoTakesTheBranchApart: who came with the absorbed person leaves with it.
func TestUndoTakesTheBranchApart(t *testing.T) {
	t.Parallel()
	s := mergedPeople(t)
	var v mergeView
	s.want(200, s.call("POST", "/v1/merges/"+schemas.MergeID(testAccount, 2, 1)+"/undo", "people-key", nil), &v)
	if v.EndedAt == nil || !v.Undone || v.Reason != "manual" {
		t.Errorf("%+v", v)
	}
	var got []string
	for _, e := range s.store.published {
		var l schemas.PersonLink
		if err := json.Unmarshal(e.Data, &l); err != nil || e.Kind != schemas.KindLink || !l.Apart || len(l.Others) != 1 {
			t.Fatalf("%s %v", e.Data, err)
		}
		got = append(got, l.ID.String()+"|"+l.Others[0].String())
	}
	if want := []string{"2|1", "3|1"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestUndoIsLaterThanTheMerge: a merge that was told by a clock that is ahead is undone by one that is right, and made again.
func TestUndoIsLaterThanTheMerge(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	one, two := schemas.OwnPersonID(testAccount, 1), schemas.OwnPersonID(testAccount, 2)
	ahead := testNow.Add(5 * time.Minute)
	merge := schemas.PersonMerge{
		Account: testAccount, MergeID: schemas.MergeID(testAccount, 2, 1), UserID: 2, SurvivorID: one, AbsorbedID: two, ViaUserID: 1, Reason: "manual", At: ahead,
	}
	row := func(id string, users ...int64) schemas.PersonRow {
		r := schemas.PersonRow{Account: testAccount, PersonID: id, SourceIDs: []string{testSource}, UserIDs: users, Zendesk: "{}", Custom: "{}"}
		for _, u := range users {
			r.OwnIDs = append(r.OwnIDs, schemas.OwnPersonID(testAccount, schemas.ZID(u)))
		}
		return r
	}
	insertInto(t, s.db, schemas.TablePersonMerges, merge)
	insertInto(t, s.db, schemas.TablePeople, row(one, 1, 2))
	said := func() (at time.Time) {
		var l schemas.PersonLink
		if err := json.Unmarshal(s.store.published[len(s.store.published)-1].Data, &l); err != nil {
			t.Fatal(err)
		}
		return l.At
	}
	var v mergeView
	s.want(200, s.call("POST", "/v1/merges/"+merge.MergeID+"/undo", "people-key", nil), &v)
	if undone := ahead.Add(time.Second); !said().Equal(undone) || !v.EndedAt.Equal(undone) {
		t.Errorf("undone at %s, told as %s, the merge was at %s", said(), v.EndedAt, ahead)
	}
	merge.EndedAt, merge.Undone = v.EndedAt, 1
	insertInto(t, s.db, schemas.TablePersonMerges, merge)
	insertInto(t, s.db, schemas.TablePeople, row(one, 1), row(two, 2))
	s.store.reflects = func() { insertInto(t, s.db, schemas.TablePeople, row(one, 1, 2)) }
	s.want(200, s.call("POST", "/v1/people/merge", "people-key", fmt.Sprintf(`{"survivor":%q,"others":[%q]}`, one, two)), nil)
	if again := ahead.Add(2 * time.Second); !said().Equal(again) {
		t.Errorf("made again at %s, undone at %s", said(), v.EndedAt)
	}
}

// TestUndoOfManyUsers takes one user apart from more others than one event is about, and refuses what is far too much.
func TestUndoOfManyUsers(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	var merges []schemas.PersonMerge
	crowd := func(first, users int64) {
		head := schemas.OwnPersonID(testAccount, schemas.ZID(first))
		row := schemas.PersonRow{Account: testAccount, PersonID: head, SourceIDs: []string{testSource}, Zendesk: "{}", Custom: "{}"}
		for u := first; u < first+users; u++ {
			row.UserIDs, row.OwnIDs = append(row.UserIDs, u), append(row.OwnIDs, schemas.OwnPersonID(testAccount, schemas.ZID(u)))
			if u > first {
				merges = append(merges, schemas.PersonMerge{
					Account: testAccount, MergeID: schemas.MergeID(testAccount, u, first), UserID: u, SurvivorID: head,
					AbsorbedID: schemas.OwnPersonID(testAccount, schemas.ZID(u)), ViaUserID: u - 1, Reason: "email", At: at("05 00:00"),
				})
			}
		}
		insertInto(t, s.db, schemas.TablePeople, row)
	}
	crowd(1, 252)
	crowd(1001, 300)
	insertInto(t, s.db, schemas.TablePersonMerges, merges...)
	s.want(200, s.call("POST", "/v1/merges/"+schemas.MergeID(testAccount, 251, 1)+"/undo", "people-key", nil), nil)
	pairs := map[[2]schemas.ZID]bool{}
	for _, e := range s.store.published {
		var l schemas.PersonLink
		if err := json.Unmarshal(e.Data, &l); err != nil || !l.Apart || len(l.Others) > schemas.MaxLinked {
			t.Fatalf("%d others, %v", len(l.Others), err)
		}
		for _, o := range l.Others {
			pairs[[2]schemas.ZID{l.ID, o}] = true
		}
	}
	if len(s.store.published) != 6 || len(pairs) != 500 || !pairs[[2]schemas.ZID{252, 1}] || !pairs[[2]schemas.ZID{251, 250}] {
		t.Errorf("%d events about %d pairs", len(s.store.published), len(pairs))
	}
	s.wantProblem(s.call("POST", "/v1/merges/"+schemas.MergeID(testAccount, 1150, 1001)+"/undo", "people-key", nil), 409, "too-many-users")
}

// TestIdentifierPreview counts what other identifiers would do; TestIdentifierChange in cmd does it for real.
func TestIdentifierPreview(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	for i, v := range []string{"a", "a", "b", "b", "c"} {
		insertInto(t, s.db, schemas.TablePersonIdentities,
			schemas.PersonIdentity{Account: testAccount, Kind: "phone-number", Value: "+49" + v, UserID: int64(i + 1), Strong: 1, CreatedAt: at("01 00:00").AddDate(0, 0, i)},
			schemas.PersonIdentity{Account: testAccount, Kind: "email", Value: []string{"x", "y", "z", "z", "w"}[i], UserID: int64(i + 1), Strong: 1, CreatedAt: at("01 00:00").AddDate(0, 0, i)})
	}
	var p identifierPreview
	s.want(200, s.call("POST", "/v1/sources/"+testSource+"/identifiers/preview", "admin-key", `{"identifiers":["phone-number"]}`), &p)
	if p.Merge != 1 || p.Split != 0 || len(p.Examples) != 1 || p.Examples[0].Then[0] != schemas.OwnPersonID(testAccount, 1) || len(p.Examples[0].Now) != 2 {
		t.Errorf("%+v", p)
	}
	s.want(200, s.call("POST", "/v1/sources/"+testSource+"/identifiers/preview", "admin-key", `{"identifiers":["external-id"]}`), &p)
	if p.Merge != 0 || p.Split != 1 || p.Examples[0].Now[0] != schemas.OwnPersonID(testAccount, 3) {
		t.Errorf("%+v", p)
	}
	insertInto(t, s.db, schemas.TablePersonMerges, schemas.PersonMerge{Account: testAccount, MergeID: "m", UserID: 2, ViaUserID: 1, Reason: "email", EndedAt: atP("04 00:00"), Undone: 1})
	s.want(200, s.call("POST", "/v1/sources/"+testSource+"/identifiers/preview", "admin-key", `{"identifiers":["email","phone-number"]}`), &p)
	if p.Merge != 0 || p.Split != 0 {
		t.Errorf("who was taken apart would merge: %+v", p)
	}
	s.wantProblem(s.call("POST", "/v1/sources/"+testSource+"/identifiers/preview", "admin-key", `{"identifiers":["shoe"]}`), 422, "invalid-input", "body.identifiers[0]", "phone-number")
	s.want(200, s.call("PATCH", "/v1/sources/"+testSource, "admin-key", `{"identifiers":["external-id"]}`), nil)
	if len(s.store.published) != 2 {
		t.Errorf("%d people are worked out anew, want the 2 that part", len(s.store.published))
	}
	insertInto(t, s.db, schemas.TablePersonMerges, schemas.PersonMerge{Account: testAccount, MergeID: "n", UserID: 3, ViaUserID: 4, Reason: "manual", EndedAt: atP("04 00:00"), Undone: 1})
	s.want(200, s.call("POST", "/v1/sources/"+testSource+"/identifiers/preview", "admin-key", `{"identifiers":["email"]}`), &p)
	if p.Merge != 0 || p.Split != 0 {
		t.Errorf("an older one who was taken apart would merge: %+v", p)
	}
}
