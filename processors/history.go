package processors

import "sort"

// moment is one step of a ticket's history with the values before and after it, and the changes that really changed something.
type moment struct {
	*step
	hint     bool // made of webhooks
	creation bool
	before   *dims
	after    *dims
	changes  []change // effective, with the old value filled in
}

// history is a ticket's past as far as it is known: audits, then webhooks newer than the newest audit.
type history struct {
	moments     []moment
	first       dims // values at the beginning
	last        dims // values after the last moment
	begin       int64
	full        bool // the creation is known
	provisional bool // webhooks are applied
	touched     [fields]int64
}

// past orders what is known and follows the values through it. The ticket must have a base.
func (d *ticketScratch) past(t *ticket) *history {
	base := t.base()
	h := &d.history
	*h = history{begin: base.created}
	steps := d.stepsOf(t)
	if len(steps) == 0 {
		h.first, h.last = base.dims, base.dims
		return h
	}
	creation := creationOf(steps, len(t.audits), base.created)
	h.full = creation >= 0 && creation < len(t.audits)
	h.first = firstDims(steps, creation, base)
	if creation >= 0 {
		h.begin = steps[creation].at
	}
	d.walk(h, steps, creation, len(t.audits))
	return h
}

// stepsOf gives the audits and, behind them, webhooks of one action joined into one step.
func (d *ticketScratch) stepsOf(t *ticket) []*step {
	steps := room(d.steps, len(t.audits)+len(t.hints)+1)
	d.joined = room(d.joined, len(t.hints))
	defer func() { d.steps = steps }()
	for i := range t.audits {
		steps = append(steps, &t.audits[i])
	}
	for i := 0; i < len(t.hints); {
		first := &t.hints[i]
		all := &first.step
		for i++; i < len(t.hints) && t.hints[i].at == first.at && t.hints[i].group == first.group; i++ {
			if all == &first.step {
				d.joined = append(d.joined, first.step)
				all = &d.joined[len(d.joined)-1]
			}
			h := &t.hints[i]
			all.changes, all.comments = joined(all.changes, h.changes), joined(all.comments, h.comments)
			all.redactions, all.hidden = joined(all.redactions, h.redactions), joined(all.hidden, h.hidden)
		}
		steps = append(steps, all)
	}
	if at := t.goneAt(lastAt(steps)); at != 0 {
		steps = append(steps, &step{at: at, gone: true, changes: []change{{field: fieldStatus, new: "deleted"}}})
	}
	return steps
}

// joined gives the elements of both lists, and changes neither.
func joined[T any](a, b []T) []T {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	return append(a[:len(a):len(a)], b...)
}

// goneAt says when the ticket was deleted according to what is not history: it is not certain that Zendesk writes an audit for a
// deletion, and a permanent one is told by the record or a webhook only. 0: not deleted that way. It comes after everything else and is
// no change where history tells the deletion too.
func (t *ticket) goneAt(last int64) int64 {
	switch {
	case t.marks.scrubbed != 0:
		return max(t.marks.scrubbed, last)
	case t.rec != nil && t.rec.status == "deleted" && t.rec.at >= last:
		return max(t.rec.updated, last)
	}
	return 0
}

func lastAt(steps []*step) int64 {
	if len(steps) == 0 {
		return 0
	}
	return steps[len(steps)-1].at
}

// creationOf finds the step in which the ticket was born: the one that says so, else one at the very second of its creation. -1: unknown.
func creationOf(steps []*step, audits int, created int64) int {
	for i, s := range steps {
		if s.born() {
			return i
		}
	}
	for i, s := range steps {
		if s.at == created && (i < audits || len(s.comments) > 0) {
			return i
		}
	}
	return -1
}

// firstDims finds the values at the beginning: those of the creation, else what the first change of a field says it was before, else
// the current value. Where the creation is known and silent about status, assignee, group, priority, type or tags, there was none.
func firstDims(steps []*step, creation int, base *record) dims {
	d := base.dims
	born := creation >= 0 && steps[creation].born()
	if born {
		d.status, d.assignee, d.group, d.priority, d.kind, d.tags = "", 0, 0, "", "", nil
	}
	var seen [fields]bool
	if born {
		for i := range steps[creation].changes {
			c := &steps[creation].changes[i]
			if c.created && c.field != fieldOther {
				d.set(c)
				seen[c.field] = true
			}
		}
	}
	for _, s := range steps {
		for i := range s.changes {
			c := &s.changes[i]
			if c.created || c.field == fieldOther || seen[c.field] {
				continue
			}
			seen[c.field] = true
			if c.field != fieldStatus || c.old != "" {
				back := change{field: c.field, new: c.old, newID: c.oldID, newTags: c.oldTags}
				d.set(&back)
			}
		}
	}
	return d
}

// set gives the field the new value of the change.
func (d *dims) set(c *change) {
	switch c.field {
	case fieldStatus:
		d.status = c.new
	case fieldAssignee:
		d.assignee = c.newID
	case fieldGroup:
		d.group = c.newID
	case fieldPriority:
		d.priority = c.new
	case fieldType:
		d.kind = c.new
	case fieldSubject:
		d.subject = c.new
	case fieldTags:
		d.tags = c.newTags
	case fieldRequester:
		d.requester = c.newID
	case fieldOrganization:
		d.org = c.newID
	case fieldBrand:
		d.brand = c.newID
	case fieldForm:
		d.formID = c.newID
	case fieldOther:
	}
}

// get gives the field's value in the form of a change's new value.
func (d *dims) get(f field) (c change) {
	c.field = f
	switch f {
	case fieldStatus:
		c.new = d.status
	case fieldAssignee:
		c.newID = d.assignee
	case fieldGroup:
		c.newID = d.group
	case fieldPriority:
		c.new = d.priority
	case fieldType:
		c.new = d.kind
	case fieldSubject:
		c.new = d.subject
	case fieldTags:
		c.newTags = d.tags
	case fieldRequester:
		c.newID = d.requester
	case fieldOrganization:
		c.newID = d.org
	case fieldBrand:
		c.newID = d.brand
	case fieldForm:
		c.newID = d.formID
	case fieldOther:
	}
	return c
}

func (d *ticketScratch) walk(h *history, steps []*step, creation, audits int) {
	d.values = room(d.values, len(steps)+1)[:len(steps)+1] // the last slot is the value after everything
	d.moments = room(d.moments, len(steps))[:len(steps)]
	values, changes := d.values, 0
	h.moments = d.moments
	for _, s := range steps {
		changes += len(s.changes)
	}
	d.changes = room(d.changes, changes)
	for f := range h.touched {
		h.touched[f] = -1 << 62
	}
	values[0] = h.first
	for i, s := range steps {
		values[i+1] = values[i]
		m := &h.moments[i]
		*m = moment{step: s, hint: i >= audits && !s.gone, creation: i == creation, before: &values[i], after: &values[i+1]}
		begin := len(d.changes)
		d.changes = h.effective(m, d.changes)
		m.changes = d.changes[begin:len(d.changes):len(d.changes)]
		h.provisional = h.provisional || m.hint && m.something()
	}
	h.last = values[len(steps)]
}

// something tells whether the moment holds anything at all: a webhook that repeats what is so does not make a ticket provisional.
func (m *moment) something() bool {
	return len(m.changes)+len(m.comments)+len(m.redactions)+len(m.hidden) > 0 || m.creation
}

// effective applies the moment's changes to its after-values and appends those that changed something to out.
func (h *history) effective(m *moment, out []change) []change {
	for _, c := range m.step.changes {
		if c.created && m.creation {
			continue
		}
		if c.field == fieldOther {
			out = append(out, c)
			continue
		}
		now := m.after.get(c.field)
		h.touched[c.field] = m.at
		if sameValue(&now, &c) {
			continue
		}
		if c.old == "" || m.hint {
			c.old = now.new
		}
		if c.oldID == 0 || m.hint {
			c.oldID = now.newID
		}
		c.oldTags = now.newTags
		m.after.set(&c)
		if c.old == c.new && c.oldID == c.newID && c.field != fieldTags {
			continue
		}
		out = append(out, c)
	}
	return out
}

// sameValue compares the new values of two changes of one field; the order of tags means nothing.
func sameValue(a, b *change) bool {
	return a.new == b.new && a.newID == b.newID && sameTags(a.newTags, b.newTags)
}

func sameTags(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return subset(a, b)
		}
	}
	return true
}

func subset(a, b []string) bool {
	sorted := append([]string(nil), b...)
	sort.Strings(sorted)
	for _, s := range a {
		if i := sort.SearchStrings(sorted, s); i == len(sorted) || sorted[i] != s {
			return false
		}
	}
	return true
}

// current gives the values now: the record's, overlaid by changes that are not earlier than it. A record may have been read between two
// changes of one second.
func (h *history) current(base *record) dims {
	d := base.dims
	for f := range h.touched {
		if len(h.moments) > 0 && h.touched[f] >= base.at {
			c := h.last.get(field(f))
			d.set(&c)
		}
	}
	return d
}
