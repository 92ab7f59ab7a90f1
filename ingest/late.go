package ingest

import (
	"context"
	"time"

	"deskstream/schemas"
)

// eventLag is how long ago ticket events were read that count as merged.
const eventLag = 10 * time.Minute

// eventsPassed gives the time up to which the ticket events of a source are merged; zero as long as they were not read to their end once.
func (r *runner) eventsPassed(ctx context.Context, s schemas.Source) (time.Time, error) {
	cur, err := r.p.Store.Cursor(ctx, s.ID, schemas.ResourceTicketEvents)
	if err != nil || !cur.Done || cur.Through == nil {
		return time.Time{}, err
	}
	return cur.Through.Add(-eventLag), nil
}

// lacksHistory says whether the beginning of a ticket is not known that the ticket events are past: one that was imported is created in the past. Where
// nobody can tell it counts as known, and the others of its page are not asked about either, each of which would be waited for.
func (r *runner) lacksHistory(ctx context.Context, s schemas.Source, id int64) (lacks, told bool) {
	row, err := r.p.Store.Ticket(ctx, s.Account, id)
	if err != nil {
		r.log.Debug().Err(err).Int64("ticket", id).Msg("it cannot be told whether the history of the ticket is known")
		return false, false
	}
	return row == nil || row.HistoryFull == 0, true
}
