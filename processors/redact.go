package processors

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"deskstream/schemas"
)

// Redactor takes the personal data of erased people out of events that are stored or about to be. What figures follow from stays, so
// that tables made again from the events have the same ones. It is safe for concurrent use while nobody changes it.
type Redactor struct {
	Account string
	Users   map[int64]bool // erased
	Tickets map[int64]bool // requested by them
}

// Redact gives what may be kept of an event's data: all of it where it is about nobody erased, nil for an event that must go. What it
// gave once it leaves as it is.
func (x *Redactor) Redact(e *schemas.Event) []byte {
	read := x.reader(e.Kind)
	if e.Account != x.Account || read == nil && e.Kind != schemas.KindTrigger {
		return e.Data
	}
	in := partsOf(e.Data)
	if e.Kind == schemas.KindTrigger || in == nil {
		return x.unreadable(e.Data)
	}
	out := read(in)
	if out == nil {
		return nil
	}
	b := out.json()
	if bytes.Equal(b, in.json()) {
		return e.Data
	}
	kept := *e
	kept.Data = b
	it := newItem(&kept)
	if it.load(); it.domain == domainDead {
		return nil // it was of no use before
	}
	return b
}

// reader gives what cuts events of a kind, nil for kinds that tell nothing personal.
func (x *Redactor) reader(kind schemas.Kind) func(parts) parts {
	switch kind {
	case schemas.KindUser:
		return x.user
	case schemas.KindPerson:
		return x.personEdit
	case schemas.KindAudience:
		return x.verdict
	case schemas.KindTicket:
		return x.ticket
	case schemas.KindAudit:
		return x.audit
	case schemas.KindRating:
		return x.rating
	case schemas.KindWebhook:
		return x.webhook
	}
	return nil
}

// unreadable looks for the numbers of the erased in data that has no known form.
func (x *Redactor) unreadable(data []byte) []byte {
	digits := func(r rune) bool { return r < '0' || r > '9' }
	for _, run := range bytes.FieldsFunc(data, digits) {
		if n, err := strconv.ParseInt(string(run), 10, 64); err == nil && (x.Users[n] || x.Tickets[n]) {
			return nil
		}
	}
	return data
}

// parts are the members of a JSON object.
type parts map[string]json.RawMessage

func partsOf(data []byte) parts {
	var p parts
	if json.Unmarshal(data, &p) != nil {
		return nil
	}
	return p
}

func (p parts) json() json.RawMessage {
	b, err := json.Marshal(p) // in the order of the names
	if err != nil {
		return json.RawMessage("{}")
	}
	return b
}

// pick keeps some members.
func (p parts) pick(names ...string) parts {
	out := parts{}
	for _, name := range names {
		if v, ok := p[name]; ok {
			out[name] = v
		}
	}
	return out
}

// narrow keeps some members of the object that is a member.
func (p parts) narrow(name string, names ...string) {
	if inner := partsOf(p[name]); inner != nil {
		p[name] = inner.pick(names...).json()
	}
}

func (p parts) id(name string) int64 { return idOf(p[name]) }

func (p parts) maskText(name string) {
	if v, ok := p[name]; ok {
		p[name], _ = json.Marshal(maskSubject(cut(schemas.Text(v), maxSubject))) // a text has a JSON form
	}
}

// via keeps the channel and the relation; the source may hold names and addresses.
func (p parts) via() {
	via := partsOf(p["via"])
	if via == nil {
		return
	}
	via = via.pick("channel", "source")
	via.narrow("source", "rel")
	p["via"] = via.json()
}

func (x *Redactor) user(in parts) parts {
	if !x.Users[in.id("id")] {
		return in
	}
	return in.pick("id", "role", "organization_id", "created_at", "updated_at")
}

func (x *Redactor) personEdit(in parts) parts {
	if x.Users[in.id("id")] {
		return nil
	}
	return in
}

// verdict drops what was found about the person; of activities that made others enter, what the erased wrote.
func (x *Redactor) verdict(in parts) parts {
	if x.Users[in.id("id")] {
		return nil
	}
	var all []parts
	if json.Unmarshal(in["fired"], &all) != nil {
		return in
	}
	cut := false
	for _, f := range all {
		if a := partsOf(f["activity"]); a != nil && (x.Tickets[a.id("ticket_id")] || x.Users[a.id("actor_id")]) {
			cut = true
			f["activity"] = a.pick("account", "activity", "activity_id", "occurred_at", "ticket_id", "user_id", "actor_id").json()
		}
	}
	if !cut {
		return in
	}
	out := maps.Clone(in)
	b, err := json.Marshal(all)
	if err != nil {
		return nil
	}
	out["fired"] = b
	return out
}

func (x *Redactor) ticket(in parts) parts {
	switch {
	case x.Tickets[in.id("id")] || x.Users[in.id("requester_id")]:
		in = in.pick("id", "subject", "type", "priority", "status", "custom_status_id", "requester_id", "submitter_id", "assignee_id", "organization_id",
			"group_id", "brand_id", "ticket_form_id", "tags", "is_public", "due_at", "created_at", "updated_at", "generated_timestamp", "url", "via")
		in.maskText("subject")
	case x.Users[in.id("submitter_id")]:
		in = maps.Clone(in)
		delete(in, "description")
	default:
		return in
	}
	in.via()
	return in
}

func (x *Redactor) rating(in parts) parts {
	if !x.Tickets[in.id("ticket_id")] && !x.Users[in.id("requester_id")] {
		return in
	}
	return in.pick("id", "ticket_id", "requester_id", "assignee_id", "group_id", "score", "reason", "reason_id", "url", "created_at", "updated_at")
}

func (x *Redactor) audit(in parts) parts {
	whole := x.Tickets[in.id("ticket_id")] || x.bornFor(in)
	author := cmp.Or(in.id("author_id"), in.id("updater_id"))
	out := in.pick("id", "ticket_id", "created_at", "timestamp", "author_id", "updater_id", "via", "events", "child_events")
	changed := whole || x.Users[author]
	for _, list := range []string{"events", "child_events"} {
		var events []parts
		if json.Unmarshal(in[list], &events) != nil {
			continue
		}
		for i := range events {
			if whole || x.wrote(events[i], author) {
				events[i], changed = auditEvent(events[i]), true
			}
		}
		out[list], _ = json.Marshal(events) // made of JSON
	}
	if !changed {
		return in
	}
	out.via()
	return out
}

// bornFor says whether an audit is the creation of a ticket for an erased user.
func (x *Redactor) bornFor(in parts) bool {
	for _, list := range []string{"events", "child_events"} {
		var events []parts
		if json.Unmarshal(in[list], &events) != nil {
			continue
		}
		for _, e := range events {
			if auditKind(e) == "Create" && (x.Users[e.id("requester_id")] || schemas.Text(e["field_name"]) == "requester_id" && x.Users[e.id("value")]) {
				return true
			}
		}
	}
	return false
}

// wrote says whether an event of an audit is a comment of an erased user, or may repeat one.
func (x *Redactor) wrote(e parts, author int64) bool {
	switch auditKind(e) {
	case "Comment":
		if id := e.id("author_id"); id != 0 {
			author = id
		}
		return x.Users[author]
	case "Create", "Change":
		return false
	}
	return x.Users[author]
}

// auditKind is what schemas.DecodeAudit takes an event for.
func auditKind(e parts) string {
	return schemas.AuditEventKind(schemas.Text(e["type"]), schemas.Text(e["event_type"]))
}

// plainFields are the ticket fields whose values are not personal.
var plainFields = []string{
	"status", "assignee_id", "group_id", "priority", "type", "tags", "requester_id", "organization_id", "brand_id", "ticket_form_id",
	"satisfaction_score", "is_public", "custom_status_id", "due_at",
}

// auditEvent keeps of an event what figures follow from: which field changed and to what, who spoke, and to which ticket a merge led.
func auditEvent(e parts) parts {
	out := e.pick("id", "type", "event_type", "field_name", "comment_id", "public", "score", "assignee_id", "author_id", "created_at")
	switch kind := auditKind(e); kind {
	case "Comment":
		if m := mentioned.FindString(schemas.Text(e["body"])); m != "" && string(e["public"]) == "false" {
			out["body"] = json.RawMessage(strconv.Quote(m))
		}
	case "Create", "Change":
		field := schemas.Text(e["field_name"])
		if field == "" {
			field = changedField(e, out)
		}
		if slices.Contains(plainFields, field) || field == "subject" {
			maps.Copy(out, e.pick("value", "previous_value"))
		}
		if field == "subject" {
			for _, name := range []string{"subject", "value", "previous_value"} {
				out.maskText(name)
			}
		}
	}
	return out
}

// changedField finds the field of a change that names it by a key, as ticket_events do, and keeps the key.
func changedField(e, out parts) (field string) {
	for _, name := range append([]string{"subject"}, plainFields...) {
		if v, ok := e[name]; ok && name != "type" {
			out[name], field = v, name
		}
	}
	if _, ok := e["external_id"]; ok {
		out["external_id"] = json.RawMessage("null")
	}
	return field
}

func (x *Redactor) webhook(in parts) parts {
	e := schemas.Envelope{Type: schemas.Text(in["type"])}
	kind, name, _ := strings.Cut(e.Name(), ".")
	detail, event := partsOf(in["detail"]), partsOf(in["event"])
	id := cmp.Or(detail.id("id"), subjectID(schemas.Text(in["subject"])))
	switch kind {
	case "user":
		other := partsOf(event["user"]).id("id")
		switch {
		case x.Users[id] && name == "merged" && other != 0:
			event = event.pick("user")
			event.narrow("user", "id")
			in = in.pick("type", "account_id", "id", "time", "subject", "zendesk_event_version")
			in["detail"], in["event"] = detail.pick("id", "role", "created_at", "updated_at").json(), event.json()
		case x.Users[id]:
			return nil
		case x.Users[other]: // merged with somebody else
			event = maps.Clone(event)
			event.narrow("user", "id")
			in = maps.Clone(in)
			in["event"] = event.json()
		}
	case "ticket":
		if x.Tickets[id] || x.Users[detail.id("requester_id")] {
			return ticketWebhook(in, detail, event, name)
		}
		author := partsOf(partsOf(event["comment"])["author"]).id("id")
		if event["comment"] != nil && (x.Users[author] || author == 0 && x.Users[detail.id("actor_id")]) {
			in = maps.Clone(in)
			in["event"] = webhookEvent(event, name).json()
		}
	}
	return in
}

func ticketWebhook(in, detail, event parts, name string) parts {
	out := in.pick("type", "account_id", "id", "time", "subject", "zendesk_event_version")
	d := detail.pick("id", "actor_id", "assignee_id", "brand_id", "created_at", "form_id", "group_id", "is_public", "organization_id", "priority",
		"requester_id", "status", "subject", "submitter_id", "tags", "type", "updated_at", "via")
	d.maskText("subject")
	d.via()
	out["detail"], out["event"] = d.json(), webhookEvent(event, name).json()
	return out
}

func webhookEvent(event parts, name string) parts {
	out := event.pick("added", "removed", "tags_added", "tags_removed", "target_ticket_id", "into_ticket_id", "ticket", "user", "meta", "comment")
	for _, inner := range []string{"ticket", "user"} {
		out.narrow(inner, "id")
	}
	for _, inner := range []string{"added", "removed"} {
		out.narrow(inner, "tags")
	}
	out.narrow("meta", "sequence")
	if comment := partsOf(out["comment"]); comment != nil {
		comment = comment.pick("id", "is_public", "author")
		comment.narrow("author", "id")
		out["comment"] = comment.json()
	}
	switch name {
	case "subject_changed":
		maps.Copy(out, event.pick("current", "previous"))
		out.maskText("current")
		out.maskText("previous")
	case "status_changed", "agent_assignment_changed", "group_assignment_changed", "requester_changed", "organization_changed", "brand_changed",
		"form_changed", "priority_changed", "type_changed":
		maps.Copy(out, event.pick("current", "previous"))
	}
	return out
}
