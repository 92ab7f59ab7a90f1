package processors

import (
	"encoding/json"
	"math/bits"
	"slices"
	"sort"
	"strings"
	"time"

	"deskstream/schemas"
)

// userFacts are what one record or webhook says about a user.
type userFacts struct {
	id       int64
	at       int64 // updated_at
	heard    int64 // when it was received, nanoseconds: two states of one second are told apart by nothing else
	hash     uint64
	full     bool // a record; a webhook knows only some fields
	deletion bool // the webhook tells a deletion, or a merge into another user: its blank fields mean nothing
	created  int64
	name     string
	email    string
	phone    string
	dial     string // phone in E.164, "" when it is none
	alias    string
	details  string
	notes    string
	role     string
	locale   string
	zone     string
	external string
	url      string
	tags     []string
	org      int64
	fields   string // JSON object
	login    int64
	verified bool
	shared   bool // the phone number is shared and no identity
	active   bool
	hasState bool // active is told
	suspend  bool
	erased   bool // permanently deleted

	identities []schemas.Identity // addresses and numbers, when they were fetched
	fetched    bool
	named      bool // a webhook that tells the name
	other      int64
	member     *member // the webhook tells a membership
}

// rolePoint says that a user had a role at a time.
type rolePoint struct {
	at   int64
	role byte // roleEndUser or roleAgent; admins are agents
}

// patch is a value that webhooks told, newer than the record.
type patch[T any] struct {
	at    int64
	value T
}

// pair says that Zendesk merged two users.
type pair struct {
	other int64
	at    int64
	lost  bool // the webhook was about this user
}

// user is everything known about a Zendesk user, and what was emitted about it.
type user struct {
	id      int64
	sources []string // that told something of it, the first one first
	rec     *userFacts
	email   patch[string]
	ext     patch[string]
	role    patch[string]
	name    patch[string]
	org     patch[int64]
	active  patch[bool]
	born    int64 // created_at as webhooks told it before there was a record
	roles   []rolePoint
	versions
	oldest  *changeTimes // of fields at the floor of the versions, nil while none was forgotten
	tracks  tracks
	pairs   []pair
	links   []link
	members []member // by organization

	absorbed  bool // a contact that lost a merge in Zendesk to somebody who is none any more
	decided   bool // the permissions were decided, when the user was first seen as an end user
	mail      bool
	sms       bool
	archived  bool
	deleted   int64 // when the deletion was that archived it
	system    systemFields
	decisions decisions
	inherited decisions // unsubscribes of others with one of its addresses
	apiValues apiValues
	merge     sentMerge

	sentPerson uint64
	sentAgent  uint64
	head       int64   // user whose person this one is, as emitted; 0 = none
	party      []int64 // users of the person it heads, itself first, as emitted; of no person as whom it counts, and itself; nil = only itself
	due        bool    // the row that withdrew its person says that it is to be erased
	activities []sentActivity
	retention  uint64
	waiting    []int64 // tickets of which a role that is told later changes messages of it: see wait
}

// systemFields are the fields of a person that a source may be forbidden to write (R09), each the newest value that was allowed.
type systemFields struct {
	first, last, email, phone, language, zone patch[string]
}

func (it *item) loadUser() {
	r := userReaders.Get().(*userReader)
	defer userReaders.Put(r)
	z, fields := &r.user, "{}"
	if r.read(it.ev.Data) {
		fields = orElse(r.fields, fields)
	} else {
		z = &schemas.ZUser{}
		if !it.unmarshal(it.ev.Data, z) {
			return
		}
		fields = fieldsOf(z.UserFields)
	}
	if !it.sound(z.CreatedAt, "created_at") {
		return
	}
	f := &userFacts{
		id: int64(z.ID), at: z.UpdatedAt.Unix(), heard: it.ev.ReceivedAt.UnixNano(), hash: it.hash, full: true, created: z.CreatedAt.Unix(), name: cut(z.Name, 1024),
		email: cut(strings.TrimSpace(z.Email), 320), phone: cut(z.Phone, 128), dial: schemas.PhoneNumber(z.Phone), alias: cut(z.Alias, 1024), details: cut(z.Details, maxText/2),
		notes: cut(z.Notes, maxText/2), role: strings.ToLower(z.Role), locale: cut(z.Locale, 64), external: cut(z.ExternalID, 1024),
		url: cut(z.URL, 1024), tags: z.Tags, org: int64(z.Organization), verified: z.Verified, shared: z.SharedPhone, suspend: z.Suspended,
		active: z.Active == nil || *z.Active, hasState: true, erased: z.PermanentlyDe, fields: fields,
	}
	if !sane(z.UpdatedAt) {
		f.at = f.created
	}
	if f.zone = zoneName(z.IANATimeZone); f.zone == "" {
		f.zone = zoneName(z.TimeZone)
	}
	if z.LastLoginAt != nil && sane(*z.LastLoginAt) {
		f.login = z.LastLoginAt.Unix()
	}
	if f.erased {
		f.erase()
	}
	f.fetched = len(z.Identities) > 0
	f.identities = identitiesOf(z.Identities)
	it.user = f
}

// erase removes everything personal; Zendesk keeps only the fact that there was such a user.
func (f *userFacts) erase() {
	f.name, f.email, f.phone, f.dial, f.alias, f.details, f.notes, f.external, f.fields = "", "", "", "", "", "", "", "", "{}"
	f.tags, f.identities, f.active = nil, nil, false
}

// userHints are the user webhooks we read; the others tell nothing that a report or a person field needs.
var userHints = map[string]bool{
	"created": true, "deleted": true, "merged": true, "active_changed": true, "suspended_changed": true, "name_changed": true,
	"role_changed": true, "alias_changed": true, "details_changed": true, "notes_changed": true, "external_id_changed": true,
	"custom_field_changed": true, "identity_created": true, "identity_changed": true, "identity_deleted": true, "tags_changed": true,
	"time_zone_changed": true, "organization_membership_created": true, "organization_membership_deleted": true,
}

// loadUserHint reads a user webhook. It knows neither name nor phone: the poll brings those.
func (it *item) loadUserHint(e schemas.Envelope, name string) {
	if !userHints[name] {
		return
	}
	var d struct {
		ID           schemas.ZID     `json:"id"`
		Email        string          `json:"email"`
		ExternalID   string          `json:"external_id"`
		Role         string          `json:"role"`
		Organization schemas.ZID     `json:"organization_id"`
		CreatedAt    json.RawMessage `json:"created_at"`
		UpdatedAt    json.RawMessage `json:"updated_at"`
	}
	var b webhookBody
	if !it.envelopeParts(e, &d, &b) {
		return
	}
	it.id = int64(d.ID)
	if it.id == 0 {
		it.id = subjectID(e.Subject)
	}
	if it.id <= 0 {
		it.die("invalid", "the webhook names no user")
		return
	}
	at := secondsOf(d.UpdatedAt)
	if at == 0 && sane(e.Time) {
		at = e.Time.Unix()
	}
	if at == 0 {
		it.die("invalid", "the webhook has no possible time")
		return
	}
	f := &userFacts{
		id: it.id, at: at, hash: it.hash, created: secondsOf(d.CreatedAt), email: cut(strings.TrimSpace(d.Email), 320),
		external: cut(d.ExternalID, 1024), role: strings.ToLower(d.Role), org: int64(d.Organization),
		deletion: name == "deleted" || name == "merged" && d.Email == "",
	}
	switch name {
	case "created":
		f.hasState, f.active = true, true
	case "deleted":
		f.hasState, f.active = true, false
	case "active_changed":
		f.hasState, f.active = true, string(b.Current) == "true"
	case "name_changed":
		f.named, f.name = true, cut(schemas.Text(b.Current), 1024)
	case "role_changed":
		if current := strings.ToLower(schemas.Text(b.Current)); f.role == "" {
			f.role = current
		}
	case "organization_membership_created", "organization_membership_deleted":
		if org := int64(b.Organization.ID); org > 0 {
			f.member = &member{org: org, at: at, gone: name == "organization_membership_deleted"}
		}
	case "merged":
		if f.other = int64(b.User.ID); f.other == f.id {
			f.other = 0
		}
	}
	it.user, it.domain = f, domainUser
}

// secondsOf reads a time of a webhook; 0 when there is none.
func secondsOf(v json.RawMessage) int64 {
	t, ok := parseTime(schemas.Text(v))
	if !ok || !sane(t) {
		return 0
	}
	return t.Unix()
}

func roleByte(name string) byte {
	switch name {
	case "agent", "admin":
		return byte(roleAgent)
	case "end-user":
		return byte(roleEndUser)
	}
	return byte(roleUnknown)
}

// roleName is a name that roleByte gives the byte of.
func roleName(role byte) string {
	if role == byte(roleAgent) {
		return "agent"
	}
	return "end-user"
}

// takeFacts merges a record or webhook; it reports whether anything was news.
func (u *user) takeFacts(f *userFacts) bool {
	u.id = f.id
	news := u.addRole(f.at, roleByte(f.role))
	u.remember()
	news = u.addMark(f.versionMark()) || news
	if f.full {
		if u.rec == nil || f.form().newer(u.rec.form()) {
			u.rec = f
			news = true
		}
	} else {
		news = u.patch(f) || news
	}
	if f.member != nil {
		news = u.addMember(*f.member) || news
	}
	if u.rec != nil && u.rec.erased {
		u.email, u.ext, u.name = patch[string]{}, patch[string]{}, patch[string]{}
		u.marks, u.oldest, u.tracks = nil, nil, nil // hashes of personal data go too
	}
	return news
}

func (u *user) patch(f *userFacts) bool {
	news := false
	if !f.deletion {
		news = take(&u.email, f.at, f.email) || news
		news = take(&u.ext, f.at, f.external) || news
		news = take(&u.org, f.at, f.org) || news
	}
	if f.role != "" {
		news = take(&u.role, f.at, f.role) || news
	}
	if f.named && f.name != "" {
		news = take(&u.name, f.at, f.name) || news
	}
	if f.hasState {
		before := u.active
		if f.at > before.at || f.at == before.at && !f.active && before.value {
			u.active, news = patch[bool]{f.at, f.active}, true
		}
	}
	if f.created != 0 && u.born == 0 && u.rec == nil {
		u.born, news = f.created, true
	}
	return news
}

// take keeps the newer of two values; of two of one second the larger, so that the order of arrival does not matter.
func take[T interface{ ~string | ~int64 }](p *patch[T], at int64, v T) bool {
	if at < p.at || at == p.at && v <= p.value {
		return false
	}
	*p = patch[T]{at, v}
	return true
}

// addPair notes with both users that Zendesk merged them.
func (r *run) addPair(a *accountWork, it *item) bool {
	f, w, other := it.user, r.user(a, it.id), r.user(a, it.user.other)
	other.u.id = f.other
	news := w.u.addPair(pair{f.other, f.at, true})
	news = other.u.addPair(pair{f.id, f.at, false}) || news
	other.see(it)
	other.touch()
	return news
}

func (u *user) addPair(p pair) bool {
	for i := range u.pairs {
		if u.pairs[i].other == p.other {
			if p.at < u.pairs[i].at {
				u.pairs[i] = p
				return true
			}
			return false
		}
	}
	u.pairs = append(u.pairs, p)
	sort.Slice(u.pairs, func(i, j int) bool { return u.pairs[i].other < u.pairs[j].other })
	return true
}

// maxRoles bounds the role history; beyond it points inside a run of one role are dropped, which change nothing.
const maxRoles = 32

func (u *user) addRole(at int64, role byte) bool {
	if role == byte(roleUnknown) {
		return false
	}
	i := sort.Search(len(u.roles), func(i int) bool { return u.roles[i].at > at || u.roles[i].at == at && u.roles[i].role >= role })
	if i < len(u.roles) && u.roles[i] == (rolePoint{at, role}) {
		return false
	}
	u.roles = append(u.roles, rolePoint{})
	copy(u.roles[i+1:], u.roles[i:])
	u.roles[i] = rolePoint{at, role}
	for j := 1; len(u.roles) > maxRoles && j < len(u.roles)-1; j++ {
		if u.roles[j-1].role == u.roles[j].role && u.roles[j].role == u.roles[j+1].role {
			u.roles = append(u.roles[:j], u.roles[j+1:]...)
		}
	}
	if len(u.roles) > 4*maxRoles {
		u.roles = u.roles[1:]
	}
	return true
}

// roleAt gives the role in force at a time; before the first known one, that one.
func (u *user) roleAt(at int64) role {
	if len(u.roles) == 0 {
		return roleUnknown
	}
	r := u.roles[0].role
	for _, p := range u.roles {
		if p.at > at {
			break
		}
		r = p.role
	}
	return role(r)
}

// everAgent says whether the user is or was an agent.
func (u *user) everAgent() bool {
	for _, p := range u.roles {
		if p.role == byte(roleAgent) {
			return true
		}
	}
	return false
}

// now gives the user's values: the record's, overlaid by what webhooks told later. They are not to be changed.
func (u *user) now() *userFacts {
	if u.id == 0 && u.born == 0 {
		return &nobody
	}
	if u.rec == nil {
		return u.overlaid(userFacts{id: u.id, created: u.born, active: true, fields: "{}"})
	}
	if u.rec.created != 0 && max(u.email.at, u.ext.at, u.role.at, u.name.at, u.org.at, u.active.at) <= u.rec.at {
		return u.rec
	}
	return u.overlaid(*u.rec)
}

// nobody are the values of a user of whom nothing is known.
var nobody = userFacts{active: true, fields: "{}"}

func (u *user) overlaid(f userFacts) *userFacts {
	base := f.at
	over := func(at int64) bool {
		if at <= base {
			return false
		}
		f.at = max(f.at, at)
		return true
	}
	if over(u.email.at) && f.email != u.email.value {
		f.email, f.fetched = u.email.value, false
	}
	if over(u.ext.at) {
		f.external = u.ext.value
	}
	if over(u.role.at) {
		f.role = u.role.value
	}
	if over(u.name.at) {
		f.name = u.name.value
	}
	if over(u.org.at) {
		f.org = u.org.value
	}
	if over(u.active.at) {
		f.active = u.active.value
	}
	if f.created == 0 {
		f.created = f.at
	}
	return &f
}

// user opens a user that the batch changes.
func (r *run) user(a *accountWork, id int64) *userWork {
	w := r.userOf(a, id)
	r.begin(w)
	return w
}

// begin notes how a user was before the event taken and before the batch, once each.
func (r *run) begin(w *userWork) {
	if w.inEvent {
		return
	}
	r.eventUsers = append(r.eventUsers, w)
	if w.inEvent, w.was = true, w.carried; !w.touched {
		w.touched, w.before, w.known = true, w.u.publicState(), len(w.u.roles) > 0
		w.was = w.before.identities
		r.users = append(r.users, w)
	}
	w.carried, w.counted = nil, false
}

// userOf opens a user for reading and, after touch, for changing.
func (r *run) userOf(a *accountWork, id int64) *userWork {
	if w := a.users[id]; w != nil {
		return w
	}
	return r.known(a, id, userKey(a.prefix, id))
}

// known is userOf for whoever has the key of the user's row.
func (r *run) known(a *accountWork, id int64, key string) *userWork {
	if w := a.users[id]; w != nil {
		return w
	}
	s := load[user](r, key)
	u := s.value.(*user)
	if len(r.newcomers) == 0 {
		r.newcomers = make([]userWork, 64)
	}
	w := &r.newcomers[0]
	r.newcomers = r.newcomers[1:]
	*w = userWork{account: a, id: id, u: u, slot: s, fresh: u.id == 0}
	a.users[id] = w
	return w
}

// touch marks the user as changed.
func (w *userWork) touch() { w.slot.dirty = true }

// own is the id that the user's person has if it heads it.
func (w *userWork) own() string {
	if w.ownID == "" {
		w.ownID = schemas.OwnPersonID(w.account.name, schemas.ZID(w.id))
	}
	return w.ownID
}

// sameUser tells from the content hash alone that a record is a repeat: a full sync of a million users must cost almost nothing.
func sameUser(u *user, it *item, fingerprint uint64) bool {
	return u != nil && u.rec != nil && it.ev.Kind == schemas.KindUser && u.rec.hash == it.hash && u.retention == fingerprint
}

// Sum tells a row of a user apart from others, for the time it is not in memory: by it the repeat of a record is known.
func (p *Processor) Sum(key string, row *schemas.StateRow) uint64 {
	if row.Sum != 0 && row.Value == nil {
		return row.Sum
	}
	if _, rest, _ := strings.Cut(key, "."); !strings.HasPrefix(rest, keyUser) {
		return 0
	}
	u, err := value[user](row)
	if err != nil || u == nil {
		return 0
	}
	return u.sum()
}

func (u *user) sum() uint64 {
	if u.rec == nil {
		return 0
	}
	return userSum(u.rec.hash, u.retention)
}

// userSum joins the hash of a user's record and the retention its rows were made with; it is never 0.
func userSum(record, retention uint64) uint64 {
	return max(record^bits.RotateLeft64(retention, 32), 1)
}

// repeatsRow says whether a record is a repeat by the sum of a row that is not decoded; a decoded one may have changed since.
func repeatsRow(row *schemas.StateRow, it *item, fingerprint uint64) bool {
	return row.Sum != 0 && row.Value == nil && it.ev.Kind == schemas.KindUser && row.Sum == userSum(it.hash, fingerprint)
}

// takeUser merges a user record or webhook.
func (r *run) takeUser(a *accountWork, it *item) {
	if it.erased || a.erased.has(it.id) {
		r.takeErased(a, it)
		return
	}
	switch it.ev.Kind {
	case schemas.KindPerson:
		r.takePersonEdit(a, it)
		return
	case schemas.KindLink:
		r.takeLink(a, it)
		return
	case schemas.KindMembership:
		r.takeMember(a, it)
		return
	case schemas.KindAudience:
		r.takeVerdict(a, it)
		return
	}
	set, fingerprint, key := a.sources.of(it.ev.Source), a.sources.fingerprint(it.ev.Source), it.key
	if row := r.state[key]; row != nil && repeatsRow(row, it, fingerprint) {
		r.result.Duplicates++
		return
	}
	w := r.known(a, it.id, key)
	u := w.u
	if sameUser(u, it, fingerprint) {
		r.result.Duplicates++
		return
	}
	if it.load(); it.domain == domainDead {
		r.dead(it)
		return
	}
	r.begin(w)
	w.see(it)
	before := u.now()
	u.track(a.fields)
	f, promoted := it.user, u.promotes(it)
	news := u.takeFacts(f)
	r.release(w, promoted)
	if f.other != 0 {
		news = r.addPair(a, it) || news
	}
	if news && f.member != nil && !f.member.gone {
		r.noteJoined(a, it.id, f.member.org)
	}
	if !news && u.retention == fingerprint {
		r.result.Duplicates++
		return
	}
	u.addSource(it.ev.Source)
	w.again = w.again || u.retention != fingerprint
	u.retention = fingerprint
	u.decide(set, f, before, u.now())
	u.noteFacts(f)
	w.touch()
}

// addSource notes a source that told of the user.
func (u *user) addSource(id string) {
	if !slices.Contains(u.sources, id) {
		u.sources = append(u.sources, id)
	}
}

// source is the one that told of the user first, "" for none.
func (u *user) source() string {
	if len(u.sources) == 0 {
		return ""
	}
	return u.sources[0]
}

func (w *userWork) see(it *item) {
	if w.source == "" || it.ev.ReceivedAt.After(w.now) {
		w.source = it.ev.Source
	}
	if it.ev.ReceivedAt.After(w.now) {
		w.now = it.ev.ReceivedAt
	}
}

// decide applies the settings in force now: permissions once, when the user is first seen as an end user (R13); system fields where the
// source may write them (R09); archiving when the user is deleted (R10).
func (u *user) decide(set settings, told, before, after *userFacts) {
	if !u.decided && roleByte(after.role) == byte(roleEndUser) {
		u.decided, u.mail, u.sms = true, set.OptIn.Email, set.OptIn.SMS
	}
	if after.active {
		u.archived, u.deleted = false, 0
	} else if before.active || before.at == 0 {
		if u.archived, u.deleted = set.ArchiveOnDelete, 0; u.archived {
			u.deleted = after.at
		}
	}
	if after.erased {
		u.system = systemFields{}
		return
	}
	u.writeSystem(set, told)
}

// writeSystem takes over what one record or webhook says, the newest word of each field; at one second a record's word beats a webhook's. A
// deletion blanks address and number at Zendesk; the person keeps them.
func (u *user) writeSystem(set settings, f *userFacts) {
	at := 2*f.at + int64(flag(f.full))
	put := func(n int, value string) {
		name := &systemNames[n]
		if u.system.put(set, name.setting, u.system.field(n), at, value, f) {
			u.notePoint(name.id, fieldPoint{at: f.at * int64(time.Second), rank: flag(f.full), value: value})
		}
	}
	if f.full || f.named {
		first, last := splitName(f.name)
		put(0, first)
		put(1, last)
	}
	if f.full || !f.deletion {
		put(2, foldEmail(f.email))
	}
	if f.full {
		put(3, f.dial)
		put(4, languageTag(f.locale))
		put(5, f.zone)
	}
}

// systemNames name the system fields in the order of apiValues: for the API, and for the settings of a source, which does not write the last one.
var systemNames = [...]struct{ id, setting string }{
	{"first_name", "first-name"},
	{"last_name", "last-name"},
	{"email", "email"},
	{"phone_number", "phone-number"},
	{"language", "language"},
	{"timezone", "timezone"},
	{"external_id", ""},
}

// put writes a field where the settings allow it: always the first value, later ones only if the source may modify the field. It says whether
// they do.
func (*systemFields) put(set settings, name string, have *patch[string], at int64, value string, f *userFacts) bool {
	gone := f.hasState && !f.active
	if value == "" && gone || have.at != 0 && (!set.writable(name) || set.Fields.OnlyIfEmpty && have.value != "") {
		return false
	}
	take(have, at, value)
	return true
}
