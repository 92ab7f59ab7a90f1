package stream

import (
	"context"
	"time"

	"deskstream/schemas"
)

// Publish stores events and returns once they are on disk. Errors: schemas.ErrInvalid, ErrTooLarge, ErrUnavailable.
func (s *Stream) Publish(ctx context.Context, events ...schemas.Event) error {
	return schemas.ErrUnavailable
}

// PublishPage stores a page and the poller's new cursor together and returns the cursor with its new Revision. Pages over 1000
// events take several commits with the cursor in the last. Errors: schemas.ErrFenced when cur.Revision is not the newest.
func (s *Stream) PublishPage(ctx context.Context, source string, cur schemas.Cursor, events []schemas.Event) (schemas.Cursor, error) {
	return cur, schemas.ErrUnavailable
}

// Cursor gives the cursor of one resource; one that was never stored has Revision 0.
func (s *Stream) Cursor(ctx context.Context, source, resource string) (schemas.Cursor, error) {
	return schemas.Cursor{}, schemas.ErrUnavailable
}

// Cursors gives all cursors of a source.
func (s *Stream) Cursors(ctx context.Context, source string) ([]schemas.Cursor, error) {
	return nil, schemas.ErrUnavailable
}

// PutCursor stores a cursor (compare-and-set on Revision) and returns it with its new Revision.
func (s *Stream) PutCursor(ctx context.Context, source string, cur schemas.Cursor) (schemas.Cursor, error) {
	return cur, schemas.ErrUnavailable
}

// Sources gives all source records, ordered by id.
func (s *Stream) Sources(ctx context.Context) ([]schemas.Source, error) {
	return nil, schemas.ErrUnavailable
}

// Source gives one source record or schemas.ErrNotFound.
func (s *Stream) Source(ctx context.Context, id string) (schemas.Source, error) {
	return schemas.Source{}, schemas.ErrUnavailable
}

// PutSource stores the record if src.Revision is the newest (0 = it must not exist) and sets the new Revision. Its Settings are
// published as an event in the same commit. schemas.ErrFenced when somebody else was faster.
func (s *Stream) PutSource(ctx context.Context, src *schemas.Source) error {
	return schemas.ErrUnavailable
}

// DeleteSource removes the record if revision is the newest, and publishes its settings as archived.
func (s *Stream) DeleteSource(ctx context.Context, id string, revision uint64) error {
	return schemas.ErrUnavailable
}

// WatchSources calls fn with every source and then with every change, in order, until ctx ends (nil). A deleted one has only an ID.
func (s *Stream) WatchSources(ctx context.Context, fn func(src schemas.Source, deleted bool)) error {
	return schemas.ErrUnavailable
}

// APIKeys gives all API keys, revoked and expired ones too.
func (s *Stream) APIKeys(ctx context.Context) ([]schemas.Key, error) {
	return nil, schemas.ErrUnavailable
}

// PutAPIKey stores a key; the last write wins.
func (s *Stream) PutAPIKey(ctx context.Context, k schemas.Key) error { return schemas.ErrUnavailable }

// WatchAPIKeys calls fn with every key and then with every change, in order, until ctx ends (nil).
func (s *Stream) WatchAPIKeys(ctx context.Context, fn func(schemas.Key)) error {
	return schemas.ErrUnavailable
}

// Process runs p over one partition until ctx ends; it finishes the running batch and returns nil.
func (s *Stream) Process(ctx context.Context, partition int, p Processor) error {
	return schemas.ErrUnavailable
}

// Sink moves the outputs of sink's table into it until ctx ends; it finishes the running block and returns nil.
func (s *Stream) Sink(ctx context.Context, sink Sink) error { return schemas.ErrUnavailable }

// Janitor purges what is no longer needed and records positions until ctx ends.
func (s *Stream) Janitor(ctx context.Context) error { return schemas.ErrUnavailable }

// DeadList gives up to limit dead letters behind the letter with sequence after (0 = from the oldest); next is 0 at the end.
func (s *Stream) DeadList(ctx context.Context, limit int, after uint64) (letters []Letter, next uint64, err error) {
	return nil, 0, schemas.ErrUnavailable
}

// DeadShow gives one dead letter or schemas.ErrNotFound.
func (s *Stream) DeadShow(ctx context.Context, seq uint64) (Letter, error) {
	return Letter{}, schemas.ErrUnavailable
}

// DeadRetry publishes the event of a letter again and removes the letter.
func (s *Stream) DeadRetry(ctx context.Context, seq uint64) error { return schemas.ErrUnavailable }

// DeadDrop removes a letter and overwrites it on disk.
func (s *Stream) DeadDrop(ctx context.Context, seq uint64) error { return schemas.ErrUnavailable }

// ResetForReplay raises the generation and removes offsets, state and outputs, so that Process starts again at the first raw event
// received at or after from (zero = the beginning).
func (s *Stream) ResetForReplay(ctx context.Context, from time.Time) error {
	return schemas.ErrUnavailable
}

// Progress counts raw events processed and stored, and output messages that are not in their tables yet.
func (s *Stream) Progress(ctx context.Context) (processed, total, unsunk uint64, err error) {
	return 0, 0, 0, schemas.ErrUnavailable
}

// Drained returns once every stored event is processed and every output is in its table.
func (s *Stream) Drained(ctx context.Context) error { return schemas.ErrUnavailable }

// Health is nil when the pipeline works; otherwise it says what is wrong and what to do.
func (s *Stream) Health(ctx context.Context) error { return nil }

// Stats describes the pipeline.
func (s *Stream) Stats(ctx context.Context) (Stats, error) { return Stats{}, schemas.ErrUnavailable }

// Rebuild replaces streams that are lost or not the recorded ones, see Open's error. It is called instead of Open.
func Rebuild(ctx context.Context, o Options) (*Stream, error) { return nil, schemas.ErrUnavailable }
