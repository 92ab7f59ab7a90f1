package processors

import (
	"fmt"
	"strings"
	"testing"

	"deskstream/schemas"
)

// TestHowItWasFirstLearned: what a webhook tells first, or alone, says so, whatever the batches are; what history tells first does not.
func TestHowItWasFirstLearned(t *testing.T) {
	t.Parallel()
	poll := func(s *scene) {
		s.audit("02T09:00", 9, said(1, 9, true, "hi"), created("status", `"new"`))
		s.audit("02T10:00", 1, changed("status", `"new"`, `"closed"`), changed("tags", `[]`, `["closed_by_merge"]`))
		s.say(schemas.KindUser, `{"id":4,"name":"Jo","email":"jo2@x.test","role":"end-user","created_at":"2026-03-01T00:00:00Z","updated_at":"2026-03-01T00:00:00Z"}`)
		s.say(schemas.KindUser, `{"id":4,"name":"Jo","email":"jo3@x.test","role":"end-user","created_at":"2026-03-01T00:00:00Z","updated_at":"2026-03-02T00:00:00Z"}`)
		s.say(schemas.KindUser, `{"id":4,"name":"Jo","email":"","role":"end-user","active":false,"created_at":"2026-03-01T00:00:00Z","updated_at":"2026-03-03T00:00:00Z"}`)
		s.say(schemas.KindOrganization, `{"id":7,"name":"Org","created_at":"2026-03-01T00:00:00Z","updated_at":"2026-03-01T00:00:00Z"}`)
		s.say(schemas.KindOrganization, `{"id":7,"name":"New","created_at":"2026-03-01T00:00:00Z","updated_at":"2026-03-02T00:00:00Z"}`)
		s.say(schemas.KindOrganization, `{"id":7,"name":"New","created_at":"2026-03-01T00:00:00Z","updated_at":"2026-03-02T00:00:00Z","deleted_at":"2026-03-03T00:00:00Z"}`)
	}
	hooks := func(s *scene) {
		s.hook("merged", "02T10:00", `{"target_ticket_id":"6"}`, "")
		user := func(name, updated, email string) {
			s.ids++
			s.say(schemas.KindWebhook, `{"type":"zen:event-type:user.%s","id":"u%d","time":%q,"subject":"zen:user:4","detail":{"id":"4",`+
				`"created_at":"2026-03-01T00:00:00Z","updated_at":%q,"email":%q,"external_id":"","organization_id":"0","role":"end-user"},`+
				`"event":{}}`, name, s.ids, updated, updated, email)
		}
		user("created", "2026-03-01T00:00:00Z", "jo2@x.test")
		user("identity_changed", "2026-03-02T00:00:00Z", "jo3@x.test")
		user("deleted", "2026-03-03T00:00:00Z", "")
		organization := func(name, updated, called string) {
			s.ids++
			s.say(schemas.KindWebhook, `{"type":"zen:event-type:organization.%s","id":"o%d","time":%q,"subject":"zen:organization:7",`+
				`"detail":{"id":"7","name":%q,"external_id":"","group_id":"0","created_at":"2026-03-01T00:00:00Z","updated_at":%q},`+
				`"event":{}}`, name, s.ids, updated, called, updated)
		}
		organization("created", "2026-03-01T00:00:00Z", "Org")
		organization("name_changed", "2026-03-02T00:00:00Z", "New")
		organization("deleted", "2026-03-03T00:00:00Z", "New")
	}
	alone := func(s *scene) {
		s.hook("marked_as_spam", "02T10:00", `{}`, "")
		s.say(schemas.KindWebhook, `{"type":"zen:event-type:user.merged","id":"m","time":"2026-03-04T00:00:00Z","subject":"zen:user:8",`+
			`"detail":{"id":"8","role":"end-user","email":"","external_id":"a","created_at":"2026-01-02T00:00:00Z",`+
			`"updated_at":"2026-03-04T00:00:00Z","organization_id":"0"},"event":{"user":{"id":"9"}}}`)
	}
	both := []string{
		"contact-created", "contact-deleted", "contact-updated", "organization-created", "organization-deleted", "organization-updated", "ticket-merged",
	}
	single := []string{"contact-merged", "ticket-marked-as-spam"}
	for _, c := range []struct {
		name string
		told []func(*scene)
		want map[string][]string
	}{
		{"webhooks first", []func(*scene){hooks, poll, alone}, map[string][]string{"webhook": append(both, single...)}},
		{"webhooks alone", []func(*scene){hooks, alone}, map[string][]string{"webhook": append(both, single...)}},
		{"history first", []func(*scene){poll, hooks, alone}, map[string][]string{"poll": both, "webhook": single}},
	} {
		s := newScene(t)
		s.people()
		s.say(schemas.KindUser, `{"id":8,"name":"Old","email":"old@x.test","role":"end-user","created_at":"2026-01-02T00:00:00Z","updated_at":"2026-01-02T00:00:00Z"}`)
		s.record("02T09:00", "new", "")
		for _, tell := range c.told {
			tell(s)
		}
		for _, size := range []int{1, 3, 1000} {
			again := newStore()
			again.batches(t, s.events, size)
			for via, kinds := range c.want {
				for _, kind := range kinds {
					if got := learned(again, kind); got != via {
						t.Errorf("%s, %d events a batch: %s by %q, want %q", c.name, size, kind, got, via)
					}
				}
			}
		}
	}
}

// learned says how those activities of a kind were first learned that are not of the people who were there before.
func learned(s *store, kind string) string {
	var out []string
	for _, r := range s.tables[schemas.TableActivities] {
		if r["activity"] == kind && r["occurred_at"].(string) > "2026-03-01" {
			out = append(out, fmt.Sprint(r["via"]))
		}
	}
	return strings.Join(out, " ")
}
