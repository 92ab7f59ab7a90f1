package zendesktest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// update collects the audit and the webhooks of one change of a ticket. The account must stay locked.
type update struct {
	account *Account
	ticket  *record
	at      time.Time
	audit   Audit
	events  []pending
}

// pending is a webhook whose detail is filled in when the change is complete.
type pending struct {
	kind  string
	event map[string]any
}

func (a *Account) begin(at time.Time, r *record, actor int64, channel string) *update {
	return &update{account: a, ticket: r, at: at, audit: Audit{
		ID: a.nextID(), TicketID: r.ID, CreatedAt: at, AuthorID: actor, Events: []AuditEvent{}, Via: newVia(channel),
		Metadata: AuditMetadata{System: map[string]any{}, Custom: map[string]any{}},
	}}
}

func (u *update) notify(kind string, event map[string]any) {
	u.events = append(u.events, pending{"ticket." + kind, event})
}

func (u *update) notifyFirst(kind string, event map[string]any) {
	u.events = slices.Insert(u.events, 0, pending{"ticket." + kind, event})
}

func (u *update) comment(body string, public bool, files []Attachment) {
	if files == nil {
		files = []Attachment{}
	}
	c := &Comment{
		ID: u.account.nextID(), Type: "Comment", AuthorID: u.audit.AuthorID, Body: body, HTMLBody: htmlBody(body),
		PlainBody: body, Public: public, Attachments: files, AuditID: u.audit.ID,
	}
	u.audit.Events = append(u.audit.Events, AuditEvent{ID: c.ID, Type: "Comment", Comment: c})
	if public {
		u.ticket.IsPublic = true
	}
	u.notify("comment_added", map[string]any{"comment": u.webhookComment(c)})
	for _, f := range files {
		u.notify("attachment_linked_to_comment", map[string]any{"comment": map[string]any{
			"id": strconv.FormatInt(c.ID, 10), "attachment": map[string]any{
				"id": strconv.FormatInt(f.ID, 10), "filename": f.FileName, "content_type": f.ContentType,
				"content_url": f.ContentURL, "is_public": public,
			},
		}})
	}
}

func (u *update) webhookComment(c *Comment) map[string]any {
	author := map[string]any{"id": strconv.FormatInt(c.AuthorID, 10), "is_staff": false, "name": ""}
	if user, ok := u.account.users[c.AuthorID]; ok {
		author["is_staff"], author["name"] = user.Staff(), user.Name
	}
	return map[string]any{
		"id": strconv.FormatInt(c.ID, 10), "body": c.Body, "html_body": c.HTMLBody, "is_public": c.Public, "author": author,
	}
}

// create records the fields a new ticket was given.
func (u *update) create(r *record) {
	add := func(field string, value any) {
		u.audit.Events = append(u.audit.Events, AuditEvent{ID: u.account.nextID(), Type: "Create", FieldName: field, Value: value})
	}
	add("subject", r.Subject)
	if r.Priority != nil {
		add("priority", *r.Priority)
	}
	if r.Type != nil {
		add("type", *r.Type)
	}
	add("tags", r.Tags)
	add("status", r.Status)
	for _, f := range []struct {
		name string
		id   *int64
	}{{"assignee_id", r.AssigneeID}, {"group_id", r.GroupID}} {
		if f.id != nil {
			add(f.name, idText(f.id))
		}
	}
	add("requester_id", strconv.FormatInt(r.RequesterID, 10))
	for _, f := range []struct {
		name string
		id   *int64
	}{{"organization_id", r.OrganizationID}, {"brand_id", r.BrandID}, {"ticket_form_id", r.TicketFormID}} {
		if f.id != nil {
			add(f.name, idText(f.id))
		}
	}
	for _, f := range r.CustomFields {
		add(strconv.FormatInt(f.ID, 10), f.Value)
	}
}

func (u *update) changed(field string, value, previous any) {
	u.audit.Events = append(u.audit.Events, AuditEvent{
		ID: u.account.nextID(), Type: "Change", FieldName: field, Value: value, PreviousValue: previous,
	})
}

// apply makes the field changes of c, each with its audit event and webhook.
func (u *update) apply(c Change) {
	r := u.ticket
	if c.Status != "" && c.Status != r.Status {
		u.changed("status", c.Status, r.Status)
		u.notify("status_changed", fromTo(strings.ToUpper(c.Status), strings.ToUpper(r.Status)))
		r.Status = c.Status
		r.CustomStatusID = ptr(customStatus(c.Status))
	}
	u.id("assignee_id", "agent_assignment_changed", &r.AssigneeID, c.Assignee)
	u.id("group_id", "group_assignment_changed", &r.GroupID, c.Group)
	u.id("organization_id", "organization_changed", &r.OrganizationID, c.Organization)
	u.id("brand_id", "brand_changed", &r.BrandID, c.Brand)
	if c.Requester != nil && *c.Requester != r.RequesterID {
		before := ptr(r.RequesterID)
		u.id("requester_id", "requester_changed", &before, c.Requester)
		r.RequesterID = *c.Requester
	}
	if c.Subject != nil && *c.Subject != r.Subject {
		u.changed("subject", *c.Subject, r.Subject)
		u.notify("subject_changed", fromTo(*c.Subject, r.Subject))
		r.Subject, r.RawSubject = *c.Subject, *c.Subject
	}
	u.word("priority", "priority_changed", &r.Priority, c.Priority)
	u.word("type", "type_changed", &r.Type, c.Type)
	if c.Tags != nil {
		u.tags(cleanTags(*c.Tags))
	}
	for _, f := range c.CustomFields {
		u.field(f)
	}
}

func fromTo(current, previous any) map[string]any {
	return map[string]any{"current": current, "previous": previous}
}

func (u *update) id(field, kind string, at **int64, to *int64) {
	if to == nil {
		return
	}
	next := optional(*to)
	if idText(next) == idText(*at) {
		return
	}
	u.changed(field, idText(next), idText(*at))
	u.notify(kind, fromTo(idText(next), idText(*at)))
	*at = next
}

func (u *update) word(field, kind string, at **string, to *string) {
	if to == nil {
		return
	}
	next := optional(*to)
	if text(next) == text(*at) {
		return
	}
	u.changed(field, text(next), text(*at))
	u.notify(kind, fromTo(upper(next), upper(*at)))
	*at = next
}

func (u *update) tags(tags []string) {
	before := u.ticket.Tags
	if slices.Equal(tags, before) {
		return
	}
	added, removed := difference(tags, before), difference(before, tags)
	u.changed("tags", tags, before)
	u.notify("tags_changed", map[string]any{
		"added": map[string]any{"tags": added}, "removed": map[string]any{"tags": removed},
	})
	u.ticket.Tags = tags
}

func (u *update) field(f CustomField) {
	fields := slices.Clone(u.ticket.CustomFields)
	i := slices.IndexFunc(fields, func(x CustomField) bool { return x.ID == f.ID })
	if i < 0 {
		fields = append(fields, CustomField{ID: f.ID})
		i = len(fields) - 1
	}
	before := fields[i].Value
	if fmt.Sprint(before) == fmt.Sprint(f.Value) {
		return
	}
	fields[i] = f
	u.ticket.CustomFields = fields
	u.ticket.fill()
	u.changed(strconv.FormatInt(f.ID, 10), f.Value, before)
	event := fromTo(f.Value, before)
	event["field"] = u.account.fieldName(f.ID)
	u.notify("custom_field_changed", event)
}

func (a *Account) fieldName(id int64) map[string]any {
	for _, f := range a.fields["ticket"] {
		if f.ID == id {
			return map[string]any{"id": strconv.FormatInt(id, 10), "title": f.Title, "type": f.Type}
		}
	}
	return map[string]any{"id": strconv.FormatInt(id, 10), "title": "", "type": ""}
}

// difference returns what is in x and not in y.
func difference(x, y []string) []string {
	out := []string{}
	for _, v := range x {
		if !slices.Contains(y, v) {
			out = append(out, v)
		}
	}
	return out
}

// commit stores the audit and queues the webhooks. An update without events leaves no trace.
func (u *update) commit() Audit {
	if len(u.audit.Events) == 0 {
		return Audit{}
	}
	u.account.addAudit(u.ticket, u.audit)
	u.send()
	return u.audit
}

func (u *update) send() {
	u.account.emitTicket(u.at, u.ticket, u.audit.AuthorID, u.events)
}

// idText gives an id as the string Zendesk uses in audits and webhooks, nil for none.
func idText(id *int64) any {
	if id == nil {
		return nil
	}
	return strconv.FormatInt(*id, 10)
}

func text(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

func upper(s *string) any {
	if s == nil {
		return nil
	}
	return strings.ToUpper(*s)
}
