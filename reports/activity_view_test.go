package reports

import (
	"net/http"
	"strings"
	"testing"
)

// textOf gives the text of the first row of an activity in a feed.
func (s *testServer) textOf(path, activity string) string {
	s.t.Helper()
	var p page[feedItem]
	s.get(path, &p)
	for _, item := range p.Items {
		if item.Activity == activity {
			return item.Text
		}
	}
	s.t.Fatalf("no %s in %s", activity, path)
	return ""
}

// show chooses what the rows of an activity show.
func (s *testServer) show(activity string, text activityText) {
	s.t.Helper()
	var v activityView
	s.want(200, s.call("PATCH", "/v1/activities/"+activity, "people-key", map[string]any{"text": text}), &v)
	if v.Activity != activity || v.Text != text {
		s.t.Errorf("%+v", v)
	}
}

func TestActivityTexts(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	const closed, rated = "ticket-closed", "satisfaction-rating-received"
	const person = "/v1/people/p_2001/activities"
	if text := s.textOf(person, closed); text != "Ticket closed" {
		t.Errorf("%q", text) // there is no sentence with it
	}
	for _, c := range []struct {
		text activityText
		want string
	}{
		{activityText{Show: showTemplate, Template: "Closed #{{attribute.ticket_id}} ({{ attribute.subject }}) by {{ attribute.assignee.name }},\n {{ attribute.group }}"}, "Closed #1 (Subject 1) by =Bob, Support"},
		{activityText{Show: showAttribute, Attribute: "assignee_name"}, "Ticket closed: =Bob"},
		{activityText{Show: showAttribute, Attribute: "assignee.first-name"}, "Ticket closed: =Bob"},
		{activityText{Show: showAttribute, Attribute: "score"}, "Ticket closed"},
		{activityText{Show: showTemplate, Template: "{{ attribute.no_such }} "}, "Ticket closed"},
		{activityText{Show: showTemplate, Template: "{% for i in (1..100000) %}{{ i }}{% endfor %}"}, "Ticket closed"},
		{activityText{Show: showTemplate, Template: "{% for i in (1..1000) %}é{% endfor %}"}, strings.Repeat("é", 499) + "…"},
		{activityText{Show: showTemplate, Template: "{{ attribute.occurred_at | date: '%H:%M' }} <b>"}, "12:00 <b>"},
		{activityText{Show: showName}, "Ticket closed"},
	} {
		s.show(closed, c.text)
		if text := s.textOf(person, closed); text != c.want {
			t.Errorf("%+v: %q", c.text, text)
		}
	}
	s.show("ticket-created", activityText{Show: showAttribute, Attribute: "tags"})
	if text := s.textOf(person+"?activity=ticket-created", "ticket-created"); text != "Ticket created" { // the newest one has none
		t.Errorf("%q", text)
	}
	s.show(rated, activityText{Show: showTemplate, Template: "Rated {{ attribute.score | upcase }}: {{ attribute.rating_id }}"})
	for _, path := range []string{"/v1/sources/" + testSource + "/activity", "/v1/activities/" + rated + "/activity", person} {
		if text := s.textOf(path, rated); text != "Rated BAD: 9" {
			t.Errorf("%s: %q", path, text)
		}
	}
	m, err := s.lookLive(t.Context())
	if err != nil || len(m.Newest) != 0 {
		t.Errorf("%+v %v", m, err) // nothing of the last day; the rows are those of the feed
	}
	s.show("ticket-note-added", activityText{Show: showAttribute, Attribute: "message"})
	if text := s.textOf(person, "ticket-note-added"); text != "Ticket note added" {
		t.Errorf("%q", text) // what agents write for agents stays out
	}
	s.show(rated, activityText{Show: showStandard})
	if text := s.textOf(person, rated); text != "Satisfaction rating received" {
		t.Errorf("%q", text)
	}
}

func TestActivityRefusals(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, filledDatabase(t), nil)
	const path = "/v1/activities/ticket-closed"
	refused := func(body string, parts ...string) {
		t.Helper()
		s.wantProblem(s.call("PATCH", path, "people-key", body), 422, "invalid-input", parts...)
	}
	refused(`{"text":{"show":"template","template":"a\n{{ attribute.subject | upcaes }} {% if %}"}}`, "body.text.template", "line 2, column 24", `did you mean \"upcase\"`)
	refused(`{"text":{"show":"template","template":"{% render 'x' %}"}}`, "body.text.template", "line 1")
	refused(`{"text":{"show":"template","template":"`+strings.Repeat("x", 2001)+`"}}`, "body.text.template", "2000")
	refused(`{"text":{"show":"template"}}`, "body.text.template")
	refused(`{"text":{"show":"name","template":"x"}}`, "body.text.template", "absent")
	refused(`{"text":{"show":"attribute"}}`, "body.text.attribute")
	refused(`{"text":{"show":"attribute","attribute":"a }}{{ b"}}`, "body.text.attribute", "assignee.name")
	refused(`{"text":{"show":"attribute","attribute":"nope"}}`, "body.text.attribute", "accepted: ", " assignee.name,", " previous_subject,", " subject,")
	refused(`{"text":{"show":"picture"}}`, "body.text.show")
	refused(`{}`, "text")
	if len(s.store.settings) != 0 {
		t.Errorf("stored: %v", s.store.settings)
	}
	s.wantProblem(s.call("PATCH", "/v1/activities/ticket-close", "people-key", `{"text":{"show":"name"}}`), 404, "no-such-activity", "ticket-closed")
	for _, tab := range []string{"", "/overview", "/activity", "/audience"} {
		s.wantProblem(s.call("GET", "/v1/activities/none"+tab, "people-key", nil), 404, "no-such-activity", "GET /v1/activities")
		if r := s.call("GET", path+tab, "reports-key", nil); r.StatusCode != http.StatusForbidden {
			t.Errorf("%q: %d", tab, r.StatusCode)
		}
	}
}

// TestActivityViews opens an activity and its tabs.
func TestActivityViews(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	var all page[activityView]
	s.get("/v1/activities", &all)
	if len(all.Items) != len(activitySlugs) || all.Items[0] != (activityView{"ticket-created", "Ticket created", "zendesk", activityText{Show: showStandard}}) {
		t.Errorf("%+v", all)
	}
	var one activityView
	if s.get("/v1/activities/ticket-created", &one); one != all.Items[0] {
		t.Errorf("%+v", one)
	}
	var o activityOverview
	s.get("/v1/activities/ticket-created/overview", &o)
	if o.People != 1 || o.TotalActivities != 63 || o.LastDays != 47 || len(o.ActivitiesPerDay) != 14 || o.ActivitiesPerDay[13] != (dayCount{"2026-03-20", 35}) {
		t.Errorf("%+v", o)
	}
	s.get("/v1/activities/ticket-merged/overview", &o)
	if o.People != 0 || o.TotalActivities != 0 || len(o.ActivitiesPerDay) != 14 {
		t.Errorf("%+v", o)
	}
	var people page[map[string]any]
	s.get("/v1/activities/ticket-created/audience?columns=email", &people)
	if len(people.Items) != 1 || people.Items[0]["id"] != "p_2001" || people.Items[0]["email"] != "jo@x.test" {
		t.Errorf("%+v", people)
	}
	var feed page[feedItem]
	s.get("/v1/activities/contact-created/activity", &feed)
	if len(feed.Items) != 1 || feed.Items[0].Person.ID != "p_2001" || feed.Items[0].Text != "Contact created" {
		t.Errorf("%+v", feed)
	}
}

// TestActivitiesFitIntoBits: activities.sql has a bit of a number for each activity, of which the last stands for none of them.
func TestActivitiesFitIntoBits(t *testing.T) {
	t.Parallel()
	if n := len(activitySlugs); n > 63 {
		t.Errorf("%d activities", n)
	}
}
