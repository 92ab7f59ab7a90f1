package ingest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"deskstream/schemas"
)

// memory is a Store for tests that keeps everything in memory with the same rules of compare-and-set.
type memory struct {
	mu       sync.Mutex
	revision uint64
	events   []schemas.Event
	pages    int
	cursors  map[string]schemas.Cursor // by source/resource
	sources  map[string][]byte
	revs     map[string]uint64
	watchers []func(schemas.Source, bool)
	failure  error // of publishing
	before   func(op string)
	puts     int
	tells    bool // what is known of tickets
}

func newMemory() *memory {
	return &memory{cursors: map[string]schemas.Cursor{}, sources: map[string][]byte{}, revs: map[string]uint64{}}
}

func (m *memory) hook(op string) {
	m.mu.Lock()
	fn := m.before
	m.mu.Unlock()
	if fn != nil {
		fn(op)
	}
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failure = err
}

func (m *memory) Publish(ctx context.Context, events ...schemas.Event) error {
	m.hook("publish")
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure != nil {
		return m.failure
	}
	m.events = append(m.events, events...)
	return nil
}

func (m *memory) PublishPage(ctx context.Context, src schemas.Source, cur schemas.Cursor, events []schemas.Event) (schemas.Cursor, error) {
	m.hook("page")
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure != nil {
		return cur, m.failure
	}
	if len(events) > 0 && m.revs[src.ID] != src.Revision {
		return cur, fmt.Errorf("source %s: %w", src.ID, schemas.ErrFenced)
	}
	if err := m.setCursor(src.ID, &cur); err != nil {
		return cur, err
	}
	m.events = append(m.events, events...)
	m.pages++
	return cur, ctx.Err()
}

func (m *memory) PublishRead(ctx context.Context, src schemas.Source, events ...schemas.Event) error {
	m.mu.Lock()
	stale := m.revs[src.ID] != src.Revision
	m.mu.Unlock()
	if stale {
		return fmt.Errorf("source %s: %w", src.ID, schemas.ErrFenced)
	}
	return m.Publish(ctx, events...)
}

// Ticket gives the history of a ticket as full once its creation is stored; it cannot tell before tells is set.
func (m *memory) Ticket(_ context.Context, _ string, id int64) (*schemas.TicketRow, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.tells {
		return nil, errBroken
	}
	row := &schemas.TicketRow{}
	for _, e := range m.events {
		var a struct {
			Ticket int64 `json:"ticket_id"`
		}
		if e.Kind == schemas.KindAudit && json.Unmarshal(e.Data, &a) == nil && a.Ticket == id && bytes.Contains(e.Data, []byte(`"Create"`)) {
			row.HistoryFull = 1
		}
	}
	return row, nil
}

func (m *memory) setCursor(source string, cur *schemas.Cursor) error {
	key := source + "/" + cur.Resource
	if m.cursors[key].Revision != cur.Revision {
		return fmt.Errorf("cursor %s: %w", key, schemas.ErrFenced)
	}
	m.revision++
	cur.Revision = m.revision
	m.cursors[key] = *cur
	return nil
}

func (m *memory) PutCursor(_ context.Context, source string, cur schemas.Cursor) (schemas.Cursor, error) {
	m.hook("cursor")
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.setCursor(source, &cur)
	return cur, err
}

func (m *memory) Cursor(_ context.Context, source, resource string) (schemas.Cursor, error) {
	return m.cursor(source, resource), nil
}

func (m *memory) Cursors(_ context.Context, source string) ([]schemas.Cursor, error) {
	m.hook("cursors")
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []schemas.Cursor
	for key, cur := range m.cursors {
		if key == source+"/"+cur.Resource {
			out = append(out, cur)
		}
	}
	return out, nil
}

func (m *memory) load(id string) (schemas.Source, error) {
	data, ok := m.sources[id]
	if !ok {
		return schemas.Source{}, fmt.Errorf("source %s: %w", id, schemas.ErrNotFound)
	}
	var s schemas.Source
	err := json.Unmarshal(data, &s)
	s.Revision = m.revs[id]
	return s, err
}

func (m *memory) Sources(context.Context) ([]schemas.Source, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []schemas.Source
	for _, id := range slices.Sorted(maps.Keys(m.sources)) {
		s, err := m.load(id)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func (m *memory) Source(_ context.Context, id string) (schemas.Source, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.load(id)
}

func (m *memory) PutSource(_ context.Context, s *schemas.Source) error {
	m.hook("source")
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.revs[s.ID] != s.Revision {
		return fmt.Errorf("source %s: %w", s.ID, schemas.ErrFenced)
	}
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	m.revision++
	m.puts++
	s.Revision = m.revision
	m.sources[s.ID], m.revs[s.ID] = data, m.revision
	for _, fn := range m.watchers {
		fn(*s, false)
	}
	return nil
}

func (m *memory) DeleteSource(_ context.Context, id string, revision uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.revs[id] != revision {
		return fmt.Errorf("source %s: %w", id, schemas.ErrFenced)
	}
	s, err := m.load(id)
	delete(m.sources, id)
	delete(m.revs, id)
	for _, fn := range m.watchers {
		fn(schemas.Source{Settings: schemas.Settings{ID: id, Account: s.Account}}, true)
	}
	return err
}

func (m *memory) WatchSources(ctx context.Context, fn func(schemas.Source, bool)) error {
	m.mu.Lock()
	for id := range m.sources {
		s, err := m.load(id)
		if err != nil {
			m.mu.Unlock()
			return err
		}
		fn(s, false)
	}
	m.watchers = append(m.watchers, fn)
	m.mu.Unlock()
	<-ctx.Done()
	return nil
}

func (m *memory) all() []schemas.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.events)
}

func (m *memory) cursor(source, resource string) schemas.Cursor {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cursors[source+"/"+resource]
}

// of returns the events of a kind, each id once, by id.
func (m *memory) of(kind schemas.Kind) []schemas.Event {
	byID := map[string]schemas.Event{}
	for _, e := range m.all() {
		if e.Kind == kind {
			byID[e.ID] = e
		}
	}
	out := slices.Collect(maps.Values(byID))
	slices.SortFunc(out, func(a, b schemas.Event) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// ids returns the different object ids of the events of a kind.
func (m *memory) ids(kind schemas.Kind) map[int64]bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[int64]bool{}
	for _, e := range m.events {
		if e.Kind != kind {
			continue
		}
		// checkIDs holds event ids to the ids in the data.
		if parts := strings.SplitN(e.ID, ":", 5); len(parts) > 3 {
			if id, err := strconv.ParseInt(parts[3], 10, 64); err == nil {
				out[id] = true
			}
		}
	}
	return out
}

var errBroken = fmt.Errorf("store: %w", schemas.ErrUnavailable)

const testSource = "src_1"

func testSealer(t testing.TB) *Sealer {
	t.Helper()
	s, err := NewSealer([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// putSource stores a source of the account acme, edited by fn.
func (m *memory) putSource(t testing.TB, fn func(s *schemas.Source)) {
	t.Helper()
	s, err := m.Source(t.Context(), testSource)
	if errors.Is(err, schemas.ErrNotFound) {
		s = schemas.Source{Settings: schemas.Settings{ID: testSource, Type: "zendesk", Account: "acme", Status: schemas.SourceConnected}}
	}
	fn(&s)
	if err := m.PutSource(t.Context(), &s); err != nil {
		t.Fatal(err)
	}
}

func testLog(t testing.TB) zerolog.Logger {
	t.Helper()
	return zerolog.Nop()
}
