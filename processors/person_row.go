package processors

import (
	"cmp"
	"encoding/json"
	"slices"

	"deskstream/schemas"
)

// personRow builds the row of a person from its users, survivor first. Every field takes the newest value there is, users that Zendesk
// keeps active before those it merged away or deleted; but the survivor of a merge by hand keeps its values. The row is good until another one
// is asked for.
func (r *run) personRow(a *accountWork, members []int64) *schemas.PersonRow {
	return r.rowOf(a, r.gather(a, members))
}

// rowOf is personRow of material that is gathered.
func (r *run) rowOf(a *accountWork, m *material) *schemas.PersonRow {
	row, members := &m.row, m.row.UserIDs
	row.PersonID = r.userOf(a, members[0]).own()
	for i, id := range members {
		u, f := m.users[i], m.facts[i]
		row.OwnIDs = append(row.OwnIDs, r.userOf(a, id).own())
		row.UpdatedAt = unix(max(row.UpdatedAt.Unix(), f.at, u.apiValues.at()))
		if i == 0 || f.created < row.CreatedAt.Unix() {
			row.CreatedAt = unix(f.created)
		}
		for _, source := range u.sources {
			if !slices.Contains(row.SourceIDs, source) {
				row.SourceIDs = append(row.SourceIDs, source)
			}
		}
	}
	head := m.users[0]
	row.EmailPermission, row.SMSPermission = flag(head.mail), flag(head.sms)
	m.applyDecisions(row)
	for n, to := range []*string{&row.FirstName, &row.LastName, &row.Email, &row.PhoneNumber, &row.Language, &row.Timezone, &row.ExternalID} {
		*to = m.field(n)
	}
	if row.OrganizationID = m.organization(); row.OrganizationID != 0 {
		row.OrganizationIDs = []int64{row.OrganizationID}
	}
	for _, i := range m.order {
		row.OrganizationIDs = union(row.OrganizationIDs, m.users[i].organizations(m.facts[i].org))
	}
	row.Zendesk, row.Custom = m.zendesk(), m.custom(r.keptValues(a, members))
	return row
}

// material is what the row of a person is made of, kept for the next one: users of a person, what is known of them, and in which order it
// counts.
type material struct {
	row   schemas.PersonRow
	users []*user
	facts []*userFacts
	hand  []byHand
	order []int
	words []word
	text  []byte
}

func (r *run) gather(a *accountWork, members []int64) *material {
	m := &r.material
	m.row = schemas.PersonRow{Account: a.name, UserIDs: members, OwnIDs: m.row.OwnIDs[:0], SourceIDs: m.row.SourceIDs[:0]}
	m.users, m.facts, m.hand, m.order = m.users[:0], m.facts[:0], m.hand[:0], m.order[:0]
	for i, id := range members {
		u := r.userOf(a, id).u
		m.users, m.facts, m.order = append(m.users, u), append(m.facts, u.now()), append(m.order, i)
	}
	for i := range members {
		m.hand = append(m.hand, m.handOf(i))
	}
	m.sort()
	return m
}

// sort brings the users in the order in which they count: those of the survivor of a merge by hand first, then who came first and the nearest.
func (m *material) sort() {
	slices.SortStableFunc(m.order, func(i, j int) int {
		x, y := m.facts[i], m.facts[j]
		return cmp.Or(cmp.Compare(m.hand[i].at, m.hand[j].at), cmp.Compare(m.hand[i].steps, m.hand[j].steps), int(flag(y.active))-int(flag(x.active)), cmp.Compare(y.at, x.at))
	})
}

func fill(to *string, v string) {
	if *to == "" {
		*to = v
	}
}

// zendesk writes what Zendesk says of a person as a JSON object: of the leading user, empty texts filled from the others, and all that is empty from those
// merged into it by hand. A person Zendesk does not know has none.
func (m *material) zendesk() string {
	f := m.leader()
	if f == nil {
		return "{}"
	}
	m.describe(f)
	if 2*len(m.text) > maxRowText && lenWithin(string(m.text)) > maxRowText {
		few := *f
		few.tags, few.fields, few.details, few.notes = nil, "{}", cut(f.details, maxSubject), cut(f.notes, maxSubject)
		m.describe(&few)
	}
	return string(m.text)
}

// describe writes facts into text.
func (m *material) describe(f *userFacts) {
	o := newObject(m.text[:0])
	o.id("user_id", f.id)
	o.str("name", f.name)
	o.str("email", f.email)
	o.str("phone", f.phone)
	o.str("external_id", f.external)
	o.str("alias", f.alias)
	o.str("details", f.details)
	o.str("notes", f.notes)
	o.str("role", f.role)
	o.str("locale", f.locale)
	o.str("time_zone", f.zone)
	o.str("url", f.url)
	o.bool("verified", f.verified)
	o.bool("active", f.active)
	o.bool("suspended", f.suspend)
	o.bool("shared_phone_number", f.shared)
	o.strs("tags", f.tags)
	o.id("organization_id", f.org)
	if f.login != 0 {
		o.time("last_login_at", unix(f.login))
	} else {
		o.null("last_login_at")
	}
	o.time("created_at", unix(f.created))
	o.time("updated_at", unix(f.at))
	o.raw("fields", f.fields)
	m.text = o.end()
}

// leader gives the facts of the leading user, filled from the others; nil when Zendesk knows none of them.
func (m *material) leader() *userFacts {
	var f *userFacts
	filled, way := false, byHand{}
	for _, i := range m.order {
		o := m.facts[i]
		switch {
		case schemas.IsOwnUser(schemas.ZID(o.id)):
			continue
		case f == nil:
			f, way = o, m.hand[i]
			continue
		case !filled:
			c := *f
			f, filled = &c, true
		}
		if m.hand[i] != way {
			f.complete(o)
		}
		f.fill(o)
	}
	return f
}

// fill takes over the texts that f has not got.
func (f *userFacts) fill(o *userFacts) {
	fill(&f.name, o.name)
	fill(&f.email, o.email)
	fill(&f.phone, o.phone)
	fill(&f.alias, o.alias)
	fill(&f.details, o.details)
	fill(&f.notes, o.notes)
	fill(&f.locale, o.locale)
	fill(&f.zone, o.zone)
	fill(&f.external, o.external)
	if f.fields == "{}" {
		f.fields = o.fields
	}
}

// complete takes over what f has not got beside texts.
func (f *userFacts) complete(o *userFacts) {
	if len(f.tags) == 0 {
		f.tags = o.tags
	}
	f.org, f.login = cmp.Or(f.org, o.org), cmp.Or(f.login, o.login)
	f.fields = completeFields(f.fields, o.fields)
}

// completeFields fills the members of an object that have no value from another one.
func completeFields(object, from string) string {
	var all, others map[string]json.RawMessage
	if json.Unmarshal([]byte(object), &all) != nil || json.Unmarshal([]byte(from), &others) != nil {
		return object
	}
	for key, value := range others {
		if blank(all[key]) {
			all[key] = value
		}
	}
	o := newObject(make([]byte, 0, len(object)+len(from)))
	for _, key := range sortedKeys(all) {
		o.raw(key, string(all[key]))
	}
	return string(o.end())
}

// blank says whether a member of an object has no value.
func blank(value json.RawMessage) bool {
	switch string(value) {
	case "", "null", `""`, "[]":
		return true
	}
	return false
}
