package reports

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

// special are what activities of each kind have of their own, as processors write it.
var special = map[string]string{
	"ticket-updated":               `{"changed-fields":["type"]}`,
	"ticket-status-changed":        `{"previous-status":"open"}`,
	"ticket-solved":                `{"previous-status":"open","resolution-minutes":7,"reopens":2}`,
	"ticket-closed":                `{"previous-status":"open","resolution-minutes":7,"reopens":2}`,
	"ticket-reopened":              `{"previous-status":"open","resolution-minutes":7,"reopens":2}`,
	"ticket-assigned":              `{"previous-assignee-id":"1000"}`,
	"ticket-group-changed":         `{"previous-group-id":"501"}`,
	"ticket-priority-changed":      `{"previous-priority":"low"}`,
	"ticket-subject-changed":       `{"previous-subject":"Before"}`,
	"ticket-tagged":                `{"tags-added":["a"],"tagged-by":"1000"}`,
	"ticket-untagged":              `{"tags-removed":["b"],"tagged-by":"1000"}`,
	"ticket-message-received":      `{"message-id":"31","author-id":"2001","author-role":"end_user"}`,
	"ticket-message-sent":          `{"message-id":"32","author-id":"1000","author-role":"agent"}`,
	"ticket-note-added":            `{"message-id":"33","author-id":"1000","author-role":"agent"}`,
	"ticket-message-redacted":      `{"message-id":"34"}`,
	"ticket-merged":                `{"into-ticket-id":"8"}`,
	"ticket-deleted":               `{"previous-status":"open"}`,
	"ticket-restored":              `{"previous-status":"open"}`,
	"satisfaction-requested":       `{"rating-id":"9","score":"offered","previous-score":"bad","comment":"c","reason":"r","reason-id":"4"}`,
	"satisfaction-rating-received": `{"rating-id":"9","score":"good","previous-score":"bad","comment":"c","reason":"r","reason-id":"4"}`,
	"contact-updated":              `{"changed-fields":["email"]}`,
	"contact-merged":               `{"into-user-id":"2002"}`,
	"organization-updated":         `{"changed-fields":["name"]}`,
	"field-changed":                `{"field":"custom.plan","label":"Plan","old-value":"a","new-value":"b"}`,
}

// told puts one person's activities of every kind into a database, with the ticket that they are about and its messages.
func told(tb testing.TB) *testServer {
	tb.Helper()
	s := newTestServer(tb, openDatabase(tb), nil)
	jo := schemas.OwnPersonID(testAccount, 2001)
	insertInto(tb, s.db, schemas.TablePeople, schemas.PersonRow{
		Account: testAccount, PersonID: jo, FirstName: "Jo", LastName: "van Day", Email: "jo@x.test", UserIDs: []int64{2001}, OwnIDs: []string{jo}, Zendesk: "{}", Custom: "{}",
	})
	insertInto(tb, s.db, schemas.TablePersonAliases, schemas.PersonAlias{Account: testAccount, Alias: "email:jo@x.test", PersonID: jo})
	insertInto(tb, s.db, schemas.TableAgents,
		schemas.Agent{Account: testAccount, UserID: ann, Name: "Ann Lee", Email: "ann@acme.test", Role: "agent"},
		schemas.Agent{Account: testAccount, UserID: bob, Name: "Bob de Wit", Email: "bob@acme.test", Role: "agent"})
	name := func(kind string, id int64, title, key, typ string) schemas.Name {
		return schemas.Name{Account: testAccount, Kind: kind, ID: id, Name: title, Key: key, Type: typ}
	}
	insertInto(tb, s.db, schemas.TableNames, name("group", 500, "Support", "", ""), name("group", 501, "Billing", "", ""), name("brand", 600, "Main", "", ""),
		name("ticket_form", 61, "Refund", "", ""), name("custom_status", 77, "Waiting for parts", "", ""),
		name("ticket_field", 7, "Order number", "order-number", "text"), name("ticket_field", 9, "Order Number", "order-number", "text"),
		name("ticket_field", 8, "2nd line", "2nd-line", "checkbox"), name("ticket_field", 1, "Subject", "subject", "subject"))
	insertInto(tb, s.db, schemas.TableOrganizations, schemas.OrganizationRow{Account: testAccount, OrganizationID: 701, Name: "Org One", Zendesk: "{}"})
	f := &fixture{}
	f.ticket(5, "02 10:00", "solved", "05 12:00", func(t *schemas.TicketRow) {
		t.Subject, t.Description, t.SubmitterID, t.RequesterID, t.ExternalID, t.URL, t.CSAT = "Now", "It burns", 2003, 2001, "X-5", "https://acme.test/5.json", "good"
		t.CustomStatusID, t.DueAt = 77, atP("20 10:00")
		t.CustomFields = `{"7":"A-1","8":true,"9":"B-2"}`
	})
	elsewhere := f.tickets[0]
	elsewhere.Account, elsewhere.Description = "other", "of somebody else"
	insertInto(tb, s.db, schemas.TableTickets, append(f.tickets, elsewhere)...)
	message := func(id int64, when string, public uint8, body string) schemas.Message {
		return schemas.Message{Account: testAccount, At: at(when), TicketID: 5, MessageID: id, AuthorID: 2001, Public: public, Body: body, TicketCreatedAt: at("02 10:00")}
	}
	insertInto(tb, s.db, schemas.TableMessages, message(30, "02 10:00", 1, "It burns"), message(31, "03 10:00", 1, "Still"), message(32, "03 11:00", 1, "We come"),
		message(33, "03 12:00", 0, "secret note"))
	var rows []schemas.Activity
	for i, slug := range activitySlugs {
		a := schemas.Activity{
			Account: testAccount, Activity: slug, OccurredAt: at("10 10:00").Add(time.Duration(i) * time.Minute), ActivityID: "a_" + slug, SourceID: testSource, PersonID: jo,
			UserID: 2001, OrganizationID: 701, Text: "What happened", Attributes: "{}", Tags: []string{}, ExpiresAt: at("10 10:00").AddDate(50, 0, 0),
		}
		if special[slug] != "" {
			a.Attributes = special[slug]
		}
		if ofTicket(slug) {
			a.TicketID, a.Subject, a.Status, a.Priority, a.Type, a.Channel, a.Tags = 5, "Then", "pending", "high", "incident", "web", []string{"vip", "beta"}
			a.AssigneeID, a.GroupID, a.BrandID, a.FormID = bob, 500, 600, 61
			if strings.Contains(a.Attributes, "previous-status") {
				a.PreviousStatus = "open"
			}
		}
		if hasMessage(slug) {
			a.Message = "said by " + slug
		}
		rows = append(rows, a)
	}
	insertInto(tb, s.db, schemas.TableActivities, rows...)
	return s
}

// TestAttributesOfEveryTicketActivity renders each attribute that every activity of a ticket has, for every kind.
func TestAttributesOfEveryTicketActivity(t *testing.T) {
	t.Parallel()
	s := told(t)
	want := map[string]string{
		"ticket-id": "5", "ticket-number": "5", "subject": "Then", "description": "It burns", "message": "We come", "status": "pending", "priority": "high",
		"type": "incident", "tags": "vip, beta", "channel": "web", "group": "Support", "group-id": "500", "brand": "Main", "assignee-id": "1001",
		"assignee-name": "Bob de Wit", "assignee-first-name": "Bob", "assignee-last-name": "de Wit", "assignee-email": "bob@acme.test", "requester-id": "2001",
		"submitter-id": "2003", "organization-id": "701", "organization-name": "Org One", "external-id": "X-5", "created-at": "2026-03-02 10:00:00 +0000",
		"updated-at": "2026-03-05 12:00:00 +0000", "url": "https://acme.test/5.json", "satisfaction-score": "good", "form": "Refund",
		"form-id": "61", "custom-status": "Waiting for parts", "custom-status-id": "77", "due-at": "2026-03-20 10:00:00 +0000", "is-public": "true", "custom-fields.order-number": "A-1",
		"custom-fields.order_number": "A-1", "custom-fields['2nd-line']": "true", "custom-fields['8']": "true", "custom-fields['9']": "B-2",
		"custom-fields['7']": "A-1", "custom-fields.subject": "",
	}
	names := slices.Sorted(maps.Keys(want))
	for _, slug := range activitySlugs {
		var template string
		for _, name := range names {
			template += "{{ activity.zendesk." + slug + "." + name + " }}\n{{ activity.zendesk." + slug + "." + underscored(name) + " }}\n"
		}
		got := strings.Split(s.rendered(text(template, map[string]any{"time_zone": "UTC"})).Parts["text"], "\n")
		for i, name := range names {
			expected := want[name]
			switch {
			case name == "message" && slug == noteAdded:
				expected = ""
			case name == "message" && hasMessage(slug):
				expected = "said by " + slug
			case name == "ticket-number" && !ofTicket(slug):
				expected = "0"
			case !ofTicket(slug) && !strings.HasPrefix(name, "organization-"):
				expected = ""
			}
			if got[2*i] != expected || got[2*i+1] != expected {
				t.Errorf("%s.%s: %q and %q, want %q", slug, name, got[2*i], got[2*i+1], expected)
			}
		}
	}
}

// TestAttributesOfKinds renders what only some kinds have.
func TestAttributesOfKinds(t *testing.T) {
	t.Parallel()
	s := told(t)
	for path, want := range map[string]string{
		"ticket-closed.previous-status": "open", "ticket-closed.resolution-minutes": "7", "ticket-reopened.reopens": "2", "ticket-updated.changed-fields": "type",
		"ticket-assigned.previous-assignee-id": "1000", "ticket-assigned.previous-assignee-name": "Ann Lee", "ticket-assigned.previous-assignee-first-name": "Ann",
		"ticket-assigned.previous-assignee-last-name": "Lee", "ticket_assigned.previous_assignee_email": "ann@acme.test",
		"ticket-group-changed.previous-group": "Billing", "ticket-group-changed.previous-group-id": "501", "ticket-subject-changed.previous-subject": "Before",
		"ticket-message-received.author-name": "Jo van Day", "ticket-message-received.author-email": "jo@x.test", "ticket-message-sent.author-name": "Ann Lee",
		"ticket-message-sent.author_email": "ann@acme.test", "ticket-tagged.tags-added": "a", "ticket-merged.into-ticket-id": "8",
		"satisfaction-rating-received.previous-score": "bad", "ticket-created.previous-assignee-name": "", "ticket-closed.author-name": "",
	} {
		if got := s.rendered(text("{{ activity.zendesk."+path+" }}", nil)); got.Parts["text"] != want {
			t.Errorf("%s: %q, want %q", path, got.Parts["text"], want)
		}
	}
}

// TestMergeTagsAreWhatRenders compares, for every kind of activity, the attributes that have a value with the catalogue of merge tags and with what
// validation knows.
func TestMergeTagsAreWhatRenders(t *testing.T) {
	t.Parallel()
	s := told(t)
	r := &recipient{name: "email:jo@x.test", data: map[string]any{}}
	m := &message{newest: liquidActivities, window: daysOf(liquidDays), needs: needs{kinds: []string{anyKind}, sources: fromEverywhere}}
	if err := s.fetch(t.Context(), m, []*recipient{r}); err != nil || r.err != nil {
		t.Fatal(err, r.err)
	}
	var tags page[mergeTag]
	s.get("/v1/liquid/merge-tags", &tags)
	catalogue := map[string][]string{}
	var source strings.Builder
	for _, tag := range tags.Items {
		if path := strings.Split(tag.Path, "."); path[0] == "activity" {
			name := strings.NewReplacer("['", ".", "']", "").Replace(strings.Join(path[3:], "."))
			catalogue[path[2]] = append(catalogue[path[2]], underscored(name))
			source.WriteString(tag.Liquid)
		}
	}
	byKind := r.data["activity"].(map[string]any)["zendesk"].(map[string]any)
	for _, slug := range activitySlugs {
		got := slices.Compact(slices.Sorted(slices.Values(leaves("", byKind[slug]))))
		got = slices.DeleteFunc(got, func(name string) bool { return name == "custom_fields.7" || name == "custom_fields.8" }) // their aliases
		want := slices.Sorted(slices.Values(catalogue[slug]))
		if !slices.Equal(got, want) {
			t.Errorf("%s\n has %q\nlists %q", slug, got, want)
		}
		for _, name := range got {
			source.WriteString("{{ " + templatePath(kindPath(slug)+name) + " }}{{ " + templatePath(kindPath(slug)+strings.ReplaceAll(name, "_", "-")) + " }}")
		}
	}
	var a validateAnswer
	s.want(200, s.call("POST", "/v1/liquid/validate", "render-key", map[string]any{"parts": map[string]string{"text": source.String()}}), &a)
	if !a.Valid || len(a.Warnings) != 0 {
		t.Errorf("%+v %+v", a.Errors, a.Warnings)
	}
}

// leaves gives the paths at which a value has something, with underscores.
func leaves(at string, v any) (out []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, below := range v {
			out = append(out, leaves(strings.TrimPrefix(at+"."+underscored(name), "."), below)...)
		}
	case nil:
	case []any:
		if len(v) > 0 {
			out = []string{at}
		}
	case int64:
		if v != 0 {
			out = []string{at}
		}
	default:
		out = []string{at}
	}
	return out
}

// TestNotesStayOut tells a ticket that began with a note and whose newest message is one: nothing that is rendered has them.
func TestNotesStayOut(t *testing.T) {
	t.Parallel()
	s := told(t)
	f := &fixture{}
	f.ticket(6, "02 10:00", "open", "02 10:00", func(t *schemas.TicketRow) { t.Description = "secret note" })
	insertInto(t, s.db, schemas.TableTickets, f.tickets...)
	note := schemas.Message{Account: testAccount, At: at("02 10:00"), TicketID: 6, MessageID: 60, Body: "secret note", TicketCreatedAt: at("02 10:00")}
	answer := note
	answer.MessageID, answer.At, answer.Public, answer.Body = 61, at("02 11:00"), 1, "seen"
	last := note
	last.MessageID, last.At = 62, at("02 12:00")
	insertInto(t, s.db, schemas.TableMessages, note, answer, last)
	jo := schemas.OwnPersonID(testAccount, 2001)
	row := func(slug string) schemas.Activity {
		return schemas.Activity{
			Account: testAccount, Activity: slug, OccurredAt: at("18 10:00"), ActivityID: "b_" + slug, TicketID: 6, PersonID: jo, UserID: 2001, Message: "secret note",
			Text: "secret note", Tags: []string{}, Attributes: `{"author-id":"1000"}`, ExpiresAt: at("18 10:00").AddDate(50, 0, 0),
		}
	}
	created := row("ticket-created")
	created.Message, created.Text = "", ""
	insertInto(t, s.db, schemas.TableActivities, created, row(noteAdded))
	parts := map[string]string{
		"all": "{{ activity.zendesk.ticket-note-added }}{{ activity.zendesk.ticket-created }}{% for a in activities %}{{ a }}{% endfor %}",
		"one": "{{ activity.zendesk.ticket-created.message }}|{{ activity.zendesk.ticket-created.description }}|{{ activity.zendesk.ticket-note-added.message }}",
	}
	got := s.rendered(map[string]any{"person": "email:jo@x.test", "format": "text", "parts": parts})
	if strings.Contains(fmt.Sprint(got.Parts), "secret") || !strings.Contains(got.Parts["all"], "seen") {
		t.Errorf("%s", got.Parts["all"])
	}
	if got.Parts["one"] != "seen||" {
		t.Errorf("%q", got.Parts["one"])
	}
	f.ticket(7, "02 10:00", "open", "02 10:00", func(t *schemas.TicketRow) { t.Description, t.IsPublic = "secret note", 0 })
	insertInto(t, s.db, schemas.TableTickets, f.tickets[1:]...) // its comments are to be read yet
	created.TicketID, created.ActivityID = 7, "b_7"
	insertInto(t, s.db, schemas.TableActivities, created)
	if got := s.rendered(text(parts["one"], map[string]any{"activity_id": "b_7"})); got.Parts["text"] != "||" {
		t.Errorf("%q", got.Parts["text"])
	}
	answer.Public = 0 // by whoever wrote it
	insertInto(t, s.db, schemas.TableMessages, answer)
	if got := s.rendered(text(parts["one"], map[string]any{"activity_id": "b_ticket-created"})); got.Parts["text"] != "||" {
		t.Errorf("%q", got.Parts["text"])
	}
}

// TestTemplatesPayForWhatTheyAsk counts the queries of renders: none of tickets, messages or names that a template does not ask for.
func TestTemplatesPayForWhatTheyAsk(t *testing.T) {
	t.Parallel()
	s := told(t)
	sources := []string{"liquid_tickets", "liquid_messages", "liquid_agents", "fields", "names"}
	count := func() map[string]int {
		out := map[string]int{}
		families, err := s.Gatherer.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				for _, l := range m.GetLabel() {
					if slices.Contains(sources, l.GetValue()) {
						out[l.GetValue()] += int(m.GetHistogram().GetSampleCount())
					}
				}
			}
		}
		return out
	}
	for template, want := range map[string]string{
		"{{ activity.zendesk.ticket-closed.subject }}{{ activity.zendesk.ticket-closed.assignee.name }}{{ activity.zendesk.ticket-closed.requester_id }}": "",
		"{% for a in activities %}{{ a.kind }} {{ a.status }}{% endfor %}{{ person.email }}":                                                              "",
		"{{ activity.zendesk.ticket-closed.url }}":                             "liquid_tickets",
		"{{ activity.zendesk.ticket-closed.description }}":                     "liquid_messages liquid_tickets",
		"{{ activity.zendesk.ticket-closed.message }}":                         "liquid_messages",
		"{{ activity.zendesk.ticket-closed.custom-fields.order-number }}":      "fields liquid_tickets",
		"{{ activity.zendesk.ticket-closed.organization-name }}":               "names",
		"{{ activity.zendesk.ticket-closed.form }}":                            "names",
		"{{ activity.zendesk.ticket-closed.custom-status }}":                   "liquid_tickets names",
		"{{ activity.zendesk.ticket-assigned.previous-assignee-name }}":        "liquid_agents",
		"{{ activity.zendesk.contact-created.description }}":                   "",
		"{% for a in activities %}{{ a.external_id }}{{ a.url }}{% endfor %}x": "liquid_tickets",
	} {
		before := count()
		s.rendered(text(template, nil))
		var ran []string
		for name, n := range count() {
			if n -= before[name]; n > 1 {
				t.Errorf("%s: %d queries of %s", template, n, name)
			} else if n == 1 {
				ran = append(ran, name)
			}
		}
		if slices.Sort(ran); strings.Join(ran, " ") != want {
			t.Errorf("%s: queries of %q, want %q", template, ran, want)
		}
	}
}

// TestKeptActivitiesHaveTheirTicket checks that an activity that is left with an audience's entry only has what its ticket has.
func TestKeptActivitiesHaveTheirTicket(t *testing.T) {
	t.Parallel()
	s := told(t)
	jo := schemas.OwnPersonID(testAccount, 2001)
	kept := schemas.Activity{
		Account: testAccount, Activity: "ticket-assigned", OccurredAt: at("01 10:00"), ActivityID: "kept", TicketID: 5, PersonID: jo, UserID: 2001, OrganizationID: 701, Tags: []string{},
		Attributes: special["ticket-assigned"],
	}
	text, err := json.Marshal(kept)
	if err != nil {
		t.Fatal(err)
	}
	insertInto(t, s.db, schemas.TableAudienceEntries, schemas.AudienceEntry{
		Account: testAccount, AudienceID: "aud_1", EntryID: "e_1", PersonID: jo, Event: "entered", At: at("01 10:00"), ActivityID: "kept", Activity: kept.Activity, Attributes: string(text),
	})
	const template = "{% assign a = activity.zendesk.ticket-assigned %}{{ a.description }}|{{ a.message }}|{{ a.organization-name }}|{{ a.requester-id }}|{{ a.previous-assignee-name }}"
	got := s.rendered(map[string]any{"person": jo, "activity_id": "kept", "parts": map[string]string{"text": template}})
	if want := "It burns|We come|Org One|2001|Ann Lee"; got.Parts["text"] != want {
		t.Errorf("%q, want %q", got.Parts["text"], want)
	}
}

// TestRowsShowWhatTheTicketHas chooses attributes for rows of feeds that only the ticket has.
func TestRowsShowWhatTheTicketHas(t *testing.T) {
	t.Parallel()
	s := told(t)
	const feed = "/v1/activities/ticket-solved/activity?limit=500"
	s.Now = func() time.Time { return at("12 00:00") }
	for _, c := range []struct {
		text activityText
		want string
	}{
		{activityText{Show: showAttribute, Attribute: "description"}, "Ticket solved: It burns"},
		{activityText{Show: showAttribute, Attribute: "organization-name"}, "Ticket solved: Org One"},
		{activityText{Show: showAttribute, Attribute: "custom_fields.order-number"}, "Ticket solved: A-1"},
		{activityText{Show: showAttribute, Attribute: "custom-fields.2nd-line"}, "Ticket solved: true"},
		{activityText{Show: showAttribute, Attribute: "custom_fields.9"}, "Ticket solved: B-2"},
		{activityText{Show: showTemplate, Template: "{{ attribute.message }} {{ attribute.url }}"}, "We come https://acme.test/5.json"},
	} {
		s.show("ticket-solved", c.text)
		if text := s.textOf(feed, "ticket-solved"); text != c.want {
			t.Errorf("%+v: %q", c.text, text)
		}
	}
	refused := `{"text":{"show":"attribute","attribute":"custom_fields.nope'] }}"}}`
	s.wantProblem(s.call("PATCH", "/v1/activities/ticket-solved", "people-key", refused), 422, "invalid-input", "custom_fields.order-number")
}

// TestFiltersOnWhatTheActivityWas looks for people by what the rows of their activities have.
func TestFiltersOnWhatTheActivityWas(t *testing.T) {
	t.Parallel()
	s := told(t)
	for where, want := range map[string]int{
		`ticket-closed {"attribute":"requester-id","op":"is","value":"2001"}`: 1, `ticket-closed {"attribute":"requester_id","op":"is","value":"2002"}`: 0,
		`contact-created {"attribute":"requester_id","op":"has_value"}`:                      0,
		`ticket-closed {"attribute":"ticket_number","op":"is","value":5}`:                    1,
		`ticket-closed {"attribute":"ticket_number","op":"lt","value":5}`:                    0,
		`contact-created {"attribute":"ticket_number","op":"lt","value":5}`:                  0,
		`ticket-closed {"attribute":"form","op":"is","value":"refund"}`:                      1,
		`ticket-closed {"attribute":"form_id","op":"is","value":"61"}`:                       1,
		`ticket-closed {"attribute":"assignee_name","op":"is","value":"bob de wit"}`:         1,
		`ticket-closed {"attribute":"assignee_first_name","op":"is","value":"bob"}`:          1,
		`ticket-closed {"attribute":"assignee_first_name","op":"is","value":"de wit"}`:       0,
		`ticket-closed {"attribute":"assignee_last_name","op":"is","value":"de wit"}`:        1,
		`ticket-closed {"attribute":"assignee_email","op":"ends_with","value":"@acme.test"}`: 1,
		`contact-created {"attribute":"assignee_email","op":"has_value"}`:                    0,
	} {
		kind, condition, _ := strings.Cut(where, " ")
		var people page[map[string]any]
		s.get("/v1/people?filter="+url.QueryEscape(`{"activity":"`+kind+`","op":"has_occurred","where":[`+condition+`]}`), &people)
		if len(people.Items) != want {
			t.Errorf("%s: %d people, want %d", where, len(people.Items), want)
		}
	}
	for _, name := range []string{"description", "external_id", "url", "due_at"} {
		r := s.call("GET", "/v1/people?filter="+url.QueryEscape(`{"activity":"ticket-closed","op":"has_occurred","where":[{"attribute":"`+name+`","op":"has_value"}]}`), "admin-key", nil)
		s.wantProblem(r, 422, "invalid-input", "where") // an activity is what it was
	}
}
