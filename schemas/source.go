package schemas

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
)

// SourceStatus is a step of a source's life: draft, awaiting_authorization, connected, disconnected, archived.
type SourceStatus string

// The steps of a source's life.
const (
	SourceDraft        SourceStatus = "draft"
	SourceAwaiting     SourceStatus = "awaiting_authorization"
	SourceConnected    SourceStatus = "connected"
	SourceDisconnected SourceStatus = "disconnected"
	SourceArchived     SourceStatus = "archived"
)

// Settings are the options of a source that the pipeline acts on; they travel as an event of KindSource.
type Settings struct {
	ID        string       `json:"id"`
	Type      string       `json:"type"`    // "zendesk"
	Account   string       `json:"account"` // subdomain, lower case
	Name      string       `json:"name"`
	Status    SourceStatus `json:"status"`
	OptIn     OptIn        `json:"opt_in"`
	Retention Retention    `json:"retention"`
	// RetentionChange is nil while the retention is the first one.
	RetentionChange *RetentionChange `json:"retention_change,omitempty"`
	Fields          FieldRules       `json:"fields"`
	ArchiveOnDelete bool             `json:"archive_on_delete"`
	Pauses          []Pause          `json:"pauses,omitempty"` // in order; at most maxPauses, the newest ones
	Identifiers     []string         `json:"identifiers"`      // of IdentifierKinds, in order of strength
	CreatedAt       time.Time        `json:"created_at"`
	UpdatedAt       time.Time        `json:"updated_at"`
}

// Pause is a time in which a source was not connected, having been connected before. Until is nil as long as it lasts.
type Pause struct {
	From  time.Time  `json:"from"`
	Until *time.Time `json:"until,omitempty"`
}

// maxPauses bounds the pauses of a source that are remembered.
const maxPauses = 100

// Moved notes that a source came from another status at a time: a pause may have begun or ended. Activities have whole seconds, so that a pause has
// neither the second in which it began nor the one in which it ended: in both the source was connected for a part.
func (s *Settings) Moved(before SourceStatus, at time.Time) {
	switch n := len(s.Pauses); {
	case before == SourceConnected && s.Status != SourceConnected:
		s.Pauses = append(slices.Clone(s.Pauses[max(0, n-maxPauses+1):]), Pause{From: at.Add(time.Second - 1).Truncate(time.Second)})
	case before != SourceConnected && s.Status == SourceConnected && n > 0 && s.Pauses[n-1].Until == nil:
		s.Pauses = slices.Clone(s.Pauses)
		until := at.Truncate(time.Second)
		s.Pauses[n-1].Until = &until
	}
}

// Paused says whether the source was not connected at a time.
func (s *Settings) Paused(at time.Time) bool {
	return slices.ContainsFunc(s.Pauses, func(p Pause) bool {
		return !at.Before(p.From) && (p.Until == nil || at.Before(*p.Until))
	})
}

// OptIn is the permission given to people at their creation; ConfirmedBy and ConfirmedAt say who vouched for their consent last, of the channels
// that are on.
type OptIn struct {
	Email       bool       `json:"email"`
	SMS         bool       `json:"sms"`
	ConfirmedBy string     `json:"confirmed_by,omitempty"`
	ConfirmedAt *time.Time `json:"confirmed_at,omitempty"`
}

// Retention says how long activities are kept: Days for all, Activities for those kept longer (slug to days).
type Retention struct {
	Days       int            `json:"days"`
	Activities map[string]int `json:"activities,omitempty"`
}

// DefaultRetentionDays is the retention of a source that names none (R07).
const DefaultRetentionDays = 90

// For gives the days an activity is kept.
func (r Retention) For(activity string) int {
	days := r.Days
	if days <= 0 {
		days = DefaultRetentionDays
	}
	return max(days, r.Activities[activity])
}

// Longest gives the days that the initial sync reads back.
func (r Retention) Longest() int {
	days := r.For("")
	for _, d := range r.Activities {
		days = max(days, d)
	}
	return days
}

// Shortest gives what both retentions keep.
func (r Retention) Shortest(o Retention) Retention {
	out := Retention{Days: min(r.For(""), o.For("")), Activities: map[string]int{}}
	for _, activities := range []map[string]int{r.Activities, o.Activities} {
		for slug := range activities {
			out.Activities[slug] = min(r.For(slug), o.For(slug))
		}
	}
	return out
}

// RetentionChange says when a retention was set, and the shortest of all before it: activities outside of that one may have been
// dropped and have to be made again.
type RetentionChange struct {
	At    time.Time `json:"at"`
	Least Retention `json:"least"`
}

// Kinds of identifiers, as the settings of a source name them.
const (
	IdentifierExternalID = "external-id"
	IdentifierEmail      = "email"
	IdentifierPhone      = "phone-number"
)

// IdentifierKinds are all of them, DefaultIdentifiers those that people are merged by unless the settings say otherwise, strongest first.
var (
	IdentifierKinds    = []string{IdentifierExternalID, IdentifierEmail, IdentifierPhone}
	DefaultIdentifiers = []string{IdentifierExternalID, IdentifierEmail}
)

// FieldRules say which system fields the source may write on people, and whether only empty ones.
type FieldRules struct {
	Writable    []string `json:"writable"`
	OnlyIfEmpty bool     `json:"only_if_empty"`
}

// WritableFields are the system fields a source may be allowed to write (default: all).
var WritableFields = []string{"first-name", "last-name", "email", "phone-number", "language", "timezone"}

// Source is the stored record of a source: its settings and what only ingest and the API need.
type Source struct {
	Settings
	Confirmations []Confirmation `json:"confirmations,omitempty"` // in order; at most maxConfirmations of a channel, the newest ones
	Auth          Auth           `json:"auth"`
	Webhook       Webhook        `json:"webhook"`
	Error         string         `json:"error,omitempty"` // why it stands still: Reauthorize
	Revision      uint64         `json:"-"`               // stream sequence of the record, for compare-and-set
}

// Reauthorize is the Error of a source whose credentials are dead: only a person can help.
const Reauthorize = "reauthorize"

// Missing names the step without which a source is not read: authorize, reconnect or restore; "" while it is read.
func (s *Source) Missing() string {
	alive := s.Error != Reauthorize
	switch {
	case s.Status == SourceConnected && alive:
		return ""
	case s.Status == SourceArchived:
		return "restore"
	case s.Status == SourceDisconnected && s.Auth.Method != "" && alive:
		return "reconnect"
	}
	return "authorize"
}

// Channels of an opt-in.
const (
	ChannelEmail = "email"
	ChannelSMS   = "sms"
)

// Confirmation records who switched a channel of the opt-in on, vouching for the consent of the contacts, or off (R06).
type Confirmation struct {
	Channel     string    `json:"channel" enum:"email,sms"`
	On          bool      `json:"on"`
	ConfirmedBy string    `json:"confirmed_by,omitempty"` // may be "" for one that was switched off
	At          time.Time `json:"at"`
}

// maxConfirmations bounds the confirmations of a channel that are remembered.
const maxConfirmations = 100

// Confirm switches a channel of the opt-in and records it. To switch it to what it is changes nothing, unless somebody else confirms it.
func (s *Source) Confirm(channel string, on bool, by string, at time.Time) {
	to := s.OptIn.channel(channel)
	if *to == on && (!on || s.confirmedBy(channel) == by) {
		return
	}
	*to = on
	s.remember(Confirmation{Channel: channel, On: on, ConfirmedBy: by, At: at})
	s.OptIn.ConfirmedBy, s.OptIn.ConfirmedAt = "", nil
	for _, c := range slices.Backward(s.Confirmations) {
		if c.On && *s.OptIn.channel(c.Channel) {
			s.OptIn.ConfirmedBy, s.OptIn.ConfirmedAt = c.ConfirmedBy, &c.At
			return
		}
	}
}

func (o *OptIn) channel(name string) *bool {
	if name == ChannelSMS {
		return &o.SMS
	}
	return &o.Email
}

// confirmedBy says who confirmed a channel last.
func (s *Source) confirmedBy(channel string) string {
	for _, c := range slices.Backward(s.Confirmations) {
		if c.Channel == channel {
			return c.ConfirmedBy
		}
	}
	return ""
}

// remember appends a confirmation, in place of the oldest one of its channel when there are too many.
func (s *Source) remember(c Confirmation) {
	var same []int
	for i, o := range s.Confirmations {
		if o.Channel == c.Channel {
			same = append(same, i)
		}
	}
	s.Confirmations = slices.Clone(s.Confirmations)
	if len(same) >= maxConfirmations {
		s.Confirmations = slices.Delete(s.Confirmations, same[0], same[0]+1)
	}
	s.Confirmations = append(s.Confirmations, c)
}

// Auth holds the credentials of a source. Every secret is sealed (AES-256-GCM, base64) with AAD "<source id>|<field>".
type Auth struct {
	Method       string     `json:"method,omitempty"` // api_token, client_credentials, oauth
	Email        string     `json:"email,omitempty"`
	Token        string     `json:"token,omitempty"` // sealed
	ClientID     string     `json:"client_id,omitempty"`
	ClientSecret string     `json:"client_secret,omitempty"` // sealed
	AccessToken  string     `json:"access_token,omitempty"`  // sealed
	RefreshToken string     `json:"refresh_token,omitempty"` // sealed
	ExpiresAt    *time.Time `json:"expires_at,omitempty"`
}

// Webhook holds the signing secrets of a source. Previous stays valid until PreviousUntil.
type Webhook struct {
	Secret        string     `json:"secret,omitempty"`   // sealed
	Previous      string     `json:"previous,omitempty"` // sealed
	PreviousUntil *time.Time `json:"previous_until,omitempty"`
}

// Cursor is the poller's position and report in one resource of one source.
type Cursor struct {
	Resource  string     `json:"resource"`
	State     string     `json:"state"`              // idle, running, failing
	Cursor    string     `json:"cursor,omitempty"`   // opaque position
	Through   *time.Time `json:"through,omitempty"`  // data complete up to
	Start     *time.Time `json:"start,omitempty"`    // where the back-fill began
	BeganAt   *time.Time `json:"began_at,omitempty"` // when the back-fill began
	First     *time.Time `json:"first,omitempty"`    // change of the first row that it read
	Done      bool       `json:"done"`               // the stream was read to its end once
	Rows      uint64     `json:"rows"`
	LastRunAt *time.Time `json:"last_run_at,omitempty"`
	NextRunAt *time.Time `json:"next_run_at,omitempty"`
	LastError string     `json:"last_error,omitempty"`
	Revision  uint64     `json:"-"` // stream sequence of the record, for compare-and-set

	Counts *TicketCounts `json:"counts,omitempty"` // of ResourceTicketCounts, after the first check
}

// ResourceTicketCounts is the Resource of the cursor that holds the result of the last TicketCounts. It is no stream of data.
const ResourceTicketCounts = "ticket_counts"

// TicketCounts is how many tickets Zendesk has, by the time of their creation. Deleted ones are left out.
type TicketCounts struct {
	CheckedAt time.Time     `json:"checked_at"`
	Periods   []TicketCount `json:"periods"` // in order, without gaps
	To        time.Time     `json:"to"`      // end of the last period
	// RereadAt is when tickets were read again last because some were missing; nil = never.
	RereadAt *time.Time `json:"reread_at,omitempty"`
}

// CountSlack is how far behind the counts may be: Zendesk's search index learns of a new or deleted ticket within "a few minutes".
const CountSlack = 10 * time.Minute

// TicketCount is one period, which ends where the next begins.
type TicketCount struct {
	From    time.Time `json:"from"` // UTC, whole seconds
	Tickets int64     `json:"tickets"`
}

var accountLabel = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// ParseAccount takes a Zendesk account name, also as acme.zendesk.com or https://acme.zendesk.com/, and gives the subdomain in lower case:
// hosts are the same in any. Anything that is not one DNS label is refused, because the name becomes part of a host we call.
func ParseAccount(s string) (string, error) {
	a := strings.Map(lowerASCII, strings.TrimSpace(s))
	a = strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(a, "https://"), "http://"), "/")
	a = strings.TrimSuffix(a, ".zendesk.com")
	if !accountLabel.MatchString(a) {
		return "", Invalid("body.account", "must be the first part of your Zendesk address: letters a-z, digits and hyphens, at most 63")
	}
	return a, nil
}

// lowerASCII leaves other letters alone, of which some have a lower case that is ASCII.
func lowerASCII(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// The scopes of a key. One with ScopeAdmin may do everything.
const (
	ScopeAdmin   = "admin"
	ScopePeople  = "people"
	ScopeReports = "reports"
	ScopeRender  = "render"
)

// Scopes are all that a key may have.
var Scopes = []string{ScopeAdmin, ScopePeople, ScopeReports, ScopeRender}

// Key is a stored API key: the secret itself is never kept.
type Key struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Hash      string     `json:"hash"`   // hex SHA-256 of the whole key
	Prefix    string     `json:"prefix"` // first 8 characters, to recognise it
	Scopes    []string   `json:"scopes"` // of Scopes
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
}

// Setting is one setting of the installation that belongs to no source.
type Setting struct {
	Name     string
	Value    json.RawMessage // JSON; nil = it was never set
	Revision uint64          // stream sequence of the record, for compare-and-set; 0 = it was never set
}

// Names of the streams that a source is read in; they are the Resource of its cursors.
const (
	ResourceUsers              = "users"
	ResourceOrganizations      = "organizations"
	ResourceMemberships        = "organization_memberships"
	ResourceGroups             = "groups"
	ResourceBrands             = "brands"
	ResourceTicketForms        = "ticket_forms"
	ResourceCustomStatuses     = "custom_statuses"
	ResourceTicketFields       = "ticket_fields"
	ResourceUserFields         = "user_fields"
	ResourceOrganizationFields = "organization_fields"
	ResourceSchedules          = "schedules"
	ResourceTickets            = "tickets"
	ResourceTicketEvents       = "ticket_events"
	ResourceMetricEvents       = "metric_events"
	ResourceRatings            = "ratings"
	ResourceSurveys            = "survey_responses"
)

// Resources are the streams that a source is read in, in the order of the first sync.
var Resources = []string{
	ResourceUsers, ResourceOrganizations, ResourceMemberships, ResourceGroups, ResourceBrands, ResourceTicketForms, ResourceCustomStatuses,
	ResourceTicketFields, ResourceUserFields, ResourceOrganizationFields, ResourceSchedules, ResourceTickets, ResourceTicketEvents,
	ResourceMetricEvents, ResourceRatings, ResourceSurveys,
}
