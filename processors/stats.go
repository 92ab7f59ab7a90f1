package processors

import (
	"slices"
	"sort"

	"deskstream/schemas"
)

// edgeSize is how many of the first and of the last things are kept by name. Only things at the edge are ever withdrawn (a deleted
// ticket, a webhook that history did not confirm), so a few are enough to step back without the whole list.
const edgeSize = 8

// stats are the figures of a user's tickets and the first, last and number of each of the activities of these. They outlive the activities
// themselves. What happened to the user as a contact is in its own row.
type stats struct {
	total, open, closed, good, bad int64
	first, last                    []ticketMark // by (created, id); the oldest and the newest tickets
	scores                         []scoreMark  // newest ratings, by (at, ticket)
	acts                           []actMark    // by slug

	epoch uint64 // how often this row was written
	by    int64  // the one ticket that made the last change of this row, 0 = another or several
	home  int64  // the ticket that may carry a newer form, see piggybackedStats; 0 = none

	held []byte // what the home carries, when this is the same already; not stored
}

type ticketMark struct {
	created, id     int64
	subject, status string
}

type scoreMark struct {
	at, ticket int64
	good       bool
}

type actMark struct {
	slug        slug
	count       int64
	first, last []int64 // ascending seconds, at most edgeSize each
}

type statsWork struct {
	account string
	user    int64
	s       *stats
	figures []byte // as they were, stored
	sum     statsSum
	by      int64     // the one ticket that touched them, 0 = another or several
	acts    []actWork // that changed
}

// actWork is the summary of one kind of activity as it was.
type actWork struct {
	slug slug
	actSummary
}

type actSummary struct{ count, first, last int64 }

// statsSum is what a row of a user's figures says.
type statsSum struct {
	total, open, closed, good, bad int64
	begun, rated                   bool
	first                          int64
	last                           ticketMark
	score                          scoreMark
}

func (s *stats) sum() statsSum {
	x := statsSum{total: s.total, open: s.open, closed: s.closed, good: s.good, bad: s.bad, begun: len(s.first) > 0, rated: len(s.scores) > 0}
	if x.begun {
		x.first = s.first[0].created
	}
	if n := len(s.last); n > 0 {
		x.last = s.last[n-1]
	}
	if x.rated {
		x.score = s.scores[len(s.scores)-1]
	}
	return x
}

func (r *run) stats(a *accountWork, user int64) *statsWork {
	w := r.counted
	if w == nil || w.user != user || w.account != a.name {
		w = r.openStats(a, user)
		r.counted = w
	}
	if w.by != r.mover {
		w.by = 0
	}
	return w
}

func (r *run) openStats(a *accountWork, user int64) *statsWork {
	key := statsKey(a.prefix, user)
	w, ok := r.statistic[key]
	if !ok {
		w = &statsWork{account: a.name, user: user, s: r.figures(a, user, key), by: r.mover}
		w.sum, w.figures = w.s.sum(), slices.Clone(r.figuresOf(w.s, true))
		r.statistic[key] = w
	}
	return w
}

func (s *stats) row(account string, user int64) schemas.PersonStats {
	row := schemas.PersonStats{
		Account: account, UserID: user, TicketsTotal: s.total, TicketsOpen: s.open, TicketsClosed: s.closed, GoodRatings: s.good,
		BadRatings: s.bad,
	}
	if len(s.first) > 0 {
		row.FirstTicketAt = ptr(s.first[0].created)
	}
	if n := len(s.last); n > 0 {
		x := &s.last[n-1]
		row.LastTicketAt, row.LastTicketID, row.LastSubject, row.LastStatus = ptr(x.created), x.id, x.subject, x.status
	}
	if n := len(s.scores); n > 0 {
		x := s.scores[n-1]
		row.LastScoreAt, row.LastScore = ptr(x.at), "bad"
		if x.good {
			row.LastScore = "good"
		}
	}
	return row
}

// move replaces what a ticket counted for by what it counts for now.
func (r *run) move(a *accountWork, id int64, before, after share) {
	if before == after {
		return
	}
	stays := before.counted && after.counted && before.user == after.user && before.created == after.created
	for _, x := range []struct {
		share
		n int64
	}{{before, -1}, {after, 1}} {
		if !x.counted || x.user <= 0 { // the system is nobody
			continue
		}
		s := r.stats(a, x.user).s
		if !stays {
			s.begin(ticketMark{created: x.created, id: id}, x.n > 0)
		}
		s.add(id, x.share, x.n)
	}
}

// begin has a ticket come to the oldest ones, before it is counted, or go from them. What comes behind the last of them is not taken when there
// are others that are not kept by name, which may be older. So the first one is right or, when all that were kept are gone, unknown.
func (s *stats) begin(m ticketMark, comes bool) {
	if n := len(s.first); comes && s.total > int64(n) && (n == 0 || s.first[n-1].before(m)) {
		return
	}
	s.first = edge(s.first, m, comes, ticketMark.before, false)
}

func (s *stats) add(id int64, x share, n int64) {
	s.total += n
	for _, c := range []struct {
		on  bool
		sum *int64
	}{{x.open, &s.open}, {x.closed, &s.closed}, {x.good, &s.good}, {x.bad, &s.bad}} {
		if c.on {
			*c.sum += n
		}
	}
	s.last = edge(s.last, ticketMark{x.created, id, x.subject, x.status}, n > 0, ticketMark.before, true)
	if x.good || x.bad {
		s.scores = edge(s.scores, scoreMark{x.scoreAt, id, x.good}, n > 0, scoreMark.before, true)
	}
}

func (m ticketMark) before(o ticketMark) bool {
	return m.created < o.created || m.created == o.created && m.id < o.id
}

func (m scoreMark) before(o scoreMark) bool {
	return m.at < o.at || m.at == o.at && m.ticket < o.ticket
}

// edge keeps a sorted list of the edgeSize smallest (or, with last, largest) elements while one comes or goes.
func edge[T any](list []T, x T, comes bool, before func(a, b T) bool, last bool) []T {
	i := sort.Search(len(list), func(i int) bool { return !before(list[i], x) })
	if !comes {
		if i < len(list) && !before(x, list[i]) {
			return append(list[:i], list[i+1:]...)
		}
		return list
	}
	if len(list) >= edgeSize && (last && i == 0 || !last && i == len(list)) {
		return list // beyond the edge
	}
	list = append(list, x)
	copy(list[i+1:], list[i:])
	list[i] = x
	if len(list) <= edgeSize {
		return list
	}
	if last {
		return append(list[:0], list[1:]...)
	}
	return list[:edgeSize]
}

// personActivity counts one activity of a user up or down.
func (r *run) personActivity(a *accountWork, user int64, s slug, at, delta int64) {
	if user <= 0 {
		return
	}
	w := r.stats(a, user)
	m := w.s.act(s)
	if w.act(s) == nil {
		w.acts = append(w.acts, actWork{s, m.summary()})
	}
	m.count += delta
	less := func(a, b int64) bool { return a < b }
	m.first = edge(m.first, at, delta > 0, less, false)
	m.last = edge(m.last, at, delta > 0, less, true)
}

// act gives the summary of an activity as it was, nil if it did not change.
func (w *statsWork) act(k slug) *actWork {
	for i := range w.acts {
		if w.acts[i].slug == k {
			return &w.acts[i]
		}
	}
	return nil
}

func (s *stats) act(k slug) *actMark {
	i := sort.Search(len(s.acts), func(i int) bool { return s.acts[i].slug >= k })
	if i == len(s.acts) || s.acts[i].slug != k {
		s.acts = append(s.acts, actMark{})
		copy(s.acts[i+1:], s.acts[i:])
		s.acts[i] = actMark{slug: k}
	}
	return &s.acts[i]
}

func (m *actMark) summary() actSummary {
	s := actSummary{count: m.count}
	if m.count > 0 && len(m.first) > 0 {
		s.first = m.first[0]
	}
	if n := len(m.last); m.count > 0 && n > 0 {
		s.last = m.last[n-1]
	}
	return s
}

func (s *actSummary) row(account string, user int64, k slug) schemas.PersonActivity {
	return schemas.PersonActivity{Account: account, UserID: user, Activity: k.String(), FirstAt: unix(s.first), LastAt: unix(s.last), Count: s.count}
}

func (r *run) flushStats() {
	for _, key := range sortedKeys(r.statistic) {
		w := r.statistic[key]
		r.placeFigures(key, w)
		r.emitStats(w)
		for i := range w.s.acts {
			m := &w.s.acts[i]
			before, now := w.act(m.slug), m.summary()
			if before == nil || before.actSummary == now {
				continue
			}
			row := now.row(w.account, w.user, m.slug)
			r.emit(schemas.TablePersonActivities, appendPersonActivity(r.room(200), &row))
		}
	}
}

// emitStats emits the figures of tickets if their row is another one now.
func (r *run) emitStats(w *statsWork) {
	if sum := w.s.sum(); sum != w.sum {
		row := w.s.row(w.account, w.user)
		r.emit(schemas.TablePersonStats, appendStats(r.room(480+len(row.LastSubject)), &row))
	}
}

// empty never holds once the row was written: what a ticket carries is told from what it carried before by the number of writes.
func (s *stats) empty() bool { return s.epoch == 0 }

func (s *stats) encode(w *writer) {
	w.uint(s.epoch)
	w.int(s.by)
	w.int(s.home)
	s.writeTickets(w, true)
	s.writeActs(w)
}

func (s *stats) decode(r *reader) {
	s.epoch, s.by, s.home = r.uint(), r.int(), r.int()
	s.readFigures(r)
}

// figuresOf gives the stored form of everything but where it is kept, good until the next one is made.
func (r *run) figuresOf(s *stats, subjects bool) []byte {
	w := &r.scratch
	w.b = w.b[:0]
	s.writeTickets(w, subjects)
	s.writeActs(w)
	return w.b
}

func (s *stats) writeTickets(w *writer, subjects bool) {
	for _, n := range [...]int64{s.total, s.open, s.closed, s.good, s.bad} {
		w.int(n)
	}
	mark := func(w *writer, m *ticketMark) {
		w.int(m.created)
		w.int(m.id)
		if subjects {
			w.str(m.subject)
		} else {
			w.str("")
		}
		w.str(m.status)
	}
	list(w, s.first, mark)
	list(w, s.last, mark)
	list(w, s.scores, func(w *writer, m *scoreMark) { w.int(m.at); w.int(m.ticket); w.bool(m.good) })
}

func (s *stats) writeActs(w *writer) {
	list(w, s.acts, func(w *writer, m *actMark) {
		w.byte(byte(m.slug))
		w.int(m.count)
		w.ints(m.first)
		w.ints(m.last)
	})
}

func (s *stats) readFigures(r *reader) {
	s.total, s.open, s.closed, s.good, s.bad = r.int(), r.int(), r.int(), r.int(), r.int()
	mark := func(r *reader, m *ticketMark) {
		m.created, m.id, m.subject, m.status = r.int(), r.int(), r.str(), r.str()
	}
	s.first, s.last = readList(r, mark), readList(r, mark)
	s.scores = readList(r, func(r *reader, m *scoreMark) { m.at, m.ticket, m.good = r.int(), r.int(), r.bool() })
	s.acts = readList(r, func(r *reader, m *actMark) {
		m.slug, m.count, m.first, m.last = slug(r.byte()), r.int(), r.ints(), r.ints()
		if int(m.slug) >= len(slugNames) {
			r.fail()
		}
	})
}
