package processors

import (
	"encoding/json"
	"strings"

	"deskstream/schemas"
)

// orgFacts are what one record or webhook says about an organization.
type orgFacts struct {
	id, at, created int64
	heard           int64 // when it was received, nanoseconds
	hash            uint64
	full            bool
	name, external  string
	details, notes  string
	url             string
	domains, tags   []string
	group, merged   int64 // merged: which one absorbed it
	sharedTickets   bool
	sharedComments  bool
	fields          string // JSON object
	told, active    bool   // deletion is told
}

// organization is everything known about one, and what was emitted.
type organization struct {
	id     int64
	source string
	rec    *orgFacts // newest record
	part   *orgFacts // newest webhook
	versions
	active      patch[bool]
	archived    bool
	hintedFirst bool // a webhook was the first to tell of it
	sent        uint64
	activities  []sentActivity
	retention   uint64
}

var organizationFields = []string{
	"name", "external-id", "group-id", "shared-tickets", "shared-comments", "details", "notes", "domain-names", "tags", "fields",
}

func (it *item) loadOrganization() {
	var z schemas.ZOrganization
	if !it.unmarshal(it.ev.Data, &z) || !it.sound(z.CreatedAt, "created_at") {
		return
	}
	f := &orgFacts{
		id: int64(z.ID), at: z.UpdatedAt.Unix(), heard: it.ev.ReceivedAt.UnixNano(), created: z.CreatedAt.Unix(), hash: it.hash, full: true, name: cut(z.Name, 1024),
		external: cut(z.ExternalID, 1024), details: cut(z.Details, maxText/2), notes: cut(z.Notes, maxText/2), url: cut(z.URL, 1024),
		domains: z.DomainNames, tags: z.Tags, group: int64(z.GroupID), merged: int64(z.MergedInto), sharedTickets: z.SharedTickets, sharedComments: z.SharedComments,
		fields: fieldsOf(z.Fields), told: true, active: z.DeletedAt == nil,
	}
	if !sane(z.UpdatedAt) {
		f.at = f.created
	}
	if z.DeletedAt != nil && sane(*z.DeletedAt) {
		f.at = max(f.at, z.DeletedAt.Unix())
	}
	it.org = f
}

var organizationHints = map[string]bool{
	"created": true, "deleted": true, "name_changed": true, "external_id_changed": true, "tags_changed": true, "custom_field_changed": true,
}

func (it *item) loadOrganizationHint(e schemas.Envelope, name string) {
	if !organizationHints[name] {
		return
	}
	var d struct {
		ID             schemas.ZID     `json:"id"`
		Name           string          `json:"name"`
		ExternalID     string          `json:"external_id"`
		GroupID        schemas.ZID     `json:"group_id"`
		SharedTickets  bool            `json:"shared_tickets"`
		SharedComments bool            `json:"shared_comments"`
		CreatedAt      json.RawMessage `json:"created_at"`
		UpdatedAt      json.RawMessage `json:"updated_at"`
	}
	var b struct{}
	if !it.envelopeParts(e, &d, &b) {
		return
	}
	it.id = int64(d.ID)
	if it.id == 0 {
		it.id = subjectID(e.Subject)
	}
	at := secondsOf(d.UpdatedAt)
	if at == 0 && sane(e.Time) {
		at = e.Time.Unix()
	}
	if it.id <= 0 || at == 0 {
		it.die("invalid", "the webhook names no organization or no possible time")
		return
	}
	it.org = &orgFacts{
		id: it.id, at: at, created: secondsOf(d.CreatedAt), hash: it.hash, name: cut(d.Name, 1024), external: cut(d.ExternalID, 1024),
		group: int64(d.GroupID), sharedTickets: d.SharedTickets, sharedComments: d.SharedComments, fields: "{}",
		told: name == "created" || name == "deleted", active: name != "deleted",
	}
	it.domain = domainOrganization
}

func (f *orgFacts) versionMark() versionMark {
	m := versionMark{at: f.at, full: f.full, hinted: !f.full, told: f.told, active: f.active}
	if f.name != "" {
		m.set(0, f.name)
	}
	m.set(1, f.external)
	m.set(2, decimal(f.group))
	m.setFlag(3, f.sharedTickets)
	m.setFlag(4, f.sharedComments)
	if f.full {
		m.set(5, f.details)
		m.set(6, f.notes)
		m.set(7, tagText(f.domains))
		m.set(8, tagText(f.tags))
		m.set(9, f.fields)
	}
	return m
}

// newerOrg tells which of two words counts. Of two of one second it is the deletion, of deletions the one that tells who absorbed it, of others the one
// received later.
func newerOrg(a, b *orgFacts) bool {
	switch {
	case b == nil || a.at != b.at:
		return b == nil || a.at > b.at
	case a.ending() != b.ending():
		return a.ending() > b.ending()
	}
	return a.form().newer(b.form())
}

func (f *orgFacts) ending() int {
	switch {
	case f.merged != 0:
		return 2
	case !f.active:
		return 1
	}
	return 0
}

// now gives the values: the record's, overlaid by a newer webhook.
func (o *organization) now() orgFacts {
	var f orgFacts
	switch {
	case o.rec == nil && o.part == nil:
		return f
	case o.rec == nil:
		f = *o.part
	default:
		f = *o.rec
		if p := o.part; p != nil && p.at > f.at {
			if p.name != "" {
				f.name = p.name
			}
			f.external, f.group, f.sharedTickets, f.sharedComments, f.at = p.external, p.group, p.sharedTickets, p.sharedComments, p.at
		}
	}
	f.active = o.active.value || o.active.at == 0
	if f.created == 0 {
		f.created = f.at
	}
	return f
}

func (r *run) takeOrganization(a *accountWork, it *item) {
	key := orgKey(a.prefix, it.id)
	o := open[organization](r, key)
	set := a.sources.of(it.ev.Source)
	if it.ev.Kind == schemas.KindOrganization && o.rec != nil && o.rec.hash == it.hash && o.retention == set.fingerprint() {
		r.result.Duplicates++
		return
	}
	if it.load(); it.domain == domainDead {
		r.dead(it)
		return
	}
	f := it.org
	wasActive := o.now().active || o.id == 0
	if o.id == 0 {
		o.hintedFirst = !f.full
	}
	news := o.addMark(f.versionMark())
	if f.full && newerOrg(f, o.rec) {
		o.rec, news = f, true
	}
	if !f.full && newerOrg(f, o.part) {
		o.part, news = f, true
	}
	if f.told && (f.at > o.active.at || f.at == o.active.at && !f.active && o.active.value) {
		o.active, news = patch[bool]{f.at, f.active}, true
	}
	if !news && o.retention == set.fingerprint() {
		r.result.Duplicates++
		return
	}
	again := o.retention != set.fingerprint()
	o.id, o.retention = it.id, set.fingerprint()
	if o.source == "" {
		o.source = it.ev.Source
	}
	if now := o.now(); now.active {
		o.archived = false
	} else if wasActive {
		o.archived = set.ArchiveOnDelete
	}
	r.touch(key)
	r.emitOrganization(a, o, it, set, again)
}

func (r *run) emitOrganization(a *accountWork, o *organization, it *item, set settings, again bool) {
	f := o.now()
	row := schemas.OrganizationRow{
		Account: a.name, OrganizationID: o.id, SourceID: o.source, Name: f.name, ExternalID: f.external, Zendesk: f.object(o.id),
		Archived: flag(o.archived), CreatedAt: unix(f.created), UpdatedAt: unix(f.at),
	}
	data := appendOrganization(r.room(320+len(row.Zendesk)*2), &row)
	if h := hashOf(data); h != o.sent {
		o.sent = h
		r.emitLast(schemas.TableOrganizations, orgKey(a.prefix, o.id), data)
	}
	c := &carrier{
		account: a, source: o.source, set: set, now: it.ev.ReceivedAt.Unix(), again: again,
		id: func(s *sentActivity) string {
			return schemas.ActivityID(a.name, 0, s.slug.String(), s.at, "organization:"+decimal(o.id)+s.what)
		},
		row: func(x *activity) schemas.Activity {
			verb := strings.TrimPrefix(x.slug.String(), "organization-")
			return schemas.Activity{OrganizationID: o.id, Attributes: x.attributes(), Text: "Organization " + decimal(o.id) + " " + verb}
		},
		digest: func(x *writer, _ *activity) { x.b = x.b[:0] },
		frozen: func(s *sentActivity) bool { return s.slug == organizationUpdated && s.at <= o.floor },
	}
	o.activities = r.settle(c, o.happenings(&f), o.activities)
}

func (o *organization) happenings(f *orgFacts) []activity {
	out := []activity{{slug: organizationCreated, at: f.created, via: viaOf(o.hintedFirst)}}
	for _, c := range o.changes(organizationFields) {
		switch {
		case c.gone:
			out = append(out, activity{slug: organizationDeleted, at: c.at, via: viaOf(c.hinted)})
		case len(c.fields) > 0 || c.renewed:
			a := activity{slug: organizationUpdated, at: c.at, via: viaOf(c.hinted)}
			a.attrs.list = distinct(c.fields)
			out = append(out, a)
		}
	}
	return out
}

// object writes what Zendesk says of an organization as a JSON object.
func (f *orgFacts) object(id int64) string {
	o := newObject(make([]byte, 0, 256))
	o.id("organization_id", id)
	for _, p := range [][2]string{{"name", f.name}, {"external_id", f.external}, {"details", f.details}, {"notes", f.notes}, {"url", f.url}} {
		o.str(p[0], p[1])
	}
	o.strs("domain_names", f.domains)
	o.id("group_id", f.group)
	o.bool("shared_tickets", f.sharedTickets)
	o.bool("shared_comments", f.sharedComments)
	o.strs("tags", f.tags)
	o.bool("active", f.active)
	if f.merged != 0 {
		o.int("merged_into", f.merged)
	}
	o.time("created_at", unix(f.created))
	o.time("updated_at", unix(f.at))
	o.raw("fields", f.fields)
	return string(o.end())
}

func (o *organization) empty() bool { return o.id == 0 }

func (o *organization) encode(w *writer) {
	w.int(o.id)
	w.str(o.source)
	for _, f := range []*orgFacts{o.rec, o.part} {
		w.bool(f != nil)
		if f != nil {
			f.encode(w)
		}
	}
	o.versions.encode(w)
	w.int(o.active.at)
	w.bool(o.active.value)
	w.byte(flag(o.archived) | flag(o.hintedFirst)<<1)
	w.hash(o.sent)
	list(w, o.activities, writeSentActivity)
	w.hash(o.retention)
}

func (o *organization) decode(r *reader) {
	o.id, o.source = r.int(), r.str()
	for _, f := range []**orgFacts{&o.rec, &o.part} {
		if r.bool() {
			*f = &orgFacts{}
			(*f).decode(r)
		}
	}
	o.versions.decode(r)
	o.active = patch[bool]{r.int(), r.bool()}
	bits := r.byte()
	o.archived, o.hintedFirst, o.sent = bits&1 != 0, bits&2 != 0, r.hash()
	o.activities = readList(r, readSentActivity)
	o.retention = r.hash()
}

func (f *orgFacts) encode(w *writer) {
	for _, n := range []int64{f.id, f.at, f.heard, f.created, f.group, f.merged} {
		w.int(n)
	}
	w.hash(f.hash)
	for _, v := range []string{f.name, f.external, f.details, f.notes, f.url, f.fields} {
		w.str(v)
	}
	w.strs(f.domains)
	w.strs(f.tags)
	for _, b := range []bool{f.full, f.sharedTickets, f.sharedComments, f.told, f.active} {
		w.bool(b)
	}
}

func (f *orgFacts) decode(r *reader) {
	for _, n := range []*int64{&f.id, &f.at, &f.heard, &f.created, &f.group, &f.merged} {
		*n = r.int()
	}
	f.hash = r.hash()
	for _, v := range []*string{&f.name, &f.external, &f.details, &f.notes, &f.url, &f.fields} {
		*v = r.str()
	}
	f.domains, f.tags = r.strs(), r.strs()
	for _, b := range []*bool{&f.full, &f.sharedTickets, &f.sharedComments, &f.told, &f.active} {
		*b = r.bool()
	}
}
