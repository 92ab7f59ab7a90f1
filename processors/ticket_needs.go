package processors

import (
	"slices"
	"strconv"

	"deskstream/schemas"
)

// tickets asks for what touched tickets need, but for those that lacked nothing before.
func (k *keyCollector) tickets(b *batch, before *asked) {
	for _, key := range b.changed {
		if before.tickets[key] {
			continue
		}
		k.lacking = false
		if k.ticket(key, b.tickets[key]); !k.lacking {
			before.tickets[key] = true
		}
	}
}

// ticket asks for what the ticket of some events needs: its texts, the roles of its authors, the figures of its requesters and the
// counters of the days on which something happened.
func (k *keyCollector) ticket(key string, items []*item) {
	t, loaded := look[ticket](k, key)
	n := &k.needs
	*n = ticketNeeds{k: k, prefix: k.enter(items[0].ev.Account), source: items[0].ev.Source, users: n.users[:0], ahead: !loaded}
	if !loaded {
		for _, it := range items {
			if it.hint != nil { // which is news, mostly: what it needs comes along with the ticket
				n.item(it)
			}
		}
		return
	}
	if t == nil {
		t = &ticket{}
	}
	if t.source != "" {
		n.source = t.source
	}
	news := false
	for _, it := range items {
		if known(t, it) && !k.retold(it, t.retention) {
			continue
		}
		if it.load(); it.domain != domainDead {
			news = true
			n.item(it)
		}
	}
	if !news {
		return
	}
	n.ticket(t, items[0].id)
}

// figures asks for a user's figures and for the ticket that may carry their newest form.
func (k *keyCollector) figures(prefix string, id int64) {
	if s, loaded := lookKey[stats](k, k.of(prefix, keyStats, id)); loaded && s != nil && s.home != 0 {
		k.needKey(k.of(prefix, keyTicket, s.home))
	}
}

// ticketNeeds collects the needs of one ticket, each once.
type ticketNeeds struct {
	k      *keyCollector
	prefix string
	source string
	users  []int64
	day    int64 // last day asked for
	ahead  bool  // the ticket is not loaded, so that it is not known whose counters it moves
}

func (n *ticketNeeds) ticket(t *ticket, id int64) {
	for c := range t.chunks {
		n.k.need(textsKey(n.prefix, id, int64(c+1)))
	}
	for _, r := range []*record{t.rec, t.snap} {
		n.record(r)
	}
	for i := range t.audits {
		n.step(&t.audits[i])
	}
	for i := range t.hints {
		n.step(&t.hints[i].step)
	}
	for i := range t.ratings {
		n.rating(&t.ratings[i])
	}
	for i := range t.activities {
		n.at(t.activities[i].at)
		n.requester(t.activities[i].user)
	}
	n.requester(t.share.user)
	for _, at := range []int64{t.marks.merged, t.marks.spam, t.marks.scrubbed} {
		n.at(at)
	}
}

func (n *ticketNeeds) item(it *item) {
	switch {
	case it.ev.Kind == schemas.KindRecount:
	case it.hint != nil:
		if it.hint.snapped {
			n.record(&it.hint.snap)
		}
		n.step(&it.hint.step)
	case it.rec != nil:
		n.record(it.rec)
	case it.step != nil:
		n.step(it.step)
	default:
		n.rating(it.rating)
	}
}

func (n *ticketNeeds) record(r *record) {
	if r == nil {
		return
	}
	n.at(r.created)
	n.at(r.updated)
	n.at(r.at)
	n.requester(r.requester)
}

func (n *ticketNeeds) step(s *step) {
	n.at(s.at)
	for i := range s.comments {
		n.author(s.comments[i].author)
	}
	for i := range s.changes {
		if c := &s.changes[i]; c.field == fieldRequester {
			n.requester(c.oldID)
			n.requester(c.newID)
		}
	}
}

func (n *ticketNeeds) rating(r *rating) {
	n.requester(r.requester)
	n.at(r.updated)
	for _, f := range r.forms {
		n.at(f.at)
	}
}

// at asks for the counters of the day.
func (n *ticketNeeds) at(at int64) {
	if at == 0 || n.day == at/86400+1 || n.ahead {
		return
	}
	n.day = at/86400 + 1
	n.k.counter(n.prefix, n.source, at)
}

// counter asks for the counters of a source and day.
func (k *keyCollector) counter(prefix, source string, at int64) {
	if k.token == "" || k.source != source {
		k.source, k.token = source, schemas.Token(source)
	}
	key := append(append(k.key[:0], prefix...), keyCounter...)
	k.needKey(strconv.AppendInt(append(append(key, k.token...), '.'), at/86400, 10))
}

func (n *ticketNeeds) requester(id int64) {
	if id > 0 && !contains(n.users, id) {
		n.users = append(n.users, id)
		n.k.figures(n.prefix, id)
		if n.k.common.keeps {
			n.k.keptOwner(n.prefix, id)
		}
	}
}

// keptOwner asks for what is kept of a user and for what the row of its person is made of.
func (k *keyCollector) keptOwner(prefix string, id int64) {
	k.need(keptKey(prefix, id))
	u, loaded := look[user](k, userKey(prefix, id))
	if !loaded || u == nil || u.head == 0 {
		return
	}
	head, loaded := look[user](k, userKey(prefix, u.head))
	if !loaded || head == nil {
		return
	}
	for _, member := range append(slices.Clone(head.party), u.head) {
		k.need(userKey(prefix, member))
		k.need(keptKey(prefix, member))
	}
}

// author asks for the user.
func (n *ticketNeeds) author(id int64) {
	if id <= 0 || contains(n.users, -id) {
		return
	}
	n.users = append(n.users, -id)
	n.k.needKey(n.k.of(n.prefix, keyUser, id))
}
