package reports

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"deskstream/schemas"
)

// Erasures keeps the records of erasures; something else does the work. PutErasure is a compare-and-set on Revision (0 = there must be
// none) and gives schemas.ErrFenced when another writer was faster, Erasure gives schemas.ErrNotFound.
type Erasures interface {
	PutErasure(ctx context.Context, e *schemas.Erasure) error
	Erasure(ctx context.Context, id string) (schemas.Erasure, error)
}

const (
	// erasureEnds is how long the end of an erasure is waited for, looked at every erasureLook.
	erasureEnds = 10 * time.Second
	erasureLook = 100 * time.Millisecond
)

func (s *server) erasureRoutes() {
	scopes := []string{scopePeople}
	handle(s, route{
		method: http.MethodDelete, path: "/v1/people/{id}", id: "erase-person", tag: tagPeople, summary: "Erase a person for good", scopes: scopes,
		others: []int{http.StatusAccepted},
		detail: "Removes the person and what they wrote from tables, processing state, stored events and dead letters, on the disk too. Tickets, " +
			"activities and figures stay, without texts. Nothing brings the person back: not the poll, a webhook or a resync. Answers a receipt " +
			"with 200 when it is done, or with 202 while it goes on; GET /v1/erasures/{id} tells its end.",
	}, s.erasePerson)
	handle(s, route{
		method: http.MethodGet, path: "/v1/erasures/{id}", id: "get-erasure", tag: tagPeople, summary: "The receipt of an erasure", scopes: scopes,
	}, func(ctx context.Context, in *byID) (*answer[receipt], error) {
		e, err := s.Erasures.Erasure(ctx, in.ID)
		if errors.Is(err, schemas.ErrNotFound) {
			err = &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-erasure", Detail: "there is no erasure of this id"}
		}
		return reply(receiptOf(&e), storeError(err))
	})
}

// receipt proves an erasure and holds nothing personal.
type receipt struct {
	ID          string               `json:"id"`
	State       schemas.ErasureState `json:"state" enum:"running,done"`
	PersonID    string               `json:"person_id" doc:"Hash of a Zendesk number"`
	RequestedAt time.Time            `json:"requested_at"`
	FinishedAt  *time.Time           `json:"finished_at"`
	Removed     map[string]uint64    `json:"removed"`
	Kept        []string             `json:"kept" doc:"What stays"`
}

// TransformSchema is read by huma.
func (*receipt) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return documented(s, "removed", "Rows by table that were removed or lost their texts, in all versions; raw_events, dead_letters, "+
		"and stream_messages kept for other programs, that were overwritten")
}

// keptAfterErasure says what an erasure leaves.
var keptAfterErasure = []string{
	"tickets, their events, times, tags and numbers, so that no figure moves",
	"the Zendesk numbers of the person's users and tickets, and hashes of them",
	"activities without texts, and their counts",
	"what others wrote about the person in tickets of other requesters",
	"databases that `deskstream replay --into` made on a ClickHouse server that is not the one in use, and backups",
	"this receipt",
}

func receiptOf(e *schemas.Erasure) receipt {
	r := receipt{
		ID: e.ID, State: e.State, PersonID: e.PersonID, RequestedAt: e.RequestedAt, FinishedAt: e.FinishedAt, Removed: e.Removed, Kept: keptAfterErasure,
	}
	if r.Removed == nil {
		r.Removed = map[string]uint64{}
	}
	return r
}

type receiptAnswer struct {
	Status int
	Body   receipt
}

func (s *server) erasePerson(ctx context.Context, in *byID) (*receiptAnswer, error) {
	found := s.Now()
	who, err := s.person(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	e, err := s.recordErasure(ctx, who, found)
	if err != nil {
		return nil, storeError(err)
	}
	out := &receiptAnswer{Status: http.StatusOK}
	if e = s.awaitErasure(ctx, e); e.State != schemas.ErasureDone {
		out.Status = http.StatusAccepted
	}
	out.Body = receiptOf(&e)
	return out, nil
}

// recordErasure stores that a person is to be erased, who was looked up at a time. An erasure of the same person that goes on, or has ended since,
// is that one; otherwise the person is there again after those that have ended, whose receipts stay.
func (s *server) recordErasure(ctx context.Context, who *person, found time.Time) (schemas.Erasure, error) {
	if len(who.userIDs) == 0 {
		return schemas.Erasure{}, &schemas.Problem{Class: schemas.ErrConflict, Code: "no-user", Detail: "the person has no user that could be erased"}
	}
	e := schemas.Erasure{
		State: schemas.ErasureRunning, Account: who.account, Source: who.source(), PersonID: who.ID, UserIDs: who.userIDs, OwnIDs: who.ownIDs,
		RequestedAt: s.Now().UTC(),
	}
	for n := 1; ; n++ {
		e.ID = erasureID(who, n)
		old, err := s.Erasures.Erasure(ctx, e.ID)
		if errors.Is(err, schemas.ErrNotFound) {
			break
		}
		if err != nil || old.State == schemas.ErasureRunning || old.FinishedAt != nil && old.FinishedAt.After(found) {
			return old, err
		}
	}
	if err := s.Erasures.PutErasure(ctx, &e); errors.Is(err, schemas.ErrFenced) {
		return s.Erasures.Erasure(ctx, e.ID) // asked for twice at the same time
	} else if err != nil {
		return e, err
	}
	return e, nil
}

// erasureID names the erasures of a person, counted from 1.
func erasureID(who *person, n int) string {
	parts := []string{who.account, who.ID}
	if n > 1 {
		parts = append(parts, strconv.Itoa(n))
	}
	return "er_" + schemas.HashID(parts...)
}

// awaitErasure gives the record once the erasure has ended, or after some time as it is.
func (s *server) awaitErasure(ctx context.Context, e schemas.Erasure) schemas.Erasure {
	ctx, cancel := context.WithTimeout(ctx, erasureEnds)
	defer cancel()
	for e.State != schemas.ErasureDone {
		select {
		case <-ctx.Done():
			return e
		case <-time.After(erasureLook):
		}
		if now, err := s.Erasures.Erasure(ctx, e.ID); err == nil {
			e = now
		}
	}
	return e
}
