package reports

import (
	"encoding/json"
	"net/http"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"deskstream/liquid"
	"deskstream/schemas"
)

func (s *testServer) rendered(body any) RenderAnswer {
	s.t.Helper()
	var a RenderAnswer
	s.want(200, s.call("POST", "/v1/liquid/render", "render-key", body), &a)
	return a
}

func text(template string, more map[string]any) map[string]any {
	body := map[string]any{"person": "email:jo@x.test", "parts": map[string]string{"text": template}}
	for k, v := range more {
		body[k] = v
	}
	return body
}

func TestR36_RenderForAPerson(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for template, want := range map[string]string{
		`{{ person.first_name }} {{ people.first-name }} {{ person.email }} {{ person.id }}`:                                                         "Jo Jo jo@x.test p_2001",
		`{{ person.zendesk.id }} {{ person.zendesk.tags | join: ", " }} {{ person.zendesk.fields.plan }} {{ person.custom.tier }}`:                   "2001 vip, beta Gold A",
		`{{ person.zendesk.fields.seats }} {{ person.zendesk.tickets-total }} {{ person.zendesk.last_satisfaction_score }}`:                          "12 3 bad",
		`{{ person.zendesk.notes }}{{ person.zendesk.details }}{{ organization.zendesk.notes }}`:                                                     "",
		`{{ person.permissions.email }} {{ person.email_permission }} {{ person.timezone }} {{ person.time_zone }}`:                                  "true true America/New_York America/New_York",
		`{{ organization.name }} {{ company.zendesk.fields.tier }} {{ account.zendesk.tickets_total }}`:                                              "Org One gold 1",
		`{{ activity.zendesk.ticket-closed.assignee.name }} {{ activity.zendesk.ticket-closed.assignee-name }}`:                                      "=Bob =Bob",
		`{{ activity.zendesk.ticket-closed.subject }} {{ activity.zendesk.ticket_closed.group }} {{ activity.zendesk.ticket-closed.ticket_number }}`: "Subject 1 Support 1",
		`{{ activity.zendesk.satisfaction-rating-received.score }} {{ activity.zendesk.satisfaction-rating-received.rating_id }}`:                    "bad 9",
		`{{ activity.zendesk.ticket-created.ticket.subject }}`:                                                                                       "Subject 6",
		`{{ activity.zendesk.ticket-note-added.message }}`:                                                                                           "",
		`{% for a in activities %}{{ a.kind }} {{ a.occurred_at | date: "%d %H:%M", "UTC" }};{% endfor %}`: "zendesk.ticket-note-added 18 10:05;zendesk.satisfaction-rating-received 18 10:00;" +
			"zendesk.contact-created 17 00:00;zendesk.ticket-created 09 10:00;zendesk.ticket-closed 05 12:00;zendesk.ticket-created 02 10:00;",
		`{{ metrics.tickets.total }} {{ metrics.tickets.open }} {{ metrics.tickets.closed_30d }} {{ metrics.csat.percent | round }}`:   "3 1 2 50",
		`{{ now | date: "%Y-%m-%d", "UTC" }} {{ request.n }} {{ campaign.name }}`:                                                      "2026-03-20 3 Spring",
		`{% for pair in request.options %}{{ pair[0] }}={{ pair[1] }};{% endfor %}{% for pair in request %}{{ pair[0] }};{% endfor %}`: "z=1;a=2;options;n;",
		`{{ person.nope | default: "x" }}`: "x",
	} {
		got := s.rendered(text(template, map[string]any{"request": json.RawMessage(`{"options":{"z":1,"a":2},"n":3}`), "campaign": map[string]any{"name": "Spring"}}))
		if got.Parts["text"] != want {
			t.Errorf("%s\n got %q\nwant %q", template, got.Parts["text"], want)
		}
	}
}

func TestRenderAnswers(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	a := s.rendered(map[string]any{
		"person": "zendesk:2004", "parts": map[string]string{"subject": "Hi {{ person.first_name }}", "html": "<p>{{ person.last_name }} {{ person.nope }}</p>"},
	})
	if a.Parts["subject"] != "Hi Jo" || a.Parts["html"] != "<p>&lt;b&gt;Day&lt;/b&gt; </p>" || strings.Join(a.Missing, " ") != "person.nope" ||
		strings.Join(a.Used, " ") != "person.first_name person.last_name person.nope" || a.Aborted != nil || a.Stats.Bytes == 0 {
		t.Errorf("%+v", a)
	}
	if a.Missing == nil {
		t.Error("the missing list is null")
	}
	a = s.rendered(map[string]any{"data": map[string]any{}, "parts": map[string]string{"text": "x"}})
	if a.Missing == nil || a.Used == nil {
		t.Errorf("lists of nothing are null: %+v", a)
	}
	a = s.rendered(text(`{% abort "no email" %}`, nil))
	if a.Aborted == nil || *a.Aborted != "no email" || len(a.Parts) != 0 {
		t.Errorf("%+v", a)
	}
	a = s.rendered(text("{{ person.nope }}{{ person.last_name }}", map[string]any{"missing": "keep", "defaults": map[string]any{"person.nope": "there"}}))
	if a.Parts["text"] != "there<b>Day</b>" {
		t.Errorf("%+v", a)
	}
	a = s.rendered(map[string]any{"data": json.RawMessage(`{"person":{"n":3,"f":3.5}}`), "parts": map[string]string{"text": "{{ person.n }} {{ person.f }}"}})
	if a.Parts["text"] != "3 3.5" {
		t.Errorf("%+v", a)
	}
}

func TestRenderOfATriggeringActivity(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	template := "{{ activity.zendesk.ticket-created.ticket_id }}"
	if a := s.rendered(text(template, map[string]any{"activity_id": "a_00"})); a.Parts["text"] != "1" {
		t.Errorf("%+v", a)
	}
	for _, id := range []string{"a_01", "none", "' OR 1=1"} { // a_01 is somebody else's
		s.wantProblem(s.call("POST", "/v1/liquid/render", "render-key", text(template, map[string]any{"activity_id": id})), 404, "no-such-activity")
	}
}

// TestRenderOfAnAbsorbedOrganization checks that people of an organization that another one absorbed get the other one.
func TestRenderOfAnAbsorbedOrganization(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, openDatabase(t), nil)
	manyPeople(t, s, 2)
	insertInto(t, s.db, schemas.TableOrganizations,
		schemas.OrganizationRow{Account: testAccount, OrganizationID: 1, Name: "Gone", Zendesk: `{"merged_into":20}`},
		schemas.OrganizationRow{Account: testAccount, OrganizationID: 20, Name: "Gone too", Zendesk: `{"merged_into":30}`},
		schemas.OrganizationRow{Account: testAccount, OrganizationID: 30, Name: "Here", Zendesk: `{"tags":["a"]}`},
		schemas.OrganizationRow{Account: testAccount, OrganizationID: 2, Name: "Lost", Zendesk: `{"merged_into":99}`})
	for person, want := range map[string]string{"p_00000": "Here a 0", "p_00001": "Lost  1"} {
		template := "{{ organization.name }} {{ organization.zendesk.tags }} {{ organization.zendesk.people_total }}"
		if a := s.rendered(map[string]any{"person": person, "parts": map[string]string{"text": template}}); a.Parts["text"] != want {
			t.Errorf("%s: %q, want %q", person, a.Parts["text"], want)
		}
	}
}

// TestActivitiesWindow checks how many activities are seen, how far back, and that a triggering one may be older.
func TestActivitiesWindow(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	const all = `{% for a in activities %}{{ a.activity }};{% endfor %}`
	for _, c := range []struct {
		template string
		more     map[string]any
		want     string
	}{
		{all, map[string]any{"activities": 2}, "ticket-note-added;satisfaction-rating-received;"},
		{all, map[string]any{"window_days": 4}, "ticket-note-added;satisfaction-rating-received;contact-created;"},
		{all, map[string]any{"window_days": 2}, ""},
		{all, map[string]any{"window_days": 2, "activity_id": "a_00"}, ""},
		{all + "{{ activity.zendesk.ticket-created.id }}", map[string]any{"window_days": 4}, "ticket-note-added;satisfaction-rating-received;contact-created;"},
		{"{{ activity.zendesk.ticket-created.id }}", map[string]any{"window_days": 4, "activity_id": "a_00"}, "a_00"},
	} {
		if a := s.rendered(text(c.template, c.more)); a.Parts["text"] != c.want {
			t.Errorf("%s %v: %q, want %q", c.template, c.more, a.Parts["text"], c.want)
		}
	}
	for name, value := range map[string]any{"activities": 101, "window_days": -1} {
		s.wantProblem(s.call("POST", "/v1/liquid/render", "render-key", text("x", map[string]any{name: value})), 422, "invalid-input", "body."+name)
	}
}

func TestRenderRefusals(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	s.wantProblem(s.call("POST", "/v1/liquid/render", "render-key", map[string]any{"person": "p_9", "parts": map[string]string{"text": "x"}}), 404, "no-such-person")
	for body, parts := range map[string][]string{
		`{"parts":{}}`: {"body.parts"},
		`{"parts":{"text":"x"},"person":"p_2001","data":{}}`: {"body.data", "one of them"},
		`{"parts":{"text":"x"},"data":[1]}`:                  {"body.data", "object"},
		`{"parts":{"text":"x"},"request":"x"}`:               {"body.request"},
		`{"parts":{"text":"x"},"activity_id":"a"}`:           {"body.activity_id", "person"},
		`{"parts":{"text":"x"},"missing":"explode"}`:         {"body.missing", "blank"},
		`{"parts":{"text":"x"},"format":"pdf"}`:              {"body.format", "html"},
		`{"parts":{"text":"x"},"errors":"inline"}`:           {"body.errors", "parts"},
		`{"parts":{"text":5}}`:                               {"body.parts.text"},
		`{"parts":{"text":"x"},"time_zone":"Mars/Base"}`:     {`"location":"body.time_zone","message":"must be an IANA time zone as Europe/Berlin or UTC"`},
		`{"parts":{"text":"x"},"time_zone":"Local"}`:         {"body.time_zone"},
	} {
		s.wantProblem(s.call("POST", "/v1/liquid/render", "render-key", body), 422, "invalid-input", parts...)
	}
}

func TestTemplateErrors(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for template, kind := range map[string]string{
		"a\n{{ person.first_name | nope }}": liquid.KindSyntax, "{% if": liquid.KindSyntax, "{{ 1 | divided_by: 0 }}": liquid.KindType,
		"{% for i in (1..100000000) %}x{% endfor %}": liquid.KindLimit, "{{ person.nope }}": liquid.KindMissing,
	} {
		r := s.call("POST", "/v1/liquid/render", "render-key", text(template, map[string]any{"missing": "error"}))
		var p templateProblem
		s.want(422, r, &p)
		if len(p.Errors) == 0 || p.Errors[0].Kind != kind || p.Errors[0].Message == "" || p.Status != 422 || r.Header.Get("Content-Type") != problemType {
			t.Errorf("%s: %s", template, r.body)
		}
	}
	var p templateProblem
	s.want(422, s.call("POST", "/v1/liquid/render", "render-key", text("a\n{{ x | nope }}\n{{ y | nada }}", nil)), &p)
	if len(p.Errors) != 2 || p.Errors[0].Line != 2 || p.Errors[0].Column == 0 || p.Errors[0].Snippet == "" || p.Errors[1].Line != 3 {
		t.Errorf("%+v", p.Errors)
	}
}

// TestHostileTemplatesOverHTTP sends bombs of every class beside good templates: each is refused as over a limit, and nobody else notices.
func TestHostileTemplatesOverHTTP(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	double := func(step string) string {
		return `{% assign s = "0123456789abcdef" %}{% for i in (1..60) %}` + step + `{% endfor %}`
	}
	bombs := []string{
		"{% for i in (1..1000000000) %}x{% endfor %}", strings.Repeat("{% for i in (1..1000) %}", 20) + strings.Repeat("{% endfor %}", 20),
		double("{% assign s = s | append: s %}"), double("{% assign s = s | prepend: s %}"), double("{% capture s %}{{ s }}{{ s }}{% endcapture %}"),
		double(`{% assign s = s | replace: "0", s %}`), `{% assign a = "1,2" | split: "," %}{% for i in (1..60) %}{% assign a = a | concat: a %}{% endfor %}`,
		"{{ (1..1000000000) | join }}", strings.Repeat("{% if true %}", 20_000), "{% render 'self' %}", "{% include 'self-include' %}",
		`{{ 0 | date: "%1000000000d" }}`, "{% assign n = 9 %}{% for i in (1..100) %}{% assign n = n | times: n %}{% endfor %}", "{{ a" + strings.Repeat(".b", 1000) + " }}",
		"{{ " + strings.Repeat("9", 5000) + " }}", strings.Repeat("x", 300<<10),
	}
	var wg sync.WaitGroup
	for _, bomb := range bombs {
		wg.Go(func() {
			body := text(bomb, map[string]any{"snippets": map[string]string{"self": "{% render 'self' %}", "self-include": "{% include 'self-include' %}"}})
			s.wantProblem(s.waiting(body), 422, "template-limit")
		})
		wg.Go(func() {
			var a RenderAnswer
			s.want(200, s.waiting(text("Hi {{ person.first_name }}", nil)), &a)
			if a.Parts["text"] != "Hi Jo" {
				t.Errorf("%+v", a)
			}
		})
	}
	wg.Wait()
	if n := s.renderer.Panics(); n != 0 {
		t.Errorf("%d panics", n)
	}
}

// waiting renders; a server that is busy with other renders is asked again.
func (s *testServer) waiting(body any) response {
	for {
		if r := s.call("POST", "/v1/liquid/render", "render-key", body); r.StatusCode != http.StatusTooManyRequests {
			return r
		}
	}
}

// TestBusy takes every place, so that renders are refused with the time to wait.
func TestBusy(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	places := int64(2 * runtime.GOMAXPROCS(0))
	if err := s.rendering.places.Acquire(t.Context(), places); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, path := range []string{"render", "preview", "validate"} {
		wg.Go(func() {
			r := s.call("POST", "/v1/liquid/"+path, "render-key", map[string]any{"parts": map[string]string{"text": "x"}})
			s.wantProblem(r, 429, "busy")
			if r.Header.Get("Retry-After") == "" {
				t.Errorf("%s: no Retry-After", path)
			}
		})
	}
	wg.Wait()
	s.rendering.places.Release(places)
	s.rendered(map[string]any{"data": map[string]any{}, "parts": map[string]string{"text": "x"}})
}

// TestRenderFigures checks that renders are counted by what they come to, and that the figure of panics is there.
func TestRenderFigures(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	for _, template := range []string{"x", "y", `{% abort %}`, "{{ 1 | modulo: 0 }}", "{% for i in (1..100000000) %}x{% endfor %}"} {
		s.call("POST", "/v1/liquid/render", "render-key", text(template, nil))
	}
	s.batch(`{"parts":{"text":"x"}}`, `{"data":{}}`, `{"person":"p_nobody"}`)
	r := s.call("GET", "/metrics", "", nil)
	for _, want := range []string{
		`deskstream_liquid_renders_total{result="rendered"} 3`, `deskstream_liquid_renders_total{result="aborted"} 1`, `deskstream_liquid_renders_total{result="type"} 1`,
		`deskstream_liquid_renders_total{result="limit"} 1`, "deskstream_liquid_panics_total 0",
	} {
		if !strings.Contains(string(r.body), want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
}

// TestOnlyWhatIsNeededIsFetched checks what of a person's data templates are found to need.
func TestOnlyWhatIsNeededIsFetched(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]needs{
		"{{ person.first_name }} {{ request.x }}":                                {},
		"{{ person.zendesk.tags }} {{ person.custom.x }}":                        {},
		"{{ person.zendesk.tickets-open }}":                                      {figures: true},
		"{{ person.zendesk[request.x] }}":                                        {figures: true},
		"{{ person.first_last.ticket-created.count }}":                           {firstLast: true},
		"{{ person.organization.name }}":                                         {organizationName: true},
		"{% assign p = person %}{{ p.email }}":                                   {figures: true, firstLast: true, organizationName: true},
		"{{ organization.name }}":                                                {organization: true},
		"{{ company.zendesk.people_total }}":                                     {organization: true, organizationFigures: true},
		"{{ activity.zendesk.ticket-closed.subject }}":                           {kinds: []string{"ticket-closed"}},
		"{{ activity.zendesk[request.kind].subject }}":                           {kinds: []string{anyKind}},
		"{% for a in activities %}{{ a.kind }}{% endfor %}":                      {activities: true},
		"{% for a in activities %}{{ a.url }}{% endfor %}":                       {activities: true, sources: fromTicket},
		"{{ activities.first.message }}{{ activities.size }}":                    {activities: true, sources: fromMessages},
		"{{ activities | map: request.x }}":                                      {activities: true, sources: fromEverywhere},
		"{{ activity.zendesk.ticket-assigned.previous-assignee-email }}":         {kinds: []string{"ticket-assigned"}, sources: fromAgents},
		"{{ activity.zendesk.ticket-closed.custom-fields.x }}":                   {kinds: []string{"ticket-closed"}, sources: fromTicket | fromTicketFields},
		"{{ activity.zendesk.ticket-closed[request.x] }}":                        {kinds: []string{"ticket-closed"}, sources: fromEverywhere},
		"{% assign a = activity.zendesk.ticket-closed %}{{ a.subject }}":         {kinds: []string{"ticket-closed", "ticket-closed"}, sources: fromEverywhere},
		"{% if metrics.tickets.open > 1 %}{{ metrics.tickets.open }}{% endif %}": {metrics: true, figures: true},
		"{{ [request.root].x }}":                                                 {figures: true, firstLast: true, organizationName: true, organization: true, organizationFigures: true, activities: true, metrics: true, kinds: []string{anyKind}, sources: fromEverywhere},
	} {
		variables, err := new(liquid.Renderer).Variables(map[string]string{"text": template}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := needsOf(variables)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", template, got, want)
		}
	}
}

// TestMergeTags renders the text of every merge tag, so that none is a slip.
func TestMergeTags(t *testing.T) {
	t.Parallel()
	s := readOnly(t)
	var p page[mergeTag]
	s.get("/v1/liquid/merge-tags", &p)
	parts := map[string]string{}
	paths := map[string]bool{}
	for i, tag := range p.Items {
		paths[tag.Path] = true
		if tag.Name == "" || tag.Example == "" || !strings.Contains(tag.Liquid, tag.Path) {
			t.Errorf("%+v", tag)
		}
		parts["text"] += tag.Liquid + "\n"
		_ = i
	}
	for _, want := range []string{"person.first_name", "person.zendesk.fields.plan", "organization.name", "activity.zendesk.ticket-closed.subject", "metrics.csat.percent"} {
		if !paths[want] {
			t.Errorf("%s is missing", want)
		}
	}
	if paths["person.zendesk.notes"] {
		t.Error("notes are for agents")
	}
	s.rendered(map[string]any{"person": "p_2001", "parts": parts})
	i := slices.IndexFunc(p.Items, func(tag mergeTag) bool { return tag.Path == "person.first_name" })
	body := map[string]any{"data": map[string]any{"person": map[string]any{}}, "missing": "error", "parts": map[string]string{"text": p.Items[i].Liquid}}
	if r := s.call("POST", "/v1/liquid/render", "render-key", body); r.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("%s of nobody: %d %s", p.Items[i].Liquid, r.StatusCode, r.body)
	}
}
