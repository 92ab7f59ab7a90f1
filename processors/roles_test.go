package processors

import (
	"testing"

	"deskstream/schemas"
)

// TestRoleToldLate: who answered somebody else as an end user, and is told later to have been an agent by then, has replied, wherever batches are cut and
// whether a poll or a webhook tells.
func TestRoleToldLate(t *testing.T) {
	t.Parallel()
	for name, tell := range map[string]func(s *scene){
		"poll": func(s *scene) {
			s.say(schemas.KindUser, `{"id":7,"name":"N 7","role":"agent","email":"n7@x.test","created_at":"2026-01-01T00:00:00Z","updated_at":%q}`, s.at("02T09:30"))
		},
		"webhook": func(s *scene) {
			s.say(schemas.KindWebhook, `{"type":"zen:event-type:user.role_changed","account_id":1,"id":"r1","time":%q,"subject":"zen:user:7","event":{"current":"agent","previous":"end-user"},`+
				`"detail":{"id":"7","email":"n7@x.test","role":"agent","created_at":"2026-01-01T00:00:00Z","updated_at":%q}}`, s.at("02T09:30"), s.at("02T09:30"))
		},
	} {
		one, events := recorded(t, func(s *scene) {
			s.people()
			s.say(schemas.KindUser, `{"id":7,"name":"N 7","role":"end-user","email":"n7@x.test","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}`)
			s.audit("02T09:00", 9, created("status", `"open"`), created("requester_id", `"9"`), said(1, 9, true, "hi"))
			s.audit("02T09:10", 7, said(2, 7, true, "me too"))
			s.audit("02T10:00", 7, said(3, 7, true, "an answer"))
			s.record("02T10:00", "open", "")
			s.audit("02T11:00", 7, said(4, 7, true, "another"))
			tell(s)
		})
		all := &scene{t: t, store: newStore()}
		all.batches(t, events, len(events))
		for how, s := range map[string]*scene{"one by one": one, "together": all} {
			for _, row := range s.tables[schemas.TableTickets] {
				s.want(name+", "+how+": replies", row["replies"], 2.)
				s.want(name+", "+how+": first reply", row["first_reply_s"], 3600.)
			}
		}
		compareDumps(t, one.dump(), all.dump())
	}
}
