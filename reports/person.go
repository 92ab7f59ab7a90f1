package reports

import (
	"context"
	"net/http"
	"strings"
	"time"

	"deskstream/schemas"
)

const tagPeople = "People"

func (s *server) peopleRoutes() {
	scopes := []string{scopePeople}
	handle(s, route{method: http.MethodGet, path: "/v1/people", id: "list-people", tag: tagPeople, summary: "People", scopes: scopes}, s.listPeople)
	handle(s, route{
		method: http.MethodGet, path: "/v1/people/{id}", id: "get-person", tag: tagPeople, summary: "One person", scopes: scopes,
		detail: "The id, or email:jo@x.test, zendesk:123, external:ab or phone:+14155550100; of several with one number the oldest. " +
			"The id of a person that another one absorbed answers the survivor, with merged_from.",
	}, s.getPerson)
	handle(s, route{
		method: http.MethodGet, path: "/v1/people/{id}/activities", id: "list-person-activities", tag: tagPeople,
		summary: "Activities of a person, newest first, at most 90 days back", scopes: scopes,
	}, s.personActivities)
}

func (s *server) getPerson(ctx context.Context, in *byID) (*answer[person], error) {
	found, err := s.person(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(*found, nil)
}

// person finds a person by any of its names.
func (s *server) person(ctx context.Context, name string) (*person, error) {
	name = folded(name)
	if facts := s.personFacts(ctx, name); facts != nil {
		return described(facts), nil
	}
	accounts, err := s.accounts(ctx)
	if err != nil {
		return nil, err
	}
	row, err := s.personRow(ctx, accounts, name)
	if err != nil {
		return nil, err
	}
	people, err := s.describePeople(ctx, accounts, []personRow{row})
	if err != nil {
		return nil, err
	}
	return people[0], nil
}

// personFacts asks the processors for the person that a name leads to, the oldest one if there is one in several accounts; nil when they know
// of none or do not answer.
func (s *server) personFacts(ctx context.Context, name string) (oldest *schemas.PersonFacts) {
	if s.Teller == nil {
		return nil
	}
	for _, account := range s.knownAccounts(ctx) {
		facts, err := s.Teller.Person(ctx, account, name)
		if err != nil {
			s.Log.Debug().Err(err).Msg("a person is looked up in the tables")
			return nil
		}
		if facts != nil && (oldest == nil || facts.Person.CreatedAt.Before(oldest.Person.CreatedAt)) {
			oldest = facts
		}
	}
	return oldest
}

// accountsFresh is how old a list of accounts may be to look people up by. Who is in none of them is looked for in all there are then.
const accountsFresh = time.Second

// knownAccounts gives the accounts as they were lately; none when they cannot be read.
func (s *server) knownAccounts(ctx context.Context) []string {
	accounts, err := s.known.get(ctx, accountsFresh)
	if err != nil && ctx.Err() == nil {
		s.accountsLog.Warn().Err(err).Msg("the accounts cannot be read: people and tickets are looked up in the tables")
	}
	return accounts
}

// phonePrefix is what a phone number has in front where it names a person.
const phonePrefix = "phone:"

// folded brings a name of a person into the one form that it is found by.
func folded(name string) string {
	name = strings.ToLower(name)
	if number, ok := strings.CutPrefix(name, phonePrefix); ok {
		return phonePrefix + schemas.PhoneNumber(number)
	}
	return name
}

// personRow gives the row of the person that a folded name leads to.
func (s *server) personRow(ctx context.Context, accounts []string, name string) (row personRow, err error) {
	p := params{}
	p.texts("accounts", accounts)
	statement := "person"
	if number, ok := strings.CutPrefix(name, phonePrefix); ok {
		statement = "person_phone"
		p.text("phone", number)
	} else {
		p.text("alias", name)
	}
	found, ok, err := one[schemas.PersonRow](ctx, s, statement, sqlText(statement), p)
	if err == nil && !ok {
		err = &schemas.Problem{Class: schemas.ErrNotFound, Code: "no-such-person", Detail: "there is no person of this id, address, external id or phone number"}
	}
	row.PersonRow = found
	return row, err
}

type personActivitiesInput struct {
	ID       string `path:"id" maxLength:"1033"`
	Activity string `query:"activity" maxLength:"100" doc:"Only this activity"`
	Paging
}

func (s *server) personActivities(ctx context.Context, in *personActivitiesInput) (*answer[page[feedItem]], error) {
	who, err := s.person(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return reply(s.feed(ctx, feedQuery{
		accounts: []string{who.account}, persons: who.ownIDs, activity: in.Activity, since: s.Now().AddDate(0, 0, -personActDays), Paging: in.Paging,
	}))
}
