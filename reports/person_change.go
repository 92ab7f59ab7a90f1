package reports

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"deskstream/schemas"
)

func (s *server) personChangeRoutes() {
	scopes := []string{scopePeople}
	handle(s, route{
		method: http.MethodPatch, path: "/v1/people/{id}", id: "change-person", tag: tagPeople, summary: "Change what a person permits", scopes: scopes,
		detail: "What is set here holds whatever Zendesk says later: an unsubscribe outlives every sync, merge and resync. The newest word counts.",
	}, s.patchPerson)
	step := func(name, summary string, archived bool) {
		handle(s, route{
			method: http.MethodPost, path: "/v1/people/{id}/" + name, id: name + "-person", tag: tagPeople, summary: summary, scopes: scopes,
		}, func(ctx context.Context, in *byID) (*answer[person], error) {
			return reply(s.changePerson(ctx, in.ID, schemas.PersonChange{Archived: &archived}))
		})
	}
	step("archive", "Archive a person", true)
	step("restore", "Bring an archived person back", false)
}

type personPatch struct {
	ID   string `path:"id" maxLength:"400"`
	Body struct {
		Permissions struct {
			Email *bool `json:"email,omitempty" doc:"May be mailed"`
			SMS   *bool `json:"sms,omitempty" doc:"May be texted"`
		} `json:"permissions"`
	}
}

func (s *server) patchPerson(ctx context.Context, in *personPatch) (*answer[person], error) {
	p := in.Body.Permissions
	if p.Email == nil && p.SMS == nil {
		return nil, schemas.Invalid("body.permissions", "must set email, sms or both to true or false")
	}
	return reply(s.changePerson(ctx, in.ID, schemas.PersonChange{Email: p.Email, SMS: p.SMS}))
}

const (
	// changeShows is how long a change is waited for until it can be read back, looked at every changeLook.
	changeShows = 5 * time.Second
	changeLook  = 50 * time.Millisecond
)

// changePerson stores a change for all users of a person and answers the person with it, if possible once everybody sees it.
func (s *server) changePerson(ctx context.Context, name string, c schemas.PersonChange) (person, error) {
	who, err := s.person(ctx, name)
	if err != nil {
		return person{}, err
	}
	if len(who.userIDs) == 0 || len(who.Sources) == 0 {
		return person{}, &schemas.Problem{Class: schemas.ErrConflict, Code: "no-user", Detail: "the person has no user that the change could be kept for"}
	}
	c.At = s.Now().UTC()
	events := make([]schemas.Event, 0, len(who.userIDs))
	for _, id := range who.userIDs {
		c.ID = schemas.ZID(id)
		data, err := json.Marshal(c)
		if err != nil {
			return person{}, fmt.Errorf("change of a person: %w", err)
		}
		events = append(events, schemas.Event{
			ID: "api:" + who.account + ":person:" + strings.ToLower(rand.Text()), Kind: schemas.KindPerson, Source: who.Sources[0], Account: who.account,
			Via: "api", ReceivedAt: c.At, Data: data,
		})
	}
	if err := s.Events.Publish(ctx, events...); err != nil {
		return person{}, storeError(err)
	}
	s.awaitChange(ctx, name, c)
	applyChange(who, c)
	return *who, nil
}

// awaitChange returns when the change can be read, or after some time: it is stored in any case.
func (s *server) awaitChange(ctx context.Context, name string, c schemas.PersonChange) {
	ctx, cancel := context.WithTimeout(ctx, changeShows)
	defer cancel()
	for {
		seen, err := s.person(ctx, name)
		if err == nil {
			before := *seen
			if applyChange(seen, c); before.Permissions == seen.Permissions && before.Archived == seen.Archived {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(changeLook):
		}
	}
}

func applyChange(p *person, c schemas.PersonChange) {
	for _, d := range []struct {
		to   *bool
		told *bool
	}{{&p.Permissions.Email, c.Email}, {&p.Permissions.SMS, c.SMS}, {&p.Archived, c.Archived}} {
		if d.told != nil {
			*d.to = *d.told
		}
	}
}
