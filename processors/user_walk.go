package processors

import (
	"slices"
	"time"

	"deskstream/schemas"
)

// people asks for what touched users need, but for those who lacked nothing before.
func (k *keyCollector) people(b *batch, before *asked) {
	var w *walk
	for n := range b.users {
		items := b.users[n].items
		key := items[0].key
		if before.users[n] || k.repeats(key, items) {
			continue
		}
		prefix := k.enter(items[0].ev.Account)
		if w == nil || w.prefix != prefix {
			w = k.walk(b, prefix, len(b.users))
		}
		fresh := k.fresh[prefix]
		k.lacking = k.common.directory == nil
		if w.user(key, items); !k.lacking {
			before.users[n] = true
			before.fresh[prefix] += k.fresh[prefix] - fresh
		}
	}
}

// user asks for what a touched user needs: its identities, everyone who shares one, and so on; and the tickets that wait for it. Whoever
// was visited from somebody else in the same call is not visited again: what is lacking there is lacking for both.
func (w *walk) user(key string, items []*item) {
	k, prefix := w.k, w.prefix
	u, loaded := look[user](k, key)
	if !loaded {
		return
	}
	u = orNew(u)
	news := false
	for _, it := range items {
		if sameUser(u, it, u.retention) && !k.retold(it, u.retention) {
			continue
		}
		if it.load(); it.user != nil || it.member != nil || it.edit != nil || it.link != nil || it.verdict != nil || it.erased {
			news = true
		}
	}
	if !news {
		return
	}
	if id := items[0].id; !w.seen[id] {
		w.seen[id] = true
		w.known(id, u, items)
	}
	if len(u.roles) == 0 || slices.ContainsFunc(items, func(it *item) bool { return u.promotes(it) }) {
		k.waiting(prefix, u.waiting)
	}
}

// promotes says whether an event tells that the user is an agent since a time from which nothing was known.
func (u *user) promotes(it *item) bool {
	return it.user != nil && roleByte(it.user.role) == byte(roleAgent) && !u.knowsRole(it.user.at, byte(roleAgent))
}

// waiting asks for the tickets that the arrival of a user, or of the schedules, releases.
func (k *keyCollector) waiting(prefix string, tickets []int64) {
	if len(tickets) == 0 {
		return
	}
	k.need(calendarKey(prefix))
	k.need(phrasesKey(prefix))
	for _, id := range tickets {
		key := ticketKey(prefix, id)
		t, loaded := look[ticket](k, key)
		if !loaded || t == nil {
			continue
		}
		n := &ticketNeeds{k: k, prefix: prefix, source: t.source}
		n.ticket(t, id)
	}
}

// walk follows users over identities and merges, like component does once everything is there.
type walk struct {
	k       *keyCollector
	prefix  string
	pending *batch
	seen    map[int64]bool
	stay    map[string]int // users of a value of whom the batch tells nothing

	source string // of the counter asked for last, with its day
	day    int64
}

// walk begins one in the account that was entered last, which is to meet about so many users.
func (k *keyCollector) walk(b *batch, prefix string, users int) *walk {
	if c, loaded := look[bucketDirectory](k, directoryKey(prefix)); loaded {
		k.common.directory = orNew(c)
	}
	return &walk{k: k, prefix: prefix, pending: b, seen: make(map[int64]bool, users), stay: map[string]int{}}
}

func (w *walk) visit(id int64) {
	if id <= 0 || w.seen[id] {
		return
	}
	w.seen[id] = true
	key := userKey(w.prefix, id)
	if u, loaded := look[user](w.k, key); loaded {
		w.known(id, orNew(u), w.pending.of(w.k.account, id))
	}
}

// known follows a user whose row is there, and the events of the batch about it.
func (w *walk) known(id int64, u *user, items []*item) {
	if u.id != 0 { // of whom nothing is known nothing is kept elsewhere either
		w.k.need(membersKey(w.prefix, id))
	}
	if w.k.common.keeps {
		w.k.keptOwner(w.prefix, id)
	}
	source := u.source()
	w.identities(u.identities())
	w.hidden(u)
	if u.now().erased { // what was said here comes back with a record that says otherwise
		w.identities(u.apiValues.identities(nil))
	}
	for _, p := range u.pairs {
		w.visit(p.other)
	}
	for _, l := range u.links {
		w.visit(l.other)
	}
	for _, it := range items {
		if it.load(); it.erased || it.edit != nil && it.edit.nothing() {
			w.k.need(keptKey(w.prefix, id))
		}
		switch {
		case it.user != nil:
			source = orElse(source, it.ev.Source)
			w.facts(it)
			if it.user.member != nil {
				w.k.need(joinedKey(w.prefix, int64(schemas.MemberPart(schemas.ZID(id)))))
			}
		case it.link != nil:
			for _, other := range it.link.others {
				w.other(other)
			}
			for _, other := range it.link.together {
				w.other(other)
			}
		case it.verdict != nil:
			for i := range it.verdict.fired {
				if ticket := it.verdict.fired[i].activity.TicketID; ticket != 0 {
					w.k.need(ticketKey(w.prefix, ticket))
				}
			}
		case it.edit != nil:
			w.identities(it.edit.identities())
		case it.remains != nil:
			w.visit(int64(it.remains.Person))
			for _, other := range slices.Concat(it.remains.Users, it.remains.Linked) {
				w.visit(other)
			}
		}
	}
	if len(items) > 0 || len(u.pairs) > 0 {
		w.days(id, u, items, source)
	}
}

// hidden follows the identities of a record that a webhook with another address contradicts: with the record's own address they come back.
func (w *walk) hidden(u *user) {
	if u.rec == nil || u.email.at <= u.rec.at {
		return
	}
	for _, i := range u.rec.identities {
		c := newHashedIdentity(i)
		w.identity(&c)
	}
}

// facts follows what an event of the batch says about the user.
func (w *walk) facts(it *item) {
	f := it.user
	if it.carried == nil {
		fresh := user{id: f.id}
		if f.full {
			fresh.rec = f
		} else {
			fresh.patch(f)
		}
		it.carried = add(fresh.identities(), schemas.IdentifierEmail, foldEmail(f.email), false)
	}
	for i := range it.carried {
		w.identity(&it.carried[i])
	}
	if f.other == 0 {
		return
	}
	if other := w.other(f.other); other != nil {
		w.k.need(counterKey(w.prefix, other.source(), f.at))
	}
}

// other follows a user that an event about another one touches too.
func (w *walk) other(id int64) *user {
	w.visit(id)
	other, loaded := look[user](w.k, userKey(w.prefix, id))
	if !loaded || other == nil {
		return nil
	}
	w.days(id, other, nil, other.source())
	return other
}

func (w *walk) identities(list []hashedIdentity) {
	for n := range list {
		w.identity(&list[n])
	}
}

func (w *walk) identity(i *hashedIdentity) {
	if i.Value == "" {
		return
	}
	row := w.k.identity(w.prefix, i)
	if row == nil || w.tooMany(row) || i.Kind == schemas.IdentifierPhone && !w.byPhone() {
		return
	}
	for _, id := range row.users {
		w.visit(id)
	}
}

func (w *walk) byPhone() bool {
	return w.k.byPhone || w.k.common.settings != nil && w.k.common.settings.byPhone
}

// tooMany says whether too many users share a value to say anything about who is who, even if those of the batch give it up.
func (w *walk) tooMany(row *identityRow) bool {
	if len(row.users) <= schemas.MaxSharers || len(row.users) > schemas.MaxSharers+len(w.pending.users) {
		return len(row.users) > schemas.MaxSharers
	}
	name := row.kind + ":" + row.value
	stay, counted := w.stay[name]
	if !counted {
		for _, id := range row.users {
			stay += 1 - int(flag(w.pending.of(w.k.account, id) != nil))
		}
		w.stay[name] = stay
	}
	return stay > schemas.MaxSharers
}

// days asks for the counters that the user's own activities move.
func (w *walk) days(id int64, u *user, items []*item, source string) {
	if schemas.IsOwnUser(schemas.ZID(id)) && w.k.common.settings != nil {
		source = w.k.common.settings.first()
	}
	need := func(at int64) {
		if at != 0 && (w.source != source || w.day != at/86400+1) {
			w.source, w.day = source, at/86400+1
			w.k.need(counterKey(w.prefix, source, at))
		}
	}
	for i := range u.activities {
		need(u.activities[i].at)
	}
	w.k.marks(w.prefix, source, u.versions)
	for _, p := range u.pairs {
		need(p.at)
	}
	need(u.now().created)
	for i := range u.tracks {
		for n := range u.tracks[i].points {
			need(u.tracks[i].points[n].second())
		}
	}
	for _, it := range items {
		switch {
		case it.user != nil:
			need(it.user.at)
			need(it.user.created)
		case it.edit != nil:
			need(it.edit.at / int64(time.Second))
		case it.remains != nil:
			from := orElse(append(it.remains.Sources, "")[0], orElse(it.ev.Source, source))
			for i := range it.remains.Activities {
				w.k.need(counterKey(w.prefix, from, it.remains.Activities[i].At))
			}
		}
	}
}
