package schemas

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Envelope is the body of an event-subscription webhook. Ids are strings, status, type and priority upper case, tags may be null.
type Envelope struct {
	Type    string          `json:"type"` // zen:event-type:ticket.created; a slash instead of the last colon occurs
	ID      string          `json:"id"`
	Time    time.Time       `json:"time"`
	Subject string          `json:"subject"` // zen:ticket:36
	Detail  json.RawMessage `json:"detail"`
	Event   json.RawMessage `json:"event"`
}

// DecodeEnvelope reads a webhook body. The error is of class ErrInvalid.
func DecodeEnvelope(data []byte) (Envelope, error) {
	var e Envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return e, fmt.Errorf("webhook: %w: %w", ErrInvalid, err)
	}
	if e.Type == "" || e.Subject == "" {
		return e, fmt.Errorf("webhook: %w: type and subject are needed", ErrInvalid)
	}
	return e, nil
}

// Name gives the short event name, e.g. "ticket.status_changed".
func (e Envelope) Name() string {
	return strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(e.Type, "zen:event-type:"), "zen:event-type/"), "/", ".")
}

// named finds the number of a ticket close behind the word, with signs and a word for "number" between them.
var named = regexp.MustCompile(`(?i)tickets?(?:%5[bd]|[^0-9a-z]){0,8}(?:id|number|no|nr)?(?:%5[bd]|[^0-9a-z]){0,12}([0-9]{1,18})(?:[^0-9]|$)`)

// TriggerTicket finds the ticket that the body of a trigger names; 0 = none. An administrator wrote it: it may be JSON, broken JSON, XML, a
// form or a sentence. A wrong guess costs a request.
func TriggerTicket(body []byte) int64 {
	if m := named.FindSubmatch(body); m != nil {
		id, _ := strconv.ParseInt(string(m[1]), 10, 64) // 18 digits are a number
		return id
	}
	var b struct {
		ID     ZID `json:"id"`
		Ticket struct {
			ID ZID `json:"id"`
		} `json:"ticket"`
	}
	if json.Unmarshal(body, &b) != nil {
		return 0
	}
	return int64(max(b.ID, b.Ticket.ID, 0))
}

// TicketDetail is `detail` of a ticket event.
type TicketDetail struct {
	ID           ZID       `json:"id"`
	ActorID      ZID       `json:"actor_id"`
	AssigneeID   ZID       `json:"assignee_id"`
	BrandID      ZID       `json:"brand_id"`
	CreatedAt    time.Time `json:"created_at"`
	Description  string    `json:"description"`
	ExternalID   string    `json:"external_id"`
	FormID       ZID       `json:"form_id"`
	GroupID      ZID       `json:"group_id"`
	IsPublic     *bool     `json:"is_public"`
	Organization ZID       `json:"organization_id"`
	Priority     string    `json:"priority"`
	RequesterID  ZID       `json:"requester_id"`
	Status       string    `json:"status"`
	Subject      string    `json:"subject"`
	SubmitterID  ZID       `json:"submitter_id"`
	Tags         []string  `json:"tags"`
	Type         string    `json:"type"`
	UpdatedAt    time.Time `json:"updated_at"`
	Via          ZVia      `json:"via"`
}
