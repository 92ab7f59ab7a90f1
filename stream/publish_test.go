package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deskstream/schemas"
)

// raw gives all stored raw events, by id.
func raw(tb testing.TB, s *Stream) map[string]int {
	tb.Helper()
	got := map[string]int{}
	err := s.each(tb.Context(), s.events, "deskstream.raw.*", 1, func(m storedMessage) error {
		got[event(m.header, m.data, m.seq).ID]++
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return got
}

func TestPublishKeepsEventsExactly(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	want := schemas.Event{
		ID: "zd:acme:x y:1", Kind: schemas.KindWebhook, Source: "src_1", Account: "acme", Via: "webhook",
		ReceivedAt: time.Unix(1_700_000_000, 123456789).UTC(), Data: []byte("\x00not json\r\n\xff"),
	}
	if err := s.Publish(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	m, found, err := s.last(t.Context(), s.events, schemas.SubjectRaw(schemas.Partition("acme", 2)))
	if err != nil || !found {
		t.Fatal(found, err)
	}
	got := event(m.header, m.data, m.seq)
	want.Seq = m.seq
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Fatalf("got %+v\nwant %+v", got, want)
	}
	if err := s.Publish(t.Context(), want); err != nil { // again within the window
		t.Fatal(err)
	}
	if n := raw(t, s)[want.ID]; n != 1 {
		t.Fatalf("the event is stored %d times", n)
	}
}

func TestPublishRefusesWhatCannotBeStored(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	good := click("acme", "c", 1, 1)
	for name, c := range map[string]struct {
		change func(*schemas.Event)
		want   error
	}{
		"no id":       {func(e *schemas.Event) { e.ID = "" }, schemas.ErrInvalid},
		"long id":     {func(e *schemas.Event) { e.ID = strings.Repeat("x", 600) }, schemas.ErrInvalid},
		"two lines":   {func(e *schemas.Event) { e.ID = "a\r\nNats-Rollup: all" }, schemas.ErrInvalid},
		"space":       {func(e *schemas.Event) { e.Via = " poll" }, schemas.ErrInvalid},
		"no kind":     {func(e *schemas.Event) { e.Kind = "" }, schemas.ErrInvalid},
		"no account":  {func(e *schemas.Event) { e.Account = "" }, schemas.ErrInvalid},
		"long source": {func(e *schemas.Event) { e.Source = strings.Repeat("x", 600) }, schemas.ErrInvalid},
		"large":       {func(e *schemas.Event) { e.Data = make([]byte, s.maxData+1) }, schemas.ErrTooLarge},
	} {
		bad := good
		c.change(&bad)
		if err := s.Publish(t.Context(), good, bad); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if got := raw(t, s); len(got) != 0 {
		t.Errorf("stored all the same: %v", got)
	}
	largest := good
	largest.Data = make([]byte, s.maxData)
	if err := s.Publish(t.Context(), largest); err != nil {
		t.Errorf("the largest event: %v", err)
	}
}

// TestPublishGroups has 500 callers wait at the same time. Every caller whose Publish returned nil must find its event stored.
func TestPublishGroups(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	var grouped atomic.Int64
	var repeated sync.Map
	s.o.Crash = func(point string) {
		if point == "publish.staged" {
			grouped.Add(1)
		}
	}
	var wg sync.WaitGroup
	const callers, each = 500, 10
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				e := click("acme"+strconv.Itoa(c%7), "c"+strconv.Itoa(c), i, 1)
				err := s.Publish(t.Context(), e)
				if errors.Is(err, schemas.ErrUnavailable) { // a machine that stood still: it may be stored all the same
					repeated.Store(e.ID, true)
					err = store(t.Context(), s, e)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	got := raw(t, s)
	if len(got) != callers*each {
		t.Fatalf("%d events are stored, want %d", len(got), callers*each)
	}
	for id, n := range got {
		if _, again := repeated.Load(id); n != 1 && !again {
			t.Fatalf("event %s is stored %d times", id, n)
		}
	}
	if n := grouped.Load(); n > callers*each/2 {
		t.Errorf("%d commits for %d events: they were not grouped", n, callers*each)
	}
}

func TestPublishWithoutServer(t *testing.T) {
	t.Parallel()
	n, o := testOptions(t)
	s := open(t, o)
	n.Close()
	for _, callers := range []int{1, 100} {
		begun := time.Now()
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				if err := s.Publish(t.Context(), click("acme", "c", i, 1)); !errors.Is(err, schemas.ErrUnavailable) {
					t.Errorf("%v, want ErrUnavailable", err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(begun); took > budget+time.Second {
			t.Errorf("%d callers were kept for %s", callers, took)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Health(ctx); err == nil {
		t.Error("healthy without a server")
	}
}

func TestPageAndCursorTogether(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	cur, err := s.Cursor(t.Context(), "src_1", "tickets")
	if err != nil || cur.Revision != 0 || cur.State != "idle" {
		t.Fatal(cur, err)
	}
	page := func(from, n int) (events []schemas.Event) {
		for i := range n {
			events = append(events, click("acme", "c", from+i, 1))
		}
		return events
	}
	cur.Cursor = "one"
	first, err := s.PublishPage(t.Context(), source("src_1"), cur, page(0, 999))
	if err != nil || first.Revision == 0 {
		t.Fatal(first, err)
	}
	// A rival that read the cursor before: fenced, and nothing of its page is stored.
	cur.Cursor = "rival"
	if _, err := s.PublishPage(t.Context(), source("src_1"), cur, page(5000, 100)); !errors.Is(err, schemas.ErrFenced) {
		t.Fatalf("rival: %v, want ErrFenced", err)
	}
	if got := raw(t, s); len(got) != 999 {
		t.Fatalf("%d events are stored, want 999", len(got))
	}
	first.Cursor = "two"
	second, err := s.PublishPage(t.Context(), source("src_1"), first, page(1000, 2500)) // three commits
	if err != nil {
		t.Fatal(err)
	}
	if got := raw(t, s); len(got) != 3499 {
		t.Fatalf("%d events are stored, want 3499", len(got))
	}
	second.Done = true
	third, err := s.PutCursor(t.Context(), "src_1", second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutCursor(t.Context(), "src_1", second); !errors.Is(err, schemas.ErrFenced) {
		t.Fatalf("stale cursor: %v, want ErrFenced", err)
	}
	got, err := s.Cursor(t.Context(), "src_1", "tickets")
	if err != nil || got != third || got.Cursor != "two" || !got.Done {
		t.Fatalf("%+v %v, want %+v", got, err, third)
	}
	if _, err := s.PutCursor(t.Context(), "src_1", schemas.Cursor{Resource: "users.all"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutCursor(t.Context(), "src_10", schemas.Cursor{Resource: "users"}); err != nil {
		t.Fatal(err)
	}
	all, err := s.Cursors(t.Context(), "src_1")
	if err != nil || len(all) != 2 || all[0].Resource != "tickets" || all[1].Resource != "users.all" {
		t.Fatalf("%+v %v", all, err)
	}
}

func TestPublishWhenFull(t *testing.T) {
	t.Parallel()
	_, o := testOptions(t)
	o.MaxBytesEvents = 1 << 20
	s := open(t, o)
	big := func(i int) schemas.Event {
		e := click("acme", "c", i, 1)
		e.Data = append(e.Data, make([]byte, 100<<10)...)
		return e
	}
	stored := 0
	for {
		err := s.Publish(t.Context(), big(stored))
		if errors.Is(err, schemas.ErrUnavailable) {
			break
		}
		if err != nil || stored > 100 {
			t.Fatal(stored, err)
		}
		stored++
	}
	if _, err := s.PublishPage(t.Context(), source("src_1"), schemas.Cursor{Resource: "tickets"}, []schemas.Event{big(1), big(2)}); !errors.Is(err, schemas.ErrUnavailable) {
		t.Fatalf("page: %v, want ErrUnavailable", err)
	}
	if got := raw(t, s); len(got) != stored {
		t.Fatalf("%d events are stored, want %d: nothing may be dropped", len(got), stored)
	}
	if err := s.Health(t.Context()); err == nil || !strings.Contains(err.Error(), "is full") {
		t.Fatalf("health: %v", err)
	}
	if err := s.purge(t.Context(), s.events, "deskstream.raw.*", 5); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(t.Context(), big(1000)); err != nil {
		t.Fatalf("with room again: %v", err)
	}
}

// TestOneOfManyCreatesASource has several programs create sources at once where one is allowed, beside the mark of a deleted one.
func TestOneOfManyCreatesASource(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	gone := &schemas.Source{Settings: schemas.Settings{ID: "src_gone", Account: "gone"}}
	if err := s.PutSource(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteSource(t.Context(), gone.ID, gone.Revision); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("there is one")
	var created atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			src := &schemas.Source{Settings: schemas.Settings{ID: fmt.Sprint("src_", i), Account: "acme"}}
			err := s.CreateSource(t.Context(), src, func(others []schemas.Source) error {
				if len(others) > 0 {
					return refused
				}
				return nil
			})
			switch {
			case err == nil && src.Revision > 0:
				created.Add(1)
			case !errors.Is(err, refused):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if have, err := s.Sources(t.Context()); err != nil || len(have) != 1 || created.Load() != 1 {
		t.Errorf("%d were created, there are %d: %v", created.Load(), len(have), err)
	}
}

// source gives a source that has no record yet.
func source(id string) schemas.Source {
	return schemas.Source{Settings: schemas.Settings{ID: id, Account: "acme"}}
}

// TestReadBeforeTheRecordChanged: what was read of a source is stored as long as its record is the one that it was read under, a page together with its
// cursor or not at all.
func TestReadBeforeTheRecordChanged(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	src := source("src_1")
	if err := s.PutSource(t.Context(), &src); err != nil {
		t.Fatal(err)
	}
	page := func(from, n int) (events []schemas.Event) {
		for i := range n {
			events = append(events, click("acme", "c", from+i, 1))
		}
		return events
	}
	cur, err := s.PublishPage(t.Context(), src, schemas.Cursor{Resource: "tickets", Cursor: "one"}, page(0, 1200))
	if err != nil {
		t.Fatal(err)
	}
	before := src
	src.Status = schemas.SourceDisconnected
	if err := s.PutSource(t.Context(), &src); err != nil {
		t.Fatal(err)
	}
	stored := len(raw(t, s))
	behind := cur
	behind.Cursor = "two"
	for _, n := range []int{1, 5, 1200} {
		if _, err := s.PublishPage(t.Context(), before, behind, page(5000, n)); !errors.Is(err, schemas.ErrFenced) {
			t.Errorf("page of %d: %v, want ErrFenced", n, err)
		}
		if err := s.PublishRead(t.Context(), before, page(5000, n)...); !errors.Is(err, schemas.ErrFenced) {
			t.Errorf("%d events: %v, want ErrFenced", n, err)
		}
	}
	if got := len(raw(t, s)); got != stored {
		t.Errorf("%d events were stored", got-stored)
	}
	if got, err := s.Cursor(t.Context(), "src_1", "tickets"); err != nil || got != cur {
		t.Errorf("cursor %+v %v, want %+v", got, err, cur)
	}
	if _, err := s.PublishPage(t.Context(), src, behind, page(5000, 1200)); err != nil {
		t.Error(err)
	}
	if err := s.PublishRead(t.Context(), src, page(7000, 1)...); err != nil {
		t.Error(err)
	}
	if got := len(raw(t, s)); got != stored+1201 {
		t.Errorf("%d events were stored, want 1201", got-stored)
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changes := make(chan string, 100)
	src := &schemas.Source{Settings: schemas.Settings{ID: "src_1", Type: "zendesk", Account: "acme", Status: schemas.SourceDraft}}
	if err := s.PutSource(t.Context(), src); err != nil || src.Revision == 0 {
		t.Fatal(src.Revision, err)
	}
	watched := make(chan error, 1)
	go func() {
		watched <- s.WatchSources(ctx, func(src schemas.Source, deleted bool) {
			changes <- fmt.Sprint(src.ID, " ", src.Status, " ", deleted, " ", src.Revision > 0)
		})
	}()
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-changes:
			if got != want {
				t.Fatalf("watched %q, want %q", got, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("watched nothing, want %q", want)
		}
	}
	expect("src_1 draft false true")
	stale := *src
	src.Status = schemas.SourceConnected
	if err := s.PutSource(t.Context(), src); err != nil {
		t.Fatal(err)
	}
	expect("src_1 connected false true")
	if err := s.PutSource(t.Context(), &stale); !errors.Is(err, schemas.ErrFenced) {
		t.Fatalf("stale: %v, want ErrFenced", err)
	}
	if err := s.PutSource(t.Context(), &schemas.Source{Settings: src.Settings}); !errors.Is(err, schemas.ErrFenced) {
		t.Fatalf("second creation: %v, want ErrFenced", err)
	}
	got, err := s.Source(t.Context(), "src_1")
	if err != nil || got.Status != schemas.SourceConnected || got.Revision != src.Revision {
		t.Fatalf("%+v %v", got, err)
	}
	if err := s.DeleteSource(t.Context(), "src_1", src.Revision); err != nil {
		t.Fatal(err)
	}
	expect("src_1  true false")
	if _, err := s.Source(t.Context(), "src_1"); !errors.Is(err, schemas.ErrNotFound) {
		t.Fatalf("deleted: %v, want ErrNotFound", err)
	}
	if all, err := s.Sources(t.Context()); err != nil || len(all) != 0 {
		t.Fatal(all, err)
	}
	if all, err := s.Accounts(t.Context()); err != nil || !slices.Equal(all, []string{"acme"}) {
		t.Fatalf("accounts with a past: %v, %v", all, err)
	}
	again := &schemas.Source{Settings: src.Settings}
	if err := s.PutSource(t.Context(), again); err != nil {
		t.Fatalf("created again: %v", err)
	}
	expect("src_1 connected false true")
	cancel()
	if err := <-watched; err != nil {
		t.Fatal(err)
	}
	kinds := 0
	_ = s.each(t.Context(), s.events, schemas.SubjectRaw(schemas.Partition("acme", 2)), 1, func(m storedMessage) error {
		if e := event(m.header, m.data, m.seq); e.Kind == schemas.KindSource && e.Account == "acme" {
			kinds++
		}
		return nil
	})
	if kinds != 4 {
		t.Fatalf("%d settings events, want 4", kinds)
	}
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	s := testStream(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan schemas.Key, 10)
	go func() { _ = s.WatchAPIKeys(ctx, func(k schemas.Key) { got <- k }) }()
	revoked := time.Unix(1_700_000_000, 0).UTC()
	for _, k := range []schemas.Key{{ID: "b", Hash: "1"}, {ID: "a", Hash: "2"}, {ID: "b", Hash: "1", RevokedAt: &revoked}} {
		if err := s.PutAPIKey(t.Context(), k); err != nil {
			t.Fatal(err)
		}
		if w := <-got; w.ID != k.ID {
			t.Fatalf("watched %v, want %v", w, k)
		}
	}
	all, err := s.APIKeys(t.Context())
	if err != nil || len(all) != 2 || all[0].ID != "a" || all[1].RevokedAt == nil {
		t.Fatalf("%+v %v", all, err)
	}
}
