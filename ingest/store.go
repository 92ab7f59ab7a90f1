package ingest

import (
	"context"

	"deskstream/schemas"
)

// Publisher is where events go. Publish returns once they are stored on disk; an error of class schemas.ErrUnavailable means that they
// may not be stored and the same call may succeed later. An event that was stored before may be stored again: readers go by Event.ID.
type Publisher interface {
	Publish(ctx context.Context, events ...schemas.Event) error
}

// Store keeps events, the poller's cursors and the source records. Implementations are safe for concurrent use. Every write that
// carries a Revision is a compare-and-set and fails with schemas.ErrFenced when another writer was faster.
type Store interface {
	Publisher
	// PublishPage stores a page of events and the cursor behind it together or not at all, and returns the cursor with its new Revision. The
	// events are stored only while src is the newest record of the source: those behind its disconnection would not be merged.
	PublishPage(ctx context.Context, src schemas.Source, cur schemas.Cursor, events []schemas.Event) (schemas.Cursor, error)
	// PublishRead stores events that were read beside the pages, only while src is the newest record of the source.
	PublishRead(ctx context.Context, src schemas.Source, events ...schemas.Event) error
	// PutCursor stores a cursor alone and returns it with its new Revision. Revision 0 means that there is none yet.
	PutCursor(ctx context.Context, source string, cur schemas.Cursor) (schemas.Cursor, error)
	// Cursor returns the stored cursor of a resource; Revision is 0 when there is none yet.
	Cursor(ctx context.Context, source, resource string) (schemas.Cursor, error)
	// Cursors returns the stored cursors of a source in no order.
	Cursors(ctx context.Context, source string) ([]schemas.Cursor, error)
	// Ticket returns what is known of a ticket, nil when nothing is, or an error of class schemas.ErrUnavailable when that cannot be told now.
	Ticket(ctx context.Context, account string, id int64) (*schemas.TicketRow, error)
	// Sources returns all source records.
	Sources(ctx context.Context) ([]schemas.Source, error)
	// Source returns one record, or an error of class schemas.ErrNotFound.
	Source(ctx context.Context, id string) (schemas.Source, error)
	// PutSource stores a record and sets its new Revision.
	PutSource(ctx context.Context, s *schemas.Source) error
	// DeleteSource removes a record, compare-and-set on the revision.
	DeleteSource(ctx context.Context, id string, revision uint64) error
	// WatchSources calls fn for each stored record and then for each change, one at a time, until ctx ends.
	WatchSources(ctx context.Context, fn func(s schemas.Source, deleted bool)) error
}
