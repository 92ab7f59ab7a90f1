package processors

import (
	"strings"
	"testing"

	"deskstream/schemas"
)

// TestTicketDetails: what Zendesk says of a ticket besides is in its row, but for what most tickets have; who held it first and last, and the latest
// comment, follow from its history.
func TestTicketDetails(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.people()
	s.audit("02T09:00", 9, created("status", `"open"`), created("requester_id", `"9"`), created("ticket_form_id", `"61"`), said(1, 9, true, "hi"))
	s.audit("02T10:00", 1, changed("assignee_id", "null", `"1"`), said(2, 1, true, "one moment"))
	s.audit("02T11:00", 1, changed("assignee_id", `"1"`, `"2"`), said(3, 1, false, "yours"))
	s.audit("02T12:00", 2, changed("assignee_id", `"2"`, "null"))
	s.record("02T12:00", "open", `,"raw_subject":"Help","ticket_form_id":61,"is_public":true,"allow_attachments":true,"allow_channelback":false,"collaborator_ids":[],
		"has_incidents":false,"followup_ids":[],"recipient":null,"due_at":null,"via":{"channel":"web","source":{"rel":null}}`)
	s.wantRow(map[string]any{
		"details": "{}", "is_public": 1, "due_at": nil, "custom_status_id": 0, "first_assignee_id": 1, "last_assignee_id": 2, "first_assigned_at": s.at("02T10:00"),
		"last_assigned_at": s.at("02T11:00"), "latest_comment_at": s.at("02T11:00"), "assignee_id": 0,
	})
	for _, row := range s.tables[schemas.TableActivities] {
		if row["ticket_id"] == 5. {
			s.want("form of "+row["activity"].(string), row["form_id"], 61)
		}
	}
	s.record("02T13:00", "open", `,"raw_subject":"{{dc.help}} & more","is_public":false,"allow_attachments":false,"allow_channelback":true,"collaborator_ids":[7,8],
		"follower_ids":[8],"email_cc_ids":[7],"forum_topic_id":3,"problem_id":4,"has_incidents":true,"sharing_agreement_ids":[11],"followup_ids":[6],
		"from_messaging_channel":true,"recipient":"help@acme.test","due_at":"2026-03-05T08:00:00Z","custom_status_id":77,
		"via":{"channel":"email","source":{"rel":"follow_up"}}`)
	s.wantRow(map[string]any{
		"is_public": 0, "due_at": "2026-03-05T08:00:00Z", "custom_status_id": 77,
		"details": `{"raw_subject":"{{dc.help}} & more","recipient":"help@acme.test","collaborator_ids":[7,8],"follower_ids":[8],"email_cc_ids":[7],"forum_topic_id":3,` +
			`"problem_id":4,"has_incidents":true,"sharing_agreement_ids":[11],"followup_ids":[6],"allow_channelback":true,"no_attachments":true,` +
			`"from_messaging_channel":true,"via_rel":"follow_up"}`,
	})
	s.say(schemas.KindTicket, `{"id":5,"subject":"SCRUBBED","raw_subject":"SCRUBBED","description":"SCRUBBED","status":"deleted",`+
		`"requester_id":9,"submitter_id":9,"created_at":%q,"updated_at":%q,"generated_timestamp":%d,"tags":[],"recipient":"help@acme.test"}`,
		s.at("02T09:00"), s.at("03T09:00"), mustTime(t, s.at("03T09:00")).Unix())
	s.wantRow(map[string]any{"details": "{}"})
}

// TestNumbersKeepTheirDigits: numbers in fields of the customer's own stay as Zendesk wrote them, though a float64 has fewer digits.
func TestNumbersKeepTheirDigits(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.record("02T09:00", "open", `,"custom_fields":[{"id":77,"value":9007199254740993},{"id":78,"value":[ 1.50, "<x>" ]},{"id":79,"value":null},{"id":80,"value":""},{"id":81}]`)
	s.want("ticket", s.row()["custom_fields"], `{"77":9007199254740993,"78":[1.50,"<x>"]}`)
	const fields = `{ "ref" : 9007199254740993, "a":-0.10,"b":"\u00fc","c":null}`
	const kept = `"fields":{"a":-0.10,"b":"ü","c":null,"ref":9007199254740993}`
	for _, more := range []string{"", `,"notes":"\ud83d"`} { // the second is read by encoding/json
		s.user(1, 1+len(more), `,"name":"A","user_fields":`+fields+more)
		if z := s.person(1)["zendesk"].(string); !strings.Contains(z, kept) {
			t.Errorf("user: %s", z)
		}
	}
	s.say(schemas.KindOrganization, `{"id":8,"name":"O","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-02-01T00:00:00Z","organization_fields":%s}`, fields)
	if z := s.tables[schemas.TableOrganizations]["organizations|example|8"]["zendesk"].(string); !strings.Contains(z, kept) {
		t.Errorf("organization: %s", z)
	}
}
