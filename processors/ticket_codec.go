package processors

import "encoding/binary"

func (t *ticket) encode(w *writer) {
	w.str(t.source)
	writeRecord(w, t.rec)
	writeRecord(w, t.snap)
	list(w, t.audits, writeStep)
	t.writeHints(w)
	list(w, t.ratings, writeRating)
	list(w, t.bodies, func(w *writer, b *body) {
		w.int(b.id)
		w.int(int64(b.chunk))
		w.hash(b.hash)
		w.byte(b.rank)
		w.bool(b.redacted)
	})
	t.inline.encode(w)
	w.int(int64(t.chunks))
	w.int(t.marks.merged)
	w.int(t.marks.into)
	w.int(t.marks.spam)
	w.int(t.marks.scrubbed)
	w.bool(t.marks.erased)
	w.hash(t.row)
	w.int(t.rowCreated)
	list(w, t.activities, writeSentActivity)
	list(w, t.fired, func(w *writer, f *firedActivity) {
		w.byte(byte(f.slug))
		w.int(f.at)
		w.hash(f.id)
		w.byte(f.via)
	})
	list(w, t.events, func(w *writer, e *sentEvent) {
		w.byte(e.kind)
		w.int(e.at)
		w.str(e.id)
		w.hash(e.hash)
	})
	list(w, t.messages, func(w *writer, m *sentMessage) {
		w.int(m.id)
		w.int(m.at)
		w.hash(m.hash)
	})
	writeShare(w, &t.share)
	t.piggyback.encode(w)
	w.hash(t.retention)
}

func (t *ticket) decode(r *reader) {
	t.source = r.str()
	t.rec, t.snap = readRecord(r), readRecord(r)
	t.audits = readList(r, readStep)
	t.readHints(r)
	t.ratings = readList(r, readRating)
	t.bodies = readList(r, func(r *reader, b *body) {
		b.id, b.chunk, b.hash, b.rank, b.redacted = r.int(), int(r.int()), r.hash(), r.byte(), r.bool()
	})
	t.inline.decode(r)
	t.chunks = int(r.int())
	t.marks = marks{merged: r.int(), into: r.int(), spam: r.int(), scrubbed: r.int(), erased: r.bool()}
	t.row, t.rowCreated = r.hash(), r.int()
	t.activities = readList(r, readSentActivity)
	t.fired = readList(r, func(r *reader, f *firedActivity) {
		f.slug, f.at, f.id, f.via = slug(r.byte()), r.int(), r.hash(), r.byte()
	})
	t.events = readList(r, func(r *reader, e *sentEvent) { e.kind, e.at, e.id, e.hash = r.byte(), r.int(), r.str(), r.hash() })
	t.messages = readList(r, func(r *reader, m *sentMessage) { m.id, m.at, m.hash = r.int(), r.int(), r.hash() })
	readShare(r, &t.share)
	t.piggyback.decode(r)
	t.retention = r.hash()
}

// writeHints copies what is written of the first ones already. The row is being written from the beginning of w.
func (t *ticket) writeHints(w *writer) {
	x := &t.written
	w.uint(uint64(len(t.hints)))
	x.from = len(w.b)
	if x.hints > 0 {
		w.b = append(w.b, x.form...)
	}
	for i := x.hints; i < len(t.hints); i++ {
		writeHint(w, &t.hints[i])
	}
	x.to = len(w.b)
}

// wrote notes the row that the ticket was written to.
func (t *ticket) wrote(row []byte) {
	x := &t.written
	x.hints, x.form = len(t.hints), row[x.from:x.to]
}

func (t *ticket) readHints(r *reader) {
	all := r.b
	t.hints = readList(r, readHint)
	if _, n := binary.Uvarint(all); r.err == nil {
		t.written = written{hints: len(t.hints), form: all[n : len(all)-len(r.b)]}
	}
}

func writeRecord(w *writer, r *record) {
	w.bool(r != nil)
	if r == nil {
		return
	}
	w.int(r.at)
	w.int(r.nanos)
	w.str(r.id)
	w.hash(r.hash)
	w.int(r.created)
	w.int(r.updated)
	w.int(r.submitter)
	w.str(r.description)
	w.str(r.channel)
	w.str(r.external)
	w.str(r.url)
	w.str(r.custom)
	w.str(r.details)
	w.int(r.customStatus)
	w.bool(r.private)
	w.int(r.due)
	w.str(r.status)
	w.str(r.priority)
	w.str(r.kind)
	w.str(r.subject)
	w.int(r.assignee)
	w.int(r.group)
	w.int(r.requester)
	w.int(r.org)
	w.int(r.brand)
	w.int(r.formID)
	w.strs(r.tags)
}

func readRecord(r *reader) *record {
	if !r.bool() {
		return nil
	}
	x := &record{at: r.int(), nanos: r.int(), id: r.str(), hash: r.hash(), created: r.int(), updated: r.int(), submitter: r.int()}
	x.description, x.channel, x.external, x.url, x.custom = r.str(), r.str(), r.str(), r.str(), r.str()
	x.details, x.customStatus, x.private, x.due = r.str(), r.int(), r.bool(), r.int()
	x.status, x.priority, x.kind, x.subject = r.str(), r.str(), r.str(), r.str()
	x.assignee, x.group, x.requester, x.org, x.brand, x.formID = r.int(), r.int(), r.int(), r.int(), r.int(), r.int()
	x.tags = r.strs()
	return x
}

func writeChange(w *writer, c *change) {
	kind := byte(c.field)
	if c.created {
		kind |= 0x80
	}
	w.byte(kind)
	switch c.field {
	case fieldAssignee, fieldGroup, fieldRequester, fieldOrganization, fieldBrand, fieldForm:
		w.int(c.oldID)
		w.int(c.newID)
	case fieldTags:
		w.strs(c.oldTags)
		w.strs(c.newTags)
	case fieldOther:
		w.str(c.name)
	default:
		w.str(c.old)
		w.str(c.new)
	}
}

func readChange(r *reader, c *change) {
	kind := r.byte()
	c.field, c.created = field(kind&0x7f), kind&0x80 != 0
	switch c.field {
	case fieldAssignee, fieldGroup, fieldRequester, fieldOrganization, fieldBrand, fieldForm:
		c.oldID, c.newID = r.int(), r.int()
	case fieldTags:
		c.oldTags, c.newTags = r.strs(), r.strs()
	case fieldOther:
		c.name = r.str()
	default:
		c.old, c.new = r.str(), r.str()
	}
	if int(c.field) > fields {
		r.fail()
	}
}

func writeStep(w *writer, s *step) {
	w.int(s.id)
	w.int(s.at)
	w.int(s.author)
	w.str(s.channel)
	w.bool(s.merge)
	w.hash(s.hash)
	list(w, s.changes, writeChange)
	list(w, s.comments, func(w *writer, c *comment) { w.int(c.id); w.int(c.author); w.bool(c.public) })
	w.ints(s.redactions)
	w.ints(s.hidden)
	list(w, s.scores, func(w *writer, s *score) { w.str(s.score); w.int(s.assignee); w.str(s.comment) })
}

func readStep(r *reader, s *step) {
	s.id, s.at, s.author, s.channel, s.merge, s.hash = r.int(), r.int(), r.int(), r.str(), r.bool(), r.hash()
	s.changes = readList(r, readChange)
	s.comments = readList(r, func(r *reader, c *comment) { c.id, c.author, c.public = r.int(), r.int(), r.bool() })
	s.redactions, s.hidden = r.ints(), r.ints()
	s.scores = readList(r, func(r *reader, s *score) { s.score, s.assignee, s.comment = r.str(), r.int(), r.str() })
}

func writeHint(w *writer, h *hint) {
	w.str(h.id)
	w.int(h.nanos)
	w.str(h.group)
	writeStep(w, &h.step)
}

func readHint(r *reader, h *hint) {
	h.id, h.nanos, h.group = r.str(), r.int(), r.str()
	readStep(r, &h.step)
}

func writeRating(w *writer, x *rating) {
	w.int(x.id)
	w.int(x.requester)
	w.int(x.assignee)
	w.int(x.group)
	w.str(x.score)
	w.str(x.comment)
	w.str(x.reason)
	w.str(x.url)
	w.int(x.reasonID)
	w.int(x.created)
	w.int(x.updated)
	w.hash(x.hash)
	w.hash(x.sent)
	list(w, x.forms, func(w *writer, f *ratingForm) { w.int(f.at); w.str(f.score) })
}

func readRating(r *reader, x *rating) {
	x.id, x.requester, x.assignee, x.group = r.int(), r.int(), r.int(), r.int()
	x.score, x.comment, x.reason, x.url, x.reasonID = r.str(), r.str(), r.str(), r.str(), r.int()
	x.created, x.updated, x.hash, x.sent = r.int(), r.int(), r.hash(), r.hash()
	x.forms = readList(r, func(r *reader, f *ratingForm) { f.at, f.score = r.int(), r.str() })
}

func writeSentActivity(w *writer, a *sentActivity) {
	w.byte(byte(a.slug))
	w.int(a.at)
	w.str(a.what)
	w.int(a.user)
	w.hash(a.hash)
	w.byte(a.n)
	via := a.via
	if a.gone {
		via |= 0x80
	}
	if a.away {
		via |= 0x40
	}
	w.byte(via)
}

func readSentActivity(r *reader, a *sentActivity) {
	a.slug, a.at, a.what, a.user, a.hash, a.n = slug(r.byte()), r.int(), r.str(), r.int(), r.hash(), r.byte()
	via := r.byte()
	a.via, a.gone, a.away = via&0x3f, via&0x80 != 0, via&0x40 != 0
	if int(a.slug) >= len(slugNames) {
		r.fail()
	}
}

func writeShare(w *writer, s *share) {
	w.int(s.user)
	w.bool(s.counted)
	w.bool(s.open)
	w.bool(s.closed)
	w.bool(s.good)
	w.bool(s.bad)
	w.int(s.created)
	w.str(s.subject)
	w.str(s.status)
	w.int(s.scoreAt)
}

func readShare(r *reader, s *share) {
	s.user, s.counted, s.open, s.closed, s.good, s.bad = r.int(), r.bool(), r.bool(), r.bool(), r.bool(), r.bool()
	s.created, s.subject, s.status, s.scoreAt = r.int(), r.str(), r.str(), r.int()
}
