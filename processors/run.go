package processors

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"time"

	"deskstream/schemas"
)

// stored is a value that lives in a state row.
type rowValue interface {
	encode(w *writer)
	decode(r *reader)
	empty() bool // nothing worth a row
}

// stateVersion leads every state row, so that a later form can tell this one apart.
const stateVersion = 12

// slot is a state row in use.
type slot struct {
	key   string
	row   *schemas.StateRow
	value rowValue
	dirty bool
}

// run is one Apply: the rows it works on and what comes out.
type run struct {
	state         schemas.State
	slots         map[string]*slot // but those of users, which userOf finds
	all           []*slot
	spare         []slot
	result        schemas.Result
	err           error // a damaged row, or one that Keys did not ask for
	scratch       writer
	ticketScratch ticketScratch

	tickets    map[string]*ticketWork
	users      []*userWork // that the batch touched
	eventUsers []*userWork // that the event taken touched
	resolving  []*userWork // of whom it is clear who they are after it
	parties    []settled   // what became clear after each event
	claims     []claim     // names that may lead to somebody else now
	accounts   map[string]*accountWork
	counters   map[string]*counterWork
	statistic  map[string]*statsWork
	counted    *statsWork           // looked at last
	quarters   *counterWork         // looked at last
	telling    *telling             // of tickets
	mover      int64                // ticket whose rows are being made, 0 = none
	kept       map[string]keptOwner // users of whom a kept value changed
	last       map[string]emitted   // emitted rows that a later event of the batch may replace
	free       []byte               // room for rows
	newcomers  []userWork           // room for users
	walked     component            // the newest, with room for the next
	material   material             // of the newest person's row
	contacts   contacts
}

// accountWork holds what events of one account share.
type accountWork struct {
	name     string
	prefix   string
	users    map[int64]*userWork
	sources  *sources
	erased   *erasedUsers
	calendar *calendar
	phrases  *phrases
	fields   *personFields

	roles   func(user, at int64) role
	authors map[int64]*user // whose role was asked for

	directory *bucketDirectory
	buckets   []*identityBucket // that changed
}

// ticketWork is a ticket that an event of the batch touched.
type ticketWork struct {
	account *accountWork
	id      int64
	t       *ticket
	slot    *slot     // of its row
	now     time.Time // newest arrival among its events
	source  string    // of its newest event
	dirty   bool      // something is known that was not
	hinted  bool      // a webhook told of it in this batch, and nothing else since
	recount bool      // its texts are to be searched for the saved phrases again
}

// userWork is a user that somebody looked at, and what is to be done about it if an event of the batch touched it.
type userWork struct {
	account *accountWork
	id      int64
	u       *user
	slot    *slot
	ownID   string // once somebody asked

	carried  []hashedIdentity // what it carries
	counted  bool             // carried is told
	was      []hashedIdentity // what it carried before the event taken, while that touches it
	inEvent  bool             // the event taken touches it
	resolved bool             // it is clear who it is after that event
	party    []int64          // users of its person as of the event that settled it last, nil = it is no person, or no event did

	as      []int64 // users of which the first is as whom it counts as of that event, while it is no person, the others counting as that one too; nil = itself
	absorbs []int64 // contacts that lost a merge in Zendesk to it and are no people of their own for that reason
	orphan  bool    // it lost such a merge to somebody who is erased here already, and is to follow

	names [2]emitted // its Zendesk id and its own person id, as aliases
	row   emitted    // of the person it heads

	fresh   bool // it was not known, so that nothing is kept of it elsewhere
	judged  bool // something is now
	touched bool
	before  publicState // when the batch began
	now     time.Time
	source  string
	known   bool             // it was known before the batch
	erased  bool             // by an event of the batch
	remains *schemas.Remains // of the user, as that event tells
	again   bool             // the batch tells of it under another retention than before
	reread  int64            // when the erased user was created, told under another retention than the one before; 0 = not told

	verdict *verdict // that the event taken tells
}

func newRun(state schemas.State) *run {
	return &run{
		state: state, slots: make(map[string]*slot, len(state)), tickets: map[string]*ticketWork{},
		accounts: map[string]*accountWork{}, counters: map[string]*counterWork{}, statistic: map[string]*statsWork{},
	}
}

// value gives the decoded form of a row, kept in the row between batches; nil for a row that does not exist.
func value[T any, P interface {
	*T
	rowValue
}](row *schemas.StateRow,
) (P, error) {
	if row == nil {
		return nil, nil
	}
	if v, ok := row.Value.(P); ok {
		return v, nil
	}
	if len(row.Data) == 0 {
		return nil, nil
	}
	r := &reader{b: row.Data}
	v := P(new(T))
	if r.byte() != stateVersion {
		r.fail()
	} else {
		v.decode(r)
	}
	if r.err != nil {
		return nil, r.err
	}
	row.Value = v
	return v, nil
}

// open gives a row's value for reading and, after touch, for changing. A row that does not exist gets a fresh value, which is stored
// only once touched.
func open[T any, P interface {
	*T
	rowValue
}](r *run, key string,
) P {
	if s, ok := r.slots[key]; ok {
		return s.value.(P)
	}
	s := load[T, P](r, key)
	r.slots[key] = s
	return s.value.(P)
}

// load takes a row that is not in use yet into use, for whoever finds it again.
func load[T any, P interface {
	*T
	rowValue
}](r *run, key string,
) *slot {
	row, ok := r.state[key]
	if (!ok || row.Missing()) && r.err == nil {
		r.err = fmt.Errorf("state %s was not loaded", key)
	}
	v, err := value[T, P](row)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("state %s: %w", key, err)
	}
	if v == nil {
		v = P(new(T))
	}
	return r.slot(key, row, v)
}

func (r *run) slot(key string, row *schemas.StateRow, v rowValue) *slot {
	if len(r.spare) == 0 {
		r.spare = make([]slot, 256)
	}
	s := &r.spare[0]
	r.spare = r.spare[1:]
	*s = slot{key: key, row: row, value: v}
	r.all = append(r.all, s)
	return s
}

// touch marks a row as changed.
func (r *run) touch(key string) { r.slots[key].dirty = true }

// fresh opens a row that Keys could not know of because this run creates it.
func (r *run) fresh(key string, v rowValue) {
	if _, ok := r.slots[key]; !ok {
		s := r.slot(key, nil, v)
		s.dirty = true
		r.slots[key] = s
	}
}

// store encodes the changed rows; those that come out as they were are left alone.
func (r *run) store() {
	changed := 0
	for _, s := range r.all {
		changed += int(flag(s.dirty))
	}
	r.result.State = make(map[string]*schemas.StateRow, changed)
	for _, s := range r.all {
		if !s.dirty {
			continue
		}
		if s.value.empty() {
			if s.row != nil && s.row.Data != nil {
				r.result.State[s.key] = &schemas.StateRow{}
			}
			continue
		}
		r.scratch.b = append(r.scratch.b[:0], stateVersion)
		s.value.encode(&r.scratch)
		if s.row != nil && string(s.row.Data) == string(r.scratch.b) {
			continue
		}
		r.result.State[s.key] = stateRow(bytes.Clone(r.scratch.b), s.value)
	}
}

// stateRow gives a row as it is kept in memory. Of rows that seldom change again soon only the stored form is: a contact sync leaves
// hundreds of thousands of them.
func stateRow(data []byte, v rowValue) *schemas.StateRow {
	switch v := v.(type) {
	case *user:
		return &schemas.StateRow{Data: data, Sum: v.sum()}
	case *identityBucket:
		return &schemas.StateRow{Data: data}
	case *ticket:
		v.wrote(data)
	}
	return &schemas.StateRow{Data: data, Value: v}
}

func (r *run) emit(table string, data []byte) {
	r.result.Outputs = append(r.result.Outputs, schemas.Output{Table: table, Data: r.hold(data)})
}

// roomSize is how much room for rows is made at a time.
const roomSize = 128 << 10

// room gives room for a row of about n bytes, empty. Rows that go out together share it; what is not emitted is used again.
func (r *run) room(n int) []byte {
	if len(r.free) < n {
		r.free = make([]byte, max(roomSize, n))
	}
	return r.free[:0]
}

// hold takes the room that a row fills.
func (r *run) hold(data []byte) []byte {
	if n := len(data); n > 0 && n <= len(r.free) && &data[0] == &r.free[0] {
		r.free = r.free[n:]
	}
	return data[:len(data):len(data)]
}

// emitted is the place of a row among those of the batch, counted from 1; 0 = not emitted.
type emitted int

// emitAgain emits a row in the place of the one at the same place before, if there is one.
func (r *run) emitAgain(at *emitted, table string, data []byte) {
	if *at > 0 {
		r.result.Outputs[*at-1].Data = r.hold(data)
		return
	}
	r.emit(table, data)
	*at = emitted(len(r.result.Outputs))
}

func newAccount(name string) *accountWork {
	return &accountWork{name: name, prefix: name + ".", users: map[int64]*userWork{}}
}

func (r *run) account(name string) *accountWork {
	a, ok := r.accounts[name]
	if !ok {
		a = newAccount(name)
		a.sources, a.erased = open[sources](r, sourcesKey(a.prefix)), open[erasedUsers](r, erasedKey(a.prefix))
		a.fields = open[personFields](r, fieldsKey(a.prefix))
		r.accounts[name] = a
	}
	return a
}

// cal opens the account's calendar on first use: only tickets and schedules need it.
func (r *run) cal(a *accountWork) *calendar {
	if a.calendar == nil {
		a.calendar = open[calendar](r, calendarKey(a.prefix))
	}
	return a.calendar
}

func (r *run) dead(it *item) {
	r.result.Dead = append(r.result.Dead, schemas.DeadLetter{Event: *it.ev, Class: it.class, Reason: it.reason})
}

// take merges one event into what is known and settles who is one person, before the next one comes.
func (r *run) take(it *item) {
	r.merge(it)
	if len(r.eventUsers) > 0 {
		r.regroup(it)
	}
}

// merge notes what an event says.
func (r *run) merge(it *item) {
	if it.domain == domainDead {
		r.dead(it)
		return
	}
	if it.domain == domainNone {
		r.result.Ignored++
		return
	}
	a := r.account(it.ev.Account)
	if it.domain == domainSource {
		r.takeSource(a, it)
		return
	}
	if it.domain == domainPhrases {
		r.takePhrases(a, it)
		return
	}
	if it.domain == domainFields {
		r.takeFields(a, it)
		return
	}
	// While disconnected nothing is merged (R53); what is said here holds all the same.
	if a.sources.silent(it.ev.Source) && !ours(it) {
		r.result.Ignored++
		return
	}
	switch it.domain {
	case domainTicket:
		r.takeTicket(a, it)
	case domainMetric:
		r.takeMetric(a, it)
	case domainUser:
		r.takeUser(a, it)
	case domainOrganization:
		r.takeOrganization(a, it)
	case domainName:
		r.takeName(a, it)
	case domainCalendar:
		r.takeSchedule(a, it)
	case domainErasure:
		r.eraseTickets(a, it)
	case domainMembershipSnapshot:
		r.takeMembershipSnapshot(a, it)
	case domainNone, domainDead, domainSource, domainPhrases, domainFields:
	}
}

// ours says whether an event is of our own making, not Zendesk's.
func ours(it *item) bool {
	return it.erased || slices.Contains([]schemas.Kind{schemas.KindPerson, schemas.KindLink, schemas.KindAudience, schemas.KindRecount}, it.ev.Kind)
}

// finish turns what was touched into rows.
func (r *run) finish() {
	r.people()
	for _, key := range sortedKeys(r.tickets) {
		w := r.tickets[key]
		if w.dirty {
			w.t.retention = w.account.sources.of(w.source).fingerprint()
			r.emitTicket(w)
		}
		if w.recount {
			r.recount(w)
		}
	}
	r.emitKept()
	for _, a := range r.accounts {
		r.resizeDirectory(a)
	}
	r.flushCounters()
	r.flushStats()
	if r.err == nil {
		r.store()
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
