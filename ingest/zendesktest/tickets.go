package zendesktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// statuses are the values SetStatus takes; deleted is reached by SoftDelete only.
var statuses = []string{"new", "open", "pending", "hold", "solved", "closed"}

// priorities are the values a priority may have besides none.
var priorities = []string{"low", "normal", "high", "urgent"}

// NewTicket is what a ticket starts with. Requester is required; everything else has Zendesk's default.
type NewTicket struct {
	Requester int64
	// Submitter is who wrote it; zero means the requester.
	Submitter int64
	// Channel is the via channel; empty means email for customers and web for staff.
	Channel  string
	Subject  string
	Body     string
	Private  bool
	Status   string
	Priority string
	Type     string
	Tags     []string
	Assignee int64
	Group    int64
	Brand    int64
	Form     int64
	// Organization is the requester's default one when zero.
	Organization int64
	ExternalID   string
	CustomFields []CustomField
	Attachments  []Attachment
	// AIAgent hides the ticket from exports that do not ask for support_type_scope=all or ai_agent.
	AIAgent bool
}

// Change is one update of a ticket. The zero value of a field leaves it as it is; for Assignee, Group, Priority and Type
// a pointer to zero or to "" clears it.
type Change struct {
	// Actor makes the change; System stands for rules and automations.
	Actor int64
	// Channel is the via channel; empty means rule for the system, email for customers, web for staff.
	Channel      string
	Comment      string
	Private      bool
	Attachments  []Attachment
	Status       string
	Assignee     *int64
	Group        *int64
	Requester    *int64
	Organization *int64
	Brand        *int64
	Subject      *string
	Priority     *string
	Type         *string
	// Tags replaces all tags; a pointer to an empty list removes all.
	Tags         *[]string
	CustomFields []CustomField
}

// CreateTicket makes a ticket with its first comment and returns it. It fails when the requester, the submitter, the
// assignee, the group, the brand or the form is unknown or a word is not one of Zendesk's.
func (a *Account) CreateTicket(at time.Time, n NewTicket) (Ticket, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at = clock(at, time.Time{})
	if n.Submitter == 0 {
		n.Submitter = n.Requester
	}
	author, err := a.activeUser(n.Submitter)
	if err != nil {
		return Ticket{}, fmt.Errorf("submitter: %w", err)
	}
	requester, err := a.activeUser(n.Requester)
	if err != nil {
		return Ticket{}, fmt.Errorf("requester: %w", err)
	}
	if err := a.checkNew(n); err != nil {
		return Ticket{}, err
	}
	r := a.newRecord(at, n, author, requester)
	a.tickets[r.ID] = r
	b := a.begin(at, r, n.Submitter, r.Via.Channel)
	b.comment(n.Body, !n.Private, n.Attachments)
	b.create(r)
	b.notifyFirst("created", map[string]any{})
	b.commit()
	a.replyStarted(at, r, author, !n.Private)
	return r.Ticket, nil
}

func (a *Account) checkNew(n NewTicket) error {
	if n.Status != "" && !slices.Contains(statuses, n.Status) {
		return fmt.Errorf("status %q: %w, want one of %s", n.Status, ErrInvalid, strings.Join(statuses, ", "))
	}
	if n.Priority != "" && !slices.Contains(priorities, n.Priority) {
		return fmt.Errorf("priority %q: %w, want one of %s", n.Priority, ErrInvalid, strings.Join(priorities, ", "))
	}
	if n.Assignee != 0 {
		if _, err := a.user(n.Assignee); err != nil {
			return fmt.Errorf("assignee: %w", err)
		}
	}
	if n.Group != 0 && !slices.ContainsFunc(a.groups, func(g Group) bool { return g.ID == n.Group }) {
		return fmt.Errorf("group %d: %w", n.Group, ErrNotFound)
	}
	if n.Brand != 0 && !slices.ContainsFunc(a.brands, func(b Brand) bool { return b.ID == n.Brand }) {
		return fmt.Errorf("brand %d: %w", n.Brand, ErrNotFound)
	}
	if n.Form != 0 && !slices.ContainsFunc(a.forms, func(f TicketForm) bool { return f.ID == n.Form }) {
		return fmt.Errorf("ticket form %d: %w", n.Form, ErrNotFound)
	}
	return nil
}

func (a *Account) newRecord(at time.Time, n NewTicket, author, requester *User) *record {
	a.lastTicket++
	id := a.lastTicket
	t := Ticket{
		ID: id, URL: a.url("tickets/" + strconv.FormatInt(id, 10)), Via: newVia(defaultChannel(n.Channel, author)),
		CreatedAt: at, UpdatedAt: at, Type: optional(n.Type), Subject: n.Subject, RawSubject: n.Subject,
		Description: n.Body, Priority: optional(n.Priority), Status: n.Status, ExternalID: optional(n.ExternalID),
		RequesterID: n.Requester, SubmitterID: n.Submitter, AssigneeID: optional(n.Assignee), GroupID: optional(n.Group),
		OrganizationID: optional(n.Organization), BrandID: optional(n.Brand), TicketFormID: optional(n.Form), IsPublic: !n.Private,
		Tags: cleanTags(n.Tags), CustomFields: slices.Clone(n.CustomFields), AllowAttachments: true,
		SatisfactionRating: &TicketRating{Score: "unoffered"},
	}
	if t.OrganizationID == nil {
		t.OrganizationID = requester.OrganizationID
	}
	if t.BrandID == nil && len(a.brands) > 0 {
		t.BrandID = ptr(a.brands[0].ID)
	}
	if t.TicketFormID == nil && len(a.forms) > 0 {
		t.TicketFormID = ptr(a.forms[0].ID)
	}
	if t.Status == "" {
		t.Status = "new"
		if n.Assignee != 0 {
			t.Status = "open"
		}
	}
	t.CustomStatusID = ptr(customStatus(t.Status))
	t.fill()
	r := &record{Ticket: t, supportType: "agent"}
	if n.AIAgent {
		r.supportType = "ai_agent"
	}
	return r
}

// customStatus is the id of the default custom status of a status; closed belongs to the solved category.
func customStatus(status string) int64 {
	if status == "closed" {
		status = "solved"
	}
	return 6130830355738 + idStep*int64(slices.Index(statuses, status))
}

// customStatuses are the default custom statuses, which every account has from its beginning.
func customStatuses() []CustomStatus {
	made := time.Date(2022, 6, 1, 9, 0, 0, 0, time.UTC)
	var out []CustomStatus
	for _, c := range []struct{ category, agent, endUser string }{
		{"new", "New", "Open"}, {"open", "Open", "Open"}, {"pending", "Pending", "Awaiting your reply"}, {"hold", "On-hold", "Open"}, {"solved", "Solved", "Solved"},
	} {
		out = append(out, CustomStatus{
			ID: customStatus(c.category), StatusCategory: c.category, AgentLabel: c.agent, RawAgentLabel: c.agent, EndUserLabel: c.endUser,
			RawEndUserLabel: c.endUser, Active: true, Default: true, CreatedAt: made, UpdatedAt: made,
		})
	}
	return out
}

func defaultChannel(channel string, author *User) string {
	switch {
	case channel != "":
		return channel
	case author == nil:
		return "rule"
	case author.Staff():
		return "web"
	}
	return "email"
}

func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// cleanTags sorts and dedupes tags in lower case, as Zendesk stores them.
func cleanTags(tags []string) []string {
	out := make([]string, 0, len(tags))
	for _, t := range tags {
		if t = strings.ToLower(strings.TrimSpace(t)); t != "" {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Update applies one change as one audit and returns it; a change that changes nothing returns an Audit with ID 0.
// As in Zendesk, a customer's public comment puts a pending, held or solved ticket back to open, and assigning a new
// ticket opens it. Closed tickets take neither comments nor a status, but late edits of tags, subject and priority.
func (a *Account) Update(at time.Time, ticketID int64, c Change) (Audit, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, author, err := a.editable(ticketID, c)
	if err != nil {
		return Audit{}, err
	}
	at = clock(at, r.UpdatedAt)
	a.breach(at)
	c.Status = impliedStatus(r, author, c)
	b := a.begin(at, r, c.Actor, defaultChannel(c.Channel, author))
	if c.Comment != "" {
		b.comment(c.Comment, !c.Private, c.Attachments)
	}
	b.apply(c)
	audit := b.commit()
	if c.Comment != "" {
		a.commented(at, r, author, !c.Private)
	}
	if c.Priority != nil {
		a.reapplySLA(at, r)
	}
	if c.Status == "solved" || c.Status == "closed" {
		a.fulfil(at, r)
	}
	return audit, nil
}

func (a *Account) editable(ticketID int64, c Change) (*record, *User, error) {
	r, err := a.record(ticketID)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case r.Status == "deleted":
		return nil, nil, fmt.Errorf("ticket %d: %w", ticketID, ErrDeleted)
	case r.Status == "closed" && (c.Comment != "" || c.Status != ""):
		return nil, nil, fmt.Errorf("ticket %d: %w", ticketID, ErrClosed)
	case c.Status != "" && !slices.Contains(statuses, c.Status):
		return nil, nil, fmt.Errorf("status %q: %w, want one of %s", c.Status, ErrInvalid, strings.Join(statuses, ", "))
	case c.Priority != nil && *c.Priority != "" && !slices.Contains(priorities, *c.Priority):
		return nil, nil, fmt.Errorf("priority %q: %w, want one of %s", *c.Priority, ErrInvalid, strings.Join(priorities, ", "))
	}
	if c.Actor == System {
		return r, nil, nil
	}
	author, err := a.user(c.Actor)
	if err != nil {
		return nil, nil, fmt.Errorf("actor: %w", err)
	}
	return r, author, nil
}

func impliedStatus(r *record, author *User, c Change) string {
	if c.Status != "" {
		return c.Status
	}
	customer := author != nil && !author.Staff()
	if customer && c.Comment != "" && !c.Private && slices.Contains([]string{"pending", "hold", "solved"}, r.Status) {
		return "open"
	}
	if r.Status == "new" && c.Assignee != nil && *c.Assignee != 0 {
		return "open"
	}
	return ""
}

// Comment adds one message.
func (a *Account) Comment(at time.Time, ticketID, author int64, body string, public bool) error {
	_, err := a.Update(at, ticketID, Change{Actor: author, Comment: body, Private: !public})
	return err
}

// SetStatus moves a ticket to another status.
func (a *Account) SetStatus(at time.Time, ticketID, actor int64, status string) error {
	_, err := a.Update(at, ticketID, Change{Actor: actor, Status: status})
	return err
}

// Assign gives a ticket to an agent and, unless zero, to a group. Assignee zero takes it from everyone.
func (a *Account) Assign(at time.Time, ticketID, actor, assignee, group int64) error {
	c := Change{Actor: actor, Assignee: &assignee}
	if group != 0 {
		c.Group = &group
	}
	_, err := a.Update(at, ticketID, c)
	return err
}

// SetTags replaces the tags of a ticket.
func (a *Account) SetTags(at time.Time, ticketID, actor int64, tags ...string) error {
	_, err := a.Update(at, ticketID, Change{Actor: actor, Tags: &tags})
	return err
}

// SetSubject changes the subject.
func (a *Account) SetSubject(at time.Time, ticketID, actor int64, subject string) error {
	_, err := a.Update(at, ticketID, Change{Actor: actor, Subject: &subject})
	return err
}

// SetPriority changes the priority; "" clears it.
func (a *Account) SetPriority(at time.Time, ticketID, actor int64, priority string) error {
	_, err := a.Update(at, ticketID, Change{Actor: actor, Priority: &priority})
	return err
}

// Touch moves a ticket in the export without changing it, as Zendesk's own upkeep does: generated_timestamp goes up,
// updated_at stays.
func (a *Account) Touch(at time.Time, ticketID int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := a.record(ticketID)
	if err != nil {
		return err
	}
	r.GeneratedTimestamp = max(r.GeneratedTimestamp, at.Unix())
	return nil
}

// AddAuditEvent appends an audit with one event of any type, whose other fields are given as a JSON object: what clients
// must skip or survive.
func (a *Account) AddAuditEvent(at time.Time, ticketID, actor int64, kind string, fields []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := a.record(ticketID)
	if err != nil {
		return err
	}
	event := map[string]any{}
	if err := json.Unmarshal(fields, &event); err != nil {
		return fmt.Errorf("event fields: %w, want a JSON object: %w", ErrInvalid, err)
	}
	id := a.nextID()
	event["id"], event["type"] = id, kind
	raw, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("event fields: %w", err)
	}
	b := a.begin(clock(at, r.UpdatedAt), r, actor, "web")
	b.audit.Events = append(b.audit.Events, AuditEvent{ID: id, Type: kind, Raw: raw})
	b.commit()
	return nil
}

// SoftDelete deletes a ticket so that it can be restored: the export then shows it with status deleted.
func (a *Account) SoftDelete(at time.Time, ticketID, actor int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := a.record(ticketID)
	if err != nil {
		return err
	}
	if r.Status == "deleted" {
		return fmt.Errorf("ticket %d: %w", ticketID, ErrDeleted)
	}
	r.before = r.Status
	b := a.begin(clock(at, r.UpdatedAt), r, actor, "web")
	b.changed("status", "deleted", r.Status)
	r.Status = "deleted"
	b.notify("soft_deleted", map[string]any{})
	b.commit()
	return nil
}

// Restore brings a soft deleted ticket back with the status it had.
func (a *Account) Restore(at time.Time, ticketID, actor int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := a.record(ticketID)
	if err != nil {
		return err
	}
	if r.Status != "deleted" || r.scrubbed {
		return fmt.Errorf("ticket %d: restorable deletion: %w", ticketID, ErrNotFound)
	}
	b := a.begin(clock(at, r.UpdatedAt), r, actor, "web")
	b.changed("status", r.before, "deleted")
	r.Status = r.before
	b.notify("undeleted", map[string]any{})
	b.commit()
	return nil
}

// DeletePermanently scrubs a ticket: the export keeps a row with subject SCRUBBED and description X; its audits,
// comments, ratings and metric events are gone. A ticket that was not soft deleted before is so first.
func (a *Account) DeletePermanently(at time.Time, ticketID, actor int64) error {
	if t, err := a.Ticket(ticketID); err == nil && t.Status != "deleted" {
		if err := a.SoftDelete(at, ticketID, actor); err != nil {
			return err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := a.record(ticketID)
	if err != nil {
		return err
	}
	at = clock(at, r.UpdatedAt)
	r.Subject, r.RawSubject, r.Description = "SCRUBBED", "SCRUBBED", "X"
	r.Tags, r.CustomFields, r.SatisfactionRating = []string{}, []CustomField{}, nil
	r.AssigneeID, r.GroupID, r.OrganizationID, r.Recipient, r.ExternalID = nil, nil, nil, nil, nil
	r.fill()
	r.audits, r.rating, r.scrubbed = nil, nil, true
	r.GeneratedTimestamp = max(r.GeneratedTimestamp, at.Unix())
	a.audits = slices.DeleteFunc(a.audits, func(ref auditRef) bool { return ref.ticket == ticketID })
	a.ratings = slices.DeleteFunc(a.ratings, func(x *Rating) bool { return x.TicketID == ticketID })
	a.metrics = slices.DeleteFunc(a.metrics, func(x *MetricEvent) bool { return x.TicketID == ticketID })
	r.reply = replyClock{}
	delete(a.running, ticketID)
	b := a.begin(at, r, actor, "web")
	b.notify("permanently_deleted", map[string]any{})
	b.send()
	return nil
}

// Redact replaces the text of a comment everywhere, and of the description when it is the first one.
func (a *Account) Redact(at time.Time, ticketID, actor, commentID int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := a.record(ticketID)
	if err != nil {
		return err
	}
	if !r.redact(commentID) {
		return fmt.Errorf("comment %d of ticket %d: %w", commentID, ticketID, ErrNotFound)
	}
	b := a.begin(clock(at, r.UpdatedAt), r, actor, "web")
	b.audit.Events = append(b.audit.Events, AuditEvent{ID: a.nextID(), Type: "CommentRedactionEvent", CommentID: commentID})
	b.notify("comment_redacted", map[string]any{"comment": map[string]any{"id": strconv.FormatInt(commentID, 10)}})
	b.commit()
	return nil
}

// redact puts new events and a new comment in place of the old, because copies of the old ones may be in use.
func (r *record) redact(commentID int64) bool {
	first := true
	for i, audit := range r.audits {
		for j, e := range audit.Events {
			if e.Comment == nil {
				continue
			}
			if e.Comment.ID == commentID {
				c := *e.Comment
				c.Body, c.PlainBody, c.HTMLBody = redactedText, redactedText, htmlBody(redactedText)
				c.Attachments = []Attachment{}
				r.audits[i].Events = slices.Clone(audit.Events)
				r.audits[i].Events[j].Comment = &c
				if first {
					r.Description = redactedText
				}
				return true
			}
			first = false
		}
	}
	return false
}

// MergeTickets closes source into target: both get a private note, source is closed with the tag closed_by_merge.
func (a *Account) MergeTickets(at time.Time, actor, source, target int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	from, _, err := a.editable(source, Change{Actor: actor, Status: "closed"})
	if err != nil {
		return err
	}
	into, _, err := a.editable(target, Change{Actor: actor, Comment: "x"})
	if err != nil {
		return err
	}
	at = clock(clock(at, from.UpdatedAt), into.UpdatedAt)
	b := a.begin(at, from, actor, "web")
	b.comment(fmt.Sprintf("This request was closed and merged into request #%d.", target), false, nil)
	tags := append(slices.Clone(from.Tags), "closed_by_merge")
	b.apply(Change{Status: "closed", Tags: &tags})
	b.notify("merged", map[string]any{"target_ticket_id": strconv.FormatInt(target, 10)})
	b.commit()
	a.fulfil(at, from)
	n := a.begin(at, into, actor, "web")
	n.comment(fmt.Sprintf("Request #%d was closed and merged into this request.", source), false, nil)
	n.commit()
	return nil
}
