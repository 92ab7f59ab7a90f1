package processors

import (
	"testing"
	"time"

	"deskstream/schemas"
)

// TestOthersAreLoaded: whoever an event makes one person with somebody, or is looked at for it, is there when it is taken.
func TestOthersAreLoaded(t *testing.T) {
	t.Parallel()
	record := `{"id":1,"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-03-%02dT00:00:00Z","role":"end-user","name":"A",%s}`
	hook := func(s *scene, day int, email string) {
		s.say(schemas.KindWebhook, `{"type":"zen:event-type:user.identity_changed","account_id":1,"id":"w%d","time":"2026-03-%02dT10:00:00Z","subject":"zen:user:1",
			"detail":{"id":"1","email":%q,"role":"end-user","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-03-%02dT10:00:00Z"},"event":{}}`, day, day, email, day)
	}
	for _, c := range []struct {
		name    string
		happens func(s *scene)
		merges  []string
	}{
		{"a value is shared by few again", func(s *scene) {
			s.say(schemas.KindUser, record, 1, `"email":"all@x.test","verified":true`)
			for id := range schemas.MaxSharers {
				s.user(2+id, 1, `,"name":"B","email":"all@x.test"`)
			}
			s.user(2, 2, `,"name":"B","email":"all@x.test","verified":true`)
			s.user(3, 2, `,"name":"B","email":"own@x.test"`)
		}, []string{"2>1 email"}},
		{"a value passes on", func(s *scene) {
			for id := range schemas.MaxSharers + 1 {
				s.user(2+id, 1, `,"name":"B","email":"all@x.test"`)
			}
			s.user(3, 2, `,"name":"B","email":"own@x.test"`)
			s.say(schemas.KindUser, record, 2, `"email":"all@x.test"`)
		}, []string{}},
		{"the first address comes back", func(s *scene) {
			s.user(2, 1, `,"name":"B","email":"c@x.test","verified":true`)
			s.say(schemas.KindUser, record, 1, `"email":"a@x.test","identities":[{"type":"email","value":"c@x.test","verified":true}]`)
			hook(s, 5, "b@x.test")
			hook(s, 6, "a@x.test")
		}, []string{"2>1 email"}},
		{"phone numbers count from now on", func(s *scene) {
			s.user(2, 1, `,"name":"B","phone":"+4930123456"`)
			s.connect(s.now, func(set *schemas.Settings) {
				set.Identifiers, set.UpdatedAt = []string{"phone-number"}, s.now.Add(time.Hour)
			})
			s.play()
			s.say(schemas.KindUser, record, 1, `"phone":"+4930123456"`)
		}, []string{"2>1 phone-number"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, events := recorded(t, c.happens)
			s.want("merges", s.merges(1, 2, 3), c.merges)
			for _, size := range []int{2, 3, 5, len(events)} {
				cut := newStore()
				cut.batches(t, events, size)
				compareDumps(t, s.dump(), cut.dump())
				compareDumps(t, s.history(t), cut.history(t))
				for ahead := range size { // another first batch, and what comes at once after what is known
					late := newStore()
					late.batches(t, events[:ahead], 1)
					late.batches(t, events[ahead:], size)
					compareDumps(t, s.history(t), late.history(t))
				}
			}
		})
	}
}
