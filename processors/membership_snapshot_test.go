package processors

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"deskstream/schemas"
)

// TestRollsEndMemberships: what a whole reading of the list does not show any more has ended, unless something newer is known.
func TestRollsEndMemberships(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	joined := func(org, day int) {
		s.say(schemas.KindMembership, `{"id":%d,"user_id":1,"organization_id":%d,"created_at":"2026-03-%02dT00:00:00Z"}`, 50+org, org, day)
	}
	hook := func(name string, org, day int) {
		s.say(schemas.KindWebhook, `{"type":"zen:event-type:user.organization_membership_%s","id":"%s%d-%d","time":"2026-03-%02dT00:00:00Z","subject":"zen:user:1",
			"detail":{"id":"1","role":"end-user","created_at":"2026-01-02T00:00:00Z","updated_at":"2026-03-%02dT00:00:00Z","organization_id":"7"},`+
			`"event":{"organization":{"id":"%d"}}}`, name, name, org, day, day, day, org)
	}
	roll := func(day int, orgs ...schemas.ZID) {
		r := schemas.MemberRoll{Part: schemas.MemberPart(1), At: time.Date(2026, 3, day, 0, 0, 0, 0, time.UTC)}
		for _, o := range orgs {
			r.Members = append(r.Members, [2]schemas.ZID{1, o})
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		s.say(schemas.KindMembers, "%s", b)
	}
	check := func(when string, want ...any) {
		t.Helper()
		s.want(when, s.person(1)["organization_ids"], want)
	}
	s.user(1, 1, `,"name":"A","email":"a@x.test","organization_id":7`) // a roll needs its identities, and nothing else of the batch asks for them
	joined(8, 2)
	joined(9, 2)
	roll(3, 8, 9)
	check("first", 7.0, 8.0, 9.0)
	roll(4, 8)
	check("9 ended", 7.0, 8.0)
	joined(9, 2) // an old list
	check("still ended", 7.0, 8.0)
	hook("created", 10, 6)
	roll(5, 8)
	check("10 began after the reading", 7.0, 8.0, 10.0)
	roll(7, 8)
	check("10 ended unseen", 7.0, 8.0)
	roll(6)
	check("a reading that comes too late says nothing", 7.0, 8.0)
	roll(8, 8, 9)
	check("9 is shown again", 7.0, 8.0, 9.0)
	hook("deleted", 8, 10)
	roll(9, 8, 9)
	check("8 ended after the reading", 7.0, 9.0)
	dead := len(s.dead)
	for _, bad := range []string{`{"part":256,"at":"2026-03-01T00:00:00Z"}`, `{"part":1,"members":[]}`, `{"part":"x"}`, `{"part":0,"at":"2026-03-01T00:00:00Z","members":[[0,1]]}`} {
		s.say(schemas.KindMembers, "%s", bad)
	}
	s.want("dead letters", len(s.dead), dead+4)
}

// TestRollsInOneBatch: rolls, lists and webhooks come out the same in one batch as one by one, and a repeat changes nothing.
func TestRollsInOneBatch(t *testing.T) {
	t.Parallel()
	var f feed
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	f.connect(at)
	say := func(kind schemas.Kind, body string, args ...any) {
		f.add(kind, "poll", at, fmt.Appendf(nil, body, args...))
	}
	for user := 1; user <= 20; user++ {
		say(schemas.KindUser, `{"id":%d,"name":"U","role":"end-user","created_at":"2026-01-02T00:00:00Z","updated_at":"2026-03-01T00:00:00Z"}`, user)
		for org := 8; org <= 9; org++ {
			say(schemas.KindMembership, `{"id":%d,"user_id":%d,"organization_id":%d,"created_at":"2026-03-02T00:00:00Z"}`, user*100+org, user, org)
		}
	}
	for day := 3; day <= 6; day++ {
		for user := 1; user <= 20; user++ {
			members := "[]"
			if (user+day)%3 > 0 {
				members = fmt.Sprintf(`[[%d,8]]`, user)
			}
			say(schemas.KindMembers, `{"part":%d,"at":"2026-03-%02dT00:00:00Z","members":%s}`, schemas.MemberPart(schemas.ZID(user)), day, members)
		}
	}
	one, all := newStore(), newStore()
	one.batches(t, f.out, 1)
	all.batches(t, f.out, len(f.out))
	compareDumps(t, one.dump(), all.dump())
	before := all.outputs
	all.batches(t, f.out, 7)
	if all.outputs != before {
		t.Errorf("a repeat emitted %d rows", all.outputs-before)
	}
}
