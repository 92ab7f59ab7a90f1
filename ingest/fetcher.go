package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"deskstream/schemas"
)

// DefaultDebounce is how long a fetch waits for more webhooks of the same action.
const DefaultDebounce = 200 * time.Millisecond

// Fetcher hands what webhooks spoke of to the runners of the sources, so that the full record is there before the next poll. It may fall
// behind or fail: the polls read the same. Nudges and Poller must be set. Run it once, beside Poller.Run.
type Fetcher struct {
	Nudges *Nudges
	Poller *Poller
	// Debounce is how long to wait for more nudges; 0 = DefaultDebounce.
	Debounce time.Duration
}

// Run works until ctx ends. A source that is slow or at its rate limit does not hold up the others.
func (f *Fetcher) Run(ctx context.Context) error {
	setDefault(&f.Debounce, DefaultDebounce)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-f.Nudges.ready:
		}
		_ = schemas.Wait(ctx, f.Debounce) // with ctx ends the next turn
		for _, n := range f.Nudges.take() {
			if r := f.Poller.runner(n.Source); r != nil { // nil = not polled here: disconnected meanwhile, or another process's
				r.nudges.Add(n)
			}
		}
	}
}

// fetchNudges fetches what the nudges of the source name until ctx ends.
func (r *runner) fetchNudges(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.nudges.ready:
		}
		for batch := range slices.Chunk(r.nudges.take(), auditChunk) {
			if ctx.Err() != nil {
				return
			}
			r.fetchBatch(ctx, batch)
		}
	}
}

// fetchBatch reads and stores the objects of a few nudges. Failures are left to the polls.
func (r *runner) fetchBatch(ctx context.Context, batch []Nudge) {
	var users []int64
	var tickets []int64
	rated := false
	for _, n := range batch {
		r.p.Metrics.fetched.WithLabelValues(nudgeNames[n.Kind]).Inc()
		switch n.Kind {
		case NudgeTicket:
			tickets = append(tickets, n.ID)
		case NudgeUser:
			users = append(users, n.ID)
		case NudgeRating:
			rated = true
		}
	}
	err := guarded(r.log, func() error { return r.fetch(ctx, tickets, users) })
	if err != nil && ctx.Err() == nil && !errors.Is(err, errDisconnected) {
		r.log.Warn().Err(err).Int("tickets", len(tickets)).Int("users", len(users)).Msg("early fetch failed")
	}
	if rated {
		r.ask([]string{schemas.ResourceRatings, schemas.ResourceSurveys})
	}
}

// fetch reads tickets with their history and people, and users, and stores what is new.
func (r *runner) fetch(ctx context.Context, tickets, users []int64) error {
	s := *r.source.Load()
	client, err := r.p.Clients.For(s)
	if err != nil {
		return err
	}
	rows, failure := r.fetchUsers(ctx, client, users)
	// Named by a webhook: fetched whatever is known, a changed identity may leave the user's version as it is.
	events, err := r.identified(ctx, client, s, rows)
	failure = errors.Join(failure, err)
	for _, id := range tickets {
		found, err := r.fetchTicket(ctx, client, s, id)
		events = append(events, found...)
		failure = errors.Join(failure, err)
		if ctx.Err() != nil {
			break
		}
	}
	// What could be read is stored even when the rest could not.
	if events = r.unseen(events); len(events) > 0 && ctx.Err() == nil {
		err := fitted(r.log, r.p.Metrics, events, func(events []schemas.Event) error {
			return r.whileConnected(ctx, func(s schemas.Source) error { return r.p.Store.PublishRead(ctx, s, events...) })
		})
		if err != nil {
			return errors.Join(failure, err)
		}
		r.remember(events)
	}
	return failure
}

// fetchTicket reads one ticket. One that Zendesk does not show any more is left to the export, which tells how it ended.
func (r *runner) fetchTicket(ctx context.Context, client *Client, s schemas.Source, id int64) ([]schemas.Event, error) {
	query := url.Values{"include": {"users,organizations"}}
	body, err := client.Get(ctx, "/api/v2/tickets/"+schemas.ZID(id).String()+".json", query)
	if errors.Is(err, schemas.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p, err := parsePage(body)
	if err != nil {
		return nil, fmt.Errorf("ticket %d: %w", id, err)
	}
	var one struct {
		Ticket json.RawMessage `json:"ticket"`
	}
	if err := json.Unmarshal(body, &one); err != nil || len(one.Ticket) == 0 {
		return nil, fmt.Errorf("ticket %d: %w: no ticket in the answer", id, schemas.ErrUnavailable)
	}
	events, err := r.ticketEvents(ctx, client, s, []json.RawMessage{one.Ticket}, p)
	if err != nil {
		return nil, err
	}
	history, err := r.history(ctx, client, s, id)
	return append(events, history...), err
}
