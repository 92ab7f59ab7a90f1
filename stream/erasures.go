package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"deskstream/schemas"
)

// PutErasure stores the record of an erasure if Revision is the newest (0 = there is none) and sets the new Revision.
// schemas.ErrFenced when somebody else was faster: read it again.
func (s *Stream) PutErasure(ctx context.Context, e *schemas.Erasure) error {
	if e.ID == "" || e.Account == "" || len(e.UserIDs) == 0 {
		return fmt.Errorf("erasure: %w", schemas.Invalid("erasure.id", "id, account and user ids must not be empty"))
	}
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("erasure %s: %w: %w", e.ID, schemas.ErrInvalid, err)
	}
	a, err := s.store(ctx, fenced(schemas.SubjectErasure(schemas.Token(e.ID)), data, e.Revision))
	if err != nil {
		return fmt.Errorf("erasure %s: %w", e.ID, err)
	}
	e.Revision = a.Seq
	s.crash("erase.recorded")
	return nil
}

// Erasure gives the record of an erasure or schemas.ErrNotFound.
func (s *Stream) Erasure(ctx context.Context, id string) (schemas.Erasure, error) {
	m, found, err := s.last(ctx, s.events, schemas.SubjectErasure(schemas.Token(id)))
	if err == nil && !found {
		err = schemas.ErrNotFound
	}
	if err != nil {
		return schemas.Erasure{}, fmt.Errorf("erasure %.80q: %w", id, err)
	}
	return parseErasure(m)
}

// Erasures gives all records, in the order in which they were asked for.
func (s *Stream) Erasures(ctx context.Context) ([]schemas.Erasure, error) {
	var all []schemas.Erasure
	err := s.newest(ctx, s.events, schemas.SubjectErasure("*"), func(m storedMessage) error {
		e, err := parseErasure(m)
		all = append(all, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("erasures: %w", err)
	}
	slices.SortFunc(all, func(a, b schemas.Erasure) int {
		if c := a.RequestedAt.Compare(b.RequestedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all, nil
}

// WatchErasures calls fn with every record and then with every change, as WatchSources does.
func (s *Stream) WatchErasures(ctx context.Context, fn func(schemas.Erasure)) error {
	return s.watch(ctx, schemas.SubjectErasure("*"), func(m storedMessage) {
		e, err := parseErasure(m)
		if err != nil {
			s.o.Log.Error().Err(err).Msg("erasure record is not readable")
			return
		}
		fn(e)
	})
}

func parseErasure(m storedMessage) (schemas.Erasure, error) {
	var e schemas.Erasure
	if err := json.Unmarshal(m.data, &e); err != nil {
		return e, fmt.Errorf("erasure at %d: %w", m.seq, err)
	}
	e.Revision = m.seq
	return e, nil
}
