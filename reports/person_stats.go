package reports

import (
	"time"

	"deskstream/schemas"
)

// figuresOf gives the figures of a person's tickets by the names of their fields; nil stands for none at all.
func figuresOf(st *schemas.PersonStats) map[string]any {
	if st == nil {
		st = &schemas.PersonStats{}
	}
	return map[string]any{
		"tickets_total": st.TicketsTotal, "tickets_open": st.TicketsOpen, "tickets_closed": st.TicketsClosed,
		"good_ratings": st.GoodRatings, "bad_ratings": st.BadRatings, "first_ticket_at": utc(st.FirstTicketAt), "last_ticket_at": utc(st.LastTicketAt),
		"last_ticket_subject": orNil(st.LastSubject), "last_ticket_status": orNil(st.LastStatus),
		"last_satisfaction_score": orNil(st.LastScore), "last_satisfaction_at": utc(st.LastScoreAt),
	}
}

// mergeStats adds the figures of b to those of a.
func mergeStats(a, b *schemas.PersonStats) *schemas.PersonStats {
	if a == nil {
		return b
	}
	a.FirstTicketAt = firstTicket(a, b)
	a.TicketsTotal += b.TicketsTotal
	a.TicketsOpen += b.TicketsOpen
	a.TicketsClosed += b.TicketsClosed
	a.GoodRatings += b.GoodRatings
	a.BadRatings += b.BadRatings
	if newer(b.LastScoreAt, a.LastScoreAt, b.LastTicketID > a.LastTicketID) {
		a.LastScoreAt, a.LastScore = b.LastScoreAt, b.LastScore
	}
	if newer(b.LastTicketAt, a.LastTicketAt, b.LastTicketID > a.LastTicketID) {
		a.LastTicketAt, a.LastTicketID, a.LastSubject, a.LastStatus = b.LastTicketAt, b.LastTicketID, b.LastSubject, b.LastStatus
	}
	return a
}

// newer tells whether b is the later one; of two at the same time the one with the larger ticket is.
func newer(b, a *time.Time, larger bool) bool {
	if a == nil || b == nil {
		return b != nil
	}
	return b.After(*a) || b.Equal(*a) && larger
}

// firstTicket gives when the first ticket of two came. That of one who has tickets may be unknown, and so is that of both then.
func firstTicket(a, b *schemas.PersonStats) *time.Time {
	switch {
	case a.TicketsTotal == 0:
		return b.FirstTicketAt
	case b.TicketsTotal == 0 || a.FirstTicketAt == nil:
		return a.FirstTicketAt
	case b.FirstTicketAt == nil || b.FirstTicketAt.Before(*a.FirstTicketAt):
		return b.FirstTicketAt
	}
	return a.FirstTicketAt
}
