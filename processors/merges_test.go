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

// told says values about a user at a minute of March 10th.
func (s *scene) told(id int64, minute int, values string) {
	s.t.Helper()
	s.say(schemas.KindPerson, `{"id":%d,"at":"2026-03-10T10:%02d:00Z","values":{%s}}`, id, minute, values)
}

func (s *scene) linked(id int64, minute int, apart bool, others ...int64) {
	s.t.Helper()
	s.say(schemas.KindLink, `{"id":%d,"at":"2026-03-10T10:%02d:00Z","others":%s,"apart":%v}`, id, minute, jsonInts(others), apart)
}

func jsonInts(list []int64) string { return strings.ReplaceAll(fmt.Sprint(list), " ", ",") }

// merges gives the log of merges in force or ended: absorbed>survivor reason, with a mark behind those that ended.
func (s *scene) merges(users ...int64) []string {
	name := map[string]int64{}
	for _, id := range users {
		name[own(id)] = id
	}
	out := []string{}
	for _, row := range s.tables[schemas.TablePersonMerges] {
		line := fmt.Sprintf("%d>%d %s", name[row["absorbed_id"].(string)], name[row["survivor_id"].(string)], row["reason"])
		if row["ended_at"] != nil {
			line += " ended"
		}
		if row["undone"] == flag2(true) {
			line += " undone"
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

func flag2(b bool) any { return float64(flag(b)) }

// TestValuesToldThroughTheAPI: of a field the newest word counts, ours or Zendesk's; Zendesk's blanks take nothing away.
func TestValuesToldThroughTheAPI(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 1, `,"name":"Ann Lee","email":"ann@x.test","verified":true`)
	s.told(1, 5, `"last_name":"Leigh","phone_number":"+4930123456","external_id":"AB"`)
	p := s.person(1)
	s.want("told", []any{p["first_name"], p["last_name"], p["phone_number"], p["external_id"]}, []any{"Ann", "Leigh", "+4930123456", "AB"})
	s.want("alias", s.alias("external:ab"), int64(1))
	s.told(1, 3, `"last_name":"Older"`)
	s.want("older word", s.person(1)["last_name"], "Leigh")
	s.user(1, 20, `,"name":"Ann Young","email":"ann@x.test","verified":true`)
	p = s.person(1)
	s.want("Zendesk later", []any{p["last_name"], p["phone_number"], p["external_id"]}, []any{"Young", "+4930123456", "AB"})
	s.say(schemas.KindPerson, `{"id":1,"at":"2026-03-25T00:00:00Z","values":{"first_name":"","phone_number":""},"custom":{"plan":"gold","seats":5,"old":null}}`)
	p = s.person(1)
	s.want("emptied", []any{p["first_name"], p["phone_number"], p["custom"]}, []any{"", "", `{"plan":"gold","seats":5}`})
	s.say(schemas.KindPerson, `{"id":1,"at":"2026-03-26T00:00:00Z","custom":{"plan":null}}`)
	s.want("taken away", s.person(1)["custom"], `{"seats":5}`)
}

// TestPersonOfOurs: a person that Zendesk does not know comes into being by being told of, has no Zendesk fields and no activities, and
// becomes one with the Zendesk user of the same verified address, whose person is older.
func TestPersonOfOurs(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(set *schemas.Settings) { set.OptIn.Email = true })
	ours := int64(schemas.OwnUserID(testAccount, schemas.IdentifierEmail, "jo@x.test"))
	s.told(ours, 1, `"email":"Jo@X.test","first_name":"Jo","timezone":"Europe/Berlin"`)
	p := s.person(ours)
	s.want("person", []any{p["email"], p["first_name"], p["zendesk"], p["source_ids"], p["email_permission"]}, []any{"jo@x.test", "Jo", "{}", []any{}, flag2(false)})
	s.want("alias", s.tables[schemas.TablePersonAliases]["person_aliases|example|email:jo@x.test"]["person_id"], own(ours))
	s.want("no Zendesk alias", s.tables[schemas.TablePersonAliases][fmt.Sprintf("person_aliases|example|zendesk:%d", ours)] == nil, true)
	s.want("activities", len(s.tables[schemas.TableActivities]), 0)

	s.user(1, 1, `,"name":"Josephine","email":"jo@x.test","verified":true`)
	p = s.person(1)
	s.want("merged", []any{p["first_name"], p["timezone"], p["email_permission"], s.person(ours) == nil}, []any{"Jo", "Europe/Berlin", flag2(true), true})
	s.want("log", s.merges(1, ours), []string{fmt.Sprintf("%d>1 email", ours)})

	s.told(2, 2, `"email":"jo@x.test"`) // about a user nobody knows yet
	s.want("people", len(s.tables[schemas.TablePeople]), 1)
	s.user(2, 3, `,"name":"Other","email":"o@x.test","external_id":"Z"`)
	s.want("merged by what was told", s.merges(1, 2, ours), []string{fmt.Sprintf("%d>1 email", ours), "2>1 email"})
}

// TestMergeByHandAndUndo: a merge keeps the person that was chosen, is logged, survives syncs, and can be undone; what was undone does
// not merge again by an identifier, until somebody merges it again.
func TestMergeByHandAndUndo(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 1, `,"name":"A","email":"a@x.test","verified":true,"external_id":"e1"`)
	s.user(2, 1, `,"name":"B","email":"b@x.test","verified":true,"external_id":"e2"`)
	s.user(3, 1, `,"name":"C","email":"b@x.test","verified":true`)
	s.want("by address", s.merges(1, 2, 3), []string{"3>2 email"})

	s.linked(2, 1, false, 1) // the younger survives, against different external ids
	s.want("log", s.merges(1, 2, 3), []string{"1>2 manual", "3>2 email"})
	s.want("survivor", []any{s.person(1) == nil, s.alias("zendesk:1"), s.alias("email:a@x.test"), s.alias(own(1))}, []any{true, int64(2), int64(2), int64(2)})
	s.want("created", s.person(2)["created_at"], "2026-01-02T00:00:00Z") // of the oldest
	s.user(1, 5, `,"name":"A again","email":"a@x.test","verified":true,"external_id":"e1"`)
	s.want("after a sync", s.merges(1, 2, 3), []string{"1>2 manual", "3>2 email"})

	s.linked(1, 2, true, 2, 3)
	s.want("undone", s.merges(1, 2, 3), []string{"1>2 manual ended undone", "3>2 email"})
	s.want("two people", []any{s.alias("zendesk:1"), s.alias("zendesk:2"), s.alias("email:a@x.test")}, []any{int64(1), int64(2), int64(1)})
	s.linked(3, 3, true, 2)
	s.user(3, 8, `,"name":"C","email":"b@x.test","verified":true`)
	s.want("apart", s.merges(1, 2, 3), []string{"1>2 manual ended undone", "3>2 email ended undone"})
	s.linked(1, 1, false, 2) // older than the undoing
	s.want("old decision", s.alias("zendesk:1"), int64(1))
	s.linked(1, 9, false, 2, 3)
	s.want("again", s.merges(1, 2, 3), []string{"1>2 manual ended undone", "2>1 manual", "3>1 manual", "3>2 email ended undone"})
}

// TestSurvivorKeepsItsValues: of people merged by hand the survivor's values stay though the others' are newer, what it lacks comes from
// the others, and what is told after the merge counts as ever.
func TestSurvivorKeepsItsValues(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	fields := func() []any {
		p := s.person(1)
		return []any{p["first_name"], p["last_name"], p["email"], p["phone_number"], p["external_id"]}
	}
	s.user(1, 1, `,"name":"Ann","email":"a@x.test","verified":true`)
	s.user(2, 5, `,"name":"Anna Bell","email":"b@x.test","verified":true,"phone":"+4930123456","external_id":"e2"`)
	s.told(2, 1, `"first_name":"Anne"`)
	s.linked(1, 5, false, 2)
	s.want("merged", fields(), []any{"Ann", "Bell", "a@x.test", "+4930123456", "e2"})
	s.told(2, 6, `"first_name":"Annie"`)
	s.want("told since", fields(), []any{"Annie", "Bell", "a@x.test", "+4930123456", "e2"})
	s.user(2, 20, `,"name":"Anna Cole","email":"c@x.test","verified":true`)
	s.want("Zendesk since", fields(), []any{"Annie", "Cole", "c@x.test", "", ""})
	s.user(2, 21, `,"name":"Eve Cole","email":"c@x.test","verified":true`)
	s.want("another name since", fields(), []any{"Eve", "Cole", "c@x.test", "", ""})
	s.linked(2, 7, true, 1)
	s.want("undone", fields(), []any{"Ann", "", "a@x.test", "", ""})
}

// zendesk gives some of the Zendesk fields of a person, as JSON.
func (s *scene) zendesk(id int64, fields ...string) string {
	s.t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(s.person(id)["zendesk"].(string)), &all); err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, name := range fields {
		out = append(out, string(all[name]))
	}
	return strings.Join(out, " ")
}

// TestSurvivorKeepsAllItsValues: of people merged by hand the survivor's custom fields, organization and Zendesk fields stay too, whatever the
// absorbed one's record says and however new that is, and what is empty is filled.
func TestSurvivorKeepsAllItsValues(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	zendesk := func() string {
		return s.zendesk(1, "user_id", "name", "notes", "details", "tags", "organization_id", "fields")
	}
	organizations := func() []any { return []any{s.person(1)["organization_id"], s.person(1)["organization_ids"]} }
	s.user(1, 1, `,"name":"Ann","email":"a@x.test","notes":"good","tags":["vip"],"organization_id":71,"user_fields":{"level":"gold","seats":null,"city":""}`)
	s.user(2, 5, `,"name":"Bob","email":"b@x.test","notes":"bad","details":"tall","tags":["spam"],"organization_id":72,"user_fields":{"level":"free","seats":5,"city":"Rome"}`)
	s.say(schemas.KindPerson, `{"id":1,"at":"2026-03-02T00:00:00Z","custom":{"plan":"gold","gone":1,"old":"mine"}}`)
	s.say(schemas.KindPerson, `{"id":1,"at":"2026-03-03T00:00:00Z","custom":{"gone":null}}`)
	s.say(schemas.KindPerson, `{"id":2,"at":"2026-03-06T00:00:00Z","custom":{"plan":"free","seats":3,"gone":2,"old":null}}`)
	s.linked(1, 5, false, 2)
	s.want("custom", s.custom(1), `{"gone":2,"old":"mine","plan":"gold","seats":3}`)
	s.want("organization", organizations(), []any{71, []any{71, 72}})
	s.want("zendesk", zendesk(), `"1" "Ann" "good" "tall" ["vip"] "71" {"city":"Rome","level":"gold","seats":5}`)

	s.user(2, 20, `,"name":"Bob","email":"b@x.test","notes":"worse","details":"tall","tags":["junk"],"organization_id":72,"user_fields":{"level":"none","seats":5,"city":"Rome"}`)
	s.want("Zendesk's record of the absorbed one", zendesk(), `"1" "Ann" "good" "tall" ["vip"] "71" {"city":"Rome","level":"gold","seats":5}`)
	s.want("name", s.person(1)["first_name"], "Ann")
	s.want("organization", organizations(), []any{71, []any{71, 72}})
	s.say(schemas.KindPerson, `{"id":1,"at":"2026-03-21T00:00:00Z","custom":{"gone":null}}`)
	s.say(schemas.KindPerson, `{"id":2,"at":"2026-03-21T00:00:00Z","custom":{"plan":"silver"}}`)
	s.want("told since", s.custom(1), `{"old":"mine","plan":"silver","seats":3}`)
	s.user(2, 22, `,"name":"Bob","email":"b@x.test","organization_id":73`)
	s.want("another organization since", organizations(), []any{73, []any{73, 71}})
	s.linked(1, 9, true, 2)
	s.want("undone", []any{s.custom(1), s.custom(2), s.person(1)["organization_id"]}, []any{`{"old":"mine","plan":"gold"}`, `{"gone":2,"plan":"silver","seats":3}`, 71})
}

// TestSurvivorOfSeveralMerges: the survivor keeps the values it has by then, those of users that are one person with it by an identifier and those
// told since earlier merges; who it absorbs fills what is empty nearest first.
func TestSurvivorOfSeveralMerges(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 1, `,"name":"Ann","external_id":"x"`)
	s.user(2, 3, `,"name":"Anna Lee","external_id":"x","locale":"de"`) // the same person
	s.user(3, 5, `,"name":"Bob Bee","locale":"fr","time_zone":"Berlin","user_fields":{"a":1}`)
	s.user(4, 6, `,"name":"Cy Cee","locale":"it","time_zone":"Rome","phone":"+4930123456","organization_id":74`)
	s.user(5, 7, `,"name":"Di Dee","phone":"+4930777777"`)
	shown := func() []any {
		p := s.person(1)
		return []any{p["first_name"], p["last_name"], p["language"], p["timezone"], p["phone_number"], p["organization_id"]}
	}
	s.linked(3, 1, false, 4)
	s.linked(1, 2, false, 3)
	s.want("merged", shown(), []any{"Anna", "Lee", "de", "Europe/Berlin", "+4930123456", 74})
	s.want("zendesk", s.zendesk(1, "user_id", "fields"), `"2" {"a":1}`)
	s.told(4, 3, `"first_name":"Cyd"`)
	s.linked(1, 4, false, 5)
	s.want("merged again", shown(), []any{"Cyd", "Lee", "de", "Europe/Berlin", "+4930123456", 74})
}

// TestMergedByAnIdentifier: of people who are one by an identifier the newest word about each field counts, not the record that came last.
func TestMergedByAnIdentifier(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 1, `,"name":"Ann","external_id":"x","organization_id":71,"tags":["a"]`)
	s.user(2, 3, `,"name":"Anna","external_id":"x","organization_id":72,"tags":["b"]`)
	s.user(1, 5, `,"name":"Ann","external_id":"x","organization_id":71,"tags":["c"]`)
	p := s.person(1)
	s.want("fields", []any{p["first_name"], p["organization_id"], s.zendesk(1, "user_id", "tags")}, []any{"Anna", 72, `"1" ["c"]`})
}

// TestMergeIsForetold: what a person would be with others merged into it by hand is what it is then.
func TestMergeIsForetold(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 1, `,"name":"Ann","email":"a@x.test","verified":true,"tags":["vip"],"user_fields":{"level":"gold"}`)
	s.user(2, 5, `,"name":"Bob Bee","email":"b@x.test","verified":true,"phone":"+4930123456","organization_id":72,"user_fields":{"level":"free","seats":5}`)
	s.user(3, 4, `,"name":"Cy Cee","email":"b@x.test","verified":true,"locale":"de"`)
	s.user(4, 4, `,"name":"Di Dee","email":"d@x.test","time_zone":"Berlin"`)
	s.say(schemas.KindPerson, `{"id":1,"at":"2026-03-02T00:00:00Z","email":true,"custom":{"plan":"gold"}}`)
	s.say(schemas.KindPerson, `{"id":2,"at":"2026-03-06T00:00:00Z","email":false,"custom":{"plan":"free","seats":3}}`)
	s.linked(4, 1, false, 3)
	ask := func(others ...string) *schemas.PersonFacts {
		facts, err := untilKnown(t, s.store, func(state schemas.State) (*schemas.PersonFacts, []string, error) {
			return s.p.Person(testAccount, own(1), others, state)
		})
		if err != nil {
			t.Fatal(err)
		}
		return facts
	}
	if ask(own(4), "zendesk:77") != nil {
		t.Error("told of a merge with nobody")
	}
	foretold := ask(own(4))
	before := s.look(t, own(1))
	s.linked(1, 9, false, 4)
	same(t, "merged", asMap(t, appendPerson(nil, &foretold.Person)), s.person(1))
	if foretold.Person.FirstName != "Ann" || foretold.Person.LastName == "" || len(foretold.Stats) != 4 || before.Person.LastName != "" {
		t.Errorf("%+v", foretold.Person)
	}
}

// TestMergeOfPeopleTakenApart: who is merged again comes back with all their users.
func TestMergeOfPeopleTakenApart(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 1, `,"name":"A","email":"a@x.test","verified":true`)
	s.user(2, 1, `,"name":"B","email":"b@x.test","verified":true`)
	s.user(3, 1, `,"name":"C","email":"b@x.test","verified":true`)
	s.linked(1, 1, false, 2)
	s.linked(2, 2, true, 1)
	s.linked(3, 2, true, 1)
	s.want("apart", s.merges(1, 2, 3), []string{"2>1 manual ended undone", "3>1 email ended", "3>2 email"})
	s.say(schemas.KindLink, `{"id":1,"at":"2026-03-10T10:05:00Z","others":[2],"together":[1,2,3]}`)
	s.want("together", s.merges(1, 2, 3), []string{"2>1 manual", "3>1 email"})
}

// TestUndoOfZendesksMerge: a merge that Zendesk told can be undone too.
func TestUndoOfZendesksMerge(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 1, `,"name":"A","email":"a@x.test","verified":true`)
	s.user(2, 1, `,"name":"B","email":"b@x.test","verified":true`)
	s.say(schemas.KindWebhook, `{"type":"zen:event-type:user.merged","account_id":1,"id":"w1","time":"2026-03-03T10:00:00Z","subject":"zen:user:2",
		"detail":{"id":"2","role":"end-user","created_at":"2026-01-03T00:00:00Z","updated_at":"2026-03-03T10:00:00Z"},"event":{"user":{"id":"1"}}}`)
	s.want("merged", s.merges(1, 2), []string{"2>1 zendesk"})
	s.linked(2, 1, true, 1)
	s.want("undone", s.merges(1, 2), []string{"2>1 zendesk ended undone"})
	s.want("people", []any{s.alias("zendesk:1"), s.alias("zendesk:2")}, []any{int64(1), int64(2)})
}

// TestAddressOfSomebodyElse: a person of two users stays one, and becomes nobody else, when it is told the address of somebody with another external id.
func TestAddressOfSomebodyElse(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{true, false} { // whether the other person is the oldest
		s := newScene(t)
		other := int64(schemas.OwnUserID(testAccount, "external-id", "ec"))
		otherPerson := func() { s.told(other, 1, `"external_id":"EC","email":"aaa@x.test"`) }
		if first {
			otherPerson()
		}
		s.user(1, 1, `,"name":"Ann","email":"ann@x.test","verified":true`)
		s.user(2, 1, `,"name":"Bob","email":"bob@x.test","verified":true,"external_id":"EB"`)
		s.told(2, 2, `"email":"ann@x.test"`)
		if !first {
			otherPerson()
		}
		s.told(1, 3, `"first_name":"Robert","email":"aaa@x.test","external_id":"EB"`)
		s.want("people", []any{s.person(1)["first_name"], s.person(2) == nil, s.person(other)["external_id"]}, []any{"Robert", true, "EC"})
		s.want("merges", s.merges(1, 2, other), []string{"2>1 external-id"})
	}
}

// TestMergeEndsWithItsIdentifier: a merge by an address ends when one of the two gives the address up, and is no undoing.
func TestMergeEndsWithItsIdentifier(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 1, `,"name":"A","email":"a@x.test","verified":true`)
	s.user(2, 1, `,"name":"B","email":"a@x.test","verified":true`)
	s.want("identities", s.carried("a@x.test"), []string{"1 strong", "2 strong"})
	s.user(2, 3, `,"name":"B","email":"b@x.test","verified":true`)
	s.want("log", s.merges(1, 2), []string{"2>1 email ended"})
	s.want("identities", append(s.carried("a@x.test"), s.carried("b@x.test")...), []string{"1 strong", "2 strong"})
	s.user(2, 4, `,"name":"B","email":"b@x.test","role":"agent"`)
	s.want("agents are not listed", append(s.carried("a@x.test"), s.carried("b@x.test")...), []string{"1 strong"})
}

func (s *scene) carried(value string) []string {
	out := []string{}
	for _, row := range s.tables[schemas.TablePersonIdentities] {
		if row["value"] == value {
			out = append(out, fmt.Sprintf("%v %s", row["user_id"], map[any]string{1.0: "strong", 0.0: "weak"}[row["strong"]]))
		}
	}
	slices.Sort(out)
	return out
}

// TestRuleChangeReachesPeople: after the identifiers of a source changed, a change that says nothing works a person out anew.
func TestRuleChangeReachesPeople(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 1, `,"name":"A","phone":"+4930123456"`)
	s.user(2, 1, `,"name":"B","phone":"+4930123456"`)
	s.want("not by phone", s.merges(1, 2), []string{})
	s.now = s.now.Add(time.Hour)
	s.connect(s.now, func(set *schemas.Settings) { set.Identifiers = []string{"external-id", "email", "phone-number"} })
	s.play()
	s.say(schemas.KindPerson, `{"id":2,"at":"2026-03-10T10:00:00Z"}`)
	s.want("by phone", s.merges(1, 2), []string{"2>1 phone-number"})
	s.now = s.now.Add(time.Hour)
	s.connect(s.now, func(set *schemas.Settings) { set.Identifiers = []string{"email"} })
	s.play()
	s.say(schemas.KindPerson, `{"id":1,"at":"2026-03-10T10:00:00Z"}`)
	s.want("not any more", s.merges(1, 2), []string{"2>1 phone-number ended"})
}

func TestLinksThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for i, body := range []string{
		`{"id":1,"at":"2026-03-01T00:00:00Z"}`, `{"id":1,"at":"2026-03-01T00:00:00Z","others":[1]}`, `{"id":1,"at":"2026-03-01T00:00:00Z","others":[0]}`,
		`{"id":1,"others":[2]}`, `{"id":1,"at":"2026-03-01T00:00:00Z","others":"2"}`,
	} {
		s.say(schemas.KindLink, `%s`, body)
		s.want("dead letters of "+body, len(s.dead), i+1)
	}
	s.say(schemas.KindPerson, `{"id":1,"at":"2026-03-01T00:00:00Z","custom":{"a b":1}}`)
	s.want("dead letters", len(s.dead), 6)
}
