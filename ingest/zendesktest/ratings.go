package zendesktest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// OfferRating asks the requester to rate the ticket, as the automation after solving does.
func (a *Account) OfferRating(at time.Time, ticketID int64) error {
	return a.rate(at, ticketID, System, "offered", "", false)
}

// Rate gives the requester's rating, good or bad, with an optional comment. A second rating changes the first one.
func (a *Account) Rate(at time.Time, ticketID int64, score, comment string) error {
	return a.rate(at, ticketID, 0, score, comment, false)
}

// AppendRating rates like Rate but leaves the former rating as it is and adds another record.
func (a *Account) AppendRating(at time.Time, ticketID int64, score, comment string) error {
	return a.rate(at, ticketID, 0, score, comment, true)
}

func (a *Account) rate(at time.Time, ticketID, actor int64, score, comment string, add bool) error {
	if score != "offered" && score != "good" && score != "bad" {
		return fmt.Errorf("score %q: %w, want offered, good or bad", score, ErrInvalid)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	r, err := a.record(ticketID)
	if err != nil {
		return err
	}
	if r.Status == "deleted" {
		return fmt.Errorf("ticket %d: %w", ticketID, ErrDeleted)
	}
	channel := "rule"
	if actor == 0 {
		actor, channel = r.RequesterID, "web"
	}
	at = clock(at, r.UpdatedAt)
	before := "unoffered"
	if r.SatisfactionRating != nil {
		before = r.SatisfactionRating.Score
	}
	a.storeRating(at, r, score, comment, add)
	b := a.begin(at, r, actor, channel)
	if before != score {
		b.changed("satisfaction_score", score, before)
	}
	b.audit.Events = append(b.audit.Events, AuditEvent{
		ID: a.nextID(), Type: "SatisfactionRating", Score: score, AssigneeID: r.AssigneeID, Body: comment,
	})
	if score == "offered" {
		b.notify("csat_requested", map[string]any{})
	} else {
		b.notify("csat_received", map[string]any{"satisfaction_score": map[string]any{"score": strings.ToUpper(score)}})
	}
	b.commit()
	return nil
}

func (a *Account) storeRating(at time.Time, r *record, score, comment string, add bool) {
	next := &Rating{
		ID: a.nextID(), TicketID: r.ID, RequesterID: r.RequesterID, AssigneeID: r.AssigneeID, GroupID: r.GroupID,
		Score: score, Comment: optional(comment), CreatedAt: at, UpdatedAt: at,
	}
	next.URL = a.url("satisfaction_ratings/" + strconv.FormatInt(next.ID, 10))
	if r.rating != nil && !add {
		next.ID, next.URL, next.CreatedAt = r.rating.ID, r.rating.URL, r.rating.CreatedAt
		*r.rating = *next
	} else {
		r.rating = next
		a.ratings = append(a.ratings, next)
	}
	r.SatisfactionRating = &TicketRating{Score: score}
	if score != "offered" {
		r.SatisfactionRating = &TicketRating{ID: next.ID, Score: score, Comment: next.Comment}
	}
}
