package processors

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"deskstream/schemas"
)

// erased gives the tombstones.
func (s *store) erased(t tb) *erasedUsers {
	t.Helper()
	e, err := value[erasedUsers](&schemas.StateRow{Data: s.state[erasedKey(testAccount+".")]})
	if err != nil {
		t.Fatal(err)
	}
	if e == nil {
		e = &erasedUsers{}
	}
	return e
}

// look asks for a person until no row is missing.
func (s *store) look(t tb, name string) *schemas.PersonFacts {
	t.Helper()
	facts, err := untilKnown(t, s, func(state schemas.State) (*schemas.PersonFacts, []string, error) {
		return s.p.Person(testAccount, name, nil, state)
	})
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// untilKnown asks until no row is missing.
func untilKnown[T any](t tb, s *store, ask func(schemas.State) (*T, []string, error)) (*T, error) {
	t.Helper()
	state := schemas.State{}
	for {
		answer, missing, err := ask(state)
		if err != nil || len(missing) == 0 {
			return answer, err
		}
		for _, key := range missing {
			pattern := strings.Split(key, ".")
			for i := range pattern {
				if i != 1 {
					pattern[i] = "*"
				}
			}
			if !slices.Contains(s.p.TellKeys(), strings.Join(pattern, ".")) {
				t.Fatalf("asks for %s, which TellKeys does not tell", key)
			}
			if state[key] != nil {
				t.Fatalf("asks for %s again", key)
			}
			state[key] = &schemas.StateRow{Data: s.state[key]}
		}
	}
}

// checkPeople holds what is told of people against the tables, under every name that leads to somebody; the names that some users would have
// lead to nobody else.
func (s *store) checkPeople(t tb, users ...int64) {
	t.Helper()
	aliases, erased := map[string]any{}, s.erased(t)
	for _, row := range s.tables[schemas.TablePersonAliases] {
		aliases[row["alias"].(string)] = row["person_id"]
	}
	for _, row := range s.tables[schemas.TablePeople] {
		aliases[row["person_id"].(string)] = row["person_id"]
	}
	for _, id := range users {
		for _, name := range []string{"zendesk:" + decimal(id), own(id), fmt.Sprintf("email:u%d@x.test", id-200), "external:a1", "nobody"} {
			if _, ok := aliases[name]; !ok && s.look(t, name) != nil {
				t.Fatalf("%s: leads to somebody", name)
			}
		}
	}
	for name, id := range aliases {
		facts := s.look(t, name)
		if user, ok := schemas.OwnUser(testAccount, name); facts == nil && ok && erased.has(int64(user)) {
			continue // only the tables know whose it was
		}
		if facts == nil {
			t.Fatalf("%s: nobody answers, the tables have %v", name, id)
		}
		same(t, name, asMap(t, appendPerson(nil, &facts.Person)), s.tables[schemas.TablePeople]["people|"+testAccount+"|"+id.(string)])
		for i := range facts.Stats {
			f := &facts.Stats[i]
			row := s.tables[schemas.TablePersonStats][fmt.Sprintf("person_stats|%s|%v", testAccount, float64(f.UserID))]
			if row == nil {
				row = asMap(t, appendStats(nil, &schemas.PersonStats{Account: testAccount, UserID: f.UserID}))
			}
			same(t, name, asMap(t, appendStats(nil, f)), row)
		}
		got, want := map[string]map[string]any{}, map[string]map[string]any{}
		for i := range facts.Activities {
			row := asMap(t, appendPersonActivity(nil, &facts.Activities[i]))
			got[fmt.Sprint(row["user_id"], row["activity"])] = row
		}
		for _, row := range s.tables[schemas.TablePersonActivities] {
			mine := slices.ContainsFunc(facts.Person.UserIDs, func(id int64) bool { return float64(id) == row["user_id"] }) // ids of ours are longer than a float64
			if mine && row["count"] != float64(0) {
				want[fmt.Sprint(row["user_id"], row["activity"])] = row
			}
		}
		if !maps.EqualFunc(got, want, func(a, b map[string]any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
			t.Fatalf("%s: activities %v, in the table %v", name, got, want)
		}
	}
}

func same(t tb, name string, got, want map[string]any) {
	t.Helper()
	delete(got, "is_deleted")
	want = maps.Clone(want)
	delete(want, "is_deleted")
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%s: told %v\nthe table has %v", name, got, want)
	}
}

func asMap(t tb, data []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestPersonByEveryName: who is one person answers to the names of each of its users, and nobody to a name that was given up.
func TestPersonByEveryName(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.say(schemas.KindOrganization, `{"id":70,"name":"Acme","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}`)
	s.user(1, 1, `,"name":"Ann Lee","email":"ann@x.test","verified":true,"organization_id":70`)
	s.user(2, 1, `,"name":"Ann L","email":"Ann@x.test","verified":true,"external_id":"A7"`)
	s.user(3, 1, `,"name":"Bob","email":"bob@x.test"`)
	s.checkPeople(t, 1, 2, 3)
	for _, name := range []string{"zendesk:1", "zendesk:2", "email:ann@x.test", "external:a7", own(1), own(2)} {
		facts := s.look(t, name)
		s.want(name, fmt.Sprint(facts.Person.PersonID, facts.Person.UserIDs, facts.Organizations), fmt.Sprint(own(1), []int64{1, 2}, map[int64]string{70: "Acme"}))
	}
	s.user(2, 2, `,"name":"Ann L","email":"other@x.test"`)
	s.checkPeople(t, 1, 2, 3)
	for name, want := range map[string]int64{"zendesk:2": 2, own(2): 2, "email:other@x.test": 2, "email:ann@x.test": 1, "external:a7": 0, "zendesk:" + strings.Repeat("9", 19): 0, "zendesk:": 0, "": 0} {
		facts := s.look(t, name)
		if facts == nil {
			facts = &schemas.PersonFacts{Person: schemas.PersonRow{UserIDs: []int64{0}}}
		}
		s.want(name, facts.Person.UserIDs, []int64{want})
	}
}

// TestLookLeavesEndedOrganizations: nobody is a member of an organization that was deleted or absorbed, whichever was told first.
func TestLookLeavesEndedOrganizations(t *testing.T) {
	t.Parallel()
	tell := []func(s *scene){
		func(s *scene) { s.user(1, 1, `,"name":"A","organization_id":7`) },
		func(s *scene) {
			for _, org := range []int{8, 9, 10} {
				s.say(schemas.KindMembership, `{"id":%d,"user_id":1,"organization_id":%d,"created_at":"2026-03-03T00:00:00Z","updated_at":"2026-03-03T00:00:00Z"}`, 50+org, org)
			}
		},
		func(s *scene) {
			s.say(schemas.KindOrganization, `{"id":8,"name":"Absorbed","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-03-04T00:00:00Z","deleted_at":"2026-03-04T00:00:00Z","merged_into":7}`)
			s.say(schemas.KindOrganization, `{"id":10,"name":"Other","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-03-04T00:00:00Z"}`)
		},
	}
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}} {
		s := newScene(t)
		for _, i := range order {
			tell[i](s)
		}
		s.want(fmt.Sprint(order), s.look(t, "zendesk:1").Person.OrganizationIDs, []int64{7, 9, 10})
	}
}
