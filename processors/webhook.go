package processors

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"deskstream/schemas"
)

// webhookBody is `event` of the webhooks we read; several shapes of one thing are accepted where it is not certain
// which one Zendesk sends.
type webhookBody struct {
	Current  json.RawMessage `json:"current"`
	Previous json.RawMessage `json:"previous"`
	Comment  *webhookComment `json:"comment"`
	Added    struct {
		Tags []string `json:"tags"`
	} `json:"added"`
	TagsAdded []string    `json:"tags_added"`
	Target    schemas.ZID `json:"target_ticket_id"`
	Into      schemas.ZID `json:"into_ticket_id"`
	Ticket    struct {
		ID schemas.ZID `json:"id"`
	} `json:"ticket"`
	User struct {
		ID schemas.ZID `json:"id"`
	} `json:"user"`
	Organization struct {
		ID schemas.ZID `json:"id"`
	} `json:"organization"`
	Meta struct {
		Sequence struct {
			ID string `json:"id"`
		} `json:"sequence"`
	} `json:"meta"`
}

type webhookComment struct {
	ID       schemas.ZID     `json:"id"`
	Body     json.RawMessage `json:"body"` // text, or an object that holds it
	Plain    string          `json:"plain_body"`
	IsPublic *bool           `json:"is_public"`
	Author   struct {
		ID schemas.ZID `json:"id"`
	} `json:"author"`
}

func (c *webhookComment) text() string {
	if c.Plain != "" {
		return c.Plain
	}
	if len(c.Body) > 0 && c.Body[0] == '{' {
		var o struct {
			Body  string `json:"body"`
			Plain string `json:"plain_body"`
		}
		if json.Unmarshal(c.Body, &o) == nil && o.Plain != "" {
			return o.Plain
		}
		return o.Body
	}
	return rawText(c.Body)
}

// clockSlack is how far ahead of our clock a webhook's time, and that of a ticket's creation, may be. History never catches up with a time
// that does not come, so what such an event says would stay provisional for ever.
const clockSlack = 24 * time.Hour

// ticketEnvelope is the envelope of a ticket's webhook, decoded in one go.
type ticketEnvelope struct {
	Type    string       `json:"type"`
	ID      string       `json:"id"`
	Time    time.Time    `json:"time"`
	Subject string       `json:"subject"`
	Detail  ticketDetail `json:"detail"`
	Event   webhookBody  `json:"event"`
}

// ticketDetail is the detail of a ticket's webhook. Its description is by far the longest text and mostly known, so it is not made a string
// ahead: description stands for it where it was scanned, and shares memory with the data.
type ticketDetail struct {
	schemas.TicketDetail
	description []byte
}

func (d *ticketDetail) text() []byte {
	if d.description == nil {
		return []byte(d.Description)
	}
	return d.description
}

// loadTicketWebhook reads the envelope of a ticket, by far the most frequent. It says no to any other and to one with an error, which
// reading in steps then names.
func (it *item) loadTicketWebhook() bool {
	if !bytes.Contains(it.ev.Data, []byte("event-type:ticket.")) {
		return false
	}
	x := ticketEnvelopes.Get().(*ticketEnvelope)
	defer ticketEnvelopes.Put(x)
	*x = ticketEnvelope{}
	if !x.scan(it.ev.Data) && json.Unmarshal(it.ev.Data, x) != nil || x.Subject == "" {
		return false
	}
	e := schemas.Envelope{Type: x.Type, ID: x.ID, Time: x.Time, Subject: x.Subject}
	kind, name, _ := strings.Cut(e.Name(), ".")
	if kind != "ticket" {
		return false
	}
	if read, ok := ticketHints[name]; ok {
		it.takeTicketHint(e, read, &x.Detail, &x.Event)
	}
	return true
}

// loadWebhook reads an envelope. Types nobody needs are left without a domain, which counts them as ignored.
func (it *item) loadWebhook() {
	it.loaded = true
	if it.loadTicketWebhook() {
		return
	}
	e, err := schemas.DecodeEnvelope(it.ev.Data)
	if err != nil {
		class := "invalid"
		if !json.Valid(it.ev.Data) {
			class = "parse"
		}
		it.die(class, "the webhook is not an event envelope")
		return
	}
	kind, name, _ := strings.Cut(e.Name(), ".")
	switch kind {
	case "ticket":
		it.loadTicketHint(e, name)
	case "user":
		it.loadUserHint(e, name)
	case "organization":
		it.loadOrganizationHint(e, name)
	}
}

// subjectID reads the id at the end of zen:ticket:36.
func subjectID(subject string) int64 {
	n, err := strconv.ParseInt(subject[strings.LastIndexAny(subject, ":/")+1:], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (it *item) loadTicketHint(e schemas.Envelope, name string) {
	read, ok := ticketHints[name]
	if !ok {
		return
	}
	var d ticketDetail
	var b webhookBody
	if it.envelopeParts(e, &d, &b) {
		it.takeTicketHint(e, read, &d, &b)
	}
}

func (it *item) takeTicketHint(e schemas.Envelope, read hintReader, d *ticketDetail, b *webhookBody) {
	it.id = int64(d.ID)
	if it.id == 0 {
		it.id = subjectID(e.Subject)
	}
	if e.Time.IsZero() {
		e.Time = d.UpdatedAt
	}
	if it.id <= 0 {
		it.die("invalid", "the webhook names no ticket")
		return
	}
	if !it.sound(e.Time, "time") || !it.knows(d.Status) || !it.word("priority", priorityWords, d.Priority) || !it.word("type", typeWords, d.Type) {
		return
	}
	if latest := it.ev.ReceivedAt.Add(clockSlack); e.Time.After(latest) || d.CreatedAt.After(latest) {
		it.die("invalid", "the webhook's time, or that of the ticket's creation, lies more than a day ahead")
		return
	}
	h := &ticketHint{useful: true}
	h.id, h.nanos, h.group = e.ID, e.Time.UnixNano(), b.Meta.Sequence.ID
	h.step = step{at: e.Time.Unix(), author: int64(d.ActorID), channel: lower(d.Via.Channel), hash: it.hash}
	if h.group == "" {
		h.group = d.ActorID.String()
	}
	if h.snapped = sane(d.CreatedAt); h.snapped {
		h.snap = snapshot(&d.TicketDetail, e.Time.Unix(), it.hash)
		h.snap.nanos, h.snap.id, h.description = h.nanos, h.id, cut(d.text(), maxText)
	}
	if read(it, h, &d.TicketDetail, b); it.domain != domainDead {
		it.hint, it.domain = h, domainTicket
	}
}

// envelopeParts decodes detail and event, either of which may be missing or null.
func (it *item) envelopeParts(e schemas.Envelope, detail, body any) bool {
	if len(e.Detail) > 0 && !it.unmarshal(e.Detail, detail) {
		return false
	}
	return len(e.Event) == 0 || it.unmarshal(e.Event, body)
}

// snapshot takes a webhook's detail as a record of the ticket, without its description.
func snapshot(d *schemas.TicketDetail, at int64, hash uint64) record {
	return record{
		at: at, hash: hash, created: d.CreatedAt.Unix(), updated: max(at, d.UpdatedAt.Unix()), submitter: int64(d.SubmitterID),
		channel: lower(d.Via.Channel), external: cut(d.ExternalID, maxSubject),
		custom: "{}",
		dims: dims{
			status: statusWord(d.Status), priority: lower(d.Priority), kind: lower(d.Type),
			subject: cut(d.Subject, maxSubject), assignee: int64(d.AssigneeID), group: int64(d.GroupID), requester: int64(d.RequesterID),
			org: int64(d.Organization), brand: int64(d.BrandID), formID: int64(d.FormID), tags: d.Tags,
		},
	}
}

// statusWord brings a status of a webhook to the words of the API: archived tickets are closed ones, scrubbed tickets deleted ones.
func statusWord(s string) string {
	switch s = lower(s); s {
	case "archived":
		return "closed"
	case "scrubbed":
		return "deleted"
	}
	return s
}

// knows refuses a webhook with a status that is none. A custom status comes with the word of its category.
func (it *item) knows(status string) bool {
	switch statusWord(status) {
	case "", "new", "open", "pending", "hold", "solved", "closed", "deleted":
		return true
	}
	it.die("invalid", "the webhook has an unknown status")
	return false
}

// The words of the API for what a ticket may have or not.
var (
	priorityWords = []string{"", "low", "normal", "high", "urgent"}
	typeWords     = []string{"", "question", "incident", "problem", "task"}
)

// word refuses a webhook with a value that is none of the words.
func (it *item) word(what string, words []string, value string) bool {
	if slices.Contains(words, lower(value)) {
		return true
	}
	it.die("invalid", "the webhook has an unknown "+what)
	return false
}

type hintReader func(it *item, h *ticketHint, d *schemas.TicketDetail, b *webhookBody)

// ticketHints says what each type of ticket webhook changes. All others are ignored: nothing we report depends on them, and the next
// poll brings them.
var ticketHints = map[string]hintReader{
	"created":                  hintCreated,
	"status_changed":           hintStatus,
	"agent_assignment_changed": idHint(fieldAssignee),
	"group_assignment_changed": idHint(fieldGroup),
	"requester_changed":        idHint(fieldRequester),
	"organization_changed":     idHint(fieldOrganization),
	"brand_changed":            idHint(fieldBrand),
	"form_changed":             idHint(fieldForm),
	"priority_changed":         wordHint(fieldPriority, "priority", priorityWords),
	"type_changed":             wordHint(fieldType, "type", typeWords),
	"subject_changed":          textHint(fieldSubject, func(s string) string { return cut(s, maxSubject) }),
	"tags_changed":             hintTags,
	"comment_added":            hintComment,
	"comment_redacted":         hintRedaction,
	"attachment_redacted_from_comment": func(_ *item, h *ticketHint, _ *schemas.TicketDetail, _ *webhookBody) {
		h.useful = false
	},
	"comment_made_private": hintPrivate,
	"soft_deleted": func(_ *item, h *ticketHint, _ *schemas.TicketDetail, _ *webhookBody) {
		h.changes = []change{{field: fieldStatus, new: "deleted"}}
	},
	"undeleted":           hintRestored,
	"permanently_deleted": func(_ *item, h *ticketHint, _ *schemas.TicketDetail, _ *webhookBody) { h.scrubbed = true },
	"marked_as_spam":      func(_ *item, h *ticketHint, _ *schemas.TicketDetail, _ *webhookBody) { h.spam = true },
	"merged":              hintMerged,
	"csat_requested":      func(*item, *ticketHint, *schemas.TicketDetail, *webhookBody) {}, // the rating record tells it
	"csat_received":       func(*item, *ticketHint, *schemas.TicketDetail, *webhookBody) {},
}

// hintCreated takes detail as the values the ticket was born with.
func hintCreated(_ *item, h *ticketHint, d *schemas.TicketDetail, _ *webhookBody) {
	h.changes = []change{
		{field: fieldStatus, created: true, new: statusWord(d.Status)},
		{field: fieldSubject, created: true, new: cut(d.Subject, maxSubject)},
		{field: fieldTags, created: true, newTags: d.Tags},
		{field: fieldRequester, created: true, newID: int64(d.RequesterID)},
		{field: fieldAssignee, created: true, newID: int64(d.AssigneeID)},
		{field: fieldGroup, created: true, newID: int64(d.GroupID)},
		{field: fieldPriority, created: true, new: lower(d.Priority)},
		{field: fieldType, created: true, new: lower(d.Type)},
		{field: fieldOrganization, created: true, newID: int64(d.Organization)},
		{field: fieldBrand, created: true, newID: int64(d.BrandID)},
		{field: fieldForm, created: true, newID: int64(d.FormID)},
	}
}

func hintStatus(it *item, h *ticketHint, _ *schemas.TicketDetail, b *webhookBody) {
	current, previous := lower(rawText(b.Current)), rawText(b.Previous)
	if !it.knows(current) || !it.knows(previous) {
		return
	}
	switch current {
	case "scrubbed":
		h.scrubbed = true
		return
	case "archived", "": // archiving moves a closed ticket to other storage and is no change
		return
	}
	h.changes = []change{{field: fieldStatus, old: statusWord(previous), new: current}}
}

func idHint(f field) hintReader {
	return func(_ *item, h *ticketHint, _ *schemas.TicketDetail, b *webhookBody) {
		h.changes = []change{{field: f, oldID: idOf(b.Previous), newID: idOf(b.Current)}}
	}
}

func textHint(f field, clean func(string) string) hintReader {
	return func(_ *item, h *ticketHint, _ *schemas.TicketDetail, b *webhookBody) {
		h.changes = []change{{field: f, old: clean(rawText(b.Previous)), new: clean(rawText(b.Current))}}
	}
}

func wordHint(f field, what string, words []string) hintReader {
	read := textHint(f, lower)
	return func(it *item, h *ticketHint, d *schemas.TicketDetail, b *webhookBody) {
		if it.word(what, words, rawText(b.Current)) {
			read(it, h, d, b)
		}
	}
}

// hintTags takes the tags of detail, because the shape of event is not certain.
func hintTags(_ *item, h *ticketHint, d *schemas.TicketDetail, _ *webhookBody) {
	h.changes = []change{{field: fieldTags, newTags: d.Tags}}
}

func hintComment(it *item, h *ticketHint, d *schemas.TicketDetail, b *webhookBody) {
	if b.Comment == nil || b.Comment.ID == 0 {
		h.useful = false
		return
	}
	c := comment{id: int64(b.Comment.ID), author: int64(b.Comment.Author.ID), public: b.Comment.IsPublic == nil || *b.Comment.IsPublic}
	if c.author == 0 {
		c.author = int64(d.ActorID)
	}
	h.comments = []comment{c}
	it.texts = []text{{id: c.id, body: cut(b.Comment.text(), maxText)}}
}

func hintRedaction(_ *item, h *ticketHint, _ *schemas.TicketDetail, b *webhookBody) {
	if b.Comment != nil && b.Comment.ID != 0 {
		h.redactions = []int64{int64(b.Comment.ID)}
	}
}

func hintPrivate(_ *item, h *ticketHint, _ *schemas.TicketDetail, b *webhookBody) {
	if b.Comment != nil && b.Comment.ID != 0 {
		h.hidden = []int64{int64(b.Comment.ID)}
	}
}

func hintRestored(_ *item, h *ticketHint, d *schemas.TicketDetail, _ *webhookBody) {
	if s := statusWord(d.Status); s != "" && s != "deleted" {
		h.changes = []change{{field: fieldStatus, old: "deleted", new: s}}
	}
}

// hintMerged takes the ticket of the envelope as the one that was absorbed, as it is closed by it.
func hintMerged(_ *item, h *ticketHint, _ *schemas.TicketDetail, b *webhookBody) {
	h.merged = true
	for _, id := range []schemas.ZID{b.Target, b.Into, b.Ticket.ID} {
		if id != 0 && h.into == 0 {
			h.into = int64(id)
		}
	}
}
