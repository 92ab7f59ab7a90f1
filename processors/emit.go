package processors

import (
	"slices"
	"strings"

	"deskstream/schemas"
)

// emitLast emits a row that replaces an earlier one of the same table key in this batch.
func (r *run) emitLast(table, key string, data []byte) {
	if r.last == nil {
		r.last = map[string]emitted{}
	}
	key = table + "/" + key
	at := r.last[key]
	r.emitAgain(&at, table, data)
	r.last[key] = at
}

// emitTicket recomputes a ticket and emits the rows that differ from those emitted before.
func (r *run) emitTicket(w *ticketWork) {
	s := r.subject(w.account, w.id, w.t)
	if s == nil {
		return
	}
	s.holders()
	messages := s.messages()
	r.wait(w, messages)
	r.waitForHours(w)
	r.dropDescription(w, s)
	sheet := facts(s)
	r.mover = w.id
	defer func() { r.mover = 0 }()
	r.emitSubjectHits(w, s, &sheet.row)
	r.emitFacts(w, s, &sheet.row)
	r.emitEvents(w, s, sheet.events)
	r.emitMessages(w, messages)
	r.emitRatings(w)
	r.emitActivities(w, s, s.activities(messages))
	after := shareOf(w.t, &sheet.row)
	r.move(w.account, w.id, w.t.share, after)
	w.t.share = after
}

// description is the first comment; once that is redacted, so is the description.
func (s *subject) description() string { return s.base.description }

// dropDescription removes the description when the comment it repeats was redacted, or its author erased.
func (r *run) dropDescription(w *ticketWork, s *subject) {
	for i := range s.h.moments {
		m := &s.h.moments[i]
		if !m.creation || len(m.comments) == 0 {
			continue
		}
		first := &m.comments[0]
		if b := s.t.body(first.id); b != nil && b.redacted || w.account.erased.has(first.author) {
			for _, rec := range []*record{s.t.rec, s.t.snap} {
				if rec != nil && !strings.Contains(rec.description, blackout) {
					rec.description = ""
				}
			}
		}
	}
}

// shareOf is what a ticket counts for in its requester's figures. Deleted tickets count for nothing.
func shareOf(t *ticket, row *schemas.TicketRow) share {
	s := share{
		user: row.RequesterID, counted: row.Deleted == 0, open: unsolved(row.Status), closed: done(row.Status), good: row.CSAT == "good",
		bad: row.CSAT == "bad", created: row.CreatedAt.Unix(), subject: cut(row.Subject, 512), status: row.Status,
	}
	if s.good || s.bad {
		s.scoreAt = row.CSATAt.Unix()
	}
	if t.marks.textless() {
		s.subject = ""
	}
	return s
}

// emitFacts emits the ticket's row of facts. The words of the subject are worked out only for a row that goes out.
func (r *run) emitFacts(w *ticketWork, s *subject, row *schemas.TicketRow) {
	t := w.t
	hash, tokens := r.rowHash(row)
	if hash == t.row && t.rowCreated == s.base.created {
		return
	}
	if t.row != 0 && t.rowCreated != s.base.created {
		gone := schemas.TicketRow{
			Account: row.Account, TicketID: w.id, CreatedAt: unix(t.rowCreated), UpdatedAt: unix(0), StatusSince: unix(0), CustomFields: "{}", Details: "{}", IsDeleted: 1,
		}
		old, _ := appendTicket(r.room(1800), &gone)
		r.emit(schemas.TableTickets, old)
	}
	text := r.scratch.b // the row but for the words of its subject
	words := schemas.Tokens(row.Subject)
	b := append(r.room(len(text)+2*len(words)), text[:tokens]...)
	b = appendText(b, words)
	r.emit(schemas.TableTickets, append(b, text[tokens+len(`""`):]...))
	t.row, t.rowCreated = hash, s.base.created
}

// rowHash identifies the content of a ticket's row. It leaves the row, without the words of its subject, in scratch and says where these belong.
func (r *run) rowHash(row *schemas.TicketRow) (hash uint64, tokens int) {
	if row.CustomFields == "" {
		row.CustomFields = "{}"
	}
	if row.Details == "" {
		row.Details = "{}"
	}
	r.scratch.b, tokens = appendTicket(r.scratch.b[:0], row)
	return hashOf(r.scratch.b), tokens
}

// eventKinds number the kinds of ticket events in state: append only.
var eventKinds = [...]string{
	schemas.EventCreate, schemas.EventSolve, schemas.EventClose, schemas.EventReopen, schemas.EventAssign, schemas.EventGroup,
	schemas.EventReply, schemas.EventNext, schemas.EventState, schemas.EventRating,
}

func eventKind(kind string) byte {
	for i, k := range eventKinds {
		if k == kind {
			return byte(i)
		}
	}
	return 0
}

// digestOf identifies the content of an event row; what all events of a ticket share is digested once.
func digestOf(w *writer, e *schemas.TicketEvent, shared uint64) uint64 {
	w.b = w.b[:0]
	w.hash(shared)
	w.int(e.Until.Unix())
	w.int(e.ActorID)
	w.int(e.AssigneeID)
	w.int(e.GroupID)
	w.int(e.PreviousID)
	w.str(e.Status)
	w.str(e.Score)
	for _, n := range []*int64{e.Seconds, e.BusinessS} {
		w.bool(n != nil)
		if n != nil {
			w.int(*n)
		}
	}
	w.byte(e.Last)
	w.str(e.Priority)
	return hashOf(w.b)
}

func digestShared(w *writer, e *schemas.TicketEvent) uint64 {
	w.b = w.b[:0]
	w.str(e.Channel)
	w.str(e.Type)
	w.strs(e.Tags)
	for _, n := range []int64{e.BrandID, e.OrganizationID, e.FormID, e.RequesterID} {
		w.int(n)
	}
	w.byte(e.Deleted)
	w.byte(e.Merged)
	return hashOf(w.b)
}

func (r *run) emitEvents(w *ticketWork, s *subject, events []schemas.TicketEvent) {
	t, next := w.t, room(r.ticketScratch.nextEvents, len(events))[:len(events)]
	shared := digestShared(&r.scratch, &events[0])
	matched, hint := r.ticketScratch.marks(len(t.events)), 0
	for i := range events {
		e := &events[i]
		next[i] = sentEvent{eventKind(e.Kind), e.At.Unix(), e.EventID, digestOf(&r.scratch, e, shared)}
		j := findEvent(t.events, &next[i], hint)
		if j >= 0 {
			matched[j], hint = true, j+1
			if t.events[j].hash == next[i].hash {
				continue
			}
		}
		r.emit(schemas.TableTicketEvents, appendTicketEvent(r.room(640), e))
	}
	for j, old := range t.events {
		if !matched[j] {
			r.emit(schemas.TableTicketEvents, appendTicketEvent(r.room(640), &schemas.TicketEvent{
				Account: s.account, Kind: eventKinds[old.kind], At: unix(old.at), TicketID: w.id, EventID: old.id, Until: unix(old.at), IsDeleted: 1,
			}))
		}
	}
	t.events, r.ticketScratch.nextEvents = replace(t.events, next), next
}

// findEvent looks for an event by its table key, first behind the one found before it.
func findEvent(list []sentEvent, e *sentEvent, hint int) int {
	same := func(o *sentEvent) bool { return o.kind == e.kind && o.at == e.at && o.id == e.id }
	if hint < len(list) && same(&list[hint]) {
		return hint
	}
	for i := range list {
		if same(&list[i]) {
			return i
		}
	}
	return -1
}

func (r *run) emitMessages(w *ticketWork, messages []message) {
	t, next := w.t, room(r.ticketScratch.nextMessages, len(messages))[:len(messages)]
	matched, hint := r.ticketScratch.marks(len(t.messages)), 0
	for i := range messages {
		x := &messages[i]
		next[i] = sentMessage{x.id, x.at, x.digest(&r.scratch)}
		j := findMessage(t.messages, &next[i], hint)
		if j >= 0 {
			matched[j], hint = true, j+1
			if t.messages[j].hash == next[i].hash {
				continue
			}
		}
		row := x.row(w.account.name, w.id, r.textOf(w, x))
		r.emit(schemas.TableMessages, appendMessage(r.room(320+len(row.Body)*2+len(row.Tokens)), &row))
		r.emitHits(w, x.place(), row.Tokens, j >= 0)
	}
	for j, old := range t.messages {
		if !matched[j] {
			r.emit(schemas.TableMessages, appendMessage(r.room(320), &schemas.Message{
				Account: w.account.name, At: unix(old.at), TicketID: w.id, MessageID: old.id, TicketCreatedAt: unix(0), IsDeleted: 1,
			}))
			r.emitHits(w, place{at: old.at, message: old.id}, "", true)
		}
	}
	t.messages, r.ticketScratch.nextMessages = replace(t.messages, next), next
}

func findMessage(list []sentMessage, m *sentMessage, hint int) int {
	if hint < len(list) && list[hint].id == m.id && list[hint].at == m.at {
		return hint
	}
	for i := range list {
		if list[i].id == m.id && list[i].at == m.at {
			return i
		}
	}
	return -1
}

func (r *run) emitRatings(w *ticketWork) {
	for i := range w.t.ratings {
		x := &w.t.ratings[i]
		row := x.row(w.account.name, w.id)
		data := appendRating(r.room(360+len(row.Comment)), &row)
		if h := hashOf(data); h != x.sent {
			x.sent = h
			r.emit(schemas.TableRatings, data)
		}
	}
}

// wait notes the ticket with every unknown author, so that their arrival recomputes it, and with every end user who answered somebody else: it may be told
// later that they were agents by then.
func (r *run) wait(w *ticketWork, messages []message) {
	requester := w.t.requester()
	for i := range messages {
		x := &messages[i]
		if x.who != roleUnknown && (x.who != roleEndUser || x.author == requester) {
			continue
		}
		o := r.userOf(w.account, x.author)
		if len(o.u.waiting) < maxWaiting && !contains(o.u.waiting, w.id) {
			o.u.waiting = append(o.u.waiting, w.id)
			o.touch()
		}
	}
}

// waitForHours notes the ticket while it is not known which schedules there are, so that their first list recomputes it.
func (r *run) waitForHours(w *ticketWork) {
	c := r.cal(w.account)
	if len(c.lists) > 0 || len(c.waiting) == maxWaiting {
		return
	}
	if i, noted := slices.BinarySearch(c.waiting, w.id); !noted {
		c.waiting = slices.Insert(c.waiting, i, w.id)
		r.touch(calendarKey(w.account.prefix))
	}
}

// maxWaiting bounds the tickets that wait for one user, or for the schedules; those beyond it are recomputed with their own next event.
const maxWaiting = 2000
