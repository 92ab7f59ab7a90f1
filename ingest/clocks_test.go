package ingest

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// skewed gives a rig whose clock is so far ahead of Zendesk's.
func skewed(t *testing.T, d *desk, zendesk func() time.Time, ahead time.Duration) *rig {
	t.Helper()
	return newRig(t, d, func(r *rig) {
		r.poller.Now = func() time.Time { return zendesk().Add(ahead) }
		r.clients.Now, r.conn.Now = r.poller.Now, r.poller.Now
	})
}

// TestRefusedCursorUnderAWrongClock: what changed since the last poll comes although its cursor is refused and our clock is wrong, because it is known by
// Zendesk's time up to when the data is complete.
func TestRefusedCursorUnderAWrongClock(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{-10 * time.Minute, 0, 10 * time.Minute} {
		t.Run(ahead.String(), func(t *testing.T) {
			t.Parallel()
			base := time.Now().Add(-2 * time.Hour).Truncate(time.Second)
			var passed atomic.Int64
			zendesk := func() time.Time { return base.Add(time.Duration(passed.Load())) }
			d := newDesk(t, zendesktest.Options{Now: zendesk})
			carla := newCustomer(t, d, base.Add(-time.Hour), "Carla")
			newTicket(t, d, base.Add(-30*time.Minute), carla)
			r := skewed(t, d, zendesk, ahead)
			r.start(t)
			localtest.Eventually(t, "first sync", r.done)
			r.stop()
			through := r.store.cursor(testSource, schemas.ResourceTickets).Through
			if most := base.Add(-time.Minute); through.After(most) || through.Before(most.Add(-2*time.Second)) {
				t.Errorf("complete up to %s, Zendesk's time is %s", through, base)
			}
			late := newTicket(t, d, base.Add(time.Minute), carla)
			passed.Store(int64(30 * time.Minute))
			d.Inject(zendesktest.Fault{Path: "/api/v2/incremental/tickets/cursor", Status: http.StatusBadRequest, Times: 1})
			r.restart(t)
			localtest.Eventually(t, "poll from anew", func() bool {
				cur := r.store.cursor(testSource, schemas.ResourceTickets)
				return cur.State == "idle" && cur.Through.After(*through)
			})
			if !r.store.ids(schemas.KindTicket)[late] {
				t.Error("a ticket made a minute after the first sync was not read")
			}
		})
	}
}

// TestManyEventsWhileTheClockIsBehind: more than a page of events, all of them later than our clock, are read to their end.
func TestManyEventsWhileTheClockIsBehind(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{HideTickets: -1, HideOthers: -1})
	now := time.Now()
	carla := newCustomer(t, d, now.Add(-3*time.Hour), "Carla")
	for i := range 400 {
		newTicket(t, d, now.Add(-9*time.Minute).Add(time.Duration(i)*time.Second), carla)
	}
	r := skewed(t, d, time.Now, -10*time.Minute)
	r.start(t)
	localtest.Eventually(t, "first sync", r.done)
	if got := len(r.store.ids(schemas.KindAudit)); got != 400 {
		t.Errorf("%d audits read, want 400", got)
	}
}

func TestAuthorizeUnderAWrongClock(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{-10 * time.Minute, 3 * time.Minute, 24 * time.Hour} {
		r := skewed(t, newDesk(t, zendesktest.Options{}), time.Now, ahead)
		if _, err := r.conn.Authorize(t.Context(), testSource, schemas.AuthorizeRequest{Method: MethodAPIToken, Email: testEmail, Token: testToken}); err != nil {
			t.Errorf("%s ahead: %v", ahead, err)
		}
	}
}

// TestZendesksTime: an answer that may be of our time leaves our clock as it is; else Zendesk's is as early as it can be.
func TestZendesksTime(t *testing.T) {
	t.Parallel()
	sent := time.Date(2026, 3, 1, 12, 0, 0, 500e6, time.UTC)
	for date, want := range map[string]time.Duration{
		"Sun, 01 Mar 2026 11:59:58 GMT": -5500 * time.Millisecond, "Sun, 01 Mar 2026 11:59:59 GMT": -4500 * time.Millisecond,
		"Sun, 01 Mar 2026 12:00:00 GMT": 0, "Sun, 01 Mar 2026 12:00:03 GMT": 0, "Sun, 01 Mar 2026 12:00:04 GMT": 500 * time.Millisecond, "": 42, "today": 42,
	} {
		b := &budget{}
		b.ahead.Store(42)
		if b.learnTime(http.Header{"Date": {date}}, sent, sent.Add(3*time.Second)); time.Duration(b.ahead.Load()) != want {
			t.Errorf("%q: %s ahead, want %s", date, time.Duration(b.ahead.Load()), want)
		}
	}
}

// TestClockPutRight: what is to run an hour later, because the clock was ahead for a moment, runs when it is put right, by the poller that put it there and by
// the next one.
func TestClockPutRight(t *testing.T) {
	t.Parallel()
	for _, restarted := range []bool{false, true} {
		d := newDesk(t, zendesktest.Options{HideTickets: -1})
		carla := newCustomer(t, d, time.Now().Add(-time.Hour), "Carla")
		var ahead atomic.Int64
		r := newRig(t, d, func(r *rig) {
			r.poller.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
			r.clients.Now, r.poller.Intervals = r.poller.Now, quick()
		})
		r.start(t)
		localtest.Eventually(t, "first sync", r.done)
		ahead.Store(int64(time.Hour))
		localtest.Eventually(t, "run an hour ahead", func() bool {
			return time.Until(*r.store.cursor(testSource, schemas.ResourceTickets).NextRunAt) > 50*time.Minute
		})
		if restarted {
			r.stop()
		}
		ahead.Store(0)
		ticket := newTicket(t, d, time.Now().Add(-time.Minute), carla)
		if restarted {
			r.restart(t)
		}
		localtest.Eventually(t, "ticket made behind the correction", func() bool { return r.store.ids(schemas.KindTicket)[ticket] })
	}
}
