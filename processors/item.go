package processors

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"deskstream/schemas"
)

// domain is the part of the state an event concerns.
type domain byte

const (
	domainNone domain = iota // nothing to do: ignored
	domainDead
	domainSource
	domainPhrases
	domainFields
	domainTicket
	domainMetric
	domainUser
	domainOrganization
	domainName
	domainCalendar
	domainErasure
	domainMembershipSnapshot
)

// item is an event on its way: first only its ids are known, the rest is decoded when it turns out to be news.
type item struct {
	ev     *schemas.Event
	domain domain
	id     int64
	sub    int64  // audit, rating, metric event id
	hash   uint64 // of the data as received
	class  string // dead: class and reason
	reason string
	loaded bool
	taken  bool   // by a batch
	key    string // of the state row of the user or ticket it concerns

	decodedID, decodedSub int64 // id and sub as a full decoding reads them

	step     *step
	texts    []text
	rec      *record
	rating   *rating
	hint     *ticketHint
	user     *userFacts
	carried  []hashedIdentity // what the user of user carries, once somebody asked
	edit     *personEdit
	link     *linkFacts
	member   *member
	snapshot *membershipSnapshot
	verdict  *verdict
	org      *orgFacts
	name     *nameFacts
	cal      *schedule
	listed   *scheduleList
	metric   *metricEvent
	source   *schemas.Settings
	erased   bool                    // the event erases
	remains  *schemas.Remains        // of the user erased, nil = what is known of it
	entries  []schemas.AudienceEntry // of the log of audiences that stay
	lost     []int64                 // tickets it removes words from
	saved    *schemas.SavedPhrases
	fields   *schemas.PersonFields
}

// ticketHint is what a ticket webhook says.
type ticketHint struct {
	hint
	snapped  bool // there is a snap
	snap     record
	merged   bool
	into     int64
	spam     bool
	scrubbed bool
	useful   bool // it is of a type that matters

	description []byte // of snap; may share memory with the event
}

// itemOf gives the item of an event that was decoded ahead, once: what an item holds becomes part of the state that it is applied to.
func itemOf(ev *schemas.Event) *item {
	it, ok := ev.Decoded.(*item)
	if !ok || it.taken {
		return newItem(ev)
	}
	it.ev, it.taken = ev, true
	return it
}

// newItem looks at an event just far enough to see what it concerns.
func newItem(ev *schemas.Event) *item {
	it := &item{ev: ev, hash: hashOf(ev.Data)}
	if ev.Account == "" {
		return it.die("invalid", "the event names no account")
	}
	if len(ev.Data) == 0 && ev.Kind != schemas.KindTrigger {
		return it.die("parse", "the event is empty")
	}
	switch ev.Kind {
	case schemas.KindTrigger:
		return it.takeTrigger()
	case schemas.KindWebhook:
		it.loadWebhook()
	case schemas.KindSource:
		it.loadSource()
	case schemas.KindErasure:
		it.loadErasure()
	case schemas.KindPhrases:
		it.loadPhrases()
	case schemas.KindFields:
		it.loadFields()
	case schemas.KindMembers:
		it.loadMembershipSnapshot()
	case schemas.KindTicket, schemas.KindRecount:
		it.peek(domainTicket, "id", "")
	case schemas.KindMembership:
		it.peek(domainUser, "user_id", "id")
	case schemas.KindAudit, schemas.KindRating:
		it.peek(domainTicket, "ticket_id", "id")
	case schemas.KindMetricEvent:
		it.peek(domainMetric, "ticket_id", "id")
	case schemas.KindUser, schemas.KindPerson, schemas.KindLink, schemas.KindAudience:
		it.peek(domainUser, "id", "")
	case schemas.KindOrganization:
		it.peek(domainOrganization, "id", "")
	case schemas.KindSchedule:
		it.peek(domainCalendar, "id", "")
	case schemas.KindSchedules:
		it.loadScheduleList()
	case schemas.KindGroup, schemas.KindBrand, schemas.KindTicketForm, schemas.KindCustomStatus, schemas.KindTicketField, schemas.KindUserField,
		schemas.KindOrganizationField:
		it.peek(domainName, "id", "")
	default:
		return it.die("invalid", "the kind of the event is unknown")
	}
	return it
}

func (it *item) die(class, reason string) *item {
	it.domain, it.class, it.reason, it.loaded = domainDead, class, reason, true
	return it
}

func (it *item) peek(d domain, key, sub string) {
	id, second, ok := peekIDs(it.ev.Data, key, sub)
	switch {
	case !ok:
		it.die("parse", "the "+string(it.ev.Kind)+" is not a JSON object")
	case id <= 0 || sub != "" && second <= 0:
		it.die("invalid", "the "+string(it.ev.Kind)+" has no usable id")
	default:
		it.domain, it.id, it.sub = d, id, second
	}
}

// load decodes the event once. Afterwards domain is domainDead if it cannot be used.
func (it *item) load() {
	if it.loaded {
		return
	}
	it.loaded = true
	it.decode()
	if it.domain != domainDead && !it.consistent() {
		it.die("invalid", "the "+string(it.ev.Kind)+" has more than one id")
	}
}

// consistent says whether the decoded ids are those the event was sorted by; they differ when a key stands twice.
func (it *item) consistent() bool {
	switch {
	case it.user != nil:
		return it.user.id == it.id
	case it.org != nil:
		return it.org.id == it.id
	case it.name != nil:
		return it.name.id == it.id
	case it.rec != nil, it.edit != nil, it.link != nil, it.verdict != nil:
		return it.decodedID == it.id
	case it.ev.Kind == schemas.KindAudit, it.ev.Kind == schemas.KindRating, it.ev.Kind == schemas.KindMetricEvent, it.ev.Kind == schemas.KindMembership:
		return it.decodedID == it.id && it.decodedSub == it.sub
	}
	return true
}

func (it *item) decode() {
	switch it.ev.Kind {
	case schemas.KindTicket:
		it.loadTicket()
	case schemas.KindAudit:
		it.loadAudit()
	case schemas.KindRating:
		it.loadRating()
	case schemas.KindMetricEvent:
		it.loadMetricEvent()
	case schemas.KindUser:
		it.loadUser()
	case schemas.KindPerson:
		it.loadPersonEdit()
	case schemas.KindLink:
		it.loadLink()
	case schemas.KindMembership:
		it.loadMembership()
	case schemas.KindAudience:
		it.loadVerdict()
	case schemas.KindOrganization:
		it.loadOrganization()
	case schemas.KindSchedule:
		it.loadSchedule()
	case schemas.KindGroup, schemas.KindBrand, schemas.KindTicketForm, schemas.KindCustomStatus:
		it.loadNamed()
	case schemas.KindTicketField, schemas.KindUserField, schemas.KindOrganizationField:
		it.loadField()
	case schemas.KindWebhook, schemas.KindTrigger, schemas.KindSource, schemas.KindErasure,
		schemas.KindPhrases, schemas.KindFields, schemas.KindMembers, schemas.KindRecount, schemas.KindSchedules:
	}
}

// unmarshal decodes into v; the error text of the decoder may quote personal data and is not passed on.
func (it *item) unmarshal(data []byte, v any) bool {
	if err := json.Unmarshal(data, v); err != nil {
		if json.Valid(data) {
			it.die("invalid", "the "+string(it.ev.Kind)+" has a field of the wrong type")
		} else {
			it.die("parse", "the "+string(it.ev.Kind)+" is not JSON")
		}
		return false
	}
	return true
}

// sane says whether a time is one the database can hold.
func sane(t time.Time) bool {
	s := t.Unix()
	return !t.IsZero() && s > 0 && s < 4294967295
}

// sound refuses an event whose decisive time is missing or impossible.
func (it *item) sound(t time.Time, name string) bool {
	if !sane(t) {
		it.die("invalid", "the "+string(it.ev.Kind)+" has no possible "+name)
		return false
	}
	return true
}

func (it *item) loadSource() {
	it.loaded = true
	if it.source = new(schemas.Settings); it.unmarshal(it.ev.Data, it.source) {
		if it.source.ID == "" {
			it.source.ID = it.ev.Source
		}
		it.domain = domainSource
	}
}

func (it *item) loadTicket() {
	var z schemas.ZTicket
	if !it.unmarshal(it.ev.Data, &z) || !it.sound(z.CreatedAt, "created_at") {
		return
	}
	if z.CreatedAt.After(it.ev.ReceivedAt.Add(clockSlack)) {
		it.die("invalid", "the time of the ticket's creation lies more than a day ahead")
		return
	}
	r := &record{
		at: z.Generated, hash: it.hash, created: z.CreatedAt.Unix(), updated: z.UpdatedAt.Unix(), submitter: int64(z.SubmitterID),
		description: cut(z.Description, maxText), channel: strings.ToLower(z.Via.Channel), external: cut(z.ExternalID, maxSubject),
		url: cut(z.URL, maxSubject), custom: customObject(z.CustomFields), details: detailsObject(&z), customStatus: int64(z.CustomStatus),
		private: z.IsPublic != nil && !*z.IsPublic,
	}
	if z.DueAt != nil && sane(*z.DueAt) {
		r.due = z.DueAt.Unix()
	}
	if !sane(z.UpdatedAt) {
		r.updated = r.created
	}
	if r.at == 0 {
		r.at = r.updated // GET /tickets/{id} may leave generated_timestamp out
	}
	r.dims = dims{
		status: strings.ToLower(z.Status), priority: strings.ToLower(z.Priority), kind: strings.ToLower(z.Type),
		subject: cut(z.Subject, maxSubject), assignee: int64(z.AssigneeID), group: int64(z.GroupID), requester: int64(z.RequesterID),
		org: int64(z.Organization), brand: int64(z.BrandID), formID: int64(z.FormID), tags: z.Tags,
	}
	it.rec, it.decodedID = r, int64(z.ID)
}

// customObject turns Zendesk's list of field values into an object of id to value, without the empty ones.
func customObject(list []schemas.ZFieldValue) string {
	values := make(map[string]json.RawMessage, len(list))
	for _, f := range list {
		if v := string(f.Value); v != "" && v != "null" && v != `""` {
			values[f.ID.String()] = f.Value
		}
	}
	if len(values) == 0 {
		return "{}"
	}
	b, err := schemas.Marshal(values) // keys come out sorted
	if err != nil || len(b) > maxText {
		return "{}"
	}
	return string(b)
}

// detailsObject gives what a ticket has besides, as a JSON object, "" where that is nothing.
func detailsObject(z *schemas.ZTicket) string {
	d := schemas.TicketDetails{
		Recipient: cut(z.Recipient, maxSubject), CollaboratorIDs: idList(z.Collaborators), FollowerIDs: idList(z.Followers), EmailCCIDs: idList(z.EmailCCs),
		ForumTopicID: int64(z.ForumTopicID), ProblemID: int64(z.ProblemID), HasIncidents: z.HasIncidents, SharingAgreementIDs: idList(z.Agreements),
		FollowupIDs: idList(z.FollowupIDs), AllowChannelback: z.Channelback, NoAttachments: z.Attachments != nil && !*z.Attachments,
		FromMessaging: z.FromMessaging, ViaRel: cut(z.Via.Rel, maxSubject),
	}
	if z.RawSubject != z.Subject {
		d.RawSubject = cut(z.RawSubject, maxSubject)
	}
	b, err := schemas.Marshal(&d)
	if err != nil || len(b) > maxText || string(b) == "{}" {
		return ""
	}
	return string(b)
}

func (it *item) loadAudit() {
	a, err := schemas.DecodeAudit(it.ev.Data)
	if err != nil {
		class := "invalid"
		if !json.Valid(it.ev.Data) {
			class = "parse"
		}
		it.die(class, "the audit cannot be read, or has no id, ticket_id or created_at")
		return
	}
	if !it.sound(a.CreatedAt, "created_at") {
		return
	}
	it.decodedID, it.decodedSub = int64(a.TicketID), int64(a.ID)
	it.step = &step{
		id: int64(a.ID), at: a.CreatedAt.Unix(), author: int64(a.AuthorID), channel: strings.ToLower(a.Via.Channel),
		merge: a.Via.Rel == "merge", hash: it.hash, redactions: idList(a.Redactions), hidden: idList(a.Hidden),
	}
	for _, c := range a.Changes {
		if x, ok := newChange(c); ok {
			it.step.changes = append(it.step.changes, x)
		}
		if c.Field == "satisfaction_score" && !c.Created && len(a.Scores) == 0 { // an offer may be told so alone
			it.step.scores = append(it.step.scores, score{score: cleanScore(schemas.Text(c.New))})
		}
	}
	for _, c := range a.Comments {
		if c.ID != 0 {
			it.step.comments = append(it.step.comments, comment{id: int64(c.ID), author: int64(c.AuthorID), public: c.Public})
			it.texts = append(it.texts, text{id: int64(c.ID), body: cut(c.Text(), maxText)})
		}
	}
	for _, s := range a.Scores {
		it.step.scores = append(it.step.scores, score{cleanScore(s.Score), int64(s.AssigneeID), cut(s.Comment, maxSubject)})
	}
}

func idList(in []schemas.ZID) []int64 {
	var out []int64
	for _, id := range in {
		if id != 0 {
			out = append(out, int64(id))
		}
	}
	return out
}

var fieldNames = map[string]field{
	"status": fieldStatus, "assignee_id": fieldAssignee, "group_id": fieldGroup, "priority": fieldPriority, "type": fieldType,
	"subject": fieldSubject, "tags": fieldTags, "requester_id": fieldRequester, "organization_id": fieldOrganization,
	"brand_id": fieldBrand, "ticket_form_id": fieldForm,
}

// newChange reads a change of an audit. Other fields a ticket was born with are not kept.
func newChange(z schemas.ZChange) (c change, ok bool) {
	f, known := fieldNames[z.Field]
	c = change{field: f, created: z.Created}
	if !known {
		c.field, c.name = fieldOther, cut(z.Field, 64)
		return c, !z.Created && z.Field != "current_tags"
	}
	switch f {
	case fieldAssignee, fieldGroup, fieldRequester, fieldOrganization, fieldBrand, fieldForm:
		c.oldID, c.newID = idOf(z.Old), idOf(z.New)
	case fieldTags:
		c.oldTags, c.newTags = tagsOf(z.Old), tagsOf(z.New)
	case fieldSubject:
		c.old, c.new = cut(schemas.Text(z.Old), maxSubject), cut(schemas.Text(z.New), maxSubject)
	default:
		c.old, c.new = strings.ToLower(schemas.Text(z.Old)), strings.ToLower(schemas.Text(z.New))
	}
	return c, true
}

func idOf(v json.RawMessage) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(rawText(v)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// tagsOf reads a list of tags, or tags in one string.
func tagsOf(v json.RawMessage) []string {
	var tags []string
	if len(v) > 0 && v[0] == '[' && json.Unmarshal(v, &tags) == nil {
		return tags
	}
	return strings.Fields(schemas.Text(v))
}

func (it *item) loadRating() {
	var z schemas.ZRating
	if !it.unmarshal(it.ev.Data, &z) {
		return
	}
	if z.UpdatedAt.IsZero() {
		z.UpdatedAt = z.CreatedAt
	}
	if !it.sound(z.UpdatedAt, "updated_at") {
		return
	}
	created := z.CreatedAt.Unix()
	if !sane(z.CreatedAt) {
		created = z.UpdatedAt.Unix()
	}
	it.decodedID, it.decodedSub = int64(z.TicketID), int64(z.ID)
	it.rating = &rating{
		id: int64(z.ID), requester: int64(z.RequesterID), assignee: int64(z.AssigneeID), group: int64(z.GroupID),
		score: cleanScore(z.Score), comment: cut(z.Comment, maxText), reason: cut(z.Reason, maxSubject), reasonID: int64(z.ReasonID), url: cut(z.URL, maxSubject),
		created: created, updated: z.UpdatedAt.Unix(), hash: it.hash,
	}
}

func (it *item) loadScheduleList() {
	it.loaded = true
	var z schemas.ScheduleList
	if it.unmarshal(it.ev.Data, &z) {
		it.domain, it.listed = domainCalendar, &scheduleList{received: fullSecond(it.ev.ReceivedAt)}
		for _, id := range z.IDs {
			it.listed.ids = append(it.listed.ids, int64(id))
		}
	}
}

func (it *item) loadSchedule() {
	var z schemas.ZSchedule
	if !it.unmarshal(it.ev.Data, &z) || !it.sound(z.CreatedAt, "created_at") {
		return
	}
	if z.UpdatedAt.IsZero() {
		z.UpdatedAt = z.CreatedAt
	}
	it.cal = new(newSchedule(z, it.ev.ReceivedAt))
	it.name = &nameFacts{kind: "schedule", id: int64(z.ID), at: z.UpdatedAt.Unix(), heard: it.ev.ReceivedAt.UnixNano(), hash: it.hash, name: cut(z.Name, maxSubject)}
}
