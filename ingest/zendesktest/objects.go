package zendesktest

import (
	"encoding/json"
	"time"
)

// Via says where something came from. Channel is Zendesk's lower case word: web, email, api, chat, rule, ...
type Via struct {
	Channel string    `json:"channel"`
	Source  ViaSource `json:"source"`
}

// ViaSource is the source object of Via. Zendesk sends empty objects, never null, for From and To.
type ViaSource struct {
	From map[string]any `json:"from"`
	To   map[string]any `json:"to"`
	Rel  *string        `json:"rel"`
}

func newVia(channel string) Via {
	return Via{Channel: channel, Source: ViaSource{From: map[string]any{}, To: map[string]any{}}}
}

// CustomField is one value of a custom field; Value is a string, number, bool, list or nil.
type CustomField struct {
	ID    int64 `json:"id"`
	Value any   `json:"value"`
}

// TicketRating is the satisfaction_rating inside a ticket. ID 0 means no rating was given and only the score is sent.
type TicketRating struct {
	ID      int64
	Score   string
	Comment *string
}

// MarshalJSON writes {"score"} alone for unoffered and offered, and {"score","id","comment"} once there is a rating.
func (r TicketRating) MarshalJSON() ([]byte, error) {
	if r.ID == 0 {
		return json.Marshal(map[string]string{"score": r.Score})
	}
	return json.Marshal(struct {
		Score   string  `json:"score"`
		ID      int64   `json:"id"`
		Comment *string `json:"comment"`
	}{r.Score, r.ID, r.Comment})
}

// UnmarshalJSON reads both forms of MarshalJSON.
func (r *TicketRating) UnmarshalJSON(data []byte) error {
	var row struct {
		Score   string  `json:"score"`
		ID      int64   `json:"id"`
		Comment *string `json:"comment"`
	}
	if err := json.Unmarshal(data, &row); err != nil {
		return err
	}
	*r = TicketRating{ID: row.ID, Score: row.Score, Comment: row.Comment}
	return nil
}

// Ticket has the 40 keys of a ticket in an incremental export. Status and priority are lower case.
// Slices and pointers are never changed in place, so a copy may be kept.
type Ticket struct {
	URL                  string        `json:"url"`
	ID                   int64         `json:"id"`
	ExternalID           *string       `json:"external_id"`
	Via                  Via           `json:"via"`
	CreatedAt            time.Time     `json:"created_at"`
	UpdatedAt            time.Time     `json:"updated_at"`
	Type                 *string       `json:"type"`
	Subject              string        `json:"subject"`
	RawSubject           string        `json:"raw_subject"`
	Description          string        `json:"description"`
	Priority             *string       `json:"priority"`
	Status               string        `json:"status"`
	Recipient            *string       `json:"recipient"`
	RequesterID          int64         `json:"requester_id"`
	SubmitterID          int64         `json:"submitter_id"`
	AssigneeID           *int64        `json:"assignee_id"`
	OrganizationID       *int64        `json:"organization_id"`
	GroupID              *int64        `json:"group_id"`
	CollaboratorIDs      []int64       `json:"collaborator_ids"`
	FollowerIDs          []int64       `json:"follower_ids"`
	EmailCCIDs           []int64       `json:"email_cc_ids"`
	ForumTopicID         *int64        `json:"forum_topic_id"`
	ProblemID            *int64        `json:"problem_id"`
	HasIncidents         bool          `json:"has_incidents"`
	IsPublic             bool          `json:"is_public"`
	DueAt                *time.Time    `json:"due_at"`
	Tags                 []string      `json:"tags"`
	CustomFields         []CustomField `json:"custom_fields"`
	SatisfactionRating   *TicketRating `json:"satisfaction_rating"`
	SharingAgreementIDs  []int64       `json:"sharing_agreement_ids"`
	CustomStatusID       *int64        `json:"custom_status_id"`
	Fields               []CustomField `json:"fields"`
	FollowupIDs          []int64       `json:"followup_ids"`
	TicketFormID         *int64        `json:"ticket_form_id"`
	BrandID              *int64        `json:"brand_id"`
	AllowChannelback     bool          `json:"allow_channelback"`
	AllowAttachments     bool          `json:"allow_attachments"`
	FromMessagingChannel bool          `json:"from_messaging_channel"`

	// GeneratedTimestamp is the position in the incremental export, in epoch seconds; it can be later than UpdatedAt.
	// Only exports carry it.
	GeneratedTimestamp int64 `json:"generated_timestamp,omitempty"`
}

// fill turns nil lists into empty ones, which Zendesk sends as [] and never as null.
func (t *Ticket) fill() {
	for _, ids := range []*[]int64{&t.CollaboratorIDs, &t.FollowerIDs, &t.EmailCCIDs, &t.SharingAgreementIDs, &t.FollowupIDs} {
		if *ids == nil {
			*ids = []int64{}
		}
	}
	if t.Tags == nil {
		t.Tags = []string{}
	}
	if t.CustomFields == nil {
		t.CustomFields = []CustomField{}
	}
	t.Fields = t.CustomFields
}

// Comment is one message of a ticket. AuditID names the audit it belongs to.
type Comment struct {
	ID          int64        `json:"id"`
	Type        string       `json:"type"`
	AuthorID    int64        `json:"author_id"`
	Body        string       `json:"body"`
	HTMLBody    string       `json:"html_body"`
	PlainBody   string       `json:"plain_body"`
	Public      bool         `json:"public"`
	Attachments []Attachment `json:"attachments"`
	AuditID     int64        `json:"audit_id"`
}

// Attachment is one file of a comment.
type Attachment struct {
	ID          int64  `json:"id"`
	FileName    string `json:"file_name"`
	ContentURL  string `json:"content_url"`
	ContentType string `json:"content_type"`
	Size        int64  `json:"size"`
	Inline      bool   `json:"inline"`
	Deleted     bool   `json:"deleted"`
}

// Rating is one satisfaction rating. Score is offered, unoffered, good or bad.
type Rating struct {
	ID          int64     `json:"id"`
	URL         string    `json:"url"`
	TicketID    int64     `json:"ticket_id"`
	RequesterID int64     `json:"requester_id"`
	AssigneeID  *int64    `json:"assignee_id"`
	GroupID     *int64    `json:"group_id"`
	Score       string    `json:"score"`
	Comment     *string   `json:"comment"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// User is one user; Role is end-user, agent or admin. PermanentlyDeleted is present on deleted users only.
type User struct {
	ID                   int64          `json:"id"`
	URL                  string         `json:"url"`
	Name                 string         `json:"name"`
	Email                *string        `json:"email"`
	CreatedAt            time.Time      `json:"created_at"`
	UpdatedAt            time.Time      `json:"updated_at"`
	TimeZone             string         `json:"time_zone"`
	IANATimeZone         string         `json:"iana_time_zone"`
	Phone                *string        `json:"phone"`
	SharedPhoneNumber    *bool          `json:"shared_phone_number"`
	Photo                any            `json:"photo"`
	LocaleID             int64          `json:"locale_id"`
	Locale               string         `json:"locale"`
	OrganizationID       *int64         `json:"organization_id"`
	Role                 string         `json:"role"`
	Verified             bool           `json:"verified"`
	ExternalID           *string        `json:"external_id"`
	Tags                 []string       `json:"tags"`
	Alias                *string        `json:"alias"`
	Active               bool           `json:"active"`
	Shared               bool           `json:"shared"`
	SharedAgent          bool           `json:"shared_agent"`
	LastLoginAt          *time.Time     `json:"last_login_at"`
	TwoFactorAuthEnabled *bool          `json:"two_factor_auth_enabled"`
	Signature            *string        `json:"signature"`
	Details              *string        `json:"details"`
	Notes                *string        `json:"notes"`
	RoleType             *int64         `json:"role_type"`
	CustomRoleID         *int64         `json:"custom_role_id"`
	Moderator            bool           `json:"moderator"`
	TicketRestriction    *string        `json:"ticket_restriction"`
	OnlyPrivateComments  bool           `json:"only_private_comments"`
	RestrictedAgent      bool           `json:"restricted_agent"`
	Suspended            bool           `json:"suspended"`
	DefaultGroupID       *int64         `json:"default_group_id"`
	ReportCSV            bool           `json:"report_csv"`
	UserFields           map[string]any `json:"user_fields"`
	PermanentlyDeleted   *bool          `json:"permanently_deleted,omitempty"`
}

// Staff says whether the user is an agent or an admin.
func (u User) Staff() bool { return u.Role == "agent" || u.Role == "admin" }

// Identity is one address of a user. Primary holds per type.
type Identity struct {
	URL                string    `json:"url"`
	ID                 int64     `json:"id"`
	UserID             int64     `json:"user_id"`
	Type               string    `json:"type"`
	Value              string    `json:"value"`
	Verified           bool      `json:"verified"`
	VerificationMethod string    `json:"verification_method"`
	Primary            bool      `json:"primary"`
	CreatedAt          time.Time `json:"created_at"`
	UpdatedAt          time.Time `json:"updated_at"`
	UndeliverableCount int       `json:"undeliverable_count"`
	DeliverableState   string    `json:"deliverable_state"`
}

// Organization is one organization. DeletedAt is sent by the incremental export and stays null while it exists.
type Organization struct {
	URL                string         `json:"url"`
	ID                 int64          `json:"id"`
	Name               string         `json:"name"`
	SharedTickets      bool           `json:"shared_tickets"`
	SharedComments     bool           `json:"shared_comments"`
	ExternalID         *string        `json:"external_id"`
	CreatedAt          time.Time      `json:"created_at"`
	UpdatedAt          time.Time      `json:"updated_at"`
	DomainNames        []string       `json:"domain_names"`
	Details            *string        `json:"details"`
	Notes              *string        `json:"notes"`
	GroupID            *int64         `json:"group_id"`
	Tags               []string       `json:"tags"`
	OrganizationFields map[string]any `json:"organization_fields"`
	DeletedAt          *time.Time     `json:"deleted_at"`
}

// Membership ties a user to an organization; Default is true for at most one of a user, and null otherwise.
type Membership struct {
	URL            string    `json:"url"`
	ID             int64     `json:"id"`
	UserID         int64     `json:"user_id"`
	OrganizationID int64     `json:"organization_id"`
	Default        *bool     `json:"default"`
	CreatedAt      time.Time `json:"created_at"`
	UpdatedAt      time.Time `json:"updated_at"`
}

// OrganizationMerge records that an organization was absorbed by another one.
type OrganizationMerge struct {
	ID       string `json:"id"`
	LoserID  int64  `json:"loser_id"`
	WinnerID int64  `json:"winner_id"`
	Status   string `json:"status"`
	URL      string `json:"url"`
}

// Group is one agent group.
type Group struct {
	URL         string    `json:"url"`
	ID          int64     `json:"id"`
	IsPublic    bool      `json:"is_public"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Default     bool      `json:"default"`
	Deleted     bool      `json:"deleted"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// Brand is one brand.
type Brand struct {
	URL               string    `json:"url"`
	ID                int64     `json:"id"`
	Name              string    `json:"name"`
	BrandURL          string    `json:"brand_url"`
	Subdomain         string    `json:"subdomain"`
	HostMapping       *string   `json:"host_mapping"`
	HasHelpCenter     bool      `json:"has_help_center"`
	HelpCenterState   string    `json:"help_center_state"`
	Active            bool      `json:"active"`
	Default           bool      `json:"default"`
	IsDeleted         bool      `json:"is_deleted"`
	Logo              any       `json:"logo"`
	TicketFormIDs     []int64   `json:"ticket_form_ids"`
	SignatureTemplate string    `json:"signature_template"`
	CreatedAt         time.Time `json:"created_at"`
	UpdatedAt         time.Time `json:"updated_at"`
}

// TicketForm is one ticket form; agents see Name.
type TicketForm struct {
	URL                string    `json:"url"`
	ID                 int64     `json:"id"`
	Name               string    `json:"name"`
	RawName            string    `json:"raw_name"`
	DisplayName        string    `json:"display_name"`
	RawDisplayName     string    `json:"raw_display_name"`
	EndUserVisible     bool      `json:"end_user_visible"`
	Position           int       `json:"position"`
	TicketFieldIDs     []int64   `json:"ticket_field_ids"`
	Active             bool      `json:"active"`
	Default            bool      `json:"default"`
	InAllBrands        bool      `json:"in_all_brands"`
	RestrictedBrandIDs []int64   `json:"restricted_brand_ids"`
	EndUserConditions  []any     `json:"end_user_conditions"`
	AgentConditions    []any     `json:"agent_conditions"`
	CreatedAt          time.Time `json:"created_at"`
	UpdatedAt          time.Time `json:"updated_at"`
}

// CustomStatus is one custom ticket status. Every account has a default one for each category.
type CustomStatus struct {
	ID                    int64     `json:"id"`
	StatusCategory        string    `json:"status_category"`
	AgentLabel            string    `json:"agent_label"`
	RawAgentLabel         string    `json:"raw_agent_label"`
	EndUserLabel          string    `json:"end_user_label"`
	RawEndUserLabel       string    `json:"raw_end_user_label"`
	Description           string    `json:"description"`
	RawDescription        string    `json:"raw_description"`
	EndUserDescription    string    `json:"end_user_description"`
	RawEndUserDescription string    `json:"raw_end_user_description"`
	Active                bool      `json:"active"`
	Default               bool      `json:"default"`
	CreatedAt             time.Time `json:"created_at"`
	UpdatedAt             time.Time `json:"updated_at"`
}

// Schedule is one table of business hours. TimeZone is Zendesk's own name, for example "Eastern Time (US & Canada)".
type Schedule struct {
	ID        int64      `json:"id"`
	Name      string     `json:"name"`
	TimeZone  string     `json:"time_zone"`
	Intervals []Interval `json:"intervals"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
}

// Interval is a span of open hours in minutes since Sunday 00:00 local time; EndTime is exclusive.
type Interval struct {
	StartTime int `json:"start_time"`
	EndTime   int `json:"end_time"`
}

// Holiday closes a schedule from StartDate to EndDate, both included, as local dates (2006-01-02).
type Holiday struct {
	ID        int64  `json:"id"`
	Name      string `json:"name"`
	StartDate string `json:"start_date"`
	EndDate   string `json:"end_date"`
}

// Field is a ticket, user or organization field; Key is used by the last two only.
type Field struct {
	URL          string    `json:"url"`
	ID           int64     `json:"id"`
	Type         string    `json:"type"`
	Key          string    `json:"key,omitempty"`
	Title        string    `json:"title"`
	RawTitle     string    `json:"raw_title"`
	Description  string    `json:"description"`
	Position     int       `json:"position"`
	Active       bool      `json:"active"`
	System       bool      `json:"system"`
	Required     bool      `json:"required"`
	Tag          *string   `json:"tag"`
	Regexp       *string   `json:"regexp_for_validation"`
	CustomOption []Option  `json:"custom_field_options,omitempty"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
}

// Option is one choice of a drop-down field.
type Option struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// MetricEvent is one row of the ticket metric event export. Deleted true withdraws it.
type MetricEvent struct {
	ID         int64     `json:"id"`
	TicketID   int64     `json:"ticket_id"`
	Metric     string    `json:"metric"`
	InstanceID int64     `json:"instance_id"`
	Type       string    `json:"type"`
	Time       time.Time `json:"time"`
	SLA        *SLA      `json:"sla,omitempty"`
	Deleted    *bool     `json:"deleted,omitempty"`

	// changed is when the row last came or changed: the order include_changes=true follows.
	changed int64
}

// SLA is the target an apply_sla event sets. Target is in minutes.
type SLA struct {
	Target          int64     `json:"target"`
	TargetInSeconds int64     `json:"target_in_seconds"`
	BusinessHours   bool      `json:"business_hours"`
	Policy          SLAPolicy `json:"policy"`
}

// SLAPolicy names the policy of an SLA.
type SLAPolicy struct {
	ID          int64   `json:"id"`
	Title       string  `json:"title"`
	Description *string `json:"description"`
}
