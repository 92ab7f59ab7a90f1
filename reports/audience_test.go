package reports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"deskstream/schemas"
)

// audienceServer is an API over a database of its own with a clock that a test moves, and the worker of its audiences.
type audienceServer struct {
	*testServer
	w   *audienceWorker
	now time.Time
}

func newAudienceServer(t *testing.T) *audienceServer {
	t.Helper()
	a := &audienceServer{now: testNow}
	a.testServer = newTestServer(t, openDatabase(t), func(o *Options) { o.Now = func() time.Time { return a.now } })
	a.w = newAudienceWorker(a.server)
	a.w.started = testNow.Add(-time.Hour)
	return a
}

// allWays runs a test with people in memory, whose changes are read from the stream or from the tables, and with people that are read as they
// change.
func allWays(t *testing.T, test func(t *testing.T, a *audienceServer)) {
	t.Parallel()
	for name, prepare := range map[string]func(*audienceServer){
		"from the stream": func(a *audienceServer) { a.keepOutputs() },
		"from the tables": func(*audienceServer) {},
		"not in memory":   func(a *audienceServer) { a.w.mostInRoster = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAudienceServer(t)
			prepare(a)
			test(t, a)
		})
	}
}

// person puts a person of one user into the tables.
func (a *audienceServer) person(user int64, first string, change func(*schemas.PersonRow)) string {
	a.t.Helper()
	id := schemas.OwnPersonID(testAccount, schemas.ZID(user))
	row := schemas.PersonRow{
		Account: testAccount, PersonID: id, SourceIDs: []string{testSource}, FirstName: first, UserIDs: []int64{user}, OwnIDs: []string{id}, Zendesk: "{}", Custom: "{}",
		CreatedAt: testNow, UpdatedAt: testNow,
	}
	if change != nil {
		change(&row)
	}
	insertInto(a.t, a.db, schemas.TablePeople, row)
	return id
}

func (a *audienceServer) create(name, filter string) audienceView {
	a.t.Helper()
	var v audienceView
	a.want(201, a.call("POST", "/v1/audiences", "people-key", map[string]any{"name": name, "filter": json.RawMessage(filter)}), &v)
	return v
}

// found runs rounds to the end and gives what was published, as "in 1 2", "out 3" and "fired 4", ordered.
func (a *audienceServer) found() []string {
	a.t.Helper()
	before := len(a.store.published)
	a.w.day = a.w.today()
	for more := true; more; {
		var err error
		if more, err = a.w.round(a.t.Context()); err != nil {
			a.t.Fatal(err)
		}
	}
	out := []string{}
	for _, e := range a.store.published[before:] {
		var v schemas.AudienceVerdict
		if err := json.Unmarshal(e.Data, &v); err != nil || e.Kind != schemas.KindAudience || e.Account != testAccount || e.Source != testSource {
			a.t.Fatalf("%+v %v", e, err)
		}
		for range v.In {
			out = append(out, fmt.Sprintf("in %d", v.ID))
		}
		for range v.Out {
			out = append(out, fmt.Sprintf("out %d", v.ID))
		}
		for _, f := range v.Fired {
			out = append(out, fmt.Sprintf("fired %d %s", v.ID, f.Activity.ActivityID))
		}
	}
	slices.Sort(out)
	return out
}

// believe puts members into the table as the processor would, and lets the worker rely on it.
func (a *audienceServer) believe(audience string, users ...int64) {
	a.t.Helper()
	for _, u := range users {
		insertInto(a.t, a.db, schemas.TableAudienceMembers, schemas.AudienceMember{
			Account: testAccount, AudienceID: audience, PersonID: schemas.OwnPersonID(testAccount, schemas.ZID(u)), Since: a.now,
		})
	}
	a.now = a.now.Add(audienceLag + time.Second)
}

const isAnn = `{"field":"first_name","op":"is","value":"Ann"}`

// TestAudienceIsEvaluated: everybody when it is new, when its filter changes, when a day begins and when it is deleted; in between those who
// changed, and only differences are told.
func TestAudienceIsEvaluated(t *testing.T) { allWays(t, testAudienceIsEvaluated) }

func testAudienceIsEvaluated(t *testing.T, a *audienceServer) {
	t.Helper()
	a.person(1, "Ann", nil)
	a.person(2, "Bob", nil)
	a.person(3, "Ann", func(r *schemas.PersonRow) { r.Archived = 1 })
	wantRows(t, a.found())
	v := a.create("Anns", isAnn)
	if v.Evaluated || v.Members != 0 {
		t.Errorf("%+v", v)
	}
	wantRows(t, a.found(), "in 1")
	a.believe(v.ID, 1)
	a.get("/v1/audiences/"+v.ID, &v)
	if !v.Evaluated || v.Members != 1 {
		t.Errorf("%+v", v)
	}
	wantRows(t, a.found())
	a.person(1, "Ann", func(r *schemas.PersonRow) { r.LastName = "Lee" })
	wantRows(t, a.found())
	a.person(1, "Eve", nil)
	a.person(2, "Ann", nil)
	wantRows(t, a.found(), "in 2", "out 1")
	wantRows(t, a.found())
	a.person(1, "Ann", nil) // that it left is not in the table yet
	wantRows(t, a.found(), "in 1")
	a.believe(v.ID, 2)
	a.want(200, a.call("PATCH", "/v1/audiences/"+v.ID, "people-key", `{"filter":{"field":"first_name","op":"is","value":"Bob"}}`), &v)
	wantRows(t, a.found(), "out 1", "out 2")
	a.now = a.now.AddDate(0, 0, 1)
	wantRows(t, a.found(), "out 1", "out 2")
	wantRows(t, a.found())
	a.want(204, a.call("DELETE", "/v1/audiences/"+v.ID, "people-key", nil), nil)
	wantRows(t, a.found(), "out 1", "out 2")
	a.wantProblem(a.call("GET", "/v1/audiences/"+v.ID, "people-key", nil), 404, "no-such-audience")
}

// TestAudienceOfActivities: conditions on activities, figures and organizations are evaluated for those of whom they changed.
func TestAudienceOfActivities(t *testing.T) { allWays(t, testAudienceOfActivities) }

func testAudienceOfActivities(t *testing.T, a *audienceServer) {
	t.Helper()
	a.person(1, "Ann", func(r *schemas.PersonRow) { r.OrganizationID = 700 })
	a.person(2, "Bob", nil)
	a.create("insured", `{"activity":"ticket-message-received","op":"has_occurred","within_days":30,"where":[{"attribute":"message","op":"contains_phrase","value":"travel insurance"}]}`)
	a.create("busy", `{"field":"zendesk.tickets_total","op":"gt","value":1}`)
	a.create("often", `{"activity":"ticket-closed","op":"has_occurred"}`)
	a.create("gold", `{"field":"organization.name","op":"is","value":"Gold"}`)
	wantRows(t, a.found())
	a.now = a.now.Add(audienceLag + time.Second)
	said := func(user int64, id, text string, at time.Time) {
		insertInto(t, a.db, schemas.TableActivities, schemas.Activity{
			Account: testAccount, Activity: "ticket-message-received", OccurredAt: at, ActivityID: id, UserID: user, Message: text, Tags: []string{}, Attributes: "{}",
			ExpiresAt: testNow.AddDate(50, 0, 0),
		})
	}
	said(1, "a1", "my Travel-Insurance", a.now)
	said(2, "a2", "reinsurance", a.now)
	said(2, "a3", "travel insurance", a.now.AddDate(0, 0, -40))
	wantRows(t, a.found(), "in 1")
	insertInto(t, a.db, schemas.TablePersonStats, schemas.PersonStats{Account: testAccount, UserID: 2, TicketsTotal: 2})
	wantRows(t, a.found(), "in 2")
	insertInto(t, a.db, schemas.TablePersonActivities, schemas.PersonActivity{Account: testAccount, UserID: 2, Activity: "ticket-closed", FirstAt: a.now, LastAt: a.now, Count: 1})
	if got := a.found(); !slices.Contains(got, "in 2") {
		t.Errorf("%v", got)
	}
	insertInto(t, a.db, schemas.TableOrganizations, schemas.OrganizationRow{Account: testAccount, OrganizationID: 700, Name: "Gold", Zendesk: "{}"})
	wantRows(t, a.found(), "in 1") // the others do not look at organizations
}

// TestR50_OccursFiresForNewActivities: of activities that occur after the audience was made, those that match make their people enter.
func TestR50_OccursFiresForNewActivities(t *testing.T) { allWays(t, testOccursFiresForNewActivities) }

func testOccursFiresForNewActivities(t *testing.T, a *audienceServer) {
	t.Helper()
	a.person(1, "Ann", nil)
	a.person(2, "Bob", nil)
	closed := func(user int64, id, subject string, at time.Time) {
		insertInto(t, a.db, schemas.TableActivities, schemas.Activity{
			Account: testAccount, Activity: "ticket-closed", OccurredAt: at, ActivityID: id, UserID: user, TicketID: 7, Subject: subject, Tags: []string{"x"}, Attributes: "{}",
			ExpiresAt: testNow.AddDate(50, 0, 0),
		})
	}
	closed(1, "a1", "Refund", testNow)
	v := a.create("survey", `{"all":[{"activity":"ticket-closed","op":"occurs","where":[{"attribute":"subject","op":"contains","value":"refund"}]},`+isAnn+`]}`)
	wantRows(t, a.found())
	closed(1, "a2", "Refund", testNow.Add(-time.Second))
	closed(1, "a3", "Refund", testNow)
	closed(1, "a4", "Hello", testNow.Add(time.Second))
	closed(2, "a5", "Refund", testNow.Add(time.Second))
	wantRows(t, a.found(), "fired 1 a3")
	closed(1, "a6", "refund again", testNow.Add(time.Minute))
	wantRows(t, a.found(), "fired 1 a6")
	a.now = a.now.AddDate(0, 0, 1)
	wantRows(t, a.found())
	a.wantProblem(a.call("PATCH", "/v1/audiences/"+v.ID, "people-key", `{"filter":`+isAnn+`}`), 422, "invalid-input", "body.filter", "occurs")
}

// TestAudienceBadInput: what is wrong with a filter is isAnn by its place inside; a name is needed.
func TestAudienceBadInput(t *testing.T) {
	t.Parallel()
	a := newAudienceServer(t)
	for filter, place := range map[string]string{
		`{"all":[{"field":"nope","op":"is","value":"x"}]}`:                   "body.filter.all[0].field",
		`{"field":"first_name","op":"lt","value":1}`:                         "body.filter.op",
		`{"not":{"activity":"ticket-closed","op":"occurs","within_days":3}}`: "body.filter.not.within_days",
	} {
		a.wantProblem(a.call("POST", "/v1/audiences", "people-key", `{"name":"x","filter":`+filter+`}`), 422, "invalid-input", place)
	}
	a.wantProblem(a.call("POST", "/v1/audiences", "people-key", `{"filter":`+isAnn+`}`), 422, "invalid-input", "name")
	a.wantProblem(a.call("POST", "/v1/audiences", "reports-key", `{"name":"x","filter":`+isAnn+`}`), 403, "scope-missing")
	for _, path := range []string{"", "/members", "/entries"} {
		a.wantProblem(a.call("GET", "/v1/audiences/aud_none"+path, "people-key", nil), 404, "no-such-audience")
	}
}

// TestAudienceLists: audiences by name in pages; members and entries newest first, with the people as they are now.
func TestAudienceLists(t *testing.T) {
	t.Parallel()
	a := newAudienceServer(t)
	one := a.person(1, "Ann", func(r *schemas.PersonRow) { r.Email = "ann@x.test" })
	b, c := a.create("beta", isAnn), a.create("Alpha", isAnn)
	var list page[audienceView]
	a.get("/v1/audiences?limit=1", &list)
	if len(list.Items) != 1 || list.Items[0].ID != c.ID || list.NextCursor == nil {
		t.Fatalf("%+v", list)
	}
	a.get("/v1/audiences?limit=1&cursor="+*list.NextCursor, &list)
	if len(list.Items) != 1 || list.Items[0].ID != b.ID || list.NextCursor != nil {
		t.Fatalf("%+v", list)
	}
	a.believe(b.ID, 1)
	gone := schemas.OwnPersonID(testAccount, 2)
	insertInto(t, a.db, schemas.TablePersonAliases, schemas.PersonAlias{Account: testAccount, Alias: gone, PersonID: one})
	entry := func(id, person, event string, at time.Time) schemas.AudienceEntry {
		return schemas.AudienceEntry{Account: testAccount, AudienceID: b.ID, EntryID: id, PersonID: person, Event: event, At: at, Attributes: "{}"}
	}
	sticky := entry("e2", gone, "entered", testNow.Add(time.Second))
	sticky.ActivityID, sticky.Activity, sticky.Attributes = "a1", "ticket-closed", jsonText(schemas.Activity{
		Account: testAccount, Activity: "ticket-closed", ActivityID: "a1", TicketID: 7, PersonID: gone, UserID: 9007199254740993, OccurredAt: testNow, Subject: "Refund",
		Tags: []string{"vip"}, Status: "closed", PreviousStatus: "solved", Attributes: `{"previous-status":"solved","reopens":2}`, ExpiresAt: testNow,
	})
	insertInto(t, a.db, schemas.TableAudienceEntries, entry("e1", one, "entered", testNow), sticky)
	var members page[memberItem]
	a.get("/v1/audiences/"+b.ID+"/members", &members)
	if len(members.Items) != 1 || members.Items[0].Person != (feedPerson{ID: one, Name: "Ann"}) || members.Items[0].Email != "ann@x.test" {
		t.Errorf("%+v", members)
	}
	var entries page[entryItem]
	a.get("/v1/audiences/"+b.ID+"/entries?limit=1", &entries)
	e := entries.Items[0]
	if e.ID != "e2" || e.Person == nil || e.Person.ID != one || e.ActivityID != "a1" || entries.NextCursor == nil {
		t.Errorf("%+v", e)
	}
	want := map[string]any{
		"occurred_at": testNow.Format(time.RFC3339), "ticket_id": "7", "user_id": "9007199254740993", "subject": "Refund", "tags": []any{"vip"}, "status": "closed",
		"previous-status": "solved", "reopens": 2.0,
	}
	if !reflect.DeepEqual(e.Attributes, want) {
		t.Errorf("got %v, want %v", e.Attributes, want)
	}
	var rest page[entryItem]
	a.get("/v1/audiences/"+b.ID+"/entries?limit=1&cursor="+*entries.NextCursor, &rest)
	if e := rest.Items[0]; e.ID != "e1" || e.Attributes != nil || rest.NextCursor != nil {
		t.Errorf("%+v", rest)
	}
}

// TestR50_RenderPastRetention: a message is rendered with the activity that made its recipient enter when that is stored no more, for the person
// that the recipient has become, and for nobody else.
func TestR50_RenderPastRetention(t *testing.T) {
	t.Parallel()
	a := newAudienceServer(t)
	absorbed, other := schemas.OwnPersonID(testAccount, 2), a.person(3, "Eve", nil)
	ann := a.person(1, "Ann", func(r *schemas.PersonRow) {
		r.UserIDs, r.OwnIDs = append(r.UserIDs, 2), append(r.OwnIDs, absorbed)
	})
	kept := jsonText(schemas.Activity{
		Account: testAccount, Activity: "ticket-closed", OccurredAt: testNow.AddDate(-1, 0, 0), ActivityID: "a1", TicketID: 7, UserID: 2, GroupID: 500, Subject: "Refund",
		Tags: []string{"vip"}, Attributes: `{"reopens":2}`,
	})
	insertInto(t, a.db, schemas.TableNames, schemas.Name{Account: testAccount, Kind: "group", ID: 500, Name: "Billing"})
	insertInto(t, a.db, schemas.TableAudienceEntries, schemas.AudienceEntry{
		Account: testAccount, AudienceID: "aud_1", EntryID: "e1", PersonID: absorbed, Event: "entered", At: testNow, ActivityID: "a1", Activity: "ticket-closed", Attributes: kept,
	})
	ask := func(person, activity string) response {
		return a.call("POST", "/v1/liquid/render", "render-key", map[string]any{"person": person, "activity_id": activity, "parts": map[string]string{
			"text": "{% assign x = activity.zendesk.ticket-closed %}{{ person.first_name }} {{ x.subject }} {{ x.tags[0] }} {{ x.group }} {{ x.reopens }} {{ x.ticket.id }}",
		}})
	}
	var got RenderAnswer
	a.want(200, ask(ann, "a1"), &got)
	if got.Parts["text"] != "Ann Refund vip Billing 2 7" {
		t.Errorf("%+v", got)
	}
	a.wantProblem(ask(other, "a1"), 404, "no-such-activity")
	a.wantProblem(ask(ann, "a2"), 404, "no-such-activity")
}

// TestAudienceFailsAlone: when everybody cannot be evaluated now, that is tried again, and the audience is shown as not evaluated until then.
func TestAudienceFailsAlone(t *testing.T) {
	t.Parallel()
	a := newAudienceServer(t)
	a.person(1, "Ann", nil)
	v := a.create("Anns", isAnn)
	a.store.fail = fmt.Errorf("no room: %w", schemas.ErrUnavailable)
	if _, err := a.w.round(t.Context()); err == nil {
		t.Error("a store that does not answer was not noticed")
	}
	a.store.fail = nil
	a.w.retry[v.ID] = a.now.Add(passRetry)
	wantRows(t, a.found())
	if a.get("/v1/audiences/"+v.ID, &v); v.Evaluated {
		t.Errorf("%+v", v)
	}
	a.now = a.now.Add(passRetry)
	wantRows(t, a.found(), "in 1")
	if a.get("/v1/audiences/"+v.ID, &v); !v.Evaluated {
		t.Errorf("%+v", v)
	}
}

// TestUnreadableAudienceFailsAlone: the others are listed and evaluated, and everybody is for this one as soon as it can be read again.
func TestUnreadableAudienceFailsAlone(t *testing.T) {
	t.Parallel()
	a := newAudienceServer(t)
	a.person(1, "Ann", nil)
	a.person(2, "Bob", nil)
	anns := a.create("Anns", isAnn)
	bobs := a.create("Bobs", `{"field":"first_name","op":"is","value":"Bob"}`)
	wantRows(t, a.found(), "in 1", "in 2")
	a.believe(anns.ID, 1)
	a.believe(bobs.ID, 2)
	write := func(value json.RawMessage) {
		v, err := a.store.Setting(t.Context(), schemas.SettingAudience+anns.ID)
		if err == nil {
			v.Value = value
			err = a.store.PutSetting(t.Context(), &v)
		}
		if err != nil {
			t.Fatal(err)
		}
		a.now = a.now.Add(audiencesFresh)
	}
	good, _ := a.store.Setting(t.Context(), schemas.SettingAudience+anns.ID)
	write(json.RawMessage(`{"filter":`))
	a.person(1, "Bob", nil)
	wantRows(t, a.found(), "in 1")
	var p page[audienceView]
	if a.get("/v1/audiences", &p); len(p.Items) != 1 || p.Items[0].ID != bobs.ID {
		t.Errorf("%+v", p)
	}
	write(good.Value)
	wantRows(t, a.found(), "out 1")
}

// TestAudienceOfOthers: what is known of an organization by its people and tickets, and the names that activities have, are evaluated for the
// people they concern.
func TestAudienceOfOthers(t *testing.T) { allWays(t, testAudienceOfOthers) }

func testAudienceOfOthers(t *testing.T, a *audienceServer) {
	t.Helper()
	insertInto(t, a.db, schemas.TableOrganizations, schemas.OrganizationRow{Account: testAccount, OrganizationID: 700, Name: "Gold", Zendesk: "{}"})
	insertInto(t, a.db, schemas.TableNames, schemas.Name{Account: testAccount, Kind: "group", ID: 500, Name: "Billing"})
	insertInto(t, a.db, schemas.TableAgents, schemas.Agent{Account: testAccount, UserID: 60, Name: "Hannah Berg"})
	member := func(r *schemas.PersonRow) { r.OrganizationID, r.OrganizationIDs = 700, []int64{700} }
	a.person(1, "Ann", member)
	a.person(2, "Bob", nil)
	a.create("busy organization", `{"field":"organization.zendesk.tickets_open","op":"gt","value":0}`)
	a.create("large organization", `{"field":"organization.zendesk.people_total","op":"gt","value":1}`)
	a.create("billing", `{"activity":"ticket-closed","op":"occurs","where":[{"attribute":"group","op":"is","value":"billing"},{"attribute":"assignee-name","op":"starts_with","value":"hannah"}]}`)
	wantRows(t, a.found())
	a.now = a.now.Add(audienceLag + time.Second)
	insertInto(t, a.db, schemas.TableTickets, schemas.TicketRow{Account: testAccount, TicketID: 1, OrganizationID: 700, Status: "open", CreatedAt: a.now, UpdatedAt: a.now})
	wantRows(t, a.found(), "in 1")
	a.now = a.now.Add(audienceLag + time.Second)
	a.person(3, "Eve", member)
	wantRows(t, a.found(), "in 1", "in 1", "in 3", "in 3")
	for i, group := range []int64{500, 501} {
		insertInto(t, a.db, schemas.TableActivities, schemas.Activity{
			Account: testAccount, Activity: "ticket-closed", OccurredAt: a.now, ActivityID: fmt.Sprint("a", i), UserID: 2, GroupID: group, AssigneeID: 60, Tags: []string{}, Attributes: "{}",
			ExpiresAt: testNow.AddDate(50, 0, 0),
		})
	}
	if got := a.found(); !slices.Contains(got, "fired 2 a0") || slices.Contains(got, "fired 2 a1") {
		t.Errorf("%v", got)
	}
}

// TestRenamedAtOnce: a group, agent or brand that gets another name has those evaluated anew whose activities have it, also when nobody
// looked meanwhile.
func TestRenamedAtOnce(t *testing.T) { allWays(t, testRenamedAtOnce) }

func testRenamedAtOnce(t *testing.T, a *audienceServer) {
	t.Helper()
	a.person(1, "Ann", nil)
	a.person(2, "Bob", nil)
	closed := func(user, group int64) {
		insertInto(t, a.db, schemas.TableActivities, schemas.Activity{
			Account: testAccount, Activity: "ticket-closed", OccurredAt: a.now, ActivityID: fmt.Sprint("a", user), UserID: user, GroupID: group, AssigneeID: 60, BrandID: 7,
			Tags: []string{}, Attributes: "{}", ExpiresAt: testNow.AddDate(50, 0, 0),
		})
	}
	group := func(id int64, name string) {
		insertInto(t, a.db, schemas.TableNames, schemas.Name{Account: testAccount, Kind: "group", ID: id, Name: name})
	}
	group(500, "Billing")
	closed(1, 500)
	closed(2, 501)
	v := a.create("refunds", `{"activity":"ticket-closed","op":"has_occurred","where":[{"attribute":"group","op":"is","value":"refunds"}]}`)
	wantRows(t, a.found())
	a.now = a.now.Add(passRetry)
	group(500, "Refunds")
	wantRows(t, a.found(), "in 1")
	a.believe(v.ID, 1)
	group(501, "Refunds")
	group(500, "Billing again")
	wantRows(t, a.found(), "in 2", "out 1")
	a.believe(v.ID, 2)
	insertInto(t, a.db, schemas.TableAudienceMembers, schemas.AudienceMember{
		Account: testAccount, AudienceID: v.ID, PersonID: schemas.OwnPersonID(testAccount, 1), Since: a.now, IsDeleted: 1,
	})
	wantRows(t, a.found())
	agent := func(name, email string) {
		insertInto(t, a.db, schemas.TableAgents, schemas.Agent{Account: testAccount, UserID: 60, Name: name, Email: email})
	}
	a.now = a.now.Add(passRetry)
	both := a.create("hannah's", `{"activity":"ticket-closed","op":"has_occurred","where":[{"attribute":"assignee_last_name","op":"is","value":"von b"},{"attribute":"assignee_email","op":"is","value":"h@x.test"}]}`)
	wantRows(t, a.found())
	agent("Hannah von B", "old@x.test")
	wantRows(t, a.found())
	a.now = a.now.Add(passRetry)
	agent("Hannah von B", "h@x.test")
	wantRows(t, a.found(), "in 1", "in 2")
	a.believe(both.ID, 1, 2)
	group(501, "Claims") // while no worker runs
	group(500, "Refunds")
	most := a.w.mostInRoster
	a.w = newAudienceWorker(a.server)
	a.w.started, a.w.mostInRoster = testNow, most
	wantRows(t, a.found(), "in 1", "out 2")
}

// TestMemoryIsReadAnew: a worker that starts again, beside another one, and one whose audiences look at something new, finds the same as one
// that was there from the start.
func TestMemoryIsReadAnew(t *testing.T) {
	t.Parallel()
	a := newAudienceServer(t)
	busy := func(user, tickets int64) {
		insertInto(t, a.db, schemas.TablePersonStats, schemas.PersonStats{Account: testAccount, UserID: user, TicketsTotal: tickets})
	}
	a.person(1, "Ann", nil)
	a.person(2, "Bob", nil)
	busy(1, 1)
	v := a.create("busy Ann", `{"all":[`+isAnn+`,{"field":"zendesk.tickets_total","op":"gt","value":1}]}`)
	wantRows(t, a.found())
	a.believe(v.ID)
	first := a.w
	busy(1, 2)
	a.w = newAudienceWorker(a.server) // what it was told of is not known to it
	wantRows(t, a.found(), "in 1")
	busy(2, 2)
	a.w.started = testNow.Add(-time.Hour)
	a.believe(v.ID, 1)
	a.w = first
	a.person(2, "Ann", nil) // the first worker has to learn of the figures that the second one saw
	wantRows(t, a.found(), "in 2")
	a.believe(v.ID, 2)
	a.create("deep", `{"field":"last_name","op":"is","value":"Lee"}`)
	a.person(1, "Eve", func(r *schemas.PersonRow) { r.LastName = "Lee" })
	got := a.found()
	if !slices.Contains(got, "out 1") || !slices.Contains(got, "in 1") || a.w.roster != nil {
		t.Errorf("%v, in memory: %v", got, a.w.roster != nil)
	}
	a.now = a.now.Add(recallSettles)
	busy(1, 3)
	a.person(1, "Ann", nil)
	if got = a.found(); !slices.Contains(got, "in 1") || a.w.roster == nil {
		t.Errorf("%v, in memory: %v", got, a.w.roster != nil)
	}
}

// TestMemoryAfterReplayOfThePresent: when a replay makes only what came last again, people keep rows of the generation before. What is in
// memory is read anew once, and then audiences go on.
func TestMemoryAfterReplayOfThePresent(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*audienceServer){
		"from the stream": func(a *audienceServer) { a.keepOutputs() },
		"from the tables": func(*audienceServer) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAudienceServer(t)
			prepare(a)
			a.person(1, "Ann", nil)
			a.create("new", `{"activity":"ticket-created","op":"occurs"}`)
			wantRows(t, a.found())
			a.replayed(1)
			created := func(id string) {
				insertInto(t, a.db, schemas.TableActivities, schemas.Activity{
					Account: testAccount, Activity: "ticket-created", OccurredAt: testNow.Add(time.Second), ActivityID: id, UserID: 1, TicketID: 7, Tags: []string{},
					Attributes: "{}", ExpiresAt: testNow.AddDate(50, 0, 0),
				})
			}
			created("a1")
			if _, err := a.w.round(t.Context()); !errors.Is(err, errStale) {
				t.Fatal(err)
			}
			wantRows(t, a.found(), "fired 1 a1")
			created("a2")
			wantRows(t, a.found(), "fired 1 a2")
		})
	}
}

// TestDayBegins: at midnight of the account's zone everybody is evaluated for what depends on days, also when that passed unseen because the
// clock was set, and when it passed while no worker ran.
func TestDayBegins(t *testing.T) {
	t.Parallel()
	newYork := zone(t, "America/New_York")
	clock := clockwork.NewFakeClockAt(time.Date(2026, 3, 20, 21, 0, 0, 0, newYork)) // the next day in UTC
	var ahead atomic.Int64                                                          // by which the clock was set
	s := newTestServer(t, openDatabase(t), func(o *Options) {
		o.Location, o.Now = newYork, func() time.Time { return clock.Now().Add(time.Duration(ahead.Load())) }
	})
	a := &audienceServer{testServer: s}
	a.person(1, "Ann", nil)
	closed := func(daysAgo int) {
		at := s.Now().AddDate(0, 0, -daysAgo)
		insertInto(t, s.db, schemas.TablePersonActivities, schemas.PersonActivity{Account: testAccount, UserID: 1, Activity: "ticket-closed", FirstAt: at, LastAt: at, Count: 1})
	}
	v := a.create("quiet", `{"activity":"ticket-closed","op":"last_occurred","when":{"op":"more_than_days_ago","value":2}}`)
	told := func() (in, settled int) {
		s.store.mu.Lock()
		defer s.store.mu.Unlock()
		for _, e := range s.store.published {
			var v schemas.AudienceVerdict
			if err := json.Unmarshal(e.Data, &v); err != nil {
				t.Error(err)
			}
			if in += len(v.In); v.Settle {
				settled += len(v.In)
			}
		}
		return in, settled
	}
	// until lets time pass by steps until everybody was evaluated on a day.
	until := func(step time.Duration, day string) {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
			e, err := s.evaluation(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if e.Day >= day && e.Passed[v.ID] != 0 {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%+v, want %s", e, day)
			}
			clock.Advance(step)
		}
	}
	run := func() (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- (&API{s.server}).RunAudiences(ctx, clock) }()
		if err := clock.BlockUntilContext(t.Context(), 2); err != nil { // the look and the schedule
			t.Fatal(err)
		}
		return func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	closed(2)
	stop := run()
	until(100*time.Millisecond, "2026-03-20")
	if in, _ := told(); in != 0 {
		t.Fatalf("%d entered before they match", in)
	}
	// It is not in the table of members, so that each day tells of it.
	seen := 0
	enters := func(when string) {
		t.Helper()
		before := seen
		if _, seen = told(); seen <= before {
			t.Errorf("nobody entered %s", when)
		}
	}
	until(time.Minute, "2026-03-21")
	enters("at midnight")
	ahead.Store(int64(48 * time.Hour))
	until(time.Minute, s.today())
	enters("after the clock was set")
	stop()
	clock.Advance(24 * time.Hour)
	stop = run()
	until(time.Second, s.today())
	stop()
	enters("after a midnight that nobody saw")
}
