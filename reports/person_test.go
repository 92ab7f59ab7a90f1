package reports

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

func TestPersonByEveryName(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for _, name := range []string{"p_2001", "p_2004", "zendesk:2001", "zendesk:2004", "email:JO@x.test", "external:AB", "external:ab"} {
		var p person
		s.get("/v1/people/"+url.PathEscape(name), &p)
		if p.ID != "p_2001" || !slices.Equal(p.MergedFrom, []string{"p_2004"}) || p.LastName != "<b>Day</b>" || p.Organization.Name != "Org One" || !p.Permissions.Email || p.Permissions.SMS {
			t.Errorf("%s: %+v", name, p)
		}
	}
	for _, name := range []string{"p_9", "zendesk:9", "email:", "phone:", "phone:12", "phone:nobody", "x' OR 1=1 --", "%00"} {
		s.wantProblem(s.call("GET", "/v1/people/"+url.PathEscape(name), "people-key", nil), 404, "no-such-person")
	}
}

// TestPersonOfSeveralAccounts: a name leads to the same person in each call, and for templates too, also where people of several accounts have it who
// are equally old.
func TestPersonOfSeveralAccounts(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	for _, account := range []string{"zeta", testAccount, "beta", "gamma"} {
		s.store.deleted = append(s.store.deleted, account)
		id := schemas.OwnPersonID(account, 10)
		insertInto(t, s.db, schemas.TablePeople, schemas.PersonRow{
			Account: account, PersonID: id, SourceIDs: []string{"src_" + account}, FirstName: account, PhoneNumber: "+14155550100", UserIDs: []int64{10},
			OwnIDs: []string{id}, Zendesk: "{}", Custom: "{}", CreatedAt: testNow, UpdatedAt: testNow,
		})
		insertInto(t, s.db, schemas.TablePersonAliases, schemas.PersonAlias{Account: account, Alias: "zendesk:10", PersonID: id})
	}
	for range 10 {
		for _, name := range []string{"zendesk:10", "phone:+14155550100"} {
			var p struct {
				FirstName string `json:"first_name"`
			}
			s.get("/v1/people/"+url.PathEscape(name), &p)
			if p.FirstName != testAccount {
				t.Errorf("%s leads to the one of %s", name, p.FirstName)
			}
		}
		var r struct {
			Parts map[string]string `json:"parts"`
		}
		s.want(200, s.call("POST", "/v1/liquid/render", "render-key", `{"person":"zendesk:10","parts":{"text":"{{ person.first_name }}"}}`), &r)
		if r.Parts["text"] != testAccount {
			t.Errorf("a template has the one of %s", r.Parts["text"])
		}
	}
}

func TestPersonFigures(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	var p person
	s.get("/v1/people/p_2001", &p)
	for name, want := range map[string]any{
		"tickets_total": 3.0, "tickets_open": 1.0, "tickets_closed": 2.0, "good_ratings": 1.0, "bad_ratings": 1.0, "first_ticket_at": "2026-03-02T10:00:00Z",
		"last_ticket_at": "2026-03-09T10:00:00Z", "last_ticket_status": "solved", "last_satisfaction_score": "bad", "last_satisfaction_at": "2026-03-10T10:00:00Z",
		"user_id": "2001", "last_ticket_subject": nil,
	} {
		if p.Zendesk[name] != want {
			t.Errorf("%s is %v, want %v", name, p.Zendesk[name], want)
		}
	}
	if r := p.FirstLast["ticket-created"]; r.Count != 4 || !r.FirstAt.Equal(at("01 00:00")) || !r.LastAt.Equal(at("09 10:00")) {
		t.Errorf("%+v", r)
	}
	s.get("/v1/people/p_2003", &p)
	if p.Zendesk["tickets_total"] != 0.0 || p.Zendesk["first_ticket_at"] != nil {
		t.Errorf("%+v", p.Zendesk)
	}
}

// TestFiguresOfMergedUsers: whichever user comes first, a person's first ticket is that of the users who have tickets, and unknown where that of one of
// them is.
func TestFiguresOfMergedUsers(t *testing.T) {
	t.Parallel()
	none, unknown := schemas.PersonStats{}, schemas.PersonStats{TicketsTotal: 9}
	early := schemas.PersonStats{
		TicketsTotal: 1, TicketsClosed: 1, FirstTicketAt: atP("02 10:00"), LastTicketAt: atP("02 10:00"), LastTicketID: 1, LastSubject: "early", LastStatus: "closed",
		GoodRatings: 1, LastScore: "good", LastScoreAt: atP("03 10:00"),
	}
	late := schemas.PersonStats{
		TicketsTotal: 2, TicketsOpen: 2, FirstTicketAt: atP("04 10:00"), LastTicketAt: atP("05 10:00"), LastTicketID: 3, LastSubject: "late", LastStatus: "open",
	}
	for name, c := range map[string]struct {
		users         []schemas.PersonStats
		first, status any
	}{
		"no tickets":            {[]schemas.PersonStats{none, none}, nil, nil},
		"one with tickets":      {[]schemas.PersonStats{none, early}, at("02 10:00"), "closed"},
		"two with tickets":      {[]schemas.PersonStats{none, late, early}, at("02 10:00"), "open"},
		"one of them not known": {[]schemas.PersonStats{none, early, unknown}, nil, "closed"},
	} {
		for range len(c.users) {
			c.users = append(c.users[1:], c.users[0])
			var sum *schemas.PersonStats
			for _, user := range c.users {
				sum = mergeStats(sum, &user)
			}
			if f := figuresOf(sum); f["first_ticket_at"] != c.first || f["last_ticket_status"] != c.status {
				t.Errorf("%s: %v", name, f)
			}
		}
	}
}

func TestPersonActivities(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	var seen []string
	path := "/v1/people/p_2004/activities?limit=2"
	for next := ""; ; {
		var p page[feedItem]
		s.get(path+next, &p)
		for _, i := range p.Items {
			seen = append(seen, i.Activity+" "+i.OccurredAt.Format("02 15:04"))
		}
		if p.NextCursor == nil {
			break
		}
		next = "&cursor=" + *p.NextCursor
	}
	wantRows(t, seen, "ticket-note-added 18 10:05", "satisfaction-rating-received 18 10:00", "contact-created 17 00:00", "ticket-created 09 10:00", "ticket-closed 05 12:00", "ticket-created 02 10:00")
	var p page[feedItem]
	s.get("/v1/people/p_2001/activities?activity=ticket-closed", &p)
	if len(p.Items) != 1 || p.Items[0].TicketID != "1" || p.Items[0].Text != "Ticket closed" {
		t.Errorf("%+v", p)
	}
	later := newTestServer(t, s.db, func(o *Options) { o.Now = func() time.Time { return testNow.AddDate(0, 0, 80) } })
	later.get("/v1/people/p_2001/activities", &p)
	if len(p.Items) != 3 { // 90 days back only
		t.Errorf("%d", len(p.Items))
	}
}

func TestPeoplePages(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for sort, want := range map[string][]string{
		"name": {"p_2001", "p_2003", "p_2002"}, "-name": {"p_2002", "p_2003", "p_2001"}, "email": {"p_2003", "p_2002", "p_2001"},
		"created_at": {"p_2001", "p_2002", "p_2003"}, "-updated_at": {"p_2001", "p_2003", "p_2002"},
	} {
		var got []string
		for next := ""; ; {
			var p page[map[string]any]
			s.get(fmt.Sprintf("/v1/people?limit=1&sort=%s%s", sort, next), &p)
			for _, i := range p.Items {
				got = append(got, i["id"].(string))
			}
			if p.NextCursor == nil {
				break
			}
			next = "&cursor=" + *p.NextCursor
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", sort, got, want)
		}
	}
	var p page[map[string]any]
	s.get("/v1/people?limit=1&sort=name", &p)
	s.wantProblem(s.call("GET", "/v1/people?sort=email&cursor="+*p.NextCursor, "people-key", nil), 422, "invalid-input", "query.cursor", "another sort")
}

// TestPeoplePagesWhileTheyChange: without an order of their own, people are paged through by one that nothing changes.
func TestPeoplePagesWhileTheyChange(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	people, _ := fixturePeople()
	insertInto(t, s.db, schemas.TablePeople, people...)
	var got []string
	var p page[map[string]any]
	for next := ""; ; next = "&cursor=" + *p.NextCursor {
		p = page[map[string]any]{}
		s.get("/v1/people?limit=1"+next, &p)
		for _, i := range p.Items {
			got = append(got, i["id"].(string))
		}
		if p.NextCursor == nil {
			break
		}
		for i := range people { // Each changes after each page.
			people[i].UpdatedAt = people[i].UpdatedAt.AddDate(0, 0, 10*len(got))
		}
		insertInto(t, s.db, schemas.TablePeople, people...)
	}
	if want := []string{"p_2003", "p_2002", "p_2001"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestPeopleSearch(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for q, want := range map[string]int{"jo": 1, "JO DAY": 0, "ÉMILE": 1, "x.test": 2, "4155550100": 1, "ab": 1, "": 3, "'": 0, "%": 0, "zzz": 0} {
		var p page[map[string]any]
		s.get("/v1/people?q="+url.QueryEscape(q), &p)
		if len(p.Items) != want {
			t.Errorf("%q: %d, want %d", q, len(p.Items), want)
		}
	}
}

// TestArchivedAreNotSearched: they are listed and can be filtered by.
func TestArchivedAreNotSearched(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	for i, archived := range []uint8{0, 1} {
		insertInto(t, s.db, schemas.TablePeople, schemas.PersonRow{
			Account: testAccount, PersonID: fmt.Sprint("p_", i), FirstName: "Jo", Archived: archived, UserIDs: []int64{int64(i + 1)}, Zendesk: "{}", Custom: "{}",
		})
	}
	for query, want := range map[string]string{
		"": "[p_0 p_1]", "q=jo": "[p_0]", "filter=" + url.QueryEscape(`{"field":"archived","op":"is","value":true}`): "[p_1]",
	} {
		var p page[map[string]any]
		s.get("/v1/people?sort=created_at&"+query, &p)
		var ids []string
		for _, item := range p.Items {
			ids = append(ids, item["id"].(string))
		}
		if got := fmt.Sprint(ids); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

// TestEndedOrganizations: people are no members of organizations that were deleted or absorbed, whatever the tables of people say still.
func TestEndedOrganizations(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	insertInto(t, s.db, schemas.TablePeople,
		schemas.PersonRow{Account: testAccount, PersonID: "p_1", OrganizationID: 700, OrganizationIDs: []int64{700, 701, 702, 703, 704}, UserIDs: []int64{1}, Zendesk: "{}", Custom: "{}"},
		schemas.PersonRow{Account: testAccount, PersonID: "p_2", OrganizationID: 702, OrganizationIDs: []int64{702}, UserIDs: []int64{2}, Zendesk: "{}", Custom: "{}"},
		schemas.PersonRow{Account: testAccount, PersonID: "p_3", OrganizationIDs: []int64{701}, UserIDs: []int64{3}, Zendesk: "{}", Custom: "{}"})
	for id, zendesk := range map[int64]string{700: `{"active":true}`, 701: `{"active":false,"merged_into":700}`, 702: `{"active":false}`, 703: `{}`} {
		insertInto(t, s.db, schemas.TableOrganizations, schemas.OrganizationRow{Account: testAccount, OrganizationID: id, Zendesk: zendesk})
	}
	for id, want := range map[string]string{"p_1": "700 703 704", "p_2": "702", "p_3": ""} {
		var p person
		s.get("/v1/people/"+id, &p)
		var got []string
		for _, o := range p.Memberships {
			got = append(got, o.ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", id, got, want)
		}
	}
	var list page[map[string]any]
	s.get("/v1/organizations", &list)
	for _, o := range list.Items {
		z, _ := o["zendesk"].(map[string]any)
		if want := map[string]float64{"700": 1, "701": 0, "702": 1, "703": 1}[o["id"].(string)]; z["people_total"] != want {
			t.Errorf("%s: %v, want %v", o["id"], z["people_total"], want)
		}
	}
}

func TestOrganizations(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	var p page[map[string]any]
	s.get("/v1/organizations?limit=1", &p)
	if len(p.Items) != 1 || p.Items[0]["name"] != "Org One" || p.NextCursor == nil {
		t.Fatalf("%+v", p)
	}
	s.get("/v1/organizations?limit=1&cursor="+*p.NextCursor, &p)
	if len(p.Items) != 1 || p.Items[0]["id"] != "702" || p.NextCursor != nil {
		t.Errorf("%+v", p)
	}
	s.get("/v1/organizations?q=TWO", &p)
	if len(p.Items) != 1 {
		t.Errorf("%+v", p)
	}
	var o organization
	s.get("/v1/organizations/701", &o)
	if o.Zendesk["people_total"] != 1.0 || o.Zendesk["tickets_total"] != 1.0 || o.Zendesk["tickets_open"] != 0.0 || o.Zendesk["satisfaction_percent"] != 100.0 {
		t.Errorf("%+v", o)
	}
	s.get("/v1/organizations?q=one", &p)
	if z, _ := p.Items[0]["zendesk"].(map[string]any); z["people_total"] != 1.0 || z["tickets_total"] != 1.0 || z["satisfaction_percent"] != 100.0 {
		t.Errorf("%v", z)
	}
	s.wantProblem(s.call("GET", "/v1/organizations/1", "people-key", nil), 404, "no-such-organization")
	s.wantProblem(s.call("GET", "/v1/organizations/x", "people-key", nil), 404, "no-such-organization")
}

// TestMergedOrganization asks for absorbed organizations: over two merges, into one that is not there, and in a circle.
func TestMergedOrganization(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	for id, into := range map[int64]int64{1: 2, 2: 3, 3: 0, 4: 99, 5: 6, 6: 5} {
		insertInto(t, s.db, schemas.TableOrganizations, schemas.OrganizationRow{
			Account: testAccount, OrganizationID: id, Name: fmt.Sprint("Org ", id), Zendesk: fmt.Sprintf(`{"merged_into":%d}`, into),
		})
	}
	for id, want := range map[string][]string{"1": {"3", "1", "2"}, "2": {"3", "2"}, "3": {"3"}, "4": {"4"}} {
		var o organization
		s.get("/v1/organizations/"+id, &o)
		if got := append([]string{o.ID}, o.MergedFrom...); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
	s.get("/v1/organizations/5", nil)
}

func TestFields(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	var p page[recordField]
	s.get("/v1/fields?limit=500", &p)
	byID := map[string]recordField{}
	for _, f := range p.Items {
		if _, twice := byID[f.ID]; twice {
			t.Errorf("%s comes twice", f.ID)
		}
		byID[f.ID] = f
	}
	if f := byID["email"]; f.Source != "system" || !f.Visible {
		t.Errorf("%+v", f)
	}
	if byID["zendesk.notes"].Visible || byID["organization.zendesk.notes"].Visible {
		t.Error("notes are for agents")
	}
	if f := byID["zendesk.fields.plan"]; f.Label != "Plan" || f.Source != "zendesk" || f.Record != "person" {
		t.Errorf("%+v", f)
	}
	if f := byID["custom_fields.2"]; f.Record != "ticket" {
		t.Errorf("%+v", f)
	}
	s.wantPages("/v1/fields", len(p.Items))
}
