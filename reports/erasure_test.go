package reports

import (
	"context"
	"strings"
	"testing"

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

// TestErasePersonTwice: a second request finds the erasure that goes on; once it has ended, and the person is there all the same, it begins
// anew.
func TestErasePersonTwice(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, readOnly(t).db, nil)
	who := &person{ID: "p_1", Sources: []string{testSource}, userIDs: []int64{1}, ownIDs: []string{"p_1"}, account: testAccount}
	first, err := s.recordErasure(t.Context(), who)
	if err != nil || first.State != schemas.ErasureRunning {
		t.Fatalf("%+v, %v", first, err)
	}
	same, err := s.recordErasure(t.Context(), who)
	if err != nil || same.Revision != first.Revision {
		t.Fatalf("%+v, %v", same, err)
	}
	first.State, first.Removed = schemas.ErasureDone, map[string]uint64{"people": 1}
	if err := s.store.PutErasure(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	again, err := s.recordErasure(t.Context(), who)
	if err != nil || again.State != schemas.ErasureRunning || again.Revision == first.Revision || again.FinishedAt != nil || len(again.Removed) != 0 {
		t.Fatalf("%+v, %v", again, err)
	}
	_, err = s.recordErasure(t.Context(), &person{ID: "p_2", account: testAccount})
	if p := problemOf(err); p.Status != 409 {
		t.Errorf("nobody's person: %v", err)
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
