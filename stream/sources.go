package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"deskstream/schemas"
)

// createTries is how often a source is created anew because another record was stored meanwhile.
const createTries = 10

// Sources gives all source records, ordered by id.
func (s *Stream) Sources(ctx context.Context) ([]schemas.Source, error) {
	all, _, err := s.sources(ctx)
	return all, err
}

// sources gives all source records, ordered by id, and the position of the newest, be it that of a deleted one.
func (s *Stream) sources(ctx context.Context) (all []schemas.Source, newest uint64, err error) {
	err = s.newest(ctx, s.events, schemas.SubjectSource("*"), func(m storedMessage) error {
		newest = max(newest, m.seq)
		src, deleted, err := parseSource(m.header, m.data, m.seq)
		if err == nil && !deleted {
			all = append(all, src)
		}
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("sources: %w", err)
	}
	slices.SortFunc(all, func(a, b schemas.Source) int { return strings.Compare(a.ID, b.ID) })
	return all, newest, nil
}

// CreateSource stores a new record as PutSource does, unless allow, which is given all that there are, ordered by id, refuses it. Nobody stores another one
// between that and this.
func (s *Stream) CreateSource(ctx context.Context, src *schemas.Source, allow func(others []schemas.Source) error) error {
	for tries := 1; ; tries++ {
		others, newest, err := s.sources(ctx)
		if err == nil {
			err = allow(others)
		}
		if err != nil {
			return err
		}
		if err = s.putRecord(ctx, src, &newest); !errors.Is(err, schemas.ErrFenced) || tries == createTries {
			return err
		}
	}
}

// Accounts gives the accounts that have a source or had one, in order: what a deleted source brought stays.
func (s *Stream) Accounts(ctx context.Context) ([]string, error) {
	var all []string
	err := s.newest(ctx, s.events, schemas.SubjectSource("*"), func(m storedMessage) error {
		src, _, err := parseSource(m.header, m.data, m.seq)
		if src.Account != "" {
			all = append(all, src.Account)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Source gives one source record or schemas.ErrNotFound.
func (s *Stream) Source(ctx context.Context, id string) (schemas.Source, error) {
	m, found, err := s.last(ctx, s.events, schemas.SubjectSource(schemas.Token(id)))
	if err != nil {
		return schemas.Source{}, fmt.Errorf("source %s: %w", id, err)
	}
	if found {
		src, deleted, err := parseSource(m.header, m.data, m.seq)
		if err != nil || !deleted {
			return src, err
		}
	}
	return schemas.Source{}, fmt.Errorf("source %s: %w", id, schemas.ErrNotFound)
}

// PutSource stores the record if src.Revision is the newest (0 = it must not exist) and sets the new Revision. Its Settings are
// published as an event of KindSource in the same commit. schemas.ErrFenced when somebody else was faster: read it again.
func (s *Stream) PutSource(ctx context.Context, src *schemas.Source) error {
	return s.putRecord(ctx, src, nil)
}

// putRecord stores a record, only while the newest of all records is a certain one unless that is nil.
func (s *Stream) putRecord(ctx context.Context, src *schemas.Source, newest *uint64) error {
	if src.ID == "" || src.Account == "" {
		return fmt.Errorf("source: %w", schemas.Invalid("source.id", "id and account must not be empty"))
	}
	data, err := json.Marshal(src)
	if err != nil {
		return fmt.Errorf("source %s: %w: %w", src.ID, schemas.ErrInvalid, err)
	}
	expected := src.Revision
	if expected == 0 {
		if expected, err = s.afterDeleted(ctx, src.ID); err != nil {
			return err
		}
	}
	seq, err := s.putSource(ctx, src.Settings, data, expected, newest)
	if err != nil {
		return err
	}
	src.Revision = seq
	return nil
}

// afterDeleted gives the revision that a new record of an id must replace: 0, or that of the mark of a deleted one.
func (s *Stream) afterDeleted(ctx context.Context, id string) (uint64, error) {
	m, found, err := s.last(ctx, s.events, schemas.SubjectSource(schemas.Token(id)))
	if err != nil {
		return 0, fmt.Errorf("source %s: %w", id, err)
	}
	if !found || len(m.data) > 0 {
		return 0, nil
	}
	return m.seq, nil
}

// DeleteSource removes the record if revision is the newest, and publishes its settings as archived. Cursors stay, so that a source
// that is connected again does not start over.
func (s *Stream) DeleteSource(ctx context.Context, id string, revision uint64) error {
	src, err := s.Source(ctx, id)
	if err != nil {
		return err
	}
	src.Status, src.UpdatedAt = schemas.SourceArchived, s.now().UTC()
	_, err = s.putSource(ctx, src.Settings, nil, revision, nil)
	return err
}

func (s *Stream) putSource(ctx context.Context, settings schemas.Settings, data []byte, expected uint64, newest *uint64) (uint64, error) {
	body, err := json.Marshal(settings)
	if err != nil {
		return 0, fmt.Errorf("source %s: %w: %w", settings.ID, schemas.ErrInvalid, err)
	}
	e := schemas.Event{
		// The revision it replaces makes the id unique even when settings return to what they were.
		ID:   "source:" + settings.ID + ":" + strconv.FormatUint(expected, 10),
		Kind: schemas.KindSource, Source: settings.ID, Account: settings.Account, Via: "api", ReceivedAt: s.now().UTC(), Data: body,
	}
	if err := s.check(e); err != nil {
		return 0, err
	}
	record := fenced(schemas.SubjectSource(schemas.Token(settings.ID)), data, expected)
	record.Header[headerID] = []string{settings.ID}
	record.Header[headerAccount] = []string{settings.Account}
	told := s.message(e)
	if newest != nil { // the record is fenced by its own subject, so the event is by all of them
		fencedBy(told, schemas.SubjectSource("*"), *newest)
	}
	seq, err := s.timedCommit(ctx, "source", []*nats.Msg{told, record})
	if err != nil {
		return 0, fmt.Errorf("source %s: %w", settings.ID, err)
	}
	s.crash("source.stored")
	return seq, nil
}

// parseSource reads a record; an empty one marks a deleted source, of which only id and account are left.
func parseSource(h nats.Header, data []byte, seq uint64) (src schemas.Source, deleted bool, err error) {
	if len(data) == 0 {
		src.ID, src.Account = h.Get(headerID), h.Get(headerAccount)
		return src, true, nil
	}
	if err := json.Unmarshal(data, &src); err != nil {
		return src, false, fmt.Errorf("source at %d: %w", seq, err)
	}
	src.Revision = seq
	return src, false, nil
}

// WatchSources calls fn with every source and then with every change, in order and one call at a time, until ctx ends (nil). A
// deleted one has only its ID and Account. After a broken connection the present values may come again.
func (s *Stream) WatchSources(ctx context.Context, fn func(src schemas.Source, deleted bool)) error {
	return s.watch(ctx, schemas.SubjectSource("*"), func(m storedMessage) {
		src, deleted, err := parseSource(m.header, m.data, m.seq)
		if err != nil {
			s.o.Log.Error().Err(err).Msg("source record is not readable")
			return
		}
		fn(src, deleted)
	})
}

// APIKeys gives all API keys, revoked and expired ones too, ordered by id.
func (s *Stream) APIKeys(ctx context.Context) ([]schemas.Key, error) {
	var all []schemas.Key
	err := s.newest(ctx, s.events, schemas.SubjectKey("*"), func(m storedMessage) error {
		k, err := parseKey(m)
		all = append(all, k)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("API keys: %w", err)
	}
	slices.SortFunc(all, func(a, b schemas.Key) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

// PutAPIKey stores a key; the last write wins. A key is taken back by its RevokedAt.
func (s *Stream) PutAPIKey(ctx context.Context, k schemas.Key) error {
	if k.ID == "" {
		return fmt.Errorf("API key: %w", schemas.Invalid("key.id", "must not be empty"))
	}
	data, err := json.Marshal(k)
	if err == nil {
		_, err = s.store(ctx, rolled(schemas.SubjectKey(schemas.Token(k.ID)), data))
	}
	if err != nil {
		return fmt.Errorf("API key %s: %w", k.ID, err)
	}
	return nil
}

// WatchAPIKeys calls fn with every key and then with every change, as WatchSources does.
func (s *Stream) WatchAPIKeys(ctx context.Context, fn func(schemas.Key)) error {
	return s.watch(ctx, schemas.SubjectKey("*"), func(m storedMessage) {
		k, err := parseKey(m)
		if err != nil {
			s.o.Log.Error().Err(err).Msg("API key record is not readable")
			return
		}
		fn(k)
	})
}

func parseKey(m storedMessage) (schemas.Key, error) {
	var k schemas.Key
	if err := json.Unmarshal(m.data, &k); err != nil {
		return k, fmt.Errorf("API key at %d: %w", m.seq, errors.Join(schemas.ErrInvalid, err))
	}
	return k, nil
}
