package reports

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"deskstream/schemas"
)

func (s *server) personChangeRoutes() {
	scopes := []string{scopePeople}
	handle(s, route{
		method: http.MethodPatch, path: "/v1/people/{id}", id: "change-person", tag: tagPeople, summary: "Change a person's fields or what they permit", scopes: scopes,
		detail: "Permissions hold whatever Zendesk says later: an unsubscribe outlives every sync, merge and resync. Of a field's value the newest word " +
			"counts, yours or Zendesk's.",
	}, s.patchPerson)
	step := func(name, summary, detail string, archived bool) {
		handle(s, route{
			method: http.MethodPost, path: "/v1/people/{id}/" + name, id: name + "-person", tag: tagPeople, summary: summary, detail: detail, scopes: scopes,
		}, func(ctx context.Context, in *byID) (*answer[person], error) {
			return reply(s.changePerson(ctx, in.ID, schemas.PersonChange{Archived: &archived}))
		})
	}
	step("archive", "Archive a person", "Whoever is archived is in no search, audience or snapshot. What Zendesk says goes on to be kept for them. After 29 days "+
		"they are erased for good, as DELETE does, unless they are restored.", true)
	step("restore", "Bring an archived person back", "", false)
}

type personPatch struct {
	ID   string `path:"id" maxLength:"1033"`
	Body personValues
}

func (s *server) patchPerson(ctx context.Context, in *personPatch) (*answer[person], error) {
	if in.Body.empty() {
		return nil, schemas.Invalid("body", "must set a field of the person: first_name, last_name, email, phone_number, external_id, language, timezone, "+
			"permissions.email, permissions.sms or one in custom")
	}
	bad := in.Body.clean("body.")
	if err := s.refuseKept(ctx, in.Body.Custom, "body.", &bad); err != nil {
		return nil, err
	}
	if err := invalidFields(bad); err != nil {
		return nil, err
	}
	return reply(s.changePerson(ctx, in.ID, in.Body.change(time.Time{})))
}

// changeShows is how long a change is waited for until it can be read back.
const changeShows = 5 * time.Second

// changePerson stores a change of a person and answers the person with it, if possible once everybody sees it.
func (s *server) changePerson(ctx context.Context, name string, c schemas.PersonChange) (person, error) {
	who, err := s.person(ctx, name)
	if err != nil {
		return person{}, err
	}
	if len(who.userIDs) == 0 {
		return person{}, &schemas.Problem{Class: schemas.ErrConflict, Code: "no-user", Detail: "the person has no user that the change could be kept for"}
	}
	if err := s.fits(ctx, who, c.Custom); err != nil {
		return person{}, err
	}
	c.At = s.Now().UTC()
	events, err := changeEvents(who, c)
	if err != nil {
		return person{}, err
	}
	if err := s.Events.Publish(ctx, events...); err != nil {
		return person{}, storeError(err)
	}
	s.reflect(ctx, who.account)
	if now, err := s.person(ctx, who.ID); err == nil && !slices.Equal(now.userIDs, who.userIDs) {
		return *now, nil // An identifier that was told has made it one with another person, or two.
	}
	applyChange(who, c)
	return *who, nil
}

// after gives the time of a change of a person, that is made now by our clock: it is newer than all that is shown of the person, though another clock was
// ahead of ours.
func after(shown, now time.Time) time.Time {
	if now.Unix() < shown.Unix() {
		return shown.UTC().Add(time.Second)
	}
	return now
}

// changeEvents tells decisions to all users of the person, so that they stay with each of them, and values to the one that leads.
func changeEvents(who *person, c schemas.PersonChange) ([]schemas.Event, error) {
	var events []schemas.Event
	c.At = after(who.UpdatedAt, c.At)
	decided := c.Email != nil || c.SMS != nil || c.Archived != nil
	for i, id := range who.userIDs {
		c.ID = schemas.ZID(id)
		if i > 0 {
			if !decided {
				break
			}
			c.Values, c.Custom = schemas.PersonValues{}, nil
		}
		e, err := apiEvent(who.account, who.source(), schemas.KindPerson, c.At, c)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// source is the source whose settings hold for what is said about the person, the newest one; "" = the standard ones.
func (p *person) source() string {
	if len(p.Sources) == 0 {
		return ""
	}
	return p.Sources[len(p.Sources)-1]
}

// apiEvent is an event of our own making.
func apiEvent(account, source string, kind schemas.Kind, at time.Time, body any) (schemas.Event, error) {
	data, err := schemas.Marshal(body)
	if err != nil {
		return schemas.Event{}, fmt.Errorf("event %s: %w", kind, err)
	}
	return schemas.Event{
		ID: "api:" + account + ":" + string(kind) + ":" + strings.ToLower(rand.Text()), Kind: kind, Source: source, Account: account,
		Via: "api", ReceivedAt: at, Data: data,
	}, nil
}

// reflect waits until what was published for an account can be read back, or for some time: it is stored in any case. It says whether it can be.
func (s *server) reflect(ctx context.Context, account string) bool {
	ctx, cancel := context.WithTimeout(ctx, changeShows)
	defer cancel()
	return s.Events.Reflected(ctx, account, schemas.TablePeople, schemas.TablePersonAliases, schemas.TablePersonMerges, schemas.TablePersonIdentities) == nil
}

// fieldsOf lists the fields of a person in the order in which PersonValues has them.
func fieldsOf(p *person) []*string {
	return []*string{&p.FirstName, &p.LastName, &p.Email, &p.PhoneNumber, &p.Language, &p.Timezone, &p.ExternalID}
}

func jsonText(v any) string {
	b, err := schemas.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
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
	to := fieldsOf(p)
	for i, told := range c.Values.All() {
		if told != nil {
			*to[i] = *told
		}
	}
	p.Custom = maps.Clone(p.Custom)
	for key, raw := range c.Custom {
		if value := jsonValue(string(raw)); value != nil {
			p.Custom[key] = value
		} else {
			delete(p.Custom, key)
		}
	}
}
