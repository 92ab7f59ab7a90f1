package schemas

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

type auditJSON struct {
	auditHead
	Events   []auditEventJSON  `json:"events"`
	Children []json.RawMessage `json:"child_events"` // ticket_events
}

type auditHead struct {
	ID        ZID        `json:"id"`
	TicketID  ZID        `json:"ticket_id"`
	CreatedAt *time.Time `json:"created_at"`
	Timestamp int64      `json:"timestamp"` // ticket_events
	AuthorID  ZID        `json:"author_id"`
	UpdaterID ZID        `json:"updater_id"` // ticket_events
	Via       ZVia       `json:"via"`
}

type auditEventJSON struct {
	ID         ZID             `json:"id"`
	Type       string          `json:"type"`
	EventType  string          `json:"event_type"`
	FieldName  string          `json:"field_name"`
	Value      json.RawMessage `json:"value"`
	Previous   json.RawMessage `json:"previous_value"`
	CommentID  ZID             `json:"comment_id"`
	Public     *bool           `json:"public"`
	Score      string          `json:"score"`
	AssigneeID json.RawMessage `json:"assignee_id"`
	Body       string          `json:"body"`
	PlainBody  string          `json:"plain_body"`
	AuthorID   json.RawMessage `json:"author_id"`  // read of comments only
	CreatedAt  json.RawMessage `json:"created_at"` // read of comments only
}

// changeFields are the ticket fields whose changes we read from the children of ticket_events, where the field's name is a key.
var changeFields = []string{
	"status", "assignee_id", "group_id", "priority", "type", "subject", "tags", "requester_id", "organization_id", "brand_id",
	"ticket_form_id", "satisfaction_score", "external_id", "is_public", "custom_status_id", "due_at",
}

// DecodeAudit reads an audit in either of Zendesk's two forms. The error is of class ErrInvalid.
func DecodeAudit(data []byte) (ZAudit, error) {
	j := auditJSON{Events: make([]auditEventJSON, 0, 4)} // room for most
	if json.Unmarshal(data, &j) != nil {
		if err := j.decodeOneByOne(data); err != nil {
			return ZAudit{}, fmt.Errorf("audit: %w: %w", ErrInvalid, err)
		}
	}
	a := ZAudit{ID: j.ID, TicketID: j.TicketID, AuthorID: j.AuthorID, Via: j.Via}
	if a.AuthorID == 0 {
		a.AuthorID = j.UpdaterID
	}
	switch {
	case j.CreatedAt != nil:
		a.CreatedAt = j.CreatedAt.UTC()
	case j.Timestamp > 0:
		a.CreatedAt = time.Unix(j.Timestamp, 0).UTC()
	}
	if a.ID == 0 || a.TicketID == 0 || a.CreatedAt.IsZero() {
		return ZAudit{}, fmt.Errorf("audit %d: %w: id, ticket_id and created_at are needed", a.ID, ErrInvalid)
	}
	if err := a.addEvents(&j, data); err != nil {
		return ZAudit{}, fmt.Errorf("audit %d: %w: %w", a.ID, ErrInvalid, err)
	}
	return a, nil
}

// decodeOneByOne decodes an audit of which an event has not the shape of those that we read. It may be of another type: Zendesk adds types at any time.
func (j *auditJSON) decodeOneByOne(data []byte) error {
	var written struct {
		auditHead
		Events   []json.RawMessage `json:"events"`
		Children []json.RawMessage `json:"child_events"`
	}
	if err := json.Unmarshal(data, &written); err != nil {
		return err
	}
	*j = auditJSON{auditHead: written.auditHead, Events: make([]auditEventJSON, len(written.Events)), Children: written.Children}
	for i, raw := range written.Events {
		if err := j.Events[i].decode(raw); err != nil {
			return err
		}
	}
	return nil
}

// decode reads an event of an audit; of one of a type that we do not read the type alone, whatever it holds.
func (e *auditEventJSON) decode(raw json.RawMessage) error {
	err := json.Unmarshal(raw, e)
	if err == nil {
		return nil
	}
	var named struct {
		Type      string `json:"type"`
		EventType string `json:"event_type"`
	}
	if json.Unmarshal(raw, &named) != nil {
		return fmt.Errorf("event: %w", err)
	}
	*e = auditEventJSON{Type: named.Type, EventType: named.EventType}
	if kind := e.kind(); kind == "" || slices.Contains(readKinds, kind) {
		return fmt.Errorf("event: %w", err)
	}
	return nil
}

// readKinds are the types of events that addEvent reads.
var readKinds = []string{"Comment", "Create", "Change", "CommentRedactionEvent", "CommentPrivacyChange", "SatisfactionRating"}

// addEvents adds the children in order. Those of an audit are decoded with it; only where a change names its field by a key, as in
// ticket_events, the child as it was written is needed.
func (a *ZAudit) addEvents(j *auditJSON, data []byte) error {
	var written struct {
		Events []json.RawMessage `json:"events"`
	}
	for i := range j.Events {
		e := &j.Events[i]
		if kind := e.kind(); e.FieldName == "" && (kind == "Create" || kind == "Change") && written.Events == nil {
			if err := json.Unmarshal(data, &written); err != nil {
				return fmt.Errorf("events: %w", err)
			}
		}
		var raw json.RawMessage
		if i < len(written.Events) {
			raw = written.Events[i]
		}
		if err := a.addEvent(e, raw); err != nil {
			return err
		}
	}
	for _, raw := range j.Children {
		var e auditEventJSON
		if err := e.decode(raw); err != nil {
			return err
		}
		if err := a.addEvent(&e, raw); err != nil {
			return err
		}
	}
	return nil
}

func (e *auditEventJSON) kind() string {
	return AuditEventKind(e.Type, e.EventType)
}

// AuditEventKind gives what an event of an audit is by its type and event_type, Comment for comments of every channel. In ticket_events a change of the
// ticket's type has that as its type.
func AuditEventKind(kind, eventType string) string {
	switch {
	case slices.Contains(comments, kind), slices.Contains(comments, eventType):
		return "Comment"
	case kind == "" || eventType != "":
		return eventType
	}
	return kind
}

var comments = []string{"Comment", "VoiceComment", "FacebookComment"}

func (a *ZAudit) addEvent(e *auditEventJSON, raw json.RawMessage) error {
	kind := e.kind()
	switch kind {
	case "Comment":
		return a.addComment(e)
	case "Create", "Change":
		return a.addChange(raw, e, kind == "Create")
	case "CommentRedactionEvent":
		a.Redactions = append(a.Redactions, e.CommentID)
	case "CommentPrivacyChange":
		if e.Public == nil || !*e.Public {
			a.Hidden = append(a.Hidden, e.CommentID)
		}
	case "SatisfactionRating":
		s := ZAuditScore{Score: e.Score, Comment: e.Body}
		_ = s.AssigneeID.UnmarshalJSON(e.AssigneeID)
		a.Scores = append(a.Scores, s)
	default:
		a.Others = append(a.Others, kind)
	}
	return nil
}

func (a *ZAudit) addComment(e *auditEventJSON) error {
	c := ZComment{ID: e.ID, Body: e.Body, PlainBody: e.PlainBody, Public: e.Public == nil || *e.Public}
	if len(e.AuthorID) > 0 {
		if err := c.AuthorID.UnmarshalJSON(e.AuthorID); err != nil {
			return fmt.Errorf("comment: author_id: %w", err)
		}
	}
	if len(e.CreatedAt) > 0 {
		if err := c.CreatedAt.UnmarshalJSON(e.CreatedAt); err != nil {
			return fmt.Errorf("comment: created_at: %w", err)
		}
	}
	if c.CreatedAt.IsZero() {
		c.CreatedAt = a.CreatedAt
	}
	if c.AuthorID == 0 {
		c.AuthorID = a.AuthorID
	}
	a.Comments = append(a.Comments, c)
	return nil
}

func (a *ZAudit) addChange(raw json.RawMessage, e *auditEventJSON, created bool) error {
	if e.FieldName != "" {
		a.Changes = append(a.Changes, ZChange{Field: e.FieldName, Old: e.Previous, New: e.Value, Created: created})
		return nil
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(raw, &keys); err != nil {
		return fmt.Errorf("change: %w", err)
	}
	known := false
	for _, f := range changeFields {
		if v, ok := keys[f]; ok {
			a.Changes = append(a.Changes, ZChange{Field: f, Old: keys["previous_value"], New: v, Created: created})
			known = true
		}
	}
	if !known {
		a.Others = append(a.Others, "Change")
	}
	return nil
}

// Text gives the change's value as a string: a JSON string unquoted, null and absent as "", anything else as it is written.
func Text(v json.RawMessage) string {
	if len(v) == 0 || string(v) == "null" {
		return ""
	}
	if v[0] == '"' {
		var s string
		if json.Unmarshal(v, &s) == nil {
			return s
		}
	}
	return string(v)
}
