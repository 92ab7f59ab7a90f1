package reports

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"deskstream/schemas"
)

// mostRetries is how many deliveries of an audience may wait to be made again.
const mostRetries = 1000

func (s *server) deliveryRoutes() {
	scopes := []string{scopePeople}
	const path = "/v1/audiences/{id}/deliveries"
	handle(s, route{
		method: http.MethodGet, path: path, id: "list-audience-deliveries", tag: tagAudiences,
		summary: "Entries that could not be posted, newest first, and how posting goes", scopes: scopes,
	}, s.audienceDeliveries)
	handle(s, route{
		method: http.MethodPost, path: path + "/{delivery}/retry", id: "retry-audience-delivery", tag: tagAudiences, summary: "Post an entry again that was given up", scopes: scopes,
		status: http.StatusAccepted, detail: "It is posted at once. When it is taken it leaves the list, else the list has the new reason.",
	}, s.retryDelivery)
}

type deliveriesView struct {
	Delivered     uint64     `json:"delivered" doc:"Posts that were taken"`
	Dead          uint64     `json:"dead" doc:"Entries that were given up, those that were posted later too"`
	LastError     string     `json:"last_error" doc:"Of the last post; empty when it was taken"`
	FailingSince  *time.Time `json:"failing_since" doc:"null = the target answers"`
	NextAttemptAt *time.Time `json:"next_attempt_at" doc:"When the entry that failed is posted again; null = nothing waits"`

	Items      []deliveryItem `json:"items"`
	NextCursor *string        `json:"next_cursor" doc:"Where the next page begins; null on the last one"`
}

type deliveryItem struct {
	ID         string    `json:"id" doc:"Of the entry, as in the header Deskstream-Delivery"`
	Event      string    `json:"event" enum:"entered,left"`
	At         time.Time `json:"at"`
	PersonID   string    `json:"person_id" doc:"The person at that time"`
	Activity   string    `json:"activity,omitempty"`
	ActivityID string    `json:"activity_id,omitempty"`
	Reason     string    `json:"reason"`
	FailedAt   time.Time `json:"failed_at"`
	Retrying   bool      `json:"retrying" doc:"It was asked for again and is about to be posted"`
}

func (s *server) audienceDeliveries(ctx context.Context, in *audienceLogInput) (*answer[deliveriesView], error) {
	if _, err := s.audienceOf(ctx, in.ID); err != nil {
		return nil, err
	}
	before := ^uint64(0)
	if _, err := decodeCursor("deliveries", in.Cursor, &before); err != nil {
		return nil, err
	}
	at, err := s.Deliveries.Delivery(ctx, in.ID)
	if err != nil {
		return nil, storeError(err)
	}
	all, err := s.Deliveries.Undelivered(ctx, in.ID)
	if err != nil {
		return nil, storeError(err)
	}
	all = slices.DeleteFunc(all, func(u schemas.Undelivered) bool { return u.Seq >= before })
	slices.Reverse(all)
	shown, more := cut(all, in.Limit)
	out := viewDeliveries(&at, shown)
	if more {
		out.NextCursor, err = encodeCursor("deliveries", shown[len(shown)-1].Seq)
	}
	return reply(out, err)
}

func viewDeliveries(at *schemas.Delivery, dead []schemas.Undelivered) deliveriesView {
	out := deliveriesView{Delivered: at.Delivered, Dead: at.Dead, LastError: at.LastError, FailingSince: moment(at.FailingSince), NextAttemptAt: moment(at.NextAttemptAt)}
	out.Items = make([]deliveryItem, len(dead))
	for i, u := range dead {
		out.Items[i] = deliveryItem{
			ID: u.ID, Event: u.Event, At: u.At.UTC(), PersonID: u.PersonID, Activity: u.Activity, ActivityID: u.ActivityID, Reason: u.Reason,
			FailedAt: u.FailedAt.UTC(), Retrying: slices.Contains(at.Retry, u.ID),
		}
	}
	return out
}

// moment gives nil for the zero time.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

type retryDeliveryInput struct {
	ID       string `path:"id" maxLength:"100"`
	Delivery string `path:"delivery" maxLength:"100"`
}

func (s *server) retryDelivery(ctx context.Context, in *retryDeliveryInput) (*none, error) {
	a, err := s.audienceOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if a.Deliver == nil {
		return nil, &schemas.Problem{Class: schemas.ErrConflict, Code: "no-target", Detail: "the audience has no deliver; set it first"}
	}
	all, err := s.Deliveries.Undelivered(ctx, in.ID)
	if err != nil {
		return nil, storeError(err)
	}
	if !slices.ContainsFunc(all, func(u schemas.Undelivered) bool { return u.ID == in.Delivery }) {
		return nil, &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-delivery", Detail: "no delivery of this id was given up"}
	}
	return nil, s.askAgain(ctx, in.ID, in.Delivery)
}

// askAgain records that a delivery is to be made again, again if another writer was faster.
func (s *server) askAgain(ctx context.Context, audience, delivery string) error {
	return retried(func() error {
		at, err := s.Deliveries.Delivery(ctx, audience)
		if err != nil {
			return storeError(err)
		}
		if slices.Contains(at.Retry, delivery) {
			return nil
		}
		if len(at.Retry) >= mostRetries {
			return &schemas.Problem{Class: schemas.ErrConflict, Code: "too-many-retries", Detail: fmt.Sprintf("%d deliveries wait to be made again already", mostRetries)}
		}
		at.Retry = append(at.Retry, delivery)
		return storeError(s.Deliveries.PutDelivery(ctx, &at))
	})
}
