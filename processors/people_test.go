package processors

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"deskstream/schemas"
)

func TestR31_R32_R33_SplitName(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"HomerSimpson", "HomerSimpson", ""},
		{"Homer Simpson", "Homer", "Simpson"},
		{"  Homer   Simpson ", "Homer", "Simpson"},
		{"Mary Jane Watson", "Mary", "Jane Watson"},
		{"", "", ""},
		{" \t\n", "", ""},
		{"Ludwig van Beethoven", "Ludwig", "van Beethoven"},
		{"jo.doe@x.test", "jo.doe@x.test", ""},
		{"山田\u3000太郎", "山田", "太郎"},
		{"Ann\u00a0Lee", "Ann", "Lee"},
		{"A\u2003B\tC", "A", "B C"},
		{strings.Repeat("é", 1<<20), strings.Repeat("é", maxNamePart), ""},
		{"a " + strings.Repeat("b ", 1<<19), "a", strings.Repeat("b ", 127) + "b"},
	} {
		first, last := splitName(c[0])
		if first != c[1] || last != c[2] {
			t.Errorf("%.40q: got %.40q, %.40q, want %.40q, %.40q", c[0], first, last, c[1], c[2])
		}
	}
}

func TestLanguageTag(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "en-US": "en-US", "pt-br": "pt-BR", "de": "de", "zh-cn": "zh-CN", "en-150": "en-150", "!!": "!!"} {
		if got := languageTag(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// user tells a user record of a day in March; more are further fields.
func (s *scene) user(id int, day int, more string) {
	s.t.Helper()
	s.say(schemas.KindUser, `{"id":%d,"created_at":"2026-01-%02dT00:00:00Z","updated_at":"2026-03-%02dT00:00:00Z","role":"end-user","active":true%s}`, id, id%28+1, day, more)
}

func own(id int64) string { return schemas.OwnPersonID(testAccount, schemas.ZID(id)) }

func (s *scene) person(id int64) map[string]any {
	return s.tables[schemas.TablePeople]["people|example|"+own(id)]
}

// alias gives the Zendesk user whose person a name leads to, 0 if none.
func (s *scene) alias(name string) int64 {
	row := s.tables[schemas.TablePersonAliases]["person_aliases|example|"+name]
	if row == nil { // the id of a person needs no alias
		row = s.tables[schemas.TablePeople]["people|example|"+name]
	}
	for id := int64(1); row != nil && id < 100; id++ {
		if row["person_id"] == own(id) {
			return id
		}
	}
	return 0
}

func TestR05_R13_Permissions(t *testing.T) {
	t.Parallel()
	for mask := range 4 {
		mail, sms := mask&1 != 0, mask&2 != 0
		s := newScene(t, func(set *schemas.Settings) { set.OptIn.Email, set.OptIn.SMS = mail, sms })
		s.user(1, 1, `,"name":"A"`)
		s.say(schemas.KindUser, `{"id":2,"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-03-01T00:00:00Z","role":"agent"}`)
		s.now = s.now.Add(time.Hour)
		s.connect(s.now, func(set *schemas.Settings) { set.OptIn.Email, set.OptIn.SMS = !mail, !sms })
		s.play()
		s.user(3, 1, `,"name":"B"`)
		s.user(1, 2, `,"name":"A again"`)
		s.want("before", []any{s.person(1)["email_permission"], s.person(1)["sms_permission"]}, []any{flag(mail), flag(sms)})
		s.want("after", []any{s.person(3)["email_permission"], s.person(3)["sms_permission"]}, []any{flag(!mail), flag(!sms)})
		s.want("name", s.person(1)["last_name"], "again")
		s.want("people", len(s.tables[schemas.TablePeople]), 2)
		s.want("agents", len(s.tables[schemas.TableAgents]), 1)
	}
}

func TestR09_FieldRules(t *testing.T) {
	t.Parallel()
	t.Run("forbidden", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, func(set *schemas.Settings) { set.Fields.Writable = []string{"first-name", "last-name", "email"} })
		s.user(1, 1, `,"name":"A B","phone":"+4930123456"`)
		s.user(1, 2, `,"name":"C D","phone":"+4930999999"`)
		p := s.person(1)
		s.want("fields", []any{p["first_name"], p["phone_number"]}, []any{"C", "+4930123456"})
		if z := p["zendesk"].(string); !strings.Contains(z, `"phone":"+4930999999"`) {
			t.Errorf("zendesk fields: %s", z)
		}
	})
	t.Run("only if empty", func(t *testing.T) {
		t.Parallel()
		s := newScene(t, func(set *schemas.Settings) { set.Fields.OnlyIfEmpty = true })
		s.user(1, 1, `,"name":"A"`)
		s.user(1, 2, `,"name":"B C"`)
		s.want("name", []any{s.person(1)["first_name"], s.person(1)["last_name"]}, []any{"A", "C"})
	})
	t.Run("last write wins by event time", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		s.user(1, 3, `,"name":"New","email":"NEW@x.test","locale":"pt-br","time_zone":"Berlin","external_id":"Ab"`)
		s.user(1, 2, `,"name":"Old","email":"old@x.test"`)
		p := s.person(1)
		s.want("fields", []any{p["first_name"], p["email"], p["language"], p["timezone"], p["external_id"]}, []any{"New", "new@x.test", "pt-BR", "Europe/Berlin", "Ab"})
		s.user(1, 4, `,"name":"New"`)
		s.want("an address taken away", s.person(1)["email"], "")
		s.want("its alias", s.alias("email:new@x.test"), 0)
	})
}

// TestNewestWordOfEachField: what somebody told through our API stays until Zendesk changes that field, in whatever order and however often the
// words come; a record that says it once more is no newer word.
func TestNewestWordOfEachField(t *testing.T) {
	t.Parallel()
	record := func(day int, name, more string) func(*scene) {
		return func(s *scene) { s.user(1, day, `,"name":"`+name+`","email":"a@x.test","external_id":"e1"`+more) }
	}
	told := func(minute int, values string) func(*scene) {
		return func(s *scene) { s.told(1, minute, values) }
	}
	api := told(5, `"first_name":"Api","email":"api@x.test","external_id":"API"`) // of March 10th
	hook := func(s *scene) {
		s.say(schemas.KindWebhook, `{"type":"zen:event-type:user.notes_changed","account_id":1,"id":"w1","time":"2026-03-14T00:00:00Z","subject":"zen:user:1",
			"detail":{"id":"1","email":"a@x.test","external_id":"e1","role":"end-user","created_at":"2026-01-02T00:00:00Z","updated_at":"2026-03-14T00:00:00Z"},"event":{}}`)
	}
	for _, c := range []struct {
		name  string
		words []func(*scene)
		want  []any
	}{
		{"only notes changed", []func(*scene){record(1, "Ann Lee", ""), api, record(12, "Ann Lee", `,"notes":"new"`), hook}, []any{"Api", "Lee", "api@x.test", "API"}},
		{"the last name changed", []func(*scene){record(1, "Ann Lee", ""), api, record(12, "Ann Young", ""), hook}, []any{"Api", "Young", "api@x.test", "API"}},
		{"the first name changed", []func(*scene){record(1, "Ann Lee", ""), api, record(12, "Eve Lee", ""), record(13, "Eve Lee", `,"notes":"new"`)}, []any{"Eve", "Lee", "api@x.test", "API"}},
		{"changed and changed back", []func(*scene){record(1, "Ann Lee", ""), api, record(12, "Eve Lee", ""), record(13, "Ann Lee", "")}, []any{"Ann", "Lee", "api@x.test", "API"}},
		{"changed before", []func(*scene){record(1, "Eve Lee", ""), record(4, "Ann Lee", ""), api, record(12, "Ann Lee", `,"notes":"new"`)}, []any{"Api", "Lee", "api@x.test", "API"}},
		{"emptied", []func(*scene){record(1, "Ann Lee", ""), told(5, `"first_name":"","email":""`), record(12, "Ann Lee", `,"notes":"new"`)}, []any{"", "Lee", "", "e1"}},
		{"deleted and back", []func(*scene){
			record(1, "Ann Lee", ""), api, func(s *scene) { s.user(1, 12, `,"name":"","email":null,"active":false`) }, record(13, "Ann Lee", ""),
		}, []any{"Api", "Lee", "api@x.test", "API"}},
	} {
		for order := range permutations(len(c.words)) {
			s := newScene(t)
			for _, i := range order {
				c.words[i](s)
				c.words[order[0]](s)
			}
			p := s.person(1)
			s.want(fmt.Sprint(c.name, order), []any{p["first_name"], p["last_name"], p["email"], p["external_id"]}, c.want)
			s.checkPeople(t, 1)
		}
	}
}

// permutations gives all orders of n things.
func permutations(n int) iter.Seq[[]int] {
	return func(yield func([]int) bool) {
		var grow func(order []int) bool
		grow = func(order []int) bool {
			if len(order) == n {
				return yield(order)
			}
			for i := range n {
				if !slices.Contains(order, i) && !grow(append(slices.Clone(order), i)) {
					return false
				}
			}
			return true
		}
		grow(nil)
	}
}

// TestOldWordsOutlastVersions: since when a field has had its value is known though more versions came than are kept, with what is stored and with a
// field that the source may not write any more.
func TestOldWordsOutlastVersions(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	version := func(at time.Time, notes int, locale string) {
		s.say(schemas.KindUser, `{"id":1,"created_at":"2026-01-02T00:00:00Z","updated_at":%q,"role":"end-user","name":"Ann Lee","locale":%q,"notes":"%d"}`, at.Format(time.RFC3339), locale, notes)
	}
	start := mustTime(t, "2026-03-11T00:00:00Z")
	version(start.AddDate(0, 0, -8), -2, "fr")
	version(start.AddDate(0, 0, -7), -1, "fr")
	s.told(1, 5, `"first_name":"Api","language":"de"`)
	s.connect(s.now, func(set *schemas.Settings) { set.Fields.Writable = []string{"first-name", "last-name"} })
	for i := range 3 * maxVersions {
		version(start.Add(time.Duration(i)*time.Hour), i, "it")
		s.want("told", []any{s.person(1)["first_name"], s.person(1)["last_name"], s.person(1)["language"]}, []any{"Api", "Lee", "de"})
	}
	s.checkPeople(t, 1)
	s.say(schemas.KindUser, `{"id":1,"created_at":"2026-01-02T00:00:00Z","updated_at":"2026-03-20T00:00:00Z","role":"end-user","name":"Eve Lee"}`)
	s.want("changed", s.person(1)["first_name"], "Eve")
}

// TestR46_FieldRulesChange: rules that change hold for what comes after, and rewrite nothing.
func TestR46_FieldRulesChange(t *testing.T) {
	t.Parallel()
	writable := func(fields ...string) func(*schemas.Settings) {
		return func(set *schemas.Settings) { set.Fields.Writable = fields }
	}
	s := newScene(t, writable("first-name", "last-name", "phone-number"))
	s.user(1, 1, `,"name":"A B","phone":"+4930123456"`)
	phone := func() any { return s.person(1)["phone_number"] }
	s.want("allowed", phone(), "+4930123456")
	s.connect(s.now, writable("first-name", "last-name"))
	s.want("nothing is rewritten", phone(), "+4930123456")
	s.user(1, 2, `,"name":"C D","phone":"+4930999999"`)
	s.want("forbidden", []any{s.person(1)["first_name"], phone()}, []any{"C", "+4930123456"})
	s.connect(s.now, writable("first-name", "last-name", "phone-number"))
	s.want("still nothing is rewritten", phone(), "+4930123456")
	s.user(1, 3, `,"name":"E F","phone":"+4930777777"`)
	s.want("allowed again", phone(), "+4930777777")
}

func TestR30_Roles(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 1, `,"name":"A","email":"a@x.test"`)
	s.want("person", s.alias("email:a@x.test"), 1)
	s.say(schemas.KindUser, `{"id":1,"created_at":"2026-01-02T00:00:00Z","updated_at":"2026-03-02T00:00:00Z","role":"admin","name":"A","email":"a@x.test"}`)
	s.want("person", s.person(1), map[string]any(nil))
	s.want("aliases", len(s.tables[schemas.TablePersonAliases]), 0)
	agent := s.tables[schemas.TableAgents]["agents|example|1"]
	s.want("agent", []any{agent["role"], agent["active"]}, []any{"admin", 1})
	s.user(1, 3, `,"name":"A","email":"a@x.test"`)
	s.want("person", s.alias("zendesk:1"), 1)
	s.want("agent that was", s.tables[schemas.TableAgents]["agents|example|1"]["role"], "end-user")
}

func TestR16_MergeRules(t *testing.T) {
	t.Parallel()
	all := []string{"external-id", "email", "phone-number"}
	for _, c := range []struct {
		name        string
		identifiers []string
		users       []string // fields of users 1, 2, 3
		want        string   // whose person each is
	}{
		{"same external id, other case", nil, []string{`"external_id":"Ian1"`, `"external_id":"ian1"`}, "1 1"},
		{"same verified address, other case", nil, []string{`"email":"A@x.test","verified":true`, `"email":"a@X.test","verified":true`}, "1 1"},
		{"an address that is not verified merges nobody", nil, []string{`"email":"a@x.test","verified":true`, `"email":"a@x.test","verified":false`}, "1 2"},
		{"phone is not an identifier by default", nil, []string{`"phone":"+4930123456"`, `"phone":"+49 30 123456"`}, "1 2"},
		{"phone when the account says so", all, []string{`"phone":"+4930123456"`, `"phone":"+49 30 123456"`}, "1 1"},
		{"a shared phone never", all, []string{`"phone":"+4930123456"`, `"phone":"+4930123456","shared_phone_number":true`}, "1 2"},
		{"different external ids beat the same address", nil, []string{`"external_id":"a","email":"a@x.test","verified":true`, `"external_id":"b","email":"a@x.test","verified":true`}, "1 2"},
		{"one without external id goes to the older", nil, []string{
			`"external_id":"a","email":"a@x.test","verified":true`,
			`"external_id":"b","email":"a@x.test","verified":true`, `"email":"a@x.test","verified":true`,
		}, "1 2 1"},
		{"one with two addresses goes to the older", nil, []string{
			`"identities":[{"type":"email","value":"a@x.test","verified":true},{"type":"email","value":"z@x.test","verified":true}]`,
			`"external_id":"a","email":"z@x.test","verified":true`, `"external_id":"b","email":"a@x.test","verified":true`,
		}, "1 1 3"},
		{"over two identifiers", nil, []string{`"external_id":"a"`, `"external_id":"A","email":"a@x.test","verified":true`, `"email":"a@x.test","verified":true`}, "1 1 1"},
		{"only email counts", []string{"email"}, []string{`"external_id":"a","email":"a@x.test","verified":true`, `"external_id":"b","email":"a@x.test","verified":true`}, "1 1"},
		{"nothing counts", []string{}, []string{`"external_id":"a"`, `"external_id":"a"`}, "1 2"},
		{"verified identities", nil, []string{`"email":"m@x.test","identities":[{"type":"email","value":"a@x.test","verified":true}]`, `"email":"A@x.test","verified":true`}, "1 1"},
		{"identities that are not verified", all, []string{`"email":"m@x.test","identities":[{"type":"email","value":"a@x.test"},` +
			`{"type":"phone_number","value":"+4930123456"}]`, `"email":"a@x.test","verified":true,"phone":"+4930123456"`}, "1 2"},
		{"a mailing list is nobody", nil, []string{`"identities":[{"type":"email","value":"a@x.test","verified":true,"deliverable_state":"mailing_list"}]`, `"email":"a@x.test","verified":true`}, "1 2"},
	} {
		for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}} {
			s := newScene(t, func(set *schemas.Settings) {
				if c.identifiers != nil {
					set.Identifiers = c.identifiers
				}
			})
			for _, i := range order {
				if i < len(c.users) {
					s.user(i+1, 1, ","+c.users[i])
				}
			}
			var got []string
			for i := range c.users {
				got = append(got, fmt.Sprint(s.alias("zendesk:"+decimal(int64(i+1)))))
			}
			if g := strings.Join(got, " "); g != c.want {
				t.Errorf("%s, order %v: got %s, want %s", c.name, order, g, c.want)
			}
			if n := len(s.tables[schemas.TablePeople]); n != len(uniqueWords(c.want)) {
				t.Errorf("%s: %d people", c.name, n)
			}
		}
	}
}

func uniqueWords(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

func TestMergedPerson(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 5, `,"name":"Old Name","external_id":"x","phone":"+4930123456","locale":"de","email":"old@x.test"`)
	s.user(2, 7, `,"name":"New Name","external_id":"X","email":"new@x.test"`)
	p := s.person(1)
	s.want("fields", []any{p["first_name"], p["email"], p["phone_number"], p["language"], p["user_ids"], p["own_ids"]},
		[]any{"New", "new@x.test", "+4930123456", "de", []any{1, 2}, []any{own(1), own(2)}})
	s.want("aliases", []any{s.alias("zendesk:2"), s.alias(own(2)), s.alias("email:old@x.test"), s.alias("email:new@x.test"), s.alias("external:x")}, []any{1, 1, 1, 1, 1})
	s.want("no second person", s.person(2), map[string]any(nil))
	s.user(2, 8, `,"name":"New Name","external_id":"other","email":"new@x.test"`) // the reason to merge is gone
	s.want("two people", []any{s.alias("zendesk:2"), s.alias("email:new@x.test"), s.person(2)["first_name"], s.person(1)["first_name"]}, []any{2, 2, "New", "Old"})
}

func TestZendeskMerge(t *testing.T) {
	t.Parallel()
	for _, inactive := range []int{1, 2} {
		s := newScene(t)
		s.user(1, 1, `,"name":"One","external_id":"a"`)
		s.user(2, 1, `,"name":"Two","external_id":"b"`)
		s.say(schemas.KindWebhook, `{"type":"zen:event-type:user.merged","id":"m","time":"2026-03-03T00:00:00Z","subject":"zen:user:1",`+
			`"detail":{"id":"1","role":"end-user","email":"","external_id":"a","created_at":"2026-01-02T00:00:00Z",`+
			`"updated_at":"2026-03-03T00:00:00Z","organization_id":"0"},"event":{"user":{"id":"2"}}}`)
		s.want("one person", []any{s.alias("zendesk:1"), s.alias("zendesk:2")}, []any{1, 1})
		s.want("until more is known, the webhook's user lost", activityOf(s, "contact-merged")["user_id"], 1)
		s.user(inactive, 3, fmt.Sprintf(`,"name":"Gone","external_id":%q,"active":false`, []string{"", "a", "b"}[inactive]))
		m := activityOf(s, "contact-merged")
		s.want("the inactive one lost", []any{m["user_id"], m["attributes"]}, []any{inactive, fmt.Sprintf(`{"into-user-id":"%d"}`, 3-inactive)})
		if activityOf(s, "contact-deleted") != nil {
			t.Error("a user merged away is not deleted")
		}
		s.want("the active one's name", s.person(1)["first_name"], []string{"", "Two", "One"}[inactive])
		s.want("archived", s.person(1)["archived"], 0)
	}
}

// TestMergedAddresses: who was merged away in Zendesk is found by the address they had, before and after it is among the winner's, and so is
// anybody by an address and a number that are not proven to be theirs.
func TestMergedAddresses(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	winner := func(day int, identities string) {
		s.user(1, day, `,"name":"Win","email":"ww@x.test","identities":[{"type":"email","value":"ww@x.test","primary":true,"verified":false}`+identities+`]`)
	}
	leads := func(when, name string, want int64) {
		t.Helper()
		facts, id := s.look(t, name), int64(0)
		if facts != nil {
			id = facts.Person.UserIDs[0]
		}
		s.want(when+", "+name, id, want)
		if strings.HasPrefix(name, "email:") {
			s.want(when+", the alias "+name, s.alias(name), want)
		}
	}
	winner(1, "")
	s.user(2, 1, `,"name":"Lose","email":"ll@x.test"`)
	s.say(schemas.KindWebhook, `{"type":"zen:event-type:user.merged","id":"m","time":"2026-03-03T00:00:00Z","subject":"zen:user:2",`+
		`"detail":{"id":"2","role":"end-user","email":"","external_id":"","created_at":"2026-01-03T00:00:00Z",`+
		`"updated_at":"2026-03-03T00:00:00Z","organization_id":"0"},"event":{"user":{"id":"1"}}}`)
	leads("merged", "email:ll@x.test", 1)
	s.user(2, 3, `,"name":"Lose","email":null,"active":false`)
	leads("read again", "email:ll@x.test", 1)
	s.want("the winner's address", s.person(1)["email"], "ww@x.test")

	moved := `,{"type":"email","value":"LL@x.test","verified":false},{"type":"phone_number","value":"+49 30 123456","verified":false}`
	winner(4, moved)
	s.erases(2)
	leads("moved", "email:ll@x.test", 1)
	leads("moved", "phone:+4930123456", 1)
	winner(5, "")
	leads("given up", "email:ll@x.test", 0)
	leads("given up", "phone:+4930123456", 0)
}

func TestR10_DeletedUsers(t *testing.T) {
	t.Parallel()
	for _, archive := range []bool{false, true} {
		for _, by := range []string{"poll", "webhook"} {
			s := newScene(t, func(set *schemas.Settings) { set.ArchiveOnDelete = archive })
			s.user(1, 1, `,"name":"Jo Doe","email":"jo@x.test"`)
			if by == "poll" {
				s.user(1, 3, `,"name":"Jo Doe","email":null,"active":false`)
			} else {
				s.say(schemas.KindWebhook, `{"type":"zen:event-type:user.deleted","id":"m","time":"2026-03-03T00:00:00Z",`+
					`"subject":"zen:user:1","detail":{"id":"1","role":"end-user","email":"","external_id":"",`+
					`"created_at":"2026-01-02T00:00:00Z","updated_at":"2026-03-03T00:00:00Z","organization_id":"0","default_group_id":"0"},`+
					`"event":{}}`)
			}
			p := s.person(1)
			s.want(by, []any{p["archived"], p["first_name"], p["email"], s.alias("email:jo@x.test")}, []any{flag(archive), "Jo", "jo@x.test", 1})
			if activityOf(s, "contact-deleted") == nil {
				t.Error("no deletion among the activities")
			}
			s.user(1, 5, `,"name":"Jo Doe","email":"jo@x.test"`)
			s.want("back again", s.person(1)["archived"], 0)
			s.user(1, 6, `,"name":"Permanently Deleted User","email":null,"active":false,"permanently_deleted":true`)
			s.want("erased", []any{s.person(1), s.alias("email:jo@x.test"), s.alias("zendesk:1")}, []any{map[string]any(nil), 0, 0})
			for k, v := range s.state {
				if strings.HasPrefix(k, "example.u.") && strings.Contains(string(v), "jo@x.test") {
					t.Errorf("state row %s still holds the address", k)
				}
			}
		}
	}
}

// TestDeletedForGood: whom Zendesk deleted for good is told to be erased here too, whatever was heard of the user before, until that is done.
func TestDeletedForGood(t *testing.T) {
	t.Parallel()
	const before, after = `{"id":1,"name":"Jo Doe","role":%q,"created_at":"2026-01-02T00:00:00Z","updated_at":"2026-03-01T00:00:00Z"}`,
		`{"id":1,"name":"Permanently Deleted User","role":%q,"active":false,"permanently_deleted":true,"created_at":"2026-01-02T00:00:00Z","updated_at":"2026-03-02T00:00:00Z"}`
	for name, c := range map[string]struct {
		was, role string
		batch     bool
		want      bool
	}{
		"a person":                  {was: "end-user", role: "end-user", want: true},
		"in the batch that told it": {was: "end-user", role: "end-user", batch: true, want: true},
		"first seen":                {role: "end-user", want: true},
		"no agent any more":         {was: "agent", role: "end-user", want: true},
		"an agent":                  {was: "agent", role: "agent"},
		"an agent first seen":       {role: "agent"},
	} {
		s := newScene(t)
		if c.was != "" {
			s.add(schemas.KindUser, "poll", s.now, fmt.Appendf(nil, before, c.was))
		}
		if !c.batch {
			s.play()
		}
		s.add(schemas.KindUser, "poll", s.now, fmt.Appendf(nil, after, c.role))
		s.batches(t, s.out, len(s.out))
		s.out = nil
		mark := func() any { return s.withdrawn["people|example|"+own(1)]["zendesk"] }
		want := any(nil)
		if c.want {
			want = schemas.PersonDeletedForGood
		}
		s.want(name, []any{s.person(1), mark()}, []any{map[string]any(nil), want})
		if !c.want {
			continue
		}
		s.want(name+": users", s.withdrawn["people|example|"+own(1)]["user_ids"], []any{1})
		s.erases(1)
		s.user(1, 3, `,"name":"Permanently Deleted User"`)
		s.want(name+": erased", mark(), "{}")
	}
}

func TestUserWebhooks(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	hook := func(name, updated, detail, event string) {
		s.ids++
		s.say(schemas.KindWebhook, `{"type":"zen:event-type:user.%s","id":"u%d","time":%q,"subject":"zen:user:1","detail":{"id":"1",`+
			`"created_at":"2026-01-02T00:00:00Z","default_group_id":"0","updated_at":%q%s},"event":%s}`, name, s.ids, updated, updated, detail, event)
	}
	hook("created", "2026-03-01T00:00:00Z", `,"email":"jo@x.test","external_id":"e","organization_id":"0","role":"end-user"`, `{}`)
	s.want("at once", []any{s.person(1)["email"], s.person(1)["first_name"]}, []any{"jo@x.test", ""})
	s.user(1, 1, `,"name":"Jo Doe","email":"jo@x.test","external_id":"e"`)
	hook("external_id_changed", "2026-03-02T00:00:00Z", `,"email":"jo2@x.test","external_id":"f","organization_id":"7","role":"end-user"`, `{"current":"f","previous":"e"}`)
	p := s.person(1)
	s.want("name stays", []any{p["first_name"], p["email"], p["external_id"], p["organization_id"]}, []any{"Jo", "jo2@x.test", "f", 7})
	hook("name_changed", "2026-03-03T00:00:00Z", `,"email":"jo2@x.test","external_id":"f","organization_id":"7","role":"end-user"`, `{"current":"Joe Doe","previous":"Jo Doe"}`)
	s.want("named", s.person(1)["first_name"], "Joe")
	hook("role_changed", "2026-03-04T00:00:00Z", `,"email":"jo2@x.test","external_id":"f","organization_id":"7","role":"agent"`, `{"current":"agent","previous":"end-user"}`)
	s.want("agent", []any{s.person(1), s.tables[schemas.TableAgents]["agents|example|1"]["name"]}, []any{map[string]any(nil), "Joe Doe"})
	s.want("dead", len(s.dead), 0)
}

func TestContactActivities(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.user(1, 3, `,"name":"C","email":"c@x.test"`)
	s.user(1, 1, `,"name":"A","email":"c@x.test"`)
	s.user(1, 2, `,"name":"B","email":"c@x.test"`)
	var got []string
	for _, r := range s.tables[schemas.TableActivities] {
		got = append(got, fmt.Sprint(r["occurred_at"].(string)[5:10], " ", r["activity"], " ", r["attributes"]))
	}
	s.want("activities", strings.Join(sorted(got), "\n"), strings.Join([]string{
		`01-02 contact-created {}`, `03-02 contact-updated {"changed-fields":["name"]}`, `03-03 contact-updated {"changed-fields":["name"]}`,
	}, "\n"))
	n := s.outputs
	for day := range 3 {
		s.user(1, day+1, `,"name":"`+string(rune('A'+day))+`","email":"c@x.test"`)
	}
	s.want("again", s.outputs-n, 0)
}

func TestUnchangedUsersCostNothing(t *testing.T) {
	t.Parallel()
	_, _, _, people := benchFeed(300)
	s := newStore()
	s.batches(t, people, 50)
	writes, outputs := s.writes, s.outputs
	again := append([]schemas.Event(nil), people...)
	for i := range again {
		again[i].ReceivedAt, again[i].Data = again[i].ReceivedAt.Add(24*time.Hour), append([]byte(nil), again[i].Data...)
	}
	s.batches(t, again, 50)
	if s.writes != writes || s.outputs != outputs || s.duplicates != len(people) {
		t.Errorf("an unchanged sync wrote %d rows and emitted %d, %d of %d seen as repeats", s.writes-writes, s.outputs-outputs, s.duplicates, len(people))
	}
	keys := s.p.Keys(again[:50], schemas.State{})
	if len(keys) != 54 {
		t.Errorf("an unchanged sync of 50 users asks for %d rows, want the users, the settings of sources and fields, the tombstones and the directory of identities", len(keys))
	}
	for key, row := range s.load(again[:50]) {
		if strings.HasPrefix(key, testAccount+".u.") && row.Data != nil {
			t.Errorf("%s is loaded for a repeat", key)
		}
	}
	again[0].Data = []byte(strings.Replace(string(again[0].Data), "Jo Doe", "Jo Day", 1))
	state := s.load(again[:50])
	if row := state[fmt.Sprintf("%s.u.%d", testAccount, itemOf(&again[0]).id)]; row == nil || row.Data == nil {
		t.Error("the row of a user who changed is not loaded")
	}
}

func TestR10_Organizations(t *testing.T) {
	t.Parallel()
	deletions := map[schemas.Kind]string{
		schemas.KindWebhook: `{"type":"zen:event-type:organization.deleted","id":"d","time":"2026-03-03T00:00:00Z",` +
			`"subject":"zen:organization:7","detail":{"id":"7","name":"New","external_id":"o","group_id":"0",` +
			`"created_at":"2026-03-01T00:00:00Z","updated_at":"2026-03-03T00:00:00Z"},"event":{}}`,
		schemas.KindOrganization: `{"id":7,"name":"New","external_id":"o","domain_names":["x.test"],"organization_fields":{"a":1},` +
			`"created_at":"2026-03-01T00:00:00Z","updated_at":"2026-03-03T00:00:00Z","deleted_at":"2026-03-03T00:00:00Z","merged_into":8}`,
	}
	for i := range 4 {
		archive, kind := i < 2, []schemas.Kind{schemas.KindWebhook, schemas.KindOrganization}[i%2]
		s := newScene(t, func(set *schemas.Settings) { set.ArchiveOnDelete = archive })
		s.say(schemas.KindOrganization, `{"id":7,"name":"Org","external_id":"o","domain_names":["x.test"],"organization_fields":{"a":1},`+
			`"created_at":"2026-03-01T00:00:00Z","updated_at":"2026-03-01T00:00:00Z"}`)
		s.say(schemas.KindWebhook, `{"type":"zen:event-type:organization.name_changed","id":"o","time":"2026-03-02T00:00:00Z",`+
			`"subject":"zen:organization:7","detail":{"id":"7","name":"New","external_id":"o","group_id":"0","shared_comments":false,`+
			`"shared_tickets":false,"created_at":"2026-03-01T00:00:00Z","updated_at":"2026-03-02T00:00:00Z"},"event":{"current":"New",`+
			`"previous":"Org"}}`)
		row := s.tables[schemas.TableOrganizations]["organizations|example|7"]
		s.want("renamed", []any{row["name"], row["archived"]}, []any{"New", 0})
		if z := row["zendesk"].(string); !strings.Contains(z, `"domain_names":["x.test"]`) || !strings.Contains(z, `"fields":{"a":1}`) {
			t.Error(z)
		}
		s.say(kind, deletions[kind])
		s.want("deleted", s.tables[schemas.TableOrganizations]["organizations|example|7"]["archived"], flag(archive))
		if z := s.tables[schemas.TableOrganizations]["organizations|example|7"]["zendesk"].(string); strings.Contains(z, `"merged_into":8`) != (kind == schemas.KindOrganization) {
			t.Error(z)
		}
		s.want("activities", s.slugs(), "01T00:00 organization-created\n02T00:00 organization-updated\n03T00:00 organization-deleted")
	}
}

// TestOrganizationMergedInTheSecondOfAChange: what was told of one second is put in order, whatever order it came in.
func TestOrganizationMergedInTheSecondOfAChange(t *testing.T) {
	t.Parallel()
	const base = `{"id":7,"name":%q,"created_at":"2026-03-01T00:00:00Z","updated_at":"2026-03-03T00:00:00Z"%s}`
	for i := range 8 {
		said := []string{
			fmt.Sprintf(base, "Org", ""),
			fmt.Sprintf(base, "Org"+strings.Repeat("!", i), `,"deleted_at":"2026-03-03T00:00:00Z"`),
			fmt.Sprintf(base, "Org"+strings.Repeat("!", i), `,"deleted_at":"2026-03-03T00:00:00Z","merged_into":8`),
		}
		if i%2 == 1 {
			slices.Reverse(said)
		}
		s := newScene(t)
		for _, body := range said {
			s.say(schemas.KindOrganization, "%s", body)
		}
		if z := s.tables[schemas.TableOrganizations]["organizations|example|7"]["zendesk"].(string); !strings.Contains(z, `"merged_into":8`) {
			t.Errorf("case %d: %s", i, z)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.say(schemas.KindGroup, `{"id":1,"name":"New","updated_at":"2026-03-02T00:00:00Z"}`)
	s.say(schemas.KindGroup, `{"id":1,"name":"Old","updated_at":"2026-03-01T00:00:00Z"}`)
	s.say(schemas.KindBrand, `{"id":2,"name":"B","is_deleted":true,"updated_at":"2026-03-01T00:00:00Z"}`)
	s.say(schemas.KindTicketField, `{"id":3,"title":"Order Number (new)","type":"text","updated_at":"2026-03-01T00:00:00Z"}`)
	s.say(schemas.KindUserField, `{"id":4,"title":"Tier","key":"customer_tier","type":"tagger","updated_at":"2026-03-01T00:00:00Z"}`)
	s.say(schemas.KindTicketForm, `{"id":5,"name":"Returns","raw_name":"{{dc.returns}}","display_name":"Send it back","active":false,"updated_at":"2026-03-01T00:00:00Z"}`)
	s.say(schemas.KindCustomStatus, `{"id":5,"agent_label":"With the courier","end_user_label":"On hold","active":false,"updated_at":"2026-03-01T00:00:00Z"}`)
	n := s.tables[schemas.TableNames]
	s.want("forms and custom statuses", []any{n["names|example|ticket_form|5"]["name"], n["names|example|custom_status|5"]["name"]}, []any{"Returns", "With the courier"})
	s.want("names", []any{n["names|example|group|1"]["name"], n["names|example|brand|2"]["name"], n["names|example|ticket_field|3"]["key"], n["names|example|user_field|4"]["key"]},
		[]any{"New", "B", "order-number-new", "customer_tier"})
}

// TestDeletedKeepTheirNames: what groups, brands and schedules were called is known after they were deleted, whether they were seen before or not.
func TestDeletedKeepTheirNames(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for i, deleted := range []string{`"deleted":true`, `"is_deleted":true`, `"deleted_at":"2026-03-02T00:00:00Z"`} {
		kind := []schemas.Kind{schemas.KindGroup, schemas.KindBrand, schemas.KindSchedule}[i]
		name := func(id int) any {
			return s.tables[schemas.TableNames][fmt.Sprintf("names|example|%s|%d", kind, id)]["name"]
		}
		const made = `"name":"Billing","time_zone":"London","created_at":"2026-03-01T00:00:00Z"`
		s.say(kind, `{"id":1,%s,"updated_at":"2026-03-01T00:00:00Z"}`, made)
		s.say(kind, `{"id":1,%s,"updated_at":"2026-03-02T00:00:00Z",%s}`, made, deleted)
		s.say(kind, `{"id":2,%s,"updated_at":"2026-03-02T00:00:00Z",%s}`, made, deleted)
		s.want(string(kind), []any{name(1), name(2)}, []any{"Billing", "Billing"})
	}
}

func TestR08_R34_R35_Retention(t *testing.T) {
	t.Parallel()
	retain := func(days int) func(*schemas.Settings) {
		return func(set *schemas.Settings) {
			set.Retention = schemas.Retention{Days: days, Activities: map[string]int{"ticket-solved": 365}}
		}
	}
	s := newScene(t, retain(90))
	s.people()
	s.now = mustTime(t, "2026-05-31T10:30:00Z") // 90 days after 2026-03-02T10:30
	s.record("03T09:00", "solved", "")
	s.audit("02T10:00", 9, said(1, 9, true, "old"), created("status", `"open"`))
	s.audit("02T11:00", 1, said(2, 1, true, "kept"), changed("status", `"open"`, `"solved"`))
	s.want("kept", s.slugs(), "02T11:00 ticket-message-sent\n02T11:00 ticket-solved\n02T11:00 ticket-status-changed")
	s.want("expiry", []any{activityOf(s, "ticket-solved")["expires_at"], activityOf(s, "ticket-message-sent")["expires_at"]}, []any{"2027-03-02T11:00:00Z", "2026-05-31T11:00:00Z"})
	s.wantRow(map[string]any{"solves": 1, "replies": 1})
	count := s.tables[schemas.TablePersonActivities]["person_activities|example|9|ticket-message-sent"]["count"]

	// Time passes: what is over is not touched, and the figures stay.
	s.now = mustTime(t, "2026-07-01T00:00:00Z")
	n := len(s.sent)
	s.audit("02T12:00", 1, changed("priority", "null", `"high"`))
	if len(s.sent) != n {
		t.Errorf("%d activities went out after their time", len(s.sent)-n)
	}
	// A longer retention brings back what a second reading tells, each with its new expiry, and counts nothing twice.
	s.connect(s.now, retain(4000))
	s.play()
	s.record("03T09:00", "solved", "")
	s.want("all", strings.Count(s.slugs(), "\n"), 5)
	s.want("expiry", activityOf(s, "ticket-message-sent")["expires_at"], "2037-02-12T11:00:00Z")
	s.want("counted", s.tables[schemas.TablePersonActivities]["person_activities|example|9|ticket-message-sent"]["count"], count)
}

func TestUnknownSourceHasDefaults(t *testing.T) {
	t.Parallel()
	s := &scene{t: t, store: newStore(), now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	s.user(1, 1, `,"name":"A"`)
	s.want("permission", s.person(1)["email_permission"], 0)
	s.want("expiry", activityOf(s, "contact-created")["expires_at"], "2026-04-02T00:00:00Z")
}

func TestCounters(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	s.record("03T09:00", "open", "")
	s.audit("02T09:00", 9, said(1, 9, true, "hi"), created("status", `"new"`))
	s.audit("02T10:00", 1, said(2, 1, true, "a"), said(3, 1, true, "b"))
	s.audit("02T18:29", 1, said(4, 1, true, "c"))
	s.audit("02T18:30", 1, said(5, 1, true, "d"))
	s.want("the last quarter of a day in Kolkata", s.tables[schemas.TableActivityCounts]["activity_counts|example|ticket-message-sent|2026-03-02T18:15:00Z|src1"]["count"], 1)
	s.want("the first one of the next", s.tables[schemas.TableActivityCounts]["activity_counts|example|ticket-message-sent|2026-03-02T18:30:00Z|src1"]["count"], 1)
	s.want("a quarter of an hour", s.tables[schemas.TableActivityCounts]["activity_counts|example|ticket-message-sent|2026-03-02T10:00:00Z|src1"]["count"], 2)
	a := s.tables[schemas.TablePersonActivities]["person_activities|example|9|ticket-message-sent"]
	s.want("a person", []any{a["count"], a["first_at"], a["last_at"]}, []any{4, "2026-03-02T10:00:00Z", "2026-03-02T18:30:00Z"})
	total := map[string]float64{}
	for _, r := range s.tables[schemas.TableActivityCounts] {
		total[r["activity"].(string)] += r["count"].(float64)
	}
	for _, r := range s.tables[schemas.TableActivities] {
		total[r["activity"].(string)]--
	}
	for slug, n := range total {
		if n != 0 {
			t.Errorf("%s: counters and activities differ by %v", slug, n)
		}
	}
	// Deleting the first ticket of a requester takes it out of its figures.
	s.record("04T09:00", "deleted", "")
	st := s.tables[schemas.TablePersonStats]["person_stats|example|9"]
	s.want("figures", []any{st["tickets_total"], st["first_ticket_at"]}, []any{0, nil})
}

func TestAccountsStayApart(t *testing.T) {
	t.Parallel()
	p := New()
	data := []byte(`{"id":5,"subject":"x","status":"open","created_at":"2026-03-02T09:00:00Z","updated_at":"2026-03-02T09:00:00Z"}`)
	events := []schemas.Event{
		{Kind: schemas.KindTicket, Account: "a", Source: "s", Data: data, ReceivedAt: replayStart}, {Kind: schemas.KindTicket, Account: "b", Source: "s", Data: data, ReceivedAt: replayStart},
	}
	state := schemas.State{}
	for keys := p.Keys(events, state); len(keys) > 0; keys = p.Keys(events, state) {
		for _, k := range keys {
			state[k] = &schemas.StateRow{}
		}
	}
	res, err := p.Apply(events, state)
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, o := range res.Outputs {
		if o.Table == schemas.TableTickets {
			rows++
		}
	}
	if rows != 2 {
		t.Errorf("%d ticket rows for two accounts", rows)
	}
}

func TestDamagedStateIsAnError(t *testing.T) {
	t.Parallel()
	p := New()
	events := []schemas.Event{{Kind: schemas.KindTicket, Account: testAccount, Source: "s", ReceivedAt: replayStart, Data: []byte(`{"id":5,"created_at":"2026-03-02T09:00:00Z"}`)}}
	for _, data := range []string{"\x01", "\x02", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"} {
		state := schemas.State{"example.t.5": {Data: []byte(data)}}
		for keys := p.Keys(events, state); len(keys) > 0; keys = p.Keys(events, state) {
			for _, k := range keys {
				state[k] = &schemas.StateRow{}
			}
		}
		if _, err := p.Apply(events, state); err == nil {
			t.Errorf("%q: no error", data)
		}
	}
	if _, err := p.Apply(events, schemas.State{}); err == nil {
		t.Error("no error for rows that were not loaded")
	}
}

// TestMemberships: a user is in all organizations that memberships tell, the default one first, until one ends; order does not matter.
func TestMemberships(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	joined := func(id, org, day int) {
		s.say(schemas.KindMembership, `{"id":%d,"user_id":1,"organization_id":%d,"default":null,"created_at":"2026-03-%02dT00:00:00Z","updated_at":"2026-03-%02dT00:00:00Z"}`, id, org, day, day)
	}
	left := func(org, day int) {
		s.say(schemas.KindWebhook, `{"type":"zen:event-type:user.organization_membership_deleted","id":"m%d","time":"2026-03-%02dT00:00:00Z","subject":"zen:user:1",
			"detail":{"id":"1","role":"end-user","created_at":"2026-01-02T00:00:00Z","updated_at":"2026-03-%02dT00:00:00Z","organization_id":"7"},"event":{"organization":{"id":"%d"}}}`, org, day, day, org)
	}
	check := func(when string, want ...any) {
		t.Helper()
		s.want(when, s.person(1)["organization_ids"], want)
	}
	joined(51, 9, 3) // before the user is known
	s.user(1, 1, `,"name":"A","organization_id":7`)
	check("known", 7.0, 9.0)
	joined(52, 8, 4)
	check("joined", 7.0, 8.0, 9.0)
	left(9, 5)
	check("left", 7.0, 8.0)
	joined(51, 9, 3) // an old list
	check("still", 7.0, 8.0)
	joined(53, 9, 6)
	check("back", 7.0, 8.0, 9.0)
	dead := len(s.dead)
	s.say(schemas.KindMembership, `{"id":5,"user_id":1,"organization_id":null,"created_at":"2026-03-01T00:00:00Z"}`)
	s.say(schemas.KindMembership, `{"id":5,"user_id":1,"organization_id":4}`)
	s.want("dead letters", len(s.dead), dead+2)
}

// TestDecodedAhead: a record that is read ahead and cannot be used is ignored where any would be.
func TestDecodedAhead(t *testing.T) {
	t.Parallel()
	p := New()
	good := schemas.Event{Kind: schemas.KindUser, Account: testAccount, Data: []byte(`{"id":1,"created_at":"2026-01-01T00:00:00Z"}`)}
	bad := schemas.Event{Kind: schemas.KindUser, Account: testAccount, Data: []byte(`{"id":1}`)}
	for i, want := range []struct {
		event  *schemas.Event
		loaded bool
	}{{&good, true}, {&good, false}, {&bad, false}, {&bad, false}} {
		p.Decode(want.event)
		if it := want.event.Decoded.(*item); it.loaded != want.loaded || it.domain != domainUser {
			t.Errorf("step %d: read ahead %v, of domain %d", i, it.loaded, it.domain)
		}
	}
}

// TestR43_SourcesOfAPerson: a person shows every source that told of it, the first one first: also one that told nothing new, and those of
// all users that are the person; what is said through the API comes from no source.
func TestR43_SourcesOfAPerson(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	second := func(body string, args ...any) {
		s.add(schemas.KindUser, "poll", s.now, fmt.Appendf(nil, body, args...))
		s.out[len(s.out)-1].Source = "src2"
		s.out[len(s.out)-1].ID += "again"
		s.play()
	}
	const ann = `{"id":%d,"name":"Ann","email":"ann@x.test","verified":true,"role":"end-user","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}`
	s.say(schemas.KindUser, ann, 1)
	s.want("of one", s.person(1)["source_ids"], []string{testSource})
	second(ann, 1)
	s.want("of two", s.person(1)["source_ids"], []string{testSource, "src2"})
	writes := s.writes
	second(ann, 1)
	s.want("writes of a repeat", s.writes-writes, 0)

	second(ann, 2)
	s.user(3, 1, `,"email":"bob@x.test"`)
	s.want("merged", fmt.Sprint(s.person(1)["source_ids"], s.person(1)["user_ids"]), "[src1 src2] [1 2]")
	s.want("another", s.person(3)["source_ids"], []string{testSource})
	s.say(schemas.KindPerson, `{"id":%d,"at":"2026-03-02T09:00:00Z","values":{"email":"new@x.test"}}`, schemas.OwnUserID(testAccount, schemas.IdentifierEmail, "new@x.test"))
	s.want("of ours", s.person(int64(schemas.OwnUserID(testAccount, schemas.IdentifierEmail, "new@x.test")))["source_ids"], []string{})
}

// TestStatesOfOneSecond: Zendesk's times are whole seconds, and what changes right after a record was asked for may carry the same one. The state that
// was received later counts, in whatever order they are taken.
func TestStatesOfOneSecond(t *testing.T) {
	t.Parallel()
	for n := range 8 {
		for _, order := range [][]int{{0, 1}, {1, 0}} {
			s := newScene(t)
			at := s.now
			for _, i := range order {
				s.now = at.Add(time.Duration(i) * 300 * time.Millisecond)
				s.say(schemas.KindUser, `{"id":9,"name":"N %d%d","role":"end-user","email":"n@x.test","created_at":"2026-03-01T00:00:00Z","updated_at":"2026-03-02T09:00:00Z","active":%t}`, n, i, i == 0)
				s.say(schemas.KindOrganization, `{"id":7,"name":"O %d%d","created_at":"2026-03-01T00:00:00Z","updated_at":"2026-03-02T09:00:00Z"}`, n, i)
				s.say(schemas.KindGroup, `{"id":5,"name":"G %d%d","updated_at":"2026-03-02T09:00:00Z"}`, n, i)
			}
			p := s.person(9)
			s.want("person", []any{p["first_name"], p["last_name"], p["archived"]}, []any{"N", fmt.Sprintf("%d1", n), 0})
			s.want("organization", s.tables[schemas.TableOrganizations]["organizations|example|7"]["name"], fmt.Sprintf("O %d1", n))
			s.want("group", s.tables[schemas.TableNames]["names|example|group|5"]["name"], fmt.Sprintf("G %d1", n))
		}
	}
}
