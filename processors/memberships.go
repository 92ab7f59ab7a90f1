package processors

import (
	"cmp"
	"slices"
	"strings"

	"deskstream/schemas"
)

// memberships are the audiences of one user: those its person is in or was, and the activities that made it enter. Users that are one
// person have the same, so that a merge and its undoing are no news.
type memberships struct {
	list  []membership // by audience
	fired []fired      // by audience
}

// membership is what is known of a user and an audience. Times are Unix seconds.
type membership struct {
	audience   string
	generation uint64
	judged     int64 // time of the newest verdict
	since      int64 // 0 = not in it
	left       int64 // 0 = never
	entered    bool  // it entered by itself, not by becoming one with somebody who had
	listed     int64 // since as the table of members has it under the user's own person id, 0 = not there
}

// fired are the activities that made a user enter an audience, by the hashes of their ids.
type fired struct {
	audience   string
	activities []uint64
}

func (m *memberships) empty() bool { return len(m.list) == 0 && len(m.fired) == 0 }

func (m *memberships) encode(w *writer) {
	list(w, m.list, func(w *writer, m *membership) {
		w.str(m.audience)
		w.uint(m.generation)
		w.int(m.judged)
		w.int(m.since)
		w.int(m.left)
		w.bool(m.entered)
		w.int(m.listed)
	})
	list(w, m.fired, func(w *writer, f *fired) {
		w.str(f.audience)
		list(w, f.activities, func(w *writer, h *uint64) { w.hash(*h) })
	})
}

func (m *memberships) decode(r *reader) {
	m.list = readList(r, func(r *reader, m *membership) {
		m.audience, m.generation, m.judged, m.since, m.left, m.entered, m.listed = r.str(), r.uint(), r.int(), r.int(), r.int(), r.bool(), r.int()
	})
	m.fired = readList(r, func(r *reader, f *fired) {
		f.audience = r.str()
		f.activities = readList(r, func(r *reader, h *uint64) { *h = r.hash() })
	})
}

// of gives what is known of an audience, made if need be.
func (m *memberships) of(audience string) *membership {
	i, found := m.find(audience)
	if !found {
		m.list = slices.Insert(m.list, i, membership{audience: audience})
	}
	return &m.list[i]
}

func (m *memberships) find(audience string) (int, bool) {
	return slices.BinarySearchFunc(m.list, audience, func(m membership, id string) int { return strings.Compare(m.audience, id) })
}

func (m *memberships) firedIn(audience string) *fired {
	i, found := slices.BinarySearchFunc(m.fired, audience, func(f fired, id string) int { return strings.Compare(f.audience, id) })
	if !found {
		m.fired = slices.Insert(m.fired, i, fired{audience: audience})
	}
	return &m.fired[i]
}

// join adds what another user of the person has: the person is in what any of them is in, since the first of them was.
func (m *memberships) join(o *memberships) {
	for i := range o.list {
		theirs := &o.list[i]
		ours := m.of(theirs.audience)
		if theirs.since != 0 && (ours.since == 0 || theirs.since < ours.since) {
			ours.since = theirs.since
		}
		ours.generation, ours.judged, ours.left = max(ours.generation, theirs.generation), max(ours.judged, theirs.judged), max(ours.left, theirs.left)
		ours.entered = ours.entered || theirs.entered
	}
	for i := range o.fired {
		ours := m.firedIn(o.fired[i].audience)
		for _, h := range o.fired[i].activities {
			if !slices.Contains(ours.activities, h) {
				ours.activities = append(ours.activities, h)
			}
		}
	}
}

// take makes what the person has that of one of its users. The others of the person got in by being one with it.
func (m *memberships) take(person *memberships) {
	for i := range person.list {
		theirs, ours := person.list[i], m.of(person.list[i].audience)
		theirs.listed = ours.listed
		theirs.entered = theirs.since != 0 && ours.entered
		*ours = theirs
	}
	for i := range person.fired {
		m.firedIn(person.fired[i].audience).activities = slices.Clone(person.fired[i].activities)
	}
}

// audienceWork is the judging of one person.
type audienceWork struct {
	*run
	account *accountWork
	person  string
	sum     memberships
	entered []string // audiences entered by this event
}

// judge brings the audiences of a person up to date: what its users have is put together, and the verdict that the event tells is weighed.
func (r *run) judge(a *accountWork, members []int64) {
	var told *verdict
	w := &audienceWork{run: r, account: a, person: r.userOf(a, members[0]).own()}
	for _, id := range members {
		told = cmp.Or(told, r.userOf(a, id).verdict)
	}
	any := told != nil
	for _, id := range members {
		if m := r.memberships(a, id); m != nil {
			w.sum.join(m)
			any = true
		}
	}
	if !any {
		return
	}
	if told != nil {
		w.weigh(told)
	}
	for i, id := range members {
		key := membersKey(a.prefix, id)
		if u := r.userOf(a, id); u.fresh {
			u.judged = true
			r.fresh(key, &memberships{})
		}
		m := open[memberships](r, key)
		m.take(&w.sum)
		if i == 0 {
			for _, audience := range w.entered {
				m.of(audience).entered = m.of(audience).since != 0
			}
		}
		r.touch(key)
		r.listMembers(a, id, m, i == 0)
	}
}

// memberships gives the audiences of a user for reading; nil when it has none, as a new user has.
func (r *run) memberships(a *accountWork, id int64) *memberships {
	if w := r.userOf(a, id); w.fresh && !w.judged {
		return nil
	}
	key := membersKey(a.prefix, id)
	if _, opened := r.slots[key]; !opened {
		if row := r.state[key]; row != nil && row.Value == nil && len(row.Data) == 0 {
			return nil
		}
	}
	if m := open[memberships](r, key); !m.empty() {
		return m
	}
	return nil
}

func (w *audienceWork) weigh(v *verdict) {
	for _, ref := range v.in {
		m := w.sum.of(ref.ID)
		if ref.Generation < m.generation || v.at < m.judged || !v.settle && m.left != 0 && v.at-m.left < reentry {
			continue
		}
		m.generation, m.judged = ref.Generation, v.at
		if m.since == 0 {
			m.since, m.entered = v.at, true
			w.entered = append(w.entered, ref.ID)
			w.emitEntry(ref.ID, schemas.AudienceEntered, v.at, nil)
		}
	}
	for _, ref := range v.out {
		i, found := w.sum.find(ref.ID)
		if !found {
			continue
		}
		if m := &w.sum.list[i]; ref.Generation >= m.generation && v.at >= m.judged {
			m.generation, m.judged = ref.Generation, v.at
			w.leave(m, v.at)
		}
	}
	for i := range v.fired {
		w.fire(&v.fired[i], v.at)
	}
}

// leave takes the person out of an audience. One that only belongs to it because of a merge that is undone leaves unseen: it never entered.
func (w *audienceWork) leave(m *membership, at int64) {
	if m.since == 0 {
		return
	}
	m.since, m.left = 0, at
	if m.entered {
		w.emitEntry(m.audience, schemas.AudienceLeft, at, nil)
	}
	m.entered = false
}

// fire has the person enter once for each activity.
func (w *audienceWork) fire(f *firing, at int64) {
	seen := w.sum.firedIn(f.audience)
	h := hashText(f.activity.ActivityID)
	if f.activity.OccurredAt.Unix() < f.since || slices.Contains(seen.activities, h) {
		return
	}
	again := w.renewed(w.account, &f.activity, seen.activities)
	seen.activities = append(seen.activities, h)
	if again {
		return
	}
	if m := w.sum.of(f.audience); m.since == 0 {
		m.since, m.entered = at, true
		w.entered = append(w.entered, f.audience)
	}
	w.emitEntry(f.audience, schemas.AudienceEntered, at, &f.activity)
}

func (w *audienceWork) emitEntry(audience, event string, at int64, x *schemas.Activity) {
	row := schemas.AudienceEntry{
		Account: w.account.name, AudienceID: audience, PersonID: w.person, Event: event, At: unix(at), Attributes: "{}",
		EntryID: "e_" + schemas.HashID(w.account.name, audience, w.person, event, decimal(at)),
	}
	if x != nil {
		row.ActivityID, row.Activity, row.Attributes = x.ActivityID, x.Activity, string(appendActivity(nil, x))
		row.EntryID = "e_" + schemas.HashID(w.account.name, audience, x.ActivityID)
	}
	w.result.Outputs = append(w.result.Outputs, schemas.Output{
		Table: schemas.TableAudienceEntries, Subject: schemas.SubjectAudience(audience, event), ID: row.EntryID,
		Data: w.hold(appendEntry(w.room(360+len(row.Attributes)*5/4), &row)),
	})
}

// listMembers keeps the table of members in line with what a user is in. Only the survivor of a merge is listed.
func (r *run) listMembers(a *accountWork, id int64, m *memberships, head bool) {
	for i := range m.list {
		x := &m.list[i]
		want := x.since
		if !head {
			want = 0
		}
		if want == x.listed {
			continue
		}
		x.listed = want
		row := schemas.AudienceMember{
			Account: a.name, AudienceID: x.audience, PersonID: r.userOf(a, id).own(), Since: unix(want), IsDeleted: flag(want == 0),
		}
		r.emitLast(schemas.TableAudienceMembers, row.AudienceID+" "+row.PersonID, appendMember(r.room(200), &row))
	}
}

// quit takes a user who is no person any more out of all audiences. One that was erased leaves no trace in their logs.
func (r *run) quit(a *accountWork, id, at int64, erased bool) {
	m := r.memberships(a, id)
	if m == nil {
		return
	}
	w := &audienceWork{run: r, account: a, person: r.userOf(a, id).own()}
	for i := range m.list {
		x := &m.list[i]
		x.entered = x.entered && !erased
		w.leave(x, at)
	}
	r.touch(membersKey(a.prefix, id))
	r.listMembers(a, id, m, true)
}
