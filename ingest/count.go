package ingest

import (
	"context"
	"net/url"
	"slices"
	"time"

	"deskstream/schemas"
)

const (
	// countPeriods bounds the requests of one check.
	countPeriods = 32
	day          = 24 * time.Hour
)

// countTickets asks how many tickets Zendesk has of those that must be stored: created within the longest retention, and long enough ago
// to be exported and searchable. As long as the tickets were not read to their end once there is nothing to compare with.
func (r *runner) countTickets(ctx context.Context, res resource, state *pollState, cur schemas.Cursor) (schemas.Cursor, error) {
	s := *r.source.Load()
	tickets, err := r.p.Store.Cursor(ctx, s.ID, schemas.ResourceTickets)
	if err != nil || !tickets.Done || tickets.Through == nil {
		return cur, err
	}
	client, err := r.client(ctx, res, state, s)
	if err != nil {
		return cur, err
	}
	now := r.p.Now().UTC().Truncate(time.Second)
	counts := schemas.TicketCounts{CheckedAt: now, To: now.Add(-schemas.CountSlack)}
	if cur.Counts != nil {
		counts.RereadAt = cur.Counts.RereadAt
	}
	if tickets.Through.Before(counts.To) {
		counts.To = *tickets.Through
	}
	starts := periods(now.Add(-time.Duration(s.Retention.Longest())*day), counts.To)
	if counts.Periods, err = client.countPeriods(ctx, starts, counts.To); err != nil {
		return cur, err
	}
	cur.Counts, cur.Done, cur.Through, cur.Rows = &counts, true, &counts.CheckedAt, 0
	for _, p := range counts.Periods {
		cur.Rows += uint64(p.Tickets)
	}
	return cur, nil
}

// periods cuts a time into at most countPeriods equal ones of whole days, from the first whole day on.
func periods(from, to time.Time) []time.Time {
	from = from.UTC().Truncate(day).Add(day)
	days := int(to.Sub(from)/day) + 1
	length := time.Duration((days+countPeriods-1)/countPeriods) * day
	var starts []time.Time
	for ; from.Before(to); from = from.Add(length) {
		starts = append(starts, from)
	}
	return starts
}

// countPeriods gives the number of tickets created in each period; the last one ends at to.
func (c *Client) countPeriods(ctx context.Context, starts []time.Time, to time.Time) ([]schemas.TicketCount, error) {
	out := make([]schemas.TicketCount, len(starts))
	for i, from := range starts {
		end := to
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		n, err := c.countCreated(ctx, from, end)
		if err != nil {
			return nil, err
		}
		out[i] = schemas.TicketCount{From: from, Tickets: max(n, 0)}
	}
	return out, nil
}

// countCreated gives the number of tickets created from one second on and before another. Deleted tickets are not searchable.
func (c *Client) countCreated(ctx context.Context, from, to time.Time) (int64, error) {
	var answer struct {
		Count int64 `json:"count"`
	}
	query := "type:ticket created>=" + from.Format(time.RFC3339) + " created<" + to.Format(time.RFC3339)
	err := c.GetJSON(ctx, "/api/v2/search/count.json", url.Values{"query": {query}}, &answer)
	return answer.Count, err
}

// rereadEvery is the least time between two readings of tickets that are missing: what one reading did not bring another will hardly.
const rereadEvery = 24 * time.Hour

// ofTickets are the resources that tell of tickets, and the count of them.
var ofTickets = []string{
	schemas.ResourceTickets, schemas.ResourceTicketEvents, schemas.ResourceMetricEvents, schemas.ResourceRatings, schemas.ResourceSurveys,
	schemas.ResourceTicketCounts,
}

// Reread reads the tickets again that changed since from, with what happened to them, because some created since then are missing. It
// does nothing when that was done within the last day, or when the source is not connected. What is known already changes nothing.
func (c *Connections) Reread(ctx context.Context, id string, from time.Time) error {
	s, err := c.Store.Source(ctx, id)
	if err != nil || s.Status != schemas.SourceConnected {
		return err
	}
	cursors, err := c.Store.Cursors(ctx, id)
	if err != nil {
		return err
	}
	now := c.Now().UTC()
	i := slices.IndexFunc(cursors, func(cur schemas.Cursor) bool { return cur.Counts != nil })
	if i < 0 || cursors[i].Counts.RereadAt != nil && now.Sub(*cursors[i].Counts.RereadAt) < rereadEvery {
		return nil
	}
	c.Log.Warn().Str("source", id).Time("from", from).Msg("tickets are missing, reading them again")
	err = c.cursors(ctx, id, ofTickets, func(cur *schemas.Cursor) {
		if cur.Counts == nil {
			cur.Cursor, cur.Start = "", &from
			return
		}
		counts := *cur.Counts
		counts.RereadAt = &now
		cur.Counts = &counts
	})
	if err != nil {
		return err
	}
	return c.wake(ctx, id)
}
