package processors

import (
	"regexp"
	"strconv"
	"strings"

	"deskstream/schemas"
)

// takeTicket merges a ticket, audit, rating or ticket webhook.
func (r *run) takeTicket(a *accountWork, it *item) {
	w := r.ticketAt(a, it.id, it.key)
	if it.ev.Kind == schemas.KindRecount {
		w.recount = true
		if len(a.fields.Kept) > 0 && w.t.source != "" {
			w.see(it)
			w.source, w.dirty = w.t.source, true
			w.touch()
		}
		return
	}
	if known(w.t, it) {
		r.repeat(w, it)
		return
	}
	if it.load(); it.domain == domainDead {
		r.dead(it)
		return
	}
	if w.t.source == "" {
		w.t.source = it.ev.Source
	}
	w.see(it)
	if it.hint == nil {
		r.keepHinted(w)
	}
	var changed bool
	switch {
	case it.hint != nil:
		changed = r.takeTicketHint(w, it)
		w.hinted = w.hinted || changed
	case it.rec != nil:
		changed = w.t.takeRecord(copyRecord(it.rec))
		if changed && w.t.marks.textless() {
			r.eraseTexts(w)
		}
	case it.step != nil:
		changed = true
		r.takeAudit(w, it)
	default:
		changed = w.t.takeRating(*it.rating)
	}
	if !changed {
		r.repeat(w, it)
		return
	}
	r.hush(w)
	w.dirty = true
	w.touch()
}

// repeat counts an event that told nothing new. It is worth another look only where the retention changed, because activities carry
// their expiry.
func (r *run) repeat(w *ticketWork, it *item) {
	r.result.Duplicates++
	if w.t.row != 0 && w.t.retention != w.account.sources.of(it.ev.Source).fingerprint() {
		w.see(it)
		w.dirty = true
		w.touch()
	}
}

// copyRecord keeps the decoded item as it was: a batch may be applied again after a lost commit.
func copyRecord(r *record) *record {
	c := *r
	return &c
}

func (r *run) ticket(a *accountWork, id int64) *ticketWork {
	return r.ticketAt(a, id, ticketKey(a.prefix, id))
}

func (r *run) ticketAt(a *accountWork, id int64, key string) *ticketWork {
	w, ok := r.tickets[key]
	if !ok {
		w = &ticketWork{account: a, id: id, t: open[ticket](r, key), slot: r.slots[key]}
		r.tickets[key] = w
	}
	return w
}

// touch marks the ticket's row as changed.
func (w *ticketWork) touch() { w.slot.dirty = true }

func (w *ticketWork) see(it *item) {
	if w.source == "" || it.ev.ReceivedAt.After(w.now) {
		w.source = it.ev.Source
	}
	if it.ev.ReceivedAt.After(w.now) {
		w.now = it.ev.ReceivedAt
	}
}

// known tells from ids and content hash alone that an event is a repeat.
func known(t *ticket, it *item) bool {
	switch {
	case it.hint != nil:
		return false
	case it.sub == 0:
		return t.rec != nil && t.rec.hash == it.hash
	}
	if a := t.audit(it.sub); a != nil && it.ev.Kind == "audit" {
		return a.hash == it.hash
	}
	if it.ev.Kind == "rating" {
		for i := range t.ratings {
			if t.ratings[i].id == it.sub {
				return t.ratings[i].hash == it.hash
			}
		}
	}
	return false
}

// takeAudit merges an audit: its changes into the history, its texts into their rows.
func (r *run) takeAudit(w *ticketWork, it *item) {
	s := *it.step
	s.comments = append([]comment(nil), s.comments...)
	w.t.takeAudit(s)
	for _, x := range it.texts {
		r.setText(w, x, 2)
	}
	for _, id := range it.step.redactions {
		r.redact(w, id)
	}
	r.findMergeTarget(w, it)
}

// mentioned finds the ticket that a merge note names. The words around the number are in the account's language.
var mentioned = regexp.MustCompile(`#(\d{1,18})`)

// findMergeTarget reads the absorbing ticket's id from the private note of the audit that closes an absorbed ticket; no audit field holds it.
func (r *run) findMergeTarget(w *ticketWork, it *item) {
	if w.t.marks.into != 0 || len(it.texts) == 0 || !mergeStep(it.step) {
		return
	}
	for i, c := range it.step.comments {
		if c.public || i >= len(it.texts) {
			continue
		}
		if m := mentioned.FindStringSubmatch(it.texts[i].body); m != nil {
			if n, err := strconv.ParseInt(m[1], 10, 64); err == nil && n != w.id {
				w.t.marks.into = n
			}
		}
	}
}

// toldMerge says whether history tells a merge of that second already: then a webhook is not how it was first learned.
func (t *ticket) toldMerge(at int64) bool {
	for i := range t.audits {
		if s := &t.audits[i]; s.at == at && mergeStep(s) {
			return true
		}
	}
	return false
}

func mergeStep(s *step) bool {
	closed, tagged := false, false
	for i := range s.changes {
		c := &s.changes[i]
		closed = closed || c.field == fieldStatus && c.new == "closed"
		tagged = tagged || c.field == fieldTags && hasTag(c.newTags, mergeTag) && !hasTag(c.oldTags, mergeTag)
	}
	return tagged || s.merge && closed
}

// takeTicketHint merges a webhook. What history will confirm is kept until it does; what only webhooks tell is kept for good.
func (r *run) takeTicketHint(w *ticketWork, it *item) bool {
	t, h := w.t, it.hint
	changed := false
	if h.snapped {
		changed = t.takeSnapshot(&h.snap, h.description) && t.rec == nil
	}
	if h.merged && (t.marks.merged == 0 || h.at < t.marks.merged) && !t.toldMerge(h.at) {
		t.marks.merged, changed = h.at, true
	}
	if h.into != 0 && h.into != w.id && t.marks.into == 0 {
		t.marks.into, changed = h.into, true
	}
	if h.spam && (t.marks.spam == 0 || h.at < t.marks.spam) {
		t.marks.spam, changed = h.at, true
	}
	if h.scrubbed && (t.marks.scrubbed == 0 || h.at < t.marks.scrubbed) {
		t.scrub(h.at)
		t.blank()
		r.eraseTexts(w)
		changed = true
	}
	for _, id := range h.redactions {
		changed = r.redact(w, id) || changed
	}
	if len(h.changes)+len(h.comments)+len(h.redactions)+len(h.hidden) == 0 || !t.takeHint(h.hint) {
		return changed
	}
	for _, x := range it.texts {
		r.setText(w, x, 1)
	}
	return true
}

// keepHinted adds the activities that webhooks of the batch tell to those emitted, as ones that were withdrawn, before something else takes their place:
// activities go out when all of the batch is taken, and what counts is how each was first learned.
func (r *run) keepHinted(w *ticketWork) {
	if !w.hinted {
		return
	}
	w.hinted = false
	set := w.account.sources.of(w.source)
	acts := r.predictedActivities(w)
	for i := range acts {
		x := &acts[i]
		if x.via == viaWebhook && findActivity(w.t.activities, x, i) < 0 {
			w.t.activities = append(w.t.activities, sentActivity{
				slug: x.slug, at: x.at, what: x.what, user: x.user, via: x.via, gone: true, away: set.Paused(unix(x.at)),
			})
		}
	}
}

// texts opens the place of comment texts with that number: the ticket's own row or one of the rows beside it.
func (r *run) texts(w *ticketWork, chunk int) *texts {
	if chunk == inline {
		return &w.t.inline
	}
	return open[texts](r, textsKey(w.account.prefix, w.id, int64(chunk)))
}

func (r *run) touchTexts(w *ticketWork, chunk int) {
	if chunk == inline {
		w.touch()
		return
	}
	r.touch(textsKey(w.account.prefix, w.id, int64(chunk)))
}

// setText stores a comment's text unless what is known is better.
func (r *run) setText(w *ticketWork, x text, rank byte) {
	t := w.t
	if t.marks.textless() {
		x.body = ""
	}
	b := t.makeBody(x.id)
	old := ""
	if b.chunk >= 0 {
		old = r.texts(w, b.chunk).get(x.id)
	}
	if b.chunk >= 0 || b.redacted {
		if old == x.body {
			b.rank = max(b.rank, rank)
			return
		}
		if !b.better(old, x.body, rank) {
			return
		}
	}
	b.rank, b.hash = max(b.rank, rank), hashText(x.body)
	if x.body == "" {
		return
	}
	if b.chunk == inline && !t.fitsInline(len(x.body), len(old)) {
		t.inline.remove(x.id)
		b.chunk = -1
	}
	if b.chunk < 0 {
		b.chunk = r.roomyChunk(w, len(x.body))
	}
	r.texts(w, b.chunk).set(x.id, x.body)
	r.touchTexts(w, b.chunk)
}

// fitsInline says whether a text of that size, in place of one of the old size, may stay in the ticket's own row.
func (t *ticket) fitsInline(size, old int) bool {
	return size <= maxInlineText && t.inline.size-old+size <= maxInline
}

// roomyChunk gives a place for a text of that size: the ticket's own row, the last row of texts, or a new one when that is full.
func (r *run) roomyChunk(w *ticketWork, size int) int {
	if w.t.fitsInline(size, 0) {
		return inline
	}
	if n := w.t.chunks; n > 0 && r.texts(w, n).size < maxChunk {
		return n
	}
	w.t.chunks++
	r.fresh(textsKey(w.account.prefix, w.id, int64(w.t.chunks)), &texts{})
	return w.t.chunks
}

// redact blanks a comment's text for good; only a text in which Zendesk shows the redaction may take its place.
func (r *run) redact(w *ticketWork, id int64) bool {
	b := w.t.makeBody(id)
	if b.redacted {
		return false
	}
	b.redacted = true
	if b.chunk >= 0 {
		row := r.texts(w, b.chunk)
		if !strings.Contains(row.get(id), blackout) {
			row.remove(id)
			r.touchTexts(w, b.chunk)
			b.chunk, b.hash = -1, hashText("")
		}
	}
	return true
}

// eraseTexts removes every text of the ticket from state.
func (r *run) eraseTexts(w *ticketWork) {
	for n := range w.t.chunks + 1 {
		row := r.texts(w, n)
		row.items, row.size = nil, 0
		r.touchTexts(w, n)
	}
	for i := range w.t.bodies {
		w.t.bodies[i].chunk, w.t.bodies[i].hash = -1, hashText("")
	}
	w.t.chunks = 0
}

// textOf gives the text of a comment, "" once erased.
func (r *run) textOf(w *ticketWork, x *message) string {
	if x == nil || x.chunk < 0 {
		return ""
	}
	return r.texts(w, x.chunk).get(x.id)
}
