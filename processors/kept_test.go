package processors

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

// keptOf is what processors are told of fields that keep values, each as "id key activity attribute".
func keptOf(fields ...string) []any {
	list := []any{}
	for _, f := range fields {
		x := strings.Fields(f)
		list = append(list, map[string]any{"id": x[0], "key": x[1], "activity": x[2], "attribute": x[3]})
	}
	return list
}

func (s *scene) keeps(version uint64, fields ...string) {
	s.t.Helper()
	s.say(schemas.KindFields, "%s", jsonObject(map[string]any{"version": version, "tracked": []any{}, "kept": keptOf(fields...)}))
}

// custom gives the custom fields of a person.
func (s *scene) custom(id int64) string { return fmt.Sprint(s.person(id)["custom"]) }

func TestKeptFields(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(set *schemas.Settings) { set.Retention = schemas.Retention{Days: 90} })
	s.people()
	s.record("02T09:00", "open", "")
	s.audit("02T09:00", 9, said(1, 9, true, "hello"), created("status", `"open"`), created("priority", `"low"`))
	s.keeps(1, "k1 last_status ticket-status-changed status", "k2 last_priority ticket-priority-changed priority", "k3 tags ticket-created tags")
	s.want("before anything is told", s.custom(9), "{}")
	s.audit("03T09:00", 1, changed("status", `"open"`, `"pending"`))
	s.want("one that arrives", s.custom(9), `{"last_status":"pending"}`)
	s.audit("05T09:00", 1, changed("status", `"hold"`, `"solved"`), changed("priority", `"low"`, `"high"`))
	s.audit("04T09:00", 1, changed("status", `"pending"`, `"hold"`)) // comes late
	s.want("a late one", s.custom(9), `{"last_priority":"high","last_status":"solved"}`)
	s.say(schemas.KindPerson, `{"id":9,"at":"2026-03-06T00:00:00Z","custom":{"last_status":"mine","own":1}}`)
	s.want("told by somebody else", s.custom(9), `{"last_priority":"high","last_status":"solved","own":1}`)

	s.now = s.now.AddDate(1, 0, 0) // past retention
	s.user(9, 20, `,"name":"N 9","email":"n9@x.test"`)
	s.want("past retention", s.custom(9), `{"last_priority":"high","last_status":"solved","own":1}`)
	s.keeps(2, "k2 last_priority ticket-priority-changed priority")
	s.say(schemas.KindPerson, `{"id":9,"at":"2027-03-06T00:00:00Z"}`)
	s.want("taken back", s.custom(9), `{"last_priority":"high","last_status":"mine","own":1}`)
	s.erases(9)
	for key, row := range s.state {
		if strings.Contains(key, ".k.") && len(row) > 0 {
			t.Errorf("%s: %s is left of an erased person", key, row)
		}
	}
}

// TestKeptFieldsAreFilled: what was there before is kept when a ticket is looked at again; a withdrawn activity gives way to the one before;
// people that are merged show the newest of both.
func TestKeptFieldsAreFilled(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	s.user(8, 1, `,"name":"Other"`)
	s.record("02T09:00", "open", "")
	s.audit("02T09:00", 9, said(1, 9, true, "hello"), created("status", `"open"`))
	s.audit("03T09:00", 1, changed("status", `"open"`, `"pending"`))
	s.keeps(1, "k1 last_status ticket-status-changed status", "k2 subject ticket-created subject")
	s.want("not looked at", s.custom(9), "{}")
	rows := len(s.tables[schemas.TableActivities])
	for range 2 {
		s.say(schemas.KindRecount, `{"id":5}`)
		s.want("filled", s.custom(9), `{"last_status":"pending","subject":"Help"}`)
	}
	s.want("activities", len(s.tables[schemas.TableActivities]), rows)
	s.linked(8, 5, false, 9)
	s.want("merged", s.custom(8), `{"last_status":"pending","subject":"Help"}`)
	s.audit("04T09:00", 1, changed("status", `"pending"`, `"hold"`))
	s.want("after the merge", s.custom(8), `{"last_status":"hold","subject":"Help"}`)
	s.linked(8, 7, true, 9)
	s.want("taken apart", []string{s.custom(8), s.custom(9)}, []string{`{}`, `{"last_status":"hold","subject":"Help"}`})
}

func TestKeptValuesAreBounded(t *testing.T) {
	t.Parallel()
	var k keptValues
	for i := range int64(3 * edgeSize) {
		k.set(keptValue{"a", i * 7 % (3 * edgeSize), decimal(i), `"` + decimal(i) + `"`})
	}
	if first, n := k.of("a"); first != 0 || n != edgeSize || k.newest("a").at != 3*edgeSize-1 || k.list[0].at != 2*edgeSize {
		t.Errorf("%+v", k)
	}
	for k.newest("a") != nil {
		v := *k.newest("a")
		v.value = ""
		if !k.set(v) || k.set(v) {
			t.Fatalf("%+v", v)
		}
	}
	if k.set(keptValue{"b", 1, "x", `"1"`}); !k.set(keptValue{"b", 1, "x", `"2"`}) || k.set(keptValue{"b", 1, "x", `"2"`}) || k.newest("b").value != `"2"` || k.newest("a") != nil {
		t.Errorf("%+v", k)
	}
}

func TestAttributesAreKeptAsFiltersNameThem(t *testing.T) {
	t.Parallel()
	a := &schemas.Activity{
		Subject: "S", Status: "open", PreviousStatus: "new", Tags: []string{"a", "b"}, TicketID: 7, UserID: 9, FormID: 3, OccurredAt: time.Unix(0, 0).UTC(),
		Attributes: `{"score":"good","resolution-minutes":12,"tags-added":["x"],"comment":""}`,
	}
	for name, want := range map[string]string{
		"subject": `"S"`, "status": `"open"`, "previous_status": `"new"`, "tags": `["a",` +
			`"b"]`, "ticket_id": `"7"`, "ticket_number": "7", "requester_id": `"9"`, "form_id": `"3"`, "assignee_id": "", "score": `"good"`,
		"resolution_minutes": "12", "tags_added": `["x"]`, "comment": "", "none": "", "occurred_at": `"1970-01-01T00:00:00Z"`,
	} {
		if got := attributeOf(a, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for _, name := range []string{"ticket_number", "requester_id"} {
		if got := attributeOf(&schemas.Activity{UserID: 9}, name); got != "" {
			t.Errorf("%s of no ticket: %s", name, got)
		}
	}
	a.Tags = make([]string, 10_000)
	if got := attributeOf(a, "tags"); len(got) > maxKept+1 || !strings.HasSuffix(got, `""]`) {
		t.Errorf("%d bytes", len(got))
	}
}
