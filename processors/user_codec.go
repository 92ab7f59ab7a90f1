package processors

import "deskstream/schemas"

func (u *user) empty() bool { return u.id == 0 && len(u.waiting) == 0 }

func (u *user) encode(w *writer) {
	w.int(u.id)
	w.strs(u.sources)
	w.bool(u.rec != nil)
	if u.rec != nil {
		u.rec.encode(w)
	}
	for _, p := range []*patch[string]{&u.email, &u.ext, &u.role, &u.name} {
		w.int(p.at)
		w.str(p.value)
	}
	w.int(u.org.at)
	w.int(u.org.value)
	w.int(u.active.at)
	w.bool(u.active.value)
	w.int(u.born)
	list(w, u.roles, func(w *writer, p *rolePoint) { w.int(p.at); w.byte(p.role) })
	u.versions.encode(w)
	u.tracks.encode(w)
	list(w, u.pairs, func(w *writer, p *pair) { w.int(p.other); w.int(p.at); w.bool(p.lost) })
	heard := u.inherited != decisions{}
	w.byte(flag(u.decided) | flag(u.mail)<<1 | flag(u.sms)<<2 | flag(u.archived)<<3 | flag(heard)<<4 | flag(u.oldest != nil)<<5 | flag(u.absorbed)<<6 | flag(u.due)<<7)
	if u.archived {
		w.int(u.deleted)
	}
	for _, p := range u.system.all() {
		w.int(p.at)
		w.str(p.value)
	}
	u.decisions.encode(w)
	if heard {
		u.inherited.encode(w)
	}
	if u.oldest != nil {
		for _, at := range u.oldest {
			w.int(at)
		}
	}
	u.apiValues.encode(w)
	list(w, u.links, func(w *writer, l *link) { w.int(l.other); w.int(l.at); w.byte(byte(l.kind)) })
	list(w, u.members, func(w *writer, m *member) { w.int(m.org); w.int(m.at); w.bool(m.gone) })
	u.merge.encode(w)
	w.hash(u.sentPerson)
	w.hash(u.sentAgent)
	w.int(u.head)
	w.ints(u.party)
	list(w, u.activities, writeSentActivity)
	w.hash(u.retention)
	w.ints(u.waiting)
}

func (u *user) decode(r *reader) {
	u.id, u.sources = r.int(), r.strs()
	if r.bool() {
		u.rec = &userFacts{}
		u.rec.decode(r)
	}
	for _, p := range []*patch[string]{&u.email, &u.ext, &u.role, &u.name} {
		p.at, p.value = r.int(), r.str()
	}
	u.org = patch[int64]{r.int(), r.int()}
	u.active = patch[bool]{r.int(), r.bool()}
	u.born = r.int()
	u.roles = readList(r, func(r *reader, p *rolePoint) { p.at, p.role = r.int(), r.byte() })
	u.versions.decode(r)
	u.tracks = readTracks(r)
	u.pairs = readList(r, func(r *reader, p *pair) { p.other, p.at, p.lost = r.int(), r.int(), r.bool() })
	bits := r.byte()
	u.decided, u.mail, u.sms, u.archived = bits&1 != 0, bits&2 != 0, bits&4 != 0, bits&8 != 0
	u.absorbed, u.due = bits&64 != 0, bits&128 != 0
	if u.archived {
		u.deleted = r.int()
	}
	for _, p := range u.system.all() {
		p.at, p.value = r.int(), r.str()
	}
	u.decisions.decode(r)
	if bits&16 != 0 {
		u.inherited.decode(r)
	}
	if bits&32 != 0 {
		u.oldest = new(changeTimes)
		for n := range u.oldest {
			u.oldest[n] = r.int()
		}
	}
	u.apiValues.decode(r)
	u.links = readList(r, func(r *reader, l *link) { l.other, l.at, l.kind = r.int(), r.int(), linkKind(r.byte()) })
	u.members = readList(r, func(r *reader, m *member) { m.org, m.at, m.gone = r.int(), r.int(), r.bool() })
	u.merge.decode(r)
	u.sentPerson, u.sentAgent, u.head = r.hash(), r.hash(), r.int()
	u.party = r.ints()
	u.activities = readList(r, readSentActivity)
	u.retention = r.hash()
	u.waiting = r.ints()
}

func (c *decisions) encode(w *writer) {
	for _, d := range c.all() {
		w.int(d.at)
		w.int(d.value)
		w.int(d.place)
	}
}

func (c *decisions) decode(r *reader) {
	for _, d := range c.all() {
		d.at, d.value, d.place = r.int(), r.int(), r.int()
	}
}

func (f *userFacts) encode(w *writer) {
	for _, n := range []int64{f.id, f.at, f.heard, f.created, f.org, f.login} {
		w.int(n)
	}
	w.hash(f.hash)
	for _, v := range []string{f.name, f.email, f.phone, f.dial, f.alias, f.details, f.notes, f.role, f.locale, f.zone, f.external, f.url, f.fields} {
		w.str(v)
	}
	w.strs(f.tags)
	for _, b := range []bool{f.verified, f.shared, f.active, f.suspend, f.erased, f.fetched} {
		w.bool(b)
	}
	list(w, f.identities, func(w *writer, i *schemas.Identity) { w.str(i.Kind); w.str(i.Value); w.bool(i.Strong) })
}

func (f *userFacts) decode(r *reader) {
	f.full, f.hasState = true, true
	for _, n := range []*int64{&f.id, &f.at, &f.heard, &f.created, &f.org, &f.login} {
		*n = r.int()
	}
	f.hash = r.hash()
	for _, v := range []*string{&f.name, &f.email, &f.phone, &f.dial, &f.alias, &f.details, &f.notes, &f.role, &f.locale, &f.zone, &f.external, &f.url, &f.fields} {
		*v = r.str()
	}
	f.tags = r.strs()
	for _, b := range []*bool{&f.verified, &f.shared, &f.active, &f.suspend, &f.erased, &f.fetched} {
		*b = r.bool()
	}
	f.identities = readList(r, func(r *reader, i *schemas.Identity) { i.Kind, i.Value, i.Strong = r.str(), r.str(), r.bool() })
}

func (s *systemFields) all() []*patch[string] {
	return []*patch[string]{&s.first, &s.last, &s.email, &s.phone, &s.language, &s.zone}
}

// field gives a field by its place in all; nil when there are fewer.
func (s *systemFields) field(n int) *patch[string] {
	if all := s.all(); n < len(all) {
		return all[n]
	}
	return nil
}
