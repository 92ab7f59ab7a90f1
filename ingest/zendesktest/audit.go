package zendesktest

import (
	"encoding/json"
	"fmt"
	"html"
	"strings"
	"time"
)

// Audit is one update of a ticket with everything that changed in it. AuthorID -1 is the system.
type Audit struct {
	ID        int64         `json:"id"`
	TicketID  int64         `json:"ticket_id"`
	CreatedAt time.Time     `json:"created_at"`
	AuthorID  int64         `json:"author_id"`
	Metadata  AuditMetadata `json:"metadata"`
	Events    []AuditEvent  `json:"events"`
	Via       Via           `json:"via"`
}

// AuditMetadata is the metadata object of an audit.
type AuditMetadata struct {
	System map[string]any `json:"system"`
	Custom map[string]any `json:"custom"`
}

// AuditEvent is one event of an audit. Type decides which fields count:
// Comment: Comment. Create and Change: FieldName, Value and, for Change, PreviousValue, all strings even for ids, or
// lists for tags. CommentRedactionEvent: CommentID. SatisfactionRating: Score, AssigneeID, Body. Any other type is
// kept as it came in Raw.
type AuditEvent struct {
	ID            int64
	Type          string
	FieldName     string
	Value         any
	PreviousValue any
	Comment       *Comment
	CommentID     int64
	Score         string
	AssigneeID    *int64
	Body          string
	Raw           json.RawMessage
}

type fieldEvent struct {
	ID        int64  `json:"id"`
	Type      string `json:"type"`
	FieldName string `json:"field_name"`
	Value     any    `json:"value"`
}

type changeEvent struct {
	fieldEvent
	PreviousValue any `json:"previous_value"`
}

type redactionEvent struct {
	ID        int64  `json:"id"`
	Type      string `json:"type"`
	CommentID int64  `json:"comment_id"`
}

type ratingEvent struct {
	ID         int64  `json:"id"`
	Type       string `json:"type"`
	Score      string `json:"score"`
	AssigneeID *int64 `json:"assignee_id"`
	Body       string `json:"body"`
}

// MarshalJSON writes the event in the form Zendesk gives its type.
func (e AuditEvent) MarshalJSON() ([]byte, error) {
	switch e.Type {
	case "Comment":
		return json.Marshal(e.Comment)
	case "Create":
		return json.Marshal(fieldEvent{e.ID, e.Type, e.FieldName, e.Value})
	case "Change":
		return json.Marshal(changeEvent{fieldEvent{e.ID, e.Type, e.FieldName, e.Value}, e.PreviousValue})
	case "CommentRedactionEvent":
		return json.Marshal(redactionEvent{e.ID, e.Type, e.CommentID})
	case "SatisfactionRating":
		return json.Marshal(ratingEvent{e.ID, e.Type, e.Score, e.AssigneeID, e.Body})
	}
	return e.Raw, nil
}

// UnmarshalJSON reads any audit event; unknown types are kept whole in Raw.
func (e *AuditEvent) UnmarshalJSON(data []byte) error {
	var head struct {
		ID   int64  `json:"id"`
		Type string `json:"type"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("audit event: %w", err)
	}
	*e = AuditEvent{ID: head.ID, Type: head.Type}
	switch head.Type {
	case "Comment":
		e.Comment = &Comment{}
		return json.Unmarshal(data, e.Comment)
	case "Create", "Change":
		var row changeEvent
		err := json.Unmarshal(data, &row)
		e.FieldName, e.Value, e.PreviousValue = row.FieldName, row.Value, row.PreviousValue
		return err
	case "CommentRedactionEvent":
		var row redactionEvent
		err := json.Unmarshal(data, &row)
		e.CommentID = row.CommentID
		return err
	case "SatisfactionRating":
		var row ratingEvent
		err := json.Unmarshal(data, &row)
		e.Score, e.AssigneeID, e.Body = row.Score, row.AssigneeID, row.Body
		return err
	}
	e.Raw = append(json.RawMessage(nil), data...)
	return nil
}

// htmlBody wraps a plain message the way Zendesk stores it.
func htmlBody(body string) string {
	escaped := strings.ReplaceAll(html.EscapeString(body), "\n", "<br>")
	return `<div class="zd-comment" dir="auto">` + escaped + `</div>`
}

// redactedText is what Zendesk puts in the place of a redacted text.
const redactedText = "▇▇▇▇"
