package ingest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// historyDesk is an account with tickets older than the retention of 10 days that changed within it, so that all that a first sync reads is there.
func historyDesk(t *testing.T) (*desk, *rig) {
	t.Helper()
	d := pastDesk(t, 30, 6, zendesktest.Options{PageSize: 50})
	return d, newRig(t, d, func(r *rig) {
		r.store.putSource(t, func(s *schemas.Source) { s.Retention.Days = 10 })
	})
}

// contents gives the different ids of what a store holds.
func contents(m *memory) map[schemas.Kind]map[int64]bool {
	out := map[schemas.Kind]map[int64]bool{}
	for _, kind := range []schemas.Kind{
		schemas.KindUser, schemas.KindOrganization, schemas.KindMembership, schemas.KindTicket, schemas.KindAudit, schemas.KindMetricEvent, schemas.KindRating,
	} {
		out[kind] = m.ids(kind)
	}
	return out
}

// TestR28_DisconnectedDuringASync: what is read when the source is disconnected is not stored, because it would not be merged; the reconnect reads it again.
func TestR28_DisconnectedDuringASync(t *testing.T) {
	t.Parallel()
	d, r := historyDesk(t)
	whole := newRig(t, d, func(r *rig) {
		r.store.putSource(t, func(s *schemas.Source) { s.Retention.Days = 10 })
	})
	whole.start(t)
	localtest.Eventually(t, "sync without a disconnect", whole.done)

	// Each time it comes further before it is disconnected.
	var mu sync.Mutex
	pages, cuts, stored := 0, 0, 0
	r.store.before = func(op string) {
		if op != "page" {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if pages++; pages <= 2*cuts || cuts == 15 {
			return
		}
		if _, err := r.conn.Disconnect(context.Background(), testSource); err == nil {
			pages, cuts, stored = 0, cuts+1, len(r.store.all())
		}
	}
	r.start(t)
	localtest.Eventually(t, "sync with disconnects", func() bool {
		s, err := r.store.Source(t.Context(), testSource)
		if err != nil || s.Status == schemas.SourceConnected {
			return err == nil && r.done()
		}
		if r.poller.runner(testSource) != nil {
			return false
		}
		mu.Lock()
		before := stored
		mu.Unlock()
		if n := len(r.store.all()); n != before {
			t.Errorf("%d events were stored behind the disconnect", n-before)
		}
		if _, err := r.conn.Reconnect(t.Context(), testSource); err != nil {
			t.Error(err)
		}
		return false
	})
	if cuts < 6 {
		t.Errorf("%d disconnects prove nothing", cuts)
	}
	for kind, want := range contents(whole.store) {
		got := contents(r.store)[kind]
		for id := range want {
			if !got[id] { // what happens meanwhile may be there beside it
				t.Errorf("%s %d is missing", kind, id)
			}
		}
	}
}

// TestEditedDuringASync: an edit of the record does not have a page asked for again.
func TestEditedDuringASync(t *testing.T) {
	t.Parallel()
	d, r := historyDesk(t)
	edits := 0
	r.store.before = func(op string) {
		if op != "page" {
			return
		}
		if edits++; edits%2 == 0 {
			r.store.putSource(t, func(s *schemas.Source) { s.Name += "x" })
		}
	}
	run := newRunner(r.poller, mustSource(t, r.store))
	res, _ := findResource(schemas.ResourceTickets)
	run.poll(t.Context(), res, true)
	if cur := r.store.cursor(testSource, schemas.ResourceTickets); !cur.Done || cur.State != "idle" || edits < 4 {
		t.Fatalf("%+v after %d pages", cur, edits)
	}
	asked := map[string]int{}
	for _, q := range d.Requests() {
		if asked[q.Path+"?"+q.Query]++; asked[q.Path+"?"+q.Query] > 1 && strings.Contains(q.Path, "tickets") {
			t.Errorf("asked again: %s?%s", q.Path, q.Query)
		}
	}
}

// TestDisconnectedForAMoment: a runner that is told of the reconnect only reads what it dropped in between soon, not when the next run would be due.
func TestDisconnectedForAMoment(t *testing.T) {
	t.Parallel()
	_, r := historyDesk(t)
	r.poller.once.Do(r.poller.defaults)
	run := newRunner(r.poller, mustSource(t, r.store))
	if _, err := r.conn.Disconnect(t.Context(), testSource); err != nil {
		t.Fatal(err)
	}
	res, _ := findResource(schemas.ResourceUsers)
	run.poll(t.Context(), res, true)
	if cur := r.store.cursor(testSource, schemas.ResourceUsers); cur.Revision != 0 || len(r.store.all()) > 0 {
		t.Fatalf("stored while disconnected: %+v", cur)
	}
	if next := time.Until(run.states[schemas.ResourceUsers].next); next > r.poller.Retry {
		t.Errorf("next run in %s", next)
	}
	r.store.putSource(t, func(s *schemas.Source) { s.Status = schemas.SourceConnected })
	run.update(mustSource(t, r.store))
	run.poll(t.Context(), res, true)
	if cur := r.store.cursor(testSource, schemas.ResourceUsers); !cur.Done || len(r.store.ids(schemas.KindUser)) == 0 {
		t.Errorf("after the reconnect: %+v", cur)
	}
}

func mustSource(t *testing.T, m *memory) schemas.Source {
	t.Helper()
	s, err := m.Source(t.Context(), testSource)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestFetchedWhenDisconnected: what was fetched early for a webhook is not stored, nor taken for stored, when the source is disconnected meanwhile.
func TestFetchedWhenDisconnected(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{})
	ticket := newTicket(t, d, time.Now().Add(-time.Hour), newCustomer(t, d, time.Now().Add(-time.Hour), "Carla"))
	r := newRig(t, d, nil)
	r.poller.once.Do(r.poller.defaults)
	run := newRunner(r.poller, mustSource(t, r.store))
	if _, err := r.conn.Disconnect(t.Context(), testSource); err != nil {
		t.Fatal(err)
	}
	if err := run.fetch(t.Context(), []int64{ticket}, nil); !errors.Is(err, errDisconnected) || len(r.store.all()) > 0 {
		t.Fatalf("%v, %d events stored", err, len(r.store.all()))
	}
	if _, err := r.conn.Reconnect(t.Context(), testSource); err != nil {
		t.Fatal(err)
	}
	if err := run.fetch(t.Context(), []int64{ticket}, nil); err != nil || !r.store.ids(schemas.KindTicket)[ticket] {
		t.Errorf("after the reconnect: %v, tickets %v", err, r.store.ids(schemas.KindTicket))
	}
}
