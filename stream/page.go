package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

// PublishPage stores a page of events and the poller's new cursor in one commit and returns the cursor with its new Revision. A page
// over 999 events takes several commits with the cursor in the last, so that a page is never skipped. schemas.ErrFenced says that
// cur.Revision is not the newest, or that src is not the source's newest record, behind which the events might not be merged: read both
// again and drop the page. After ErrUnavailable the page may be stored: read the cursor again too.
func (s *Stream) PublishPage(ctx context.Context, src schemas.Source, cur schemas.Cursor, events []schemas.Event) (schemas.Cursor, error) {
	record, err := cursorMessage(src.ID, cur)
	if err != nil {
		return cur, err
	}
	seq, err := s.publishRead(ctx, src, events, record)
	if err != nil {
		return cur, fmt.Errorf("page of %s %s: %w", src.ID, cur.Resource, err)
	}
	s.crash("page.stored")
	cur.Revision = seq
	return cur, nil
}

// PublishRead stores events that were read beside the pages; otherwise as PublishPage.
func (s *Stream) PublishRead(ctx context.Context, src schemas.Source, events ...schemas.Event) error {
	if _, err := s.publishRead(ctx, src, events, nil); err != nil {
		return fmt.Errorf("events of %s: %w", src.ID, err)
	}
	return nil
}

// publishRead stores events and behind them a record, nil = none, and gives the sequence of the last message.
func (s *Stream) publishRead(ctx context.Context, src schemas.Source, events []schemas.Event, record *nats.Msg) (seq uint64, err error) {
	for _, e := range events {
		if err := s.check(e); err != nil {
			return 0, err
		}
	}
	admitted := s.admit(events)
	for rest := admitted; ; {
		n := cut(rest, maxBatch-1, sliceBytes)
		msgs := make([]*nats.Msg, 0, n+1)
		for _, e := range rest[:n] {
			msgs = append(msgs, s.message(e))
		}
		if n > 0 {
			fencedBy(msgs[0], schemas.SubjectSource(schemas.Token(src.ID)), src.Revision)
		}
		rest = rest[n:]
		if len(rest) == 0 && record != nil {
			msgs = append(msgs, record)
		}
		if len(msgs) == 0 {
			return 0, nil
		}
		if seq, err = s.timedCommit(ctx, "page", msgs); err != nil {
			s.metrics.publishErrors.Inc()
			return 0, err
		}
		if len(rest) == 0 {
			s.metrics.published.Add(float64(len(admitted)))
			return seq, nil
		}
	}
}

// PutCursor stores a cursor without a page, whatever the source's record; otherwise as PublishPage.
func (s *Stream) PutCursor(ctx context.Context, source string, cur schemas.Cursor) (schemas.Cursor, error) {
	return s.PublishPage(ctx, schemas.Source{Settings: schemas.Settings{ID: source}}, cur, nil)
}

func cursorMessage(source string, cur schemas.Cursor) (*nats.Msg, error) {
	if source == "" || cur.Resource == "" {
		return nil, fmt.Errorf("cursor: %w", schemas.Invalid("cursor.resource", "source and resource must not be empty"))
	}
	data, err := json.Marshal(cur)
	if err != nil {
		return nil, fmt.Errorf("cursor %s %s: %w: %w", source, cur.Resource, schemas.ErrInvalid, err)
	}
	return fenced(cursorSubject(source, cur.Resource), data, cur.Revision), nil
}

func cursorSubject(source, resource string) string {
	return schemas.SubjectCursor(schemas.Token(source), schemas.Token(resource))
}

// Cursor gives the cursor of one resource; one that was never stored has Revision 0 and State "idle".
func (s *Stream) Cursor(ctx context.Context, source, resource string) (schemas.Cursor, error) {
	m, found, err := s.last(ctx, s.events, cursorSubject(source, resource))
	if err != nil {
		return schemas.Cursor{}, fmt.Errorf("cursor %s %s: %w", source, resource, err)
	}
	if !found {
		return schemas.Cursor{Resource: resource, State: "idle"}, nil
	}
	return parseCursor(m)
}

// Cursors gives all cursors of a source, in the order of their last change.
func (s *Stream) Cursors(ctx context.Context, source string) ([]schemas.Cursor, error) {
	var all []schemas.Cursor
	err := s.newest(ctx, s.events, strings.TrimSuffix(cursorSubject(source, "x"), "x")+"*", func(m storedMessage) error {
		c, err := parseCursor(m)
		all = append(all, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cursors of %s: %w", source, err)
	}
	return all, nil
}

func parseCursor(m storedMessage) (schemas.Cursor, error) {
	var c schemas.Cursor
	if err := json.Unmarshal(m.data, &c); err != nil {
		return c, fmt.Errorf("cursor at %d: %w", m.seq, err)
	}
	c.Revision = m.seq
	return c, nil
}
