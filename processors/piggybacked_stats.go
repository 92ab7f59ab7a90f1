package processors

import (
	"bytes"
	"slices"
)

// piggybackedStats is what a ticket holds of its requester's figures. Most changes of a user's figures come from one ticket after the other, and that
// ticket's row is written anyway: while the figures' own row names the ticket as their home, their newest form rides along in it, and
// their own row stays as it is. They go home with the second change in a row by one ticket, so that a history read in one go never needs
// a ticket to learn the figures of another's requester. Any other change writes the figures' own row and makes the piggybacked ones void.
//
// Subjects do not ride along: the ticket knows its own, and the others cannot have changed since the own row was written. So no ticket's
// text outlives its erasure in another ticket's row.
type piggybackedStats struct {
	user  int64  // 0 = none
	epoch uint64 // of the figures' own row they continue
	data  []byte
}

func (c *piggybackedStats) encode(w *writer) {
	w.int(c.user)
	if c.user == 0 {
		return
	}
	w.uint(c.epoch)
	w.str(string(c.data))
}

func (c *piggybackedStats) decode(r *reader) {
	if c.user = r.int(); c.user != 0 {
		c.epoch, c.data = r.uint(), []byte(r.str())
	}
}

// figures opens a user's figures in their newest form.
func (r *run) figures(a *accountWork, user int64, key string) *stats {
	s := open[stats](r, key)
	if s.home == 0 {
		return s
	}
	t := open[ticket](r, ticketKey(a.prefix, s.home))
	if t.piggyback.user != user || t.piggyback.epoch != s.epoch || s.held != nil && bytes.Equal(s.held, t.piggyback.data) {
		return s
	}
	in := &reader{b: t.piggyback.data}
	var n stats
	n.readFigures(in)
	if in.err != nil && r.err == nil {
		r.err = in.err
	}
	for i := range n.last {
		n.last[i].subject = s.subject(&n.last[i])
		if n.last[i].id == s.home {
			n.last[i].subject = t.share.subject
		}
	}
	n.epoch, n.by, n.home, n.held = s.epoch, s.by, s.home, t.piggyback.data
	*s = n
	return s
}

func (s *stats) subject(m *ticketMark) string {
	for i := range s.last {
		if s.last[i].id == m.id && s.last[i].created == m.created {
			return s.last[i].subject
		}
	}
	return ""
}

// placeFigures decides where the changed figures of a user are stored.
func (r *run) placeFigures(key string, w *statsWork) {
	s := w.s
	if bytes.Equal(r.figuresOf(s, true), w.figures) {
		return
	}
	var t *ticket
	if w.by != 0 {
		ticketKey := ticketKey(w.account+".", w.by)
		t = open[ticket](r, ticketKey)
		r.touch(ticketKey)
		if t.piggyback.user == w.user {
			t.piggyback = piggybackedStats{}
		}
		// Once the ticket is deleted or erased its subject must not stay in the figures' own row, so that row is written.
		if !t.share.counted || t.share.user != w.user || t.marks.textless() {
			t = nil
		}
	}
	if t != nil && s.home == w.by {
		s.held = slices.Clone(r.figuresOf(s, false))
		t.piggyback = piggybackedStats{w.user, s.epoch, s.held}
		return
	}
	s.epoch++
	before := s.by
	s.by, s.home = 0, 0
	if t != nil {
		if s.by = w.by; before == w.by {
			s.home = w.by
		}
	}
	r.touch(key)
}
