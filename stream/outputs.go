package stream

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"deskstream/schemas"
)

// Outputs calls fn with the rows that a query asks for, a message at a time and in order, until fn gives false. Written must have reached
// q.To. all is false if some may be gone from the stream, which happens once they are in the table: what fn was called with then is not to be
// used.
func (s *Stream) Outputs(ctx context.Context, q schemas.OutputQuery, fn func(m schemas.OutputMessage) (more bool, err error)) (all bool, err error) {
	// A consumer of its own, because the server spends several times as much on each message that is asked for directly.
	c, err := s.js.CreateConsumer(ctx, s.txn, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: q.From + 1, AckPolicy: jetstream.AckNonePolicy, FilterSubjects: s.filters(q),
		MemoryStorage: true, InactiveThreshold: followIdle,
	})
	if err != nil {
		return false, fmt.Errorf("stream: rows: %w: %w", schemas.ErrUnavailable, err)
	}
	defer func() { _ = s.js.DeleteConsumer(context.WithoutCancel(ctx), s.txn, c.CachedInfo().Name) }() // else the server does later
	if all, err = s.deliver(c, q.To, fn); err != nil || !all {
		return false, err
	}
	// Messages go from the front, but for those of erased people: where one is left that came before, none behind it went. It is looked for
	// last, because they may go meanwhile.
	for _, table := range q.Tables {
		first, found, err := s.next(ctx, s.txn, s.outputs(table), 1)
		if err != nil || !found || first.seq > q.From {
			return false, err
		}
	}
	return true, nil
}

// filters gives the subjects of what is asked for.
func (s *Stream) filters(q schemas.OutputQuery) []string {
	var all []string
	for _, table := range q.Tables {
		if table != schemas.TableActivities {
			all = append(all, s.outputs(table))
			continue
		}
		for _, slug := range q.Activities {
			all = append(all, s.own(schemas.SubjectActivity("*", slug)))
		}
	}
	return all
}

// deliver calls fn with what a consumer has up to a position. all is false if it has less than it said.
func (s *Stream) deliver(c jetstream.Consumer, to uint64, fn func(m schemas.OutputMessage) (bool, error)) (all bool, err error) {
	pending, at := c.CachedInfo().NumPending, uint64(0)
	for at < pending {
		page, err := c.Fetch(int(min(readPage, pending-at)), jetstream.FetchMaxWait(budget))
		if err != nil {
			return false, fmt.Errorf("stream: rows: %w: %w", schemas.ErrUnavailable, err)
		}
		before := at
		for m := range page.Messages() {
			md, err := m.Metadata()
			if err != nil || md.Sequence.Consumer != at+1 {
				return false, fmt.Errorf("stream: rows: %w: a message was lost on the way", schemas.ErrUnavailable)
			}
			at++
			if md.Sequence.Stream > to {
				return true, nil
			}
			o := outputOf(stored{seq: md.Sequence.Stream, header: m.Headers(), data: m.Data()})
			more, err := fn(schemas.OutputMessage{Table: s.tableOf(m.Subject()), Seq: o.seq, Ver: schemas.RowVersion(o.gen, o.seq), Data: o.data})
			if err != nil || !more {
				return true, err
			}
		}
		if at == before {
			return false, nil
		}
	}
	return true, nil
}

// tableOf gives the table that the rows of a subject are for.
func (s *Stream) tableOf(subject string) string {
	kind, rest, _ := strings.Cut(strings.TrimPrefix(subject, s.prefix+"."), ".")
	switch kind {
	case "activity":
		return schemas.TableActivities
	case "audience":
		return schemas.TableAudienceEntries
	}
	table, _, _ := strings.Cut(rest, ".")
	return table
}
