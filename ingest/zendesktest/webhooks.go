package zendesktest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// StaticSecret signs the test sends of a webhook that is not yet saved, as Zendesk documents.
const StaticSecret = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="

// outboxLimit bounds what waits for a sender; beyond it the oldest events are lost, as webhooks may be.
const outboxLimit = 20_000

// Webhook is one event as Zendesk posts it. Body is indented JSON with a final newline and must be sent as it is.
type Webhook struct {
	// ID is the envelope id, the same in every delivery of the event.
	ID      string
	Type    string
	Subject string
	Time    time.Time
	Body    []byte
}

// Subscription is a webhook registered in the account; Events holds types, and an empty list means all.
type Subscription struct {
	ID        string
	Name      string
	Endpoint  string
	Secret    string
	Events    []string
	Active    bool
	CreatedBy int64
	CreatedAt time.Time
}

func (s Subscription) wants(kind string) bool {
	return s.Active && (len(s.Events) == 0 || slices.Contains(s.Events, kind))
}

type outbox struct {
	off      bool
	sequence int64
	waiting  []Webhook
	lost     int64
	ready    chan struct{}
}

func newOutbox() outbox { return outbox{ready: make(chan struct{}, 1)} }

// envelope is the fixed form of event subscriptions.
type envelope struct {
	AccountID int64          `json:"account_id"`
	Detail    any            `json:"detail"`
	Event     map[string]any `json:"event"`
	ID        string         `json:"id"`
	Subject   string         `json:"subject"`
	Time      string         `json:"time"`
	Type      string         `json:"type"`
	Version   string         `json:"zendesk_event_version"`
}

type ticketDetail struct {
	ActorID        string            `json:"actor_id"`
	AssigneeID     any               `json:"assignee_id"`
	BrandID        any               `json:"brand_id"`
	CreatedAt      time.Time         `json:"created_at"`
	CustomStatus   any               `json:"custom_status"`
	Description    string            `json:"description"`
	ExternalID     *string           `json:"external_id"`
	FormID         any               `json:"form_id"`
	GroupID        any               `json:"group_id"`
	ID             string            `json:"id"`
	IsPublic       bool              `json:"is_public"`
	OrganizationID any               `json:"organization_id"`
	Priority       any               `json:"priority"`
	RequesterID    string            `json:"requester_id"`
	Status         string            `json:"status"`
	Subject        string            `json:"subject"`
	SubmitterID    string            `json:"submitter_id"`
	Tags           []string          `json:"tags"`
	Type           any               `json:"type"`
	UpdatedAt      time.Time         `json:"updated_at"`
	Via            map[string]string `json:"via"`
}

type userDetail struct {
	CreatedAt      time.Time `json:"created_at"`
	DefaultGroupID string    `json:"default_group_id"`
	Email          string    `json:"email"`
	ExternalID     string    `json:"external_id"`
	ID             string    `json:"id"`
	OrganizationID string    `json:"organization_id"`
	Role           string    `json:"role"`
	UpdatedAt      time.Time `json:"updated_at"`
}

type organizationDetail struct {
	CreatedAt      time.Time `json:"created_at"`
	ExternalID     string    `json:"external_id"`
	GroupID        string    `json:"group_id"`
	ID             string    `json:"id"`
	Name           string    `json:"name"`
	SharedComments bool      `json:"shared_comments"`
	SharedTickets  bool      `json:"shared_tickets"`
	UpdatedAt      time.Time `json:"updated_at"`
}

// emitTicket queues the events of one update; they share a sequence id.
func (a *Account) emitTicket(at time.Time, r *record, actor int64, events []pending) {
	if a.outbox.off || len(events) == 0 {
		return
	}
	detail := ticketDetail{
		ActorID: strconv.FormatInt(actor, 10), AssigneeID: idText(r.AssigneeID), BrandID: idText(r.BrandID),
		CreatedAt: r.CreatedAt, CustomStatus: idText(r.CustomStatusID), Description: r.Description,
		ExternalID: r.ExternalID, FormID: idText(r.TicketFormID), GroupID: idText(r.GroupID),
		ID: strconv.FormatInt(r.ID, 10), IsPublic: r.IsPublic, OrganizationID: idText(r.OrganizationID),
		Priority: upper(r.Priority), RequesterID: strconv.FormatInt(r.RequesterID, 10),
		Status: strings.ToUpper(r.Status), Subject: r.Subject, SubmitterID: strconv.FormatInt(r.SubmitterID, 10),
		Tags: r.Tags, Type: upper(r.Type), UpdatedAt: r.UpdatedAt, Via: map[string]string{"channel": r.Via.Channel},
	}
	sequence := ulid(at, a.outbox.sequence)
	for i, e := range events {
		e.event["meta"] = map[string]any{"sequence": map[string]any{"id": sequence, "position": i + 1, "total": len(events)}}
		a.emit(at, e.kind, "zen:ticket:"+detail.ID, detail, e.event)
	}
}

func (a *Account) emitUser(at time.Time, u *User, kind string, event map[string]any) {
	email, external := "", ""
	if u.Email != nil {
		email = *u.Email
	}
	if u.ExternalID != nil {
		external = *u.ExternalID
	}
	id := strconv.FormatInt(u.ID, 10)
	a.emit(at, "user."+kind, "zen:user:"+id, userDetail{
		CreatedAt: u.CreatedAt, DefaultGroupID: idOrZero(u.DefaultGroupID), Email: email, ExternalID: external, ID: id,
		OrganizationID: idOrZero(u.OrganizationID), Role: u.Role, UpdatedAt: u.UpdatedAt,
	}, event)
}

func (a *Account) emitOrganization(at time.Time, o *Organization, kind string, event map[string]any) {
	external := ""
	if o.ExternalID != nil {
		external = *o.ExternalID
	}
	id := strconv.FormatInt(o.ID, 10)
	a.emit(at, "organization."+kind, "zen:organization:"+id, organizationDetail{
		CreatedAt: o.CreatedAt, ExternalID: external, GroupID: idOrZero(o.GroupID), ID: id, Name: o.Name,
		SharedComments: o.SharedComments, SharedTickets: o.SharedTickets, UpdatedAt: o.UpdatedAt,
	}, event)
}

func idOrZero(id *int64) string {
	if id == nil {
		return "0"
	}
	return strconv.FormatInt(*id, 10)
}

func (a *Account) emit(at time.Time, kind, subject string, detail any, event map[string]any) {
	o := &a.outbox
	if o.off {
		return
	}
	o.sequence++
	// A few nanoseconds apart, because Zendesk's times carry up to nine digits.
	when := at.Add(time.Duration(o.sequence%1_000_000) * time.Microsecond)
	w := Webhook{ID: a.eventID(o.sequence), Type: "zen:event-type:" + kind, Subject: subject, Time: when}
	body, err := json.MarshalIndent(envelope{
		AccountID: a.ID, Detail: detail, Event: event, ID: w.ID, Subject: subject,
		Time: when.Format("2006-01-02T15:04:05.000000000Z07:00"), Type: w.Type, Version: "2022-11-06",
	}, "", "   ")
	if err != nil {
		// Only a custom field value that JSON cannot hold gets here; Zendesk could not send it either.
		o.lost++
		return
	}
	body = append(body, '\n')
	w.Body = body
	o.waiting = append(o.waiting, w)
	if extra := outboxLimit / 20; len(o.waiting) >= outboxLimit+extra {
		o.waiting = slices.Delete(o.waiting, 0, extra)
		o.lost += int64(extra)
	}
	select {
	case o.ready <- struct{}{}:
	default:
	}
}

// eventID is a UUID made from the account and the number of the event, so that equal runs give equal ids.
func (a *Account) eventID(n int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", a.Subdomain, a.ID, n))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// ulid makes an id of the form Zendesk gives webhooks, invocations and sequences.
func ulid(at time.Time, n int64) string {
	var out [26]byte
	ms := at.UnixMilli()
	for i := 9; i >= 0; i-- {
		out[i] = crockford[ms&31]
		ms >>= 5
	}
	sum := sha256.Sum256(strconv.AppendInt(nil, n, 10))
	for i := range 16 {
		out[10+i] = crockford[sum[i]&31]
	}
	return string(out[:])
}

// SetWebhooks switches the making of webhooks on or off; it is on at first. Off is for building up a past.
func (a *Account) SetWebhooks(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.outbox.off = !on
}

// TakeWebhooks empties the queue of webhooks and returns it in the order of the events.
func (a *Account) TakeWebhooks() []Webhook {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := a.outbox.waiting
	a.outbox.waiting = nil
	return out
}

// Subscribe registers a webhook for the given event types (none means all) and returns it with its new secret.
func (a *Account) Subscribe(at time.Time, name, endpoint string, events ...string) Subscription {
	return a.subscribe(at, Subscription{Name: name, Endpoint: endpoint, Events: slices.Clone(events), Active: true})
}

func (a *Account) subscribe(at time.Time, s Subscription) Subscription {
	a.mu.Lock()
	defer a.mu.Unlock()
	s.ID, s.CreatedAt = ulid(at, a.nextID()), clock(at, time.Time{})
	sum := sha256.Sum256([]byte(a.Subdomain + "/" + s.ID))
	s.Secret = base64.StdEncoding.EncodeToString(sum[:])
	a.hooks = append(slices.Clone(a.hooks), s)
	return s
}

// Subscriptions returns the registered webhooks.
func (a *Account) Subscriptions() []Subscription {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.hooks)
}

// Sign returns the signature header of a webhook body: base64 of HMAC-SHA256 over timestamp and body with the secret as
// it is shown, not decoded (developer.zendesk.com/documentation/webhooks/verifying).
func Sign(secret, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
