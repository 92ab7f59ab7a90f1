package processors

import (
	"sync"

	"deskstream/schemas"
)

// ticketEnvelopes are those in use, and some for the next webhooks.
var ticketEnvelopes = sync.Pool{New: func() any { return new(ticketEnvelope) }}

// scan reads the envelope if it has the usual form. It says no to any other, and leaves x empty then. What it reads may share memory with the
// data.
func (x *ticketEnvelope) scan(data []byte) bool {
	s := scanner{b: data}
	if s.space(); s.i < len(data) && data[s.i] == '{' {
		if scanObject(&s, x, envelopeMembers); s.whole() {
			return true
		}
	}
	*x = ticketEnvelope{}
	return false
}

var envelopeMembers = []property[ticketEnvelope]{
	{"type", func(s *scanner, x *ticketEnvelope) { x.Type = s.string() }},
	{"id", func(s *scanner, x *ticketEnvelope) { x.ID = s.string() }},
	{"time", func(s *scanner, x *ticketEnvelope) { x.Time = s.time() }},
	{"subject", func(s *scanner, x *ticketEnvelope) { x.Subject = s.string() }},
	{"detail", func(s *scanner, x *ticketEnvelope) { scanObject(s, &x.Detail, detailMembers) }},
	{"event", func(s *scanner, x *ticketEnvelope) { scanObject(s, &x.Event, bodyMembers) }},
}

var detailMembers = []property[ticketDetail]{
	{"id", func(s *scanner, d *ticketDetail) { d.ID = s.id() }},
	{"actor_id", func(s *scanner, d *ticketDetail) { d.ActorID = s.id() }},
	{"assignee_id", func(s *scanner, d *ticketDetail) { d.AssigneeID = s.id() }},
	{"brand_id", func(s *scanner, d *ticketDetail) { d.BrandID = s.id() }},
	{"created_at", func(s *scanner, d *ticketDetail) { d.CreatedAt = s.time() }},
	{"description", func(s *scanner, d *ticketDetail) { d.description = s.text() }},
	{"external_id", func(s *scanner, d *ticketDetail) { d.ExternalID = s.string() }},
	{"form_id", func(s *scanner, d *ticketDetail) { d.FormID = s.id() }},
	{"group_id", func(s *scanner, d *ticketDetail) { d.GroupID = s.id() }},
	{"is_public", func(s *scanner, d *ticketDetail) { d.IsPublic = s.flag() }},
	{"organization_id", func(s *scanner, d *ticketDetail) { d.Organization = s.id() }},
	{"priority", func(s *scanner, d *ticketDetail) { d.Priority = s.string() }},
	{"requester_id", func(s *scanner, d *ticketDetail) { d.RequesterID = s.id() }},
	{"status", func(s *scanner, d *ticketDetail) { d.Status = s.string() }},
	{"subject", func(s *scanner, d *ticketDetail) { d.Subject = s.string() }},
	{"submitter_id", func(s *scanner, d *ticketDetail) { d.SubmitterID = s.id() }},
	{"tags", func(s *scanner, d *ticketDetail) { d.Tags = s.strings() }},
	{"type", func(s *scanner, d *ticketDetail) { d.Type = s.string() }},
	{"updated_at", func(s *scanner, d *ticketDetail) { d.UpdatedAt = s.time() }},
	{"via", func(s *scanner, d *ticketDetail) { scanVia(s, &d.Via) }},
}

// scanVia reads the channel of an object or its name alone.
func scanVia(s *scanner, v *schemas.ZVia) {
	if s.space(); s.i < len(s.b) && s.b[s.i] == '"' {
		v.Channel = s.string()
		return
	}
	scanObject(s, v, viaMembers)
}

var viaMembers = []property[schemas.ZVia]{
	{"channel", func(s *scanner, v *schemas.ZVia) {
		if s.null() {
			return
		}
		begin := s.i
		v.Channel = s.string()
		// The name is taken as it is written, whatever that is.
		s.odd = s.odd || len(v.Channel) != s.i-begin-2 || v.Channel == "null"
	}},
	{"source", func(s *scanner, v *schemas.ZVia) { scanObject(s, v, sourceMembers) }},
}

var sourceMembers = []property[schemas.ZVia]{{"rel", func(s *scanner, v *schemas.ZVia) { v.Rel = s.string() }}}

var bodyMembers = []property[webhookBody]{
	{"current", func(s *scanner, b *webhookBody) { b.Current = s.raw() }},
	{"previous", func(s *scanner, b *webhookBody) { b.Previous = s.raw() }},
	{"comment", func(s *scanner, b *webhookBody) {
		if s.null() {
			return
		}
		b.Comment = new(webhookComment)
		scanObject(s, b.Comment, commentMembers)
	}},
	{"meta", func(s *scanner, b *webhookBody) { scanObject(s, b, metaMembers) }},
	{"added", func(s *scanner, b *webhookBody) { scanObject(s, b, addedMembers) }},
	{"tags_added", func(s *scanner, b *webhookBody) { b.TagsAdded = s.strings() }},
	{"target_ticket_id", func(s *scanner, b *webhookBody) { b.Target = s.id() }},
	{"into_ticket_id", func(s *scanner, b *webhookBody) { b.Into = s.id() }},
	{"ticket", func(s *scanner, b *webhookBody) { scanID(s, &b.Ticket.ID) }},
	{"user", func(s *scanner, b *webhookBody) { scanID(s, &b.User.ID) }},
	{"organization", func(s *scanner, b *webhookBody) { scanID(s, &b.Organization.ID) }},
}

var (
	addedMembers    = []property[webhookBody]{{"tags", func(s *scanner, b *webhookBody) { b.Added.Tags = s.strings() }}}
	metaMembers     = []property[webhookBody]{{"sequence", func(s *scanner, b *webhookBody) { scanObject(s, b, sequenceMembers) }}}
	sequenceMembers = []property[webhookBody]{{"id", func(s *scanner, b *webhookBody) { b.Meta.Sequence.ID = s.string() }}}
	idMembers       = []property[schemas.ZID]{{"id", func(s *scanner, id *schemas.ZID) { *id = s.id() }}}
)

// scanID reads the id of an object.
func scanID(s *scanner, id *schemas.ZID) { scanObject(s, id, idMembers) }

var commentMembers = []property[webhookComment]{
	{"id", func(s *scanner, c *webhookComment) { c.ID = s.id() }},
	{"body", func(s *scanner, c *webhookComment) { c.Body = s.raw() }},
	{"plain_body", func(s *scanner, c *webhookComment) { c.Plain = s.string() }},
	{"is_public", func(s *scanner, c *webhookComment) { c.IsPublic = s.flag() }},
	{"author", func(s *scanner, c *webhookComment) { scanID(s, &c.Author.ID) }},
}
