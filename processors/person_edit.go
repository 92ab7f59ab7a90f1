package processors

import (
	"cmp"
	"slices"
	"time"

	"deskstream/schemas"
)

// personEdit is what somebody said of a person, through our API, as one event tells it.
type personEdit struct {
	at                     int64 // nanoseconds
	noMail, noSMS, archive *bool
	values                 apiValues
}

// nothing says whether nothing was said: the person is to be worked out anew.
func (c *personEdit) nothing() bool {
	return c.noMail == nil && c.noSMS == nil && c.archive == nil && c.values.empty()
}

func (c *personEdit) identities() []hashedIdentity { return c.values.identities(nil) }

// decisions are those that count of a user. They outlive what any source says.
type decisions struct{ noMail, noSMS, archived decision }

// decision is a yes or no of somebody: value is 0 or 1. A time of 0 means none.
type decision struct {
	patch[int64]
	place int64 // in the stream, of a permission
}

// take keeps the decision that counts of two, and reports whether that was news. The newer one does, of two of one instant the larger: no. A permission
// is given only by a yes that is newer than any no in the stream too: clocks of those who say it may differ, and no unsubscribe is to be lost.
func (d *decision) take(n decision) bool {
	was := *d
	switch {
	case n.at == 0:
	case d.at == 0:
		*d = n
	case n.value == 1 && d.value == 1:
		d.at, d.place = max(d.at, n.at), max(d.place, n.place)
	case n.value == 1 && !d.lifts(n), n.value == 0 && d.value == 1 && n.lifts(was):
		*d = n
	case n.value == 0 && d.value == 0 && cmp.Or(cmp.Compare(n.place, d.place), cmp.Compare(n.at, d.at)) > 0:
		*d = n
	}
	return *d != was
}

// lifts says whether a yes takes a no back.
func (d decision) lifts(no decision) bool { return d.at > no.at && d.place >= no.place }

// take keeps what counts of each decision.
func (c *decisions) take(o *decisions) {
	have := c.all()
	for i, d := range o.all() {
		have[i].take(*d)
	}
}

func (c *decisions) all() []*decision { return []*decision{&c.noMail, &c.noSMS, &c.archived} }

func (it *item) loadPersonEdit() {
	var z schemas.PersonChange
	if !it.unmarshal(it.ev.Data, &z) || !it.sound(z.At, "at") {
		return
	}
	for key := range z.Custom {
		if !schemas.CustomKey.MatchString(key) {
			it.die("invalid", "the change has a custom field with a name that cannot be used")
			return
		}
	}
	it.decodedID = int64(z.ID)
	it.edit = &personEdit{at: z.At.UnixNano(), noMail: not(z.Email), noSMS: not(z.SMS), archive: z.Archived, values: newAPIValues(&z)}
}

func not(b *bool) *bool {
	if b == nil {
		return nil
	}
	n := !*b
	return &n
}

// takePersonEdit keeps the decision of each kind that counts and the newest values. They are kept for a user that is not known yet too. An edit
// that says nothing has the person worked out anew.
func (r *run) takePersonEdit(a *accountWork, it *item) {
	if it.load(); it.domain == domainDead {
		r.dead(it)
		return
	}
	w := r.user(a, it.id)
	w.see(it)
	w.u.id = it.id
	c := it.edit
	w.u.track(a.fields)
	news := w.u.apiValues.take(&c.values)
	news = w.u.noteAPIValues(&c.values) || news
	nothing := c.nothing()
	place := int64(it.ev.Seq)
	for _, d := range []struct {
		have  *decision
		told  *bool
		place int64
	}{{&w.u.decisions.noMail, c.noMail, place}, {&w.u.decisions.noSMS, c.noSMS, place}, {&w.u.decisions.archived, c.archive, 0}} {
		if d.told != nil {
			news = d.have.take(decision{patch[int64]{c.at, int64(flag(*d.told))}, d.place}) || news
		}
	}
	if schemas.IsOwnUser(schemas.ZID(it.id)) && !nothing {
		news = w.u.startAsEndUser(c.at/int64(time.Second)) || news // an older word may say nothing else that is news
	}
	if !news && !nothing {
		r.result.Duplicates++
		return
	}
	if nothing {
		r.purgeKept(a, it.id)
	}
	w.touch()
}

// startAsEndUser makes a user of ours an end user since the first word about it; it reports whether that was news.
func (u *user) startAsEndUser(at int64) bool {
	if u.born != 0 && at >= u.born {
		return false
	}
	u.born = at
	u.roles = []rolePoint{{at, byte(roleEndUser)}}
	return true
}

// inheritRefusals keeps with users the newest unsubscribes of others who have one of their addresses, whether that merges them or not: whoever has an
// address that is unsubscribed stays so until a newer decision, in whatever order they became known. The users are all that could be one person.
func (r *run) inheritRefusals(a *accountWork, users []*userWork) {
	refused := slices.ContainsFunc(users, func(w *userWork) bool { return w.u.decisions.noMail.value|w.u.decisions.noSMS.value != 0 })
	for _, w := range users {
		var heard decisions
		if refused {
			heard = r.refusals(a, w)
		}
		if heard != w.u.inherited {
			w.u.inherited = heard
			w.touch()
		}
	}
}

func (r *run) refusals(a *accountWork, w *userWork) (c decisions) {
	list := w.carries()
	for n := range list {
		if list[n].Kind != schemas.IdentifierEmail {
			continue
		}
		row := r.identity(a, &list[n])
		if len(row.users) > schemas.MaxSharers {
			continue
		}
		for _, id := range row.users {
			if id == w.id {
				continue
			}
			o := &r.userOf(a, id).u.decisions
			c.take(&decisions{noMail: refusal(o.noMail), noSMS: refusal(o.noSMS)})
		}
	}
	return c
}

// refusal gives a decision that says no, else none.
func refusal(d decision) decision {
	if d.value == 0 {
		return decision{}
	}
	return d
}

// kinds of decisions.
const (
	decisionMail = iota
	decisionSMS
	decisionArchived
)

// applyDecisions writes what was decided about a person's users over what the sources say. What is decided of a user who is one person with others counts
// for all of them, what was decided before that for this user alone. So an unsubscribe of one of them stays until somebody takes it back who means
// the person they are now, and a person is archived when all of its users are.
func (m *material) applyDecisions(row *schemas.PersonRow) {
	for n, to := range []*uint8{&row.EmailPermission, &row.SMSPermission} {
		if d := m.decided(n); d.at != 0 {
			*to = uint8(1 - d.value)
		}
	}
	row.Archived, row.ArchivedAt = m.archived()
	for _, u := range m.users {
		for n := range decisionArchived + 1 {
			row.UpdatedAt = unix(max(row.UpdatedAt.Unix(), u.decision(n).at/int64(time.Second)))
		}
	}
}

// decided gives what counts for the person of a permission: no if that counts for any of its users, else the newest yes. Its time is 0 if nothing was
// decided.
func (m *material) decided(kind int) (newest decision) {
	for i := range m.users {
		d := m.decidedOf(i, kind)
		if d.value > newest.value || d.value == newest.value && d.at > newest.at {
			newest = d
		}
	}
	return newest
}

// archived says whether all users of the person are archived, and since when. Whoever was brought back stays so until Zendesk deletes them after that.
func (m *material) archived() (archived uint8, since *time.Time) {
	last := int64(0)
	for i, u := range m.users {
		is, at := u.archived, m.facts[i].at
		if d := m.decidedOf(i, decisionArchived); d.value == 1 {
			is, at = true, d.at/int64(time.Second)
		} else if d.at != 0 {
			is = is && u.deleted*int64(time.Second) > d.at
		}
		if !is {
			return 0, nil
		}
		last = max(last, at)
	}
	return 1, ptr(last)
}

// decidedOf gives the decision that counts for one of the person's users.
func (m *material) decidedOf(i, kind int) decision {
	counts := m.users[i].decision(kind)
	for j, o := range m.users {
		if d := o.decision(kind); j != i && d.at != 0 && m.means(i, j, kind, d.at) {
			counts.take(d)
		}
	}
	return counts
}

// means says whether what was decided of user j at a time counts for user i too: they were one person then, or user i is a record that came when the
// other was archived already, by which the same person writes again.
func (m *material) means(i, j, kind int, at int64) bool {
	if at > max(m.joined(i), m.joined(j)) {
		return true
	}
	return kind == decisionArchived && m.hand[i].at == 0 && m.hand[j].at == 0 && m.facts[i].created > at/int64(time.Second)
}

// joined is since when a user belongs to the person, in nanoseconds. Merges that nobody made by hand are known by the second.
func (m *material) joined(i int) int64 {
	at := m.hand[i].at
	m.follow(i, func(u *user) {
		if !u.merge.byHand() {
			at = max(at, (u.merge.at+1)*int64(time.Second)-1)
		}
	})
	return at
}

// decision gives what counts of what was decided about the user, or about who has one of its addresses.
func (u *user) decision(kind int) decision {
	d := u.decisions.of(kind)
	d.take(u.inherited.of(kind))
	return d
}

func (c *decisions) of(kind int) decision {
	switch kind {
	case decisionMail:
		return c.noMail
	case decisionSMS:
		return c.noSMS
	}
	return c.archived
}
