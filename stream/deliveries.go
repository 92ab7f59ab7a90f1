package stream

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"deskstream/schemas"
)

// Delivery gives how far an audience's entries are posted. One that never began has Revision 0.
func (s *Stream) Delivery(ctx context.Context, audience string) (schemas.Delivery, error) {
	d := schemas.Delivery{Audience: audience}
	m, found, err := s.last(ctx, s.events, schemas.SubjectDelivery(schemas.Token(audience)))
	if err == nil && found {
		d, err = parseDelivery(m)
	}
	if err != nil {
		return d, fmt.Errorf("delivery of %.80q: %w", audience, err)
	}
	return d, nil
}

func parseDelivery(m storedMessage) (d schemas.Delivery, err error) {
	if err = json.Unmarshal(m.data, &d); err != nil {
		return d, fmt.Errorf("record at %d: %w: %w", m.seq, schemas.ErrInvalid, err)
	}
	d.Revision = m.seq
	return d, nil
}

// PutDelivery stores a position if its Revision is the newest (0 = there is none) and sets the new one. schemas.ErrFenced when somebody
// else was faster: read it again.
func (s *Stream) PutDelivery(ctx context.Context, d *schemas.Delivery) error {
	data, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("delivery of %s: %w: %w", d.Audience, schemas.ErrInvalid, err)
	}
	a, err := s.store(ctx, fenced(schemas.SubjectDelivery(schemas.Token(d.Audience)), data, d.Revision))
	if err != nil {
		return fmt.Errorf("delivery of %s: %w", d.Audience, err)
	}
	d.Revision = a.Seq
	return nil
}

// NextEntry gives the first entry of an audience behind a position. When the stream was made anew it begins at its start: the entry has a
// position that is not behind after.
func (s *Stream) NextEntry(ctx context.Context, audience string, after uint64) (e schemas.StoredEntry, found bool, err error) {
	filter := s.own(schemas.SubjectAudience(audience, "*"))
	m, found, err := s.next(ctx, s.txn, filter, after+1)
	if err == nil && !found {
		var i *jetstream.StreamInfo
		if i, err = s.info(ctx, s.txn); err == nil && i.State.LastSeq < after {
			m, found, err = s.next(ctx, s.txn, filter, 1)
		}
	}
	if err == nil && found {
		e.Seq, e.Gen = m.seq, outputOf(m).gen
		if err = json.Unmarshal(m.data, &e.AudienceEntry); err != nil {
			err = fmt.Errorf("message %d: %w: %w", m.seq, schemas.ErrInvalid, err)
		}
	}
	if err != nil {
		return e, false, fmt.Errorf("entries of %.80q: %w", audience, err)
	}
	return e, found, nil
}

// PutUndelivered stores an entry that was given up, in place of the record that there is of it.
func (s *Stream) PutUndelivered(ctx context.Context, u schemas.Undelivered) error {
	data, err := json.Marshal(u)
	if err == nil {
		_, err = s.store(ctx, rolled(subjectOf(u.Audience, u.ID), data))
	}
	if err != nil {
		return fmt.Errorf("undelivered entry %s: %w", u.ID, err)
	}
	return nil
}

// DropUndelivered removes the record of an entry that was given up, if there is one.
func (s *Stream) DropUndelivered(ctx context.Context, audience, id string) error {
	if err := s.purge(ctx, s.events, subjectOf(audience, id), ^uint64(0)); err != nil {
		return fmt.Errorf("undelivered entry %s: %w", id, err)
	}
	return nil
}

// Undelivered gives the entries of an audience that were given up, oldest first.
func (s *Stream) Undelivered(ctx context.Context, audience string) (all []schemas.Undelivered, err error) {
	filter := schemas.SubjectUndelivered(schemas.Token(audience), "*")
	err = s.newest(ctx, s.events, filter, func(m storedMessage) error {
		u := schemas.Undelivered{Seq: m.seq}
		if err := json.Unmarshal(m.data, &u); err != nil {
			return fmt.Errorf("record at %d: %w: %w", m.seq, schemas.ErrInvalid, err)
		}
		all = append(all, u)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("undelivered entries of %.80q: %w", audience, err)
	}
	return all, nil
}

func subjectOf(audience, entry string) string {
	return schemas.SubjectUndelivered(schemas.Token(audience), schemas.Token(entry))
}

// undelivered lowers the sequence below which a table's rows may go to what is still to be posted.
func (s *Stream) undelivered(ctx context.Context, table string, below uint64) (uint64, error) {
	if table != schemas.TableAudienceEntries || s.namespace != "" {
		return below, nil
	}
	err := s.newest(ctx, s.events, schemas.SubjectDelivery("*"), func(m storedMessage) error {
		d, err := parseDelivery(m)
		if err != nil || d.Ended {
			return err
		}
		next, found, err := s.NextEntry(ctx, d.Audience, d.Seq)
		if err == nil && found {
			below = min(below, next.Seq)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("deliveries: %w", err)
	}
	return below, nil
}

// dropEntries overwrites the entries from one sequence to below another whose activity drop names.
func (s *Stream) dropEntries(ctx context.Context, from, below uint64, drop func(activity []byte) bool) error {
	filter := s.outputs(schemas.TableAudienceEntries)
	var seqs []uint64
	err := s.each(ctx, s.txn, filter, from, func(m storedMessage) error {
		if m.seq >= below {
			return errStop
		}
		var e schemas.AudienceEntry
		if json.Unmarshal(m.data, &e) == nil && drop([]byte(e.Attributes)) {
			seqs = append(seqs, m.seq)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.overwrite(ctx, s.txn, filter, seqs)
}
