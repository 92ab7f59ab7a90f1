package processors

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

// trackedOf is what processors are told of tracked fields.
func trackedOf(version uint64, since time.Time, fields ...string) map[string]any {
	list := []any{}
	for _, id := range fields {
		list = append(list, map[string]any{"id": id, "label": "Label of " + id, "since": since})
	}
	return map[string]any{"version": version, "tracked": list}
}

// track tells which fields are tracked since a day of March.
func (s *scene) track(version uint64, day int, fields ...string) {
	s.t.Helper()
	s.say(schemas.KindFields, "%s", jsonObject(trackedOf(version, time.Date(2026, 3, day, 0, 0, 0, 0, time.UTC), fields...)))
}

// changes lists the changes of tracked fields of a user, in order, as "day field: old > new".
func (s *scene) changes(user int64) []string {
	out := []string{}
	for _, row := range s.tables[schemas.TableActivities] {
		if row["activity"] != "field-changed" || row["user_id"] != float64(user) {
			continue
		}
		var a struct {
			Field string `json:"field"`
			Label string `json:"label"`
			Old   string `json:"old-value"`
			New   string `json:"new-value"`
		}
		if err := json.Unmarshal([]byte(row["attributes"].(string)), &a); err != nil {
			s.t.Fatal(err)
		}
		at := fmt.Sprint(row["occurred_at"])
		out = append(out, fmt.Sprintf("%s %s: %s > %s", strings.TrimSuffix(at[8:], ":00Z"), a.Field, a.Old, a.New))
	}
	slices.Sort(out)
	return out
}

func TestFieldChanges(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(set *schemas.Settings) {
		set.Retention = schemas.Retention{Days: 90, Activities: map[string]int{"field-changed": 365}}
	})
	s.user(1, 1, `,"name":"A B","phone":"1","user_fields":{"plan":"gold","seats":3,"tags":["x"]}`)
	s.user(1, 2, `,"name":"A C"`) // before anything is tracked
	s.track(1, 3, "zendesk.phone", "last_name", "zendesk.fields.plan", "zendesk.fields.seats", "zendesk.fields.tags", "zendesk.verified")
	s.user(1, 5, `,"name":"A D","phone":"2","user_fields":{"plan":"silver","seats":3.5,"tags":["y"]},"verified":true`)
	want := []string{
		"05T00:00 last_name: C > D", "05T00:00 zendesk.fields.plan:  > silver", "05T00:00 zendesk.fields.seats:  > 3.5", "05T00:00 zendesk.phone:  > 2",
		"05T00:00 zendesk.verified: false > true",
	}
	s.want("changes", s.changes(1), want)
	row := s.tables[schemas.TableActivities]
	for _, r := range row {
		if r["activity"] == "field-changed" && strings.Contains(fmt.Sprint(r["attributes"]), "last_name") {
			s.want("text", r["text"], "Label of last_name changed: C → D")
			s.want("expiry", r["expires_at"], "2027-03-05T00:00:00Z")
		}
	}
	s.user(1, 4, `,"name":"A X","phone":"2"`) // comes late, between
	s.want("a late version", s.changes(1), []string{
		"04T00:00 last_name: C > X", "04T00:00 zendesk.phone:  > 2", "05T00:00 last_name: X > D", "05T00:00 zendesk.fields.plan:  > silver",
		"05T00:00 zendesk.fields.seats:  > 3.5", "05T00:00 zendesk.verified: false > true",
	})
	late := s.changes(1)
	s.user(1, 4, `,"name":"A X","phone":"2"`)
	s.user(1, 2, `,"name":"A C"`)
	s.want("repeats", s.changes(1), late)

	s.user(2, 6, `,"name":"N N","phone":"9"`)
	s.want("a new contact", s.changes(2), []string{})
	s.say(schemas.KindUser, `{"id":3,"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-03-04T00:00:00Z","role":"agent","name":"A G"}`)
	s.say(schemas.KindUser, `{"id":3,"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-03-05T00:00:00Z","role":"agent","name":"A H"}`)
	s.want("an agent", s.changes(3), []string{})

	s.track(2, 8)
	s.user(1, 9, `,"name":"A E"`)
	s.want("not tracked any more", s.changes(1), late)
	s.track(3, 10, "last_name")
	s.user(1, 11, `,"name":"A F"`)
	s.want("tracked again", s.changes(1), append(slices.Clone(late), "11T00:00 last_name: E > F"))
	s.say(schemas.KindUser, `{"id":1,"created_at":"2026-01-02T00:00:00Z","updated_at":"2026-03-12T00:00:00Z","role":"end-user","active":false,"name":""}`)
	s.want("a deletion", len(s.changes(1)), len(late)+1)
}

func TestFieldChangesByTheAPI(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ours := int64(schemas.OwnUserID(testAccount, schemas.IdentifierEmail, "jo@x.test"))
	s.track(1, 2, "first_name", "custom.plan", "custom.list")
	tell := func(id int64, at, values string) {
		t.Helper()
		s.say(schemas.KindPerson, `{"id":%d,"at":"2026-03-%s.25Z",%s}`, id, at, values)
	}
	tell(ours, "05T10:00:00", `"values":{"email":"jo@x.test","first_name":"Jo"},"custom":{"plan":"gold"}`)
	s.want("created", s.changes(ours), []string{})
	tell(ours, "06T10:00:00", `"custom":{"plan":"silver","list":["a"]}`)
	tell(ours, "07T10:00:00", `"custom":{"plan":null,"list":"b"},"values":{"first_name":"Joe"}`)
	tell(ours, "06T10:00:00", `"custom":{"plan":"silver","list":["a"]}`)
	s.want("changed", s.changes(ours), []string{
		"06T10:00 custom.plan: gold > silver", "07T10:00 custom.list:  > b", "07T10:00 custom.plan: silver > ", "07T10:00 first_name: Jo > Joe",
	})
	s.user(1, 3, `,"name":"Ann Lee"`)
	tell(1, "04T10:00:00", `"values":{"first_name":"Anna"},"custom":{"plan":7}`)
	s.want("a contact of Zendesk's", s.changes(1), []string{"04T10:00 custom.plan:  > 7", "04T10:00 first_name: Ann > Anna"})
	s.user(1, 5, `,"name":"Ann Lee","phone":"1"`) // no new word about the name
	s.want("told again by Zendesk", s.changes(1), []string{"04T10:00 custom.plan:  > 7", "04T10:00 first_name: Ann > Anna"})
	s.user(1, 6, `,"name":"Annie Lee","phone":"1"`)
	s.want("changed by Zendesk", s.changes(1), []string{"04T10:00 custom.plan:  > 7", "04T10:00 first_name: Ann > Anna", "06T00:00 first_name: Anna > Annie"})
	s.track(2, 7, "last_name")
	tell(1, "04T11:00:00", `"values":{"last_name":"Leigh"}`)
	s.user(1, 8, `,"name":"Annie Lee","phone":"2"`)
	s.track(3, 9, "last_name", "external_id")
	tell(1, "10T10:00:00", `"values":{"last_name":"Loy","external_id":"e1"}`)
	s.user(1, 11, `,"name":"Annie Lee","phone":"3"`)
	s.want("tracked since", s.changes(1)[3:], []string{"10T10:00 external_id:  > e1", "10T10:00 last_name: Leigh > Loy"})
}

// TestFieldChangesOfTheErased: what a change said goes with the person, that there was one stays.
func TestFieldChangesOfTheErased(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.track(1, 2, "last_name", "custom.plan")
	s.user(1, 3, `,"name":"A Secret"`)
	s.user(1, 4, `,"name":"A Hidden"`)
	ours := int64(schemas.OwnUserID(testAccount, schemas.IdentifierEmail, "jo@x.test"))
	for day, plan := range []string{"secret", "hidden"} {
		s.say(schemas.KindPerson, `{"id":%d,"at":"2026-03-%02dT10:00:00Z","values":{"email":"jo@x.test"},"custom":{"plan":%q}}`, ours, day+3, plan)
	}
	s.want("before", []int{len(s.changes(1)), len(s.changes(ours))}, []int{1, 1})
	s.erases(1, ours)
	s.want("after", []any{s.changes(1), s.changes(ours)}, []any{[]string{"04T00:00 :  > "}, []string{"04T10:00 :  > "}})
	for _, row := range s.dump() {
		if strings.Contains(row, "ecret") || strings.Contains(row, "idden") {
			t.Errorf("%s", row)
		}
	}
	s.user(1, 5, `,"name":"A Back"`)
	s.want("told of again", s.changes(1), []string{"04T00:00 :  > "})
}

func TestFieldTracksAreBounded(t *testing.T) {
	t.Parallel()
	var x track
	for i := range int64(3 * maxPoints) {
		x.add(fieldPoint{at: i * int64(time.Second), rank: rankRecord, value: "same"})
	}
	x.add(fieldPoint{at: 1000 * int64(time.Second), rank: rankRecord, value: "other"})
	if changes := x.changes(false, 0); x.floor != 0 || len(changes) != 1 || changes[0].before != "same" {
		t.Errorf("floor %d, %+v", x.floor, changes)
	}
	for i := range int64(3 * maxPoints) {
		x.add(fieldPoint{at: (2000 + i) * int64(time.Second), rank: rankRecord, value: decimal(i)})
	}
	if len(x.points) != maxPoints || x.floor == 0 || x.add(fieldPoint{at: x.floor * int64(time.Second), rank: rankTold, value: "late"}) {
		t.Errorf("%d points, floor %d", len(x.points), x.floor)
	}
	var big track
	if big.add(fieldPoint{at: int64(time.Second), value: strings.Repeat("é", maxTracked)}); len(big.points[0].value) > maxTracked {
		t.Error(len(big.points[0].value))
	}
}

func TestBadFieldsAreDeadLetters(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, body := range []string{`{`, `{"version":"x"}`, `{"version":1,"tracked":[{"id":"","since":"2026-03-01T00:00:00Z"}]}`, `{"version":1,"tracked":[{"id":"email"}]}`} {
		s.say(schemas.KindFields, "%s", body)
	}
	s.want("dead letters", len(s.dead), 4)
}
