package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ZID is a Zendesk id. Webhooks write ids as strings ("0" and "" mean none), the REST API as numbers, absent ones as null; a negative
// id is the system or a bot. The zero value means none.
type ZID int64

// UnmarshalJSON takes a number, a string of digits, null, "" or "0".
func (z *ZID) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "" || s == "null" {
		*z = 0
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return fmt.Errorf("id %.40q: must be a whole number", s)
	}
	*z = ZID(n)
	return nil
}

// String gives the decimal form, "" for none.
func (z ZID) String() string {
	if z == 0 {
		return ""
	}
	return strconv.FormatInt(int64(z), 10)
}

// ZTicket is a ticket as the REST API and the exports write it. Nullable fields keep their zero value.
type ZTicket struct {
	ID            ZID             `json:"id"`
	URL           string          `json:"url"`
	ExternalID    string          `json:"external_id"`
	Type          string          `json:"type"`
	Subject       string          `json:"subject"`
	Description   string          `json:"description"`
	Priority      string          `json:"priority"`
	Status        string          `json:"status"`
	CustomStatus  ZID             `json:"custom_status_id"`
	RequesterID   ZID             `json:"requester_id"`
	SubmitterID   ZID             `json:"submitter_id"`
	AssigneeID    ZID             `json:"assignee_id"`
	Organization  ZID             `json:"organization_id"`
	GroupID       ZID             `json:"group_id"`
	BrandID       ZID             `json:"brand_id"`
	FormID        ZID             `json:"ticket_form_id"`
	Tags          []string        `json:"tags"`
	CustomFields  []ZFieldValue   `json:"custom_fields"`
	IsPublic      *bool           `json:"is_public"`
	DueAt         *time.Time      `json:"due_at"`
	Via           ZVia            `json:"via"`
	CreatedAt     time.Time       `json:"created_at"`
	UpdatedAt     time.Time       `json:"updated_at"`
	Generated     int64           `json:"generated_timestamp"` // seconds; orders the records of one ticket
	Rating        json.RawMessage `json:"satisfaction_rating"`
	RawSubject    string          `json:"raw_subject"`
	Recipient     string          `json:"recipient"`
	Collaborators []ZID           `json:"collaborator_ids"`
	Followers     []ZID           `json:"follower_ids"`
	EmailCCs      []ZID           `json:"email_cc_ids"`
	ForumTopicID  ZID             `json:"forum_topic_id"`
	ProblemID     ZID             `json:"problem_id"`
	HasIncidents  bool            `json:"has_incidents"`
	Agreements    []ZID           `json:"sharing_agreement_ids"`
	FollowupIDs   []ZID           `json:"followup_ids"`
	Channelback   bool            `json:"allow_channelback"`
	Attachments   *bool           `json:"allow_attachments"`
	FromMessaging bool            `json:"from_messaging_channel"`
}

// ZFieldValue is the value of one custom field: string, number, bool, list or null. It is kept as it was written: a number may have more digits than a
// float64.
type ZFieldValue struct {
	ID    ZID             `json:"id"`
	Value json.RawMessage `json:"value"`
}

// ZVia tells the channel. Zendesk writes an object, or in ticket_events just a name.
type ZVia struct {
	Channel string
	Rel     string // source.rel, e.g. "follow_up", "merge"
}

// UnmarshalJSON takes {"channel":..., "source":{"rel":...}}, a string or null.
func (v *ZVia) UnmarshalJSON(b []byte) error {
	*v = ZVia{}
	b = bytes.TrimSpace(b)
	if len(b) == 0 || b[0] == 'n' {
		return nil
	}
	if b[0] == '"' {
		return json.Unmarshal(b, &v.Channel)
	}
	var o struct {
		Channel json.RawMessage `json:"channel"`
		Source  struct {
			Rel string `json:"rel"`
		} `json:"source"`
	}
	if err := json.Unmarshal(b, &o); err != nil {
		return fmt.Errorf("via: %w", err)
	}
	v.Channel, v.Rel = strings.Trim(string(o.Channel), `"`), o.Source.Rel
	if v.Channel == "null" {
		v.Channel = ""
	}
	return nil
}

// ZUser is a user.
type ZUser struct {
	ID            ZID                        `json:"id"`
	URL           string                     `json:"url"`
	Name          string                     `json:"name"`
	Email         string                     `json:"email"`
	Phone         string                     `json:"phone"`
	SharedPhone   bool                       `json:"shared_phone_number"`
	Alias         string                     `json:"alias"`
	Details       string                     `json:"details"`
	Notes         string                     `json:"notes"`
	Role          string                     `json:"role"` // end-user, agent, admin
	Locale        string                     `json:"locale"`
	TimeZone      string                     `json:"time_zone"`      // Rails name
	IANATimeZone  string                     `json:"iana_time_zone"` //
	Verified      bool                       `json:"verified"`
	Active        *bool                      `json:"active"` // false once deleted or merged away
	Suspended     bool                       `json:"suspended"`
	ExternalID    string                     `json:"external_id"`
	Tags          []string                   `json:"tags"`
	Organization  ZID                        `json:"organization_id"`
	UserFields    map[string]json.RawMessage `json:"user_fields"`
	LastLoginAt   *time.Time                 `json:"last_login_at"`
	CreatedAt     time.Time                  `json:"created_at"`
	UpdatedAt     time.Time                  `json:"updated_at"`
	PermanentlyDe bool                       `json:"permanently_deleted"`
	Identities    []ZIdentity                `json:"identities"`
}

// ZIdentity is one identity of a user.
type ZIdentity struct {
	ID          ZID    `json:"id"`
	Type        string `json:"type"` // email, phone_number, ...
	Value       string `json:"value"`
	Verified    bool   `json:"verified"`
	Deliverable string `json:"deliverable_state"`
}

// ZOrganization is an organization.
type ZOrganization struct {
	ID             ZID                        `json:"id"`
	URL            string                     `json:"url"`
	Name           string                     `json:"name"`
	ExternalID     string                     `json:"external_id"`
	DomainNames    []string                   `json:"domain_names"`
	Details        string                     `json:"details"`
	Notes          string                     `json:"notes"`
	GroupID        ZID                        `json:"group_id"`
	SharedTickets  bool                       `json:"shared_tickets"`
	SharedComments bool                       `json:"shared_comments"`
	Tags           []string                   `json:"tags"`
	Fields         map[string]json.RawMessage `json:"organization_fields"`
	CreatedAt      time.Time                  `json:"created_at"`
	UpdatedAt      time.Time                  `json:"updated_at"`
	DeletedAt      *time.Time                 `json:"deleted_at"`
	MergedInto     ZID                        `json:"merged_into"` // not Zendesk's: the poller adds it to a deleted one that another absorbed
}

// ZRating is a satisfaction rating.
type ZRating struct {
	ID          ZID       `json:"id"`
	TicketID    ZID       `json:"ticket_id"`
	RequesterID ZID       `json:"requester_id"`
	AssigneeID  ZID       `json:"assignee_id"` // agent assigned when it was rated
	GroupID     ZID       `json:"group_id"`
	Score       string    `json:"score"` // offered, unoffered, good[_with_comment], bad[...]
	Comment     string    `json:"comment"`
	Reason      string    `json:"reason"`
	ReasonID    ZID       `json:"reason_id"`
	URL         string    `json:"url"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// ZMetricEvent is a ticket metric event.
type ZMetricEvent struct {
	ID         ZID       `json:"id"`
	TicketID   ZID       `json:"ticket_id"`
	Metric     string    `json:"metric"`
	InstanceID ZID       `json:"instance_id"`
	Type       string    `json:"type"`
	Time       time.Time `json:"time"`
	Deleted    bool      `json:"deleted"`
	SLA        *struct {
		TargetSeconds int64 `json:"target_in_seconds"`
		BusinessHours bool  `json:"business_hours"`
		Policy        struct {
			ID    ZID    `json:"id"`
			Title string `json:"title"`
		} `json:"policy"`
	} `json:"sla"`
}

// ZNamed is what groups, brands, forms and custom statuses have in common.
type ZNamed struct {
	ID         ZID       `json:"id"`
	Name       string    `json:"name"`
	AgentLabel string    `json:"agent_label"` // the name of custom statuses
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
}

// ZField is a ticket, user or organization field.
type ZField struct {
	ID        ZID       `json:"id"`
	Key       string    `json:"key"` // user and organization fields
	Title     string    `json:"title"`
	Type      string    `json:"type"`
	Active    bool      `json:"active"`
	UpdatedAt time.Time `json:"updated_at"`
}

// ZSchedule is a business-hours schedule; intervals are minutes from Sunday 00:00 local time. Holidays is put in by the poller.
type ZSchedule struct {
	ID        ZID    `json:"id"`
	Name      string `json:"name"`
	TimeZone  string `json:"time_zone"` // Rails name
	Intervals []struct {
		Start int `json:"start_time"`
		End   int `json:"end_time"`
	} `json:"intervals"`
	Holidays []struct {
		ID    ZID    `json:"id"`
		Name  string `json:"name"`
		Start string `json:"start_date"` // local dates, both inclusive
		End   string `json:"end_date"`
	} `json:"holidays"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
	DeletedAt *time.Time `json:"deleted_at"`
}

// ZComment is one comment of a ticket.
type ZComment struct {
	ID        ZID       `json:"id"`
	AuthorID  ZID       `json:"author_id"`
	Body      string    `json:"body"`
	PlainBody string    `json:"plain_body"`
	Public    bool      `json:"public"`
	CreatedAt time.Time `json:"created_at"`
}

// Text gives the plain text of the comment.
func (c ZComment) Text() string {
	if c.PlainBody != "" {
		return c.PlainBody
	}
	return c.Body
}

// ZAudit is one change of a ticket, made of simultaneous events, in one form for both ways Zendesk writes it: an audit of
// /tickets/{id}/audits (`field_name`, `value`) or a row of incremental ticket_events (the field as key of the child).
type ZAudit struct {
	ID         ZID
	TicketID   ZID
	CreatedAt  time.Time
	AuthorID   ZID // -1 is the system
	Via        ZVia
	Changes    []ZChange
	Comments   []ZComment
	Redactions []ZID // comment ids whose text was redacted
	Hidden     []ZID // comment ids made private
	Scores     []ZAuditScore
	Others     []string // types of events we do not act on
}

// ZChange is one field that changed. Created is true for the values a ticket was born with. Old and New are the JSON values; ids are
// strings in audits.
type ZChange struct {
	Field    string
	Old, New json.RawMessage
	Created  bool
}

// ZAuditScore is a satisfaction rating as audits tell it.
type ZAuditScore struct {
	Score      string
	AssigneeID ZID
	Comment    string
}

// ZMembership ties a user to an organization.
type ZMembership struct {
	ID           ZID       `json:"id"`
	UserID       ZID       `json:"user_id"`
	Organization ZID       `json:"organization_id"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
}
