package processors

import "deskstream/schemas"

// emitContact emits what happened to a contact.
func (r *run) emitContact(w *userWork) {
	u, a := w.u, w.account
	if w.erased || a.erased.has(u.id) {
		r.forgetContact(w)
		return
	}
	c := r.contactCarrier(w)
	before := len(u.activities)
	sent := u.activities
	u.activities = r.settle(c, r.contactActivities(a, u), sent)
	if before != len(u.activities) || before > 0 {
		w.touch()
	}
	r.emitHappened(a, u.id, sent, u.activities)
}

// emitHappened puts out the sums of a contact's own activities that are others now.
func (r *run) emitHappened(a *accountWork, id int64, sent, now []sentActivity) {
	for _, k := range contactSlugs {
		if sum := summaryOf(now, k); sum != summaryOf(sent, k) {
			row := sum.row(a.name, id, k)
			r.emit(schemas.TablePersonActivities, appendPersonActivity(r.room(200), &row))
		}
	}
}

// summaryOf sums up the activities of one kind. What happened to a contact is all in its row, also past its retention.
func summaryOf(list []sentActivity, k slug) (s actSummary) {
	for i := range list {
		x := &list[i]
		if x.slug != k || x.gone {
			continue
		}
		if s.count++; s.first == 0 || x.at < s.first {
			s.first = x.at
		}
		s.last = max(s.last, x.at)
	}
	return s
}

// contacts is the carrier of the activities of contacts, set to one after the other.
type contacts struct {
	carrier
	of   *userWork
	acts []activity // room for those of one
}

// contactCarrier gives the carrier of a user's own activities. It is good until another user's is asked for.
func (r *run) contactCarrier(w *userWork) *carrier {
	c := &r.contacts
	if c.id == nil {
		c.id = func(s *sentActivity) string {
			return schemas.ActivityID(c.account.name, 0, s.slug.String(), s.at, "user:"+decimal(c.of.id)+s.what)
		}
		c.row = func(x *activity) schemas.Activity {
			return schemas.Activity{OrganizationID: c.of.u.now().org, Attributes: x.attributes(), Text: contactSentence(c.of.id, x)}
		}
		c.digest = func(x *writer, _ *activity) { x.b = x.b[:0] }
		c.frozen = func(s *sentActivity) bool {
			u := c.of.u
			return s.slug == contactUpdated && s.at <= u.floor || s.slug == fieldChanged && u.past(s)
		}
	}
	c.of, c.account, c.source, c.again = w, w.account, w.source, w.again
	if schemas.IsOwnUser(schemas.ZID(w.id)) {
		c.source = w.account.sources.first()
	}
	c.set, c.now = w.account.sources.of(c.source), w.now.Unix()
	c.source = orElse(w.u.source(), c.source)
	return &c.carrier
}

var contactVerbs = map[slug]string{
	contactCreated: " created", contactUpdated: " updated", contactDeleted: " deleted", contactMerged: " merged", fieldChanged: " changed",
}

func contactSentence(id int64, x *activity) string {
	if x.attrs.change != nil {
		return x.attrs.change.sentence()
	}
	s := "Contact " + decimal(id) + contactVerbs[x.slug]
	for i, f := range x.attrs.list {
		if i == 0 {
			s += ": " + f
		} else {
			s += ", " + f
		}
	}
	return s
}

// contactActivities derives what happened to an end user. Agents have none; a user that Zendesk does not know has only changes of its fields.
// What it gives is good until it is asked again.
func (r *run) contactActivities(a *accountWork, u *user) []activity {
	out := r.contacts.acts[:0]
	defer func() { r.contacts.acts = out[:0] }()
	add := func(s slug, at int64, hinted bool) *activity {
		out = append(out, activity{slug: s, at: at, user: u.id, via: viaOf(hinted)})
		return &out[len(out)-1]
	}
	f := u.now()
	if len(u.roles) == 0 || u.rec == nil && u.born == 0 {
		return nil
	}
	for _, c := range u.fieldChanges(f.created) {
		x := add(fieldChanged, c.at, u.hinted(c.at))
		x.what, x.attrs.change = fieldPrefix+c.field, c
	}
	if schemas.IsOwnUser(schemas.ZID(u.id)) {
		return out
	}
	if u.roleAt(f.created) == roleEndUser {
		add(contactCreated, f.created, u.born != 0)
	}
	merged := r.mergedInto(a, u, f)
	if merged != nil {
		add(contactMerged, merged.at, true).attrs.into = merged.other
	}
	for _, c := range u.changes(contactFields) {
		if u.roleAt(c.at) != roleEndUser {
			continue
		}
		if c.renewed {
			c.fields = append(c.fields, "active")
		}
		switch {
		case c.gone && merged == nil:
			add(contactDeleted, c.at, c.hinted)
		case !c.gone && len(c.fields) > 0:
			add(contactUpdated, c.at, c.hinted).attrs.list = distinct(c.fields)
		}
	}
	return out
}

// mergedInto tells whether Zendesk merged this user into another.
func (r *run) mergedInto(a *accountWork, u *user, f *userFacts) *pair {
	for i := range u.pairs {
		if p := &u.pairs[i]; r.lost(a, f, p) {
			return p
		}
	}
	return nil
}

// lost says whether a user lost a merge. The webhook names both but not clearly which one lost; the inactive one did, and while that is not known,
// the one the webhook is about.
func (r *run) lost(a *accountWork, f *userFacts, p *pair) bool {
	active := true
	if other := r.userOf(a, p.other).u; other.id != 0 {
		active = other.now().active
	}
	return !f.active && active || f.active == active && p.lost
}
