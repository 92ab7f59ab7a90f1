package processors

import (
	"testing"
	"time"

	"deskstream/schemas"
)

// TestRedact shows what may be kept of events about user 9, who requested ticket 5, and of others.
func TestRedact(t *testing.T) {
	t.Parallel()
	x := &Redactor{Account: testAccount, Users: map[int64]bool{9: true}, Tickets: map[int64]bool{5: true}}
	const same = "same"
	for _, c := range []struct {
		name     string
		kind     schemas.Kind
		in, want string
	}{
		{
			"the user", schemas.KindUser, `{"id":9,"name":"Jo","email":"jo@x.test","role":"end-user","organization_id":7,"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-02T00:00:00Z"}`,
			`{"created_at":"2026-01-01T00:00:00Z","id":9,"organization_id":7,"role":"end-user","updated_at":"2026-01-02T00:00:00Z"}`,
		},
		{"a user record that was of no use", schemas.KindUser, `{"id":9,"name":"Jo"}`, ""},
		{"another user", schemas.KindUser, `{"id":8,"name":"Al"}`, same},
		{"what was told of the person", schemas.KindPerson, `{"id":9,"at":"2026-01-01T00:00:00Z","values":{"first_name":"Jo"}}`, ""},
		{"what was found about the person", schemas.KindAudience, `{"id":9,"at":"2026-01-01T00:00:00Z","in":[{"id":"a","generation":1}]}`, ""},
		{
			"what was found about another", schemas.KindAudience,
			`{"id":8,"at":"2026-01-01T00:00:00Z","fired":[{"audience":"a","activity":{"activity_id":"x","ticket_id":6,"subject":"S",` +
				`"occurred_at":"2026-01-01T00:00:00Z"}}]}`, same,
		},
		{
			"a message of the person in another's ticket", schemas.KindAudience, `{"id":8,"at":"2026-01-01T00:00:00Z","fired":[{"audience":"a",` +
				`"activity":{"activity_id":"x","ticket_id":6,"actor_id":9,"message":"M","occurred_at":"2026-01-01T00:00:00Z"}}]}`,
			`{"at":"2026-01-01T00:00:00Z","fired":[{"activity":{"activity_id":"x","actor_id":9,"occurred_at":"2026-01-01T00:00:00Z","ticket_id":6},"audience":"a"}],"id":8}`,
		},
		{
			"an answer to a survey", schemas.KindRating,
			`{"id":1152921504606846976,"ticket_id":6,"requester_id":9,"score":"bad","comment":"C","updated_at":"2026-01-01T00:00:00Z","survey_response":{"answers":[{"value":"C"}]}}`,
			`{"id":1152921504606846976,"requester_id":9,"score":"bad","ticket_id":6,"updated_at":"2026-01-01T00:00:00Z"}`,
		},
		{"memberships", schemas.KindMembers, `{"part":0,"at":"2026-01-01T00:00:00Z","members":[]}`, same},
		{"a link", schemas.KindLink, `{"id":9,"at":"2026-01-01T00:00:00Z","others":[8]}`, same},
		{"the erasure", schemas.KindErasure, `{"id":9}`, same},
		{
			"a new ticket of the user", schemas.KindTicket, `{"id":6,"subject":"S","description":"D","requester_id":9,"status":"open",` +
				`"created_at":"2026-01-01T00:00:00Z","custom_fields":[{"id":1,"value":"V"}],"via":{"channel":"email",` +
				`"source":{"from":{"name":"Jo"},"rel":"follow_up"}}}`,
			`{"created_at":"2026-01-01T00:00:00Z","id":6,"requester_id":9,"status":"open","subject":"` + maskSubject("S") + `","via":{"channel":"email","source":{"rel":"follow_up"}}}`,
		},
		{
			"a ticket the user wrote for another", schemas.KindTicket, `{"id":6,"subject":"S","description":"D","requester_id":8,"submitter_id":9,"created_at":"2026-01-01T00:00:00Z"}`,
			`{"created_at":"2026-01-01T00:00:00Z","id":6,"requester_id":8,"subject":"S","submitter_id":9}`,
		},
		{"another's ticket", schemas.KindTicket, `{"id":6,"subject":"S","requester_id":8,"created_at":"2026-01-01T00:00:00Z"}`, same},
		{
			"an audit of the ticket", schemas.KindAudit, `{"id":1,"ticket_id":5,"created_at":"2026-01-01T00:00:00Z","author_id":1,` +
				`"metadata":{"ip":"1.2.3.4"},"events":[{"id":2,"type":"Comment","body":"Dear Jo","public":true},{"id":3,"type":"Change",` +
				`"field_name":"status","value":"solved","previous_value":"open"},{"id":4,"type":"Change","field_name":"360001","value":"V"},` +
				`{"id":5,"type":"Notification","body":"Dear Jo"},{"id":6,"type":"Comment","body":"merged into #77 for Jo","public":false}]}`,
			`{"author_id":1,"created_at":"2026-01-01T00:00:00Z","events":[{"id":2,"public":true,"type":"Comment"},{"field_name":"status",` +
				`"id":3,"previous_value":"open","type":"Change","value":"solved"},{"field_name":"360001","id":4,"type":"Change"},{"id":5,` +
				`"type":"Notification"},{"body":"#77","id":6,"public":false,"type":"Comment"}],"id":1,"ticket_id":5}`,
		},
		{
			"ticket events of the ticket", schemas.KindAudit, `{"id":1,"ticket_id":5,"timestamp":1767225600,"updater_id":9,"via":"Mail",` +
				`"child_events":[{"id":2,"event_type":"Change","subject":"T","previous_value":"S"},{"id":3,"event_type":"Change",` +
				`"priority":"high","previous_value":"low"},{"id":4,"event_type":"Comment","type":"Comment","body":"B","public":true,"author_id":9}]}`,
			`{"child_events":[{"event_type":"Change","id":2,"previous_value":"` + maskSubject("S") + `","subject":"` + maskSubject("T") + `"},` +
				`{"event_type":"Change","id":3,"previous_value":"low","priority":"high"},{"author_id":9,"event_type":"Comment","id":4,` +
				`"public":true,"type":"Comment"}],"id":1,"ticket_id":5,"timestamp":1767225600,"updater_id":9,"via":"Mail"}`,
		},
		{
			"the creation of a ticket not known yet", schemas.KindAudit, `{"id":1,"ticket_id":6,"created_at":"2026-01-01T00:00:00Z",` +
				`"author_id":1,"events":[{"id":2,"type":"Comment","body":"for Jo"},{"id":3,"type":"Create","field_name":"requester_id",` +
				`"value":"9"}]}`,
			`{"author_id":1,"created_at":"2026-01-01T00:00:00Z","events":[{"id":2,"type":"Comment"},{"field_name":"requester_id","id":3,"type":"Create","value":"9"}],"id":1,"ticket_id":6}`,
		},
		{
			"a comment in another's ticket", schemas.KindAudit, `{"id":1,"ticket_id":6,"created_at":"2026-01-01T00:00:00Z","author_id":8,` +
				`"events":[{"id":2,"type":"Comment","body":"mine","author_id":9},{"id":3,"type":"Comment","body":"yours"}]}`,
			`{"author_id":8,"created_at":"2026-01-01T00:00:00Z","events":[{"author_id":9,"id":2,"type":"Comment"},{"body":"yours","id":3,"type":"Comment"}],"id":1,"ticket_id":6}`,
		},
		{"an audit of another's ticket", schemas.KindAudit, `{"id":1,"ticket_id":6,"created_at":"2026-01-01T00:00:00Z","author_id":8,"events":[{"id":2,"type":"Comment","body":"yours"}]}`, same},
		{
			"the rating", schemas.KindRating, `{"id":1,"ticket_id":5,"requester_id":9,"score":"bad","comment":"C","reason":"R","updated_at":"2026-01-01T00:00:00Z"}`,
			`{"id":1,"reason":"R","requester_id":9,"score":"bad","ticket_id":5,"updated_at":"2026-01-01T00:00:00Z"}`,
		},
		{"a webhook about the user", schemas.KindWebhook, `{"type":"zen:event-type:user.name_changed","time":"2026-01-01T00:00:00Z",` +
			`"subject":"zen:user:9","event":{"current":"Jo"},"detail":{"id":"9","email":"jo@x.test"}}`, ""},
		{
			"a webhook of another's merge", schemas.KindWebhook, `{"type":"zen:event-type:user.merged","time":"2026-01-01T00:00:00Z",` +
				`"subject":"zen:user:8","event":{"user":{"id":"9","name":"Jo"}},"detail":{"id":"8"}}`,
			`{"detail":{"id":"8"},"event":{"user":{"id":"9"}},"subject":"zen:user:8","time":"2026-01-01T00:00:00Z","type":"zen:event-type:user.merged"}`,
		},
		{
			"a webhook about the ticket", schemas.KindWebhook, `{"type":"zen:event-type:ticket.comment_added","id":"w",` +
				`"time":"2026-01-01T00:00:00Z","subject":"zen:ticket:5","event":{"comment":{"id":"3","body":"B","is_public":true,` +
				`"author":{"id":"1","name":"Ann"}}},"detail":{"id":"5","subject":"S","description":"D","requester_id":"9"}}`,
			`{"detail":{"id":"5","requester_id":"9","subject":"` + maskSubject("S") + `"},"event":{"comment":{"author":{"id":"1"},"id":"3",` +
				`"is_public":true}},"id":"w","subject":"zen:ticket:5","time":"2026-01-01T00:00:00Z","type":"zen:event-type:ticket.comment_added"}`,
		},
		{
			"a webhook of a comment in another's ticket", schemas.KindWebhook, `{"type":"zen:event-type:ticket.comment_added","id":"w",` +
				`"time":"2026-01-01T00:00:00Z","subject":"zen:ticket:6","event":{"comment":{"id":"3","body":"B","author":{"id":"9"}}},` +
				`"detail":{"id":"6","subject":"S","requester_id":"8"}}`,
			`{"detail":{"id":"6","subject":"S","requester_id":"8"},"event":{"comment":{"author":{"id":"9"},"id":"3"}},"id":"w",` +
				`"subject":"zen:ticket:6","time":"2026-01-01T00:00:00Z","type":"zen:event-type:ticket.comment_added"}`,
		},
		{"a trigger about the ticket", schemas.KindTrigger, `ticket=5&name=Jo`, ""},
		{"a trigger about another's", schemas.KindTrigger, `ticket=55&name=Al`, same},
		{"what cannot be read", schemas.KindWebhook, `{"id":"9", "name":"Jo`, ""},
		{"what cannot be read of others", schemas.KindWebhook, `{"id":"99", "name":"Al`, same},
		{"an organization", schemas.KindOrganization, `{"id":9}`, same},
	} {
		e := schemas.Event{Kind: c.kind, Account: testAccount, ReceivedAt: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC), Data: []byte(c.in)}
		want := c.want
		if want == same {
			want = c.in
		}
		got := x.Redact(&e)
		if string(got) != want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, want)
		}
		if e.Data = got; len(got) > 0 && string(x.Redact(&e)) != want {
			t.Errorf("%s: redacted twice: %s", c.name, x.Redact(&e))
		}
		e.Account, e.Data = "other", []byte(c.in)
		if string(x.Redact(&e)) != c.in {
			t.Errorf("%s: another account's event is changed", c.name)
		}
	}
}
