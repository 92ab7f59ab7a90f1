package processors

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// field is a ticket field whose history is followed. The order is part of the stored form.
type field byte

const (
	fieldStatus field = iota
	fieldAssignee
	fieldGroup
	fieldPriority
	fieldType
	fieldSubject
	fieldTags
	fieldRequester
	fieldOrganization
	fieldBrand
	fieldForm
	fieldOther // any other; the change carries its name
	fields     = int(fieldOther)
)

// change is one field that got another value. Text fields use old and new, ids oldID and newID, tags oldTags and newTags.
type change struct {
	field            field
	created          bool // a value the ticket was born with
	name             string
	old, new         string
	oldID, newID     int64
	oldTags, newTags []string
}

// comment is a comment without its text; long texts live in their own state rows, so that a change of status does not rewrite them.
type comment struct {
	id, author int64
	public     bool
}

// score is a satisfaction rating as an audit tells it.
type score struct {
	score    string
	assignee int64
	comment  string
}

// step is a set of simultaneous changes, which all see the state after all of them: an audit, or webhooks of one moment that no audit has
// confirmed yet.
type step struct {
	id      int64 // audit id; 0 = made of webhooks
	at      int64 // unix seconds
	author  int64 // -1 the system, 0 unknown
	channel string
	merge   bool // Zendesk says that a merge did it
	gone    bool // made from what is not history, see goneAt; never stored
	hash    uint64

	changes    []change
	comments   []comment
	redactions []int64
	hidden     []int64
	scores     []score
}

func (s *step) born() bool {
	for i := range s.changes {
		if s.changes[i].created {
			return true
		}
	}
	return false
}

// hint is what one webhook says: provisional, in force only while it is newer than the newest audit.
type hint struct {
	id    string // envelope id
	nanos int64  // envelope time
	group string // envelopes of one action share it
	step
}

// dims are the values of a ticket at one moment. Ids: 0 = none.
type dims struct {
	status, priority, kind, subject                string
	assignee, group, requester, org, brand, formID int64
	tags                                           []string
}

// record is a ticket as the API gives it, or (less complete) as a webhook's detail tells it.
type record struct {
	at               int64  // generated_timestamp; a webhook's time
	nanos            int64  // of a webhook: its time with all its digits
	id               string // of a webhook: its envelope
	hash             uint64
	created, updated int64
	submitter        int64
	description      string
	channel          string
	external, url    string
	custom           string // JSON object
	details          string // JSON object, "" = nothing
	customStatus     int64
	private          bool  // all its comments are
	due              int64 // of a task, 0 = none
	dims
}

// rating is one satisfaction rating record in its newest form, and the scores it went through.
type rating struct {
	id, requester, assignee, group int64
	score, comment, reason, url    string
	reasonID                       int64
	created, updated               int64
	hash                           uint64
	forms                          []ratingForm // by (at, score)
	sent                           uint64       // hash of the emitted row
}

type ratingForm struct {
	at    int64
	score string
}

// body says where the text of a comment is kept and what we know about it.
type body struct {
	id       int64 // comment id
	chunk    int   // number of the place that holds the text; 0 = the ticket's own row, -1 = no text
	hash     uint64
	rank     byte // 1 = told by a webhook, 2 = by Zendesk's history, which wins
	redacted bool
}

// marks are what history never confirms: what only webhooks tell, and what was decided here. 0 = not so.
type marks struct {
	merged   int64 // absorbed by another ticket at
	into     int64
	spam     int64
	scrubbed int64 // permanently deleted at
	erased   bool  // requested by a person who was erased here
}

// textless says whether the ticket's texts must not be kept.
func (m *marks) textless() bool { return m.scrubbed != 0 || m.erased }

// sentActivity remembers an emitted activity.
type sentActivity struct {
	slug slug
	at   int64
	what string
	user int64
	hash uint64
	n    byte // how often it was emitted, capped
	via  byte
	gone bool // withdrawn
	away bool // it happened while the source was disconnected
}

// sentEvent and sentMessage remember emitted rows by their table key.
type sentEvent struct {
	kind byte
	at   int64
	id   string
	hash uint64
}

type sentMessage struct {
	id, at int64
	hash   uint64
}

// share is what the ticket counts for in its requester's figures.
type share struct {
	user            int64
	open, closed    bool
	good, bad       bool
	created         int64
	subject, status string
	scoreAt         int64
	counted         bool
}

// ticket is everything known about a ticket, and what was emitted about it.
type ticket struct {
	source  string
	rec     *record
	snap    *record // newest webhook detail; used while there is no record
	audits  []step  // by (at, id)
	hints   []hint  // by (nanos, id), only those newer than the newest audit
	ratings []rating
	bodies  []body // by comment id
	inline  texts  // texts kept here: place number 0
	chunks  int    // rows beside this one that hold texts, numbered from 1
	marks   marks

	row        uint64 // hash of the emitted ticket row, 0 = none
	rowCreated int64  // its key
	activities []sentActivity
	fired      []firedActivity
	events     []sentEvent
	messages   []sentMessage
	share      share
	piggyback  piggybackedStats
	retention  uint64 // hash of the retention settings the activities were made under

	written written
}

// written is the stored form of a ticket's first hints. It holds as long as they stay as they are: mostly another one comes behind them.
type written struct {
	hints    int // 0 once one of them changed
	form     []byte
	from, to int // place of the hints in the row that is being written
}

// newestAudit is the second up to which history is known; hints up to it are settled.
func (t *ticket) newestAudit() int64 {
	if len(t.audits) == 0 {
		return -1 << 62
	}
	return t.audits[len(t.audits)-1].at
}

// base is the record that current values start from: Zendesk's, or a webhook's detail until there is one. Nil: the ticket is an orphan,
// which is kept and counts for nothing.
func (t *ticket) base() *record {
	if t.rec != nil {
		return t.rec
	}
	return t.snap
}

// takeRecord keeps the newer of two records: by generated_timestamp, ties by content so that the order of arrival does not matter.
func (t *ticket) takeRecord(r *record) bool {
	if !newer(r, t.rec) {
		return false
	}
	t.rec = r
	if scrubbedRecord(r) {
		t.scrub(r.at)
	}
	t.blank()
	return true
}

// takeSnapshot keeps the newer of two records that webhooks tell. The description is mostly the one that is kept already.
func (t *ticket) takeSnapshot(r *record, description []byte) bool {
	if !newer(r, t.snap) {
		return false
	}
	if t.snap == nil {
		t.snap = new(record)
	}
	text := t.snap.description
	if text != string(description) {
		text = string(description)
	}
	*t.snap = *r
	t.snap.description = text
	t.blank()
	return true
}

// newer orders records by time. Webhooks of one second follow each other as their hints do.
func newer(a, b *record) bool {
	return b == nil || cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.nanos, b.nanos), cmp.Compare(a.id, b.id), cmp.Compare(a.hash, b.hash)) > 0
}

// scrubbedSubject is what the export keeps of a permanently deleted ticket.
const scrubbedSubject = "SCRUBBED"

func scrubbedRecord(r *record) bool { return r.status == "deleted" && r.subject == scrubbedSubject }

// scrub erases texts for good. The earliest moment counts, so that the order of arrival does not matter.
func (t *ticket) scrub(at int64) {
	if t.marks.scrubbed == 0 || at < t.marks.scrubbed {
		t.marks.scrubbed = at
	}
}

// blank removes from state what a permanent deletion or an erasure forbids to keep.
func (t *ticket) blank() {
	if !t.marks.textless() {
		return
	}
	for _, r := range []*record{t.rec, t.snap} {
		if r != nil {
			r.subject, r.description, r.custom, r.details = t.marks.maskSubject(r.subject), "", "", ""
			if t.marks.erased {
				r.external = ""
			}
		}
	}
	for i := range t.audits {
		t.audits[i].blank(&t.marks)
	}
	t.written.hints = 0
	for i := range t.hints {
		t.hints[i].blank(&t.marks)
	}
	for i := range t.ratings {
		t.ratings[i].comment = ""
	}
}

// blank makes new lists of what it changes: the event that told them has them too, and may be taken again.
func (s *step) blank(m *marks) {
	s.changes, s.scores = slices.Clone(s.changes), slices.Clone(s.scores)
	for i := range s.changes {
		if c := &s.changes[i]; c.field == fieldSubject {
			c.old, c.new = m.maskSubject(c.old), m.maskSubject(c.new)
		}
	}
	for i := range s.scores {
		s.scores[i].comment = ""
	}
}

// audit finds an audit by id.
func (t *ticket) audit(id int64) *step {
	for i := len(t.audits) - 1; i >= 0; i-- {
		if t.audits[i].id == id {
			return &t.audits[i]
		}
	}
	return nil
}

// takeAudit adds an audit, or completes the one known by what another form of it tells.
func (t *ticket) takeAudit(s step) {
	if t.marks.textless() {
		s.blank(&t.marks)
	}
	if known := t.audit(s.id); known != nil {
		known.join(s)
		return
	}
	i := sort.Search(len(t.audits), func(i int) bool {
		a := &t.audits[i]
		return a.at > s.at || a.at == s.at && a.id > s.id
	})
	t.audits = append(t.audits, step{})
	copy(t.audits[i+1:], t.audits[i:])
	t.audits[i] = s
	t.settle()
}

// settle drops hints that history has caught up with.
func (t *ticket) settle() {
	newest := t.newestAudit()
	kept := t.hints[:0]
	for _, h := range t.hints {
		if h.at > newest {
			kept = append(kept, h)
		}
	}
	if len(kept) < len(t.hints) {
		t.written.hints = 0
	}
	clear(t.hints[len(kept):])
	t.hints = kept
}

// join merges two forms of one audit (the audits resource and incremental ticket_events write it differently): the one that tells more
// changes wins, comments and marks are united, and private wins over public.
func (s *step) join(o step) {
	if len(o.changes) > len(s.changes) || len(o.changes) == len(s.changes) && changesText(o.changes) > changesText(s.changes) {
		s.changes = o.changes
	}
	for _, c := range o.comments {
		s.joinComment(c)
	}
	s.redactions, s.hidden = union(s.redactions, o.redactions), union(s.hidden, o.hidden)
	if len(o.scores) > len(s.scores) {
		s.scores = o.scores
	}
	s.merge = s.merge || o.merge
	s.channel = max(s.channel, o.channel)
	if s.author == 0 {
		s.author = o.author
	}
	s.hash = o.hash
}

func (s *step) joinComment(c comment) {
	for i := range s.comments {
		if s.comments[i].id == c.id {
			s.comments[i].public = s.comments[i].public && c.public
			return
		}
	}
	s.comments = append(s.comments, c)
}

func changesText(cs []change) string {
	var w writer
	list(&w, cs, writeChange)
	return string(w.b)
}

func union(a, b []int64) []int64 {
	for _, v := range b {
		if !contains(a, v) {
			a = append(a, v)
		}
	}
	return a
}

func contains(list []int64, v int64) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// takeHint adds a webhook unless history has caught up with it or it is known.
func (t *ticket) takeHint(h hint) bool {
	if h.at <= t.newestAudit() {
		return false
	}
	i := sort.Search(len(t.hints), func(i int) bool {
		o := &t.hints[i]
		return o.nanos > h.nanos || o.nanos == h.nanos && o.id >= h.id
	})
	if i < len(t.hints) && t.hints[i].id == h.id && t.hints[i].nanos == h.nanos {
		return false
	}
	if t.marks.textless() {
		h.blank(&t.marks)
	}
	if i < t.written.hints {
		t.written.hints = 0
	}
	t.hints = append(t.hints, hint{})
	copy(t.hints[i+1:], t.hints[i:])
	t.hints[i] = h
	return true
}

// takeRating keeps the newest form of a rating and remembers the scores it went through.
func (t *ticket) takeRating(n rating) bool {
	if t.marks.textless() {
		n.comment = ""
	}
	for i := range t.ratings {
		r := &t.ratings[i]
		if r.id != n.id {
			continue
		}
		grown := r.addForm(ratingForm{n.updated, n.score})
		if n.newer(r) {
			n.forms, n.sent = r.forms, r.sent
			*r = n
			return true
		}
		return grown
	}
	n.forms = []ratingForm{{n.updated, n.score}}
	i := sort.Search(len(t.ratings), func(i int) bool { return t.ratings[i].id > n.id })
	t.ratings = append(t.ratings, rating{})
	copy(t.ratings[i+1:], t.ratings[i:])
	t.ratings[i] = n
	return true
}

// newer says whether a form of a rating replaces another. Within one second an answer comes behind the offer that it answers.
func (r *rating) newer(than *rating) bool {
	return cmp.Or(cmp.Compare(r.updated, than.updated), cmp.Compare(r.answered(), than.answered()), cmp.Compare(r.hash, than.hash)) > 0
}

// answered is 1 for a rating that the requester has given, else 0.
func (r *rating) answered() int {
	if r.score == "good" || r.score == "bad" {
		return 1
	}
	return 0
}

func (r *rating) addForm(f ratingForm) bool {
	i := sort.Search(len(r.forms), func(i int) bool {
		o := r.forms[i]
		return o.at > f.at || o.at == f.at && o.score >= f.score
	})
	if i < len(r.forms) && r.forms[i] == f {
		return false
	}
	r.forms = append(r.forms, ratingForm{})
	copy(r.forms[i+1:], r.forms[i:])
	r.forms[i] = f
	return true
}

// body finds what is known of a comment's text.
func (t *ticket) body(id int64) *body {
	i := sort.Search(len(t.bodies), func(i int) bool { return t.bodies[i].id >= id })
	if i < len(t.bodies) && t.bodies[i].id == id {
		return &t.bodies[i]
	}
	return nil
}

func (t *ticket) makeBody(id int64) *body {
	i := sort.Search(len(t.bodies), func(i int) bool { return t.bodies[i].id >= id })
	if i == len(t.bodies) || t.bodies[i].id != id {
		t.bodies = append(t.bodies, body{})
		copy(t.bodies[i+1:], t.bodies[i:])
		t.bodies[i] = body{id: id, chunk: -1}
	}
	return &t.bodies[i]
}

// blackout is what Zendesk writes in place of redacted characters.
const blackout = "▇"

// better says whether a text replaces the one known: once redacted only a text with the blackout in it may come back; history beats
// webhooks; then the more redacted one, and at last an order that does not depend on arrival.
func (b *body) better(old, text string, rank byte) bool {
	n, o := strings.Count(text, blackout), strings.Count(old, blackout)
	switch {
	case b.redacted && n == 0:
		return false
	case n != o:
		return n > o
	case rank != b.rank:
		return rank > b.rank
	case len(text) != len(old):
		return len(text) > len(old)
	}
	return text > old
}

func (t *ticket) empty() bool { return false }
