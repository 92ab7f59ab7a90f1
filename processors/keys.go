package processors

import (
	"slices"
	"strconv"
	"time"

	"deskstream/schemas"
)

// keyer finds out which state rows a batch needs.
type keyer struct {
	state   schemas.State
	asked   map[string]bool
	missing []string
	lacking bool             // something was not there since somebody reset this
	renewed bool             // the batch brings settings: what is a repeat under the old ones may be news under the new ones
	fresh   map[string]int64 // identities that are on no shelf yet, at most, by the prefix of the account

	keeping bool // the batch decides that fields keep values
	byPhone bool // the batch lets phone numbers merge people

	account string // of the event looked at last, with what follows from it
	prefix  string
	common  common
	source  string // and its token
	token   string

	key   []byte // being made
	needs ticketNeeds
}

// common is what all of an account share; nil or false what is not loaded.
type common struct {
	settings *sources
	shelves  *catalogue
	keeps    bool // fields keep values of activities
	ticketed bool // what all tickets need has been asked for
}

// enter asks for the settings and tombstones of an account and gives the prefix of its keys.
func (k *keyer) enter(account string) string {
	if k.prefix != "" && k.account == account {
		return k.prefix
	}
	k.account, k.prefix, k.common = account, account+".", common{}
	k.need(erasedKey(k.prefix))
	if s, loaded := look[sources](k, k.prefix+"src"); loaded {
		k.common.settings = orNew(s)
	}
	if f, loaded := look[personFields](k, fieldsKey(k.prefix)); loaded {
		k.common.keeps = k.keeping || f != nil && len(f.Kept) > 0
	}
	return k.prefix
}

// orNew gives an empty value for none.
func orNew[T any](v *T) *T {
	if v == nil {
		return new(T)
	}
	return v
}

// need asks for a row and reports whether it is there.
func (k *keyer) need(key string) (*schemas.StateRow, bool) {
	if row, ok := k.state[key]; ok && !row.Missing() {
		return row, true
	}
	k.lack(key)
	return nil, false
}

func (k *keyer) lack(key string) {
	k.lacking = true
	if !k.asked[key] {
		k.asked[key] = true
		k.missing = append(k.missing, key)
	}
}

// needKey is need for a key that is made in k.key.
func (k *keyer) needKey(key []byte) (*schemas.StateRow, bool) {
	k.key = key
	if row, ok := k.state[string(key)]; ok && !row.Missing() {
		return row, true
	}
	k.lack(string(key))
	return nil, false
}

// of makes the key of a row from the letter that says what it is and an id.
func (k *keyer) of(prefix string, letter byte, id int64) []byte {
	return strconv.AppendInt(append(append(k.key[:0], prefix...), letter, '.'), id, 10)
}

// look reads a row; nil while it is not there, does not exist or is damaged.
func look[T any, P interface {
	*T
	stored
}](k *keyer, key string,
) (v P, loaded bool) {
	row, ok := k.need(key)
	if !ok {
		return nil, false
	}
	return valueIn[T, P](row), true
}

// lookKey is look for a key that is made in k.key.
func lookKey[T any, P interface {
	*T
	stored
}](k *keyer, key []byte,
) (v P, loaded bool) {
	row, ok := k.needKey(key)
	if !ok {
		return nil, false
	}
	return valueIn[T, P](row), true
}

// valueIn gives the value of a row, nil of one that does not exist or is damaged.
func valueIn[T any, P interface {
	*T
	stored
}](row *schemas.StateRow,
) P {
	v, err := value[T, P](row)
	if err != nil {
		return nil
	}
	return v
}

// item asks for what an event needs by itself.
func (k *keyer) item(it *item) {
	if it.domain == domainNone || it.domain == domainDead {
		return
	}
	prefix := k.enter(it.ev.Account)
	switch it.domain {
	case domainPhrases:
		k.need(phrasesKey(prefix))
	case domainTicket:
		if !k.common.ticketed {
			k.common.ticketed = true
			k.need(prefix + "cal")
			k.need(phrasesKey(prefix))
		}
	case domainCalendar:
		k.calendar(prefix, it)
	case domainMetric:
		k.need(metricKey(prefix, it.id))
	case domainName:
		k.need(nameKey(prefix, string(it.ev.Kind), it.id))
	case domainOrganization:
		k.organization(prefix, it)
	case domainErasure:
		k.erasure(prefix, it)
	case domainRoll:
		k.need(rollKey(prefix, it.id))
		k.need(joinedKey(prefix, it.id))
	default:
	}
}

// calendar asks for what a schedule needs; a list of them, which may be the first one, releases the tickets that wait for it.
func (k *keyer) calendar(prefix string, it *item) {
	c, loaded := look[calendar](k, prefix+"cal")
	switch {
	case it.listed == nil:
		k.need(nameKey(prefix, "schedule", it.id))
	case loaded && c != nil:
		k.waiting(prefix, c.waiting)
	}
}

func (k *keyer) organization(prefix string, it *item) {
	o, loaded := look[organization](k, orgKey(prefix, it.id))
	if !loaded || o != nil && o.rec != nil && it.ev.Kind == schemas.KindOrganization && o.rec.hash == it.hash && !k.retold(it, o.retention) {
		return
	}
	it.load()
	if it.org == nil {
		return
	}
	source := it.ev.Source
	if o != nil {
		source = o.source
		for i := range o.activities {
			k.need(counterKey(prefix, source, o.activities[i].at))
		}
		k.marks(prefix, source, o.versions)
		if f := o.now(); o.rec != nil || o.part != nil {
			k.need(counterKey(prefix, source, f.created))
		}
	}
	for _, at := range []int64{it.org.at, it.org.created} {
		k.need(counterKey(prefix, source, at))
	}
}

func (k *keyer) marks(prefix, source string, v versions) {
	for i := range v.marks {
		k.need(counterKey(prefix, source, v.marks[i].at))
	}
}

// retold says whether the retention changed since the row was made, so that even a repeat is worth another look.
func (k *keyer) retold(it *item, fingerprint uint64) bool {
	if k.renewed {
		return true
	}
	k.enter(it.ev.Account)
	return k.common.settings != nil && k.common.settings.fingerprint(it.ev.Source) != fingerprint
}

// repeats says whether all that a batch tells of a user is known, from the sum of the user's row alone.
func (k *keyer) repeats(key string, items []*item) bool {
	row := k.state[key]
	if row == nil || k.renewed {
		return false
	}
	for _, it := range items {
		k.enter(it.ev.Account)
		if k.common.settings == nil || !repeatsRow(row, it, k.common.settings.fingerprint(it.ev.Source)) {
			return false
		}
	}
	return true
}

// tickets asks for what touched tickets need, but for those that lacked nothing before.
func (k *keyer) tickets(b *batch, before *asked) {
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
func (k *keyer) ticket(key string, items []*item) {
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
func (k *keyer) figures(prefix string, id int64) {
	if s, loaded := lookKey[stats](k, k.of(prefix, 's', id)); loaded && s != nil && s.home != 0 {
		k.needKey(k.of(prefix, 't', s.home))
	}
}

// ticketNeeds collects the needs of one ticket, each once.
type ticketNeeds struct {
	k      *keyer
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

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
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
func (k *keyer) counter(prefix, source string, at int64) {
	if k.token == "" || k.source != source {
		k.source, k.token = source, schemas.Token(source)
	}
	key := append(append(k.key[:0], prefix...), "h."...)
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
func (k *keyer) keptOwner(prefix string, id int64) {
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
	n.k.needKey(n.k.of(n.prefix, 'u', id))
}

// people asks for what touched users need, but for those who lacked nothing before.
func (k *keyer) people(b *batch, before *asked) {
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
		k.lacking = k.common.shelves == nil
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
		if it.load(); it.user != nil || it.member != nil || it.choice != nil || it.link != nil || it.verdict != nil || it.erased {
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
func (k *keyer) waiting(prefix string, tickets []int64) {
	if len(tickets) == 0 {
		return
	}
	k.need(prefix + "cal")
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
	k       *keyer
	prefix  string
	pending *batch
	seen    map[int64]bool
	stay    map[string]int // users of a value of whom the batch tells nothing

	source string // of the counter asked for last, with its day
	day    int64
}

// walk begins one in the account that was entered last, which is to meet about so many users.
func (k *keyer) walk(b *batch, prefix string, users int) *walk {
	if c, loaded := look[catalogue](k, catalogueKey(prefix)); loaded {
		k.common.shelves = orNew(c)
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
	for _, p := range u.pairs {
		w.visit(p.other)
	}
	for _, l := range u.links {
		w.visit(l.other)
	}
	for _, it := range items {
		if it.load(); it.erased || it.choice != nil && it.choice.nothing() {
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
		case it.choice != nil:
			w.identities(it.choice.identities())
		case it.remains != nil:
			w.visit(int64(it.remains.Person))
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
		c := newCarried(i)
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
		it.carried = add(fresh.identities(), byEmail, foldEmail(f.email), false)
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

func (w *walk) identities(list []carried) {
	for n := range list {
		w.identity(&list[n])
	}
}

func (w *walk) identity(i *carried) {
	if i.Value == "" {
		return
	}
	row := w.k.identity(w.prefix, i)
	if row == nil || w.tooMany(row) || i.Kind == byPhone && !w.byPhone() {
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
		case it.choice != nil:
			need(it.choice.at / int64(time.Second))
		case it.remains != nil:
			from := orElse(append(it.remains.Sources, "")[0], orElse(it.ev.Source, source))
			for i := range it.remains.Activities {
				w.k.need(counterKey(w.prefix, from, it.remains.Activities[i].At))
			}
		}
	}
}
