package processors

import (
	"errors"

	"deskstream/schemas"
)

// TellKeys are the keys of all rows that Person and Ticket ask for: what is decided about fields, kept values, users, identities, figures,
// organizations, tickets, which have the figures of those who have one, and calendars.
func (p *Processor) TellKeys() []string {
	return []string{
		"*." + keyFields, "*." + keyKept + "*", "*." + keyUser + "*", "*." + keyBucket + "*", "*." + keyStats + "*", "*." + keyOrganization + "*",
		"*." + keyTicket + "*", "*." + keyCalendar,
	}
}

// errOutdated: a ticket that is computed anew gets another row than was put out, because the role of an author changed since, say. The table keeps
// the one that it has until something happens to the ticket.
var errOutdated = errors.New("the table has another row")

// Ticket gives the row of a ticket as the table has it or will have it, without its longer texts; nil when there is none. It is an error when
// only the table can tell.
func (p *Processor) Ticket(account string, id int64, state schemas.State) (row *schemas.TicketRow, missing []string, err error) {
	k := &keyCollector{state: state, asked: map[string]bool{}}
	prefix := account + "."
	k.need(calendarKey(prefix))
	t, loaded := look[ticket](k, ticketKey(prefix, id))
	if loaded && t != nil {
		k.authors(prefix, t)
	}
	if len(k.missing) > 0 || t == nil || t.row == 0 {
		return nil, k.missing, nil
	}
	r := newRun(state)
	a := newAccount(account)
	s := r.subject(a, id, t)
	if s == nil {
		return nil, nil, errOutdated
	}
	s.holders()
	row = &facts(s).row
	if r.err != nil {
		return nil, nil, r.err
	}
	if hash, _ := r.rowHash(row); hash != t.row || s.base.created != t.rowCreated {
		return nil, nil, errOutdated
	}
	row.Description, row.CustomFields = "", ""
	return row, nil, nil
}

// authors asks for the users who wrote comments.
func (k *keyCollector) authors(prefix string, t *ticket) {
	ask := func(s *step) {
		for i := range s.comments {
			if id := s.comments[i].author; id > 0 {
				k.need(userKey(prefix, id))
			}
		}
	}
	for i := range t.audits {
		ask(&t.audits[i])
	}
	for i := range t.hints {
		ask(&t.hints[i].step)
	}
}
