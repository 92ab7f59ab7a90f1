package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
	"deskstream/schemas"
)

// withoutOne waits for the first sync of an account without one resource, which another one does not follow.
func withoutOne(t *testing.T, r *rig, missing, there string) {
	t.Helper()
	localtest.Eventually(t, "sync without "+missing, r.done)
	if cur := r.store.cursor(testSource, missing); cur.State != "idle" || !strings.Contains(cur.LastError, "not available") || cur.Rows != 0 {
		t.Errorf("%s: %+v", missing, cur)
	}
	if cur := r.store.cursor(testSource, there); cur.State != "idle" || cur.LastError != "" {
		t.Errorf("%s: %+v", there, cur)
	}
}

// pollFailure is what fails while an account is read, and what comes of it.
type pollFailure struct {
	fault zendesktest.Fault
	check func(t *testing.T, r *rig)
}

func pollFailures(t *testing.T, cases map[string]pollFailure) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := pastDesk(t, 10, 3, zendesktest.Options{PageSize: 10})
			d.Inject(c.fault)
			r := newRig(t, d, func(r *rig) { r.clients.Timeout = 500 * time.Millisecond })
			r.start(t)
			c.check(t, r)
		})
	}
}

// TestPollWithoutAResource: what the plan of an account lacks is told and fails nothing else.
func TestPollWithoutAResource(t *testing.T) {
	t.Parallel()
	pollFailures(t, map[string]pollFailure{
		"optional resource is missing": {
			zendesktest.Fault{Path: "/api/v2/business_hours", Status: 404, Times: -1},
			func(t *testing.T, r *rig) {
				localtest.Eventually(t, "sync without schedules", r.done)
				if cur := r.store.cursor(testSource, schemas.ResourceSchedules); cur.LastError == "" || cur.State != "idle" {
					t.Errorf("%+v", cur)
				}
			},
		},
		"no ticket forms on the plan": {
			zendesktest.Fault{Path: "/api/v2/ticket_forms", Status: 404, Times: -1},
			func(t *testing.T, r *rig) {
				withoutOne(t, r, schemas.ResourceTicketForms, schemas.ResourceCustomStatuses)
			},
		},
		"no custom statuses on the plan": {
			zendesktest.Fault{Path: "/api/v2/custom_statuses", Status: 403, Times: -1},
			func(t *testing.T, r *rig) {
				withoutOne(t, r, schemas.ResourceCustomStatuses, schemas.ResourceTicketForms)
			},
		},
	})
}

// TestPollFailures: what fails for a while is told, and read when it does not any more.
func TestPollFailures(t *testing.T) {
	t.Parallel()
	pollFailures(t, map[string]pollFailure{
		"needed resource fails for a while": {
			zendesktest.Fault{Path: "/api/v2/incremental/tickets", Status: 403, Times: 3},
			func(t *testing.T, r *rig) {
				localtest.Eventually(t, "failure told", func() bool {
					cur := r.store.cursor(testSource, schemas.ResourceTickets)
					return cur.State == "failing" && strings.Contains(cur.LastError, "403")
				})
				localtest.Eventually(t, "sync", r.done)
				if cur := r.store.cursor(testSource, schemas.ResourceTickets); cur.LastError != "" {
					t.Errorf("error stays: %+v", cur)
				}
			},
		},
		"slow pages": {
			zendesktest.Fault{Path: "/api/v2/incremental/tickets", Delay: 2 * time.Second, Times: 3},
			func(t *testing.T, r *rig) {
				localtest.Eventually(t, "sync", r.done)
				sizes := map[string]bool{}
				for _, q := range r.Requests() {
					if v, _ := url.ParseQuery(q.Query); strings.Contains(q.Path, "tickets/cursor") {
						sizes[v.Get("per_page")] = true
					}
				}
				if !sizes["100"] || !sizes["50"] || !sizes["25"] || !sizes["12"] {
					t.Errorf("page sizes %v", sizes)
				}
			},
		},
		"cursor refused": {
			zendesktest.Fault{Path: "/api/v2/incremental/tickets", Status: 400, Skip: 1},
			func(t *testing.T, r *rig) {
				localtest.Eventually(t, "sync", r.done)
				if len(r.store.of(schemas.KindTicket)) != len(r.Account.Tickets()) {
					t.Error("tickets are missing")
				}
			},
		},
	})
}

// TestPollWithRefusedCredentials: a refusal that lasts stops the poller until somebody authorizes the source again.
func TestPollWithRefusedCredentials(t *testing.T) {
	t.Parallel()
	pollFailures(t, map[string]pollFailure{
		"credentials die": {
			zendesktest.Fault{Path: "/api/v2/incremental/organizations", Status: 401, Times: -1},
			func(t *testing.T, r *rig) {
				localtest.Eventually(t, "source marked", func() bool {
					s, _ := r.store.Source(t.Context(), testSource)
					return s.Error == schemas.Reauthorize
				})
				localtest.Eventually(t, "poller stopped", func() bool { return r.poller.runner(testSource) == nil })
				r.ClearFaults()
				if _, err := r.conn.Authorize(t.Context(), testSource, schemas.AuthorizeRequest{Method: MethodAPIToken, Email: testEmail, Token: testToken}); err != nil {
					t.Fatal(err)
				}
				localtest.Eventually(t, "sync after a new authorization", r.done)
			},
		},
		"credentials are refused for a moment": {
			zendesktest.Fault{Path: "/api/v2/incremental/organizations", Status: 401, Times: maxRefusals},
			func(t *testing.T, r *rig) {
				localtest.Eventually(t, "sync", r.done)
				if s, _ := r.store.Source(t.Context(), testSource); s.Error != "" {
					t.Errorf("error %q", s.Error)
				}
			},
		},
	})
}

func TestPollWhileTheStoreFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, pastDesk(t, 10, 3, zendesktest.Options{PageSize: 10}), func(r *rig) { r.store.fail(errBroken) })
	r.start(t)
	localtest.Eventually(t, "failure told", func() bool { return r.store.cursor(testSource, schemas.ResourceTickets).State == "failing" })
	r.store.fail(nil)
	localtest.Eventually(t, "sync", r.done)
	if len(r.store.of(schemas.KindTicket)) != len(r.Account.Tickets()) {
		t.Error("tickets are missing")
	}
}

// TestPollPanics: a panic ends one poll alone, in the first round too, which is told and tried again like any that failed; the others go on.
func TestPollPanics(t *testing.T) {
	t.Parallel()
	d := pastDesk(t, 10, 3, zendesktest.Options{PageSize: 10})
	r := newRig(t, d, nil)
	var mended atomic.Bool
	// Behind the first page: the position that it stored is the one to go on from.
	r.store.before = func(op string) {
		if cur := r.store.cursor(testSource, schemas.ResourceTickets); op == "page" && cur.Rows > 0 && !cur.Done && !mended.Load() {
			panic("unforeseen")
		}
	}
	var log bytes.Buffer
	r.poller.Log = zerolog.New(zerolog.SyncWriter(&log))
	r.start(t)
	localtest.Eventually(t, "failure told", func() bool {
		cur := r.store.cursor(testSource, schemas.ResourceTickets)
		return cur.State == "failing" && strings.Contains(cur.LastError, "unforeseen") && cur.Rows > 0 && cur.NextRunAt != nil
	})
	mended.Store(true)
	localtest.Eventually(t, "sync", r.done)
	if len(r.store.of(schemas.KindTicket)) != len(d.Account.Tickets()) {
		t.Error("tickets are missing")
	}
	r.stop()
	if !strings.Contains(log.String(), "failures_test.go") {
		t.Errorf("no stack in the log: %s", log.String())
	}
}

// TestHostilePages walks small pages with ties on a second, through refusals, errors, cut and doubled answers, and must miss nothing.
func TestHostilePages(t *testing.T) {
	t.Parallel()
	d := newDesk(t, zendesktest.Options{PageSize: 7})
	base := time.Now().Add(-30 * 24 * time.Hour).Truncate(time.Second)
	customer := newCustomer(t, d, base, "Carla")
	for i := range 120 {
		// Eleven on each second: more than a page.
		newTicket(t, d, base.Add(time.Duration(i/11)*time.Second), customer)
	}
	for i := range 10 {
		p := []string{"/api/v2/incremental/tickets", "/api/v2/incremental/ticket_events", "/api/v2/incremental/users"}[i%3]
		for j, f := range []zendesktest.Fault{
			{Status: 429}, {Status: 500}, {Cut: true}, {Duplicate: true}, {Status: 503, RetryAfter: 1}, {Status: 200, Body: `{"tickets":[{"id`},
		} {
			if j == 4 && i > 2 {
				continue // A second each is enough.
			}
			f.Path, f.Skip = p, i*2+j
			d.Inject(f)
		}
	}
	hidden := newTicket(t, d, time.Now(), customer)
	r := newRig(t, d, func(r *rig) { r.poller.PageSize = 7; r.poller.Intervals = quick() })
	r.start(t)
	want := map[int64]bool{}
	for _, ticket := range d.Account.Tickets() {
		if ticket.ID != hidden {
			want[ticket.ID] = true
		}
	}
	localtest.Eventually(t, "all tickets through all faults", func() bool { return maps.Equal(r.store.ids(schemas.KindTicket), want) && r.done() })
	if got := len(r.store.of(schemas.KindAudit)); got != 120 {
		t.Errorf("%d audits, want 120 without the hidden minute", got)
	}
	if cur := r.store.cursor(testSource, schemas.ResourceTickets); time.Since(*cur.Through) < time.Minute {
		t.Errorf("data called complete within the hidden minute: %s", cur.Through)
	}
	for _, q := range d.Requests() {
		v, _ := url.ParseQuery(q.Query)
		if at, err := strconv.ParseInt(v.Get("start_time"), 10, 64); err == nil && strings.Contains(q.Path, "incremental") && q.At.Unix()-at < 60 {
			t.Errorf("%s asked for start_time %d seconds ago", q.Path, q.At.Unix()-at)
		}
	}
}

// TestPagesGoRound: a run whose pages come back to where they were fails instead of reading them for ever, and so does a list.
func TestPagesGoRound(t *testing.T) {
	t.Parallel()
	for _, length := range []int{2, 3, 50} {
		asked := 0
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			asked++
			at, _ := strconv.Atoi(q.URL.Query().Get("page[after]"))
			_, _ = fmt.Fprintf(w, `{"groups":[{"id":%d,"name":"x","updated_at":"2026-01-01T00:00:00Z"}],"meta":{"has_more":true,"after_cursor":"%d"}}`, at+1, at%length+1)
		}))
		defer srv.Close()
		store := newMemory()
		clients := newClients(t, store, srv.URL)
		store.putSource(t, func(s *schemas.Source) {
			s.Auth = schemas.Auth{Method: MethodAPIToken, Email: testEmail, Token: clients.Sealer.Seal(testSource, fieldToken, testToken)}
		})
		p := &Poller{Store: store, Clients: clients, Metrics: clients.Metrics, Now: time.Now, Log: testLog(t)}
		p.once.Do(p.defaults)
		s, _ := store.Source(t.Context(), testSource)
		res, _ := findResource(schemas.ResourceGroups)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		newRunner(p, s).poll(ctx, res, true)
		if cur := store.cursor(testSource, schemas.ResourceGroups); cur.State != "failing" || !strings.Contains(cur.LastError, "pages do not advance") || asked > 4*length {
			t.Errorf("round of %d: %s after %d pages, %q", length, cur.State, asked, cur.LastError)
		}
		asked = 0
		if _, err := adminClient(t, srv.URL).list(ctx, "/api/v2/groups.json", "groups"); !errors.Is(err, errCycle) || asked > 4*length {
			t.Errorf("list with a round of %d: %v after %d pages", length, err, asked)
		}
	}
}

// TestAnswersWithoutTheirList: Zendesk answers once with 200 and no list for what is asked about a ticket, its people and its schedule. That does not pass
// for an empty list: the poll fails, and the next one has it all.
func TestAnswersWithoutTheirList(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ path, resource, list string }{
		"history":    {"/api/v2/tickets/", schemas.ResourceTickets, "audits"},
		"identities": {"/api/v2/users/", schemas.ResourceTickets, "identities"},
		"authors":    {"/api/v2/users/show_many", schemas.ResourceTicketEvents, "users"},
		"holidays":   {"/api/v2/business_hours/schedules/", schemas.ResourceSchedules, "holidays"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, zendesktest.Options{})
			now := time.Now()
			for _, agent := range []string{"Gus", "Ann"} {
				u, err := d.Account.CreateUser(now.AddDate(0, 0, -30), zendesktest.NewUser{Name: agent, Email: agent + "@acme.test", Role: "agent"})
				if err != nil {
					t.Fatal(err)
				}
				id := newTicket(t, d, now.AddDate(0, 0, -20), newCustomer(t, d, now.Add(-time.Hour), agent+"s"))
				if _, err := d.Account.Update(now.Add(-time.Hour), id, zendesktest.Change{Actor: u.ID, Comment: "Hello"}); err != nil {
					t.Fatal(err)
				}
			}
			d.Account.CreateSchedule(now.Add(-time.Hour), "Day", "London", []zendesktest.Interval{{StartTime: 0, EndTime: 600}},
				zendesktest.Holiday{Name: "Off", StartDate: "2026-03-10", EndDate: "2026-03-11"})
			r := newRig(t, d, func(r *rig) { r.store.putSource(t, func(s *schemas.Source) { s.Retention.Days = 10 }) })
			d.Inject(zendesktest.Fault{Path: "/api/v2/incremental/users", Status: 403, Times: -1}) // people are asked for one by one
			d.Inject(zendesktest.Fault{Path: c.path, Status: 200, Body: `{"count":2}`, Times: -1})
			r.start(t)
			localtest.Eventually(t, "failure told", func() bool {
				cur := r.store.cursor(testSource, c.resource)
				return cur.State == "failing" && strings.Contains(cur.LastError, fmt.Sprintf("no %q in it", c.list))
			})
			d.ClearFaults()
			localtest.Eventually(t, "sync", r.done)
			ids := r.store.ids(schemas.KindUser)
			for _, u := range d.Account.Users() {
				if !ids[u.ID] {
					t.Errorf("user %d is missing", u.ID)
				}
			}
			if got := len(r.store.of(schemas.KindAudit)); got != 4 {
				t.Errorf("%d audits, want 4", got)
			}
			for _, e := range append(r.store.of(schemas.KindUser), r.store.of(schemas.KindSchedule)...) {
				if !strings.Contains(string(e.Data), `"identities":[{`) && !strings.Contains(string(e.Data), `"holidays":[{`) {
					t.Errorf("%s without its list: %.200s", e.Kind, e.Data)
				}
			}
		})
	}
}

// TestLongListIsNotCut: a list that does not come to an end is an error, not what was read of it.
func TestLongListIsNotCut(t *testing.T) {
	t.Parallel()
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = fmt.Fprintf(w, `{"groups":[],"meta":{"has_more":true,"after_cursor":"%d"}}`, asked)
	}))
	defer srv.Close()
	if rows, err := adminClient(t, srv.URL).list(t.Context(), "/api/v2/groups.json", "groups"); !errors.Is(err, schemas.ErrUnavailable) {
		t.Errorf("%d rows after %d pages, %v", len(rows), asked, err)
	}
}
