package reports

import (
	"context"
	"errors"
	"hash/maphash"
	"maps"
	"slices"
	"time"
	"unsafe"

	"deskstream/schemas"
)

const (
	// mostInRoster is below how many users the people are kept in memory. From there on people are read from the tables when something about
	// them changes.
	mostInRoster = 1_250_000
	// rosterBytes is about what each takes with 200 audiences of all kinds.
	rosterBytes = 350
)

// roster keeps in memory what the filters of all audiences look at of people, so that nothing need be read when something about them
// changes. It is read from the tables once and then follows their rows. It is not safe for concurrent use.
type roster struct {
	plan       *rosterPlan
	names      filterNames
	book       nameBook
	key        string // what else it depends on, as the worker's rosterKey
	day        string // on which it was read
	at         uint64 // rows up to this position are in it
	settled    uint64 // when it was read, tables may have had rows up to this position
	generation uint64 // of the stream that the rows came from
	zone       *time.Location
	now        func() time.Time
	match      func(f *schemas.Filter, p *schemas.FilterPerson, now time.Time, zone *time.Location) bool

	records       arena
	rows          []rosterRow
	others        map[uint32][]uint32  // rows of the other users of people, by that of the first one
	users         map[rosterRef]uint32 // to rows
	ownIDs        map[uint64]uint32    // hashes of account and the id of the user's own person, to rows
	seed          maphash.Seed
	owners        map[uint64]uint32 // activities that are kept, by the hash of their id, to rows
	accounts      []string
	sources       []string
	slugs         map[string]int // of plan.slugs
	fields        []string       // of plan.fields, in the order in which they are packed
	kinds         []string       // of plan.kinds
	organizations map[organizationRef]*rosterOrganization

	organizationFields []string // of plan.organizationFields

	audiences map[string]int // places of their bits
	members   []uint64       // bits of the audiences that a row's own person is in, stride words each
	stride    int
}

// rosterRow is a user, and the person if it is the first of its users.
type rosterRow struct {
	user       int64
	account    uint16
	source     uint16
	archived   bool
	lead       uint32 // row of the first user of the person; noLead = it is no person
	figures    uint32 // record of the arena
	ever       uint32 // record
	activities uint32 // record
	// What follows is of the person, kept with its first user.
	fields       uint32 // record
	organization int64
}

const noLead = 1<<32 - 1

// rosterRef names a user by the place of the account.
type rosterRef struct {
	user    int64
	account uint16
}

type organizationRef struct {
	account string
	id      int64
}

// rosterOrganization is an organization with those who are or were in it.
type rosterOrganization struct {
	known   bool
	fields  uint32 // record
	figures figuresRow
	rows    []uint32 // first users of the people
}

func newRoster(w *audienceWorker) *roster {
	r := &roster{
		plan: w.plan, names: w.names, book: w.book, key: w.rosterKey, day: w.day, zone: w.Location, now: w.Now, match: w.Match,
		users: map[rosterRef]uint32{}, ownIDs: map[uint64]uint32{}, seed: maphash.MakeSeed(), owners: map[uint64]uint32{}, others: map[uint32][]uint32{}, slugs: map[string]int{},
		organizations: map[organizationRef]*rosterOrganization{}, audiences: map[string]int{}, stride: 1, generation: w.generation,
		fields: slices.Sorted(maps.Keys(w.plan.fields)), organizationFields: slices.Sorted(maps.Keys(w.plan.organizationFields)), kinds: slices.Sorted(maps.Keys(w.plan.kinds)),
	}
	for i, slug := range w.plan.slugs {
		r.slugs[slug] = i
	}
	for _, a := range w.parsed {
		if a.filter != nil {
			a.bit = r.place(a.ID)
		}
	}
	return r
}

// errStale says that the roster has to be read anew.
var errStale = errors.New("the stream was made anew")

// loadRoster reads everybody from the tables, as they are at a position or later; nil when there are too many.
func (w *audienceWorker) loadRoster(ctx context.Context, written uint64) (*roster, error) {
	count, _, err := one[struct {
		Users uint64 `ch:"users"`
	}](ctx, w.server, "audience_users", sqlText("audience_users"), w.rowParams(0, 0))
	if err != nil || count.Users >= w.mostInRoster {
		return nil, err // there is none
	}
	w.Keeps(int(count.Users) * rosterBytes)
	r := newRoster(w)
	r.at = written
	p := w.rowParams(0, 1<<63-1)
	err = eachRow(ctx, w, "people", p, r.person)
	if err == nil && r.plan.organization {
		err = eachRow(ctx, w, "organizations", p, r.setOrganization)
	}
	if err == nil && r.plan.figures {
		err = eachRow(ctx, w, "figures", p, r.setFigures)
	}
	if err == nil && len(r.plan.slugs) > 0 {
		err = eachRow(ctx, w, "ever", p, r.setEver)
	}
	for slug, k := range r.plan.kinds {
		if err != nil {
			break
		}
		p.texts("kinds", []string{slug})
		p.time("since", k.since)
		now := w.Now()
		err = eachRow(ctx, w, "activities", p, func(a *changedActivityRow) {
			if a.ExpiresAt.After(now) {
				r.setActivity(a)
			}
		})
	}
	if err == nil {
		err = eachRow(ctx, w, "members", p, r.setMember)
	}
	if err == nil && r.plan.organizationFigures {
		err = w.readFigures(ctx, r, nil)
	}
	if err != nil {
		return nil, err
	}
	newest, err := w.Events.Newest(ctx)
	for _, at := range newest {
		r.settled = max(r.settled, at)
	}
	return r, err
}

// bytes tells about how much memory it takes.
func (r *roster) bytes() int {
	const entry = 40 // of a map, with its free places
	n := cap(r.rows)*int(unsafe.Sizeof(rosterRow{})) + 8*cap(r.members) + arenaChunk*len(r.records.chunks)
	n += entry * (len(r.users) + len(r.ownIDs) + len(r.owners) + len(r.organizations) + len(r.others))
	for _, o := range r.organizations {
		n += int(unsafe.Sizeof(*o)) + 4*cap(o.rows)
	}
	return n
}

// take brings in rows that came behind its position. It adds the users of whom other activities are kept then. After errStale it tells the newer
// generation and is of no other use.
func (r *roster) take(c *changedRows, changes *userChanges) (err error) {
	newer := func(p RowPlace) bool {
		if p.generation() > r.generation {
			r.generation, err = p.generation(), errStale
		}
		return p.Seq > r.at && p.generation() == r.generation
	}
	takeRows(c.people, newer, r.person)
	takeRows(c.organizations, newer, r.setOrganization)
	takeRows(c.figures, newer, r.setFigures)
	takeRows(c.ever, newer, r.setEver)
	for i := range c.activities {
		a := &c.activities[i]
		if !newer(a.place()) {
			changes.addActivity(a)
			continue
		}
		former, kept := r.setActivity(a)
		if former != nil {
			changes.add(r.accounts[former.account], former.user, changedActivity+a.Activity.Activity)
		}
		if kept {
			changes.addActivity(a)
		}
	}
	takeRows(c.members, newer, r.setMember)
	if err == nil {
		r.at = max(r.at, c.to)
	}
	if r.records.wasteful() {
		r.tidy()
	}
	return err
}

// tidy gives back the memory of records that were given up.
func (r *roster) tidy() {
	old := r.records
	r.records = arena{}
	for i := range r.rows {
		row := &r.rows[i]
		for _, record := range []*uint32{&row.figures, &row.ever, &row.activities, &row.fields} {
			r.records.move(&old, record)
		}
	}
	for _, o := range r.organizations {
		r.records.move(&old, &o.fields)
	}
}

func takeRows[T any, P interface {
	*T
	placed
}](rows []T, newer func(RowPlace) bool, set func(*T)) {
	for i := range rows {
		if newer(P(&rows[i]).place()) {
			set(&rows[i])
		}
	}
}

// row gives the place of a user.
func (r *roster) row(account string, user int64) uint32 {
	ref := rosterRef{user, placeOf(&r.accounts, account)}
	i, ok := r.users[ref]
	if !ok {
		i = uint32(len(r.rows))
		r.rows = append(r.rows, rosterRow{user: user, account: ref.account, lead: noLead})
		r.users[ref] = i
		r.ownIDs[r.hash(account, schemas.OwnPersonID(account, schemas.ZID(user)))] = i
		for range r.stride {
			r.members = append(r.members, 0)
		}
	}
	return i
}

// placeOf gives the place of a text in a short list, to which it adds it.
func placeOf(list *[]string, text string) uint16 {
	i := slices.Index(*list, text)
	if i < 0 {
		i = len(*list)
		*list = append(*list, text)
	}
	return uint16(i)
}

func (r *roster) hash(account, id string) uint64 {
	var h maphash.Hash
	h.SetSeed(r.seed)
	_, _ = h.WriteString(account)
	_ = h.WriteByte(' ')
	_, _ = h.WriteString(id)
	return h.Sum64()
}

// person takes over the row of a person.
func (r *roster) person(p *changedPersonRow) {
	r.generation = max(r.generation, p.generation())
	if len(p.UserIDs) == 0 {
		return
	}
	lead := r.row(p.Account, p.UserIDs[0])
	r.leave(lead)
	if p.IsDeleted != 0 {
		return
	}
	var others []uint32
	for _, user := range p.UserIDs[1:] {
		i := r.row(p.Account, user)
		others = append(others, i)
		r.rows[i].lead = lead
	}
	row, who := &r.rows[lead], personOf(&p.PersonRow)
	row.lead, row.source, row.archived, row.organization = lead, placeOf(&r.sources, who.source()), p.Archived == 1, p.OrganizationID
	if others != nil {
		r.others[lead] = others
	}
	read := fieldReader(who, nil, r.names)
	row.fields = r.records.put(row.fields, packFields(r.fields, read))
	if row.organization != 0 && r.plan.organization {
		o := r.organization(organizationRef{p.Account, row.organization})
		o.rows = append(o.rows, lead)
	}
}

// leave dissolves the person that a user leads, as far as its users have not gone to another one.
func (r *roster) leave(lead uint32) {
	row := &r.rows[lead]
	for _, i := range r.usersOf(lead) {
		if r.rows[i].lead == lead {
			r.rows[i].lead = noLead
		}
	}
	row.fields = r.records.put(row.fields, nil)
	delete(r.others, lead)
	if o := r.organizations[organizationRef{r.accounts[row.account], row.organization}]; o != nil {
		o.rows = slices.DeleteFunc(o.rows, func(i uint32) bool { return i == lead })
	}
	row.organization = 0
}

// usersOf gives the rows of all users of the person that a user leads.
func (r *roster) usersOf(lead uint32) []uint32 {
	return append([]uint32{lead}, r.others[lead]...)
}

func packFields(paths []string, read func(string) any) []byte {
	var b []byte
	for _, path := range paths {
		b = packValue(b, read(path))
	}
	return b
}

func (r *roster) setFigures(s *changedFiguresRow) {
	r.generation = max(r.generation, s.generation())
	row := &r.rows[r.row(s.Account, s.UserID)]
	row.figures = r.records.put(row.figures, packFigures(&s.PersonStats))
}

func (r *roster) setEver(e *changedEverRow) {
	r.generation = max(r.generation, e.generation())
	slug, ok := r.slugs[e.Activity]
	if !ok {
		return
	}
	row := &r.rows[r.row(e.Account, e.UserID)]
	items := slices.DeleteFunc(unpackEver(r.records.get(row.ever)), func(x everItem) bool { return x.slug == slug })
	items = append(items, everItem{slug, schemas.Occurrence{First: e.FirstAt, Last: e.LastAt, Count: e.Count}})
	row.ever = r.records.put(row.ever, packEver(items))
}

// setActivity takes over an activity. It gives the user that had it before, and says whether it is kept: that depends on whether it counts for
// any condition.
func (r *roster) setActivity(a *changedActivityRow) (former *rosterRow, kept bool) {
	r.generation = max(r.generation, a.generation())
	k := r.plan.kinds[a.Activity.Activity]
	if k == nil {
		return nil, false
	}
	id, row := r.hash(a.Account, a.ActivityID), r.row(a.Account, a.UserID)
	if owner, ok := r.owners[id]; ok {
		of := &r.rows[owner]
		rest := slices.DeleteFunc(unpackActivities(r.records.get(of.activities)), func(x rosterActivity) bool { return x.id == id })
		of.activities = r.records.put(of.activities, packActivities(rest))
		delete(r.owners, id)
		former = of
	}
	if a.IsDeleted != 0 || a.OccurredAt.Before(k.since) {
		return former, false
	}
	one := rosterActivity{id: id, kind: slices.Index(r.kinds, a.Activity.Activity), at: a.OccurredAt.Unix(), expires: a.ExpiresAt.Unix()}
	seen := filterRowOf(&a.Activity)
	var counts bool
	if one.judged, counts = r.judge(k, seen); !counts {
		return former, false
	}
	for i, kind := range nameKinds {
		if k.names[kind] {
			one.names[i] = parseID(seen.idOf(kind))
		}
	}
	r.owners[id] = row
	of := &r.rows[row]
	of.activities = r.records.put(of.activities, append([]byte(r.records.get(of.activities)), packActivities([]rosterActivity{one})...))
	return former, true
}

// judge gives how the conditions on attributes turn out; ok is false if no condition on activities can hold for it.
func (r *roster) judge(k *rosterKind, seen *filterRow) (bits string, ok bool) {
	activity := seen.activity()
	p := &schemas.FilterPerson{News: &activity}
	b := make([]byte, (len(k.judges)+7)/8)
	held := make(map[string]bool, len(k.judges))
	for what, j := range k.judges {
		if r.match(j.filter, p, time.Time{}, r.zone) {
			held[what] = true
			b[j.place/8] |= 1 << (j.place % 8)
		}
	}
	for _, where := range k.wheres {
		if !slices.ContainsFunc(where, func(what string) bool { return !held[what] }) {
			return string(b), true
		}
	}
	return "", false
}

func (r *roster) organization(ref organizationRef) *rosterOrganization {
	o := r.organizations[ref]
	if o == nil {
		o = &rosterOrganization{}
		r.organizations[ref] = o
	}
	return o
}

func (r *roster) setOrganization(row *changedOrganizationRow) {
	r.generation = max(r.generation, row.generation())
	o := r.organization(organizationRef{row.Account, row.OrganizationID})
	if o.known = row.IsDeleted == 0; !o.known {
		o.fields = r.records.put(o.fields, nil)
		return
	}
	of := organizationOf(&row.OrganizationRow)
	o.fields = r.records.put(o.fields, packFields(r.organizationFields, fieldReader(&person{}, &of, r.names)))
}

// place gives the place of an audience among the bits of a row.
func (r *roster) place(audience string) int {
	i, ok := r.audiences[audience]
	if !ok {
		i = len(r.audiences)
		r.audiences[audience] = i
		for len(r.audiences) > 64*r.stride {
			r.widen()
		}
	}
	return i
}

// widen makes room for more audiences.
func (r *roster) widen() {
	wide := make([]uint64, 0, len(r.rows)*(r.stride+1))
	for words := range slices.Chunk(r.members, r.stride) {
		wide = append(append(wide, words...), 0)
	}
	r.members = wide
	r.stride++
}

func (r *roster) setMember(m *changedMemberRow) {
	r.generation = max(r.generation, m.generation())
	i, ok := r.ownIDs[r.hash(m.Account, m.PersonID)]
	if !ok {
		return // erased
	}
	bit := r.place(m.AudienceID)
	word := &r.members[int(i)*r.stride+bit/64]
	if *word |= 1 << (bit % 64); m.IsDeleted != 0 {
		*word &^= 1 << (bit % 64)
	}
}
