package reports

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"deskstream/schemas"
)

// TestErasePerson checks what is recorded and answered; the record is worked off elsewhere.
func TestErasePerson(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, readOnly(t).db, nil)
	s.store.erases = true
	var r receipt
	s.want(200, s.call("DELETE", "/v1/people/email:jo@x.test", "people-key", nil), &r)
	e := s.store.erasures[r.ID]
	if r.State != schemas.ErasureDone || r.PersonID != "p_2001" || !r.RequestedAt.Equal(testNow) || r.FinishedAt == nil || r.Removed["people"] != 3 || len(r.Kept) == 0 {
		t.Errorf("%+v", r)
	}
	if e.Account != testAccount || e.Source != testSource || len(e.UserIDs) != 2 || e.UserIDs[0] != 2001 || e.UserIDs[1] != 2004 || len(e.OwnIDs) != 2 {
		t.Errorf("%+v", e)
	}
	body := string(s.call("GET", "/v1/erasures/"+r.ID, "people-key", nil).body)
	if !strings.Contains(body, r.ID) {
		t.Error(body)
	}
	for _, personal := range []string{"jo@x", "Jo"} {
		if strings.Contains(body, personal) {
			t.Errorf("the receipt holds %s: %s", personal, body)
		}
	}
	s.wantProblem(s.call("GET", "/v1/erasures/er_none", "people-key", nil), 404, "no-such-erasure")
	s.wantProblem(s.call("DELETE", "/v1/people/p_nobody", "people-key", nil), 404, "no-such-person")
	s.wantProblem(s.call("DELETE", "/v1/people/p_2001", "reports-key", nil), 403, "scope-missing")
	s.store.fail = schemas.ErrUnavailable
	s.wantProblem(s.call("DELETE", "/v1/people/p_2001", "people-key", nil), 503, "unavailable")
	s.wantProblem(s.call("GET", "/v1/erasures/"+r.ID, "people-key", nil), 503, "unavailable")
}

// TestErasureThatGoesOnIsInTheDocument: who does not wait for the end of an erasure has 202 and the receipt so far, as the document says.
func TestErasureThatGoesOnIsInTheDocument(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	s := newTestServer(t, readOnly(t).db, func(o *Options) { o.Erasures = leaving{o.Erasures, leave} })
	r := httptest.NewRequestWithContext(ctx, "DELETE", "/v1/people/p_2001", nil)
	r.Header.Set("Authorization", "Bearer people-key")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	answer := response{w.Result(), w.Body.Bytes()}
	var got receipt
	if s.want(202, answer, &got); got.State != schemas.ErasureRunning || got.PersonID != "p_2001" {
		t.Errorf("%+v", got)
	}
	s.wantDeclared("DELETE", "/v1/people/{id}", answer)
}

// leaving are erasures whose caller leaves when one is recorded.
type leaving struct {
	Erasures
	leave context.CancelFunc
}

func (l leaving) PutErasure(ctx context.Context, e *schemas.Erasure) error {
	defer l.leave()
	return l.Erasures.PutErasure(ctx, e)
}

// TestErasePersonTwice: a second request finds the erasure that goes on, or has ended since the person was looked up; when the person is there
// again after that, it is another erasure, and the receipt of the first one stays.
func TestErasePersonTwice(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, readOnly(t).db, nil)
	who := &person{ID: "p_1", Sources: []string{testSource}, userIDs: []int64{1}, ownIDs: []string{"p_1"}, account: testAccount}
	record := func(found time.Time) schemas.Erasure {
		t.Helper()
		e, err := s.recordErasure(t.Context(), who, found)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	ids := map[string]bool{}
	for range 3 {
		e := record(testNow)
		if e.State != schemas.ErasureRunning || e.FinishedAt != nil || len(e.Removed) > 0 || ids[e.ID] {
			t.Fatalf("%+v after %v", e, ids)
		}
		ids[e.ID] = true
		if same := record(testNow); same.ID != e.ID || same.Revision != e.Revision {
			t.Fatalf("%+v while there is %+v", same, e)
		}
		e.State, e.FinishedAt, e.Removed = schemas.ErasureDone, &testNow, map[string]uint64{"people": 1}
		if err := s.store.PutErasure(t.Context(), &e); err != nil {
			t.Fatal(err)
		}
		if same := record(testNow.Add(-time.Second)); !ids[same.ID] || same.State != schemas.ErasureDone {
			t.Fatalf("%+v ended since the person was found: %+v", e, same)
		}
	}
	for id := range ids {
		if e := s.store.erasures[id]; e.State != schemas.ErasureDone || e.Removed["people"] != 1 {
			t.Errorf("the receipt is %+v", e)
		}
	}
	_, err := s.recordErasure(t.Context(), &person{ID: "p_2", account: testAccount}, testNow)
	if p := problemOf(err); p.Status != 409 {
		t.Errorf("nobody's person: %v", err)
	}
	told := &person{ID: "p_3", userIDs: []int64{int64(schemas.FirstOwnUser)}, ownIDs: []string{"p_3"}, account: testAccount}
	if e, err := s.recordErasure(t.Context(), told, testNow); err != nil || e.Source != "" {
		t.Errorf("a person whom no source brought: %+v, %v", e, err)
	}
}

// TestArchivedAreErased: on a clock, people are erased when they were archived for 29 days, whoever archived them and whatever was said of
// them since; so are those whom Zendesk deleted for good; nobody else is.
func TestArchivedAreErased(t *testing.T) {
	t.Parallel()
	clock := clockwork.NewFakeClockAt(testNow)
	s := newTestServer(t, openDatabase(t), func(o *Options) { o.Now = clock.Now })
	s.store.erases = true
	row := func(source string, days int, users ...int64) {
		r := schemas.PersonRow{
			Account: testAccount, PersonID: schemas.OwnPersonID(testAccount, schemas.ZID(users[0])), SourceIDs: []string{source}, Custom: "{}", Zendesk: "{}",
			UserIDs: users, UpdatedAt: testNow,
		}
		if days > 0 {
			r.Archived, r.ArchivedAt = 1, new(testNow.AddDate(0, 0, -days).Add(time.Minute))
		}
		for _, u := range users {
			r.OwnIDs = append(r.OwnIDs, schemas.OwnPersonID(testAccount, schemas.ZID(u)))
		}
		insertInto(t, s.db, schemas.TablePeople, r)
	}
	const own = int64(schemas.FirstOwnUser) + 5
	row(testSource, 29, 1)
	row(testSource, 30, 2, 12)
	row(testSource, 28, 3)
	row(testSource, 0, 4)
	row("", 90, own) // nobody of Zendesk
	for _, r := range []struct {
		user int64
		mark string
	}{{6, schemas.PersonDeletedForGood}, {7, schemas.PersonDeletedForGood}, {7, "{}"}} { // the second one is erased already
		id := schemas.OwnPersonID(testAccount, schemas.ZID(r.user))
		insertInto(t, s.db, schemas.TablePeople, schemas.PersonRow{
			Account: testAccount, PersonID: id, SourceIDs: []string{testSource}, Custom: "{}", Zendesk: r.mark, UserIDs: []int64{r.user}, OwnIDs: []string{id}, IsDeleted: 1,
		})
	}
	ids := []string{schemas.OwnPersonID(testAccount, 8), schemas.OwnPersonID(testAccount, 9)}
	insertInto(t, s.db, schemas.TablePeople, schemas.PersonRow{ // with one that it absorbed, and counting as somebody who stays
		Account: testAccount, PersonID: ids[0], SourceIDs: []string{testSource}, Custom: "{}", Zendesk: schemas.PersonDeletedForGood, UserIDs: []int64{4, 8, 9}, OwnIDs: ids, IsDeleted: 1,
	})
	erased := func() (users []int64) {
		s.store.mu.Lock()
		defer s.store.mu.Unlock()
		for _, e := range s.store.erasures {
			users = append(users, e.UserIDs...)
		}
		slices.Sort(users)
		return slices.Compact(users) // nothing removes them from the table here, so that they are erased again
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- (&API{s.server}).RunDue(ctx, clock) }()
	for _, step := range []struct {
		wait time.Duration
		want []int64
	}{{0, []int64{2, 6, 8, 9, 12, own}}, {time.Hour, []int64{1, 2, 6, 8, 9, 12, own}}, {24 * time.Hour, []int64{1, 2, 3, 6, 8, 9, 12, own}}} {
		if step.wait > 0 {
			if err := clock.BlockUntilContext(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			clock.Advance(step.wait)
		}
		for deadline := time.Now().Add(2 * time.Minute); !slices.Equal(erased(), step.want); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("after %s: erased %v, want %v", step.wait, erased(), step.want)
			}
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func (m *memory) PutErasure(_ context.Context, e *schemas.Erasure) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail == nil && m.erasures[e.ID].Revision != e.Revision {
		return schemas.ErrFenced
	}
	e.Revision++
	done := *e
	if m.erases {
		done.State, done.FinishedAt, done.Removed = schemas.ErasureDone, &testNow, map[string]uint64{"people": 3}
	}
	if m.erasures == nil {
		m.erasures = map[string]schemas.Erasure{}
	}
	m.erasures[e.ID] = done
	return m.fail
}

func (m *memory) Erasure(_ context.Context, id string) (schemas.Erasure, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.erasures[id]
	if m.fail == nil && !ok {
		return e, schemas.ErrNotFound
	}
	return e, m.fail
}
