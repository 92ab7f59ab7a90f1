package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"deskstream/schemas"
)

const (
	maxStuck   = 3  // pages in a row that do not advance
	maxFenced  = 5  // pages of one run discarded because another writer was faster
	auditChunk = 25 // tickets whose history is stored at a time
)

// errCycle says that pages do not come to an end.
var errCycle = errors.New("pages do not advance")

// walk reads a resource from a cursor to its present end. Each page is stored together with the cursor behind it; the returned cursor is
// the last one stored, also when an error stopped the walk.
func (r *runner) walk(ctx context.Context, res resource, state *pollState, cur schemas.Cursor) (schemas.Cursor, error) {
	stuck, fenced, restarted := 0, 0, false
	var pages cycle
	for {
		next, end, err := r.step(ctx, res, state, cur)
		switch {
		case err == nil && end:
			return next, nil
		case err == nil:
			if stuck++; next.Cursor != cur.Cursor {
				stuck = 0
			}
			if stuck >= maxStuck || stuck == 0 && pages.closed(next.Cursor) {
				return next, fmt.Errorf("%s: %w: Zendesk's %w", res.name, schemas.ErrUnavailable, errCycle)
			}
			cur = next
		case errors.Is(err, errDisconnected):
			return cur, err
		case errors.Is(err, schemas.ErrFenced):
			r.p.Metrics.fenced.WithLabelValues(res.name).Inc()
			if fenced++; fenced > maxFenced {
				return cur, err
			}
			if cur, err = r.cursor(ctx, res); err != nil {
				return cur, err
			}
			state.paused, pages = pausedAt{}, cycle{}
			r.readAnew(res, state, cur)
		case (errors.Is(err, errSlow) || errors.Is(err, schemas.ErrTooLarge)) && state.size > 1:
			state.size = max(1, state.size/2)
			r.log.Info().Err(err).Str("resource", res.name).Int("rows", state.size).Msg("asking Zendesk for smaller pages")
		case errors.Is(err, schemas.ErrTooLarge):
			return cur, fmt.Errorf("%s, asked for one row: %w", res.name, err)
		case badCursor(err) && cur.Cursor != "" && !restarted:
			restarted, pages = true, cycle{}
			r.log.Warn().Err(err).Str("resource", res.name).Msg("cursor refused, reading again from where the data is complete")
			cur = restart(res, cur)
		default:
			return cur, err
		}
	}
}

// cycle detects pages that go round by the memory of one position (Brent's cycle detection): it is renewed after 1, 2, 4, ... pages, so that
// a cycle of any length is noticed within about three times of it.
type cycle struct {
	tortoise      string // the position that is remembered
	length, power int    // pages since then, and how many there may be until it is renewed
}

// closed says whether the pages have been at a position before. Each one but the first differs from the one before it.
func (c *cycle) closed(position string) bool {
	if c.power > 0 && position == c.tortoise {
		return true
	}
	if c.length++; c.length > c.power {
		c.tortoise, c.length, c.power = position, 0, max(1, 2*c.power)
	}
	return false
}

// badCursor says that Zendesk does not know a cursor any more.
func badCursor(err error) bool {
	status := new(StatusError)
	return errors.As(err, &status) && (status.Status == http.StatusBadRequest || status.Status == http.StatusUnprocessableEntity ||
		status.Status == http.StatusGone)
}

// restart goes back to a start_time a little before the point up to which the data is complete.
func restart(res resource, cur schemas.Cursor) schemas.Cursor {
	if cur.Through != nil && res.walk != walkWhole && res.walk != walkRecent {
		start := cur.Through.Add(-2 * time.Minute)
		cur.Start = &start
	}
	cur.Cursor = ""
	return cur
}

// step reads and stores one page.
func (r *runner) step(ctx context.Context, res resource, state *pollState, cur schemas.Cursor) (next schemas.Cursor, end bool, err error) {
	s := *r.source.Load()
	client, err := r.client(ctx, res, state, s)
	if err != nil {
		return cur, false, err
	}
	now, size := r.p.Now(), state.size
	query, err := res.request(cur, client.time(now), size)
	if err != nil {
		return cur, false, err
	}
	body, err := client.Get(ctx, res.path, query)
	if err != nil {
		return cur, false, err
	}
	p, err := parsePage(body)
	if err != nil {
		return cur, false, fmt.Errorf("%s: %w", res.name, err)
	}
	if res.name == schemas.ResourceSurveys {
		p.lists[res.rows] = surveyRatings(s.Account, p.lists[res.rows])
	}
	next, end, err = res.advance(cur, p, client.base, client.time(now), size)
	if err != nil {
		return cur, false, fmt.Errorf("%s: %w", res.name, err)
	}
	r.p.Metrics.pages.WithLabelValues(s.Account, res.name).Inc()
	next.Done, next.State, next.LastError = cur.Done || end, "running", ""
	if next, err = r.store(ctx, res, client, s, cur, next, p); err != nil {
		r.audited.Purge() // Histories read for the page are lost with it.
		return cur, false, err
	}
	state.size = min(r.p.PageSize, state.size*2) // A slow moment passes.
	r.sawContacts(next)
	if next.Through != nil {
		r.p.Metrics.through.WithLabelValues(s.Account, res.name).Set(float64(next.Through.Unix()))
	}
	return next, end, nil
}

// store makes the events of a page and stores them with the cursor. Events that were stored before are left out.
func (r *runner) store(
	ctx context.Context, res resource, client *Client, s schemas.Source, cur, next schemas.Cursor, p page,
) (schemas.Cursor, error) {
	events, err := r.pageEvents(ctx, res, client, s, p)
	if err != nil {
		return cur, err
	}
	rows := p.lists[res.rows]
	if res.name == schemas.ResourceMemberships {
		events = append(events, r.roster.page(s, cur, next, rows, r.p.Now())...)
	}
	if res.name == schemas.ResourceSchedules && cur.Cursor == "" && next.Cursor == "" {
		events = append(events, r.schedules.list(s, rows, r.p.Now())...)
	}
	if res.name == schemas.ResourceTickets {
		if cur, err = r.storeHistories(ctx, res, client, s, cur, rows, &events); err != nil {
			return cur, err
		}
		next.Revision, next.Rows = cur.Revision, cur.Rows
	}
	events = r.unseen(events)
	if len(events) == 0 && next.Cursor == cur.Cursor {
		return next, nil // Nothing to remember: the end of the run stores the rest.
	}
	if next, err = r.publishPage(ctx, res, next, events); err != nil {
		return cur, err
	}
	return next, nil
}

// publishPage stores events with a cursor that counts the rows of the resource among them, and notes that they are stored.
func (r *runner) publishPage(ctx context.Context, res resource, cur schemas.Cursor, events []schemas.Event) (schemas.Cursor, error) {
	rows := uint64(0)
	for _, e := range events {
		if e.Kind == res.kind {
			rows++
		}
	}
	cur = r.states[res.name].current(cur)
	next, counted := cur, cur
	counted.Rows += rows
	err := fitted(r.log, r.p.Metrics, events, func(events []schemas.Event) error {
		return r.whileConnected(ctx, func(s schemas.Source) (err error) {
			next, err = r.p.Store.PublishPage(ctx, s, counted, events)
			return err
		})
	})
	if err != nil {
		return cur, err
	}
	r.remember(events)
	r.p.Metrics.rows.WithLabelValues(r.source.Load().Account, res.name).Add(float64(rows))
	return next, nil
}

// pageEvents makes the events of a page in the order in which they are best understood: organizations, people, what they did.
func (r *runner) pageEvents(ctx context.Context, res resource, client *Client, s schemas.Source, p page) ([]schemas.Event, error) {
	now := r.p.Now()
	rows := p.lists[res.rows]
	switch res.name {
	case schemas.ResourceUsers:
		return eventsOf(s, schemas.KindUser, withAllIdentities(p), now), nil
	case schemas.ResourceOrganizations:
		rows, err := r.withMerges(ctx, client, rows)
		return eventsOf(s, res.kind, rows, now), err
	case schemas.ResourceSchedules:
		rows, err := withHolidays(ctx, client, rows)
		return r.schedules.changed(s, rows, now), err
	case schemas.ResourceTickets:
		return r.ticketEvents(ctx, client, s, rows, p)
	case schemas.ResourceTicketEvents:
		people, err := r.authors(ctx, client, s, rows)
		return append(people, eventsOf(s, res.kind, rows, now)...), err
	}
	return eventsOf(s, res.kind, rows, now), nil
}

// storeHistories reads the whole history of the tickets of a page that are older than the back-fill, or that came late: the export of ticket
// events begins too late for them, or is past their beginning. Of a long list all but the last part is stored here, behind the page itself,
// under the cursor as it stands; the rest goes into events.
func (r *runner) storeHistories(
	ctx context.Context, res resource, client *Client, s schemas.Source, cur schemas.Cursor, rows []json.RawMessage, events *[]schemas.Event,
) (schemas.Cursor, error) {
	began := backfillStart(schemas.ResourceTicketEvents, s, r.p.Now())
	if cur.Start != nil && cur.Start.Before(began) {
		began = *cur.Start
	}
	passed, err := r.eventsPassed(ctx, s)
	if err != nil {
		return cur, err
	}
	left, asks := auditChunk, true
	for _, row := range rows {
		h := headOf(row)
		id := int64(h.ID)
		if id <= 0 || h.CreatedAt.IsZero() || h.Status == "deleted" || r.audited.Contains(id) {
			continue
		}
		lacks := h.CreatedAt.Before(began)
		if !lacks && asks && h.CreatedAt.Before(passed) {
			lacks, asks = r.lacksHistory(ctx, s, id)
		}
		if !lacks {
			continue
		}
		history, err := r.history(ctx, client, s, id)
		if err != nil {
			return cur, err
		}
		*events = append(*events, history...)
		r.audited.Add(id, struct{}{})
		if left--; left > 0 {
			continue
		}
		left = auditChunk
		batch := r.unseen(*events)
		if cur, err = r.publishPage(ctx, res, cur, batch); err != nil {
			return cur, err
		}
		*events = nil
	}
	return cur, nil
}

// history reads all audits of a ticket and the people in them. A ticket that is gone has none.
func (r *runner) history(ctx context.Context, client *Client, s schemas.Source, ticket int64) ([]schemas.Event, error) {
	rows, err := client.list(ctx, "/api/v2/tickets/"+schemas.ZID(ticket).String()+"/audits.json", "audits")
	if errors.Is(err, schemas.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("audits of ticket %d: %w", ticket, err)
	}
	people, err := r.authors(ctx, client, s, rows)
	if err != nil {
		return nil, err
	}
	return append(people, eventsOf(s, schemas.KindAudit, rows, r.p.Now())...), nil
}

// unseen leaves out events that were stored before, and those that are in the list twice.
func (r *runner) unseen(events []schemas.Event) []schemas.Event {
	out := make([]schemas.Event, 0, len(events))
	here := make(map[string]struct{}, len(events))
	for _, e := range events {
		_, twice := here[e.ID]
		if twice || r.seen.Contains(e.ID) {
			continue
		}
		here[e.ID] = struct{}{}
		out = append(out, e)
	}
	return out
}

// remember notes events that are stored.
func (r *runner) remember(events []schemas.Event) {
	for _, e := range events {
		r.seen.Add(e.ID, struct{}{})
		switch e.Kind {
		case schemas.KindMembers:
			r.roster.stored(e.ID, r.p.Now())
		case schemas.KindSchedules, schemas.KindSchedule:
			r.schedules.stored(&e)
		case schemas.KindUser:
			if h := headOf(e.Data); h.ID > 0 {
				r.users.Add(int64(h.ID), h.changed().Unix())
			}
		}
	}
}
