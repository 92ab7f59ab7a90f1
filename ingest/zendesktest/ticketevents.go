package zendesktest

import (
	"encoding/json"
	"time"
)

// TicketEvent is one row of the incremental ticket event export: an audit in another form.
type TicketEvent struct {
	ChildEvents []map[string]any `json:"child_events"`
	ID          int64            `json:"id"`
	TicketID    int64            `json:"ticket_id"`
	Timestamp   int64            `json:"timestamp"`
	CreatedAt   time.Time        `json:"created_at"`
	UpdaterID   int64            `json:"updater_id"`
	Via         string           `json:"via"`
	System      map[string]any   `json:"system"`
	Metadata    map[string]any   `json:"metadata"`
	EventType   string           `json:"event_type"`
}

// viaNames are the words of the export for the channels; it does not use the channel itself.
var viaNames = map[string]string{
	"web": "Web form", "email": "Mail", "mail": "Mail", "api": "Web service", "chat": "Chat", "rule": "Rule",
	"sample_ticket": "Sample ticket", "voice": "Phone call", "native_messaging": "Messaging", "mobile": "Mobile",
}

// ticketEvent turns an audit into its row. Comments are whole children only with the comment_events sideload.
func ticketEvent(a Audit, comments bool) TicketEvent {
	via, ok := viaNames[a.Via.Channel]
	if !ok {
		via = a.Via.Channel
	}
	row := TicketEvent{
		ID: a.ID, TicketID: a.TicketID, Timestamp: a.CreatedAt.Unix(), CreatedAt: a.CreatedAt, UpdaterID: a.AuthorID,
		Via: via, System: a.Metadata.System, Metadata: map[string]any{}, EventType: "Audit",
		ChildEvents: make([]map[string]any, 0, len(a.Events)),
	}
	if row.System == nil {
		row.System = map[string]any{}
	}
	for _, e := range a.Events {
		row.ChildEvents = append(row.ChildEvents, childEvent(a, e, via, comments))
	}
	return row
}

func childEvent(a Audit, e AuditEvent, via string, comments bool) map[string]any {
	child := map[string]any{"id": e.ID, "via": via, "via_reference_id": nil, "event_type": e.Type}
	switch e.Type {
	case "Create":
		child[e.FieldName] = e.Value
	case "Change":
		child[e.FieldName] = e.Value
		child["previous_value"] = e.PreviousValue
		if e.FieldName == "tags" {
			now, before := words(e.Value), words(e.PreviousValue)
			child["added_tags"], child["removed_tags"] = difference(now, before), difference(before, now)
		}
	case "Comment":
		if !comments {
			child["comment_present"], child["comment_public"] = true, e.Comment.Public
			break
		}
		commentChild(child, a, e.Comment)
	case "CommentRedactionEvent":
		child["comment_id"] = e.CommentID
	case "SatisfactionRating":
		child["score"], child["assignee_id"], child["body"] = e.Score, e.AssigneeID, e.Body
	default:
		rawChild(child, e)
	}
	return child
}

// rawChild copies the fields of an event of another type; its type becomes the event_type.
func rawChild(child map[string]any, e AuditEvent) {
	fields := map[string]any{}
	if json.Unmarshal(e.Raw, &fields) != nil {
		return // Raw was JSON when it came in.
	}
	for k, v := range fields {
		if k != "type" && k != "id" {
			child[k] = v
		}
	}
}

func commentChild(child map[string]any, a Audit, c *Comment) {
	child["type"], child["author_id"], child["audit_id"] = c.Type, c.AuthorID, c.AuditID
	child["body"], child["html_body"], child["plain_body"] = c.Body, c.HTMLBody, c.PlainBody
	child["public"], child["attachments"] = c.Public, c.Attachments
	child["via"], child["created_at"] = a.Via, a.CreatedAt
}

// words reads a tag list that was made here or decoded from JSON.
func words(v any) []string {
	switch list := v.(type) {
	case []string:
		return list
	case []any:
		out := make([]string, 0, len(list))
		for _, w := range list {
			if s, ok := w.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}
